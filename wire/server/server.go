package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/metrics"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A Server serves a database. Make one with New; all methods are safe for concurrent use.
type Server struct {
	db              *engine.DB
	defaultKeyspace *engine.Keyspace
	o               Options
	started         time.Time
	readOnly        bool
	memory          memory
	bulk            chan struct{} // places for those that make long replies

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	last      uint64         // number of a session
	refusing  int            // connections that are being told that there are too many
	serving   sync.WaitGroup // goroutines of connections

	operations [256]*operation // by type; all that are no requests share one
	accepted   atomic.Int64
	refused    atomic.Int64
	rejected   atomic.Int64
	panics     atomic.Int64
	bytesIn    atomic.Int64 // of connections that are closed
	bytesOut   atomic.Int64
}

// An operation is what there is to know of the requests of a type.
type operation struct {
	latency metrics.Histogram
	errors  atomic.Int64
}

// New returns a server of db, which its caller closes after the server has been shut down.
func New(db *engine.DB, o Options) (*Server, error) {
	o = o.withDefaults()
	m, err := newMemory(&o)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", db.Path(), err)
	}
	s := &Server{db: db, o: o, started: o.Clock(), memory: m, bulk: make(chan struct{}, (runtime.GOMAXPROCS(0)+3)/4), listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}}
	for t := range s.operations {
		if s.operations[t] = s.operations[0]; t == 0 || wire.Type(t).IsRequest() {
			s.operations[t] = new(operation)
		}
	}
	if s.defaultKeyspace, err = db.Keyspace(engine.DefaultKeyspace, engine.KeyspaceOptions{}); err != nil {
		return nil, fmt.Errorf("serve %s: %w", db.Path(), err)
	}
	_, err = db.ApplyAsync(context.Background(), db.NewBatch())
	s.readOnly = errors.Is(err, engine.ErrReadOnly)
	return s, nil
}

// ListenerOptions say how the connections of a listener are served.
type ListenerOptions struct {
	// Identify tells who is on the other side without a login: by the credentials of a Unix socket, or a certificate.
	// It is called when TLS is set up. Nil without an error: it must log in, if one must. An error closes the
	// connection.
	Identify func(net.Conn) (*users.Identity, error)
}

// ErrShutdown is returned by Serve after Shutdown.
var ErrShutdown = errors.New("the server was shut down")

// Serve serves the connections that l accepts, until ctx ends, l fails, or Shutdown is called, and closes l. It returns
// the cause. It does not wait for connections to end, nor do they end with ctx: see Shutdown.
func (s *Server) Serve(ctx context.Context, l net.Listener, o ListenerOptions) error {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		_ = l.Close() // it was never used
		return ErrShutdown
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for wait := time.Duration(0); ; {
		nc, err := l.Accept()
		if err == nil {
			wait = 0
			s.accept(nc, &o)
			continue
		}
		s.mu.Lock()
		stopping := s.stopping
		s.mu.Unlock()
		switch {
		case stopping:
			return ErrShutdown
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %v: %w", l.Addr(), err)
		}
		// Most likely there are no more file descriptors, until connections are closed.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		s.o.Logger.Warn("accept failed", "listener", l.Addr(), "cause", err, "again in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// accept begins to serve a connection, or refuses it.
func (s *Server) accept(nc net.Conn, o *ListenerOptions) {
	s.accepted.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		_ = nc.Close() // nobody is told anything any more
	case len(s.conns) >= s.o.MaxConnections:
		s.refuse(nc)
	default:
		c := newConn(s, nc, o)
		s.last++
		c.number = s.last
		s.conns[c] = struct{}{}
		s.serving.Go(c.serve)
	}
}

// maxRefusing is how many connections at a time are told why they are refused.
const maxRefusing = 64

// refuse closes a connection that there is no room for. mu is locked.
func (s *Server) refuse(nc net.Conn) {
	s.refused.Add(1)
	if s.refusing == maxRefusing {
		_ = nc.Close() // it will see
		return
	}
	s.refusing++
	s.serving.Go(func() {
		e := wire.Errorf(wire.ErrTooManyConnections, "the server has %d connections, as many as it takes", s.o.MaxConnections)
		frame := wire.AppendPreface(nil)
		start := len(frame)
		frame = wire.EndFrame(e.Append(wire.BeginFrame(frame, wire.TypeError, 0, 0)), start)
		if nc.SetDeadline(time.Now().Add(lingerTimeout)) == nil {
			if _, err := nc.Write(frame); err == nil {
				linger(nc)
			}
		}
		_ = nc.Close() // it was told
		s.mu.Lock()
		s.refusing--
		s.mu.Unlock()
	})
}

// remove forgets a connection that has ended.
func (s *Server) remove(c *conn) {
	s.bytesIn.Add(c.bytesIn.Load())
	s.bytesOut.Add(c.bytesOut.Load())
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// connections returns those that are open.
func (s *Server) connections() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		out = append(out, c)
	}
	return out
}

// Shutdown stops the server: it accepts no more connections and reads no more requests, tells clients so, lets what is
// in flight come to its end, rolls back open transactions, closes cursors and then the connections. When ctx ends first
// everything is closed at once, and the error is the cause. When it returns, nobody uses the database any more.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		_ = l.Close() // Serve returns
	}
	s.mu.Unlock()
	for _, c := range s.connections() {
		c.shutdown()
	}
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range s.connections() {
		c.fail(errShutdown)
		c.out.abandon()
		_ = c.nc.Close() // at once
	}
	<-done
	return fmt.Errorf("shut down: %w", context.Cause(ctx))
}

// shutdown tells a client that the server stops, and stops reading.
func (c *conn) shutdown() {
	c.mu.Lock()
	notices := c.notices
	c.mu.Unlock()
	if notices {
		n := wire.Notice{Kind: wire.NoticeShutdown, Message: errShutdown.Message}
		c.send(n.Append(wire.BeginFrame(nil, wire.TypeNotice, 0, 0)))
		c.out.flushLater()
	}
	var cause error = errShutdown
	c.refused.Store(&cause)
	c.stop(cause)
}

// panicked logs a panic, and returns what the client is told.
func (s *Server) panicked(p any, what string) error {
	s.panics.Add(1)
	s.o.Logger.Error("panic", "in", what, "panic", p, "stack", string(debug.Stack()))
	return wire.Errorf(wire.ErrInternal, "the server has met an error of its own in %s", what)
}
