package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/integrity"
	"github.com/middb/middb/wal"
)

// ErrFeedTruncated is matched by the *FeedTruncatedError of a feed that wants to begin, or to go on,
// where the log does not reach back to any more.
var ErrFeedTruncated = errors.New("the log does not reach back to the feed's position")

// A FeedTruncatedError says where a feed was cut off. What was committed from Next to Oldest is not to
// be had from a feed any more: read the database as it is, from a snapshot, and watch from behind it.
type FeedTruncatedError struct {
	Next   uint64 // the first sequence number that was not delivered
	Oldest uint64 // the oldest one that a feed can begin with now
}

// Error implements error.
func (e *FeedTruncatedError) Error() string {
	return fmt.Sprintf("%v: next is %d, the oldest kept is %d", ErrFeedTruncated, e.Next, e.Oldest)
}

// Is reports that a FeedTruncatedError is an ErrFeedTruncated.
func (e *FeedTruncatedError) Is(target error) bool { return target == ErrFeedTruncated }

// A Feed yields the operations of commits, in the order of their sequence numbers and without a gap, as
// they become durable: what a feed has yielded no crash takes back. It reads the log's files by itself,
// when it is asked, so it holds nobody back and keeps nothing in memory; who does not ask for long
// is cut off (see Config.FeedBacklogBytes). Next, NextContext and All are for one goroutine; any may call Close.
//
//	feed, err := db.Watch(ctx, from, []byte("user/"))
//	...
//	defer feed.Close()
//	for c, err := range feed.All() {
//		if err != nil { ... }
//		...
//		from = c.Seq + 1 // to go on from here another time
//	}
//
// While a feed is open, NoSync commits are synced within 50 ms or so, for it to see them.
type Feed struct {
	db       *DB
	ctx      context.Context
	follower *actors.Follower
	window   feedWindow
	done     chan struct{} // closed by Close
	once     sync.Once
	stop     func() bool

	mu   sync.Mutex // held by Next; Close takes it to close the file
	tail *wal.Tail
	err  error // what ended the feed; final

	from uint64     // operations before it are skipped
	rec  wal.Record // being delivered
	ops  []byte     // what is left of its operations
	seq  uint64     // of the next one in ops
}

// Watch returns a feed of the operations on the keyspace from sequence number from on, whose keys begin with prefix
// (empty: all), and of range deletes that reach into these keys. With from 0 it begins with the first
// commit that is not durable at the time of the call. From the last Change.Seq plus 1 a feed goes on
// where another one ended, also after the database was closed or has crashed, as far as the log is
// kept: if it does not reach back to from the error is a *FeedTruncatedError. When ctx ends the feed
// ends with its cause. The caller closes the feed.
func (ks *Keyspace) Watch(ctx context.Context, from uint64, prefix []byte) (*Feed, error) {
	err := ks.check()
	var f *Feed
	if err == nil {
		f, err = ks.db.watch(ctx, from, newFeedWindow(&ks.space, prefix))
	}
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return f, nil
}

// watch returns a feed of what window shows.
func (db *DB) watch(ctx context.Context, from uint64, window feedWindow) (*Feed, error) {
	switch {
	case db.closed.Load():
		return nil, ErrClosed
	case db.graph == nil:
		return nil, ErrReadOnly
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	follower, oldest, ok := db.graph.Follow(from)
	if !ok {
		return nil, &FeedTruncatedError{Next: from, Oldest: oldest}
	}
	from = follower.Position()
	f := &Feed{
		db: db, ctx: ctx, follower: follower, window: window, done: make(chan struct{}), from: from,
		tail: wal.NewTail(db.cfg.FS, db.cfg.Dir, db.set.Identity().LogID, from),
	}
	// A context that has ended holds no log back, whether or not anybody asks for the next change.
	f.stop = context.AfterFunc(ctx, follower.Close)
	return f, nil
}

// Next waits for the next change. It returns ErrClosed when the database or the feed is closed, the
// cause of the feed's context when that has ended, ErrFailed when the engine has failed and all that
// was durable by then is delivered, a *FeedTruncatedError when the feed was cut off, and a
// *CorruptionError when the log is damaged. The first error ends the feed; see NextContext.
func (f *Feed) Next() (Change, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wait(f.ctx)
}

// NextContext is Next that also gives up when ctx ends, with its cause, and then does not end the feed. Changes
// that are there without waiting it returns also after that.
func (f *Feed) NextContext(ctx context.Context) (Change, error) {
	either := ctx
	if ctx.Err() == nil { // otherwise nothing is waited for, and this may be called for each of many changes
		both, cancel := context.WithCancelCause(f.ctx)
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
		either = both
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wait(either)
}

// wait is Next that waits no longer than ctx, which ends with the feed's.
func (f *Feed) wait(ctx context.Context) (Change, error) {
	if f.err != nil {
		return Change{}, f.err
	}
	c, err := f.next(ctx)
	if err == nil {
		return c, nil
	}
	if errors.Is(err, errGaveUp) && f.ended() == nil {
		return Change{}, fmt.Errorf("feed: %w", context.Cause(ctx))
	}
	if ended := f.ended(); ended != nil { // which may be why it failed
		err = ended
	}
	f.err = fmt.Errorf("feed: %w", err)
	f.follower.Close()
	_ = f.tail.Close() // it was read only
	return Change{}, f.err
}

// All yields the changes until an error ends the feed, and then that error. It may be called again.
func (f *Feed) All() iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			c, err := f.Next()
			if !yield(c, err) || err != nil {
				return
			}
		}
	}
}

