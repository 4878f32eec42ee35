package server

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/middb/middb/wire"
)

// run runs a request that was posted, and answers it.
func (c *conn) run(r *request) {
	if r.stream != nil && r.refusal == nil {
		c.runStream(r)
		return
	}
	c.runHere(r, kinds[r.Type].run)
}

// runHere runs a request with a handler, and answers it. It reports false, and has done nothing, if the reader would
// have had to wait.
func (c *conn) runHere(r *request, run handler) bool {
	buf := getBuffer()
	frame, err := c.attempt(r, run, (*buf)[:0])
	if errors.Is(err, errBusy) {
		putBuffer(buf)
		return false
	}
	if err != nil {
		frame = c.appendError((*buf)[:0], r.ID, err)
	}
	c.finish(r, err)
	if err == nil && r.Flags.Has(wire.NoReply) {
		putBuffer(buf)
		return true
	}
	if c.send(frame) {
		*buf = frame
		putBuffer(buf)
	}
	return true
}

// errBusy is returned by handlers on the reader's goroutine that would have to wait.
var errBusy = errors.New("somebody else is at it")

// attempt appends the OK frame of a request. What is long is charged before it is kept; if it cannot be had at once,
// it is let go, and made again when it can.
func (c *conn) attempt(r *request, run handler, dst []byte) (frame []byte, err error) {
	if r.refusal != nil {
		return dst, r.refusal
	}
	if r.ctx == nil {
		r.ctx = c.ctx
	}
	if r.ctx.Err() != nil {
		return dst, context.Cause(r.ctx)
	}
	reserved := int64(0)
	for {
		frame, err = c.call(r, run, wire.BeginFrame(dst, wire.TypeOK, 0, r.ID))
		n := int64(cap(frame))
		if err != nil || n <= max(reserved, keptBufferBytes) || !kinds[r.Type].repeat {
			break
		}
		if c.server.memory.replies.try(n - reserved) {
			reserved = n
			break
		}
		frame = nil
		c.server.memory.replies.free(reserved)
		reserved = 0
		c.out.flushLater() // what it waits for may be there
		ctx, cancel := context.WithTimeout(r.ctx, c.server.o.WriteTimeout)
		err = c.server.memory.replies.wait(ctx, n)
		cancel()
		if err != nil {
			break
		}
		reserved = n
	}
	c.server.memory.replies.free(reserved) // the way out charges it from here on
	if err == nil && len(frame)-wire.HeaderBytes > c.server.o.MaxFrame {
		err = replyTooLarge(r.Type, len(frame)-wire.HeaderBytes, c.server.o.MaxFrame)
	}
	return frame, err
}

func replyTooLarge(t wire.Type, n, limit int) error {
	return wire.Errorf(wire.ErrReplyTooLarge, "the reply to %v has %d bytes; a frame has at most %d", t, n, limit)
}

// call calls a handler, and takes its panics for errors.
func (c *conn) call(r *request, run handler, dst []byte) (out []byte, err error) {
	defer func() {
		c.leaveBulk(r)
		if p := recover(); p != nil {
			err = c.server.panicked(p, r.Type.String())
		}
	}()
	return run(c, r, dst)
}

// guard calls f, and takes its panics for errors.
func (c *conn) guard(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.server.panicked(p, what)
		}
	}()
	return f()
}

// finish ends a request that is about to be answered.
func (c *conn) finish(r *request, err error) {
	c.forget(r)
	took := c.server.o.Clock().Sub(r.arrived)
	m := c.server.operations[r.Type]
	m.latency.Record(int64(took))
	if err != nil {
		m.errors.Add(1)
	}
	// A stream lasts as long as its client likes.
	if limit := c.server.o.SlowRequest; limit > 0 && took > limit && !kinds[r.Type].class.streams() {
		c.server.o.Logger.Warn("slow request", "request", r.Type.String(), "took", took.String(), "session", c.number, "remote", remote(c.nc), "err", err)
	}
}

// deflaters are kept for all connections: each takes hundreds of kilobytes.
var deflaters = sync.Pool{New: func() any { return new(wire.Deflater) }}

// send completes a frame and appends it to the way out. It reports whether the frame may be used again.
func (c *conn) send(frame []byte) bool {
	if c.compress.Load() && len(frame) > smallBufferBytes {
		d := deflaters.Get().(*wire.Deflater)
		frame = d.EndFrame(frame, 0)
		deflaters.Put(d)
	} else {
		frame = wire.EndFrame(frame, 0)
	}
	return c.out.append(frame)
}

// sendNil sends an OK with nothing in it.
func (c *conn) sendNil(id uint32) {
	var buf [wire.HeaderBytes + 1]byte
	c.send(wire.AppendNil(wire.BeginFrame(buf[:0], wire.TypeOK, 0, id)))
}

// sendError sends an ERROR.
func (c *conn) sendError(id uint32, err error) {
	c.send(c.appendError(nil, id, err))
}

// appendError appends an ERROR frame without its length.
func (c *conn) appendError(dst []byte, id uint32, err error) []byte {
	e := toWire(err)
	if e.Code == wire.ErrInternal && !errors.Is(err, errLost) { // a client that is gone is no failure
		c.server.o.Logger.Error("request failed", "session", c.number, "cause", err)
	}
	const longest = 4 << 10 // what is wrong is said by then
	if len(e.Message) > longest {
		short := *e
		short.Message = e.Message[:longest] + "…"
		e = &short
	}
	return e.Append(wire.BeginFrame(dst, wire.TypeError, 0, id))
}

// cancelRequest is CANCEL.
func (c *conn) cancelRequest(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	var found *request
	if uint64(id) <= 1<<32-1 {
		found = c.find(uint32(id))
	}
	if found != nil {
		found.cancel(errCanceled)
		if found.stream != nil {
			found.stream.end(errCanceled)
		}
	}
	return wire.AppendBool(dst, found != nil), nil
}

var errCanceled = wire.Errorf(wire.ErrCanceled, "the client has cancelled the request")

// ping is PING.
func (c *conn) ping(r *request, dst []byte) ([]byte, error) { return append(dst, r.body...), nil }

// enterBulk waits until a request may go on to make a long reply. Few do so at a time: to copy megabytes can be
// interrupted neither by the collector nor by those who ask for little, and all that is being made is memory.
func (c *conn) enterBulk(r *request) {
	if !r.bulk {
		c.server.bulk <- struct{}{}
		r.bulk = true
		return
	}
	runtime.Gosched()
}

// leaveBulk lets the next request in.
func (c *conn) leaveBulk(r *request) {
	if r.bulk {
		<-c.server.bulk
		r.bulk = false
	}
}
