package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// Why connections end, beside what is wrong with them.
var (
	errLost     = errors.New("the connection was lost")
	errGoodbye  = errors.New("the client has said goodbye")
	errShutdown = wire.Errorf(wire.ErrShuttingDown, "the server is shutting down")
)

// The phases of a connection.
const (
	phaseHello int32 = iota // HELLO is to come
	phaseLogin              // a login is to come
	phaseReady
)

// settings are what a session has set. They are replaced, not changed.
type settings struct {
	keyspace   string
	durability wire.Durability
	timeout    time.Duration // of requests; 0: none
}

// A conn is a connection and its session. The goroutine of serve reads its requests.
type conn struct {
	server   *Server
	nc       net.Conn
	listener *ListenerOptions
	frames   *wire.FrameReader
	out      out

	// ctx ends with the session; its cause says why.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// stopped is closed when no more requests are to be read.
	stopped chan struct{}

	number   uint64 // of the session
	since    time.Time
	phase    atomic.Int32
	client   atomic.Pointer[string]
	settings atomic.Pointer[settings]
	who      atomic.Pointer[login]
	compress atomic.Bool
	notices  bool // guarded by mu
	scram    *users.Conversation
	greeted  bool   // the preface was sent
	dated    bool   // the frame that is being read has its deadline
	goodbye  uint32 // the request that is answered last; 0: none

	// refused is what requests get that arrived before the client could know of a shutdown; nil: there is none.
	refused atomic.Pointer[error]

	mu        sync.Mutex
	cause     error // why no more requests are read
	deadline  bool  // a deadline for reading is set
	requests  map[uint32]*request
	queue     []*request // in order, for the executor
	walks     []*request // in any order, for the walkers
	walkers   int
	txns      map[uint64]*txn
	lastTxn   uint64
	cursors   int
	executing atomic.Bool   // the executor has something to do
	turn      chan struct{} // of one place: held by the stream that makes a frame

	sql sql

	inFlight atomic.Int32
	quiet    chan struct{} // of one place: a request has ended that somebody may wait for
	running  sync.WaitGroup
	streams  sync.WaitGroup
	group    group // of the reader
	readMem  readMemory
	inflater int64 // part of readMem.small, if compression was agreed on

	received atomic.Int64 // requests
	bytesIn  atomic.Int64
	bytesOut atomic.Int64
}

func newConn(s *Server, nc net.Conn, l *ListenerOptions) *conn {
	c := &conn{server: s, nc: nc, listener: l, stopped: make(chan struct{}), quiet: make(chan struct{}, 1), turn: make(chan struct{}, 1), since: s.o.Clock()}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.out = out{c: c, nc: nc, plain: isPlain(nc)}
	c.frames = wire.NewFrameReader((*input)(c), min(loginFrameBytes, s.o.MaxFrame))
	c.settings.Store(&settings{timeout: s.o.RequestTimeout})
	c.group.c = c
	c.sql.turn = make(chan struct{}, 1)
	return c
}

// serve serves the connection until it ends, and releases all that belongs to it.
func (c *conn) serve() {
	defer c.release()
	err := c.open()
	if err == nil {
		err = c.read()
	}
	c.end(err)
}

// read reads requests and has them run, until no more are to be read; it returns why.
func (c *conn) read() error {
	for n := 1; ; n++ {
		waiting := !c.frames.HasFrame()
		if waiting || c.crowded() {
			c.group.commit()
			c.out.flush(true)
			if waiting {
				c.frames.Shrink(keptReadBytes)
			}
			c.await()
		}
		if n%requestsPerTurn == 0 || c.out.unsent.Load() > flushBytes {
			runtime.Gosched()
		}
		c.dated = false
		f, err := c.frames.Next()
		if err != nil && !errors.Is(err, wire.ErrBadMessage) {
			return c.readFailure(err)
		}
		if err = c.take(f, err); err != nil {
			return err
		}
	}
}

// requestsPerTurn is how many requests are taken before other goroutines have their turn. There may be thousands in
// the buffer, and more behind them: who sends so many is not to delay those who send one.
const requestsPerTurn = 32

// crowded reports whether something must be done before another request is read, even if it is there.
func (c *conn) crowded() bool {
	return c.out.unsent.Load() > flushBytes || c.inFlight.Load() >= int32(c.server.o.MaxInFlight)
}

// await waits until another request may be read. None is while too many are under way, or too many replies are
// unsent; or simply too much, if the server is short of memory.
func (c *conn) await() {
	s := c.server
	for c.inFlight.Load() >= int32(s.o.MaxInFlight) {
		select {
		case <-c.quiet:
		case <-c.stopped:
			return
		}
	}
	limit := s.o.MaxUnsent / 2
	switch replies := s.memory.replies; {
	case replies.exhausted():
		limit = chunkBytes
	case replies.used.Load() > replies.limit/2: // nobody takes the other half alone
		limit = min(limit, replies.limit/16)
	}
	for room := c.out.room(limit); room != nil; room = c.out.room(limit) {
		select {
		case <-room:
		case <-c.stopped:
			return
		}
	}
}

