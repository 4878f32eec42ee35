package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/middb/middb/wire/server/tlsconf"
)

// A source is everything that settings come from.
type source struct {
	args []string
	env  []string
	file string // its name; empty: none
	text string
}

// load finds out the settings; --data-dir is given unless the source names it.
func load(src source) (*Settings, error) {
	s := New()
	flags := pflag.NewFlagSet("server", pflag.ContinueOnError)
	s.AddFlags(flags)
	if src.file != "" {
		src.args = append(src.args, "--config", src.file)
	}
	if err := flags.Parse(src.args); err != nil {
		return s, err
	}
	return s, s.Load(flags, src.env, func(name string) ([]byte, error) {
		if name != src.file {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(src.text), nil
	})
}

// Samples of every setting: two values that are neither its default nor each other.
var samples = map[string][2]string{
	"data-dir":        {"/a", "/b"},
	"bind":            {"127.0.0.1:1", "[::1]:2"},
	"unix":            {"/run/a", "/run/b"},
	"resp":            {"127.0.0.1:3", "127.0.0.1:4"},
	"metrics":         {"0.0.0.0:5", "127.0.0.1:6"},
	"pprof":           {"127.0.0.1:7", "localhost:8"},
	"tls-cert":        {"a.crt", "b.crt"},
	"tls-key":         {"a.key", "b.key"},
	"tls-client-ca":   {"a.ca", "b.ca"},
	"tls-client-auth": {"optional", "required"},
	"tls-min-version": {"1.3", "1.2"},
	"auth":            {"required", "auto"},
	"unix-auth":       {"true", "false"},
	"insecure":        {"true", "false"},
	"durability":      {"nosync", "sync"},
	"resp-durability": {"nosync", "sync"},
	"memory-budget":   {"64MiB", "5000000"},
	"feed-retention":  {"1GiB", "3KiB"},
	"max-connections": {"10", "20"},
	"max-memory":      {"100MiB", "1MiB"},
	"max-frame":       {"1MiB", "65537"},
	"max-in-flight":   {"1", "2"},
	"max-unsent":      {"1MiB", "2MiB"},
	"max-txns":        {"3", "4"},
	"max-cursors":     {"5", "6"},
	"auth-timeout":    {"1s", "2s"},
	"frame-timeout":   {"30s", "1m30s"},
	"write-timeout":   {"1m", "1m30s"},
	"request-timeout": {"500ms", "1h"},
	"idle-timeout":    {"1h30m", "10m"},
	"txn-timeout":     {"0s", "1s"},
	"cursor-timeout":  {"0s", "1s"},
	"stop-timeout":    {"0s", "1s"},
	"log-level":       {"debug", "error"},
	"log-format":      {"json", "text"},
	"slow-request":    {"1s", "2s"},
	"stdin-eof":       {"true", "false"},
	"ready-file":      {"/a.json", "/b.json"},
}

// literal returns a sample as a file has it.
func literal(st *setting, text string) string {
	switch st.value.(type) {
	case boolean, count:
		return text
	default:
		return fmt.Sprintf("%q", text)
	}
}

func variable(name string) string {
	return "MIDDB_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func TestVariablesThatAreNoSettingsAreTold(t *testing.T) {
	s, err := load(source{args: []string{"--data-dir=d"}, env: []string{
		"MIDDB_NOSUCH=1", "MIDDB_MAX_TXNS=5", "MIDDB_PASSWORD=x", "MIDDB_BINARY=x", "MIDDB_CONFIG=", "MIDDB_EMPTY=", "MIDDB=1", "OTHER_MAXFRAME=1",
		"middb_nosuch=1",
	}})
	if want := []string{"MIDDB_NOSUCH", "middb_nosuch"}; err != nil || !reflect.DeepEqual(s.Strangers, want) {
		t.Errorf("got %q, %v; want %q", s.Strangers, err, want)
	}
}

// TestPrecedence sets each setting in every combination of places, in both kinds of files.
func TestPrecedence(t *testing.T) {
	for _, ext := range []string{".toml", ".yaml", ".yml"} {
		for _, st := range New().all {
			sample, ok := samples[st.name]
			if !ok {
				t.Errorf("%s has no sample", st.name)
				continue
			}
			file, env, flag := sample[0], sample[1], sample[0]
			for mask := range 8 {
				src := source{file: "f" + ext}
				want, origin := st.standard, "default"
				if mask&1 != 0 {
					sep := map[bool]string{true: " = ", false: ": "}[ext == ".toml"]
					src.text = "# settings\n" + st.name + sep + literal(st, file) + "\n"
					want, origin = file, src.file+":2"
				}
				if mask&2 != 0 {
					src.env = []string{"OTHER=1", variable(st.name) + "=" + env}
					want, origin = env, variable(st.name)
				}
				if mask&4 != 0 {
					src.args = []string{"--" + st.name + "=" + flag}
					want, origin = flag, "--"+st.name
				}
				s, err := load(src)
				if err != nil && strings.Contains(err.Error(), "f"+ext+":") {
					t.Fatalf("%+v: %v", src, err) // settings that do not go together alone may complain
				}
				got := s.find(st.name)
				if text := got.value.String(); text != want && (text != "" || want != off) || got.origin != origin {
					t.Errorf("%+v: %s is %s from %s, want %s from %s", src, st.name, text, got.origin, want, origin)
				}
			}
		}
	}
	if n := len(New().all); n != len(samples) {
		t.Errorf("%d settings, %d samples", n, len(samples))
	}
}

func TestSettingsReachTheServer(t *testing.T) {
	s, err := load(source{
		args: []string{"--data-dir", "d", "--tls-cert=c", "--tls-key", "k", "--stdin-eof", "--resp", "127.0.0.1:6379"},
		env:  []string{"MIDDB_MAX_FRAME=1MiB", "MIDDB_BIND=", "MIDDB_IDLE_TIMEOUT=90s"},
		file: "f.yaml",
		text: "bind: off\nmetrics: 0.0.0.0:9\nunix-auth: false\nmemory-budget: 8388608\nmax-in-flight: 7\n" +
			"tls-client-auth: optional\ntls-client-ca: a\nauth: required\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Server
	got := []any{
		c.DataDir, c.TLSCert, c.TLSKey, c.StdinEOF, c.RESP, c.MaxFrame, c.Bind, c.IdleTimeout, c.Metrics,
		c.UnixAuth, c.MemoryBudget, c.MaxInFlight, c.TLSClientAuth, c.AuthRequired, c.AuthTimeout,
	}
	want := []any{
		"d", "c", "k", true, "127.0.0.1:6379", int64(1 << 20), "", 90 * time.Second, "0.0.0.0:9",
		false, int64(8 << 20), 7, tlsconf.ClientAuthOptional, true, 10 * time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestPrintedSettingsAreTheSameSettings(t *testing.T) {
	for _, args := range [][]string{
		{"--data-dir", "d"},
		{
			"--data-dir", `a "quoted" \dir\` + "\nwith = all # sorts of 'things'", "--bind", "off", "--unix", "/tmp/é", "--max-frame", "65537",
			"--memory-budget=1GiB", "--idle-timeout=1h30m", "--stdin-eof", "--max-txns=5", "--tls-min-version=1.3", "--log-level=warn",
		},
	} {
		s, err := load(source{args: args})
		if err != nil {
			t.Fatal(err)
		}
		var printed bytes.Buffer
		if err := s.Print(&printed); err != nil {
			t.Fatal(err)
		}
		again, err := load(source{file: "printed.toml", text: printed.String()})
		if err != nil {
			t.Fatalf("%v\n%s", err, printed.String())
		}
		if again.Server != s.Server {
			t.Errorf("got\n%+v\nwant\n%+v", again.Server, s.Server)
		}
	}
}

func TestPrintTellsWhereValuesComeFrom(t *testing.T) {
	s, err := load(source{
		args: []string{"--data-dir=./db"}, env: []string{"MIDDB_MAX_TXNS=9"}, file: "etc/m.toml", text: "\n\nlog-format = 'json'\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"data-dir = './db'                        # --data-dir\n",
		"bind = '127.0.0.1:7878'                  # default\n",
		"resp = 'off'                             # default\n",
		"max-txns = 9                             # MIDDB_MAX_TXNS\n",
		"log-format = 'json'                      # etc/m.toml:3\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// Errors name the place, the key and what is expected.
func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		src  source
		want string
	}{
		{source{file: "f.toml", text: "a = 1"}, `f.toml:1: there is no such setting: "a"`},
		{source{file: "f.toml", text: "\nMax_Frame = 1"}, `f.toml:2: there is no such setting: "Max_Frame"; max-frame is meant`},
		{source{file: "f.yaml", text: "# x\nbnd: '127.0.0.1:1'"}, `f.yaml:2: there is no such setting: "bnd"`},
		{source{file: "f.toml", text: "max-txns = '5'"}, "f.toml:1: max-txns: it is a string; it should be a whole number"},
		{source{file: "f.toml", text: "max-txns = 5.5"}, "f.toml:1: max-txns: it is a number with a fraction; it should be a whole number"},
		{source{file: "f.yaml", text: "tls-min-version: 1.2"}, "f.yaml:1: tls-min-version: it is a number with a fraction; it should be a string, in quotes"},
		{source{file: "f.toml", text: "tls-min-version = 1.2"}, "f.toml:1: tls-min-version: it is a number with a fraction; it should be a string, in quotes"},
		{source{file: "f.toml", text: "max-txns = 0xffffffffffffffffff"}, `f.toml:1: max-txns: "0xffffffffffffffffff" is not a number`},
		{source{file: "f.toml", text: "\ufeff\nbnd = 1"}, `f.toml:2: there is no such setting: "bnd"`},
		{source{file: "f.yaml", text: "idle-timeout: 30"}, `f.yaml:1: idle-timeout: it is a number; it should be a string with a time such as "30s"`},
		{source{file: "f.yaml", text: "insecure: 'true'"}, "f.yaml:1: insecure: it is a string; it should be true or false"},
		{source{file: "f.yaml", text: "bind:"}, "f.yaml:1: bind: it is neither string"},
		{source{file: "f.toml", text: "bind = true"}, "f.toml:1: bind: it is a truth value; it should be a string"},
		{source{file: "f.toml", text: "x = 1\nx = 2"}, "f.toml:2: x is set a second time; the first is in line 1"},
		{source{file: "f.yaml", text: "unix: a\nunix: b"}, "f.yaml:2: unix is set a second time"},
		{source{file: "f.toml", text: "\n[tls]\ncert = 'a'"}, "f.toml:2: settings stand one a line"},
		{source{file: "f.toml", text: "tls.cert = 'a'"}, "f.toml:1: settings stand one a line"},
		{source{file: "f.toml", text: "[[x]]"}, "f.toml:1: settings stand one a line"},
		{source{file: "f.yaml", text: "tls:\n  cert: a"}, "f.yaml:1: settings stand one a line"},
		{source{file: "f.yaml", text: "bind: &a x\nunix: *a"}, "f.yaml:2: settings stand one a line"},
		{source{file: "f.yaml", text: "- bind"}, "f.yaml:1: settings are written as key: value"},
		{source{file: "f.yaml", text: "max-txns: 1\n---\nmax-txns: 2"}, "f.yaml: there is a second document"},
		{source{file: "f.yaml", text: "bind: [\n"}, "f.yaml: yaml: line"},
		{source{file: "f.toml", text: "bind = 'x'\nunix = 'y\n"}, "f.toml:2: "},
		{source{file: "f.ini", text: ""}, "f.ini: a file of settings ends with .toml, .yaml or .yml"},
		{source{args: []string{"--config", "nowhere.toml"}}, "open nowhere.toml"},
		{source{env: []string{"MIDDB_CONFIG=nowhere.toml"}}, "open nowhere.toml"},
		{source{env: []string{"MIDDB_MAXFRAME=1MiB"}}, "MIDDB_MAXFRAME: there is no such setting; MIDDB_MAX_FRAME is meant"},
		{source{env: []string{"middb_max_frame=1MiB"}}, "MIDDB_MAX_FRAME is meant"},
		{source{file: "f.toml", text: "maxframe = 1"}, `f.toml:1: there is no such setting: "maxframe"; max-frame is meant`},
		{source{env: []string{"MIDDB_IDLE_TIMEOUT=fast"}}, `MIDDB_IDLE_TIMEOUT: idle-timeout: "fast" is not a time such as`},
		{source{args: []string{"--idle-timeout=30"}}, `"30" is not a time such as 500ms, 30s`},
		{source{args: []string{"--idle-timeout=-1s"}}, "is negative"},
		{source{args: []string{"--auth-timeout=0s"}}, "0s is too short; it is a time of 1ms or more"},
		{source{args: []string{"--max-frame=64MB"}}, `"64MB" is not a size such as 65536, 512KiB, 64MiB`},
		{source{args: []string{"--max-frame=64M"}}, "is not a size"},
		{source{args: []string{"--max-frame=-1"}}, "is not a size"},
		{source{args: []string{"--max-frame=9000000TiB"}}, "is not a size"},
		{source{args: []string{"--max-frame=1KiB"}}, "1KiB is out of range; it is a size from 64KiB to 1GiB"},
		{source{args: []string{"--max-connections=0"}}, `"0" is not a number from 1 to 1048576`},
		{source{args: []string{"--bind=localhost"}}, `"localhost" is not HOST:PORT, such as 127.0.0.1:7878`},
		{source{args: []string{"--bind=:99999"}}, "is not HOST:PORT"},
		{source{args: []string{"--resp=::1:6379"}}, "is not HOST:PORT"},
		{source{args: []string{"--auth=off"}}, `"off" is not auto, required`},
		{source{args: []string{"--durability=maybe"}}, `"maybe" is not sync, nosync`},
		{source{args: []string{"--unix=" + strings.Repeat("x", 104)}}, "104 bytes"},
		{source{args: []string{"--data-dir="}}, "the directory of the database is missing"},
		{source{args: []string{"--bind=off"}}, "at least one of them"},
		{source{args: []string{"--tls-cert=a"}}, "tls-cert (a, --tls-cert) needs tls-key"},
		{source{args: []string{"--tls-key=a"}}, "needs tls-cert"},
		{source{args: []string{"--tls-client-ca=a"}}, "needs tls-cert and tls-key"},
		{source{args: []string{"--tls-cert=a", "--tls-key=b", "--tls-client-ca=c"}}, "of no use unless tls-client-auth"},
		{source{args: []string{"--tls-cert=a", "--tls-key=b", "--tls-client-auth=required"}}, "needs tls-client-ca"},
		{source{args: []string{"--tls-cert=a", "--tls-key=b", "--bind=off", "--unix=u"}}, "of no use while bind and resp are off"},
		{source{args: []string{"--unix-auth"}}, "of no use without unix"},
		{source{args: []string{"--pprof=0.0.0.0:6060"}}, "pprof (0.0.0.0:6060, --pprof) is for this machine only"},
		{
			source{args: []string{"--max-frame=64MiB"}},
			"max-memory (256MiB, default) is too little for max-frame (64MiB, --max-frame) and max-connections (4096, default), which need 576MiB or more",
		},
		{source{args: []string{"--max-connections=20000"}}, "max-connections (20000, --max-connections), which need 441MiB or more"},
		{source{env: []string{"MIDDB_MAX_MEMORY=100MiB"}}, "max-memory (100MiB, MIDDB_MAX_MEMORY) is too little"},
		{source{args: []string{"--bind=0.0.0.0:7878"}}, "set tls-cert and tls-key, or bind to 127.0.0.1; --insecure"},
		{source{env: []string{"MIDDB_BIND=:7878"}}, "bind (:7878, MIDDB_BIND) is reached by other machines"},
		{source{args: []string{"--resp=10.0.0.1:6379"}}, "resp (10.0.0.1:6379, --resp) is reached by other machines"},
		{source{args: []string{"--bind=db.example:7878"}}, "is reached by other machines"},
	} {
		if !strings.Contains(strings.Join(c.src.args, " "), "--data-dir") {
			c.src.args = append([]string{"--data-dir=d"}, c.src.args...)
		}
		if _, err := load(c.src); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v\ngot  %v\nwant %s", c.src, err, c.want)
		}
	}
}

func TestGoodCombinations(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--bind=off", "--unix=u"},
		{"--bind=off", "--resp=localhost:0"},
		{"--bind=0.0.0.0:7878", "--insecure"},
		{"--bind=[::]:7878", "--tls-cert=a", "--tls-key=b"},
		{"--max-memory=576MiB", "--max-frame=64MiB"},
		{"--metrics=0.0.0.0:9", "--pprof=[::1]:6060"},
	} {
		if _, err := load(source{args: append(args, "--data-dir=d")}); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	for name, text := range map[string]string{"f.yaml": "# nothing\n", "g.yaml": "", "f.toml": "# nothing", "h.yaml": "---\n"} {
		if _, err := load(source{args: []string{"--data-dir=d"}, file: name, text: text}); err != nil {
			t.Errorf("%s %q: %v", name, text, err)
		}
	}
}

func TestLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true,
		":1": false, "0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false, "db:1": false, "127.0.0.1": false,
		"[::ffff:127.0.0.1]:1": true, "127.0.0.1.example:1": false,
	} {
		if got := Local(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// FuzzFile feeds both parsers with anything; what they take, they take without a panic and with lines that exist.
func FuzzFile(f *testing.F) {
	f.Add("bind = '127.0.0.1:1'\n", true)
	f.Add("bind: 127.0.0.1:1\nx: [1]\n", false)
	f.Fuzz(func(t *testing.T, text string, isTOML bool) {
		name := map[bool]string{true: "f.toml", false: "f.yaml"}[isTOML]
		entries, err := parseFile(name, []byte(text))
		if err != nil {
			if !strings.HasPrefix(within(name, err).Error(), name+":") {
				t.Fatal(err)
			}
			return
		}
		for _, e := range entries {
			if e.line < 1 || e.line > strings.Count(text, "\n")+strings.Count(text, "\r")+1 {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func TestNumbersAreTakenAsFilesWriteThem(t *testing.T) {
	for _, src := range []source{
		{file: "f.toml", text: "max-txns = 1_000\nmax-frame = 1_048_576"},
		{file: "f.toml", text: "max-txns = 0x3e8\nmax-frame = 0x10_0000"},
		{file: "f.toml", text: "\ufeffmax-txns = 1000\r\nmax-frame = '1MiB'"},
		{file: "f.yaml", text: "max-txns: 1_000\nmax-frame: 1_048_576"},
		{file: "f.yaml", text: "\ufeffmax-txns: 0x3e8\nmax-frame: 0x100000"},
	} {
		src.args = []string{"--data-dir=d"}
		s, err := load(src)
		if err != nil || s.Server.MaxTxns != 1000 || s.Server.MaxFrame != 1<<20 {
			t.Errorf("%q: %d, %d, %v", src.text, s.Server.MaxTxns, s.Server.MaxFrame, err)
		}
	}
}

func TestMissingFileIsKnownAsSuch(t *testing.T) {
	s := New()
	flags := pflag.NewFlagSet("server", pflag.ContinueOnError)
	s.AddFlags(flags)
	name := filepath.Join(t.TempDir(), "none.toml")
	if err := flags.Parse([]string{"--data-dir=d", "--config", name}); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(flags, nil, os.ReadFile); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// What docs/operations.md shows of settings can be used.
func TestDocumentedSettingsAreSettings(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```toml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("there is no file of settings in it")
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "\n```")
		if _, err := load(source{file: "operations.toml", text: block}); err != nil {
			t.Errorf("%v in\n%s", err, block)
		}
	}
	s := New()
	flags := pflag.NewFlagSet("server", pflag.ContinueOnError)
	s.AddFlags(flags)
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.Contains(line, "middb server --") {
			continue
		}
		for _, word := range strings.Fields(strings.ReplaceAll(line, "`", " ")) {
			if name, ok := strings.CutPrefix(word, "--"); ok && flags.Lookup(name) == nil && name != "print-config" && name != "help" {
				t.Errorf("--%s is no flag: %s", name, line)
			}
		}
	}
}
