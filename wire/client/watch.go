package client

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/middb/middb/wire"
)

// A Change is one operation of a commit. Its slices belong to whoever received it.
type Change struct {
	Seq      uint64 // sequence number of the operation
	Kind     ChangeKind
	Key      []byte    // of a range delete its lower bound, inclusive; nil: it has none
	Value    []byte    // of a put, or the operand of a merge
	End      []byte    // of a range delete its upper bound, exclusive; nil: it has none
	Operator string    // of a merge
	Expires  time.Time // of a put that expires; else zero
}

// ChangeKind says what a Change does.
type ChangeKind = wire.OpKind

// The kinds of changes.
const (
	ChangePut         = wire.OpPut         // Key has Value, until Expires if that is not zero
	ChangeDelete      = wire.OpDelete      // Key is gone
	ChangeDeleteRange = wire.OpDeleteRange // everything from Key, inclusive, to End, exclusive, is gone
	ChangeMerge       = wire.OpMerge       // Value is merged into what Key has
)

// A Feed yields the operations of commits, in the order of their sequence numbers and without a gap, as they become
// durable. When its connection is lost it goes on over another one, from its position. Next, NextContext and All are
// for one goroutine; any may call Close and Drain.
//
//	feed, err := db.Watch(ctx, from, []byte("user/"))
//	...
//	defer feed.Close()
//	for c, err := range feed.All() {
//		if err != nil { ... }
//		...
//		from = c.Seq + 1 // to go on from here another time
//	}
type Feed struct {
	ks     scope
	prefix []byte
	ctx    context.Context
	cancel context.CancelCauseFunc

	// Of the goroutine that calls Next.
	changes  []wire.Change // arrived, not delivered
	position uint64
	after    uint64 // the position when changes are delivered
	err      error  // what has ended it

	mu       sync.Mutex
	conn     *conn
	cl       *call
	closed   bool
	draining bool
}

var errFeedClosed = wire.Errorf(wire.ErrClosed, "the feed is closed")

// Watch returns a feed of the operations on the keyspace from sequence number from on, whose keys begin with prefix
// (empty: all), and of range deletes that reach into these keys. With from 0 it begins with the first commit that is
// not durable at the time of the call. From the last Change.Seq plus 1, or its Position, a feed goes on where another
// one ended, as far as the server keeps its log: if that does not reach back the error is wire.ErrFeedTruncated, and
// the *wire.Error says from where on. When ctx ends the feed ends with its cause. The caller closes it.
func (ks *Keyspace) Watch(ctx context.Context, from uint64, prefix []byte) (*Feed, error) {
	f := &Feed{ks: ks.scope, prefix: prefix, position: from}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	if err := f.open(ctx, ks.c.s.Timeout); err != nil {
		f.cancel(nil)
		return nil, public(err, wire.TypeWatch, repeatable)
	}
	return f, nil
}

// open begins, or goes on, at the position.
func (f *Feed) open(ctx context.Context, limit time.Duration) error {
	c := f.ks.c
	m := wire.Watch{Keyspace: f.ks.keyspace, From: f.position, Prefix: f.prefix, Credit: window}
	cl := c.streamCall(wire.TypeWatch)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, limit)
	defer cl.end()
	conn, err := c.pool.run(ctx, cl, needStream, repeatable)
	if err != nil {
		return err
	}
	first, err := conn.nextFrame(ctx, cl)
	if err == nil && first.Type != wire.TypeOK {
		err = violation("%v at the beginning of a watch", first.Type)
	}
	var begins wire.ID
	if err == nil {
		err = begins.Decode(first.Body)
	}
	if err != nil {
		conn.closeStream(cl)
		return err
	}
	f.position = uint64(begins)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn, f.cl = conn, cl
	if f.closed {
		conn.closeStream(cl)
	} else if f.draining {
		f.drain()
	}
	return nil
}

// Next waits for the next change. It returns wire.ErrClosed when the feed or the client is closed, the cause of the
// feed's context when that has ended, io.EOF when everything before a Drain is delivered, wire.ErrFeedTruncated when
// the feed was cut off, and otherwise what the server says. The first error ends the feed; see NextContext.
func (f *Feed) Next() (Change, error) { return f.next(f.ctx) }

