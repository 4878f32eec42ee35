package server

import (
	"context"
	"runtime"
	"time"

	"github.com/middb/middb/wire"
)

// A request is one that has been read and not answered. Those that run on the reader's goroutine are not in the
// connection's table: nobody can ask for them before they are answered.
type request struct {
	wire.Header
	body    []byte // of a request that left the reader's goroutine: a copy
	arrived time.Time
	refusal error // what it is answered with, instead of being run

	ctx    context.Context
	cancel context.CancelCauseFunc // nil: it runs on the reader's goroutine
	stop   context.CancelFunc      // of the timeout; nil: there is none
	cost   int64                   // charged for it
	stream *stream                 // of a SCAN, a WATCH or a statement
	bulk   bool                    // it has a place in Server.bulk
}

// A handler runs a request. It appends the body of the OK to dst, which it may not do anything else with.
type handler func(c *conn, r *request, dst []byte) ([]byte, error)

// A class says where requests run.
type class uint8

const (
	slowRequest      class = iota // on a goroutine, so that the reader goes on reading
	walkRequest                   // on one of a few goroutines for those that walk over keys
	quickRequest                  // on the reader's, if nothing that must come before it is under way
	writeRequest                  // with other writes, as one commit
	streamRequest                 // as a walk, which opens a stream
	statementRequest              // on a goroutine, and opens a stream
)

// streams reports whether the reply is a stream, which lasts as long as its client likes.
func (c class) streams() bool { return c == streamRequest || c == statementRequest }

// A kind is what there is to know of a type of request.
type kind struct {
	run   handler
	class class
	// repeat says that the reply may be long, and that running it again does no harm.
	repeat bool
}

var kinds [256]kind

func init() {
	for t, k := range map[wire.Type]kind{
		wire.TypePing: {run: (*conn).ping, class: quickRequest},
		wire.TypeSet:  {run: (*conn).set, class: quickRequest},

		wire.TypeGet:      {run: (*conn).get, class: quickRequest, repeat: true},
		wire.TypeMGet:     {run: (*conn).mget, class: quickRequest, repeat: true},
		wire.TypePut:      {run: (*conn).write, class: writeRequest},
		wire.TypeDel:      {run: (*conn).write, class: writeRequest},
		wire.TypeMerge:    {run: (*conn).write, class: writeRequest},
		wire.TypeDelRange: {run: (*conn).write, class: writeRequest},
		wire.TypeBatch:    {run: (*conn).batch},
		wire.TypeCAS:      {run: (*conn).cas},
		wire.TypeCount:    {run: (*conn).count, class: walkRequest},
		wire.TypeScan:     {run: (*conn).scan, class: streamRequest},

		wire.TypeExec:      {run: (*conn).exec, class: statementRequest},
		wire.TypePrepare:   {run: (*conn).prepare},
		wire.TypeRun:       {run: (*conn).runPrepared, class: statementRequest},
		wire.TypeUnprepare: {run: (*conn).unprepare},

		wire.TypeBegin:     {run: (*conn).begin},
		wire.TypeCommit:    {run: (*conn).commit},
		wire.TypeRollback:  {run: (*conn).rollback, class: quickRequest},
		wire.TypeSavepoint: {run: (*conn).savepoint, class: quickRequest},

		wire.TypeClose:   {run: (*conn).closeCursor, class: quickRequest},
		wire.TypeWatch:   {run: (*conn).watch, class: streamRequest},
		wire.TypeUnwatch: {run: (*conn).unwatch},

		wire.TypeStats:     {run: (*conn).stats, repeat: true},
		wire.TypeInfo:      {run: (*conn).info},
		wire.TypeFlush:     {run: (*conn).flush},
		wire.TypeCompact:   {run: (*conn).compact},
		wire.TypeSessions:  {run: (*conn).sessions, repeat: true},
		wire.TypeKill:      {run: (*conn).kill},
		wire.TypeUsers:     {run: (*conn).users, repeat: true},
		wire.TypeKeyspaces: {run: (*conn).keyspaces},
	} {
		kinds[t] = k
	}
}

// take takes a frame that was read; bad says that its body is none. The error ends the connection.
func (c *conn) take(f wire.Frame, bad error) error {
	c.received.Add(1)
	switch {
	case f.ID == 0:
		return wire.Errorf(wire.ErrProtocol, "a request with the number 0")
	case f.Flags.Has(wire.More):
		return wire.Errorf(wire.ErrProtocol, "a request with the flag for more frames")
	case c.inFlight.Load() > 0 && c.find(f.ID) != nil:
		return wire.Errorf(wire.ErrProtocol, "two requests in flight with the number %d", f.ID)
	}
	r := request{Header: f.Header, body: f.Body, arrived: c.server.o.Clock(), refusal: bad}
	phase := c.phase.Load()
	if bad == nil && phase != phaseHello {
		switch f.Type {
		case wire.TypeCancel:
			c.runHere(&r, (*conn).cancelRequest)
			return nil
		case wire.TypeFetch:
			c.fetch(&r)
			return nil
		case wire.TypeGoodbye:
			c.goodbye = f.ID
			return errGoodbye
		default: // it has its place in the order
		}
	}
	if phase != phaseReady || f.Type == wire.TypeHello || f.Type == wire.TypeAuth {
		return c.takeLogin(&r)
	}
	if cause := c.refused.Load(); cause != nil { // it was sent before its client could know
		r.refusal = *cause
	}
	if err := c.refresh(); err != nil {
		return err
	}
	c.dispatch(&r)
	return nil
}

