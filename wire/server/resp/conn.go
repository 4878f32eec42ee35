package resp

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
)

const (
	// flushBytes is how many bytes of replies are held before they are sent.
	flushBytes = 64 << 10
	// keptScratch is the greatest value that a connection keeps the memory of.
	keptScratch = 64 << 10
)

// A conn is one connection. One goroutine runs it: it reads what has come, runs all commands that are whole,
// collects the writes among them (see pending), and sends all replies with one call.
type conn struct {
	front  *Front
	nc     net.Conn
	id     int64
	since  time.Time
	in     reader
	out    reply
	charge int  // bytes of replies that were taken of the shared budget
	quit   bool // the connection ends when the replies are sent

	identity Identity // nil: not logged in
	users    uint64   // generation of the users that identity is of
	may      [Admin + 1]error
	db       int
	ks       *engine.Keyspace

	pending group
	plain   bool // everything pending can go into the batch
	batch   *engine.Batch
	multi   *multi
	watch   *watch

	txn     *engine.Txn // that a command runs in now; its replies may yet be taken back
	scratch []byte
	hits    int64
	misses  int64
	tally   tally

	received int64     // commands in all
	awaited  int64     // the number of the one whose rest has a deadline; 0: none has
	deadline time.Time // for writes, as set last
	sends    int
	current  *command // that was received last
	stopping atomic.Bool

	// What CLIENT LIST tells of any connection.
	mu      sync.Mutex
	name    string
	library [2]string // name and version
	last    string    // command
	active  time.Time
	user    string
	shownDB int
	queued  int // commands of MULTI; -1: none
	v3      bool
}

func newConn(f *Front, nc net.Conn, id int64) *conn {
	now := f.options.Clock()
	c := &conn{front: f, nc: nc, id: id, since: now, active: now, batch: f.db.NewBatch(), queued: -1, user: defaultUser}
	c.tally.kinds = make([]kindTally, len(f.operations))
	c.in = reader{limits: &f.options.Limits, shared: &f.shared}
	c.pending = group{c: c, wake: make(chan bool, 1)}
	return c
}

// release gives back what the connection holds.
func (c *conn) release() {
	c.unwatch()
	c.multi = nil
	c.in.close()
	c.front.shared.give(c.charge)
	c.charge = 0
}

