package levels

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/treap"
	"github.com/middb/middb/vfs"
)

// A sliceIter is an iterator over entries in memory, as a memtable's is.
type sliceIter struct {
	es []memEntry
	i  int
}

type memEntry struct {
	k, v []byte
	t    key.Trailer
}

func (s *sliceIter) First() bool          { s.i = 0; return s.Valid() }
func (s *sliceIter) Last() bool           { s.i = len(s.es) - 1; return s.Valid() }
func (s *sliceIter) Next() bool           { s.i++; return s.Valid() }
func (s *sliceIter) Prev() bool           { s.i--; return s.Valid() }
func (s *sliceIter) Valid() bool          { return s.i >= 0 && s.i < len(s.es) }
func (s *sliceIter) Key() []byte          { return s.es[s.i].k }
func (s *sliceIter) Value() []byte        { return s.es[s.i].v }
func (s *sliceIter) Trailer() key.Trailer { return s.es[s.i].t }
func (s *sliceIter) Err() error           { return nil }
func (s *sliceIter) Close() error         { return nil }
func (s *sliceIter) SeekGE(k []byte) bool {
	s.i, _ = slices.BinarySearchFunc(s.es, k, func(e memEntry, k []byte) int { return bytes.Compare(e.k, k) })
	return s.Valid()
}

func (s *sliceIter) SeekLT(k []byte) bool {
	s.SeekGE(k)
	s.i--
	return s.Valid()
}

// A store drives a Set as the actors do, in one goroutine, beside a model that it must equal.
type store struct {
	t        testing.TB
	rng      *rand.Rand
	fs       vfs.FS
	set      *Set
	p        *Picker
	b        *Builder
	released []*Version

	seq   uint64
	now   int64
	model model
	keys  int
	plain bool // only puts and deletes
}

func (s *store) options() Options {
	o := testOptions(s.fs)
	o.ManifestBytes = 2000
	o.Released = func(v *Version) { s.released = append(s.released, v) }
	return o
}

func newStore(t testing.TB, fs vfs.FS, rng *rand.Rand) *store {
	s := &store{t: t, rng: rng, fs: fs, model: model{}, keys: 2000, now: 1000}
	set, err := Create(s.options(), testIdentity)
	if err != nil {
		t.Fatal(err)
	}
	s.use(set)
	return s
}

func (s *store) use(set *Set) {
	s.set = set
	s.p = NewPicker(PickerOptions{BaseBytes: 20 << 10, TargetFileBytes: 5 << 10, LastCompression: sstable.Zstd})
	s.b = &Builder{Tables: set.Tables(), NextFileNum: set.NextFileNum, BlockBytes: 512}
	for l := range s.b.Compression {
		s.b.Compression[l] = sstable.S2
	}
	s.b.Compression[lastLevel] = sstable.Zstd
}

// fill writes a memtable of n random operations and remembers them.
func (s *store) fill(n int) ([]memEntry, []treap.Span) {
	m := memory{entries: map[string]memEntry{}}
	at := s.rng.IntN(s.keys)
	sequential := s.rng.IntN(3) == 0
	s.now += s.rng.Int64N(10)
	for i := range n {
		s.seq++
		k := fmt.Sprintf("key%06d", s.rng.IntN(s.keys))
		if sequential {
			k = fmt.Sprintf("key%06d", at+i)
		}
		op := randomOp(s.rng, s.seq, s.now)
		if s.plain && op.kind != key.KindDelete {
			op.kind = key.KindPut
		}
		if !s.plain && s.rng.IntN(100) == 0 {
			end := fmt.Sprintf("key%06d", s.rng.IntN(s.keys)/(1+s.rng.IntN(20))+at)
			if k < end {
				m.deleteRange(k, end, s.seq)
				s.model.deleteRange(k, end, s.seq)
				continue
			}
		}
		m.add(k, op)
		s.model.add(k, op)
	}
	return m.sorted(), m.ranges.Spans()
}

func (s *store) flush() error {
	es, ranges := s.fill(1 + s.rng.IntN(150))
	e, err := Flush(s.b, &sliceIter{es: es}, ranges, s.now)
	if err != nil {
		return err
	}
	e.FlushedSeq = s.seq
	return s.apply(e)
}

func (s *store) apply(e Edit) error {
	if _, err := s.set.Apply(e); err != nil {
		return err
	}
	return s.clean()
}

// clean deletes what released Versions leave.
func (s *store) clean() error {
	for len(s.released) > 0 {
		v := s.released[0]
		s.released = s.released[1:]
		if err := s.set.Remove(s.set.VersionReleased(v)); err != nil {
			return err
		}
	}
	return nil
}

// compact picks one compaction of any sort and runs it. It reports whether there was one.
func (s *store) compact() (bool, error) {
	v, claims := s.set.Current(), s.set.Claims()
	c, ok := s.p.Pick(v, claims, s.rng.IntN(NumLevels), s.now)
	switch {
	case ok:
	case s.rng.IntN(3) == 0:
		c, ok = s.p.Settle(v, claims, s.now)
	case s.rng.IntN(10) == 0:
		lo := fmt.Appendf(nil, "key%06d", s.rng.IntN(s.keys))
		c, _ = s.p.Manual(v, claims, lo, append(bytes.Clone(lo), 'z'), s.seq, s.now)
		ok = c != nil
	}
	if !ok {
		return false, nil
	}
	return true, s.run(c)
}

