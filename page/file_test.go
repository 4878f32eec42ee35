package page

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

const fileNumber = 42

func create(t *testing.T, fs vfs.FS, cache *Cache) *File {
	t.Helper()
	return Create(func() (vfs.File, uint64, error) {
		f, err := fs.Create("pages")
		return f, fileNumber, errors.Join(err, fs.SyncDir("."))
	}, cache)
}

func open(t *testing.T, fs vfs.FS, cache *Cache, s State) (*File, error) {
	t.Helper()
	f, err := fs.OpenReadWrite("pages")
	check(t, err)
	return Open(f, fileNumber, cache, s)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill writes what tells a page and a version of it from all others.
func fill(p *Page, id ID, version int) {
	text := fmt.Sprintf("page %d, version %d. ", id, version)
	for at := headerBytes; at < Size; at += copy(p[at:], text) {
	}
}

// expect checks what a page holds.
func expect(t *testing.T, s Store, id ID, version int) {
	t.Helper()
	var want Page
	fill(&want, id, version)
	p, err := s.Read(id)
	check(t, err)
	defer p.Unpin()
	if string(p.Page[headerBytes:]) != string(want[headerBytes:]) {
		t.Fatalf("page %d is %.40q instead of version %d", id, p.Page[headerBytes:], version)
	}
}

// checkpoint makes the present state durable.
func checkpoint(t *testing.T, f *File) State {
	t.Helper()
	c := f.Freeze()
	check(t, f.Write(c))
	f.Installed(c)
	return c.State
}

func TestFileKeepsWhatACheckpointHas(t *testing.T) {
	fs := vfs.NewMem()
	cache := NewCache(1 << 20)
	file := create(t, fs, cache)
	var ids []ID
	for range 1000 {
		id, p, err := file.Alloc()
		check(t, err)
		fill(p, id, 1)
		ids = append(ids, id)
	}
	if got := file.DirtyBytes(); got != 1000*Size {
		t.Fatalf("%d bytes are dirty", got)
	}
	s := checkpoint(t, file)
	if got := file.DirtyBytes(); got != 0 {
		t.Fatalf("%d bytes are dirty after a checkpoint", got)
	}
	for _, id := range ids[:500] { // pages that are changed go elsewhere
		other, p, err := file.Touch(id)
		check(t, err)
		if other == id {
			t.Fatalf("page %d would be overwritten", id)
		}
		fill(p, other, 2)
		check(t, file.Write(file.Freeze())) // which nobody makes durable
	}
	for range 100 { // nor are their numbers used
		id, p, err := file.Alloc()
		check(t, err)
		fill(p, id, 3)
	}
	check(t, file.Write(file.Freeze()))
	again, err := open(t, fs, NewCache(1<<20), s)
	check(t, err)
	for _, id := range ids {
		expect(t, again, id, 1)
	}
	if got := cache.Stats(); got.Bytes > 1<<20 {
		t.Fatalf("the cache has %d bytes", got.Bytes)
	}
}

func TestFileReusesPages(t *testing.T) {
	file := create(t, vfs.NewMem(), nil)
	id, p, err := file.Alloc()
	check(t, err)
	fill(p, id, 0)
	most := ID(0)
	for range 1000 { // each round changes the page, makes that durable, and no snapshot is left
		id, p, err = file.Touch(id)
		check(t, err)
		fill(p, id, 1)
		s := checkpoint(t, file)
		most = max(most, s.Next)
	}
	if most > 12 {
		t.Fatalf("one page takes %d pages", most)
	}
}

// What is noted for the next checkpoint does not grow with the changes until then.
func TestFileNotesEachPageOnce(t *testing.T) {
	file := create(t, vfs.NewMem(), nil)
	id, _, err := file.Alloc()
	check(t, err)
	for range 10_000 {
		file.Release(file.Seal())
		id, _, err = file.Touch(id)
		check(t, err)
	}
	if n := len(file.made); n > 3 {
		t.Fatalf("%d pages are noted", n)
	}
	c := file.Freeze()
	if got := c.Bytes(); got != 2*Size { // the page, and the list of free ones
		t.Fatalf("%d bytes are to be written", got)
	}
}

// The pages of a checkpoint under way take memory, though all were changed since and the present generation needs none.
func TestFileCountsCheckpointsUnderWay(t *testing.T) {
	file := create(t, vfs.NewMem(), nil)
	const pages = 100
	var ids []ID
	for range pages {
		id, _, err := file.Alloc()
		check(t, err)
		ids = append(ids, id)
	}
	var underWay []*Checkpoint
	expect := func(want int64) {
		t.Helper()
		if got := file.DirtyBytes() / Size; got != want {
			t.Errorf("%d pages are dirty, want %d", got, want)
		}
	}
	for i := range int64(3) {
		underWay = append(underWay, file.Freeze())
		for i, id := range ids {
			var err error
			ids[i], _, err = file.Touch(id)
			check(t, err)
		}
		expect((i + 2) * pages)
	}
	for i, c := range underWay {
		check(t, file.Write(c))
		file.Installed(c)
		expect(int64(3-i) * pages)
	}
	for _, id := range ids {
		check(t, file.Free(id))
	}
	expect(0)
}

// A few pages that a snapshot keeps in memory do not keep others there, nor does a checkpoint that is durable.
func TestFileGivesMemoryBack(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	fs, err := vfs.OS.Create(filepath.Join(t.TempDir(), "pages"))
	check(t, err)
	file := Create(func() (vfs.File, uint64, error) { return fs, fileNumber, nil }, nil)
	before := heap()
	const pages = 100 * 64
	var ids []ID
	for range pages {
		id, p, err := file.Alloc()
		check(t, err)
		fill(p, id, 1)
		ids = append(ids, id)
	}
	file.Seal()
	for i := 0; i < pages; i += 64 {
		check(t, file.Free(ids[i]))
	}
	c := file.Freeze()
	check(t, file.Write(c))
	file.Installed(c)
	if got := heap() - before; got > pages*Size/8 {
		t.Fatalf("%d bytes are in use for %d pages", got, pages/64)
	}
	expect(t, file, ids[0], 1)
	expect(t, file, ids[1], 1)
	check(t, file.Close())
	runtime.KeepAlive(c)
}

// A snapshot that is left keeps what it sees, whatever checkpoints come.
func TestFileKeepsWhatSnapshotsSee(t *testing.T) {
	file := create(t, vfs.NewMem(), NewCache(1<<20))
	id, p, err := file.Alloc()
	check(t, err)
	fill(p, id, 1)
	seen, of := id, file.Seal()
	var others []uint64
	for i := range 50 {
		id, p, err = file.Touch(id)
		check(t, err)
		fill(p, id, 2)
		if i%2 == 0 {
			checkpoint(t, file)
		}
		others = append(others, file.Seal())
		if i%3 == 0 {
			file.Release(others[i/2])
		}
		other, q, err := file.Alloc()
		check(t, err)
		fill(q, other, 3)
		expect(t, file, seen, 1)
	}
	file.Release(of)
	for _, g := range others {
		file.Release(g) // some for the second time, which does nothing
	}
	expect(t, file, id, 2)
}

func TestFileListsManyFreePages(t *testing.T) {
	fs := vfs.NewMem()
	file := create(t, fs, nil)
	var ids []ID
	for range 5 * perListPage {
		id, p, err := file.Alloc()
		check(t, err)
		fill(p, id, 1)
		ids = append(ids, id)
	}
	checkpoint(t, file)
	for _, id := range ids[1:] {
		check(t, file.Free(id))
	}
	s := checkpoint(t, file)
	again, err := open(t, fs, nil, s)
	check(t, err)
	free, list := again.FreePages()
	if len(free)+len(list)+1 != int(s.Next)-1 {
		t.Fatalf("%d pages are free and %d list them, of %d", len(free), len(list), s.Next-1)
	}
	expect(t, again, ids[0], 1)
	for range len(free) {
		id, _, err := again.Alloc()
		check(t, err)
		if id == ids[0] || id >= s.Next {
			t.Fatalf("page %d was given out", id)
		}
	}
}

// Every flipped byte of a page that is used is noticed, and so is a page in the place of another one.
func TestFileNoticesDamage(t *testing.T) {
	fs := vfs.NewMem()
	file := create(t, fs, nil)
	var ids []ID
	for range 3 {
		id, p, err := file.Alloc()
		check(t, err)
		fill(p, id, 1)
		ids = append(ids, id)
	}
	checkpoint(t, file)
	check(t, file.Free(ids[2]))
	s := checkpoint(t, file)
	raw, err := fs.OpenReadWrite("pages")
	check(t, err)
	read := func() error {
		again, err := open(t, fs, nil, s)
		if err != nil {
			return err
		}
		for _, id := range ids[:2] {
			p, err := again.Read(id)
			if err != nil {
				return err
			}
			p.Unpin()
		}
		return nil
	}
	check(t, read())
	damaged := func(at int64, bytes []byte, what string) {
		t.Helper()
		before := make([]byte, len(bytes))
		_, err := raw.ReadAt(before, at)
		check(t, err)
		_, err = raw.WriteAt(bytes, at)
		check(t, err)
		var damage *integrity.CorruptionError
		if err := read(); !errors.As(err, &damage) || damage.Offset != at/Size*Size {
			t.Fatalf("%s: %v", what, err)
		}
		_, err = raw.WriteAt(before, at)
		check(t, err)
	}
	rng := rand.New(rand.NewPCG(environment.Seed(t), 1))
	for _, id := range []ID{0, ids[0], ids[1], s.FreeList} {
		for at := range int64(Size) {
			at += int64(id) * Size
			b := make([]byte, 1)
			_, err := raw.ReadAt(b, at)
			check(t, err)
			damaged(at, []byte{b[0] ^ byte(1+rng.IntN(255))}, fmt.Sprintf("byte %d of page %d flipped", at%Size, id))
		}
	}
	other := make([]byte, Size)
	_, err = raw.ReadAt(other, int64(ids[0])*Size)
	check(t, err)
	damaged(int64(ids[1])*Size, other, "a page in the place of another one")
	if again, err := open(t, fs, nil, s); err != nil {
		t.Fatal(err)
	} else if _, err = again.Read(1 << 20); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("a page behind the end: %v", err)
	}
	f, err := fs.OpenReadWrite("pages")
	check(t, err)
	if _, err = Open(f, fileNumber+1, nil, s); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("a file of another number: %v", err)
	}
}

