package levels

import (
	"fmt"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

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
