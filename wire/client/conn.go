package client

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/wire"
)

const (
	// maxUnwritten is how much may wait to be written before further requests wait for room.
	maxUnwritten = 1 << 20
	// writeTimeout is how long the server may leave what it is sent unread.
	writeTimeout = 30 * time.Second
	// probeTimeout is how long a server may be silent that was told to give up a request, which it answers at once.
	probeTimeout = 5 * time.Second
)

// A conn is a connection on which the login has succeeded, shared by all that have requests on it. One goroutine
// writes what callers append to out, another hands out what comes in.
type conn struct {
	nc       net.Conn
	reader   *wire.FrameReader
	place    *place
	pool     *pool
	hello    wire.HelloReply
	deflate  *sync.Pool // of *wire.Deflater; nil: nothing is compressed
	inFlight int        // most requests at a time

	load     atomic.Int64 // requests in flight
	received atomic.Int64 // bytes
	answered bool         // a reply came after the login; the reader's
	wake     chan struct{}
	done     chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	calls   map[uint32]*call
	lastID  uint32
	out     []byte // whole frames
	taken   uint64 // bytes of frames that the writer has taken, all in all
	put     uint64 // bytes of frames that were put into out, all in all
	room    chan struct{}
	txns    int // under way
	streams int
	leaving bool // the server shuts down: no new requests
	probing bool
	failing bool  // it is about to end
	ended   error // why it has ended
}

// Read counts what arrives.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.nc.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// start sends a request, as soon as there is room for it. An error is an unanswered: it was not sent.
func (c *conn) start(ctx context.Context, cl *call) error {
	if ctx.Err() != nil {
		return gaveUp(context.Cause(ctx), false)
	}
	frame := cl.frame
	if n := uint64(len(frame) - wire.HeaderBytes); n > c.hello.Limits.Frame {
		return wire.Errorf(wire.ErrFrameTooLarge, "%v has %d bytes; the server takes %d", cl.typ, n, c.hello.Limits.Frame)
	}
	if c.deflate != nil {
		frame = c.compress(frame)
	}
	for {
		c.mu.Lock()
		if c.ended != nil {
			defer c.mu.Unlock()
			return &unanswered{lost: true, where: c.place.address, cause: c.ended}
		}
		full := len(c.out) > 0 && len(c.out)+len(frame) > maxUnwritten
		if !full && len(c.calls) < c.inFlight {
			c.register(cl)
			c.append(frame, cl.id)
			c.mu.Unlock()
			return nil
		}
		room := c.waitForRoom()
		c.mu.Unlock()
		if err := cl.await(ctx, room); err != nil {
			return gaveUp(err, false)
		}
	}
}

// register gives a call a number. The caller holds mu.
func (c *conn) register(cl *call) {
	for {
		if c.lastID++; c.lastID != 0 && c.calls[c.lastID] == nil {
			break
		}
	}
	cl.id, cl.at, cl.abandoned = c.lastID, c.put, false
	c.calls[cl.id] = cl
	c.load.Add(1)
}

// append puts a frame, under a number, where the writer takes it. The caller holds mu.
func (c *conn) append(frame []byte, id uint32) {
	start := len(c.out)
	c.out = append(c.out, frame...)
	binary.BigEndian.PutUint32(c.out[start+4:], id)
	c.put += uint64(len(frame))
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send sends a request that gets no reply, on a connection that has not ended. The caller holds mu.
func (c *conn) send(t wire.Type, f wire.Flags, body interface{ Append([]byte) []byte }) {
	frame := wire.EndFrame(body.Append(wire.BeginFrame(nil, t, f, 0)), 0)
	for {
		if c.lastID++; c.lastID != 0 && c.calls[c.lastID] == nil {
			break
		}
	}
	c.append(frame, c.lastID)
}

// sendNow is send for those who do not hold mu, on a connection that may have ended.
func (c *conn) sendNow(t wire.Type, f wire.Flags, body interface{ Append([]byte) []byte }) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.send(t, f, body)
	}
}

