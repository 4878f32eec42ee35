package actors

import (
	"sync"
	"sync/atomic"
	"time"
)

// This file measures what the actors have to do. The write path must not feel it, so a message that finds its
// actor idle, which is how a single caller meets the coordinator, is not counted at all.

// An ActorStats says how busy an actor is.
type ActorStats struct {
	Name string
	// Depth is how many messages wait: posted while it was busy and not received yet, or received and kept
	// because it cannot go on.
	Depth int
	// Age is how long the oldest of them has waited.
	Age time.Duration
	// Busy is the time that it has spent on messages since the start. That of the coordinator and the memtable
	// owner is an estimate from samples.
	Busy time.Duration
}

// began is when the process did: the time of measurements is counted from there.
var began = time.Now()

// elapsed reads the monotonic clock. It is never 0.
func elapsed() int64 { return max(1, int64(time.Since(began))) }

// claimFor is claim by somebody who has just pushed that many messages. Those that find the actor busy are
// counted in the line of the queue, which the poster has just written anyway.
func (m *mailbox) claimFor(messages int64) bool {
	if m.claim() {
		m.load.own += messages
		return true
	}
	m.posted.Add(messages)
	return false
}

// took is told how many messages the runner has taken off the queue. They are those counted in posted, and those
// that the runner, or who was it before, brought along. A message that a poster's claim comes too late for, as
// it was taken already, is made up for the next time.
func (l *load) took(messages int64) {
	if counted := messages - l.own; counted != 0 {
		l.taken.Add(counted)
	}
	l.own = 0
}

// waiting returns how many messages wait in the mailbox. A poster counts its message after it has pushed it.
func (m *mailbox) waiting() int {
	taken := m.load.taken.Load()
	return int(max(0, m.posted.Load()-taken))
}

// Strands run for well below a microsecond most times, as long as it takes to look at the clock twice. So only
// one of sampleStride batches is timed and counts for all of them, until one takes longBatch: the next ones
// are timed each.
const (
	sampleStride = 127
	longBatch    = int64(20 * time.Microsecond)
)

// load is what the runner of an actor knows of its work. Only the runner writes it.
type load struct {
	strand    bool
	clockless bool // in a simulation, which has a time of its own
	stride    int64
	skip      int64 // batches not to be timed
	own       int64 // messages that those who became runners since the last look at the queue brought along

	taken atomic.Int64 // messages of posted that were taken off the queue
	busy  atomic.Int64 // nanoseconds, without the batch that is being timed
	since atomic.Int64 // when that began; 0: none is timed

	kept      *node // the oldest message kept; nil: none
	keeping   atomic.Int64
	keptSince atomic.Int64

	mu       sync.Mutex // guards reported
	reported int64      // busy, as told the last time
}

// begin begins the measurement of a batch, because none is to be skipped.
func (l *load) begin() (start int64) {
	start = elapsed()
	l.since.Store(start)
	return start
}

// end ends it, and decides how many batches are not measured.
func (l *load) end(start int64) {
	took := elapsed() - start
	l.since.Store(0)
	l.busy.Add(took * max(1, l.stride))
	l.stride, l.skip = 1, 0
	if l.strand && took < longBatch {
		l.stride, l.skip = sampleStride, sampleStride-1
	}
}

// keeps says that the actor keeps n messages, the first of which is oldest, because it cannot go on.
func (m *mailbox) keeps(n int, oldest *node) {
	l := &m.load
	if n == 0 && l.kept == nil {
		return
	}
	if oldest != l.kept {
		var since int64
		if oldest != nil && !l.clockless {
			since = elapsed()
		}
		l.kept = oldest
		l.keptSince.Store(since)
	}
	l.keeping.Store(int64(n))
}

// keeps is mailbox.keeps of messages in a slice, the oldest first.
func keeps[M message](p *process, kept []M) {
	var oldest *node
	if len(kept) > 0 {
		oldest = kept[0].link()
	}
	p.keeps(len(kept), oldest)
}

// stats says how busy the actor is. Any goroutine may call it.
func (p *process) stats() ActorStats {
	m, l := p.mailbox, &p.mailbox.load
	s := ActorStats{Name: p.name, Depth: m.waiting()}
	if p.simulated != nil {
		s.Depth += p.simulated.Queued()
	}
	busy := l.busy.Load() // before since: a batch that ends meanwhile is not counted twice
	since := l.since.Load()
	now := elapsed()
	if s.Depth > 0 && since > 0 {
		s.Age = time.Duration(now - since)
	}
	if kept, keptSince := l.keeping.Load(), l.keptSince.Load(); kept > 0 && keptSince > 0 {
		s.Depth += int(kept)
		s.Age = max(s.Age, time.Duration(now-keptSince))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if since > 0 {
		busy += now - since
	}
	// It may be missing, and have been told before.
	l.reported = max(l.reported, busy)
	s.Busy = time.Duration(l.reported)
	return s
}

// Actors says how busy each actor is, in the order of the data flow. Safe for concurrent use, also after Close.
func (g *Graph) Actors() []ActorStats {
	w := g.wiring
	all := append([]*process{w.coordinator, w.memtableOwner, w.logWriter, w.flusher, w.versions}, w.compactors[:]...)
	var out []ActorStats
	for _, p := range all {
		out = append(out, p.stats())
	}
	return out
}
