package actors

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/wal"
)

// feeds is what the actors and those who follow the log know of each other. Followers read the log's
// files themselves; they need to know how far it is durable, and to be woken when that advances, and
// the log writer needs to know what they have not read yet. It costs the write path two loads a batch,
// and one more each time that commits become durable.
type feeds struct {
	count   atomic.Int32 // open followers
	waiting atomic.Bool  // some of them wait on wake

	wakeMu sync.Mutex    // guards wake; held for moments only, as the memtable owner takes it
	wake   chan struct{} // closed, and replaced, when there is more to read; nil: nobody waits

	// mu guards what follows. The log writer holds it while it deletes segments, so that whether a
	// follower came before or after is one question with one answer.
	mu      sync.Mutex
	open    map[*Follower]struct{}
	oldest  uint64 // first sequence number that the log still has
	retain  int64  // bytes of flushed log that stay in any case
	backlog int64  // and for followers
}

// follows reports whether anybody follows the log.
func (f *feeds) follows() bool { return f.count.Load() > 0 }

// sleep returns a channel that is closed the next time there is more to read.
func (f *feeds) sleep() <-chan struct{} {
	f.wakeMu.Lock()
	defer f.wakeMu.Unlock()
	if f.wake == nil {
		f.wake = make(chan struct{})
		f.waiting.Store(true)
	}
	return f.wake
}

// wakeAll wakes who waits. It is called after what they wait for was published: who looks before that
// has set waiting before.
func (f *feeds) wakeAll() {
	f.wakeMu.Lock()
	defer f.wakeMu.Unlock()
	if f.wake != nil {
		close(f.wake)
		f.wake = nil
		f.waiting.Store(false)
	}
}

// release deletes the segments that are flushed and that nobody may want any more.
func (f *feeds) release(log *wal.Writer, flushed uint64) error {
	if !log.Deletable(flushed) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	keep := wal.Retention{Bytes: f.retain, HeldBytes: f.backlog}
	for o := range f.open {
		at := o.at.Load()
		// Who is cut off holds nothing back.
		if at >= f.oldest && (keep.From == 0 || at < keep.From) {
			keep.From = at
		}
	}
	log.Retain(keep)
	err := log.DeleteThrough(flushed)
	f.oldest = log.Oldest()
	return err
}

// wakeFeeds tells followers that more commits are visible and durable, if so.
func (o *memtableOwner) wakeFeeds() {
	if readable := min(o.durable, o.visible); readable != o.readable {
		o.readable = readable
		if o.feeds.waiting.Load() {
			o.feeds.wakeAll()
		}
	}
}

// A Follower is somebody who follows the log behind the log writer, and the place it has reached. While
// it is open, what is flushed is not deleted before the Follower has passed it, up to
// Config.FeedBacklog, and commits that nobody wants durable become so within bufferedFor and a sync. It
// is for one goroutine, but for Close.
type Follower struct {
	graph *Graph
	at    atomic.Uint64 // first sequence number that it still needs
	once  sync.Once
}

// Follow opens a Follower at sequence number from; 0: behind what is durable now. It reports ok false,
// and the oldest place that there is, if the log does not reach back so far.
func (g *Graph) Follow(from uint64) (f *Follower, oldest uint64, ok bool) {
	s := &g.wiring.feeds
	f = &Follower{graph: g}
	g.wiring.lock(&s.mu)
	if from == 0 {
		from = g.Durable() + 1
	}
	f.at.Store(from)
	oldest = s.oldest
	if ok = from >= oldest; ok {
		s.open[f] = struct{}{}
		s.count.Add(1)
	}
	s.mu.Unlock()
	if !ok {
		return nil, oldest, false
	}
	// What was committed before, and is not durable, may stay so until the coordinator looks.
	g.wiring.postIfOpen(g.wiring.coordinator, own(&logFollowed{}))
	return f, oldest, true
}

// OldestInLog returns the first sequence number that the log still has.
func (g *Graph) OldestInLog() uint64 {
	s := &g.wiring.feeds
	g.wiring.lock(&s.mu)
	defer s.mu.Unlock()
	return s.oldest
}

// Position returns the place that the Follower has reached.
func (f *Follower) Position() uint64 { return f.at.Load() }

// Passed says that the Follower needs nothing before sequence number next any more.
func (f *Follower) Passed(next uint64) { f.at.Store(next) }

// Readable returns the sequence number through which the Follower may read: what is durable, and
// visible to readers of the database.
func (f *Follower) Readable() uint64 { return min(f.graph.Durable(), f.graph.Visible()) }

// Ended returns ErrClosed if the actors have stopped.
func (f *Follower) Ended() error {
	select {
	case <-f.graph.wiring.stopped:
		return ErrClosed
	default:
		return nil
	}
}

// Await returns nil when Readable is beyond a sequence number; before that, the cause of the context
// if it ends, ErrClosed if done is closed or the actors have stopped, and the failure of the engine.
func (f *Follower) Await(ctx context.Context, done <-chan struct{}, beyond uint64) error {
	w := f.graph.wiring
	for {
		wake := w.feeds.sleep()
		a := w.alarms.current.Load()
		failure := w.alarms.failed()
		switch {
		case f.Readable() > beyond: // what was durable before a failure is read first
			return nil
		case failure != nil:
			return failure
		}
		if s := w.scheduler; s != nil {
			s.Wait("changes", func() bool {
				return ended(wake) || ended(a.raised) || ctx.Err() != nil || ended(done) || ended(w.stopped)
			})
			if ended(wake) || ended(a.raised) { // a select might find something else as well
				continue
			}
		}
		select {
		case <-wake:
		case <-a.raised: // for want of space perhaps, which passes
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-done:
			return ErrClosed
		case <-w.stopped:
			return ErrClosed
		}
	}
}

// Close ends the Follower. Any goroutine may call it, and again.
func (f *Follower) Close() {
	f.once.Do(func() {
		w := f.graph.wiring
		w.lock(&w.feeds.mu)
		delete(w.feeds.open, f)
		w.feeds.count.Add(-1)
		w.feeds.mu.Unlock()
		w.postIfOpen(w.logWriter, own(&releaseLog{})) // it may have been all that held segments back
	})
}
