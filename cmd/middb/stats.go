package main

import (
	"fmt"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
)

// Stats lists what the engine says of itself, one name and value a row.
func (s store) Stats() shell.Table {
	st := s.db.Stats()
	var files int
	var bytes, entries, tombstones int64
	for _, l := range st.Levels {
		files += l.Files
		bytes += l.Bytes
		entries += l.Entries
		tombstones += l.Tombstones
	}
	t := shell.Table{Rows: [][]any{
		{"last_seq", st.LastSeq},
		{"durable_seq", st.DurableSeq},
		{"memtable_keys", st.MemtableKeys},
		{"memtable_bytes", shell.Bytes(st.MemtableBytes)},
		{"sealed_memtables", st.SealedMemtables},
		{"sstable_files", files},
		{"sstable_bytes", shell.Bytes(bytes)},
		{"sstable_entries", entries},
		{"sstable_tombstones", tombstones},
		{"cache_bytes", shell.Bytes(st.Cache.Bytes)},
		{"log_bytes_written", shell.Bytes(st.LogBytes)},
		{"log_syncs", st.LogSyncs},
		{"log_sync_time", st.LogSyncTime},
		{"flushes", st.Flushes},
		{"flushed_bytes", shell.Bytes(st.FlushedBytes)},
		{"compactions", st.Compactions},
		{"compacted_bytes_in", shell.Bytes(st.CompactedIn)},
		{"compacted_bytes_out", shell.Bytes(st.CompactedOut)},
		{"compaction_debt", shell.Bytes(st.CompactDebt)},
		{"stalls", st.Stalls},
		{"write_delays", st.WriteDelays},
		{"write_delay_time", st.WriteDelay},
		{"transactions", st.Txns},
		{"conflicts", st.Conflicts},
		{"open_views", st.Views},
	}}
	if names, err := s.db.Keyspaces(); err == nil {
		t.Rows = append(t.Rows, []any{"keyspaces", len(names)})
	}
	if st.Views > 0 {
		t.Rows = append(t.Rows, []any{"oldest_view", fmt.Sprintf("%s at %d", st.OldestView.Kind, st.OldestView.Seq)},
			[]any{"oldest_view_age", st.OldestView.Age})
	}
	if st.ReadOnlyFrom != nil {
		t.Rows = append(t.Rows, []any{"read_only_because", st.ReadOnlyFrom.Error()})
	}
	return t
}

// Levels lists the levels of sorted files.
func (s store) Levels() shell.Table {
	t := shell.Table{Columns: []string{"level", "files", "bytes", "entries", "tombstones", "score"}}
	var total engine.LevelStats
	for _, l := range s.db.Stats().Levels {
		t.Rows = append(t.Rows, []any{l.Level, l.Files, shell.Bytes(l.Bytes), l.Entries, l.Tombstones, l.Score})
		total.Files += l.Files
		total.Bytes += l.Bytes
		total.Entries += l.Entries
		total.Tombstones += l.Tombstones
	}
	t.Rows = append(t.Rows, []any{"all", total.Files, shell.Bytes(total.Bytes), total.Entries, total.Tombstones, ""})
	return t
}
