package memtable

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/key"
)

const (
	benchKeys  = 300_000
	benchBytes = 64 << 20
)

var benchValue = make([]byte, 100)

// benchKey writes the i-th of a series of random 16-byte keys into b.
func benchKey(b *[16]byte, i uint64) []byte {
	x := i * 0x9E3779B97F4A7C15
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	x ^= x >> 32
	binary.BigEndian.PutUint64(b[:], x)
	binary.BigEndian.PutUint64(b[8:], i)
	return b[:]
}

func benchFilled(b *testing.B) *Memtable {
	mem, err := New(NewArenas(), Options{Bytes: benchBytes})
	if err != nil {
		b.Fatal(err)
	}
	var kb [16]byte
	for i := range uint64(benchKeys) {
		mem.Add(benchKey(&kb, i), benchValue, key.MakeTrailer(i+1, key.KindPut))
	}
	b.ReportAllocs()
	b.ResetTimer()
	return mem
}

// benchAdds fills memtable after memtable, in one arena once the first has come back.
func benchAdds(b *testing.B, add func(mem *Memtable, k []byte, t key.Trailer)) {
	a := NewArenas()
	var mem *Memtable
	var kb [16]byte
	b.ReportAllocs()
	for i := range uint64(b.N) {
		if i%benchKeys == 0 {
			b.StopTimer()
			collect(func() bool { return a.Outstanding() == 0 })
			var err error
			if mem, err = New(a, Options{Bytes: benchBytes}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		add(mem, benchKey(&kb, i%benchKeys), key.MakeTrailer(i, key.KindPut))
	}
}

func BenchmarkAdd(b *testing.B) {
	benchAdds(b, func(mem *Memtable, k []byte, t key.Trailer) { mem.Add(k, benchValue, t) })
}

func BenchmarkAddHint(b *testing.B) {
	benchAdds(b, func(mem *Memtable, k []byte, t key.Trailer) { mem.AddHint(k, benchValue, t, mem.Hint(k)) })
}

func BenchmarkAddAscending(b *testing.B) {
	var kb [16]byte
	benchAdds(b, func(mem *Memtable, _ []byte, t key.Trailer) {
		binary.BigEndian.PutUint64(kb[8:], t.Seq())
		mem.Add(kb[:], benchValue, t)
	})
}

func BenchmarkOverwriteHotKey(b *testing.B) {
	benchAdds(b, func(mem *Memtable, _ []byte, t key.Trailer) { mem.Add([]byte("the one hot key"), benchValue, t) })
}

func BenchmarkGet(b *testing.B) {
	mem := benchFilled(b)
	r := rand.New(rand.NewPCG(1, 2))
	var kb [16]byte
	for range b.N {
		if _, _, ok := mem.Get(benchKey(&kb, r.Uint64N(benchKeys)), key.MaxSeq); !ok {
			b.Fatal("lost a key")
		}
	}
}

func BenchmarkNext(b *testing.B) {
	mem := benchFilled(b)
	var it Iter
	var sum byte
	for n := 0; n < b.N; {
		it.Reset(mem, key.MaxSeq, nil)
		for ok := it.First(); ok && n < b.N; ok = it.Next() {
			sum += it.Key()[0]
			n++
		}
	}
	_ = sum
}

func BenchmarkPrev(b *testing.B) {
	mem := benchFilled(b)
	var it Iter
	var sum byte
	for n := 0; n < b.N; {
		it.Reset(mem, key.MaxSeq, nil)
		for ok := it.Last(); ok && n < b.N; ok = it.Prev() {
			sum += it.Key()[0]
			n++
		}
	}
	_ = sum
}

func BenchmarkSeekGE(b *testing.B) {
	mem := benchFilled(b)
	r := rand.New(rand.NewPCG(1, 2))
	var it Iter
	var kb [16]byte
	for range b.N {
		it.Reset(mem, key.MaxSeq, nil)
		if !it.SeekGE(benchKey(&kb, r.Uint64N(benchKeys))) {
			b.Fatal("lost a key")
		}
	}
}

// BenchmarkMergeHotCounter counts in one key.
func BenchmarkMergeHotCounter(b *testing.B) {
	list := countBy(1)
	benchAdds(b, func(mem *Memtable, _ []byte, t key.Trailer) {
		mem.AddMerge([]byte("the one hot key"), list, key.MakeTrailer(t.Seq(), key.KindMerge), nil)
	})
}

// BenchmarkGetBesideRangeDeletes reads where 1,000 range deletes lie between the keys.
func BenchmarkGetBesideRangeDeletes(b *testing.B) {
	mem := benchFilled(b)
	r := rand.New(rand.NewPCG(1, 2))
	var kb [16]byte
	for i := range uint64(1000) {
		start := benchKey(&kb, i)
		mem.DeleteRange(start, append(start[:15:15], start[15]+1, 0), benchKeys+i+1)
	}
	b.ResetTimer()
	for range b.N {
		if _, _, ok := mem.Get(benchKey(&kb, r.Uint64N(benchKeys)), key.MaxSeq); !ok {
			b.Fatal("lost a key")
		}
	}
}

// BenchmarkNextBesideRangeDeletes walks where 1,000 range deletes lie between the keys.
func BenchmarkNextBesideRangeDeletes(b *testing.B) {
	mem := benchFilled(b)
	var kb [16]byte
	for i := range uint64(1000) {
		start := benchKey(&kb, i)
		mem.DeleteRange(start, append(start[:15:15], start[15]+1, 0), benchKeys+i+1)
	}
	var it Iter
	b.ResetTimer()
	for n := 0; n < b.N; {
		it.Reset(mem, key.MaxSeq, nil)
		for ok := it.First(); ok && n < b.N; ok = it.Next() {
			n++
		}
	}
}

// BenchmarkDeleteRange adds range deletes apart from each other.
func BenchmarkDeleteRange(b *testing.B) {
	var mem *Memtable
	var kb [16]byte
	b.ReportAllocs()
	for i := range uint64(b.N) {
		if i%10000 == 0 {
			mem = newTestMemtable(b, benchBytes)
		}
		start := benchKey(&kb, i)
		mem.DeleteRange(start, append(start[:16:16], 0), i+1)
	}
}
