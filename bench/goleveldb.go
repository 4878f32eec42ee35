package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

var goleveldbEngine = opener{
	name:     "goleveldb",
	module:   "github.com/syndtr/goleveldb",
	open:     openGoleveldb,
	settings: goleveldbSettings,
}

type goleveldbStore struct {
	db    *leveldb.DB
	dir   string
	opts  *opt.Options
	write *opt.WriteOptions
}

func openGoleveldb(dir string, o Options) (store, error) {
	opts := &opt.Options{
		WriteBuffer:            int(o.MemtableBytes),
		BlockCacheCapacity:     int(o.CacheBytes),
		BlockSize:              o.BlockBytes,
		Compression:            opt.SnappyCompression,
		Filter:                 filter.NewBloomFilter(bloomBits),
		CompactionL0Trigger:    l0Trigger,
		CompactionTotalSize:    baseLevelBytes / 10, // of level 0, the multiplier makes level 1
		OpenFilesCacheCapacity: 16384,
	}
	db, err := leveldb.OpenFile(dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open goleveldb: %w", err)
	}
	return &goleveldbStore{db, dir, opts, &opt.WriteOptions{Sync: o.Sync}}, nil
}

func goleveldbSettings(o Options) string {
	return fmt.Sprintf("memtable %s, cache %s, blocks %s, Snappy, bloom %d bits on all levels, L0 compaction at %d tables, "+
		"level 1 %s, write with or without Sync",
		mib(o.MemtableBytes), mib(o.CacheBytes), kib(o.BlockBytes), bloomBits, l0Trigger, mib(baseLevelBytes))
}

func (s *goleveldbStore) Put(key, value []byte) error { return s.db.Put(key, value, s.write) }

func (s *goleveldbStore) Load(keys, values [][]byte) error {
	b := new(leveldb.Batch)
	for i, k := range keys {
		b.Put(k, values[i])
	}
	return s.db.Write(b, nil)
}

// Get copies once: goleveldb returns a slice of its own making, which is the copy that every
// engine here has to make.
func (s *goleveldbStore) Get(dst, key []byte) ([]byte, bool, error) {
	v, err := s.db.Get(key, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return dst[:0], false, nil
	}
	return v, err == nil, err
}

func (s *goleveldbStore) Scan(reverse bool) (scan, error) {
	it := s.db.NewIterator(nil, nil)
	if reverse {
		return goleveldbReverseScan{it}, nil
	}
	return goleveldbScan{it}, nil
}

// Settle reopens the database, which is how goleveldb flushes short of compacting everything, and
// waits until every level has stayed as it is, below the size that starts a compaction.
func (s *goleveldbStore) Settle() error {
	if err := s.db.Close(); err != nil {
		return err
	}
	db, err := leveldb.OpenFile(s.dir, s.opts)
	if err != nil {
		return fmt.Errorf("reopen goleveldb: %w", err)
	}
	s.db = db
	return settleByPolling(pollQuiet, func() (string, bool, error) {
		var st leveldb.DBStats
		if err := db.Stats(&st); err != nil {
			return "", false, err
		}
		idle := true
		for i, size := range st.LevelSizes {
			if i == 0 {
				idle = idle && st.LevelTablesCounts[i] < l0Trigger
			} else {
				idle = idle && float64(size) < baseLevelBytes*math.Pow10(i-1)
			}
		}
		return fmt.Sprint(st.LevelSizes, st.LevelTablesCounts, st.LevelWrite), idle, nil
	})
}

func (s *goleveldbStore) Stats() string {
	text, err := s.db.GetProperty("leveldb.stats")
	if err != nil {
		return err.Error()
	}
	return text
}

func (s *goleveldbStore) Close() error { return s.db.Close() }

type goleveldbScan struct{ it iterator.Iterator }

func (s goleveldbScan) First() bool          { return s.it.First() }
func (s goleveldbScan) Seek(key []byte) bool { return s.it.Seek(key) }
func (s goleveldbScan) Next() bool           { return s.it.Next() }
func (s goleveldbScan) Key() []byte          { return s.it.Key() }
func (s goleveldbScan) Value() []byte        { return s.it.Value() }

func (s goleveldbScan) Close() error {
	s.it.Release()
	return s.it.Error()
}

type goleveldbReverseScan struct{ it iterator.Iterator }

func (s goleveldbReverseScan) First() bool { return s.it.Last() }

func (s goleveldbReverseScan) Seek(key []byte) bool {
	if s.it.Seek(key) && string(s.it.Key()) == string(key) {
		return true
	}
	return s.it.Prev()
}

func (s goleveldbReverseScan) Next() bool    { return s.it.Prev() }
func (s goleveldbReverseScan) Key() []byte   { return s.it.Key() }
func (s goleveldbReverseScan) Value() []byte { return s.it.Value() }
func (s goleveldbReverseScan) Close() error  { return goleveldbScan(s).Close() }
