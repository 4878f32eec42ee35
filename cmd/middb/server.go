package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/config"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/server"
	"github.com/middb/middb/wire/server/monitor"
	"github.com/middb/middb/wire/server/resp"
	"github.com/middb/middb/wire/server/tlsconf"
	"github.com/middb/middb/wire/server/users"
)

// server returns the command that serves a database.
func (p *program) server() *cobra.Command {
	settings := config.New()
	var show bool
	cmd := &cobra.Command{
		Use:   "server --data-dir DIR",
		Short: "serve a database to other programs",
		Long: `Serve the database in DIR, which is made if it does not exist, until SIGTERM or
SIGINT: then what is under way is finished; a second signal, a second later, ends it
at once, which is safe, too. SIGHUP reads certificates again.

Every setting is a flag, an environment variable (MIDDB_MAX_FRAME), or a line in a
file in TOML or YAML (max-frame = "16MiB"), in this order; --print-config tells what
holds and why. An address that other machines reach needs TLS and a user.`,
		Example: `  middb server --data-dir ./mydb
  middb server --data-dir ./mydb --bind off --unix /run/middb/middb.sock
  middb server --data-dir ./mydb --resp 127.0.0.1:6379
  middb user add ada --data-dir ./mydb --role admin
  middb server --data-dir ./mydb --bind 0.0.0.0:7878 --tls-cert server.crt --tls-key server.key
  middb server --config /etc/middb/middb.toml --print-config`,
		Args: none("; name the directory with --data-dir"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := settings.Load(cmd.Flags(), os.Environ(), os.ReadFile)
			if err != nil {
				return err
			}
			for _, name := range settings.Strangers {
				p.logger(&settings.Server).Warn("a variable of the environment is no setting, and has no effect", "name", name)
			}
			if show {
				return failed(settings.Print(p.out))
			}
			return p.serve(cmd.Context(), &settings.Server)
		},
	}
	settings.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&show, "print-config", false, "print every setting, and where it comes from, and leave")
	return cmd
}

// A service is a database that is being served.
type service struct {
	config *config.Server
	db     *engine.DB
	logger *slog.Logger
	tls    *tlsconf.Reloader // nil: none
	ready  readyFile

	users  *accounts
	server *server.Server
	resp   *resp.Front // nil: none

	listening []listening
	serving   sync.WaitGroup
	over      context.Context // ends, by end, when no clients are served any more: the end of monitors
	end       context.CancelFunc
	stopping  atomic.Bool
	broken    chan error     // why a listener failed
	hup       chan os.Signal // someone wants certificates to be read again
}

// A listening is a listener, the name of its setting, and what serves it until it is closed.
type listening struct {
	setting string
	net.Listener
	serve func(net.Listener) error
}

// serve serves a database until it is told to stop.
func (p *program) serve(ctx context.Context, c *config.Server) (err error) {
	if os.Getenv("GOMAXPROCS") == "" {
		// With one for each core Go looks at the network every 10 ms only while all of them are busy; with more the
		// system lets one in between. See docs/decisions/0031.
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
	ctx, stop := p.untilStopped(ctx, c)
	defer stop(nil)
	s := &service{config: c, logger: p.logger(c), ready: readyFile{path: c.ReadyFile}, broken: make(chan error, 1), hup: make(chan os.Signal, 1)}
	s.over, s.end = context.WithCancel(context.Background())
	defer s.end()
	signal.Notify(s.hup, syscall.SIGHUP) // from now on it does not end the program
	defer signal.Stop(s.hup)
	if err = s.loadTLS(); err != nil {
		return &failure{exitUsage, err}
	}
	if err = s.openDB(); err != nil {
		return &failure{exitOpen, err}
	}
	defer func() {
		if closeErr := s.db.Close(); err == nil {
			err = failed(closeErr)
		}
	}()
	if err = s.ready.forget(); err != nil {
		return failed(err)
	}
	if err = s.openServers(); err != nil {
		return failed(err)
	}
	if err = s.listen(); err != nil {
		return failed(errors.Join(err, s.closeListeners()))
	}
	s.start()
	if err = s.announce(p.err); err == nil {
		err = s.wait(ctx)
	}
	return failed(errors.Join(err, s.shutdown()))
}

// echo is how long after a SIGTERM another one is taken for the same wish: timeout(1) sends it to the process, and then
// to its group.
const echo = time.Second

// errStop is the cause of a context that ended because the program is to stop.
var errStop = errors.New("stopped")

// untilStopped returns a context that ends when somebody wants the server to stop, and ends the program when
// somebody wants that once more.
func (p *program) untilStopped(ctx context.Context, c *config.Server) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		first := <-signals
		cancel(fmt.Errorf("%w by %v", errStop, first))
		begin := time.Now()
		again := <-signals
		for first == syscall.SIGTERM && again == first && time.Since(begin) < echo {
			again = <-signals
		}
		fmt.Fprintf(p.err, "middb: %v again: ending at once\n", again)
		os.Exit(exitFailed)
	}()
	if c.StdinEOF {
		go func() {
			_, err := io.Copy(io.Discard, p.in)
			cancel(fmt.Errorf("%w by the end of standard input", errors.Join(errStop, err)))
		}()
	}
	return ctx, cancel
}

