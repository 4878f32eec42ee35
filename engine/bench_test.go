package engine

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

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

// Eight callers put at a time: what the actors cost when their mailboxes fill.
func BenchmarkPutNoSyncParallel(b *testing.B) {
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), Durability: NoSync, MemtableBytes: 64 << 20})
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

func BenchmarkGetToParallel(b *testing.B) {
	db := loaded(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(1, rand.Uint64()))
		var k, v []byte
		var err error
		for pb.Next() {
			k = benchKey(k, rng.Uint64N(benchKeys))
			if v, err = db.GetTo(v, k); err != nil {
				b.Error(err)
				return
			}
		}
	})
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

// What a put costs while nobody, somebody who does not read, and somebody who reads follows.
func BenchmarkPutWithFeed(b *testing.B) {
	for _, reader := range []string{"none", "idle", "reading"} {
		b.Run(reader, func(b *testing.B) {
			db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), Durability: NoSync, MemtableBytes: 64 << 20})
			if reader != "none" {
				f, err := db.Watch(b.Context(), 0, nil)
				must(b, err)
				b.Cleanup(func() { _ = f.Close() })
				if reader == "reading" {
					go func() {
						for range f.All() {
						}
					}()
				}
			}
			rng := rand.New(rand.NewPCG(1, 1))
			var k []byte
			v := make([]byte, 100)
			b.ReportAllocs()
			for b.Loop() {
				k = benchKey(k, rng.Uint64())
				must(b, db.Put(k, v))
			}
		})
	}
}

// What a feed that catches up costs a change of 100 bytes.
func BenchmarkFeedCatchUp(b *testing.B) {
	const n = 100_000
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), Durability: NoSync, MemtableBytes: 64 << 20})
	rng := rand.New(rand.NewPCG(1, 1))
	for range n {
		must(b, db.Put(benchKey(nil, rng.Uint64()), make([]byte, 100)))
	}
	must(b, db.Put([]byte("end"), nil, Sync))
	b.ReportAllocs()
	var f *Feed
	left := 0
	for b.Loop() {
		if left == 0 {
			if f != nil {
				_ = f.Close()
			}
			var err error
			f, err = db.Watch(b.Context(), 1, nil)
			must(b, err)
			left = n
		}
		_, err := f.Next()
		must(b, err)
		left--
	}
	_ = f.Close()
}

// BenchmarkTxn runs transactions that read a key and put another one, and do not conflict.
func BenchmarkTxn(b *testing.B) {
	db := loaded(b)
	b.Run("snapshot-1", func(b *testing.B) { benchmarkTxns(b, db, SnapshotIsolation, 1) })
	b.Run("snapshot-8", func(b *testing.B) { benchmarkTxns(b, db, SnapshotIsolation, 8) })
	b.Run("serializable-8", func(b *testing.B) { benchmarkTxns(b, db, Serializable, 8) })
}

func benchmarkTxns(b *testing.B, db *DB, isolation Isolation, callers int) {
	b.ReportAllocs()
	before := cpuTime(b)
	var done sync.WaitGroup
	for caller := range callers {
		done.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(caller)))
			var k, got []byte
			v := make([]byte, 100)
			for i := caller; i < b.N; i += callers {
				txn, err := db.Begin(TxnOptions{Isolation: isolation})
				if err == nil {
					k = benchKey(k, rng.Uint64N(benchKeys))
					got, err = txn.GetTo(got, k)
				}
				if err == nil {
					k = benchKey(k, benchKeys+uint64(i))
					err = txn.Put(k, v)
				}
				if err == nil {
					err = txn.Commit()
				}
				if err != nil {
					b.Error(err)
					return
				}
				_ = txn.Rollback() // as if deferred
			}
		})
	}
	done.Wait()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is the processor time that the process has used: what to compare on a machine that others use.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