func (s *store) run(c *Compaction) error {
	if !s.set.Claim(c) {
		s.t.Fatalf("claim refused: %v", c)
	}
	defer s.set.Release(c)
	stop := s.rng.IntN(8) == 0
	e, err := c.Run(s.b, func() bool { return stop }, s.now)
	if stop && errors.Is(err, ErrStopped) {
		return nil // nothing may be left of it
	}
	if err != nil {
		return err
	}
	return s.apply(e)
}

// checkFiles compares the directory with what the manifest names.
func (s *store) checkFiles() {
	names, err := s.fs.List("db")
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		if _, ok := ParseTableName(name); ok {
			n++
		}
	}
	if want := s.set.Current().NumTables(); n != want {
		s.t.Fatalf("%d tables in the directory, %d in the Version", n, want)
	}
}

// check compares a Version with a model, as at a time, by point reads, scans and seeks.
func check(t testing.TB, rng *rand.Rand, v *Version, m model, now int64) {
	t.Helper()
	if err := Check(v); err != nil {
		t.Fatal(err)
	}
	var live []memEntry
	for k, ops := range m {
		want, present := value(ops, now)
		if err := checkKey(v, []byte(k), ops, now); err != nil {
			t.Fatalf("%s: %v; it is %q %v: %v\n%v", k, err, want, present, ops, v)
		}
		if present {
			live = append(live, memEntry{k: []byte(k), v: []byte(want)})
		}
	}
	slices.SortFunc(live, func(a, b memEntry) int { return bytes.Compare(a.k, b.k) })
	if _, tr, found, err := v.Get([]byte("never"), sstable.Hash([]byte("never")), nil); found && tr.Kind() != key.KindDelete || err != nil {
		t.Fatalf("found what was never written, %v", err)
	}
	checkScans(t, rng, v, live, now)
}

// checkKey compares what a Version says of a key with what was done to it.
func checkKey(v *Version, k []byte, ops []modelOp, now int64) error {
	want, present := value(ops, now)
	newest := ops[len(ops)-1]
	got, tr, found, err := v.Get(k, sstable.Hash(k), []byte("x"))
	switch {
	case err != nil:
		return err
	case !found && string(got) != "x" || found && got[0] != 'x':
		return fmt.Errorf("get appends to %q", got)
	case !found && present:
		return errors.New("not found")
	case present && tr.Seq() != newest.seq:
		return fmt.Errorf("found as of %d, not %d", tr.Seq(), newest.seq)
	}
	entries, complete, err := v.AppendEntries(nil, k, sstable.Hash(k))
	if err != nil || !complete && found && tr.Kind() != key.KindMerge || (len(entries) > 0) != found {
		return fmt.Errorf("found %v as %v; entries %v, complete %v, %w", found, tr, entries, complete, err)
	}
	if !found {
		return nil
	}
	if entries[0].Kind != tr.Kind() || string(entries[0].Value) != string(got[1:]) {
		return fmt.Errorf("found as %v %q, entries %v", tr, got, entries)
	}
	for i, e := range entries {
		if incomplete := e.Kind == key.KindMerge && !merge.Complete(e.Value); incomplete == (complete && i == len(entries)-1) {
			return fmt.Errorf("entries %v, complete %v", entries, complete)
		}
	}
	ops0 := (*merge.Operators)(nil)
	user, there, err := ops0.Resolve(nil, ops0.Fold(nil, entries), now)
	if err != nil || there != present || string(user) != want {
		return fmt.Errorf("a user sees %q %v, %w", user, there, err)
	}
	return nil
}