func (p *program) logger(c *config.Server) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogJSON {
		return slog.New(slog.NewJSONHandler(p.err, o))
	}
	return slog.New(slog.NewTextHandler(p.err, o))
}

// loadTLS reads the certificates, if there are any.
func (s *service) loadTLS() (err error) {
	c := s.config
	if c.TLSCert == "" {
		return nil
	}
	files := tlsconf.Files{
		Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA, ClientAuth: c.TLSClientAuth, MinVersion: c.TLSMinVersion,
	}
	if s.tls, err = tlsconf.Load(files, os.ReadFile); err == nil {
		s.checkValidity()
	}
	return err
}

func (s *service) checkValidity() {
	if what := tlsconf.Validity(s.tls.Certificate(), time.Now()); what != "" {
		s.logger.Warn("the server's certificate "+what, "file", s.config.TLSCert)
	}
}

// reload reads the certificates again.
func (s *service) reload() {
	if s.tls == nil {
		s.logger.Info("there are no certificates to read again")
		return
	}
	switch changed, err := s.tls.Reload(); {
	case err != nil:
		s.logger.Error("the certificates were not read again; the ones from before stay in use", "cause", err)
	case changed:
		s.logger.Info("new certificates are in use", "file", s.config.TLSCert, "valid until", s.tls.Certificate().NotAfter)
		s.checkValidity()
	default:
		s.logger.Info("the certificates are what they were", "file", s.config.TLSCert)
	}
}

func (s *service) openDB() (err error) {
	c := s.config
	s.db, err = engine.Spawn(engine.Config{
		Dir: c.DataDir, Durability: c.Durability, MemoryBudget: c.MemoryBudget, FeedRetention: c.FeedRetention, Logger: s.logger,
	})
	return err
}

// openServers makes what will serve clients.
func (s *service) openServers() error {
	store, err := users.Open(s.db)
	if err != nil {
		return err
	}
	c := s.config
	if name, address := c.Exposed(); name != "" && !c.Insecure && !store.Any() {
		return &failure{exitUsage, fmt.Errorf("%s (%s) is reached by other machines, and there are no users, so that everybody could do everything\n"+
			"  middb user add NAME --data-dir %s --role admin makes the first one; --insecure serves everybody all the same",
			name, address, c.DataDir)}
	}
	if c.AuthRequired && !store.Any() && (c.Bind != "" || c.RESP != "") {
		s.logger.Warn("auth is required and there are no users: nobody can log in over TCP; middb user add makes one")
	}
	s.users = &accounts{Store: store, required: c.AuthRequired, unixAuth: c.UnixAuth, timeout: c.AuthTimeout}
	beside := map[string]monitor.Source{}
	if c.RESP != "" {
		if s.resp, err = s.newRESP(); err != nil {
			return err
		}
		beside["resp"] = s.resp
	}
	s.server, err = server.New(s.db, server.Options{
		Users: store, RequireLogin: c.AuthRequired, Beside: beside,
		MaxConnections: c.MaxConnections, MaxMemory: c.MaxMemory, MaxFrame: int(c.MaxFrame), MaxInFlight: c.MaxInFlight,
		MaxUnsent: c.MaxUnsent, MaxTxns: c.MaxTxns, MaxCursors: c.MaxCursors,
		LoginTimeout: c.AuthTimeout, FrameTimeout: c.FrameTimeout, WriteTimeout: c.WriteTimeout,
		RequestTimeout: c.RequestTimeout, IdleTimeout: c.IdleTimeout, TxnTimeout: orNever(c.TxnTimeout),
		CursorTimeout: orNever(c.CursorTimeout), SlowRequest: c.SlowRequest,
		Durability: c.Durability, Version: version(), PID: os.Getpid(), Logger: s.logger,
	})
	return err
}

