package sstable

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
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

// take takes several entries at once, and compares them with those that come in the model.
func take(rng *rand.Rand, it *Iter, kvs []kv) (int, error) {
	e := &iterator.Entries{Keyless: rng.IntN(2) == 0}
	e.Add([]byte("before"), nil)
	var limit []byte
	limited := rng.IntN(2) == 0
	if limited {
		limit = bytes.Clone(kvs[rng.IntN(min(len(kvs), 30))].k)
		if rng.IntN(2) == 0 {
			limit = append(limit, 0)
		}
		if bytes.Compare(limit, kvs[0].k) <= 0 {
			limit = append(bytes.Clone(kvs[0].k), 0)
		}
	}
	most := 1 + rng.IntN(60)
	it.Take(e, most, limit)
	n := e.Len() - 1
	if n < 1 || n > most {
		return n, fmt.Errorf("%d entries, at most %d: %v", n, most, it.Err())
	}
	for i, kv := range kvs[:n] {
		if !bytes.Equal(e.Values[1+i], kv.v) || !e.Keyless && !bytes.Equal(e.Keys[1+i], kv.k) || kv.t.Kind() != key.KindPut {
			return n, fmt.Errorf("entry %d is not %s", i, key.Format(kv.k))
		}
		if limited && bytes.Compare(kv.k, limit) >= 0 {
			return n, fmt.Errorf("%s is not below %s", key.Format(kv.k), key.Format(limit))
		}
	}
	return n, checkAt(it, kvs, n-1)
}

// walk moves an iterator and an index into the model at random, and compares them.
func walk(rng *rand.Rand, it iterator.Iterator, kvs []kv, steps int) error {
	at := -1
	trace := ""
	for range steps {
		if i, ok := it.(*Iter); ok && i.Valid() && i.Trailer().Kind() == key.KindPut && rng.IntN(4) == 0 {
			n, err := take(rng, i, kvs[at:])
			if err != nil {
				return fmt.Errorf("after%s: take: %w", trace[max(0, len(trace)-200):], err)
			}
			at += n - 1
			trace += fmt.Sprintf(" take(%d)", n)
		}
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
		ranges := randomRanges(rng, kvs)
		if rng.IntN(10) == 0 {
			kvs = nil // ranges only, or nothing
		}
		fs, info := build(t, o, kvs, ranges...)
		checkInfo(t, seed, info, kvs, ranges)
		var cache *page.Cache
		if rng.IntN(3) > 0 {
			cache = page.NewCache(1 << (10 + rng.IntN(14)))
		}
		r := open(t, fs, o.FileNum, ReaderOptions{Cache: cache})
		if int(info.Entries) != len(kvs) || r.Properties().Entries != info.Entries {
			t.Fatalf("seed %d: %d entries, want %d", seed, info.Entries, len(kvs))
		}
		if err := checkGets(rng, r, kvs, ranges...); err != nil {
			t.Fatalf("seed %d %+v: get: %v", seed, o, err)
		}
		checkCovering(t, seed, rng, r, kvs, ranges)
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
func checkGets(rng *rand.Rand, r *Reader, kvs []kv, ranges ...Range) error {
	have := make(map[string]kv)
	for _, e := range kvs {
		have[string(e.k)] = e
	}
	ask := func(k []byte) error {
		dst := []byte("dst")
		out, tr, found, err := r.Get(k, Hash(k), dst, new(Lookups))
		e, want := have[string(k)]
		if d, covered := coveredBy(ranges, k); covered && !want {
			e, want = kv{t: key.MakeTrailer(d.Seq, key.KindDelete)}, true
		}
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
	for _, d := range ranges {
		for _, k := range [][]byte{d.Start, d.End, append(bytes.Clone(d.Start), 0), d.Last()} {
			if err := ask(k); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkInfo compares what the Writer says of a table with what is in it.
func checkInfo(t *testing.T, seed uint64, info Info, kvs []kv, ranges []Range) {
	t.Helper()
	var want Info
	var seqs []uint64
	var expiries []int64
	var bounds [][]byte
	for _, e := range kvs {
		want.Entries++
		want.RawKeyBytes += uint64(len(e.k))
		want.RawValueBytes += uint64(len(e.v))
		seqs, bounds = append(seqs, e.t.Seq()), append(bounds, e.k)
		switch e.t.Kind() {
		case key.KindDelete:
			want.Tombstones++
		case key.KindPutWithExpiry:
			expiry, _, _ := key.SplitExpiring(e.v)
			want.Expiring++
			expiries = append(expiries, expiry)
		default:
		}
	}
	for _, r := range ranges {
		want.Ranges++
		end := r.End
		if end[len(end)-1] == 0 {
			end = end[:len(end)-1]
		}
		seqs, bounds = append(seqs, r.Seq), append(bounds, r.Start, end)
	}
	if len(seqs) > 0 {
		want.MinSeq, want.MaxSeq = slices.Min(seqs), slices.Max(seqs)
		want.Smallest, want.Largest = slices.MinFunc(bounds, bytes.Compare), slices.MaxFunc(bounds, bytes.Compare)
	}
	if len(expiries) > 0 {
		want.EarliestExpiry, want.LatestExpiry = slices.Min(expiries), slices.Max(expiries)
	}
	want.Size, want.Checksum = info.Size, info.Checksum
	if fmt.Sprintf("%+v", info) != fmt.Sprintf("%+v", want) {
		t.Fatalf("seed %d: the writer says\n%+v, it should\n%+v", seed, info, want)
	}
}

// checkCovering asks the Ranges of a table for stretches.
func checkCovering(t *testing.T, seed uint64, rng *rand.Rand, r *Reader, kvs []kv, ranges []Range) {
	t.Helper()
	if (r.Ranges() == nil) != (len(ranges) == 0) || !reflect.DeepEqual(r.RangeDeletes(), ranges) {
		t.Fatalf("seed %d: ranges %v, want %v", seed, r.RangeDeletes(), ranges)
	}
	if len(ranges) == 0 {
		return
	}
	for range 50 {
		k := randomTarget(rng, kvs)
		if rng.IntN(2) == 0 {
			d := ranges[rng.IntN(len(ranges))]
			k = [][]byte{d.Start, d.End, append(bytes.Clone(d.End), 0), append(bytes.Clone(d.Start), 0)}[rng.IntN(4)]
		}
		start, end, covered, err := r.Ranges().Covering(k)
		d, want := coveredBy(ranges, k)
		if !want { // the gap around k
			d = Range{}
			for _, other := range ranges {
				if bytes.Compare(other.End, k) <= 0 {
					d.Start = other.End
				} else if d.End == nil {
					d.End = other.Start
				}
			}
		}
		if err != nil || covered != want || r.Covers(k) != want || !bytes.Equal(start, d.Start) || !bytes.Equal(end, d.End) {
			t.Fatalf("seed %d: %q: %q to %q, %v, %v; want %q to %q, %v", seed, k, start, end, covered, err, d.Start, d.End, want)
		}
	}
}
