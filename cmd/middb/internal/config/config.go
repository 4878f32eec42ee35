package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/pflag"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/server/tlsconf"
)

// Server has what the settings say, after Load. Addresses that are off are empty.
type Server struct {
	DataDir string

	Bind    string // of the protocol of middb
	Unix    string // path of its Unix socket
	RESP    string // of the protocol of Redis
	Metrics string // of /livez, /readyz and /metrics
	Pprof   string

	TLSCert, TLSKey string
	TLSClientCA     string
	TLSClientAuth   tlsconf.ClientAuth
	TLSMinVersion   uint16

	AuthRequired bool // log in also while there are no users
	UnixAuth     bool // log in also on the Unix socket
	Insecure     bool

	Durability     engine.Durability
	RESPDurability engine.Durability // Default: Durability
	MemoryBudget   int64
	FeedRetention  int64

	MaxConnections int
	MaxMemory      int64
	MaxFrame       int64
	MaxInFlight    int
	MaxUnsent      int64
	MaxTxns        int
	MaxCursors     int

	AuthTimeout    time.Duration
	FrameTimeout   time.Duration
	WriteTimeout   time.Duration
	RequestTimeout time.Duration // 0: none; so are the next three
	IdleTimeout    time.Duration
	TxnTimeout     time.Duration
	CursorTimeout  time.Duration
	StopTimeout    time.Duration

	LogLevel    slog.Level
	LogJSON     bool
	SlowRequest time.Duration // 0: none are logged

	StdinEOF  bool
	ReadyFile string
}

// A setting is one of the settings.
type setting struct {
	name     string
	value    value
	standard string // its default
	origin   string // of its value
	usage    string
}

// Settings are the settings with their values and where these come from.
type Settings struct {
	Server Server
	// Strangers are the variables of the environment, after Load, whose names begin like a setting's and are none.
	Strangers []string

	file string // --config
	all  []*setting
}

// New returns the settings with their defaults.
func New() *Settings {
	s := &Settings{}
	s.all = append(s.listeners(), s.security()...)
	s.all = append(s.all, s.storage()...)
	s.all = append(s.all, s.limits()...)
	s.all = append(s.all, s.process()...)
	s.reset()
	return s
}

func (s *Settings) reset() {
	for _, st := range s.all {
		if err := st.set(st.standard, "default"); err != nil {
			panic(fmt.Sprintf("config: default: %v", err))
		}
	}
}

// String returns the value of a setting and where it comes from.
func (st *setting) String() string { return fmt.Sprintf("%s, %s", st.value, st.origin) }

// set gives a setting a value.
func (st *setting) set(text, origin string) error {
	if err := st.value.Set(text); err != nil {
		return fmt.Errorf("%s: %s: %w", origin, st.name, err)
	}
	st.origin = origin
	return nil
}

// address returns a setting of an address.
func address(name string, to *string, standard, usage string) *setting {
	return &setting{name: name, value: text{to, "address", checkAddress}, standard: standard, usage: usage}
}

// path returns a setting of a file.
func path(name string, to *string, usage string) *setting {
	return &setting{name: name, value: text{to, "path", nil}, usage: usage}
}

func (s *Settings) listeners() []*setting {
	c := &s.Server
	return []*setting{
		path("data-dir", &c.DataDir, "directory of the database; it is made if it does not exist"),
		address("bind", &c.Bind, "127.0.0.1:7878", "where to serve clients of middb; port 0 takes a free one; off: nowhere"),
		{name: "unix", value: text{&c.Unix, "path", checkSocket}, usage: "path of a Unix socket to serve them on as well"},
		address("resp", &c.RESP, off, "where to serve clients of Redis, usually 127.0.0.1:6379"),
		address("metrics", &c.Metrics, off, "where to serve /livez, /readyz and /metrics over HTTP, usually 127.0.0.1:7879"),
		address("pprof", &c.Pprof, off, "where to serve profiles of the program over HTTP; on this machine only"),
	}
}

// maxSocketPath is how long the path of a Unix socket may be on every system.
const maxSocketPath = 103

func checkSocket(path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("the path has %d bytes; of a Unix socket it has at most %d: use a shorter or a relative one", len(path), maxSocketPath)
	}
	return nil
}