func checkScans(t testing.TB, rng *rand.Rand, v *Version, live []memEntry, now int64) {
	t.Helper()
	target := func() []byte { // a key or one near it
		k := []byte("key000000")
		if len(live) > 0 {
			k = bytes.Clone(live[rng.IntN(len(live))].k)
		}
		switch rng.IntN(3) {
		case 0:
			k = append(k, 0)
		case 1:
			k = k[:1+rng.IntN(len(k))]
		}
		return k
	}
	lower, upper := target(), target()
	if rng.IntN(2) == 0 {
		lower = nil
	}
	if bytes.Compare(lower, upper) > 0 || rng.IntN(3) == 0 {
		upper = nil
	}
	in := slices.DeleteFunc(slices.Clone(live), func(e memEntry) bool {
		return bytes.Compare(e.k, lower) < 0 || upper != nil && bytes.Compare(e.k, upper) >= 0
	})
	its, err := v.AppendIters(nil, lower, upper, IterOptions{FillCache: rng.IntN(2) == 0})
	if err != nil {
		t.Fatal(err)
	}
	it := iterator.NewBounded(iterator.NewMerging(nil, its...), lower, upper, nil, now)
	want := &sliceIter{es: in}
	same := func(step string, got, wanted bool) {
		t.Helper()
		if got != wanted {
			t.Fatalf("%s: got %v, want %v (%v)\n%v", step, got, wanted, it.Err(), v)
		}
		if got && (!bytes.Equal(it.Key(), want.Key()) || !bytes.Equal(it.Value(), want.Value())) {
			t.Fatalf("%s: at %s = %s, want %s = %s", step, it.Key(), it.Value(), want.Key(), want.Value())
		}
	}
	for a, b := it.First(), want.First(); ; a, b = it.Next(), want.Next() {
		if same("forward", a, b); !a {
			break
		}
	}
	entries := &iterator.Entries{}
	n := 0
	for ok := it.First(); ok; ok = it.Valid() && it.Next() {
		entries.Reset()
		it.Take(entries, 1+rng.IntN(50))
		for i := range entries.Len() {
			if n == len(in) || !bytes.Equal(entries.Keys[i], in[n].k) || !bytes.Equal(entries.Values[i], in[n].v) {
				t.Fatalf("took %s = %s as entry %d of %d\n%v", entries.Keys[i], entries.Values[i], n, len(in), v)
			}
			n++
		}
	}
	if n != len(in) || it.Err() != nil {
		t.Fatalf("took %d entries of %d, %v", n, len(in), it.Err())
	}
	for a, b := it.Last(), want.Last(); ; a, b = it.Prev(), want.Prev() {
		if same("backward", a, b); !a {
			break
		}
	}
	for range 100 {
		k := target()
		if rng.IntN(2) == 0 {
			same("seek", it.SeekGE(k), want.SeekGE(k))
		} else {
			same("seek back", it.SeekLT(k), want.SeekLT(k))
		}
		for range rng.IntN(8) {
			if !it.Valid() {
				break
			}
			if rng.IntN(2) == 0 {
				same("next", it.Next(), want.Next())
			} else {
				same("prev", it.Prev(), want.Prev())
			}
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTreeEqualsModel flushes, compacts, settles, compacts by hand and reopens at random, and
// compares with a map; old Versions that are held must stay as they were.
func TestTreeEqualsModel(t *testing.T) {
	rng := newRand(t)
	s := newStore(t, newMem(t), rng)
	type held struct {
		v     *Version
		model model
		now   int64
	}
	var views []held
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	moves, merges := 0, 0
	for range 400 {
		switch n := rng.IntN(20); {
		case n < 8:
			must(s.flush())
			moves++
		case n < 16:
			did, err := s.compact()
			must(err)
			if did {
				merges++
			}
		case n == 16:
			v := s.set.Current()
			v.Ref()
			views = append(views, held{v, maps.Clone(s.model), s.now})
		case n == 17 && len(views) > 0:
			i := rng.IntN(len(views))
			check(t, rng, views[i].v, views[i].model, views[i].now)
			views[i].v.Unref()
			views = slices.Delete(views, i, i+1)
			must(s.clean())
		case n == 18:
			check(t, rng, s.set.Current(), s.model, s.now)
			if len(views) == 0 {
				s.checkFiles()
			}
		case n == 19 && len(views) == 0:
			must(s.set.Close())
			set, err := Load(s.options())
			must(err)
			check(t, rng, set.Current(), s.model, s.now)
			_, err = set.Resume()
			must(err)
			s.use(set)
		}
	}
	for _, h := range views {
		check(t, rng, h.v, h.model, h.now)
		h.v.Unref()
	}
	must(s.clean())
	check(t, rng, s.set.Current(), s.model, s.now)
	s.checkFiles()
	s.compactAll()
	check(t, rng, s.set.Current(), s.model, s.now)
	t.Logf("%d flushes, %d compactions", moves, merges)
	if r, err := Verify(s.fs, "db", nil); err != nil || len(r.Problems) > 0 || len(r.Strays) > 0 {
		t.Fatalf("verify: %+v, %v", r, err)
	}
}

// compactAll brings everything to the last level and verifies that it is the least possible.
func (s *store) compactAll() {
	for {
		c, blocked := s.p.Manual(s.set.Current(), s.set.Claims(), nil, nil, s.seq, s.now)
		if blocked {
			s.t.Fatal("manual compaction is blocked without claims")
		}
		if c == nil {
			break
		}
		if err := s.run(c); err != nil {
			s.t.Fatal(err)
		}
	}
	live := 0
	for _, ops := range s.model {
		if _, present := value(ops, s.now); present {
			live++
		}
	}
	var entries int64
	for l, ts := range s.set.Current().Levels {
		for _, t := range ts {
			entries += t.Entries
			if l != lastLevel || t.Tombstones+t.Ranges > 0 || t.hasExpired(s.now) {
				s.t.Fatalf("after a full compaction L%d has %s", l, t)
			}
		}
	}
	if entries != int64(live) {
		s.t.Fatalf("%d entries after a full compaction, want %d", entries, live)
	}
}
