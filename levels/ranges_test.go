package levels

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/treap"
)

// TestCompactionMatchesModel compacts anything into anything in Versions of any shape, and compares with
// a model after each step. Of what need not be there the outputs must be free.
func TestCompactionMatchesModel(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 100 // compactions have one goroutine here: the full pass runs all
	}
	ranges, cuts, nothing, onlyRanges := 0, 0, 0, 0
	for seed := range seeds {
		f := newForest(t, seed)
		v := f.grow()
		check(t, f.rng, v, f.model, f.now)
		for range 4 {
			f.now += f.rng.Int64N(40)
			c := f.choose(v)
			if c == nil {
				break
			}
			after, added := f.run(v, c)
			f.checkLean(c, v, after, added)
			v = after
			check(t, f.rng, v, f.model, f.now)
			if len(added) == 0 {
				nothing++
			}
			for i, a := range added {
				ranges += int(a.Ranges)
				if a.Entries == 0 {
					onlyRanges++
				}
				if i > 0 && a.Ranges > 0 && bytes.Equal(a.Smallest, following(added[i-1].Largest)) {
					cuts++
				}
			}
		}
	}
	t.Logf("%d ranges, %d cuts in ranges, %d outputs without anything, %d tables of ranges only", ranges, cuts, nothing, onlyRanges)
	if ranges == 0 || cuts == 0 || nothing == 0 || onlyRanges == 0 {
		t.Error("the test does not test all that it should")
	}
}

