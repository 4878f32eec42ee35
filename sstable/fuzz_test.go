package sstable

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/middb/middb/key"
)

func fuzzSeed() []byte {
	b := blockBuilder{interval: 3}
	kinds := []key.Kind{key.KindPut, key.KindPut, key.KindMerge, key.KindPut, key.KindPutWithExpiry, key.KindDelete}
	for i, k := range []string{"a", "ab", "abc", "abcd", "b", "bcd"} {
		b.add([]byte(k), key.SharedPrefix([]byte(k), b.last), key.MakeTrailer(uint64(len(k))<<20, kinds[i]), bytes.Repeat([]byte(k), 20*i))
	}
	return bytes.Clone(b.finish())
}

func FuzzBlock(f *testing.F) {
	f.Add(fuzzSeed(), []byte("abc"))
	f.Fuzz(exerciseBlock)
}

// TestMutatedBlocksAreReadSafely does what FuzzBlock does, for a moment in every test run.
func TestMutatedBlocksAreReadSafely(t *testing.T) {
	seed := fuzzSeed()
	for n := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(n, 5))
		p := bytes.Clone(seed)
		for range 1 + rng.IntN(4) {
			p[rng.IntN(len(p))] = byte(rng.Uint32() >> rng.IntN(8))
		}
		if rng.IntN(3) == 0 { // damage to the tail reaches furthest
			p[len(p)-1-rng.IntN(24)] = byte(rng.IntN(256))
		}
		exerciseBlock(t, p, []byte("abcd")[:rng.IntN(5)])
	}
}

// exerciseBlock walks a table with this one block, whose checksum is taken to be right, every way.
func exerciseBlock(t *testing.T, data, k []byte) {
	w := indexBuilder{}
	w.add([]byte("\xff\xff"), trailerBytes+1)
	ix, wrong := parseIndex(w.buf, trailerBytes+1)
	if wrong != "" {
		t.Fatal(wrong)
	}
	blk, ok := parseBlock(data)
	if !ok {
		return
	}
	it := &Iter{r: &Reader{index: ix}}
	for _, move := range []func() bool{
		it.First, it.Last,
		func() bool { return it.SeekGE(k) }, func() bool { return it.SeekLT(k) },
	} {
		for _, forward := range []bool{true, false} {
			it.err, it.b, it.bi, it.limit = nil, blk, 0, blk.limit
			ok := move()
			for n := 0; ok && n < 100; n++ {
				if _, _, k := it.Key(), it.Value(), it.Trailer().Kind(); !k.Point() {
					t.Fatalf("shows kind %v", k)
				}
				if forward {
					ok = it.Next()
				} else {
					ok = it.Prev()
				}
			}
		}
	}
}

func FuzzIndex(f *testing.F) {
	w := indexBuilder{}
	w.add([]byte("aa"), 100)
	w.add([]byte("ab"), 200)
	f.Add(bytes.Clone(w.buf), uint64(300), []byte("ab"))
	f.Fuzz(func(t *testing.T, p []byte, end uint64, k []byte) {
		ix, wrong := parseIndex(p, end)
		if wrong != "" {
			return
		}
		i := ix.find(k)
		if i < ix.blocks() && bytes.Compare(ix.separator(i), k) < 0 || i > 0 && bytes.Compare(ix.separator(i-1), k) >= 0 {
			t.Fatalf("find says %d of %d for %q", i, ix.blocks(), k)
		}
	})
}

func FuzzRanges(f *testing.F) {
	f.Add(appendRanges(nil, []Range{{[]byte("a"), []byte("ab"), 7}, {[]byte("ac"), []byte("b"), 300}}), []byte("a"))
	f.Fuzz(exerciseRanges)
}

// TestMutatedRangesAreReadSafely does what FuzzRanges does, for a moment in every test run.
func TestMutatedRangesAreReadSafely(t *testing.T) {
	seed := appendRanges(nil, []Range{{[]byte("a"), []byte("ab"), 7}, {[]byte("abc"), []byte("b"), 300}, {[]byte("c"), []byte("cc"), 1}})
	for n := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(n, 6))
		p := bytes.Clone(seed)
		for range 1 + rng.IntN(3) {
			p[rng.IntN(len(p))] = byte(rng.Uint32() >> rng.IntN(8))
		}
		exerciseRanges(t, p, []byte("abcd")[:rng.IntN(5)])
	}
}

// exerciseRanges verifies that what is read of a block keeps the promises of ranges.
func exerciseRanges(t *testing.T, p, k []byte) {
	list, wrong := parseRanges(p)
	if wrong != "" {
		return
	}
	for i, r := range list {
		if bytes.Compare(r.Start, r.End) >= 0 || i > 0 && bytes.Compare(list[i-1].End, r.Start) >= 0 || r.Seq > key.MaxSeq || bytes.Compare(r.Last(), r.Start) < 0 {
			t.Fatalf("% x is read as %v", p, list)
		}
	}
	start, end, covered, _ := (&tableRanges{list}).Covering(k)
	if _, want := coveredBy(list, k); covered != want || start != nil && bytes.Compare(k, start) < 0 || end != nil && bytes.Compare(k, end) >= 0 {
		t.Fatalf("%q of %v: %q to %q, %v", k, list, start, end, covered)
	}
	again, wrong := parseRanges(appendRanges(nil, list))
	if wrong != "" || !reflect.DeepEqual(again, list) {
		t.Fatalf("%v is written, %v is read: %s", list, again, wrong)
	}
}

func FuzzMeta(f *testing.F) {
	p := Properties{Comparer: comparerName, Codec: Zstd}
	f.Add(p.append(nil))
	f.Add(footer{meta: blockHandle{1, 20}, fileNum: 1}.append(nil, 100))
	f.Fuzz(func(_ *testing.T, p []byte) {
		_, _ = parseProperties(p)
		_, _ = decodeFooter(p, "f", 1, 100)
		_, _ = parseMeta(p, blockHandle{offset: 1000}, corruptor{"f"})
		_, _ = openStored(p, corruptor{"f"}, 1, 100)
		for c := range Compression(numCompressions + 1) {
			_ = decompress(make([]byte, len(p)%5000), p, c)
		}
	})
}
