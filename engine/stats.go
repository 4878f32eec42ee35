package engine

import (
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/metrics"
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
	TreeDirtyBytes  int64 // pages of B+Trees that were changed and are not flushed yet

	Cache page.Stats // blocks of sstables in memory, and how often they were found there

	// Reads of single keys that no memtable answered, and what they did to the sstables that may have the key.
	// Found and Missed divided by Gets is the read amplification in fact.
	Lookups levels.Lookups

	// What was written, 50 milliseconds late at most.
	Commits      int64 // commits, of single operations, batches and transactions
	Operations   int64 // in them
	WrittenBytes int64 // of them: keys, values, and a few bytes each

	LogBytes     int64            // written to the log
	LogKept      int64            // bytes of log that are not deleted: not flushed yet, or kept for feeds
	LogSync      metrics.Snapshot // syncs of the log by how long they took, in nanoseconds
	LogSyncs     int64            // their number
	LogSyncTime  time.Duration    // what they took in all
	Flushes      int64            // memtables flushed
	FlushedBytes int64            // sstable bytes written by flushes
	TreeBytes    int64            // bytes of pages of B+Trees written by flushes
	Compactions  int64            // compactions run, moves not counted
	Compacting   int64            // compactions that run now
	CompactedIn  int64            // sstable bytes read by compactions
	CompactedOut int64            // sstable bytes written by compactions
	CompactDebt  int64            // bytes compactions should read to bring the levels into shape

	ObsoleteTables int64 // sstables replaced by compactions that an open View still needs
	ObsoleteBytes  int64 // their size

	// Why writes waited, how often, and how long in all. The first two are counted when the waiting begins and
	// timed when it ends, once for all commits that wait together; the others once for each write.
	Stalls         int64         // memtables were not flushed yet
	StallTime      time.Duration //
	LogStalls      int64         // the log could not be written as fast as commits came
	LogStallTime   time.Duration //
	WriteDelays    int64         // compactions were behind
	WriteDelay     time.Duration //
	WriteQueued    int64         // too much was in flight
	WriteQueueTime time.Duration //
	ReadOnlyFrom   error         // the failure that made the engine read-only, or nil

	Txns       int   // transactions that can write and are under way
	TxnsBegun  int64 // that were ever
	TxnCommits int64 // those that wrote something and were committed
	Conflicts  int64 // commits of transactions refused
	Feeds      int   // open feeds

	Views      int       // snapshots, iterators and transactions that are open
	OldestView ViewStats // the oldest of them
}

// WriteAmplification returns how many bytes went to disk for each byte that users wrote: log, flushes and
// compactions. 0: nothing was written yet.
func (s *Stats) WriteAmplification() float64 {
	if s.WrittenBytes == 0 {
		return 0
	}
	return float64(s.LogBytes+s.FlushedBytes+s.TreeBytes+s.CompactedOut) / float64(s.WrittenBytes)
}

// ReadAmplification returns how many sources a read of a missing key may have to ask now: memtables, tables of
// level 0, and deeper levels with something in them. Filters spare it most of those on disk.
func (s *Stats) ReadAmplification() int {
	n := 1 + s.SealedMemtables
	for _, l := range s.Levels {
		switch {
		case l.Level == 0:
			n += l.Files
		case l.Files > 0:
			n++
		}
	}
	return n
}

// DiskBytes returns what sstables and log hold, obsolete tables included. Log files are larger: see
// Config.LogBytes.
func (s *Stats) DiskBytes() int64 {
	n := s.LogKept + s.ObsoleteBytes
	for _, l := range s.Levels {
		n += l.Bytes
	}
	return n
}

// LiveBytes estimates what the newest values of all keys take in sstables: as much as the largest level, in
// which no key is twice. What is above it may replace or delete a part of that, or be new.
func (s *Stats) LiveBytes() int64 {
	var n int64
	for _, l := range s.Levels {
		n = max(n, l.Bytes)
	}
	return n
}

// SpaceAmplification returns how many bytes are on disk for each byte of LiveBytes; 0 without sstables. If
// much is new in upper levels it is too high, by less than the number of levels.
func (s *Stats) SpaceAmplification() float64 {
	if live := s.LiveBytes(); live > 0 {
		return float64(s.DiskBytes()) / float64(live)
	}
	return 0
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
		Lookups:         db.set.Tables().Lookups(),
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
		db.graphStats(&s)
	}
	return s
}

// graphStats fills in what the actors know.
func (db *DB) graphStats(s *Stats) {
	m := db.graph.Metrics()
	s.Commits, s.Operations, s.WrittenBytes = m.Commits.Load(), m.Operations.Load(), m.UserBytes.Load()
	s.LogBytes, s.LogKept, s.LogSync = m.LogBytes.Load(), m.LogKept.Load(), m.LogSync.Snapshot()
	s.LogSyncs, s.LogSyncTime = int64(s.LogSync.Count()), time.Duration(s.LogSync.Sum)
	s.Flushes, s.FlushedBytes, s.TreeBytes = m.Flushes.Load(), m.FlushedBytes.Load(), m.TreeBytes.Load()
	s.TreeDirtyBytes = db.forest.DirtyBytes()
	s.Compactions, s.Compacting = m.Compactions.Load(), m.Compacting.Load()
	s.CompactedIn, s.CompactedOut = m.CompactedIn.Load(), m.CompactedOut.Load()
	s.ObsoleteTables, s.ObsoleteBytes = m.ObsoleteTables.Load(), m.ObsoleteBytes.Load()
	s.Stalls, s.StallTime = m.Stalls[actors.StallFlush].Load()
	s.LogStalls, s.LogStallTime = m.Stalls[actors.StallLog].Load()
	s.WriteDelays, s.WriteDelay = m.Stalls[actors.StallCompaction].Load()
	s.WriteQueued, s.WriteQueueTime = m.Stalls[actors.StallInFlight].Load()
	s.Txns, s.TxnsBegun = db.live.Count(), db.live.Total()
	s.TxnCommits, s.Conflicts = m.TxnCommits.Load(), m.Conflicts.Load()
	s.Feeds = db.graph.Followers()
	s.ReadOnlyFrom = db.graph.Failure()
}

// ActorStats say how busy an actor is.
type ActorStats = actors.ActorStats

// Actors says how busy each actor of the database is, in the order in which data flows. A database that is open
// for reading has none. Safe for concurrent use, also after Close.
func (db *DB) Actors() []ActorStats {
	if db.graph == nil {
		return nil
	}
	return db.graph.Actors()
}
