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
	"github.com/middb/middb/sstable"
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

// A store drives a Set as the actors do, in one goroutine, beside a map that it must equal.
type store struct {
	t        testing.TB
	rng      *rand.Rand
	fs       vfs.FS
	set      *Set
	p        *Picker
	b        *Builder
	released []*Version

	seq   uint64
	model map[string]memEntry // newest entry of each key that was ever written
	keys  int
}

func (s *store) options() Options {
	o := testOptions(s.fs)
	o.ManifestBytes = 2000
	o.Released = func(v *Version) { s.released = append(s.released, v) }
	return o
}

func newStore(t testing.TB, fs vfs.FS, rng *rand.Rand) *store {
	s := &store{t: t, rng: rng, fs: fs, model: map[string]memEntry{}, keys: 2000}
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
func (s *store) fill(n int) []memEntry {
	batch := map[string]memEntry{}
	at := s.rng.IntN(s.keys)
	sequential := s.rng.IntN(3) == 0
	for i := range n {
		s.seq++
		k := fmt.Sprintf("key%06d", s.rng.IntN(s.keys))
		if sequential {
			k = fmt.Sprintf("key%06d", at+i)
		}
		e := memEntry{k: []byte(k), t: key.MakeTrailer(s.seq, key.KindDelete)}
		if s.rng.IntN(3) > 0 {
			e.t = key.MakeTrailer(s.seq, key.KindPut)
			e.v = fmt.Appendf(nil, "%d-%0*d", s.seq, s.rng.IntN(60), 0)
		}
		batch[k] = e
	}
	maps.Copy(s.model, batch)
	return slices.SortedFunc(maps.Values(batch), func(a, b memEntry) int { return bytes.Compare(a.k, b.k) })
}

func (s *store) flush() error {
	e, err := Flush(s.b, &sliceIter{es: s.fill(1 + s.rng.IntN(150))})
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
	c, ok := s.p.Pick(v, claims, s.rng.IntN(lastLevel))
	switch {
	case ok:
	case s.rng.IntN(3) == 0:
		c, ok = s.p.Settle(v, claims)
	case s.rng.IntN(10) == 0:
		lo := fmt.Appendf(nil, "key%06d", s.rng.IntN(s.keys))
		c, _ = s.p.Manual(v, claims, lo, append(bytes.Clone(lo), 'z'), s.seq)
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
	e, err := c.Run(s.b, func() bool { return stop })
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

// check compares a Version with a model by point reads, scans and seeks.
func check(t testing.TB, rng *rand.Rand, v *Version, model map[string]memEntry) {
	t.Helper()
	if err := Check(v); err != nil {
		t.Fatal(err)
	}
	var live []memEntry
	for k, e := range model {
		got, tr, found, err := v.Get([]byte(k), sstable.Hash([]byte(k)), []byte("x"))
		dead := e.t.Kind() == key.KindDelete
		switch {
		case err != nil:
			t.Fatal(err)
		case !found && !dead:
			t.Fatalf("%s is not found, it was written as %v\n%v", k, e.t, v)
		case found && (tr != e.t || string(got) != "x"+string(e.v)):
			t.Fatalf("%s is %s %v, it was written as %s %v\n%v", k, got, tr, e.v, e.t, v)
		}
		if !dead {
			live = append(live, e)
		}
	}
	slices.SortFunc(live, func(a, b memEntry) int { return bytes.Compare(a.k, b.k) })
	if _, _, found, err := v.Get([]byte("never"), sstable.Hash([]byte("never")), nil); found || err != nil {
		t.Fatalf("found what was never written, %v", err)
	}
	checkScans(t, rng, v, live)
}

func checkScans(t testing.TB, rng *rand.Rand, v *Version, live []memEntry) {
	t.Helper()
	lower, upper := []byte("key"), []byte("key999999")
	if rng.IntN(2) == 0 {
		lower = fmt.Appendf(nil, "key%06d", rng.IntN(1500))
		upper = fmt.Appendf(nil, "key%06d", 1500+rng.IntN(1500))
	}
	in := slices.DeleteFunc(slices.Clone(live), func(e memEntry) bool {
		return bytes.Compare(e.k, lower) < 0 || bytes.Compare(e.k, upper) >= 0
	})
	its, err := v.AppendIters(nil, lower, upper, IterOptions{FillCache: rng.IntN(2) == 0})
	if err != nil {
		t.Fatal(err)
	}
	it := iterator.NewBounded(iterator.NewMerging(nil, its...), lower, upper, nil, 0)
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
	for a, b := it.Last(), want.Last(); ; a, b = it.Prev(), want.Prev() {
		if same("backward", a, b); !a {
			break
		}
	}
	for range 100 {
		k := fmt.Appendf(nil, "key%06d", rng.IntN(3000))
		if bytes.Compare(k, lower) < 0 || bytes.Compare(k, upper) > 0 {
			continue
		}
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
		model map[string]memEntry
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
			views = append(views, held{v, maps.Clone(s.model)})
		case n == 17 && len(views) > 0:
			i := rng.IntN(len(views))
			check(t, rng, views[i].v, views[i].model)
			views[i].v.Unref()
			views = slices.Delete(views, i, i+1)
			must(s.clean())
		case n == 18:
			check(t, rng, s.set.Current(), s.model)
			if len(views) == 0 {
				s.checkFiles()
			}
		case n == 19 && len(views) == 0:
			must(s.set.Close())
			set, err := Load(s.options())
			must(err)
			check(t, rng, set.Current(), s.model)
			_, err = set.Resume()
			must(err)
			s.use(set)
		}
	}
	for _, h := range views {
		check(t, rng, h.v, h.model)
		h.v.Unref()
	}
	must(s.clean())
	check(t, rng, s.set.Current(), s.model)
	s.checkFiles()
	s.compactAll()
	check(t, rng, s.set.Current(), s.model)
	t.Logf("%d flushes, %d compactions", moves, merges)
	if r, err := Verify(s.fs, "db", nil); err != nil || len(r.Problems) > 0 || len(r.Strays) > 0 {
		t.Fatalf("verify: %+v, %v", r, err)
	}
}

// compactAll brings everything to the last level and verifies that it is the least possible.
func (s *store) compactAll() {
	for {
		c, blocked := s.p.Manual(s.set.Current(), s.set.Claims(), nil, nil, s.seq)
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
	for _, e := range s.model {
		if e.t.Kind() != key.KindDelete {
			live++
		}
	}
	var entries int64
	for l, ts := range s.set.Current().Levels {
		for _, t := range ts {
			entries += t.Entries
			if l != lastLevel || t.Tombstones > 0 {
				s.t.Fatalf("after a full compaction L%d has %s", l, t)
			}
		}
	}
	if entries != int64(live) {
		s.t.Fatalf("%d entries after a full compaction, want %d", entries, live)
	}
}
