package sstable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

func checkAt(it iterator.Iterator, kvs []kv, i int) error {
	if i < 0 || i >= len(kvs) {
		if it.Valid() {
			return fmt.Errorf("stands at %s, the model at no entry", key.Format(it.Key()))
		}
		return it.Err()
	}
	if !it.Valid() {
		return fmt.Errorf("stands at no entry (%v), the model at %s", it.Err(), key.Format(kvs[i].k))
	}
	e := kvs[i]
	if !bytes.Equal(it.Key(), e.k) || it.Trailer() != e.t || !bytes.Equal(it.Value(), e.v) {
		return fmt.Errorf("stands at %s %v %.40q, the model at %s %v %.40q",
			key.Format(it.Key()), it.Trailer(), it.Value(), key.Format(e.k), e.t, e.v)
	}
	return nil
}

// walk moves an iterator and an index into the model at random, and compares them.
func walk(rng *rand.Rand, it iterator.Iterator, kvs []kv, steps int) error {
	at := -1
	trace := ""
	for range steps {
		op := rng.IntN(10)
		if op < 6 && (at < 0 || at >= len(kvs)) {
			op = 6 + rng.IntN(4)
		}
		n := 1
		if op < 6 {
			n = 1 + rng.IntN(1+rng.IntN(40))
		}
		for ; n > 0; n-- {
			var got bool
			switch {
			case op < 3:
				got = it.Next()
				at++
			case op < 6:
				got = it.Prev()
				at--
			case op == 6:
				got, at = it.First(), 0
			case op == 7:
				got, at = it.Last(), len(kvs)-1
			default:
				k := randomTarget(rng, kvs)
				at = sort.Search(len(kvs), func(i int) bool { return bytes.Compare(kvs[i].k, k) >= 0 })
				if op == 8 {
					got = it.SeekGE(k)
				} else {
					got = it.SeekLT(k)
					at--
				}
				trace += fmt.Sprintf(" seek(%s)", key.Format(k))
			}
			trace += fmt.Sprintf(" %d", op)
			if got != it.Valid() {
				return fmt.Errorf("after%s: moved %v, valid %v", trace[max(0, len(trace)-200):], got, it.Valid())
			}
			if err := checkAt(it, kvs, at); err != nil {
				return fmt.Errorf("after%s: %w", trace[max(0, len(trace)-200):], err)
			}
			if !got {
				at = -1
				break
			}
		}
	}
	return nil
}

// randomTarget returns a key of the model, or one near it.
func randomTarget(rng *rand.Rand, kvs []kv) []byte {
	if len(kvs) == 0 || rng.IntN(20) == 0 {
		return []byte{byte(rng.IntN(256))}
	}
	k := bytes.Clone(kvs[rng.IntN(len(kvs))].k)
	switch rng.IntN(6) {
	case 0:
		return k[:rng.IntN(len(k)+1)]
	case 1:
		k[rng.IntN(len(k))] += byte(rng.IntN(3)) - 1
	case 2:
		return append(k, byte(rng.IntN(256)))
	}
	return k
}

func TestTableMatchesModel(t *testing.T) {
	seeds := uint64(200)
	if raceEnabled {
		seeds = 30
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		kvs := randomKVs(rng, rng.IntN(400))
		o := randomOptions(rng)
		fs, info := build(t, o, kvs)
		var cache *page.Cache
		if rng.IntN(3) > 0 {
			cache = page.NewCache(1 << (10 + rng.IntN(14)))
		}
		r := open(t, fs, o.FileNum, ReaderOptions{Cache: cache})
		if int(info.Entries) != len(kvs) || r.Properties().Entries != info.Entries {
			t.Fatalf("seed %d: %d entries, want %d", seed, info.Entries, len(kvs))
		}
		if err := checkGets(rng, r, kvs); err != nil {
			t.Fatalf("seed %d %+v: get: %v", seed, o, err)
		}
		for range 3 {
			it := r.NewIter(IterOptions{FillCache: rng.IntN(2) == 0, Readahead: rng.IntN(2) == 0})
			if err := walk(rng, it, kvs, 60); err != nil {
				t.Fatalf("seed %d %+v: %v", seed, o, err)
			}
			if err := it.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Verify(VerifyOptions{Checksum: &info.Checksum}); err != nil {
			t.Fatalf("seed %d: verify: %v", seed, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		cache.Close()
	}
}

// checkGets asks for every key of the model and for some that it does not have.
func checkGets(rng *rand.Rand, r *Reader, kvs []kv) error {
	have := make(map[string]kv)
	for _, e := range kvs {
		have[string(e.k)] = e
	}
	ask := func(k []byte) error {
		dst := []byte("dst")
		out, tr, found, err := r.Get(k, Hash(k), dst)
		e, want := have[string(k)]
		if err != nil || found != want || tr != e.t || string(out) != "dst"+string(e.v) {
			return fmt.Errorf("%s: %v %v %v %.40q, want %v %v %.40q", key.Format(k), found, tr, err, out, want, e.t, e.v)
		}
		return nil
	}
	for _, e := range kvs {
		if err := ask(e.k); err != nil {
			return err
		}
	}
	for range 50 {
		if err := ask(randomTarget(rng, kvs)); err != nil {
			return err
		}
	}
	return nil
}
