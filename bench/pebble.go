package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
)

// pebbleEngine is Pebble in its newest format: columnar blocks and synced-offset log chunks.
var pebbleEngine = opener{
	name:     "pebble",
	module:   pebbleModule,
	open:     func(dir string, o Options) (store, error) { return openPebble(dir, o, pebble.FormatNewest) },
	has:      transactions | rangeDeletes,
	settings: func(o Options) string { return pebbleSettings(o, "FormatNewest") },
}

// pebbleDefaultFormat is Pebble in the format that it creates unless told otherwise, with row
// blocks: it shows that comparing with the newest format does not flatter middb.
var pebbleDefaultFormat = opener{
	name:      "pebble-default-format",
	module:    pebbleModule,
	open:      func(dir string, o Options) (store, error) { return openPebble(dir, o, pebble.FormatDefault) },
	has:       transactions | rangeDeletes,
	settings:  func(o Options) string { return pebbleSettings(o, "FormatDefault") },
	onRequest: true,
}

const (
	pebbleModule = "github.com/cockroachdb/pebble/v2"
	// As in Pebble's own benchmark tool: writes practically never stop for the tables in
	// level 0, and index blocks are this large.
	pebbleL0Stop     = 1000
	pebbleIndexBytes = 256 << 10
)

type pebbleStore struct {
	db    *pebble.DB
	write *pebble.WriteOptions
}

func openPebble(dir string, o Options, format pebble.FormatMajorVersion) (store, error) {
	opts := &pebble.Options{
		FormatMajorVersion:          format,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                uint64(o.MemtableBytes),
		MemTableStopWritesThreshold: sealedLimit,
		L0CompactionThreshold:       l0Trigger,
		L0StopWritesThreshold:       pebbleL0Stop,
		LBaseMaxBytes:               baseLevelBytes,
		MaxOpenFiles:                16384,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, compactionLimit },
		Logger:                      pebbleLogger{},
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = o.BlockBytes
		opts.Levels[i].IndexBlockSize = pebbleIndexBytes
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		opts.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open pebble: %w", err)
	}
	write := pebble.NoSync
	if o.Sync {
		write = pebble.Sync
	}
	return &pebbleStore{db, write}, nil
}

func pebbleSettings(o Options, format string) string {
	return fmt.Sprintf("%s, memtable %s (writes stop at %d), cache %s, blocks %s, index blocks 256 KiB, Snappy on all levels, "+
		"bloom %d bits on all levels, L0 compaction at %d sublevels, writes stop at %d, base level %s, up to %d compactions at once, "+
		"write pebble.Sync or pebble.NoSync, no event listener; "+
		"it has no transactions: in txn and txnsync an indexed batch, **without conflict detection** and without a snapshot to read",
		format, mib(o.MemtableBytes), sealedLimit, mib(o.CacheBytes), kib(o.BlockBytes), bloomBits,
		l0Trigger, pebbleL0Stop, mib(baseLevelBytes), compactionLimit)
}

func (s *pebbleStore) Put(key, value []byte) error { return s.db.Set(key, value, s.write) }

// ReadAndPut is the nearest that Pebble has to a transaction: a batch that reads through to the database. It
// notices no conflicts.
func (s *pebbleStore) ReadAndPut(dst, read, key, value []byte) ([]byte, bool, error) {
	b := s.db.NewIndexedBatch()
	dst, found, err := pebbleGet(b, dst, read)
	if err == nil {
		err = b.Set(key, value, nil)
	}
	if err == nil {
		err = b.Commit(s.write)
	}
	return dst, found, errors.Join(err, b.Close())
}

func (s *pebbleStore) DeleteRange(lower, upper []byte) error {
	return s.db.DeleteRange(lower, upper, s.write)
}

func (s *pebbleStore) Compact(ctx context.Context, lower, upper []byte) error {
	return s.db.Compact(ctx, lower, upper, false)
}

func (s *pebbleStore) Load(keys, values [][]byte) error {
	b := s.db.NewBatch()
	for i, k := range keys {
		if err := b.Set(k, values[i], nil); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	return b.Commit(pebble.NoSync)
}

func (s *pebbleStore) Get(dst, key []byte) ([]byte, bool, error) {
	return pebbleGet(s.db, dst, key)
}

func pebbleGet(r pebble.Reader, dst, key []byte) ([]byte, bool, error) {
	v, closer, err := r.Get(key)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			err = nil
		}
		return dst[:0], false, err
	}
	dst = append(dst[:0], v...)
	return dst, true, closer.Close()
}

func (s *pebbleStore) Scan(reverse bool) (scan, error) {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	if reverse {
		return pebbleReverseScan{it}, nil
	}
	return pebbleScan{it}, nil
}

func (s *pebbleStore) Settle() error {
	if err := s.db.Flush(); err != nil {
		return err
	}
	// A compaction that is due starts when the one before it ends, so a short quiet will do.
	return settleByPolling(200*time.Millisecond, func() (string, bool, error) {
		m := s.db.Metrics()
		return fmt.Sprint(m.Compact.Count), m.Flush.NumInProgress == 0 && m.Compact.NumInProgress == 0, nil
	})
}

func (s *pebbleStore) Stats() string { return s.db.Metrics().String() }
func (s *pebbleStore) Close() error  { return s.db.Close() }

type pebbleScan struct{ it *pebble.Iterator }

func (s pebbleScan) First() bool          { return s.it.First() }
func (s pebbleScan) Seek(key []byte) bool { return s.it.SeekGE(key) }
func (s pebbleScan) Next() bool           { return s.it.Next() }
func (s pebbleScan) Key() []byte          { return s.it.Key() }
func (s pebbleScan) Value() []byte        { return s.it.Value() }
func (s pebbleScan) Close() error         { return s.it.Close() }

type pebbleReverseScan struct{ it *pebble.Iterator }

func (s pebbleReverseScan) First() bool { return s.it.Last() }

func (s pebbleReverseScan) Seek(key []byte) bool {
	return s.it.SeekGE(key) && string(s.it.Key()) == string(key) || s.it.SeekLT(key)
}

func (s pebbleReverseScan) Next() bool    { return s.it.Prev() }
func (s pebbleReverseScan) Key() []byte   { return s.it.Key() }
func (s pebbleReverseScan) Value() []byte { return s.it.Value() }
func (s pebbleReverseScan) Close() error  { return s.it.Close() }

// pebbleLogger passes on what is wrong and drops the rest.
type pebbleLogger struct{}

func (pebbleLogger) Infof(string, ...any) {}

func (pebbleLogger) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "pebble: "+format+"\n", args...)
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	os.Exit(1)
}
