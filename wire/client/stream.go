package client

import (
	"context"
	"errors"

	"github.com/middb/middb/wire"
)

// window is how many frames of a stream may be on their way or unread. It bounds what a stream takes: a reader that
// is slow holds up nobody but itself.
const window = wire.DefaultCredit

// errEnd is the regular end of a stream.
var errEnd = errors.New("the stream has ended")

// A stream is the replies to a SCAN, a WATCH or a statement. All of it is guarded by the mu of its connection.
type stream struct {
	frames []wire.Frame // arrived, not read; the bodies are the stream's
	credit int          // frames that the server may send
	read   int          // frames read since the server was given credit
	opened bool         // a frame has arrived
	closed bool         // nobody reads any more
	ended  error        // errEnd after END; else what ended it
	last   []byte       // the body of END
	ready  chan struct{}
}

func newStream() *stream { return &stream{credit: window, ready: make(chan struct{}, 1)} }

// push takes a frame. last says that it is the last one; an error ends the connection, and the stream with it.
func (s *stream) push(f wire.Frame) (last bool, err error) {
	switch f.Type {
	case wire.TypeEnd:
		s.last = append([]byte(nil), f.Body...)
		s.fail(errEnd)
		return true, nil
	case wire.TypeError:
		s.fail(decodeError(f.Body))
		return true, nil
	case wire.TypeRows, wire.TypeEvent:
		if s.credit == 0 {
			return false, violation("more frames of request %d than it was given credit for", f.ID)
		}
		s.credit--
	case wire.TypeOK, wire.TypeRowHead:
	default:
		return false, violation("%v in a stream", f.Type)
	}
	if !f.Flags.Has(wire.More) {
		return false, violation("%v of a stream without the flag that more follows", f.Type)
	}
	s.opened = true
	if !s.closed {
		f.Body = append([]byte(nil), f.Body...)
		s.frames = append(s.frames, f)
		s.signal()
	}
	return false, nil
}

// fail ends the stream.
func (s *stream) fail(err error) {
	if s.ended == nil {
		s.ended = err
	}
	s.signal()
}

func (s *stream) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// openStream sends the request of a stream and waits until its first frame is there, or its end. The place that is
// reserved for the stream is free again when the server has ended it.
func (c *conn) openStream(ctx context.Context, cl *call) error {
	cl.stream = newStream()
	if err := c.start(ctx, cl); err != nil {
		c.release(needStream)
		return err
	}
	s := cl.stream
	if err := cl.await(ctx, s.ready); err != nil {
		c.closeStream(cl)
		return gaveUp(err, true)
	}
	c.mu.Lock()
	var refused error
	if len(s.frames) == 0 && !errors.Is(s.ended, errEnd) {
		refused = s.ended
	} else {
		s.signal()
	}
	c.mu.Unlock()
	if errors.Is(refused, wire.ErrShuttingDown) {
		c.leave()
	}
	return refused
}

// nextFrame waits for the next frame of a stream; errEnd is its end. The error is the server's, or an unanswered.
func (c *conn) nextFrame(ctx context.Context, cl *call) (wire.Frame, error) {
	s := cl.stream
	for {
		if ctx.Err() != nil { // also while there are frames: a slow reader may never see the last one
			return wire.Frame{}, gaveUp(context.Cause(ctx), true)
		}
		c.mu.Lock()
		if len(s.frames) > 0 {
			f := s.frames[0]
			s.frames[0] = wire.Frame{}
			s.frames = s.frames[1:]
			c.grant(cl, f.Type)
			c.mu.Unlock()
			return f, nil
		}
		err := s.ended
		c.mu.Unlock()
		if err != nil {
			return wire.Frame{}, err
		}
		if err := cl.await(ctx, s.ready); err != nil {
			return wire.Frame{}, gaveUp(err, true)
		}
	}
}

// grant gives the server credit for frames that were read, half a window at a time. The caller holds mu.
func (c *conn) grant(cl *call, read wire.Type) {
	s := cl.stream
	if read == wire.TypeOK || read == wire.TypeRowHead {
		return
	}
	if s.read++; s.read < window/2 || s.ended != nil || s.closed || c.ended != nil {
		return
	}
	c.send(wire.TypeFetch, 0, &wire.Fetch{Cursor: cl.id, Credit: uint32(s.read)})
	s.credit += s.read
	s.read = 0
}

// closeStream tells the server that nobody reads the stream any more. It does not wait.
func (c *conn) closeStream(cl *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := cl.stream
	s.frames = nil
	if s.closed || s.ended != nil {
		return
	}
	s.closed = true
	switch {
	case !s.opened: // the request may still wait for its turn
		c.cancel(cl.id)
	case cl.typ == wire.TypeWatch:
		c.send(wire.TypeUnwatch, wire.NoReply, &wire.Unwatch{Watch: cl.id})
	default:
		c.send(wire.TypeClose, wire.NoReply, wire.ID(cl.id))
	}
}
