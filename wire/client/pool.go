package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/wire"
)

// A need is what a request takes on its connection beyond its turn.
type need uint8

const (
	needNothing need = iota
	needTxn
	needStream
)

// busy is how many requests are in flight on each connection before the pool makes another one.
const busy = 16

// A pool keeps the connections of a client: makes them when they are needed, one at a time, and picks one for each
// request.
type pool struct {
	s      *settings
	ctx    context.Context // ends with the pool
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines

	live atomic.Pointer[[]*conn] // those that take new requests
	room gate                    // opens when there may be a place on a connection, or another one, or none after all

	mu      sync.Mutex
	open    map[*conn]bool // all of them
	places  []*place
	dialing *dialing // nil: no connection is being made
	trouble error    // the last failure of a connection, or to make one; nil: one was made since
	closed  bool
	random  *rand.Rand
}

// A dialing is the making of one connection, which any number of callers wait for. The pool's mu guards it.
type dialing struct {
	at  *place
	err error // why it has failed
}

func newPool(s *settings) *pool {
	p := &pool{s: s, open: map[*conn]bool{}, random: rand.New(s.Random)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.live.Store(&[]*conn{})
	for _, a := range s.addresses {
		p.places = append(p.places, &place{address: a})
	}
	return p
}

// acquire returns a connection for a request, with a place on it for what it needs. It waits for one as long as the
// call allows; an error of making one it returns at once.
func (p *pool) acquire(ctx context.Context, cl *call, n need) (*conn, error) {
	for {
		if c := p.pick(n); c != nil {
			return c, nil
		}
		changed := p.room.wait()
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		// What has changed since pick has closed the channel, or is seen here.
		if c := p.pickLocked(n); c != nil {
			p.mu.Unlock()
			return c, nil
		}
		d := p.dial()
		p.mu.Unlock()
		if err := p.waited(d, cl.await(ctx, changed)); err != nil {
			return nil, err
		}
	}
}

// waited returns the error of who has waited for a place, and perhaps for a connection: that of making it or, if the
// wait has ended before, that end and why there is no connection.
func (p *pool) waited(d *dialing, end error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case end == nil && d != nil:
		return d.err
	case end == nil:
		return nil
	case d == nil:
		return gaveUp(end, false)
	case p.trouble == nil:
		return gaveUp(&stuck{end, wire.Errorf(wire.ErrConnection, "%v has not answered yet", d.at)}, false)
	default:
		return gaveUp(&stuck{end, p.trouble}, false)
	}
}

// pick returns the connection that has the least to do, with a place for what a request needs; nil if there is none.
// When all are busy it has another one made, for requests to come.
func (p *pool) pick(n need) *conn {
	c := p.pickLocked(n)
	if c != nil && c.load.Load() >= busy && len(*p.live.Load()) < p.s.Connections {
		p.mu.Lock()
		p.dial()
		p.mu.Unlock()
	}
	return c
}

func (p *pool) pickLocked(n need) *conn {
	var least *conn
	load := int64(0)
	for _, c := range *p.live.Load() {
		if l := c.load.Load(); least == nil || l < load {
			least, load = c, l
		}
	}
	if least != nil && !least.reserve(n) {
		for _, c := range *p.live.Load() {
			if c.reserve(n) {
				return c
			}
		}
		return nil
	}
	return least
}

// dial makes another connection, if that is not under way and there may be one more. The caller holds mu.
func (p *pool) dial() *dialing {
	if p.dialing != nil || p.closed || len(*p.live.Load()) >= p.s.Connections {
		return p.dialing
	}
	at := best(p.places, time.Now())
	d := &dialing{at: at}
	p.dialing = d
	p.work.Go(func() {
		c, err := p.dialAt(at)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.dialing = nil
		switch {
		case p.closed:
			d.err = errClosed
			if err == nil {
				c.nc.Close()
			}
		case err != nil:
			d.err, p.trouble = err, err
			at.fails(time.Now(), p.random)
			p.s.Logger.Warn("cannot connect", "address", at.where, "error", err)
		default:
			p.add(c)
		}
		p.room.open()
	})
	return d
}

