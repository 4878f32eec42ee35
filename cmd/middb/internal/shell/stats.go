package shell

import (
	"fmt"
	"time"

	"github.com/middb/middb/cmd/middb/internal/literal"
	"github.com/middb/middb/wire"
)

// StatsTable lists what a database says of itself, one name and value a row.
func StatsTable(s *wire.Stats) Table {
	all := total(s.Levels)
	e := &s.Engine
	t := Table{Rows: [][]any{
		{"last_seq", e.LastSeq},
		{"durable_seq", e.DurableSeq},
		{"memtable_keys", e.MemtableKeys},
		{"memtable_bytes", Bytes(e.MemtableBytes)},
		{"sealed_memtables", e.SealedMemtables},
		{"sstable_files", all.Files},
		{"sstable_bytes", Bytes(all.Bytes)},
		{"sstable_entries", all.Entries},
		{"sstable_tombstones", all.Tombstones},
		{"cache_bytes", Bytes(e.CacheBytes)},
		{"log_bytes_written", Bytes(e.LogBytes)},
		{"log_syncs", e.LogSyncs},
		{"log_sync_time", time.Duration(e.LogSyncTime)},
		{"flushes", e.Flushes},
		{"flushed_bytes", Bytes(e.FlushedBytes)},
		{"compactions", e.Compactions},
		{"compacted_bytes_in", Bytes(e.CompactedIn)},
		{"compacted_bytes_out", Bytes(e.CompactedOut)},
		{"compaction_debt", Bytes(e.CompactDebt)},
		{"stalls", e.Stalls},
		{"write_delays", e.WriteDelays},
		{"write_delay_time", time.Duration(e.WriteDelay)},
		{"transactions", e.Txns},
		{"conflicts", e.Conflicts},
		{"open_views", e.Views},
		{"keyspaces", e.Keyspaces},
	}}
	if e.Views > 0 {
		t.Rows = append(t.Rows, []any{"oldest_view", fmt.Sprintf("%s at %d", e.OldestViewKind, e.OldestViewSeq)},
			[]any{"oldest_view_age", time.Duration(e.OldestViewAge)})
	}
	if e.ReadOnlyBecause != "" {
		t.Rows = append(t.Rows, []any{"read_only_because", e.ReadOnlyBecause})
	}
	return t
}

// LevelsTable lists the levels of sorted files.
func LevelsTable(s *wire.Stats) Table {
	t := Table{Columns: []string{"level", "files", "bytes", "entries", "tombstones", "score"}}
	for _, l := range s.Levels {
		t.Rows = append(t.Rows, []any{l.Level, l.Files, Bytes(l.Bytes), l.Entries, l.Tombstones, l.Score})
	}
	all := total(s.Levels)
	t.Rows = append(t.Rows, []any{"all", all.Files, Bytes(all.Bytes), all.Entries, all.Tombstones, ""})
	return t
}

// SessionsTable lists the sessions of a server.
func SessionsTable(list []wire.Session) Table {
	t := Table{Columns: []string{"session", "user", "remote", "client", "since", "requests", "in_flight", "transactions", "cursors"}}
	for _, s := range list {
		t.Rows = append(t.Rows, []any{
			s.Session, literal.Show([]byte(s.User)), s.Remote, literal.Show([]byte(s.Client)),
			time.UnixMilli(int64(s.Since)).UTC().Format(time.RFC3339), s.Requests, s.InFlight, s.Txns, s.Cursors,
		})
	}
	return t
}

// total adds the levels up.
func total(levels []wire.LevelStats) (all wire.LevelStats) {
	for _, l := range levels {
		all.Files += l.Files
		all.Bytes += l.Bytes
		all.Entries += l.Entries
		all.Tombstones += l.Tombstones
	}
	return all
}
