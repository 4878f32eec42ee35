package actors

import (
	"sync/atomic"
	"time"

	"github.com/middb/middb/metrics"
)

// Metrics count what the actors have done since the start. Each is written by one actor, but for Stalls, and
// read by anybody.
type Metrics struct {
	Commits    atomic.Int64 // admitted, as of the last bytes of log that were handed over
	Operations atomic.Int64 // in them
	UserBytes  atomic.Int64 // of them: keys, values, and a few bytes each
	TxnCommits atomic.Int64 // those that transactions made
	Conflicts  atomic.Int64 // transactions refused

	LogBytes atomic.Int64      // written to the log
	LogSync  metrics.Histogram // fdatasyncs of the log, in nanoseconds
	LogKept  atomic.Int64      // bytes of log that are not deleted

	Rotations    atomic.Int64 // memtables sealed
	Flushes      atomic.Int64 // memtables flushed
	FlushedBytes atomic.Int64 // bytes of sstables written by flushes
	TreeBytes    atomic.Int64 // bytes of pages of B+Trees written by flushes
	Compactions  atomic.Int64 // compactions run, moves not counted
	CompactedIn  atomic.Int64 // bytes of sstables read by them
	CompactedOut atomic.Int64 // bytes of sstables written by them

	Compacting     atomic.Int64 // compactions that run now
	ObsoleteTables atomic.Int64 // sstables that only old Views need
	ObsoleteBytes  atomic.Int64 // their size

	Stalls [NumStallCauses]Stall
}

// A StallCause is why writes had to wait.
type StallCause uint8

// The causes.
const (
	StallFlush      StallCause = iota // as many memtables as may be wait for their flush
	StallLog                          // all log blocks wait to be written
	StallCompaction                   // a delay at the door, because compactions are behind
	StallInFlight                     // at the door, because too much is in flight
	NumStallCauses
)

// A Stall counts how often writes had to wait for one cause, and for how long in all. What commits in the
// coordinator's queue wait for, the first two causes, counts once however many they are; what callers wait
// for at the door counts for each.
type Stall struct {
	Count       atomic.Int64
	Nanoseconds atomic.Int64 // of those that are over
}

func (s *Stall) add(took time.Duration) {
	s.Count.Add(1)
	s.Nanoseconds.Add(int64(took))
}

// Load returns both.
func (s *Stall) Load() (count int64, took time.Duration) {
	return s.Count.Load(), time.Duration(s.Nanoseconds.Load())
}

// Metrics returns the counters.
func (g *Graph) Metrics() *Metrics { return g.wiring.metrics }

// Followers returns how many follow the log.
func (g *Graph) Followers() int { return int(g.wiring.feeds.count.Load()) }

// A stall is what the coordinator knows of its own waiting.
type stall struct {
	metrics *Metrics
	cause   StallCause
	since   time.Time // zero: it does not wait
}

// note is told, after each batch, whether commits wait, and what for.
func (s *stall) note(waiting bool, cause StallCause, now func() time.Time) {
	same := waiting && cause == s.cause
	if s.since.IsZero() && !waiting || !s.since.IsZero() && same {
		return
	}
	at := now()
	if !s.since.IsZero() {
		s.metrics.Stalls[s.cause].Nanoseconds.Add(int64(at.Sub(s.since)))
		s.since = time.Time{}
	}
	if waiting {
		s.metrics.Stalls[cause].Count.Add(1)
		s.cause, s.since = cause, at
	}
}
