package actors

import "sync/atomic"

// Metrics count what the actors have done since the start. Each is written by one actor and read by
// anybody.
type Metrics struct {
	LogBytes     atomic.Int64 // written to the log
	LogSyncs     atomic.Int64 // fdatasyncs of the log
	LogSyncTime  atomic.Int64 // nanoseconds they took
	Rotations    atomic.Int64 // memtables sealed
	Conflicts    atomic.Int64 // transactions refused
	Stalls       atomic.Int64 // times commits had to wait for a flush
	Flushes      atomic.Int64 // memtables flushed
	FlushedBytes atomic.Int64 // bytes of sstables written by flushes
	Compactions  atomic.Int64 // compactions run, moves not counted
	CompactedIn  atomic.Int64 // bytes of sstables read by them
	CompactedOut atomic.Int64 // bytes of sstables written by them
}

// Metrics returns the counters.
func (g *Graph) Metrics() *Metrics { return g.wiring.metrics }

// Delays tells how often, and for how many nanoseconds in all, callers were delayed because flush
// and compaction were behind, and how often they waited because too much was in flight.
func (g *Graph) Delays() (count, nanoseconds, refusals int64) {
	d := g.wiring.door
	return d.delays.Load(), d.delayed.Load(), d.refusals.Load()
}