// NextContext is Next that also gives up when ctx ends, with its cause, and then does not end the feed. Changes that
// are there without waiting it returns also after that.
func (f *Feed) NextContext(ctx context.Context) (Change, error) {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(f.ctx, func() { stop(context.Cause(f.ctx)) })()
	return f.next(waiting)
}

func (f *Feed) next(ctx context.Context) (Change, error) {
	for {
		if len(f.changes) > 0 {
			return f.deliver(), nil
		}
		if f.err != nil {
			return Change{}, f.err
		}
		if err := f.fetch(ctx); err != nil {
			if ctx.Err() != nil && f.ctx.Err() == nil {
				return Change{}, err
			}
			f.end(err)
		}
	}
}

// deliver takes the next of the changes that have arrived.
func (f *Feed) deliver() Change {
	c := &f.changes[0]
	f.changes = f.changes[1:]
	f.position = c.Seq + 1
	if len(f.changes) == 0 {
		f.position = f.after
	}
	change := Change{Seq: c.Seq, Kind: c.Kind, Key: c.Key, Value: c.Value, End: c.End, Operator: c.Operator}
	if c.Expires != 0 {
		change.Expires = time.UnixMilli(int64(c.Expires))
	}
	return change
}

// fetch waits for changes, or for the position to move, over as many connections as it takes.
func (f *Feed) fetch(ctx context.Context) error {
	frame, err := f.conn.nextFrame(ctx, f.cl)
	var u *unanswered
	switch {
	case errors.As(err, &u) && u.lost && !errors.Is(err, errClosed):
		return f.reopen(ctx, err)
	case errors.Is(err, wire.ErrShuttingDown), errors.Is(err, errEnd) && !f.drains():
		f.conn.leave()
		return f.reopen(ctx, err)
	case errors.Is(err, errEnd):
		return io.EOF
	case err != nil:
		return public(err, wire.TypeWatch, repeatable)
	case frame.Type != wire.TypeEvent:
		return violation("%v in place of EVENT", frame.Type)
	}
	var e wire.Event
	if err = e.Decode(frame.Body); err != nil {
		return err
	}
	f.changes, f.after = e.Changes, e.Position
	if len(e.Changes) == 0 {
		f.position = e.Position
	}
	return nil
}

// reopen goes on over another connection after one was lost.
func (f *Feed) reopen(ctx context.Context, lost error) error {
	f.ks.c.s.Logger.Info("a feed goes on over another connection", "position", f.position, "after", reasonOf(lost))
	for {
		err := f.open(ctx, 0)
		if err == nil {
			return nil
		}
		if f.ks.c.s.feedAttempts != 0 || !again(err, repeatable) {
			return public(err, wire.TypeWatch, repeatable)
		}
	}
}

// end ends the feed, for a reason.
func (f *Feed) end(err error) {
	if f.ctx.Err() != nil {
		err = context.Cause(f.ctx)
	}
	f.err = err
	f.release()
}

// release ends the stream on the server.
func (f *Feed) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.conn.closeStream(f.cl)
}

// All yields the changes until an error ends the feed, and then that error; after Drain it just ends. It may be
// called again.
func (f *Feed) All() iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			c, err := f.Next()
			if errors.Is(err, io.EOF) && f.err == io.EOF { //nolint:errorlint // not a lost connection
				return
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// Position returns the sequence number before which everything was delivered, or left out for the prefix: where
// another feed goes on. It is for the goroutine that calls Next.
func (f *Feed) Position() uint64 { return f.position }

// Drain has the feed end, with io.EOF, when everything is delivered that was committed before the call; commits that
// are not durable yet are made so. It does not wait.
func (f *Feed) Drain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.draining && !f.closed {
		f.draining = true
		f.drain()
	}
}

func (f *Feed) drains() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.draining
}

// drain tells the server. The caller holds mu.
func (f *Feed) drain() {
	f.conn.sendNow(wire.TypeUnwatch, wire.NoReply, &wire.Unwatch{Watch: f.cl.id, Drain: true})
}

// Close ends the feed and releases what it holds; a Next that waits returns wire.ErrClosed. Closing it again does
// nothing.
func (f *Feed) Close() error {
	f.cancel(errFeedClosed)
	f.release()
	return nil
}