// stop has the connection end when the commands that it has received are run.
func (c *conn) stop() {
	c.stopping.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

// serve runs the connection to its end.
func (c *conn) serve() error {
	if err := c.begin(); err != nil {
		return err
	}
	for {
		if err := c.awaitMore(); err != nil {
			return err
		}
		if c.in.w == len(c.in.buf) { // there may be much more, and others want their turn
			runtime.Gosched()
		}
		start := time.Now()
		err := c.round()
		c.tell(time.Since(start))
		if e := c.send(); e != nil {
			return e
		}
		if err != nil || c.quit {
			return err
		}
	}
}

// begin finds out who connects.
func (c *conn) begin() error {
	f := c.front
	if err := c.selectDB(0); err != nil {
		return err
	}
	switch {
	case f.options.Authenticator == nil:
		c.setIdentity(nobody{})
		return nil
	case f.options.Peer != nil:
		c.users = f.options.Authenticator.Generation()
		if id := f.options.Peer(c.nc); id != nil {
			c.setIdentity(id)
			return nil
		}
	}
	c.in.stranger = true
	return c.nc.SetReadDeadline(time.Now().Add(f.options.Limits.LoginTimeout))
}

// awaitMore reads what has come, or waits for it.
func (c *conn) awaitMore() error {
	if err := c.limitWait(); err != nil {
		return err
	}
	if c.stopping.Load() {
		return ErrClosed
	}
	held := c.in.w - c.in.r
	err := c.in.fill(c.nc)
	if err == nil {
		c.front.counters.bytesIn.Add(int64(c.in.w - c.in.r - held))
		return nil
	}
	switch {
	case c.stopping.Load():
		return ErrClosed
	case errors.Is(err, io.EOF) && held == 0:
		return io.EOF
	case timedOut(err) && c.in.stranger:
		c.out.error("ERR no login within " + c.front.options.Limits.LoginTimeout.String())
		_ = c.send()
	case timedOut(err) && held > 0:
		c.front.counters.timeouts.Add(1)
		c.out.error("ERR the rest of a command has not come within " + c.front.options.Limits.FrameTimeout.String())
		_ = c.send()
	case errors.Is(err, errSharedMemory):
		c.out.error(errorText(err))
		_ = c.send()
	}
	return err
}

// limitWait sets how long to wait for more: for the next command, or for the rest of one that has begun to come, which
// has its time once. Who has not logged in has the time of the login.
func (c *conn) limitWait() error {
	limits := &c.front.options.Limits
	var limit time.Duration // 0: none
	switch next := c.received + 1; {
	case c.in.stranger || !c.in.idle() && c.awaited == next:
		return nil
	case !c.in.idle():
		c.awaited, limit = next, limits.FrameTimeout
	case limits.IdleTimeout == 0 && c.awaited == 0:
		return nil
	default:
		c.awaited, limit = 0, limits.IdleTimeout
	}
	if limit == 0 {
		return c.nc.SetReadDeadline(time.Time{})
	}
	return c.nc.SetReadDeadline(time.Now().Add(limit))
}

// round runs the commands that have come whole. An error ends the connection.
func (c *conn) round() error {
	c.refresh()
	for !c.quit {
		args, err := c.in.next()
		if err == nil && args == nil {
			break
		}
		if err == nil {
			c.received++
			err = c.dispatch(args)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, errSend) {
			c.finish()
			c.front.counters.protocolErrors.Add(1)
			c.out.error(errorText(err))
		}
		return err
	}
	c.finish()
	c.account()
	return nil
}

// account adds what a round did to the counts of the front and to what CLIENT LIST tells.
func (c *conn) account() {
	k := &c.front.counters
	add := func(to *atomic.Int64, n *int64) {
		if *n != 0 {
			to.Add(*n)
			*n = 0
		}
	}
	add(&k.commands, &c.tally.ran)
	add(&k.failed, &c.tally.failed)
	add(&k.hits, &c.hits)
	add(&k.misses, &c.misses)
	c.mu.Lock()
	c.active = c.front.options.Clock()
	if c.current != nil {
		c.last = c.current.name
	}
	c.queued = -1
	if c.multi != nil {
		c.queued = len(c.multi.ops)
	}
	c.mu.Unlock()
}

// send sends the replies. An error ends the connection.
func (c *conn) send() error {
	if len(c.out.buf) == 0 {
		return nil
	}
	timeout := c.front.options.Limits.WriteTimeout
	// Moving the deadline costs as much as a read of a key, so it is moved once in a while.
	if now := time.Now(); c.deadline.Sub(now) < timeout {
		c.deadline = now.Add(timeout + timeout/4)
		if err := c.nc.SetWriteDeadline(c.deadline); err != nil {
			return err
		}
	}
	c.sends++
	n, err := c.nc.Write(c.out.buf)
	c.front.counters.bytesOut.Add(int64(n))
	if timedOut(err) {
		c.front.counters.timeouts.Add(1)
	}
	if cap(c.out.buf) > 2*flushBytes {
		c.out.buf = nil
	}
	c.out.buf = c.out.buf[:0]
	c.front.shared.give(c.charge)
	c.charge = 0
	return err
}

func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// errSend is what a command returns when replies cannot be sent: the connection ends.
var errSend = errors.New("the replies cannot be sent")

// room makes room for a value of n bytes among the replies, by sending those before it if it can.
func (c *conn) room(n int) error {
	if len(c.out.buf)+n <= flushBytes {
		return nil
	}
	if c.txn == nil {
		if err := c.send(); err != nil {
			return errors.Join(errSend, err)
		}
	} else if len(c.out.buf)+n > c.front.options.Limits.ReplyBytes {
		return errReplyLarge
	}
	if more := len(c.out.buf) + n - flushBytes - c.charge; more > 0 {
		if !c.front.shared.take(more) {
			return errSharedMemory
		}
		c.charge += more
	}
	return nil
}

// bulk adds a value to the replies.
func (c *conn) bulk(v []byte) error {
	if err := c.room(len(v)); err != nil {
		return err
	}
	c.out.bulk(v)
	return nil
}

// get reads a key into memory that the next get uses again. A key that the engine cannot have is not there.
func (c *conn) get(src source, k []byte) (v []byte, found bool, err error) {
	v, err = src.GetTo(c.scratch[:0], k)
	if cap(v) <= keptScratch {
		c.scratch = v[:0]
	}
	if err != nil && !absent(err) {
		return nil, false, err
	}
	c.count(err == nil)
	return v, err == nil, nil
}

// count counts a key that was read.
func (c *conn) count(found bool) {
	if found {
		c.hits++
	} else {
		c.misses++
	}
}

// absent reports whether an error says that there is no such key, or cannot be.
func absent(err error) bool {
	return errors.Is(err, engine.ErrNotFound) || errors.Is(err, engine.ErrEmptyKey) || errors.Is(err, engine.ErrKeyTooLarge)
}

// now returns the time to count expiries from.
func (c *conn) now() time.Time { return c.front.options.Clock() }