// checkLean verifies that the outputs have nothing that could have gone.
func (f *forest) checkLean(c *Compaction, before, after *Version, added []Added) {
	below := func(lo, hi []byte) (first, last []byte) { // bounds of what lies deeper there
		for l := c.Output + 1; l < NumLevels; l++ {
			for _, t := range before.overlapping(l, lo, hi) {
				first, last = widen(first, last, &t.TableMeta)
			}
		}
		return first, last
	}
	deeper := func(k []byte) bool { first, _ := below(k, k); return first != nil }
	for _, t := range after.Levels[c.Output] {
		if !slices.ContainsFunc(added, func(a Added) bool { return a.Num == t.Num }) {
			continue
		}
		r, err := t.Reader()
		if err != nil {
			f.t.Fatal(err)
		}
		if err := r.Verify(sstable.VerifyOptions{}); err != nil {
			f.t.Fatal(err)
		}
		for _, d := range r.RangeDeletes() {
			first, last := below(d.Start, d.Last())
			if first == nil || bytes.Compare(d.Start, first) < 0 || bytes.Compare(d.Last(), last) > 0 ||
				bytes.Compare(d.Start, c.Smallest) < 0 || bytes.Compare(d.Last(), c.Largest) > 0 {
				f.t.Fatalf("%q to %q is of no use after %v in\n%v", d.Start, d.End, c, after)
			}
		}
		it := r.NewIter(IterOptions{})
		for ok := it.First(); ok; ok = it.Next() {
			k, tr, v := it.Key(), it.Trailer(), it.Value()
			expiry, _, _ := key.SplitExpiring(v)
			switch {
			case tr.Kind() == key.KindDelete && !deeper(k),
				tr.Kind() == key.KindPutWithExpiry && expiry <= f.now,
				tr.Kind() == key.KindMerge && !merge.Complete(v) && !deeper(k):
				f.t.Fatalf("%q %v is left after %v in\n%v", k, tr, c, after)
			}
			if newest := f.model[string(k)]; tr.Kind() != key.KindDelete && newest[0].seq > tr.Seq() {
				// Whatever is newer must be in a table that was no input.
				if _, found := f.find(after, c, k, tr.Seq()); !found {
					f.t.Fatalf("%q %v survived %v after %v in\n%v", k, tr, newest, c, after)
				}
			}
		}
		if err := it.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
}

// find looks for a newer word on a key than an output of c has, above the output or in L0.
func (f *forest) find(v *Version, c *Compaction, k []byte, seq uint64) (*Table, bool) {
	for l := range c.Output {
		for _, t := range v.Levels[l] {
			if _, tr, found, err := t.get(k, sstable.Hash(k), nil, new(sstable.Lookups)); err != nil {
				f.t.Fatal(err)
			} else if found && tr.Seq() > seq {
				return t, true
			}
		}
	}
	return nil, false
}

// TestOutputKeepsBoundsApart writes random entries and ranges to tiny tables, cut at random places.
func TestOutputKeepsBoundsApart(t *testing.T) {
	for seed := range uint64(300) {
		f := newForest(t, seed)
		m := memory{entries: map[string]memEntry{}}
		for range f.rng.IntN(40) {
			f.seq++
			if a, b := f.key(), f.key(); a < b && f.rng.IntN(2) == 0 {
				m.deleteRange(a, b, f.seq)
			} else {
				m.add(a, modelOp{seq: f.seq, kind: key.KindPut, v: "v"})
			}
		}
		out := output{b: f.b, level: 1, limit: int64(f.rng.IntN(300))}
		for _, r := range m.ranges.Spans() {
			out.ranges = append(out.ranges, sstable.Range(r))
		}
		for _, e := range m.sorted() {
			if f.rng.IntN(3) == 0 {
				if err := out.cut(e.k); err != nil {
					t.Fatal(err)
				}
			}
			if err := out.add(e.k, e.t, e.v); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.finish(); err != nil {
			t.Fatal(err)
		}
		var levels [NumLevels][]*Table
		levels[1] = f.tables(out.added)
		v := f.version(levels) // checks that the tables are apart
		var all []sstable.Range
		n := 0
		for _, table := range v.Levels[1] {
			n += int(table.Entries)
			if table.Ranges > 0 {
				ranges, err := table.rangeDeletes()
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, ranges...)
			}
		}
		var want []sstable.Range
		for _, r := range m.ranges.Spans() {
			want = append(want, sstable.Range(r))
		}
		if got := coalesce(all); fmt.Sprint(got) != fmt.Sprint(want) || n != len(m.entries) {
			t.Fatalf("seed %d: %d entries of %d, ranges %v, want %v\n%v", seed, n, len(m.entries), got, want, v)
		}
		checkLevelRanges(t, f, v, m.ranges)
	}
}

// checkLevelRanges asks a level for stretches, in any order.
func checkLevelRanges(t *testing.T, f *forest, v *Version, ranges treap.Ranges) {
	its, err := v.AppendIters(nil, nil, nil, IterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range its {
		if (s.Ranges == nil) != ranges.Empty() {
			t.Fatalf("ranges %v\n%v", s.Ranges, v)
		}
		for range 30 {
			if s.Ranges == nil {
				break
			}
			k := []byte(f.key())
			start, end, covered, err := s.Ranges.Covering(k)
			from, to, want := ranges.Stretch(k)
			if err != nil || covered != want || start != nil && bytes.Compare(k, start) < 0 || end != nil && bytes.Compare(k, end) >= 0 ||
				from != nil && bytes.Compare(start, from) < 0 || to != nil && (end == nil || bytes.Compare(end, to) > 0) {
				t.Fatalf("%q: %q to %q %v, %v; it is %q to %q %v\n%v", k, start, end, covered, err, from, to, want, v)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFlushOfNothingAndOfRangesOnly(t *testing.T) {
	f := newForest(t, 1)
	e, err := Flush(f.b, &sliceIter{}, nil, 0)
	if err != nil || len(e.Added) != 0 {
		t.Errorf("nothing: %v, %v", &e, err)
	}
	e, err = Flush(f.b, &sliceIter{}, []treap.Span{{Start: []byte("a"), End: []byte("c"), Seq: 7}, {Start: []byte("x"), End: []byte("y\x00"), Seq: 3}}, 0)
	if err != nil || len(e.Added) != 1 {
		t.Fatalf("ranges: %v, %v", &e, err)
	}
	a := e.Added[0]
	if a.Entries != 0 || a.Ranges != 2 || string(a.Smallest) != "a" || string(a.Largest) != "y" || a.MinSeq != 3 || a.MaxSeq != 7 {
		t.Errorf("ranges: %s", a.String())
	}
	e, err = Flush(f.b, &sliceIter{es: []memEntry{{k: []byte("k"), v: key.AppendExpiring(nil, 5, nil), t: key.MakeTrailer(1, key.KindPutWithExpiry)}}}, nil, 5)
	if err != nil || len(e.Added) != 1 || e.Added[0].Tombstones != 1 || e.Added[0].Expiring != 0 {
		t.Errorf("expired: %v, %v", &e, err)
	}
}

func TestManyRangesMakeManyTables(t *testing.T) {
	f := newForest(t, 1)
	out := output{b: f.b, level: 1, limit: 1000}
	for i := range 1000 {
		out.ranges = append(out.ranges, sstable.Range{Start: fmt.Appendf(nil, "%05d", i), End: fmt.Appendf(nil, "%05d5", i), Seq: 1})
	}
	if err := out.finish(); err != nil {
		t.Fatal(err)
	}
	var levels [NumLevels][]*Table
	levels[1] = f.tables(out.added)
	if v := f.version(levels); len(v.Levels[1]) < 10 || len(v.Levels[1]) > 20 {
		t.Errorf("%d tables", len(v.Levels[1]))
	}
}

func TestTableWithoutItsRangesIsDamage(t *testing.T) {
	f := newForest(t, 1)
	var levels [NumLevels][]*Table
	levels[0] = f.write(0, 1)
	for len(levels[0]) == 0 || levels[0][0].Entries == 0 {
		levels[0] = f.write(0, 1)
	}
	meta := levels[0][0].TableMeta
	meta.Ranges = 1
	l := newLevelIter([]*Table{f.b.Tables.NewTable(meta)}, []*Table{f.b.Tables.NewTable(meta)}, IterOptions{})
	if _, _, _, err := l.Covering(meta.Smallest); err == nil {
		t.Error("no error")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
