package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

var badgerEngine = opener{
	name:     "badger",
	module:   "github.com/dgraph-io/badger/v4",
	open:     openBadger,
	has:      transactions | serializable,
	settings: badgerSettings,
}

// badgerFalsePositive is the rate that a filter of bloomBits gives; Badger is configured by it.
const badgerFalsePositive = 0.0082

// badgerValueThreshold is the size from which values leave the tree: 1 MiB, Badger's default, or
// less where its small memtables do not let it.
func badgerValueThreshold(o Options) int64 { return min(1<<20, o.MemtableBytes/10) }

type badgerStore struct {
	db   *badger.DB
	opts badger.Options
}

func openBadger(dir string, o Options) (store, error) {
	opts := badger.DefaultOptions(dir).
		WithSyncWrites(o.Sync).
		WithMemTableSize(o.MemtableBytes).
		WithNumMemtables(sealedLimit).
		WithBlockCacheSize(o.CacheBytes).
		WithBlockSize(o.BlockBytes).
		WithCompression(options.Snappy).
		WithBloomFalsePositive(badgerFalsePositive).
		WithValueThreshold(badgerValueThreshold(o)).
		WithNumLevelZeroTables(l0Trigger).
		WithBaseLevelSize(baseLevelBytes).
		WithNumCompactors(compactionLimit).
		WithMetricsEnabled(false).
		WithDetectConflicts(o.Transactions).
		WithLogger(nil)
	db, err := badger.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("open badger: %w", err)
	}
	return &badgerStore{db, opts}, nil
}

func badgerSettings(o Options) string {
	return fmt.Sprintf("memtable %s (%d), block cache %s, indexes and filters always in memory, blocks %s, Snappy, "+
		"bloom false positive rate %.2f %% (%d bits), L0 compaction at %d tables, base level %s, %d compactors, values in the tree "+
		"(threshold %s), SyncWrites on or off, one transaction a put, conflict detection (which makes transactions serializable) in the rows with transactions only, no metrics, "+
		"iterators without value prefetch",
		mib(o.MemtableBytes), sealedLimit, mib(o.CacheBytes), kib(o.BlockBytes), badgerFalsePositive*100, bloomBits,
		l0Trigger, mib(baseLevelBytes), compactionLimit, mib(badgerValueThreshold(o)))
}

func (s *badgerStore) Put(key, value []byte) error {
	return s.db.Update(func(txn *badger.Txn) error { return txn.Set(key, value) })
}

func (s *badgerStore) ReadAndPut(dst, read, key, value []byte) (got []byte, found bool, err error) {
	err = s.db.Update(func(txn *badger.Txn) error {
		if got, found, err = badgerGet(txn, dst, read); err != nil {
			return err
		}
		return txn.Set(key, value)
	})
	return got, found, err
}

func (s *badgerStore) Load(keys, values [][]byte) error {
	b := s.db.NewWriteBatch()
	defer b.Cancel()
	for i, k := range keys {
		if err := b.Set(k, values[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

func (s *badgerStore) Get(dst, key []byte) ([]byte, bool, error) {
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return badgerGet(txn, dst, key)
}

func badgerGet(txn *badger.Txn, dst, key []byte) ([]byte, bool, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return dst[:0], false, nil
	}
	if err != nil {
		return dst[:0], false, err
	}
	dst, err = item.ValueCopy(dst)
	return dst, err == nil, err
}

func (s *badgerStore) Scan(reverse bool) (scan, error) {
	txn := s.db.NewTransaction(false)
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false // values lie beside their keys; prefetching would start a goroutine each
	o.Reverse = reverse
	return &badgerScan{txn: txn, it: txn.NewIterator(o)}, nil
}

// Settle closes the database, which is how Badger flushes, and waits in a new one until every
// level has stayed as it is, below the score that starts a compaction.
func (s *badgerStore) Settle() error {
	if err := s.db.Close(); err != nil {
		return err
	}
	db, err := badger.Open(s.opts)
	if err != nil {
		return fmt.Errorf("reopen badger: %w", err)
	}
	s.db = db
	return settleByPolling(pollQuiet, func() (string, bool, error) {
		levels, idle := db.Levels(), true
		for _, l := range levels {
			idle = idle && l.Score < 1
		}
		return fmt.Sprint(levels), idle, nil
	})
}

// pollQuiet is how long an engine that cannot tell whether a compaction is running must look the
// same: longer than one compaction step takes.
const pollQuiet = time.Second

func (s *badgerStore) Stats() string { return s.db.LevelsToString() }
func (s *badgerStore) Close() error  { return s.db.Close() }

type badgerScan struct {
	txn   *badger.Txn
	it    *badger.Iterator
	value []byte
	err   error
}

func (s *badgerScan) First() bool {
	s.it.Rewind()
	return s.it.Valid()
}

func (s *badgerScan) Seek(key []byte) bool {
	s.it.Seek(key)
	return s.it.Valid()
}

func (s *badgerScan) Next() bool {
	s.it.Next()
	return s.it.Valid() && s.err == nil
}

func (s *badgerScan) Key() []byte { return s.it.Item().Key() }

func (s *badgerScan) Value() []byte {
	err := s.it.Item().Value(func(v []byte) error {
		s.value = v
		return nil
	})
	s.err = errors.Join(s.err, err)
	return s.value
}

func (s *badgerScan) Close() error {
	s.it.Close()
	s.txn.Discard()
	return s.err
}
