package wire

import "github.com/middb/middb/metrics"

// Stats is the reply to STATS: what the server and the engine beneath it say of themselves. Counters count since the
// server was started; sizes are in bytes, durations in nanoseconds unless a name says otherwise.
type Stats struct {
	Server     ServerStats      `msgpack:"server"`
	Engine     EngineStats      `msgpack:"engine"`
	Levels     []LevelStats     `msgpack:"levels"`
	Actors     []ActorStats     `msgpack:"actors"`
	Operations []OperationStats `msgpack:"operations"`
}

// ServerStats describe the server, with the clients of all protocols.
type ServerStats struct {
	Uptime      uint64 `msgpack:"uptime"`
	Connections int64  `msgpack:"connections"`
	Sessions    int64  `msgpack:"sessions"` // connections that have said HELLO
	Accepted    int64  `msgpack:"accepted"` // connections in all
	Refused     int64  `msgpack:"refused"`  // connections above the limit, or that failed before HELLO
	InFlight    int64  `msgpack:"in_flight"`
	Txns        int64  `msgpack:"txns"`
	Cursors     int64  `msgpack:"cursors"`
	BytesIn     int64  `msgpack:"bytes_in"`
	BytesOut    int64  `msgpack:"bytes_out"`
	Buffered    int64  `msgpack:"buffered"` // memory of requests and replies under way

	Statements int64 `msgpack:"statements,omitempty"` // prepared in sessions
}

// EngineStats describe the database.
type EngineStats struct {
	LastSeq         uint64 `msgpack:"last_seq"`
	DurableSeq      uint64 `msgpack:"durable_seq"`
	MemtableBytes   int64  `msgpack:"memtable_bytes"`
	MemtableKeys    int64  `msgpack:"memtable_keys"`
	SealedMemtables int64  `msgpack:"sealed_memtables"`
	ArenaBytes      int64  `msgpack:"arena_bytes"`
	CacheBytes      int64  `msgpack:"cache_bytes"`
	CacheHits       int64  `msgpack:"cache_hits"`
	CacheMisses     int64  `msgpack:"cache_misses"`
	LogBytes        int64  `msgpack:"log_bytes"`
	LogSyncs        int64  `msgpack:"log_syncs"`
	LogSyncTime     int64  `msgpack:"log_sync_time"`
	Flushes         int64  `msgpack:"flushes"`
	FlushedBytes    int64  `msgpack:"flushed_bytes"`
	Compactions     int64  `msgpack:"compactions"`
	CompactedIn     int64  `msgpack:"compacted_in"`
	CompactedOut    int64  `msgpack:"compacted_out"`
	CompactDebt     int64  `msgpack:"compact_debt"`
	Stalls          int64  `msgpack:"stalls"`
	WriteDelays     int64  `msgpack:"write_delays"`
	WriteDelay      int64  `msgpack:"write_delay"`
	WriteQueued     int64  `msgpack:"write_queued"`
	Txns            int64  `msgpack:"txns"`
	Conflicts       int64  `msgpack:"conflicts"`
	Views           int64  `msgpack:"views"`
	OldestViewKind  string `msgpack:"oldest_view_kind,omitempty"`
	OldestViewSeq   uint64 `msgpack:"oldest_view_seq,omitempty"`
	OldestViewAge   int64  `msgpack:"oldest_view_age,omitempty"`
	Keyspaces       int64  `msgpack:"keyspaces"`
	ReadOnlyBecause string `msgpack:"read_only_because,omitempty"` // the failure after which the engine takes no writes

	Commits        int64   `msgpack:"commits,omitempty"`
	WrittenBytes   int64   `msgpack:"written_bytes,omitempty"`    // keys and values in commits
	LogKept        int64   `msgpack:"log_kept,omitempty"`         // log that is not deleted
	LogSyncLatency []int64 `msgpack:"log_sync_latency,omitempty"` // see HistogramOf
	Compacting     int64   `msgpack:"compacting,omitempty"`       // compactions that run now
	ObsoleteBytes  int64   `msgpack:"obsolete_bytes,omitempty"`   // of tables that only old views need
	StallTime      int64   `msgpack:"stall_time,omitempty"`       // of Stalls: for a flush
	LogStalls      int64   `msgpack:"log_stalls,omitempty"`       // times that commits waited for the log
	LogStallTime   int64   `msgpack:"log_stall_time,omitempty"`
	WriteQueueTime int64   `msgpack:"write_queue_time,omitempty"` // of WriteQueued
	TableGets      int64   `msgpack:"table_gets,omitempty"`       // reads of a key that no memtable answered
	FilterExcluded int64   `msgpack:"filter_excluded,omitempty"`  // tables that a filter spared them
	FilterFound    int64   `msgpack:"filter_found,omitempty"`     // tables that were read and had the key
	FilterMissed   int64   `msgpack:"filter_missed,omitempty"`    // tables that were read in vain
	TxnCommits     int64   `msgpack:"txn_commits,omitempty"`
	Feeds          int64   `msgpack:"feeds,omitempty"`
	WriteAmp       float64 `msgpack:"write_amp,omitempty"` // bytes written to disk by byte of WrittenBytes
	ReadAmp        int64   `msgpack:"read_amp,omitempty"`  // sources that a read may have to ask
	SpaceAmp       float64 `msgpack:"space_amp,omitempty"` // bytes on disk by byte of the largest level
}

// LevelStats describe a level of sorted files.
type LevelStats struct {
	Level      int64   `msgpack:"level"`
	Files      int64   `msgpack:"files"`
	Bytes      int64   `msgpack:"bytes"`
	Entries    int64   `msgpack:"entries"`
	Tombstones int64   `msgpack:"tombstones"`
	Score      float64 `msgpack:"score"` // how full it is; 1 is what it should have at most
}

// ActorStats describe an actor of the engine.
type ActorStats struct {
	Name     string  `msgpack:"name"`
	Depth    int64   `msgpack:"depth"`               // messages in its mailbox
	Age      int64   `msgpack:"age"`                 // of the oldest of them
	Busy     float64 `msgpack:"busy"`                // share of the time since the start that it was at work: 0 to 1
	BusyTime int64   `msgpack:"busy_time,omitempty"` // the time itself: two replies tell of the time between them
}

// OperationStats describe the requests of one type.
type OperationStats struct {
	Name   string `msgpack:"name"` // of the request in lower case; of another protocol, that before it: "resp get"
	Count  int64  `msgpack:"count"`
	Errors int64  `msgpack:"errors"`
	Time   int64  `msgpack:"time"` // in all
	P50    int64  `msgpack:"p50"`
	P99    int64  `msgpack:"p99"`
	P999   int64  `msgpack:"p999"`
	Max    int64  `msgpack:"max"`

	Latency []int64 `msgpack:"latency,omitempty"` // see HistogramOf
}

// AppendHistogram appends the buckets of a histogram that have values: the bound of each and how many values it has.
func AppendHistogram(dst []int64, s metrics.Snapshot) []int64 {
	for bound, count := range s.Buckets() {
		dst = append(dst, bound, int64(count))
	}
	return dst
}

// HistogramOf returns the histogram of what AppendHistogram made, and its sum. Whatever buckets says, it returns one.
func HistogramOf(sum int64, buckets []int64) metrics.Snapshot {
	return metrics.Restore(sum, func(yield func(bound int64, count uint64) bool) {
		for ; len(buckets) >= 2 && yield(buckets[0], uint64(max(0, buckets[1]))); buckets = buckets[2:] {
		}
	})
}

// Append appends the body.
func (m *Stats) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Stats) Decode(body []byte) error { return decodeMap(body, m) }