func (s *Settings) security() []*setting {
	c := &s.Server
	return []*setting{
		path("tls-cert", &c.TLSCert, "certificate of the server and those that sign it, in PEM form; with it TCP and RESP speak TLS only"),
		path("tls-key", &c.TLSKey, "its private key, in PEM form"),
		path("tls-client-ca", &c.TLSClientCA, "certificates that sign those of clients, in PEM form"),
		{
			name: "tls-client-auth", standard: "none", usage: "whether clients show a certificate; one whose common name is a user's is that user",
			value: choice[tlsconf.ClientAuth]{
				&c.TLSClientAuth,
				[]string{"none", "optional", "required"},
				[]tlsconf.ClientAuth{tlsconf.ClientAuthNone, tlsconf.ClientAuthOptional, tlsconf.ClientAuthRequired},
			},
		},
		{
			name: "tls-min-version", standard: "1.2", usage: "oldest version of TLS that is spoken",
			value: choice[uint16]{&c.TLSMinVersion, []string{"1.2", "1.3"}, []uint16{tls.VersionTLS12, tls.VersionTLS13}},
		},
		{
			name: "auth", standard: "auto", usage: "whether clients log in: auto, once there are users; required, always",
			value: choice[bool]{&c.AuthRequired, []string{"auto", "required"}, []bool{false, true}},
		},
		{
			name: "unix-auth", standard: "false", value: boolean{&c.UnixAuth},
			usage: "also the account that the server runs as, and root, log in on the Unix socket",
		},
		{
			name: "insecure", standard: "false", value: boolean{&c.Insecure},
			usage: "serve other machines without TLS or without users: whoever reaches the port can read, or do, everything",
		},
	}
}

func (s *Settings) storage() []*setting {
	c := &s.Server
	return []*setting{
		{
			name: "durability", standard: "sync", usage: "when a write is answered: sync, once it is on disk; nosync, up to 50 ms before it is written",
			value: choice[engine.Durability]{&c.Durability, []string{"sync", "nosync"}, []engine.Durability{engine.Sync, engine.NoSync}},
		},
		{
			name: "resp-durability", standard: "default", usage: "the same for clients of Redis; default: as durability says",
			value: choice[engine.Durability]{
				&c.RESPDurability,
				[]string{"default", "sync", "nosync"},
				[]engine.Durability{engine.Default, engine.Sync, engine.NoSync},
			},
		},
		{
			name: "memory-budget", standard: "256MiB", value: size{&c.MemoryBudget, 4 << 20, 1 << 46},
			usage: "memory for what is not on disk yet and for the cache",
		},
		{
			name: "feed-retention", standard: "0", value: size{&c.FeedRetention, 0, 1 << 46},
			usage: "how much of the log stays for watches to begin with, beyond what is not in tables yet",
		},
	}
}

func (s *Settings) limits() []*setting {
	c := &s.Server
	return []*setting{
		{name: "max-connections", standard: "4096", value: count{&c.MaxConnections, 1, 1 << 20}, usage: "connections at a time, of middb and of Redis each"},
		{name: "max-memory", standard: "256MiB", value: size{&c.MaxMemory, 1 << 20, 1 << 46}, usage: "memory for connections and their requests, of middb and of Redis each"},
		{name: "max-frame", standard: "16MiB", value: size{&c.MaxFrame, 64 << 10, 1 << 30}, usage: "longest request"},
		{name: "max-in-flight", standard: "1024", value: count{&c.MaxInFlight, 1, 1 << 20}, usage: "requests of a connection at a time"},
		{name: "max-unsent", standard: "64MiB", value: size{&c.MaxUnsent, 1 << 20, 1 << 40}, usage: "replies that may wait for a client to read them"},
		{name: "max-txns", standard: "64", value: count{&c.MaxTxns, 1, 1 << 20}, usage: "transactions of a connection at a time"},
		{name: "max-cursors", standard: "256", value: count{&c.MaxCursors, 1, 1 << 20}, usage: "cursors and watches of a connection at a time"},
		{name: "auth-timeout", standard: "10s", value: duration{&c.AuthTimeout, time.Millisecond}, usage: "how long a connection may take to log in"},
		{name: "frame-timeout", standard: "1m", value: duration{&c.FrameTimeout, time.Millisecond}, usage: "how long the bytes of a request, also of RESP, may take to arrive"},
		{name: "write-timeout", standard: "30s", value: duration{&c.WriteTimeout, time.Millisecond}, usage: "how long a client may take to read"},
		{name: "request-timeout", standard: "0s", value: duration{&c.RequestTimeout, 0}, usage: "how long a request may take, unless its session sets another; not for scans, watches and RESP; 0s: for ever"},
		{name: "idle-timeout", standard: "0s", value: duration{&c.IdleTimeout, 0}, usage: "how long a connection may be silent; 0s: for ever"},
		{name: "txn-timeout", standard: "10m", value: duration{&c.TxnTimeout, 0}, usage: "how long a transaction may be under way, unless its client sets another; 0s: for ever"},
		{name: "cursor-timeout", standard: "10m", value: duration{&c.CursorTimeout, 0}, usage: "how long a cursor or watch may wait for its client; 0s: for ever"},
	}
}