// dispatch has a request run where those of its type run. The request is the caller's again on return.
func (c *conn) dispatch(r *request) {
	k := &kinds[r.Type]
	if k.run == nil && r.refusal == nil {
		r.refusal = wire.Errorf(wire.ErrUnknownRequest, "there is no request %v, or this server does not know it", r.Type)
	}
	anyOrder := r.Flags.Has(wire.AnyOrder)
	if anyOrder || !c.executing.Load() {
		switch {
		case k.class == quickRequest || r.refusal != nil:
			c.group.commit()
			if c.runHere(r, k.run) {
				return
			}
		case k.class == writeRequest && c.group.add(r):
			return
		}
	}
	c.group.commit()
	c.post(r, anyOrder)
}

// find returns the request in flight with a number, or nil.
func (c *conn) find(id uint32) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests[id]
}

// post has a request run on a goroutine: on one of its own or, in its order, on the executor's.
func (c *conn) post(from *request, anyOrder bool) {
	r := &request{Header: from.Header, arrived: from.arrived, refusal: from.refusal}
	cost := requestBytes + len(from.body)
	if r.Type == wire.TypeBatch {
		cost += len(from.body) // once more as the engine's batch
	}
	if err := c.charge(r, int64(cost)); err != nil {
		r.refusal = err
	} else {
		r.body = append([]byte(nil), from.body...)
	}
	r.ctx, r.cancel = context.WithCancelCause(c.ctx)
	class := kinds[r.Type].class
	if timeout := c.settings.Load().timeout; timeout > 0 && !class.streams() {
		r.ctx, r.stop = context.WithTimeoutCause(r.ctx, timeout, wire.Errorf(wire.ErrTimeout, "%v has taken longer than %v", r.Type, timeout))
	}
	if class.streams() && r.refusal == nil {
		r.stream = newStream(c, r)
	}
	c.inFlight.Add(1)
	c.mu.Lock()
	if c.requests == nil {
		c.requests = map[uint32]*request{}
	}
	c.requests[r.ID] = r
	var work func() // nil: somebody is at it who will come to this
	switch {
	case !anyOrder:
		c.queue = append(c.queue, r)
		if c.executing.CompareAndSwap(false, true) {
			work = c.execute
		}
	case class == walkRequest || class == streamRequest:
		c.walks = append(c.walks, r)
		if c.walkers < maxWalkers {
			c.walkers++
			work = c.walk
		}
	default:
		work = func() {
			c.run(r)
			c.out.flush(false)
		}
	}
	c.mu.Unlock()
	if work != nil {
		c.running.Go(work)
	}
}

// maxWalkers is how many requests in any order that walk over keys a connection runs at a time. They take processor
// time as long as there is some; were all of them at it, other connections would wait for their turn behind a
// thousand of one.
const maxWalkers = 4

// walk runs the walks of a connection, until none is left.
func (c *conn) walk() {
	for {
		c.mu.Lock()
		if len(c.walks) == 0 {
			c.walkers--
			c.mu.Unlock()
			return
		}
		r := c.walks[0]
		c.walks = c.walks[1:]
		c.mu.Unlock()
		c.run(r)
		c.out.flush(false)
		runtime.Gosched()
	}
}

// charge charges a request for n bytes. If they are not there it waits for a while.
func (c *conn) charge(r *request, n int64) error {
	if !c.server.memory.requests.try(n) {
		c.out.flush(true)
		ctx, cancel := context.WithTimeout(c.ctx, c.server.o.WriteTimeout)
		defer cancel()
		if err := c.server.memory.requests.wait(ctx, n); err != nil {
			return err
		}
	}
	r.cost += n
	return nil
}

// execute runs what is queued, in order, until nothing is.
func (c *conn) execute() {
	g := group{c: c}
	for {
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, r := range queue {
			if r.refusal != nil || kinds[r.Type].class != writeRequest || !g.add(r) {
				g.commit()
				c.run(r)
				runtime.Gosched()
			}
		}
		g.commit()
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.executing.Store(false)
			c.mu.Unlock()
			c.out.flush(false)
			return
		}
		c.mu.Unlock()
		if c.out.unsent.Load() > flushBytes {
			c.out.flush(false)
		}
	}
}

// forget takes a request off the table, before it is answered: then its number can be used again.
func (c *conn) forget(r *request) {
	if r.cancel == nil {
		return
	}
	c.mu.Lock()
	delete(c.requests, r.ID)
	c.mu.Unlock()
	c.inFlight.Add(-1)
	select {
	case c.quiet <- struct{}{}:
	default:
	}
	if r.stop != nil {
		r.stop()
	}
	r.cancel(nil)
	c.server.memory.requests.free(r.cost)
	r.cost = 0
}
