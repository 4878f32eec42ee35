package levels

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// writeFile makes a file with the content.
func writeFile(t *testing.T, fs vfs.FS, name string, p []byte) {
	t.Helper()
	f, err := fs.Create(fs.Join("db", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(p, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// docExamples returns the bytes of the hex dumps in doc.go, one slice for each dump.
func docExamples(t *testing.T) [][]byte {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, m := range regexp.MustCompile(`(?m)^//\t([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)`).FindAllSubmatch(text, -1) {
		p, err := hex.DecodeString(strings.ReplaceAll(string(m[2]), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if string(m[1]) == "0000" {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], p...)
	}
	return out
}

func TestFormatExample(t *testing.T) {
	dumps := docExamples(t)
	if len(dumps) != 2 || !bytes.Equal(dumps[0], exampleManifest(t)) {
		t.Fatalf("doc.go has %d dumps; the first should be\n%s", len(dumps), dump(exampleManifest(t)))
	}
	fs := newMem(t)
	writeFile(t, fs, ManifestName(3), dumps[0])
	var got []string
	length, torn, err := readManifest(fs, fs.Join("db", ManifestName(3)), 3, func(e *Edit, start, _ int64) error {
		got = append(got, fmt.Sprintf("%d %s", start, e))
		return nil
	})
	want := []string{
		"0 identity log=1122334455667788 epoch=1 cluster=0 node=0 next-file=4",
		"59 next-file=6 flushed=300 -L0:000004 +L6:000005[ab .. cd] bytes=4096 entries=2 tombstones=0 seq=299-300",
	}
	if err != nil || torn || length != int64(len(dumps[0])) || !slices.Equal(got, want) {
		t.Fatalf("read %d of %d bytes, %v\n%s", length, len(dumps[0]), err, strings.Join(got, "\n"))
	}
	example := current{number: 2, manifest: 3, bytes: 59}
	c, err := decodeCurrent(dumps[1], "CURRENT-000002", 2)
	if err != nil || c != example {
		t.Fatalf("decoded %+v, %v; the example is\n%s", c, err, dump(example.append(nil)))
	}
}

// dump formats bytes as doc.go shows them.
func dump(p []byte) string {
	var sb strings.Builder
	for i := 0; i < len(p); i += 16 {
		fmt.Fprintf(&sb, "//\t%04x  % x\n", i, p[i:min(i+16, len(p))])
	}
	return sb.String()
}

// exampleManifest returns the manifest that doc.go explains, as this program writes it.
func exampleManifest(t *testing.T) []byte {
	fs := newMem(t)
	f, err := fs.Create("db/" + ManifestName(3))
	if err != nil {
		t.Fatal(err)
	}
	w := wal.NewChunkWriter(f, 3, 0, 0)
	first := Edit{Identity: &testIdentity, NextFile: 4}
	second := Edit{NextFile: 6, FlushedSeq: 300, Deleted: []Deleted{{0, 4}}, Added: []Added{{lastLevel, TableMeta{
		Num: 5, Size: 4096, MinSeq: 299, MaxSeq: 300, Entries: 2, RawBytes: 24, Compression: sstable.Zstd,
		Checksum: [16]byte{0xc0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Smallest: []byte("ab"), Largest: []byte("cd"),
	}}}}
	for _, p := range [][]byte{first.Append(manifestHeader()), second.Append(nil)} {
		if err := w.Append(p); err != nil {
			t.Fatal(err)
		}
	}
	p := make([]byte, w.Offset())
	if _, err := f.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	fresh := func() (*vfs.Mem, *store) {
		fs := newMem(t)
		s := newStore(t, fs, newRand(t))
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		return fs, s
	}
	newer := func(p []byte) []byte {
		binary.LittleEndian.PutUint32(p[8:], FormatVersion+1)
		return binary.LittleEndian.AppendUint32(p[:currentBytes-4], integrity.CRC(p[:currentBytes-4]))
	}
	cases := []struct {
		name  string
		spoil func(fs *vfs.Mem, s *store)
		want  error
		file  string
	}{
		{"missing table", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/000002.sst") }, integrity.ErrCorruption, "db/000002.sst"},
		{"short table", func(fs *vfs.Mem, _ *store) { writeFile(t, fs, "000002.sst", []byte("x")) }, integrity.ErrCorruption, "db/000002.sst"},
		{"missing manifest", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/MANIFEST-000001") }, integrity.ErrCorruption, "db/MANIFEST-000001"},
		{"missing CURRENT", func(fs *vfs.Mem, _ *store) { _ = fs.Remove("db/CURRENT-000001") }, integrity.ErrCorruption, "db"},
		{"bad highest CURRENT", func(fs *vfs.Mem, _ *store) { writeFile(t, fs, "CURRENT-000002", nil) }, integrity.ErrCorruption, "db/CURRENT-000002"},
		{"newer CURRENT", func(fs *vfs.Mem, s *store) {
			c := current{number: 2, manifest: 1, bytes: 9}
			writeFile(t, fs, "CURRENT-000002", newer(c.append(nil)))
		}, ErrNewerFormat, ""},
		{"other manifest in its place", func(fs *vfs.Mem, _ *store) {
			if err := fs.Rename("db/MANIFEST-000001", "db/MANIFEST-000007"); err != nil {
				t.Fatal(err)
			}
			writeFile(t, fs, "CURRENT-000002", current{number: 2, manifest: 7, bytes: 50}.append(nil))
		}, integrity.ErrCorruption, "db/MANIFEST-000007"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fs, s := fresh()
			c.spoil(fs, s)
			_, err := Load(testOptions(fs))
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			var damage *integrity.CorruptionError
			if errors.As(err, &damage) && damage.File != c.file {
				t.Fatalf("blames %s, not %s", damage.File, c.file)
			}
		})
	}
	empty := newMem(t)
	if _, err := Load(testOptions(empty)); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Load(Options{FS: empty, Dir: "none"}); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("no directory: %v", err)
	}
	writeFile(t, empty, ManifestName(1), []byte("unfinished"))
	if _, err := Load(testOptions(empty)); !errors.Is(err, ErrNotDatabase) {
		t.Errorf("an unfinished creation: %v", err)
	}
	if _, err := Create(testOptions(empty), testIdentity); err != nil {
		t.Errorf("create after an unfinished creation: %v", err)
	}
	if _, err := Create(testOptions(empty), testIdentity); err == nil {
		t.Error("a database is created over another one")
	}
}

func TestReadOnlyLoadWritesNothing(t *testing.T) {
	mem := newMem(t)
	s := newStore(t, mem, newRand(t))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, mem, "000099.sst", []byte("stray"))
	trace := vfs.NewTrace(mem, nil)
	set, err := Load(testOptions(trace))
	if err != nil {
		t.Fatal(err)
	}
	check(t, s.rng, set.Current(), s.model)
	if _, err := Verify(trace, "db", nil); err != nil {
		t.Fatal(err)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if n := trace.Count(); n != 0 {
		t.Errorf("%d calls changed something", n)
	}
	set, err = Load(testOptions(mem))
	if err != nil {
		t.Fatal(err)
	}
	strays, err := set.Resume()
	if err != nil || !slices.Equal(strays, []string{"000099.sst"}) {
		t.Errorf("removed %v, %v", strays, err)
	}
	if n := set.NextFileNum(); n < 100 {
		t.Errorf("file number %d was used by a stray", n)
	}
}

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

func TestTryRefFailsAfterTheLastReference(t *testing.T) {
	released := 0
	v := newVersion([NumLevels][]*Table{}, nil, func(*Version) { released++ })
	if !v.TryRef() {
		t.Fatal("no reference to a new Version")
	}
	v.Unref()
	v.Unref()
	if v.TryRef() || v.TryRef() || released != 1 {
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
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	v := s.set.Current()
	v.Ref()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 30 {
				for k, e := range s.model {
					_, tr, found, err := v.Get([]byte(k), sstable.Hash([]byte(k)), nil)
					if err != nil || !found || tr != e.t {
						t.Errorf("%s: %v %v %v", k, tr, found, err)
						return
					}
				}
			}
		})
	}
	for range 10 {
		e, err := Flush(s.b, &sliceIter{es: []memEntry{{k: []byte("z"), t: key.MakeTrailer(1<<30, key.KindPut)}}})
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
	c, _ := s.p.Pick(s.set.Current(), nil, 0)
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

func TestVerifyFindsEveryFlippedByte(t *testing.T) {
	rng := newRand(t)
	mem := newMem(t)
	s := newStore(t, mem, rng)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	table := s.set.Current().Levels[0][0]
	path := mem.Join("db", TableName(table.Num))
	f, err := mem.OpenReadWrite(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := range table.Size {
		if rng.IntN(20) > 0 {
			continue
		}
		var b [1]byte
		_, _ = f.ReadAt(b[:], off)
		_, _ = f.WriteAt([]byte{b[0] ^ 0x10}, off)
		var last int64
		r, err := Verify(mem, "db", func(done, _ int64) { last = done })
		if err != nil || len(r.Problems) != 1 || !errors.Is(r.Problems[0], integrity.ErrCorruption) || last != table.Size {
			t.Fatalf("byte %d of %d: %+v, %v", off, table.Size, r, err)
		}
		_, _ = f.WriteAt(b[:], off)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(mem, "db", nil)
	if err != nil || len(r.Problems) != 0 || r.Tables != 1 || r.Entries != table.Entries {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestDumpManifestShowsEveryEdit(t *testing.T) {
	mem := newMem(t)
	s := newStore(t, mem, newRand(t))
	for range 2 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := DumpManifest(&out, mem, "db/MANIFEST-000001"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "identity") || !strings.Contains(lines[2], "+L0:000003") ||
		!strings.HasSuffix(lines[3], " end") {
		t.Errorf("dumped\n%s", out.String())
	}
	if err := DumpManifest(&out, mem, "db/000002.sst"); err == nil {
		t.Error("an sstable is dumped as a manifest")
	}
}

func TestSummaryCountsLevels(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
	for range 5 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	c, ok := s.p.Pick(s.set.Current(), nil, 0)
	if !ok || !s.set.Claim(c) {
		t.Fatal("nothing to claim")
	}
	sum := s.set.Summary(s.p)
	l0 := sum.Levels[0]
	if l0.Files != 5 || l0.Running != 1 || l0.Score != 0 || l0.Bytes != s.set.Current().Bytes(0) || sum.Debt == 0 || sum.LiveVersions != 1 {
		t.Errorf("%+v", sum)
	}
	s.set.Release(c)
	if s.set.Summary(s.p).Levels[0].Score != 1.25 {
		t.Errorf("%+v", s.set.Summary(s.p))
	}
}

func TestLevelIterReportsDamage(t *testing.T) {
	s := newStore(t, newMem(t), newRand(t))
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
	it := newLevelIter(fresh[lastLevel], IterOptions{})
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
