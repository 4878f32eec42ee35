package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

var bboltEngine = opener{
	name:     "bbolt",
	module:   "go.etcd.io/bbolt",
	open:     openBbolt,
	has:      transactions | serializable,
	settings: bboltSettings,
}

var bboltBucket = []byte("bench")

type bboltStore struct {
	db *bolt.DB
	// batch makes Put share a transaction with other callers. Alone, it would only wait for them.
	batch bool
}

func openBbolt(dir string, o Options) (store, error) {
	db, err := bolt.Open(filepath.Join(dir, "bbolt.db"), 0o644, &bolt.Options{
		NoSync:         !o.Sync,
		NoFreelistSync: true,
		FreelistType:   bolt.FreelistMapType,
		NoStatistics:   true,
	})
	if err != nil {
		return nil, fmt.Errorf("open bbolt: %w", err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, createErr := tx.CreateBucketIfNotExists(bboltBucket)
		return createErr
	})
	if err != nil {
		return nil, fmt.Errorf("create bucket: %w", err)
	}
	db.MaxBatchSize = max(o.Callers, 1) // a batch goes when every caller is in it
	return &bboltStore{db, o.Callers > 1}, nil
}

func bboltSettings(Options) string {
	return "B+Tree in one mapped file: no memtable, cache (the page cache of the system), filter or compression; 4 KiB pages, " +
		"freelist as a map and not synced, NoSync on or off, no statistics; put by Update with one caller, by Batch of all callers with more; transactions by Update, one at a time, which is serializable"
}

func (s *bboltStore) Put(key, value []byte) error {
	put := func(tx *bolt.Tx) error { return tx.Bucket(bboltBucket).Put(key, value) }
	if s.batch {
		return s.db.Batch(put)
	}
	return s.db.Update(put)
}

func (s *bboltStore) ReadAndPut(dst, read, key, value []byte) ([]byte, bool, error) {
	found := false
	err := s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bboltBucket)
		v := b.Get(read)
		dst, found = append(dst[:0], v...), v != nil
		return b.Put(key, value)
	})
	return dst, found, err
}

func (s *bboltStore) Load(keys, values [][]byte) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bboltBucket)
		for i, k := range keys {
			if err := b.Put(k, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *bboltStore) Get(dst, key []byte) ([]byte, bool, error) {
	found := false
	err := s.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bboltBucket).Get(key)
		dst, found = append(dst[:0], v...), v != nil
		return nil
	})
	return dst, found, err
}

func (s *bboltStore) Scan(reverse bool) (scan, error) {
	tx, err := s.db.Begin(false)
	if err != nil {
		return nil, err
	}
	return &bboltScan{tx: tx, c: tx.Bucket(bboltBucket).Cursor(), reverse: reverse}, nil
}

// Settle syncs: bbolt has nothing in the background.
func (s *bboltStore) Settle() error { return s.db.Sync() }
func (s *bboltStore) Close() error  { return s.db.Close() }

type bboltScan struct {
	tx         *bolt.Tx
	c          *bolt.Cursor
	key, value []byte
	reverse    bool
}

func (s *bboltScan) First() bool {
	if s.reverse {
		s.key, s.value = s.c.Last()
	} else {
		s.key, s.value = s.c.First()
	}
	return s.key != nil
}

func (s *bboltScan) Seek(key []byte) bool {
	s.key, s.value = s.c.Seek(key)
	if s.reverse && !bytes.Equal(s.key, key) {
		if s.key == nil {
			return s.First()
		}
		s.key, s.value = s.c.Prev()
	}
	return s.key != nil
}

func (s *bboltScan) Next() bool {
	if s.reverse {
		s.key, s.value = s.c.Prev()
	} else {
		s.key, s.value = s.c.Next()
	}
	return s.key != nil
}

func (s *bboltScan) Key() []byte   { return s.key }
func (s *bboltScan) Value() []byte { return s.value }
func (s *bboltScan) Close() error  { return s.tx.Rollback() }
