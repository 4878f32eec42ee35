package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/engine"
)

var middbEngine = opener{
	name:     "middb",
	module:   "github.com/middb/middb",
	open:     openMiddb,
	has:      transactions | serializable | rangeDeletes,
	settings: middbSettings,
}

type middbStore struct {
	db  *engine.DB
	txn engine.TxnOptions
}

func openMiddb(dir string, o Options) (store, error) {
	durability := engine.NoSync
	if o.Sync {
		durability = engine.Sync
	}
	db, err := engine.Spawn(engine.Config{
		Dir:                 dir,
		MemtableBytes:       o.MemtableBytes,
		MemoryBudget:        middbBudget(o),
		CacheBytes:          o.CacheBytes,
		BlockBytes:          o.BlockBytes,
		Compression:         []engine.Compression{engine.S2},
		BloomBitsPerKey:     bloomBits,
		L0CompactionTrigger: l0Trigger,
		BaseLevelBytes:      baseLevelBytes,
		MaxCompactions:      compactionLimit,
		Durability:          durability,
	})
	if err != nil {
		return nil, fmt.Errorf("open middb: %w", err)
	}
	s := &middbStore{db: db}
	if o.Serializable {
		s.txn.Isolation = engine.Serializable
	}
	return s, nil
}

// middbBudget makes middb stop at as many memtables as the others: it grants them half of its
// budget, and counts one more that a reader may hold. The cache is set apart from it.
func middbBudget(o Options) int64 { return 2 * (sealedLimit + 1) * o.MemtableBytes }

func middbSettings(o Options) string {
	return fmt.Sprintf("memtable %s (writes stop at %d), cache %s (blocks, indexes and filters; off the Go heap), blocks %s, "+
		"S2 on all levels, bloom %d bits on all levels, L0 compaction at %d tables, base level %s, up to %d compactions at once, "+
		"log segments of %s, memory budget %s (bounds the memtables only, as the cache is set), Durability Sync or NoSync, no logger; "+
		"transactions under snapshot isolation but for txnserializable",
		mib(o.MemtableBytes), sealedLimit, mib(o.CacheBytes), kib(o.BlockBytes), bloomBits, l0Trigger,
		mib(baseLevelBytes), compactionLimit, mib(o.MemtableBytes), mib(middbBudget(o)))
}

func (s *middbStore) Put(key, value []byte) error { return s.db.Put(key, value) }

func (s *middbStore) Load(keys, values [][]byte) error {
	b := s.db.NewBatch()
	for i, k := range keys {
		if err := b.Put(k, values[i]); err != nil {
			return err
		}
	}
	return s.db.Apply(b, engine.NoSync)
}

func (s *middbStore) Get(dst, key []byte) ([]byte, bool, error) {
	v, err := s.db.GetTo(dst, key)
	if errors.Is(err, engine.ErrNotFound) {
		return dst[:0], false, nil
	}
	return v, err == nil, err
}

func (s *middbStore) Scan(reverse bool) (scan, error) {
	it, err := s.db.NewIterator(engine.IterOptions{Reverse: reverse})
	if err != nil {
		return nil, err
	}
	return it, nil
}

func (s *middbStore) ReadAndPut(dst, read, key, value []byte) ([]byte, bool, error) {
	txn, err := s.db.Begin(s.txn)
	if err != nil {
		return dst, false, err
	}
	defer txn.Rollback()
	v, err := txn.GetTo(dst, read)
	found := !errors.Is(err, engine.ErrNotFound)
	if err != nil && found {
		return dst, false, err
	}
	if err := txn.Put(key, value); err != nil {
		return dst, false, err
	}
	return v, found, txn.Commit()
}

func (s *middbStore) DeleteRange(lower, upper []byte) error { return s.db.DeleteRange(lower, upper) }

func (s *middbStore) Compact(ctx context.Context, lower, upper []byte) error {
	return s.db.Compact(ctx, lower, upper)
}

func (s *middbStore) Settle() error {
	if err := s.db.Flush(context.Background()); err != nil {
		return err
	}
	return s.db.WaitIdle(context.Background())
}

func (s *middbStore) Stats() string { return fmt.Sprintf("%+v", s.db.Stats()) }
func (s *middbStore) Close() error  { return s.db.Close() }
