package levels

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

func TestApplyRefusesWhatDoesNotFollow(t *testing.T) {
	table := func(num uint64, lo, hi string) TableMeta {
		return TableMeta{Num: num, Smallest: []byte(lo), Largest: []byte(hi), Entries: 1, MinSeq: num, MaxSeq: num}
	}
	cases := map[string]Edit{
		"delete of an unknown table": {Deleted: []Deleted{{0, 77}}},
		"overlap":                    {Added: []Added{{3, table(8, "a", "c")}, {3, table(9, "c", "d")}}},
		"table twice":                {Added: []Added{{3, table(8, "a", "b")}, {4, table(8, "a", "b")}}},
		"flushed backwards":          {FlushedSeq: 1},
	}
	for name, e := range cases {
		s := newStore(t, newMem(t), newRand(t))
		for range 2 {
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
		}
		before := s.set.Current()
		if _, err := s.set.Apply(e); err == nil {
			t.Errorf("%s is applied", name)
		}
		if s.set.Current() != before || s.set.Failure() == nil {
			t.Errorf("%s changes the Version, or the Set goes on", name)
		}
	}
}

// A full disk is no reason to fail while the old manifest can be written to.
func TestManifestIsKeptWithoutSpaceForAnother(t *testing.T) {
	for _, rule := range []vfs.Rule{
		{Ops: vfs.OpCreate, Path: "MANIFEST-*"},
		{Ops: vfs.OpWrite, Path: "MANIFEST-00000[2-9]*"},
		{Ops: vfs.OpCreate, Path: "CURRENT.tmp"},
		{Ops: vfs.OpWrite, Path: "CURRENT.tmp", Short: true},
		{Ops: vfs.OpRename},
	} {
		t.Run(fmt.Sprint(rule.Ops, rule.Path), func(t *testing.T) {
			mem := newMem(t)
			fault := vfs.NewFault(mem)
			o := testOptions(fault)
			o.ManifestBytes = 1
			s, err := Create(o, testIdentity)
			if err != nil {
				t.Fatal(err)
			}
			number := s.ManifestState().Number
			rule.Err, rule.Sticky = syscall.ENOSPC, true
			full := fault.Inject(rule)
			for seq := uint64(1); seq <= 40; seq++ {
				if seq == 30 {
					full.Remove()
				}
				if _, err := s.Apply(Edit{FlushedSeq: seq}); err != nil {
					t.Fatal(err)
				}
			}
			if full.Fired() == 0 || s.ManifestState().Number == number {
				t.Errorf("%d failures, then manifest %d follows %d", full.Fired(), s.ManifestState().Number, number)
			}
			again, err := Load(testOptions(mem.CrashClone(nil, vfs.CrashOptions{})))
			if err != nil {
				t.Fatal(err)
			}
			if again.FlushedSeq() != 40 {
				t.Errorf("everything through %d is flushed, not 40", again.FlushedSeq())
			}
		})
	}
}

func TestTryRefFailsAfterTheLastReference(t *testing.T) {
	released := 0
	v := newVersion([NumLevels][]*Table{}, nil, func(*Version) { released++ })
	if !v.TryRef() {
		t.Fatal("no reference to a new Version")
	}
	v.Unref()
	v.Unref()
	for range 2 {
		if v.TryRef() {
			t.Error("a reference after the last one")
		}
	}
	if released != 1 {
		t.Errorf("released %d times", released)
	}
}

func TestObsoleteTablesWaitForEachVersion(t *testing.T) {
	var released []*Version
	fs := newMem(t)
	o := testOptions(fs)
	o.Released = func(v *Version) { released = append(released, v) }
	set, err := Create(o, testIdentity)
	if err != nil {
		t.Fatal(err)
	}
	add := func(num uint64) Added {
		return Added{1, TableMeta{Num: num, Smallest: fmt.Appendf(nil, "%03d", num), Largest: fmt.Appendf(nil, "%03d", num), Entries: 1}}
	}
	apply := func(e Edit) *Version {
		v, err := set.Apply(e)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	drain := func() (out []uint64) {
		for len(released) > 0 {
			v := released[0]
			released = released[1:]
			out = append(out, set.VersionReleased(v)...)
		}
		return out
	}
	old := apply(Edit{Added: []Added{add(10), add(11)}})
	old.Ref()
	mid := apply(Edit{Deleted: []Deleted{{1, 10}}, Added: []Added{add(12)}})
	mid.Ref()
	apply(Edit{Deleted: []Deleted{{1, 12}}, Added: []Added{add(13)}})
	// 14 came and went after both: nothing that is held names it.
	apply(Edit{Added: []Added{add(14)}})
	apply(Edit{Deleted: []Deleted{{1, 14}}})
	if got := drain(); !slices.Equal(got, []uint64{14}) {
		t.Errorf("obsolete with both held: %v", got)
	}
	mid.Unref()
	if got := drain(); !slices.Equal(got, []uint64{12}) {
		t.Errorf("obsolete with the oldest held: %v", got)
	}
	old.Unref()
	if got := drain(); !slices.Equal(got, []uint64{10}) {
		t.Errorf("obsolete at the end: %v", got)
	}
	moved := apply(Edit{Deleted: []Deleted{{1, 11}}, Added: []Added{{2, add(11).TableMeta}}})
	if got := drain(); len(got) != 0 {
		t.Errorf("a moved table is obsolete: %v", got)
	}
	if moved.Levels[2][0] != old.Levels[1][1] {
		t.Error("a moved table got a new handle")
	}
}

// TestReadersNeedNoOwner reads Versions on several goroutines while the owner replaces them.
func TestReadersNeedNoOwner(t *testing.T) {
	rng := newRand(t)
	s := newStore(t, newMem(t), rng)
	s.plain = true
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	v := s.set.Current()
	v.Ref()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 30 {
				for k, ops := range s.model {
					_, tr, found, err := v.Get([]byte(k), sstable.Hash([]byte(k)), nil)
					if err != nil || !found || tr.Seq() != ops[0].seq || tr.Kind() != ops[0].kind {
						t.Errorf("%s: %v %v %v", k, tr, found, err)
						return
					}
				}
			}
		})
	}
	for range 10 {
		e, err := Flush(s.b, &sliceIter{es: []memEntry{{k: []byte("z"), t: key.MakeTrailer(1<<30, key.KindPut)}}}, nil, 0)
		if err != nil {
			t.Error(err)
			break
		}
		if err := s.apply(e); err != nil {
			t.Error(err)
			break
		}
	}
	wg.Wait()
	v.Unref()
}

