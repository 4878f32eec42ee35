package levels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
)

// benchTree writes a base level of n entries and four tables of n/4 entries over it, with keys of
// 16 and values of 100 bytes that compress by half.
func benchTree(b *testing.B, n int, c sstable.Compression) (*Version, *Builder) {
	fs := newMem(b)
	rng := rand.New(rand.NewPCG(1, 2))
	build := &Builder{Tables: NewTables(fs, "db", page.NewCache(1<<30)), NextFileNum: counter(1)}
	for l := range build.Compression {
		build.Compression[l] = c
	}
	var levels [NumLevels][]*Table
	add := func(level int, count int, seq uint64) {
		es := make([]memEntry, count)
		for i := range es {
			v := make([]byte, 100)
			for j := range 50 {
				v[j] = byte(rng.Uint32())
			}
			es[i] = memEntry{k: fmt.Appendf(nil, "%016x", rng.Uint64()), v: v, t: key.MakeTrailer(seq, key.KindPut)}
		}
		slices.SortFunc(es, func(a, b memEntry) int { return slices.Compare(a.k, b.k) })
		out := output{b: build, level: level, limit: 16 << 20}
		for _, e := range es {
			if err := out.add(e.k, e.t, e.v); err != nil {
				b.Fatal(err)
			}
		}
		if err := out.finish(); err != nil {
			b.Fatal(err)
		}
		for _, a := range out.added {
			levels[level] = append(levels[level], build.Tables.NewTable(a.TableMeta))
		}
	}
	for i := range 4 {
		add(0, n/4, uint64(i+2))
	}
	add(lastLevel, n, 1)
	v, err := NewVersion(levels)
	if err != nil {
		b.Fatal(err)
	}
	return v, build
}

func BenchmarkCompaction(b *testing.B) {
	for _, c := range []sstable.Compression{sstable.None, sstable.S2, sstable.Zstd} {
		b.Run(c.String(), func(b *testing.B) {
			const n = 200000
			v, build := benchTree(b, n, c)
			p := NewPicker(PickerOptions{})
			b.SetBytes(2 * n * 116)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c, ok := p.Pick(v, nil, 0, 0)
				if !ok {
					b.Fatal("nothing to do")
				}
				e, err := c.Run(build, func() bool { return false }, 0)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				for _, a := range e.Added {
					if err := build.Tables.Remove([]uint64{a.Num}); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
			}
		})
	}
}

func BenchmarkFlush(b *testing.B) {
	const n = 100000
	rng := rand.New(rand.NewPCG(1, 2))
	es := make([]memEntry, n)
	for i := range es {
		v := make([]byte, 100)
		for j := range 50 {
			v[j] = byte(rng.Uint32())
		}
		es[i] = memEntry{k: fmt.Appendf(nil, "%016x", rng.Uint64()), v: v, t: key.MakeTrailer(1, key.KindPut)}
	}
	slices.SortFunc(es, func(a, b memEntry) int { return slices.Compare(a.k, b.k) })
	build := &Builder{Tables: NewTables(newMem(b), "db", page.NewCache(1<<20)), NextFileNum: counter(1)}
	build.Compression[0] = sstable.S2
	b.SetBytes(n * 116)
	b.ReportAllocs()
	for range b.N {
		e, err := Flush(build, &sliceIter{es: es}, nil, 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := build.Tables.Remove([]uint64{e.Added[0].Num}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	v, _ := benchTree(b, 400000, sstable.S2)
	var keys [][]byte
	its, err := v.AppendIters(nil, nil, nil, IterOptions{})
	if err != nil {
		b.Fatal(err)
	}
	m := iterator.NewMerging(nil, its...)
	for ok := m.First(); ok; ok = m.Next() {
		keys = append(keys, slices.Clone(m.Key()))
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	dst := make([]byte, 0, 200)
	for i := range keys {
		if _, _, ok, err := v.Get(keys[i], sstable.Hash(keys[i]), dst); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		k := keys[i%len(keys)]
		if _, _, ok, err := v.Get(k, sstable.Hash(k), dst); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkIterators(b *testing.B) {
	v, _ := benchTree(b, 100000, sstable.S2)
	var its []iterator.Source
	b.ReportAllocs()
	for range b.N {
		var err error
		if its, err = v.AppendIters(its[:0], nil, nil, IterOptions{FillCache: true}); err != nil {
			b.Fatal(err)
		}
		m := iterator.NewMerging(nil, its...)
		m.First()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
