package sstable

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// benchKVs makes n entries like those of the benchmarks: 16-byte keys step apart, values of 100
// bytes of which half can be compressed away.
func benchKVs(n, from, step int) []kv {
	rng := rand.New(rand.NewPCG(7, 7))
	kvs := make([]kv, n)
	for i := range kvs {
		v := make([]byte, 100)
		for j := range 50 {
			v[j] = byte(rng.Uint32())
			v[50+j] = 'x'
		}
		kvs[i] = kv{k: fmt.Appendf(nil, "%016d", from+i*step), v: v, t: key.MakeTrailer(uint64(1_000_000+i), key.KindPut)}
	}
	return kvs
}

func benchTable(b *testing.B, n, from, step int, c Compression) (*Reader, []kv) {
	kvs := benchKVs(n, from, step)
	fs, _ := build(b, WriterOptions{FileNum: 1, Compression: c}, kvs)
	cache := page.NewCache(1 << 30)
	r := open(b, fs, 1, ReaderOptions{Cache: cache})
	b.Cleanup(func() { r.Close(); cache.Close() })
	it := r.NewIter(IterOptions{FillCache: true})
	for ok := it.First(); ok; ok = it.Next() {
	}
	it.Close()
	return r, kvs
}

const benchEntries = 200_000

func BenchmarkWriter(b *testing.B) {
	kvs := benchKVs(benchEntries, 0, 1)
	for _, c := range []Compression{None, S2, LZ4, Zstd} {
		b.Run(c.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(116)
			dir := b.TempDir()
			var w *Writer
			var f vfs.File
			for i := 0; i < b.N; i++ {
				j := i % len(kvs)
				if j == 0 {
					if w != nil {
						w.Finish()
						f.Close()
					}
					var err error
					if f, err = vfs.OS.Create(dir + "/t.sst"); err != nil {
						b.Fatal(err)
					}
					w = NewWriter(f, WriterOptions{FileNum: 1, Compression: c})
				}
				if err := w.Add(kvs[j].k, kvs[j].t, kvs[j].v); err != nil {
					b.Fatal(err)
				}
			}
			w.Finish()
			f.Close()
		})
	}
}

// benchGets gets the keys of kvs in the given order.
func benchGets(b *testing.B, r *Reader, kvs []kv, order []int) {
	var dst []byte
	for i := 0; i < b.N; i++ {
		k := kvs[order[i%len(order)]].k
		out, _, found, err := r.Get(k, Hash(k), dst[:0], new(Lookups))
		if err != nil || !found {
			b.Fatal(found, err)
		}
		dst = out
	}
}

func BenchmarkGet(b *testing.B) {
	r, kvs := benchTable(b, benchEntries, 0, 2, S2)
	rng := rand.New(rand.NewPCG(3, 3))
	order := rng.Perm(len(kvs))
	b.Run("present", func(b *testing.B) {
		b.ReportAllocs()
		benchGets(b, r, kvs, order)
	})
	b.Run("absent", func(b *testing.B) {
		k := []byte("0000000000000001")
		for i := 0; i < b.N; i++ {
			copy(k, kvs[order[i%len(order)]].k)
			k[15] |= 1
			if _, _, found, err := r.Get(k, Hash(k), nil, new(Lookups)); err != nil || found {
				b.Fatal(found, err)
			}
		}
	})
}

func BenchmarkIter(b *testing.B) {
	r, kvs := benchTable(b, benchEntries, 0, 1, S2)
	it := r.NewIter(IterOptions{FillCache: true})
	defer it.Close()
	b.Run("next", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			if !it.Valid() || !it.Next() {
				it.First()
			}
		}
	})
	b.Run("prev", func(b *testing.B) {
		it.Last()
		for i := 0; i < b.N; i++ {
			if !it.Prev() {
				it.Last()
			}
		}
	})
	order := rand.New(rand.NewPCG(3, 3)).Perm(len(kvs))
	b.Run("seekGE", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			if !it.SeekGE(kvs[order[i%len(order)]].k) {
				b.Fatal()
			}
		}
	})
	b.Run("new+seek+close", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			it := r.NewIter(IterOptions{FillCache: true})
			it.SeekGE(kvs[order[i%len(order)]].k)
			it.Close()
		}
	})
	b.Run("new+close", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			r.NewIter(IterOptions{FillCache: true}).Close()
		}
	})
}

func BenchmarkMerging(b *testing.B) {
	for _, n := range []int{1, 2, 4, 10} {
		var tables []*Reader
		for i := range n {
			r, _ := benchTable(b, benchEntries/n, i, n, S2)
			tables = append(tables, r)
		}
		m := func() iterator.Iterator {
			var its []iterator.Source
			for _, r := range tables {
				its = append(its, iterator.Source{Iterator: r.NewIter(IterOptions{FillCache: true})})
			}
			return iterator.NewMerging(nil, its...)
		}
		run(b, fmt.Sprintf("interleaved=%d", n), m())
		run(b, fmt.Sprintf("bounded/interleaved=%d", n), iterator.NewBounded(m(), nil, []byte("2"), nil, 0))
	}
	// Like levels: each source has a tenth of the entries of the one after it.
	var its []iterator.Source
	for i, share := range []int{1000, 100, 10, 1} {
		r, _ := benchTable(b, benchEntries/share, i, 4*share, S2)
		its = append(its, iterator.Source{Iterator: r.NewIter(IterOptions{FillCache: true})})
	}
	run(b, "levels=4", iterator.NewMerging(nil, its...))
}

func run(b *testing.B, name string, it iterator.Iterator) {
	b.Run("next/"+name, func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			if !it.Valid() || !it.Next() {
				it.First()
			}
		}
	})
	b.Run("prev/"+name, func(b *testing.B) {
		it.Last()
		for i := 0; i < b.N; i++ {
			if !it.Prev() {
				it.Last()
			}
		}
	})
	it.Close()
}

// BenchmarkScan reads a whole table that is not cached.
func BenchmarkScan(b *testing.B) {
	kvs := benchKVs(benchEntries, 0, 1)
	for _, c := range []Compression{None, S2, LZ4, Zstd} {
		fs, _ := build(b, WriterOptions{FileNum: 1, Compression: c}, kvs)
		r := open(b, fs, 1, ReaderOptions{})
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(116)
			it := r.NewIter(IterOptions{Readahead: true})
			for i := 0; i < b.N; i++ {
				if !it.Valid() || !it.Next() {
					it.First()
				}
			}
			it.Close()
		})
		r.Close()
	}
}

// BenchmarkMiss gets keys from a table through a cache that holds a small part of it.
func BenchmarkMiss(b *testing.B) {
	kvs := benchKVs(benchEntries, 0, 1)
	dir := b.TempDir()
	f, _ := vfs.OS.Create(dir + "/t.sst")
	w := NewWriter(f, WriterOptions{FileNum: 1, Compression: S2})
	for _, e := range kvs {
		w.Add(e.k, e.t, e.v)
	}
	w.Finish()
	cache := page.NewCache(2 << 20)
	r, err := Open(f, 1, ReaderOptions{Cache: cache})
	if err != nil {
		b.Fatal(err)
	}
	order := rand.New(rand.NewPCG(3, 3)).Perm(len(kvs))
	b.ReportAllocs()
	b.ResetTimer()
	benchGets(b, r, kvs, order)
	b.StopTimer()
	b.Logf("%+v", cache.Stats())
	r.Close()
	cache.Close()
}
