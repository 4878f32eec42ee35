package wire

// Stats is the reply to STATS: what the server and the engine beneath it say of themselves. Counters count since the
// server was started; sizes are in bytes, durations in nanoseconds unless a name says otherwise.
type Stats struct {
	Server     ServerStats      `msgpack:"server"`
	Engine     EngineStats      `msgpack:"engine"`
	Levels     []LevelStats     `msgpack:"levels"`
	Actors     []ActorStats     `msgpack:"actors"`
	Operations []OperationStats `msgpack:"operations"`
}

// ServerStats describe the server.
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
	Name  string  `msgpack:"name"`
	Depth int64   `msgpack:"depth"` // messages in its mailbox
	Age   int64   `msgpack:"age"`   // of the oldest of them
	Busy  float64 `msgpack:"busy"`  // share of the time that it was at work, lately: 0 to 1
}

// OperationStats describe the requests of one type.
type OperationStats struct {
	Name   string `msgpack:"name"` // of the request in lower case
	Count  int64  `msgpack:"count"`
	Errors int64  `msgpack:"errors"`
	Time   int64  `msgpack:"time"` // in all
	P50    int64  `msgpack:"p50"`
	P99    int64  `msgpack:"p99"`
	P999   int64  `msgpack:"p999"`
	Max    int64  `msgpack:"max"`
}

// Append appends the body.
func (m *Stats) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Stats) Decode(body []byte) error { return decodeMap(body, m) }