func TestGetAllocatesNothing(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	for range 6 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := s.p.Pick(s.set.Current(), nil, 0, s.now)
	if err := s.run(c); err != nil {
		t.Fatal(err)
	}
	v := s.set.Current()
	var keys [][]byte
	for k := range s.model {
		keys = append(keys, []byte(k))
	}
	dst := make([]byte, 0, 256)
	get := func() {
		for _, k := range keys {
			if _, _, _, err := v.Get(k, sstable.Hash(k), dst); err != nil {
				t.Fatal(err)
			}
		}
	}
	get()
	if n := testing.AllocsPerRun(20, get); n > 0.5 {
		t.Errorf("%v allocations for %d keys", n, len(keys))
	}
}

func TestHandlesCloseTheirFiles(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	meta := s.set.Current().Levels[0][0].TableMeta
	closed := make(chan struct{})
	tables := NewTables(closing{s.fs, closed}, "db", page.NewCache(1<<20))
	func() {
		if _, err := tables.NewTable(meta).Reader(); err != nil {
			t.Fatal(err)
		}
	}()
	for range 100 {
		runtime.GC()
		select {
		case <-closed:
			return
		default:
			runtime.Gosched()
		}
	}
	<-closed
}

// closing tells when a file is closed.
type closing struct {
	vfs.FS
	closed chan struct{}
}

type closingFile struct {
	vfs.File
	closed chan struct{}
}

func (c closing) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	return closingFile{f, c.closed}, err
}

func (f closingFile) Close() error {
	close(f.closed)
	return f.File.Close()
}

func TestWhatIsClaimedDoesNotCountForTheScore(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	for range 5 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	c, ok := s.p.Pick(s.set.Current(), nil, 0, s.now)
	if !ok || !s.set.Claim(c) {
		t.Fatal("nothing to claim")
	}
	if scores := s.p.Scores(s.set.Current(), s.set.Claims()); scores[0] != 0 {
		t.Errorf("claimed: %v", scores)
	}
	s.set.Release(c)
	if scores := s.p.Scores(s.set.Current(), s.set.Claims()); scores[0] != 1.25 {
		t.Errorf("released: %v", scores)
	}
}

func TestLevelIterReportsDamage(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	s.plain = true
	for range 20 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	s.compactAll()
	v := s.set.Current()
	if len(v.Levels[lastLevel]) < 2 {
		t.Fatalf("too few tables\n%v", v)
	}
	if err := s.fs.Remove("db/" + TableName(v.Levels[lastLevel][1].Num)); err != nil {
		t.Fatal(err)
	}
	fresh := v.Levels
	for i, table := range fresh[lastLevel] {
		fresh[lastLevel][i] = s.set.Tables().NewTable(table.TableMeta)
	}
	it := newLevelIter(fresh[lastLevel], nil, IterOptions{})
	var _ iterator.Iterator = it
	n := int64(0)
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	if n != v.Levels[lastLevel][0].Entries || !vfs.IsNotExist(it.Err()) || it.SeekGE([]byte("a")) || it.Last() {
		t.Errorf("%d entries, %v", n, it.Err())
	}
	if err := it.Close(); !vfs.IsNotExist(err) {
		t.Errorf("close: %v", err)
	}
}

func TestNewVersionOrdersAndChecks(t *testing.T) {
	rng := newRand(t)
	var levels [NumLevels][]*Table
	for i := range 20 {
		m := randomMeta(rng, uint64(i+1))
		m.Smallest, m.Largest = fmt.Appendf(nil, "%03d", i), fmt.Appendf(nil, "%03dz", i)
		levels[3] = append(levels[3], (&Tables{}).NewTable(m))
	}
	rng.Shuffle(20, func(i, j int) { levels[3][i], levels[3][j] = levels[3][j], levels[3][i] })
	v, err := NewVersion(levels)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		for _, k := range []string{"%03d", "%03dA", "%03dz"} {
			kk := fmt.Appendf(nil, k, i)
			if j := v.fences[3].find(v.Levels[3], kk); j != i {
				t.Errorf("%s is looked for in table %d", kk, j)
			}
		}
	}
	for k, want := range map[string]int{"": 0, "0": 0, "0000": 0, "000zz": 1, "1": 20, "zz": 20} {
		if j := v.fences[3].find(v.Levels[3], []byte(k)); j != want {
			t.Errorf("%q is looked for in table %d, not %d", k, j, want)
		}
	}
	levels[4] = levels[3][:1]
	if _, err := NewVersion(levels); err == nil {
		t.Error("a table in two levels is accepted")
	}
	if !reflect.DeepEqual(v.fences[3], newFence(v.Levels[3])) {
		t.Error("fences differ")
	}
}
