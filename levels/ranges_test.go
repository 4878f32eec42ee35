package levels

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/treap"
	"github.com/middb/middb/vfs"
)

// A forest makes Versions of any shape, beside the model that they must equal.
type forest struct {
	t     *testing.T
	rng   *rand.Rand
	b     *Builder
	seq   uint64
	now   int64
	model model
}

func newForest(t *testing.T, seed uint64) *forest {
	fs := newMem(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d or one after it", seed)
		}
	})
	f := &forest{t: t, rng: rand.New(rand.NewPCG(seed, 2)), now: 1000, model: model{}}
	f.b = &Builder{Tables: NewTables(fs, "db", page.NewCache(1<<20)), NextFileNum: counter(1), BlockBytes: 100}
	return f
}

// key returns one of few keys, of which many are neighbours: nothing is between k and k with a zero.
func (f *forest) key() string {
	k := make([]byte, 1+f.rng.IntN(4))
	for i := range k {
		k[i] = "\x00ab"[f.rng.IntN(3)]
	}
	return "k" + string(k)
}

// write does random things in memory and writes them to a level, in tables of a few entries.
func (f *forest) write(level, n int) []*Table {
	m := memory{entries: map[string]memEntry{}}
	for range n {
		f.seq++
		k := f.key()
		if end := f.key(); k < end && f.rng.IntN(6) == 0 {
			m.deleteRange(k, end, f.seq)
			f.model.deleteRange(k, end, f.seq)
			continue
		}
		op := randomOp(f.rng, f.seq, f.now)
		m.add(k, op)
		f.model.add(k, op)
	}
	out := output{b: f.b, level: level, limit: 1 << 20}
	if level > 0 {
		out.limit = int64(1 + f.rng.IntN(400))
	}
	if level < lastLevel {
		for _, r := range m.ranges.Spans() {
			out.ranges = append(out.ranges, sstable.Range(r))
		}
	}
	fin := finisher{now: f.now}
	for _, e := range m.sorted() {
		tr, v := fin.finish(e.t, e.v, level == lastLevel)
		if level == lastLevel && tr.Kind() == key.KindDelete {
			continue
		}
		if err := out.add(e.k, tr, v); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := out.finish(); err != nil {
		f.t.Fatal(err)
	}
	return f.tables(out.added)
}

func (f *forest) tables(added []Added) (out []*Table) {
	for _, a := range added {
		out = append(out, f.b.Tables.NewTable(a.TableMeta))
	}
	return out
}

// grow makes a Version, the oldest entries deepest.
func (f *forest) grow() *Version {
	var levels [NumLevels][]*Table
	for l := lastLevel; l > 0; l-- {
		if f.rng.IntN(2) == 0 {
			levels[l] = f.write(l, f.rng.IntN(60))
		}
	}
	for range f.rng.IntN(5) {
		levels[0] = append(f.write(0, f.rng.IntN(20)), levels[0]...)
	}
	return f.version(levels)
}

func (f *forest) version(levels [NumLevels][]*Table) *Version {
	v, err := NewVersion(levels)
	if err != nil {
		f.t.Fatalf("%v\n%v", err, v)
	}
	return v
}

// choose makes a compaction of any sort that fits.
func (f *forest) choose(v *Version) *Compaction {
	var from []int
	for l, ts := range v.Levels {
		if len(ts) > 0 {
			from = append(from, l)
		}
	}
	if len(from) == 0 {
		return nil
	}
	l := from[f.rng.IntN(len(from))]
	ts := v.Levels[l]
	if l == 0 {
		ts = ts[f.rng.IntN(len(ts)):]
	} else {
		i := f.rng.IntN(len(ts))
		ts = ts[i : i+1+f.rng.IntN(len(ts)-i)]
	}
	c := &Compaction{
		Inputs: []Input{{Level: l, Tables: ts}}, Output: l, version: v,
		targetBytes: int64(1 + f.rng.IntN(600)), grandparentBytes: int64(f.rng.IntN(1000)),
	}
	c.bound()
	if l < lastLevel {
		c.Output = l + 1 + f.rng.IntN(lastLevel-l)
	}
	for settled := false; !settled; {
		inputs := c.Inputs[:1:1]
		for l := c.From() + 1; l <= c.Output; l++ {
			if ts := v.overlapping(l, c.Smallest, c.Largest); len(ts) > 0 {
				inputs = append(inputs, Input{Level: l, Tables: ts})
			}
		}
		if l > 0 {
			inputs[0].Tables = v.overlapping(l, c.Smallest, c.Largest)
		}
		lo, hi := c.Smallest, c.Largest
		c.Inputs = inputs
		c.bound()
		settled = bytes.Equal(lo, c.Smallest) && bytes.Equal(hi, c.Largest)
	}
	if !c.fits(v, nil) {
		f.t.Fatalf("%v does not fit\n%v", c, v)
	}
	return c
}

// run carries a compaction out and returns the Version after it.
func (f *forest) run(v *Version, c *Compaction) (*Version, []Added) {
	e, err := c.Run(f.b, func() bool { return false }, f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	levels := v.Levels
	for _, in := range c.Inputs {
		levels[in.Level] = slices.DeleteFunc(slices.Clone(levels[in.Level]), func(t *Table) bool { return slices.Contains(in.Tables, t) })
	}
	levels[c.Output] = append(slices.Clone(levels[c.Output]), f.tables(e.Added)...)
	return f.version(levels), e.Added
}

// TestCompactionMatchesModel compacts anything into anything in Versions of any shape, and compares with
// a model after each step. Of what need not be there the outputs must be free.
func TestCompactionMatchesModel(t *testing.T) {
	ranges, cuts, nothing, onlyRanges := 0, 0, 0, 0
	for seed := range uint64(400) {
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
			if _, tr, found, err := t.get(k, sstable.Hash(k), nil); err != nil {
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

// A countingFS counts the bytes that are read of sstables.
type countingFS struct {
	vfs.FS
	read *int64
}

type countingFile struct {
	vfs.File
	read *int64
}

func (c countingFS) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	if _, ok := ParseTableName(name[len("db/"):]); !ok || err != nil {
		return f, err
	}
	return countingFile{f, c.read}, nil
}

func (c countingFile) ReadAt(p []byte, off int64) (int, error) {
	*c.read += int64(len(p))
	return c.File.ReadAt(p, off)
}

// bigStore makes a store with n keys from wideKey(0) on, settled, that counts what is read of tables.
func bigStore(t *testing.T, n int) (s *store, read *int64) {
	read = new(int64)
	s = newStore(t, countingFS{newMem(t), read}, newRand(t))
	s.p = NewPicker(PickerOptions{BaseBytes: 256 << 10, TargetFileBytes: 16 << 10, LastCompression: sstable.Zstd})
	for range 10 {
		m := &memory{entries: map[string]memEntry{}}
		for range n / 5 {
			s.seq++
			op := modelOp{seq: s.seq, kind: key.KindPut, v: fmt.Sprintf("%x", s.rng.Uint64())}
			k := wideKey(s.rng.IntN(n))
			m.add(k, op)
			s.model.add(k, op)
		}
		s.flushMemory(m)
		s.settle()
	}
	return s, read
}

func wideKey(i int) string { return fmt.Sprintf("key%08d", i) }

func (s *store) flushMemory(m *memory) {
	s.t.Helper()
	e, err := Flush(s.b, &sliceIter{es: m.sorted()}, m.ranges.Spans(), s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	e.FlushedSeq = s.seq
	if err := s.apply(e); err != nil {
		s.t.Fatal(err)
	}
}

// dropWide flushes one range delete and nothing else.
func (s *store) dropWide(start, end string) {
	m := &memory{entries: map[string]memEntry{}}
	s.seq++
	m.deleteRange(start, end, s.seq)
	s.model.deleteRange(start, end, s.seq)
	s.flushMemory(m)
	if table := s.set.Current().Levels[0][0]; table.Entries != 0 || table.Ranges != 1 {
		s.t.Fatalf("flushed as %s", table)
	}
}

// TestWideRangeDeleteGivesSpaceBack deletes nearly all of a large tree by one range delete, and lets it
// settle: the files vanish, and hardly anything is read for it.
func TestWideRangeDeleteGivesSpaceBack(t *testing.T) {
	const n = 40_000
	s, read := bigStore(t, n)
	before, tables := s.set.Current().TotalBytes(), s.set.Current().NumTables()
	*read = 0
	s.dropWide(wideKey(100), wideKey(n-100))
	s.settle()
	after := s.set.Current()
	t.Logf("%d bytes in %d tables became %d by reading %d", before, tables, after.TotalBytes(), *read)
	if after.TotalBytes() > before/50 || *read > before/10 {
		t.Errorf("%d bytes became %d by reading %d\n%v", before, after.TotalBytes(), *read, after)
	}
	for l, ranged := range after.ranged {
		if len(ranged) > 0 {
			t.Errorf("L%d has range deletes left: %v", l, ranged)
		}
	}
	check(t, s.rng, after, s.model, s.now)
	s.checkFiles()
}

// A table that is covered whole is not even opened.
func TestCoveredTablesAreNotRead(t *testing.T) {
	s, read := bigStore(t, 10_000)
	v := s.set.Current()
	*read = 0
	s.dropWide("key", "kez")
	size := s.set.Current().Levels[0][0].Size
	s.settle()
	if n := s.set.Current().NumTables(); n != 0 || *read > size {
		t.Errorf("%d tables are left, %d bytes were read of\n%v", n, *read, v)
	}
	check(t, s.rng, s.set.Current(), s.model, s.now)
	s.checkFiles()
}

// settle does what compactors do while nothing is written.
func (s *store) settle() {
	for {
		v := s.set.Current()
		c, ok := s.p.Settle(v, nil, s.now)
		for l := 0; l < NumLevels && !ok; l++ {
			c, ok = s.p.Pick(v, nil, l, s.now)
		}
		if !ok {
			return
		}
		if err := s.run(c); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestExpiredEntriesGiveSpaceBack lets entries of the last level expire.
func TestExpiredEntriesGiveSpaceBack(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	put := func(from, n int, expiry int64) {
		m := &memory{entries: map[string]memEntry{}}
		for i := range n {
			s.seq++
			op := modelOp{seq: s.seq, kind: key.KindPut, v: "value"}
			if expiry > 0 {
				op.kind, op.expiry = key.KindPutWithExpiry, expiry
			}
			m.add(fmt.Sprintf("key%06d", from+i), op)
			s.model.add(fmt.Sprintf("key%06d", from+i), op)
		}
		e, err := Flush(s.b, &sliceIter{es: m.sorted()}, nil, s.now)
		if err == nil {
			err = s.apply(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(0, 1000, s.now+100)
	put(1000, 1000, s.now+200)
	put(2000, 1000, 0)
	put(3000, 10, s.now+100) // few among others
	put(3010, 1000, 0)
	s.compactAll()
	count := func() (n int64) {
		for _, ts := range s.set.Current().Levels {
			for _, t := range ts {
				n += t.Entries
			}
		}
		return n
	}
	for _, step := range []struct{ later, want int64 }{{99, 4010}, {1, 3010}, {100, 2010}} {
		s.now += step.later
		s.settle()
		if n := count(); n < step.want || n > step.want+200 { // tables that are mostly alive stay
			t.Errorf("%d entries at %d, want %d", n, s.now, step.want)
		}
		check(t, s.rng, s.set.Current(), s.model, s.now)
	}
	s.compactAll()
	if n := count(); n != 2000 {
		t.Errorf("%d entries after a full compaction", n)
	}
	check(t, s.rng, s.set.Current(), s.model, s.now)
}

// What expired when a compaction was picked must not stay because a clock went back.
func TestCompactionRunsNoEarlierThanPicked(t *testing.T) {
	f := newForest(t, 1)
	var levels [NumLevels][]*Table
	out := output{b: f.b, level: lastLevel, limit: 1 << 20}
	if err := out.add([]byte("k"), key.MakeTrailer(1, key.KindPutWithExpiry), key.AppendExpiring(nil, 50, nil)); err != nil {
		t.Fatal(err)
	}
	if err := out.finish(); err != nil {
		t.Fatal(err)
	}
	levels[lastLevel] = f.tables(out.added)
	p := NewPicker(PickerOptions{})
	v := f.version(levels)
	for name, pick := range map[string]func(now int64) *Compaction{
		"pick":   func(now int64) *Compaction { c, _ := p.Pick(v, nil, lastLevel, now); return c },
		"settle": func(now int64) *Compaction { c, _ := p.Settle(v, nil, now); return c },
		"manual": func(now int64) *Compaction { c, _ := p.Manual(v, nil, nil, nil, 1, now); return c },
	} {
		if c := pick(49); c != nil {
			t.Errorf("%s: %v too early", name, c)
		}
		c := pick(50)
		if c == nil {
			t.Errorf("%s: nothing", name)
			continue
		}
		e, err := c.Run(f.b, func() bool { return false }, 10)
		if err != nil || len(e.Added) != 0 || len(e.Deleted) != 1 {
			t.Errorf("%s: %v, %v", name, &e, err)
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
