package sstable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
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
		switch rng.IntN(12) {
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
func build(t testing.TB, o WriterOptions, kvs []kv) (vfs.FS, Info) {
	t.Helper()
	fs := vfs.NewMem()
	f, err := fs.Create("/t.sst")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f, o)
	for _, e := range kvs {
		if err := w.Add(e.k, e.t, e.v); err != nil {
			t.Fatal(err)
		}
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