// dialAt connects to a place, when it need not be left alone any more.
func (p *pool) dialAt(at *place) (*conn, error) {
	p.mu.Lock()
	pause := time.Until(at.notBefore)
	p.mu.Unlock()
	if err := sleep(p.ctx, pause); err != nil {
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.s.ConnectTimeout, fmt.Errorf("no answer within %v", p.s.ConnectTimeout))
	defer cancel()
	return p.connect(ctx, at)
}

// sleep waits for a time, or until ctx ends, and then returns the cause.
func sleep(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// add makes a new connection one of those that are picked. The caller holds mu.
func (p *pool) add(c *conn) {
	p.open[c] = true
	p.trouble = nil
	live := append([]*conn(nil), *p.live.Load()...)
	live = append(live, c)
	p.live.Store(&live)
	p.work.Go(c.write)
	p.work.Go(c.read)
	p.s.Logger.Info("connected", "address", c.place.where, "session", c.hello.Session)
}

// remove takes a connection off those that are picked. The caller holds mu.
func (p *pool) remove(c *conn) {
	var live []*conn
	for _, other := range *p.live.Load() {
		if other != c {
			live = append(live, other)
		}
	}
	p.live.Store(&live)
	p.room.open()
}

// leave keeps new requests off a connection whose server shuts down, and its place alone for a while.
func (p *pool) leave(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(c)
	c.place.fails(time.Now(), p.random)
}

// lost notes that a connection has ended, perhaps one that was left before.
func (p *pool) lost(c *conn, cause error, left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	p.remove(c)
	if p.closed || errors.Is(cause, errClosed) {
		return
	}
	p.trouble = failed(wire.ErrConnection, cause, "the connection to %v was lost", c.place)
	if !left { // otherwise its place was noted then
		c.place.fails(time.Now(), p.random)
	}
	p.s.Logger.Warn("connection lost", "address", c.place.where, "error", reason(cause))
}

// works notes that a request was answered.
func (p *pool) works(at *place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at.failures = 0
}

// roomOn notes that a connection has room for a transaction or a stream again.
func (p *pool) roomOn(*conn) { p.room.open() }

// jitter returns a random part of d.
func (p *pool) jitter(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int64N(int64(d)))
}

// close ends all connections and waits for the goroutines.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	open := p.open
	p.open = nil
	p.mu.Unlock()
	p.cancel()
	for c := range open {
		c.fail(errClosed)
	}
	p.work.Wait()
}

// A gate wakes who waits for a change.
type gate struct {
	mu      sync.Mutex
	changed chan struct{} // nil: nobody waits
}

// wait returns a channel that is closed at the next change.
func (g *gate) wait() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return g.changed
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

// run makes a request, on whichever connection suits, and again on others as long as that is safe and helps. It
// returns the connection that the reply came on; what the request needs has its place there.
func (p *pool) run(ctx context.Context, cl *call, n need, e effect) (*conn, error) {
	for attempt := 1; ; attempt++ {
		c, err := p.acquire(ctx, cl, n)
		if err == nil {
			if cl.stream == nil {
				cl.frees = n
				err = c.roundTrip(ctx, cl)
			} else {
				err = c.openStream(ctx, cl)
			}
			if err == nil {
				return c, nil
			}
			if cl.stream == nil && !abandoned(err) { // streams do so themselves, and otherwise the reply does
				c.release(n)
			}
		}
		if attempt >= p.s.Attempts || !again(err, e) {
			return nil, err
		}
		p.s.Logger.Debug("a request is made again", "request", cl.typ, "after", reasonOf(err))
	}
}

func reasonOf(err error) string {
	var u *unanswered
	if errors.As(err, &u) {
		err = u.cause
	}
	var w *wire.Error
	if errors.As(err, &w) {
		return w.Message
	}
	return reason(err)
}