// Position returns the sequence number before which everything was delivered, or left out for the
// prefix: where another feed goes on. It is for the goroutine that calls Next.
func (f *Feed) Position() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.position()
}

func (f *Feed) position() uint64 {
	if len(f.ops) > 0 {
		return max(f.seq, f.from)
	}
	return max(f.tail.Position(), f.from)
}

// Close ends the feed and releases what it holds; a Next that waits returns ErrClosed. Closing it again
// does nothing.
func (f *Feed) Close() error {
	f.once.Do(func() {
		close(f.done)
		f.stop()
		f.follower.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err == nil {
			f.err = fmt.Errorf("feed: %w", ErrClosed)
			_ = f.tail.Close() // it was read only
		}
	})
	return nil
}

// ended returns why the feed must end, if it must.
func (f *Feed) ended() error {
	select {
	case <-f.done:
		return ErrClosed
	default:
	}
	if f.db.closed.Load() {
		return ErrClosed
	}
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	return f.follower.Ended()
}

// errGaveUp marks that waiting was given up.
var errGaveUp = errors.New("gave up waiting")

func (f *Feed) next(ctx context.Context) (Change, error) {
	for {
		if err := f.ended(); err != nil {
			return Change{}, err
		}
		if c, ok, err := f.take(); ok || err != nil {
			return c, err
		}
		f.follower.Passed(f.position())
		limit := f.follower.Readable()
		rec, err := f.tail.Next(limit)
		switch {
		case err == nil:
			f.rec, f.ops, f.seq = rec, rec.Ops, rec.FirstSeq
		case errors.Is(err, io.EOF):
			err = f.follower.Await(ctx, f.done, max(limit, f.tail.Position()-1))
			if err != nil && ctx.Err() != nil {
				err = errGaveUp
			}
			if err != nil {
				return Change{}, err
			}
		case errors.Is(err, wal.ErrGone):
			return Change{}, &FeedTruncatedError{Next: f.position(), Oldest: f.db.graph.OldestInLog()}
		default:
			return Change{}, err
		}
	}
}

// take takes operations off the record until one is to be delivered.
func (f *Feed) take() (c Change, ok bool, err error) {
	for len(f.ops) > 0 {
		kind, k, v, rest, err := wal.DecodeOp(f.ops)
		if err != nil {
			return c, false, f.damaged(err)
		}
		seq := f.seq
		f.ops, f.seq = rest, seq+1
		if seq < f.from {
			continue
		}
		c, ok, err = f.window.change(kind, k, v)
		if err != nil {
			return c, false, f.damaged(err)
		}
		if ok {
			c.Seq = seq
			return c, true, nil
		}
	}
	return c, false, nil
}

// damaged says where the operations are that are none.
func (f *Feed) damaged(err error) error {
	if errors.Is(err, wal.ErrMalformed) {
		return integrity.Corrupt(f.db.cfg.FS.Join(f.db.cfg.Dir, wal.FileName(f.rec.Segment)), f.rec.Offset, "%v", err)
	}
	return err
}
