package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/middb/middb/engine"
)

// A Database is what the monitor reads of an *engine.DB. It must be open as long as the handler is in use.
type Database interface {
	Stats() engine.Stats
	Actors() []engine.ActorStats
}

// Options say what a monitor shows beside the database. The zero value shows no server.
type Options struct {
	// Servers are whose numbers are shown, by protocol: "middb", "resp". It is the label of their metrics.
	Servers map[string]Source
	// Ready returns why requests are not served now: not yet, or no longer. nil: they always are.
	Ready func() error
	// Version is that of the program.
	Version string
	// Logger gets what goes wrong with a scrape. nil: nothing is logged.
	Logger *slog.Logger
}

// scrapes bounds how many scrapes run at a time: each looks at every block in the cache.
const scrapes = 4

// New returns the handler of /livez, /readyz and /metrics. It has a registry of its own: what a program registers
// elsewhere is not shown. Safe for concurrent use.
func New(db Database, o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(db, &o); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(newRegistry(db, &o), promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Logger.Handler(), slog.LevelError),
		MaxRequestsInFlight: scrapes,
	}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		say(w, http.StatusOK, "middb: /livez, /readyz and /metrics are here")
	})
	return mux
}

func newRegistry(db Database, o *Options) *prometheus.Registry {
	r := prometheus.NewRegistry()
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	r.MustRegister(newCollector(db, o), collectors.NewGoCollector(), process)
	return r
}

// ready returns why the server is not.
func ready(db Database, o *Options) error {
	if o.Ready != nil {
		if err := o.Ready(); err != nil {
			return err
		}
	}
	if cause := db.Stats().ReadOnlyFrom; cause != nil {
		return fmt.Errorf("the database has failed and takes no writes until it is opened again: %w", cause)
	}
	return nil
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // who asked has gone
}

// Profiles returns the handler of net/http/pprof under /debug/pprof/. Serve it on a listener of ListenLoopback.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ErrNotLoopback refuses an address that others than this machine may reach.
var ErrNotLoopback = errors.New("the address is not of this machine alone")

// ListenLoopback listens on a TCP address, host and port, that only this machine reaches; any other one is
// ErrNotLoopback.
func ListenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, notLoopback(address)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", address, err)
	}
	// A name means what the system says it means.
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(notLoopback(address), l.Close())
	}
	return l, nil
}

func notLoopback(address string) error {
	return fmt.Errorf("listen on %q: %w; use 127.0.0.1, [::1] or localhost, and a tunnel from elsewhere",
		address, ErrNotLoopback)
}

// Limits of those who connect. A profile or trace runs for as long as it is asked to, so answers have none.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 16 << 10
	stopTimeout   = 5 * time.Second
)

// Serve serves a handler of this package on a listener until ctx ends, then closes it: requests under way have
// five seconds to end. It returns nil if ctx was why it ended.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve monitoring on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.Shutdown(stopping)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close()
	}
	if why := <-served; !errors.Is(why, http.ErrServerClosed) {
		err = errors.Join(err, why)
	}
	if err != nil {
		return fmt.Errorf("stop monitoring on %s: %w", l.Addr(), err)
	}
	return nil
}
