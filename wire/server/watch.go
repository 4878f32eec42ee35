package server

import (
	"context"
	"errors"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A watch is the source of a feed's events.
type watch struct {
	c     *conn
	id    uint32
	feed  *engine.Feed
	ahead *engine.Change // read, and not sent

	mu     sync.Mutex
	drain  bool               // the stream ends when everything through last is delivered
	last   uint64             // a sequence number that is durable
	giveUp context.CancelFunc // ends the wait that is under way
}

// watch is WATCH.
func (c *conn) watch(r *request, _ []byte) ([]byte, error) {
	var m wire.Watch
	if err := m.Decode(r.body); err != nil {
		return nil, err
	}
	ks, err := c.keyspace(m.Keyspace, users.Read)
	if err != nil {
		return nil, err
	}
	f, err := ks.Watch(r.ctx, m.From, m.Prefix)
	if err != nil {
		return nil, err
	}
	r.stream.open(&watch{c: c, id: r.ID, feed: f}, m.Credit, m.Keyspace)
	reply := wire.AppendArray(wire.BeginFrame(nil, wire.TypeOK, wire.More, r.ID), 1)
	return wire.AppendUint(reply, f.Position()), nil
}

// unwatch is UNWATCH.
func (c *conn) unwatch(r *request, dst []byte) ([]byte, error) {
	var m wire.Unwatch
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	s, err := c.cursor(uint64(m.Watch), wire.TypeWatch)
	if err != nil {
		return dst, err
	}
	w, open := s.src.(*watch)
	if !m.Drain || !open {
		s.end(nil)
		return wire.AppendNil(dst), nil
	}
	// A commit of nothing is behind all that was committed before.
	before, err := c.server.db.ApplyAsync(r.ctx, c.server.db.NewBatch())
	if err == nil {
		err = before.Wait(r.ctx)
	}
	if err != nil {
		return dst, err
	}
	w.mu.Lock()
	w.drain, w.last = true, before.Seq
	if w.giveUp != nil {
		w.giveUp()
	}
	w.mu.Unlock()
	s.wake()
	return wire.AppendNil(dst), nil
}

// noWait is a context for taking what is there without waiting.
var noWait = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// peek returns the next change if it is there without waiting and is to be delivered, or nil. It stays the next one.
func (w *watch) peek() (*engine.Change, error) {
	if w.ahead == nil {
		c, err := w.feed.NextContext(noWait)
		if errors.Is(err, context.Canceled) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		w.ahead = &c
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.drain && w.ahead.Seq > w.last {
		return nil, nil
	}
	return w.ahead, nil
}

// drained reports whether a watch that is to be drained is. The caller has just seen that peek finds nothing.
func (w *watch) drained() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drain && w.position() > w.last
}

// position is where another watch would go on.
func (w *watch) position() uint64 {
	if w.ahead != nil {
		return w.ahead.Seq
	}
	return w.feed.Position()
}

// await implements source: it waits for the next change, or until the watch is drained.
func (w *watch) await(ctx context.Context) error {
	for {
		either, cancel := context.WithCancelCause(ctx)
		w.mu.Lock()
		w.giveUp = func() { cancel(nil) }
		w.mu.Unlock()
		// Whoever wants the watch drained from here on ends the wait.
		next, err := w.peek()
		if next != nil || err != nil || w.drained() {
			cancel(nil)
			return err
		}
		change, err := w.feed.NextContext(either)
		gaveUp := either.Err() != nil
		cancel(nil)
		switch {
		case err == nil:
			w.ahead = &change
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !gaveUp:
			return err
		}
	}
}

// eventRoom is what is left free before the changes of a frame: its header, and the heads of arrays and position.
const eventRoom = wire.HeaderBytes + 1 + 9 + 5

// changeBytes is what a change takes at most in a frame, beside key, value, bound and operator.
const changeBytes = 1 + 9 + 1 + 3*5 + 5 + 9

// next implements source.
func (w *watch) next(context.Context) (frame []byte, n int, more bool, err error) {
	change, err := w.peek()
	limit := w.c.server.o.MaxFrame
	var buf []byte
	for change != nil && err == nil {
		size := len(change.Key) + len(change.Value) + len(change.End) + len(change.Operator) + changeBytes
		if size+eventRoom > limit {
			err = wire.Errorf(wire.ErrReplyTooLarge, "the change of key %q has %d bytes; a frame has at most %d", shorten(change.Key), size, limit)
			break
		}
		if n == 0 {
			buf = make([]byte, eventRoom, eventRoom+max(size, firstRoom))
		} else if len(buf)+size > min(wire.RowsBytes, limit) {
			break
		}
		out := toChange(change)
		buf = out.Append(buf)
		n++
		w.ahead = nil
		change, err = w.peek()
	}
	if n > 0 {
		var head [eventRoom]byte
		h := wire.AppendArray(wire.BeginFrame(head[:0], wire.TypeEvent, wire.More, w.id), 2)
		frame = under(buf, eventRoom, wire.AppendArray(wire.AppendUint(h, w.position()), n))
	}
	return frame, n, err == nil && (change != nil || !w.drained()), err
}

// under puts a head right before what follows the first room bytes of buf.
func under(buf []byte, room int, head []byte) []byte {
	buf = buf[room-len(head):]
	copy(buf, head)
	return buf
}

func toChange(c *engine.Change) wire.Change {
	out := wire.Change{Seq: c.Seq, Kind: wire.OpKind(c.Kind), Key: c.Key, Value: c.Value, End: c.End, Operator: c.Operator}
	if !c.Expires.IsZero() {
		out.Expires = uint64(max(0, c.Expires.UnixMilli()))
	}
	if out.Value == nil && (out.Kind == wire.OpPut || out.Kind == wire.OpMerge) {
		out.Value = []byte{}
	}
	return out
}

// exhausted implements source.
func (w *watch) exhausted() bool {
	w.mu.Lock()
	drain := w.drain
	w.mu.Unlock()
	if !drain {
		return false
	}
	next, err := w.peek()
	return err == nil && next == nil && w.drained()
}

// close implements source.
func (w *watch) close() { _ = w.feed.Close() } // it has nothing to say