// tell sends a request for whose reply nobody waits, on a connection that has not ended. The reply frees a place. The
// caller holds mu.
func (c *conn) tell(t wire.Type, body interface{ Append([]byte) []byte }, frees need) {
	cl := &call{typ: t, frees: frees}
	c.register(cl)
	cl.abandoned = true
	c.append(wire.EndFrame(body.Append(wire.BeginFrame(nil, t, 0, 0)), 0), cl.id)
}

// rollback ends a transaction and does not wait. Its place is free when the server has answered: a BEGIN that is sent
// earlier could be refused, because the server still has as many as it allows.
func (c *conn) rollback(txn uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.tell(wire.TypeRollback, &wire.Rollback{Txn: txn}, needTxn)
	}
}

// waitForRoom returns a channel that is closed when there may be room for a request. The caller holds mu.
func (c *conn) waitForRoom() <-chan struct{} {
	if c.room == nil {
		c.room = make(chan struct{})
	}
	return c.room
}

// thereIsRoom wakes who waits for room. The caller holds mu.
func (c *conn) thereIsRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// forget takes a call off the list. The caller holds mu.
func (c *conn) forget(cl *call) {
	delete(c.calls, cl.id)
	c.load.Add(-1)
	c.thereIsRoom()
}

func (c *conn) compress(frame []byte) []byte {
	d, ok := c.deflate.Get().(*wire.Deflater)
	if !ok {
		d = new(wire.Deflater)
	}
	defer c.deflate.Put(d)
	return d.EndFrame(append([]byte(nil), frame...), 0)
}

// roundTrip sends a request and waits for its reply. The error is the server's, or an unanswered.
func (c *conn) roundTrip(ctx context.Context, cl *call) error {
	if err := c.start(ctx, cl); err != nil {
		return err
	}
	return c.wait(ctx, cl)
}

// wait waits for the reply to a request that was started.
func (c *conn) wait(ctx context.Context, cl *call) error {
	if err := cl.await(ctx, cl.done); err != nil {
		if c.abandon(cl) {
			return gaveUp(err, true)
		}
		<-cl.done // the reply has just come
	}
	err := cl.err
	cl.err = nil
	if errors.Is(err, wire.ErrShuttingDown) {
		c.leave()
	}
	return err
}

// abandon tells the server that nobody waits for a reply any more. It reports false if the reply is there.
func (c *conn) abandon(cl *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[cl.id] != cl {
		return false
	}
	cl.abandoned = true
	c.cancel(cl.id)
	return true
}

// cancel sends CANCEL, which a server answers at once: one that then says nothing at all is gone. The caller
// holds mu.
func (c *conn) cancel(id uint32) {
	if c.ended != nil {
		return
	}
	c.tell(wire.TypeCancel, wire.ID(id), needNothing)
	if c.probing {
		return
	}
	c.probing = true
	before := c.received.Load()
	time.AfterFunc(probeTimeout, func() {
		c.mu.Lock()
		c.probing = false
		c.mu.Unlock()
		if c.received.Load() == before {
			c.fail(errSilent)
		}
	})
}

// write writes what callers append, until the connection ends.
func (c *conn) write() {
	var buf []byte
	for {
		select {
		case <-c.wake:
		case <-c.done:
			return
		}
		if c.load.Load() > 1 {
			runtime.Gosched() // others are about to append, too: a write for all is cheaper than one for each
		}
		c.mu.Lock()
		buf, c.out = c.out, buf[:0]
		c.taken += uint64(len(buf))
		c.thereIsRoom()
		c.mu.Unlock()
		if len(buf) == 0 {
			continue
		}
		err := c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
		if err == nil {
			_, err = c.nc.Write(buf)
		}
		if err != nil {
			c.fail(err)
			return
		}
		if cap(buf) > maxUnwritten {
			buf = nil
		}
	}
}

// read hands out what the server sends, until the connection ends.
func (c *conn) read() {
	for {
		f, err := c.reader.Next()
		if err == nil {
			err = c.deliver(f)
		} else if errors.Is(err, wire.ErrBadMessage) && f.ID != 0 {
			err = c.deliver(wire.Frame{Header: wire.Header{ID: f.ID, Type: wire.TypeError}, Body: badReply(err)})
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// badReply returns the body of an ERROR in place of a reply that cannot be read.
func badReply(err error) []byte {
	var e *wire.Error
	errors.As(err, &e)
	return e.Append(nil)
}
