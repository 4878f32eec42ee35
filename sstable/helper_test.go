package sstable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// kv is an entry of the models.
type kv struct {
	k, v []byte
	t    key.Trailer
}

// sortedKVs sorts entries by key and keeps the first of equal ones.
func sortedKVs(kvs []kv) []kv {
	slices.SortStableFunc(kvs, func(a, b kv) int { return bytes.Compare(a.k, b.k) })
	return slices.CompactFunc(kvs, func(a, b kv) bool { return bytes.Equal(a.k, b.k) })
}

// randomKVs makes up to n entries of a shape that the seed chooses: tiny alphabets, long shared
// prefixes, keys that are prefixes of others, empty, long and huge values, tombstones.
func randomKVs(rng *rand.Rand, n int) []kv {
	alphabet := []string{"ab", "abcdefghijklmnopqrstuvwxyz", "\x00\x01\xfe\xff"}[rng.IntN(3)]
	prefix := bytes.Repeat([]byte{'p'}, []int{0, 0, 5, 40, 300}[rng.IntN(5)])
	maxKey := 1 + rng.IntN(20)
	maxSeq := uint64(1) << rng.IntN(57)
	kvs := make([]kv, 0, n)
	for range n {
		k := bytes.Clone(prefix)
		for range 1 + rng.IntN(maxKey) {
			k = append(k, alphabet[rng.IntN(len(alphabet))])
		}
		e := kv{k: k, t: key.MakeTrailer(rng.Uint64N(maxSeq), key.KindPut)}
		switch rng.IntN(14) {
		case 12:
			e.t, e.v = key.MakeTrailer(e.t.Seq(), key.KindMerge), merge.AppendOperand(nil, merge.Append, bytes.Repeat(k, rng.IntN(10)))
		case 13:
			e.t, e.v = key.MakeTrailer(e.t.Seq(), key.KindPutWithExpiry), key.AppendExpiring(nil, rng.Int64()-rng.Int64(), bytes.Repeat(k, rng.IntN(10)))
		case 0:
			e.t = key.MakeTrailer(e.t.Seq(), key.KindDelete)
		case 1:
		case 2:
			e.v = bytes.Repeat(k, rng.IntN(200))
		default:
			e.v = fmt.Appendf(nil, "value-%d", rng.IntN(1000))
		}
		kvs = append(kvs, e)
	}
	return sortedKVs(kvs)
}

// randomRanges makes ranges that begin and end at or near the keys of entries.
func randomRanges(rng *rand.Rand, kvs []kv) []Range {
	var bounds [][]byte
	for range 2 * rng.IntN(1+rng.IntN(20)) {
		k := []byte{byte(rng.IntN(256))}
		if len(kvs) > 0 {
			k = bytes.Clone(kvs[rng.IntN(len(kvs))].k)
		}
		bounds = append(bounds, append(k, make([]byte, rng.IntN(2))...))
	}
	slices.SortFunc(bounds, bytes.Compare)
	bounds = slices.CompactFunc(bounds, bytes.Equal)
	var out []Range
	for i := 0; i+1 < len(bounds); i += 2 {
		out = append(out, Range{bounds[i], bounds[i+1], rng.Uint64N(1 << rng.IntN(57))})
	}
	return out
}

// coveredBy returns the range that covers k.
func coveredBy(ranges []Range, k []byte) (Range, bool) {
	for _, r := range ranges {
		if bytes.Compare(r.Start, k) <= 0 && bytes.Compare(k, r.End) < 0 {
			return r, true
		}
	}
	return Range{}, false
}

func randomOptions(rng *rand.Rand) WriterOptions {
	return WriterOptions{
		FileNum:         uint64(1 + rng.IntN(1000)),
		BlockBytes:      []int{1, 60, 300, 4096, 8192}[rng.IntN(5)],
		RestartInterval: 1 + rng.IntN(16),
		Compression:     Compression(rng.IntN(numCompressions)),
		BloomBitsPerKey: []int{0, -1, 5}[rng.IntN(3)],
	}
}

// build writes a table to a fresh memory file system.
func build(t testing.TB, o WriterOptions, kvs []kv, ranges ...Range) (vfs.FS, Info) {
	t.Helper()
	fs := vfs.NewMem()
	f, err := fs.Create("/t.sst")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f, o)
	for i, e := range kvs {
		if err := w.Add(e.k, e.t, e.v); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 && len(ranges) > 0 { // any time will do
			addRange(t, w, ranges[0])
			ranges = ranges[1:]
		}
	}
	for _, r := range ranges {
		addRange(t, w, r)
	}
	info, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return fs, info
}

func addRange(t testing.TB, w *Writer, r Range) {
	t.Helper()
	if err := w.AddRange(r.Start, r.End, r.Seq); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, fs vfs.FS, num uint64, o ReaderOptions) *Reader {
	t.Helper()
	f, err := fs.Open("/t.sst")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(f, num, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