// reason returns why no more requests are read.
func (c *conn) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// readFailure says why there is no further frame.
func (c *conn) readFailure(err error) error {
	if cause := c.reason(); cause != nil {
		return cause
	}
	switch _, isWire := errors.AsType[*wire.Error](err); {
	case isWire:
		return err
	case !isTimeout(err):
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		return errLost
	case c.phase.Load() != phaseReady:
		return wire.Errorf(wire.ErrAuthTimeout, "the client has not said hello and logged in within %v", c.server.o.LoginTimeout)
	case c.frames.Buffered() > 0:
		return wire.Errorf(wire.ErrTimeout, "a frame has not arrived within %v", c.server.o.FrameTimeout)
	default:
		return wire.Errorf(wire.ErrTimeout, "nothing has happened on the connection for %v", c.server.o.IdleTimeout)
	}
}

// stop has no more requests read, because of a cause. It reports whether nobody had done so before.
func (c *conn) stop(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return false
	}
	c.cause = cause
	close(c.stopped)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // if it is closed already, reading ends as well
	return true
}

// fail ends the connection, with everything that is under way, because of a cause.
func (c *conn) fail(cause error) {
	c.stop(cause)
	c.cancel(cause)
}

// setReadDeadline sets the deadline of reads, unless no more is to be read. Zero is none.
func (c *conn) setReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	c.deadline = !t.IsZero()
	return c.nc.SetReadDeadline(t)
}

// end ends the connection because of a cause. After a goodbye or for a shutdown, what is under way comes to its end
// first.
func (c *conn) end(cause error) {
	c.stop(cause)
	c.group.commit()
	orderly := errors.Is(cause, errGoodbye) || errors.Is(cause, wire.ErrShuttingDown)
	if orderly {
		c.running.Wait()
	} else {
		c.out.hurry(time.Now().Add(lingerTimeout))
	}
	c.cancel(cause)
	c.running.Wait()
	c.stopStreams(cause)
	c.streams.Wait()
	c.endTxns()
	c.endSQL()
	switch e, ok := errors.AsType[*wire.Error](cause); {
	case ok:
		c.greet() // who has not come that far reads errors all the same
		c.sendError(0, e)
	case c.goodbye != 0:
		c.sendNil(c.goodbye)
	}
	if !errors.Is(cause, errLost) && !errors.Is(cause, errForeign) {
		if orderly {
			c.out.hurry(time.Now().Add(c.server.o.WriteTimeout))
		}
		c.out.settle()
		linger(c.nc)
	}
	_ = c.nc.Close()
	c.out.abandon()
	c.out.settle()
	c.log(cause)
}

// log tells the operator of the end of a connection.
func (c *conn) log(cause error) {
	logger := c.server.o.Logger.With("session", c.number, "remote", remote(c.nc))
	if _, ok := errors.AsType[*wire.Error](cause); ok && !errors.Is(cause, wire.ErrShuttingDown) {
		logger.Warn("connection closed", "cause", cause)
		return
	}
	logger.Debug("connection closed", "cause", cause)
}

// release gives back what the connection was charged.
func (c *conn) release() {
	if p := recover(); p != nil {
		_ = c.server.panicked(p, "connection")
		_ = c.nc.Close()
		c.fail(errLost)
		c.stopStreams(errLost)
		c.endTxns()
		c.endSQL()
	}
	c.server.memory.requests.free(c.readMem.small)
	c.server.memory.arrivals.free(c.readMem.arriving)
	c.server.remove(c)
}

// keyspace opens the keyspace with a name; an empty name is that of the session. Role says what is to be done there.
func (c *conn) keyspace(name string, role users.Role) (*engine.Keyspace, error) {
	if name == "" {
		name = c.settings.Load().keyspace
	}
	if err := c.may(role, or(name, engine.DefaultKeyspace)); err != nil {
		return nil, err
	}
	if name == "" {
		return c.server.defaultKeyspace, nil
	}
	return c.server.db.Keyspace(name, engine.KeyspaceOptions{MustExist: true})
}

// durability returns that of a write.
func (c *conn) durability(d wire.Durability) (engine.Durability, error) {
	if d == wire.DefaultDurability {
		d = c.settings.Load().durability
	}
	switch d {
	case wire.DefaultDurability:
		return engine.Default, nil
	case wire.Sync:
		return engine.Sync, nil
	case wire.NoSync:
		return engine.NoSync, nil
	default:
		return 0, wire.Errorf(wire.ErrInvalidArgument, "there is no durability %d; it is 0, 1 or 2", d)
	}
}