// newRESP makes what will serve clients of Redis.
func (s *service) newRESP() (*resp.Front, error) {
	c := s.config
	return resp.New(s.db, resp.Options{
		Authenticator: respAccounts{s.users}, Peer: respAccounts{s.users}.Peer, Durability: c.RESPDurability,
		Limits: resp.Limits{
			Connections: c.MaxConnections, CommandBytes: int(c.MaxFrame), ReplyBytes: int(c.MaxUnsent), SharedBytes: c.MaxMemory,
			LoginTimeout: c.AuthTimeout, FrameTimeout: c.FrameTimeout, IdleTimeout: c.IdleTimeout, WriteTimeout: c.WriteTimeout,
		},
		SlowRequest: c.SlowRequest, Version: version(), Logger: s.logger,
	})
}

// orNever returns a time limit as options have it whose zero is a default.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// listen opens all listeners, or fails.
func (s *service) listen() error {
	c := s.config
	native := func(l net.Listener) error {
		return s.server.Serve(context.Background(), l, server.ListenerOptions{Identify: s.users.identify})
	}
	redis := func(l net.Listener) error { return s.resp.Serve(context.Background(), l) }
	secured := func(serve func(net.Listener) error) func(net.Listener) error {
		if s.tls == nil {
			return serve
		}
		return func(l net.Listener) error { return serve(tls.NewListener(l, s.tls.Config())) }
	}
	for _, l := range []struct {
		setting, at string
		open        func(string) (net.Listener, error)
		serve       func(net.Listener) error
	}{
		{"bind", c.Bind, listenTCP, secured(native)},
		{"unix", c.Unix, listenUnix, native},
		{"resp", c.RESP, listenTCP, secured(redis)},
		{"metrics", c.Metrics, listenTCP, s.monitored(s.monitor())},
		{"pprof", c.Pprof, listenLoopback, s.monitored(monitor.Profiles())},
	} {
		if l.at == "" {
			continue
		}
		opened, err := l.open(l.at)
		if err != nil {
			return fmt.Errorf("%s: %w", l.setting, err)
		}
		s.listening = append(s.listening, listening{l.setting, opened, l.serve})
	}
	return nil
}

func (s *service) closeListeners() (err error) {
	for _, l := range s.listening {
		err = errors.Join(err, l.Close())
	}
	return err
}

// start begins to serve.
func (s *service) start() {
	for _, l := range s.listening {
		s.serving.Go(func() {
			err := l.serve(l.Listener)
			if err == nil || errors.Is(err, server.ErrShutdown) || errors.Is(err, resp.ErrClosed) {
				return
			}
			select {
			case s.broken <- fmt.Errorf("%s: %w", l.setting, err):
			default: // one reason to stop is enough
			}
		})
	}
}

// announce tells who has started the server that it is there, and where.
func (s *service) announce(w io.Writer) error {
	var at []string
	ready := map[string]any{"tls": s.tls != nil}
	for _, l := range s.listening {
		at = append(at, l.setting+" "+l.Addr().String())
		ready[l.setting] = l.Addr().String()
	}
	if err := s.ready.write(ready); err != nil {
		return err
	}
	fmt.Fprintf(w, "middb: listening on %s\n", strings.Join(at, ", "))
	return nil
}

// wait waits until ctx ends, or a listener fails, and returns why in that case.
func (s *service) wait(ctx context.Context) error {
	for {
		select {
		case <-s.hup:
			s.reload()
		case err := <-s.broken:
			return err
		case <-ctx.Done():
			s.logger.Info("stopping", "cause", context.Cause(ctx))
			return nil
		}
	}
}

// shutdown finishes what is under way and ends all connections. What takes too long is cut off.
func (s *service) shutdown() error {
	s.stopping.Store(true)
	ctx := context.Background()
	if limit := s.config.StopTimeout; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var running sync.WaitGroup
	var cut [2]error
	running.Go(func() { cut[0] = s.server.Shutdown(ctx) })
	if s.resp != nil {
		running.Go(func() { cut[1] = s.resp.Shutdown(ctx) })
	}
	running.Wait()
	if err := errors.Join(cut[:]...); err != nil {
		s.logger.Warn("requests that were under way were cut off", "after", s.config.StopTimeout, "cause", err)
	}
	s.end()
	s.serving.Wait()
	return s.ready.remove()
}
