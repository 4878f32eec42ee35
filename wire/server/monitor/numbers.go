package monitor

import "github.com/middb/middb/engine"

type stats = engine.Stats

// engineNumbers are the metrics of the engine that have no labels.
var engineNumbers = []number[stats]{
	gauge("visible_sequence_number", "Sequence number of the newest commit that readers see.",
		func(s *stats) uint64 { return s.LastSeq }),
	gauge("durable_sequence_number", "Sequence number through which commits are known to be on disk.",
		func(s *stats) uint64 { return s.DurableSeq }),
	gauge("read_only", "1 if the engine has failed and takes no writes, else 0.",
		func(s *stats) int { return truth(s.ReadOnlyFrom != nil) }),

	gauge("memtable_bytes", "Size of the active memtable.",
		func(s *stats) int64 { return s.MemtableBytes }),
	gauge("memtable_keys", "Keys in the active memtable.",
		func(s *stats) int { return s.MemtableKeys }),
	gauge("memtables_sealed", "Memtables that wait for their flush.",
		func(s *stats) int { return s.SealedMemtables }),
	gauge("memtable_arena_bytes", "Memory of all memtables, those that old views hold included.",
		func(s *stats) int64 { return s.ArenaBytes }),

	counter("cache_hits_total", "Blocks of sstables that were found in the cache.",
		func(s *stats) int64 { return s.Cache.Hits }),
	counter("cache_misses_total", "Blocks of sstables that had to be read.",
		func(s *stats) int64 { return s.Cache.Misses }),
	counter("cache_evictions_total", "Blocks that had to leave the cache.",
		func(s *stats) int64 { return s.Cache.Evicted }),
	gauge("cache_bytes", "Memory of the blocks in the cache.",
		func(s *stats) int64 { return s.Cache.Bytes }),
	gauge("cache_reserved_bytes", "Memory of indexes and filters, within the capacity of the cache.",
		func(s *stats) int64 { return s.Cache.Reserved }),
	gauge("cache_private_bytes", "Memory of pinned blocks that found no room in the cache.",
		func(s *stats) int64 { return s.Cache.Private }),
	gauge("cache_capacity_bytes", "What the cache may take.",
		func(s *stats) int64 { return s.Cache.Capacity }),

	counter("commits_total", "Commits, of single operations, batches and transactions.",
		func(s *stats) int64 { return s.Commits }),
	counter("written_operations_total", "Operations in commits.",
		func(s *stats) int64 { return s.Operations }),
	counter("written_bytes_total", "Keys and values in commits.",
		func(s *stats) int64 { return s.WrittenBytes }),
	counter("table_gets_total", "Reads of single keys that no memtable answered.",
		func(s *stats) int64 { return s.Lookups.Gets }),

	counter("log_written_bytes_total", "Bytes written to the log.",
		func(s *stats) int64 { return s.LogBytes }),
	gauge("log_bytes", "Log that is not deleted: not flushed yet, or kept for feeds.",
		func(s *stats) int64 { return s.LogKept }),
	counter("flushes_total", "Memtables written to sstables.",
		func(s *stats) int64 { return s.Flushes }),
	counter("flush_written_bytes_total", "Bytes of sstables that flushes wrote.",
		func(s *stats) int64 { return s.FlushedBytes }),
	counter("compactions_total", "Compactions that ended; moved sstables are not counted.",
		func(s *stats) int64 { return s.Compactions }),
	counter("compaction_read_bytes_total", "Bytes of sstables that compactions read.",
		func(s *stats) int64 { return s.CompactedIn }),
	counter("compaction_written_bytes_total", "Bytes of sstables that compactions wrote.",
		func(s *stats) int64 { return s.CompactedOut }),
	gauge("compactions_running", "Compactions that run now.",
		func(s *stats) int64 { return s.Compacting }),
	gauge("compaction_debt_bytes", "What compactions should read to bring the levels into shape.",
		func(s *stats) int64 { return s.CompactDebt }),

	gauge("write_amplification", "Bytes written to disk, since the start, for each byte of written_bytes_total.",
		func(s *stats) float64 { return s.WriteAmplification() }),
	gauge("read_amplification", "Memtables, sstables and levels that a read of a key may have to ask now.",
		func(s *stats) int { return s.ReadAmplification() }),
	gauge("space_amplification", "Bytes on disk for each byte of live_bytes.",
		func(s *stats) float64 { return s.SpaceAmplification() }),
	gauge("disk_bytes", "What sstables and log hold.",
		func(s *stats) int64 { return s.DiskBytes() }),
	gauge("live_bytes", "Estimate of what the newest values take in sstables: the size of the largest level.",
		func(s *stats) int64 { return s.LiveBytes() }),
	gauge("obsolete_files", "Sstables that only old views need.",
		func(s *stats) int64 { return s.ObsoleteTables }),
	gauge("obsolete_bytes", "Size of the sstables that only old views need.",
		func(s *stats) int64 { return s.ObsoleteBytes }),

	gauge("views_open", "Open snapshots, iterators and transactions.",
		func(s *stats) int { return s.Views }),
	gauge("oldest_view_age_seconds", "Age of the oldest open view; what it sees stays in memory and on disk.",
		func(s *stats) float64 { return s.OldestView.Age.Seconds() }),
	gauge("feeds_open", "Open feeds of changes.",
		func(s *stats) int { return s.Feeds }),
	gauge("transactions_open", "Transactions that can write and are under way.",
		func(s *stats) int { return s.Txns }),
	counter("transactions_begun_total", "Transactions that could write.",
		func(s *stats) int64 { return s.TxnsBegun }),
	counter("transactions_committed_total", "Transactions that wrote and were committed.",
		func(s *stats) int64 { return s.TxnCommits }),
	counter("transaction_conflicts_total", "Transactions refused because others had written.",
		func(s *stats) int64 { return s.Conflicts }),
}

