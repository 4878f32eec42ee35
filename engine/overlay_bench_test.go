package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/middb/middb/relation"
)

// ownWrites is a transaction whose writes are measured without what surrounds them: no View is taken for each.
type ownWrites struct {
	txn   *Txn
	space relation.Space
	keys  [][]byte // stored, they have 22 bytes
	value []byte
}

func newOwnWrites(b *testing.B, n int) *ownWrites {
	db := spawn(b, Config{MemoryBudget: 1 << 30, Durability: NoSync})
	txn, err := db.Begin(TxnOptions{})
	must(b, err)
	b.Cleanup(func() { _ = txn.Rollback() })
	w := &ownWrites{txn: txn, space: relation.Space{ID: 7}, value: make([]byte, 8)}
	rng := rand.New(rand.NewPCG(1, 1))
	for range n {
		w.keys = append(w.keys, benchKey(nil, rng.Uint64()))
	}
	return w
}

// forget has the transaction begin again.
func (w *ownWrites) forget() { w.txn.overlay, w.txn.savepoints = overlay{}, nil }

func (w *ownWrites) put(b *testing.B, i int) {
	if err := (storage{w.txn}).Put(w.space, w.keys[i], w.value); err != nil {
		b.Fatal(err)
	}
}

// reportCPU begins to measure, and returns what ends it.
func reportCPU(b *testing.B) func() {
	runtime.GC() // what was before is not ours
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	return func() { b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkOwnWrites measures a write of a transaction that has many.
func BenchmarkOwnWrites(b *testing.B) {
	for _, n := range []int{1, 10, 3_000, 300_000} {
		for _, every := range []int{0, 3} {
			b.Run(fmt.Sprintf("writes=%d/savepoint=%d", n, every), func(b *testing.B) {
				w := newOwnWrites(b, n)
				in := storage{w.txn}
				var point any
				defer reportCPU(b)()
				for i := range b.N {
					at := i % n
					if at == 0 {
						w.forget()
					}
					if every > 0 && at%every == 0 {
						point, _ = in.Savepoint()
					}
					w.put(b, at)
					if every > 0 && (at%every == every-1 || at == n-1) {
						in.Release(point)
					}
				}
			})
		}
	}
}

// BenchmarkOwnWritesAmongIterators has an iterator opened, and closed or not, before each three writes.
func BenchmarkOwnWritesAmongIterators(b *testing.B) {
	const n = 3_000
	for _, open := range []bool{false, true} {
		b.Run(fmt.Sprintf("open=%v", open), func(b *testing.B) {
			w := newOwnWrites(b, n)
			defer reportCPU(b)()
			for i := range b.N {
				at := i % n
				if at == 0 {
					w.forget()
				}
				if at%3 == 0 {
					src := w.txn.overlay.source()
					src.SeekGE(w.keys[at])
					if !open {
						_ = src.Close()
					}
				}
				w.put(b, at)
			}
		})
	}
}

// BenchmarkOwnReads measures reads of what the transaction itself wrote: of one key, and a step of an iterator.
func BenchmarkOwnReads(b *testing.B) {
	for _, n := range []int{10, 3_000, 300_000} {
		w := newOwnWrites(b, n)
		for i := range n {
			w.put(b, i)
		}
		order := rand.New(rand.NewPCG(2, 2)).Perm(n)
		b.Run(fmt.Sprintf("get/writes=%d", n), func(b *testing.B) {
			defer reportCPU(b)()
			var v []byte
			for i := range b.N {
				var found bool
				var err error
				if v, found, err = (storage{w.txn}).Get(w.space, v[:0], w.keys[order[i%n]]); !found {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("step/writes=%d", n), func(b *testing.B) {
			defer reportCPU(b)()
			src := w.txn.overlay.source()
			ok := false
			for range b.N {
				if ok {
					ok = src.Next()
				}
				if !ok {
					ok = src.First()
				}
			}
			_ = src.Close()
		})
	}
}

// BenchmarkRollbackTo takes back three writes of a transaction that has many.
func BenchmarkRollbackTo(b *testing.B) {
	for _, n := range []int{3, 3_000, 300_000} {
		b.Run(fmt.Sprintf("writes=%d", n), func(b *testing.B) {
			w := newOwnWrites(b, n+3)
			in := storage{w.txn}
			for i := range n {
				w.put(b, i)
			}
			defer reportCPU(b)()
			for range b.N {
				point, _ := in.Savepoint()
				for i := range 3 {
					w.put(b, n+i)
				}
				_ = in.RollbackTo(point)
				in.Release(point)
			}
		})
	}
}