func (s *Settings) process() []*setting {
	c := &s.Server
	return []*setting{
		{name: "stop-timeout", standard: "30s", value: duration{&c.StopTimeout, 0}, usage: "how long requests that are under way may take when the server stops; 0s: for ever"},
		{
			name: "log-level", standard: "info", usage: "what is logged, on standard error",
			value: choice[slog.Level]{
				&c.LogLevel,
				[]string{"debug", "info", "warn", "error"},
				[]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError},
			},
		},
		{name: "log-format", standard: "text", value: choice[bool]{&c.LogJSON, []string{"text", "json"}, []bool{false, true}}, usage: "form of the log"},
		{name: "slow-request", standard: "0s", value: duration{&c.SlowRequest, 0}, usage: "log requests that take longer; 0s: none"},
		{name: "stdin-eof", standard: "false", value: boolean{&c.StdinEOF}, usage: "stop when standard input ends, as it does with the process that started this one"},
		path("ready-file", &c.ReadyFile, "file to write addresses and process id to, as JSON, once clients are served"),
	}
}

// AddFlags gives every setting that flags do not have yet a flag, and adds --config.
func (s *Settings) AddFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	for _, st := range s.all {
		if flags.Lookup(st.name) != nil {
			continue
		}
		f := flags.VarPF(&given{st.value, st.standard}, st.name, "", st.usage)
		if _, ok := st.value.(boolean); ok {
			f.NoOptDefVal = "true"
		}
	}
	flags.StringVar(&s.file, "config", "", "file with settings, in TOML or YAML by its suffix")
}

// given is a flag's value. It checks what it is given and keeps it for Load, which comes to flags last.
type given struct {
	of   value
	text string
}

func (g *given) String() string { return g.text }
func (g *given) Type() string   { return g.of.Type() }
func (g *given) Set(text string) error {
	g.text = text
	return g.of.Set(text)
}

// ErrUnknown is matched by errors about keys of a file that are no settings.
var ErrUnknown = errors.New("there is no such setting")

// Load finds out the values: flags that were given go before the environment ("NAME=value" each), this before
// the file that --config or MIDDB_CONFIG names, and this before the defaults. Then it checks what settings
// say together.
func (s *Settings) Load(flags *pflag.FlagSet, environ []string, readFile func(string) ([]byte, error)) error {
	s.reset()
	env := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	file := s.file
	if file == "" {
		file = env["MIDDB_CONFIG"]
	}
	if file != "" {
		if err := s.loadFile(file, readFile); err != nil {
			return err
		}
	}
	if err := s.findStrangers(env); err != nil {
		return err
	}
	for _, st := range s.all {
		name := st.variable()
		if text := env[name]; text != "" {
			if err := st.set(text, name); err != nil {
				return err
			}
		}
		if f := flags.Lookup(st.name); f != nil && f.Changed {
			if err := st.set(f.Value.String(), "--"+st.name); err != nil {
				return err
			}
		}
	}
	for _, a := range []*string{&s.Server.Bind, &s.Server.RESP, &s.Server.Metrics, &s.Server.Pprof} {
		if *a == off {
			*a = ""
		}
	}
	return s.check()
}

// meant returns the setting whose name has the same letters, or nil.
func (s *Settings) meant(name string) *setting {
	letters := strings.NewReplacer("-", "", "_", "")
	i := slices.IndexFunc(s.all, func(st *setting) bool { return strings.EqualFold(letters.Replace(st.name), letters.Replace(name)) })
	if i < 0 {
		return nil
	}
	return s.all[i]
}

func (s *Settings) loadFile(name string, readFile func(string) ([]byte, error)) error {
	content, err := readFile(name)
	if err != nil {
		return err
	}
	entries, err := parseFile(name, content)
	if err != nil {
		return within(name, err)
	}
	for _, e := range entries {
		st := s.find(e.key)
		if st == nil {
			err := fmt.Errorf("%w: %q", ErrUnknown, e.key)
			if meant := s.meant(e.key); meant != nil {
				err = fmt.Errorf("%w; %s is meant", err, meant.name)
			}
			return within(name, at(e.line, err))
		}
		if err := takes(st.value, e.kind); err != nil {
			return within(name, at(e.line, fmt.Errorf("%s: %w", e.key, err)))
		}
		if err := st.set(e.text, place(name, e.line)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Settings) find(name string) *setting {
	if i := slices.IndexFunc(s.all, func(st *setting) bool { return st.name == name }); i >= 0 {
		return s.all[i]
	}
	return nil
}

// Print writes every setting with its value and where that comes from, as a file that --config takes.
func (s *Settings) Print(w io.Writer) error {
	var out strings.Builder
	for _, st := range s.all {
		scalar := st.value.Scalar()
		if _, isAddress := st.value.(text); isAddress && st.value.Type() == "address" && scalar == "" {
			scalar = off
		}
		line, err := toml.Marshal(map[string]any{st.name: scalar})
		if err != nil {
			return fmt.Errorf("%s: %w", st.name, err)
		}
		fmt.Fprintf(&out, "%-40s # %s\n", strings.TrimSuffix(string(line), "\n"), strings.ReplaceAll(st.origin, "\n", " "))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
