package engine

import (
	"time"

	"github.com/middb/middb/levels"
	"github.com/middb/middb/page"
)

// Stats describe the database at a moment. Counters count since it was opened. Sizes are in bytes.
type Stats struct {
	Levels []LevelStats // by level, 0 first

	LastSeq    uint64 // sequence number of the newest visible commit
	DurableSeq uint64 // every commit up to here is known to be on disk

	MemtableBytes   int64 // in the active memtable
	MemtableKeys    int   // distinct keys in it
	SealedMemtables int   // memtables waiting for their flush
	ArenaBytes      int64 // memory of memtables, those that old Views hold included

	Cache page.Stats // blocks of sstables in memory, and how often they were found there

	LogBytes     int64         // written to the log
	LogSyncs     int64         // times the log was synced
	LogSyncTime  time.Duration // they took in all
	Flushes      int64         // memtables flushed
	FlushedBytes int64         // sstable bytes written by flushes
	Compactions  int64         // compactions run, moves not counted
	CompactedIn  int64         // sstable bytes read by compactions
	CompactedOut int64         // sstable bytes written by compactions

	Stalls       int64         // times commits waited because memtables were not flushed yet
	WriteDelays  int64         // writes delayed because compactions were behind
	WriteDelay   time.Duration // by how much in all
	WriteQueued  int64         // writes that waited because too much was in flight
	CompactDebt  int64         // bytes compactions should read to bring the levels into shape
	ReadOnlyFrom error         // the failure that made the engine read-only, or nil

	Txns      int   // transactions that can write and are under way
	Conflicts int64 // commits of transactions refused

	Views      int       // snapshots, iterators and transactions that are open
	OldestView ViewStats // the oldest of them
}

// LevelStats describe a level.
type LevelStats struct {
	Level      int
	Files      int
	Bytes      int64
	Entries    int64
	Tombstones int64
	// Score is how full the level is, 1 being what it should have at most. The last level has none.
	Score float64
}

// ViewStats describe an open snapshot, iterator or transaction: while it is open, what it sees stays in memory
// and on disk.
type ViewStats struct {
	Kind    string // snapshot, iterator or transaction
	Seq     uint64
	Age     time.Duration
	Creator []string // functions that made it, innermost first
}

// Stats describes the database now. It takes no part in writes and reads.
func (db *DB) Stats() Stats {
	state := db.published.State()
	s := Stats{
		LastSeq:         db.published.Visible(),
		DurableSeq:      db.published.Durable(),
		MemtableBytes:   state.Active.Bytes(),
		MemtableKeys:    state.Active.Count(),
		SealedMemtables: len(state.Sealed),
		ArenaBytes:      db.arenas.Outstanding(),
		Cache:           db.cache.Stats(),
	}
	scores := db.picker.Scores(state.Version, nil)
	s.CompactDebt = db.picker.Debt(state.Version)
	for level := range levels.NumLevels {
		l := LevelStats{Level: level, Score: scores[level]}
		for _, t := range state.Version.Levels[level] {
			l.Files++
			l.Bytes += t.Size
			l.Entries += t.Entries
			l.Tombstones += t.Tombstones
		}
		s.Levels = append(s.Levels, l)
	}
	s.Views, s.OldestView = db.views.oldest()
	if db.graph != nil {
		m := db.graph.Metrics()
		s.LogBytes, s.LogSyncs = m.LogBytes.Load(), m.LogSyncs.Load()
		s.LogSyncTime = time.Duration(m.LogSyncTime.Load())
		s.Flushes, s.FlushedBytes = m.Flushes.Load(), m.FlushedBytes.Load()
		s.Compactions, s.CompactedIn, s.CompactedOut = m.Compactions.Load(), m.CompactedIn.Load(), m.CompactedOut.Load()
		s.Stalls = m.Stalls.Load()
		s.Txns, s.Conflicts = db.live.Count(), m.Conflicts.Load()
		var delay int64
		s.WriteDelays, delay, s.WriteQueued = db.graph.Delays()
		s.WriteDelay = time.Duration(delay)
		s.ReadOnlyFrom = db.graph.Failure()
	}
	return s
}