// serverNumbers are the metrics of a server.
var serverNumbers = []number[Activity]{
	gauge("connections_open", "Open connections.",
		func(a *Activity) int64 { return a.Connections }, "protocol"),
	gauge("sessions_open", "Connections that have said hello, and who they are if they must.",
		func(a *Activity) int64 { return a.Sessions }, "protocol"),
	gauge("requests_in_flight", "Requests that were received and not answered yet.",
		func(a *Activity) int64 { return a.InFlight }, "protocol"),
	gauge("session_transactions_open", "Open transactions of sessions, read-only ones included.",
		func(a *Activity) int64 { return a.Transactions }, "protocol"),
	gauge("session_cursors_open", "Open scans and watches of sessions.",
		func(a *Activity) int64 { return a.Cursors }, "protocol"),
	gauge("unsent_bytes", "Replies that clients have not taken yet.",
		func(a *Activity) int64 { return a.UnsentBytes }, "protocol"),
	counter("requests_total", "Requests that were answered.",
		func(a *Activity) int64 { all, _ := a.requests(); return all }, "protocol"),
	counter("requests_failed_total", "Requests that were answered with an error.",
		func(a *Activity) int64 { _, failed := a.requests(); return failed }, "protocol"),
	counter("connections_accepted_total", "Connections that were accepted.",
		func(a *Activity) int64 { return a.Accepted }, "protocol"),
	counter("connections_refused_total", "Connections that were closed because there were too many.",
		func(a *Activity) int64 { return a.Refused }, "protocol"),
	counter("authentication_failures_total", "Failed attempts to authenticate.",
		func(a *Activity) int64 { return a.Rejected }, "protocol"),
	counter("received_bytes_total", "Bytes received from clients.",
		func(a *Activity) int64 { return a.BytesIn }, "protocol"),
	counter("sent_bytes_total", "Bytes sent to clients.",
		func(a *Activity) int64 { return a.BytesOut }, "protocol"),
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
