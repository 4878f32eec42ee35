package engine

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/vfs"
)

const benchKeys = 500_000

func benchKey(k []byte, i uint64) []byte {
	k = binary.BigEndian.AppendUint64(k[:0], i*0x9e3779b97f4a7c15)
	return binary.BigEndian.AppendUint64(k, i)
}

// loaded returns a database with benchKeys entries in sstables, all of which fit the cache.
func loaded(b *testing.B) *DB {
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), MemoryBudget: 512 << 20, Durability: NoSync})
	var k []byte
	v := make([]byte, 100)
	for i := range uint64(benchKeys) {
		k = benchKey(k, i)
		must(b, db.Put(k, v))
	}
	must(b, db.Flush(context.Background()))
	must(b, db.WaitIdle(context.Background()))
	return db
}

func BenchmarkPutNoSync(b *testing.B) {
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), Durability: NoSync, MemtableBytes: 64 << 20})
	rng := rand.New(rand.NewPCG(1, 1))
	var k []byte
	v := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		k = benchKey(k, rng.Uint64())
		if err := db.Put(k, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutSync(b *testing.B) {
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir()})
	b.SetParallelism(4)
	v := make([]byte, 100)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		var k []byte
		for pb.Next() {
			k = benchKey(k, rand.Uint64())
			if err := db.Put(k, v); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkGetTo(b *testing.B) {
	db := loaded(b)
	rng := rand.New(rand.NewPCG(1, 1))
	var k, v []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		k = benchKey(k, rng.Uint64N(benchKeys))
		if v, err = db.GetTo(v, k); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeekAndTenNext(b *testing.B) {
	db := loaded(b)
	rng := rand.New(rand.NewPCG(1, 1))
	var k []byte
	b.ReportAllocs()
	for b.Loop() {
		it, err := db.NewIterator(IterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		k = benchKey(k, rng.Uint64N(benchKeys))
		for ok, n := it.Seek(k), 0; ok && n < 10; ok, n = it.Next(), n+1 {
			_ = it.Value()
		}
		if err := it.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