// Without space the first checkpoint is tried again, and the failed sync of the file may have lost what was written.
func TestFileIsMadeOnce(t *testing.T) {
	mem := vfs.NewMem()
	disk := vfs.NewFault(mem,
		vfs.Rule{Ops: vfs.OpWrite, Path: "pages", Err: syscall.ENOSPC},
		vfs.Rule{Ops: vfs.OpSync | vfs.OpSyncData, Path: "pages", Err: syscall.ENOSPC, DropUnsynced: true},
	)
	file := create(t, disk, nil)
	id, p, err := file.Alloc()
	check(t, err)
	fill(p, id, 1)
	c := file.Freeze()
	for range 2 {
		if err := file.Write(c); !errors.Is(err, vfs.ErrNoSpace) {
			t.Fatalf("written without space: %v", err)
		}
	}
	check(t, file.Write(c))
	if n := disk.Count(vfs.OpCreate); n != 1 {
		t.Fatalf("%d files were made", n)
	}
	again, err := open(t, mem.CrashClone(nil, vfs.CrashOptions{}), nil, c.State)
	check(t, err)
	expect(t, again, id, 1)
}

// What a file keeps for each page takes its place in the cache.
func TestFileReservesItsFrames(t *testing.T) {
	fs, cache := vfs.NewMem(), NewCache(1<<20)
	file := create(t, fs, cache)
	for range 10_000 {
		_, _, err := file.Alloc()
		check(t, err)
	}
	if got := cache.Stats().Reserved; got < 10_000*24 {
		t.Fatalf("%d bytes are reserved", got)
	}
	s := checkpoint(t, file)
	check(t, file.Close())
	again, err := open(t, fs, cache, s)
	check(t, err)
	if got := cache.Stats().Reserved; got < 10_000*24 {
		t.Fatalf("%d bytes are reserved for an opened file", got)
	}
	check(t, again.Close())
	s.FreeList = s.Next
	if _, err = open(t, fs, cache, s); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("a list of free pages behind the end: %v", err)
	}
	if got := cache.Stats().Reserved; got != 0 {
		t.Fatalf("%d bytes stay reserved", got)
	}
}

func TestFileTellsOfFailures(t *testing.T) {
	fs := vfs.NewMem()
	file := create(t, fs, nil)
	id, p, err := file.Alloc()
	check(t, err)
	fill(p, id, 1)
	c := file.Freeze()
	check(t, file.Write(c))
	raw, err := fs.OpenReadWrite("pages")
	check(t, err)
	check(t, raw.Truncate(Size))
	file.Installed(c)
	if _, err = file.Read(id); err == nil {
		t.Fatal("a page was read that is not there")
	}
	if _, _, err = file.Touch(id); err == nil {
		t.Fatal("a page was cloned that is not there")
	}
	if err = file.Free(id); err == nil {
		t.Fatal("a page was freed that is not there")
	}
	check(t, file.Close())
}
