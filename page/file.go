package page

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"unsafe"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// A File is a Store in a file that may be larger than memory: pages that were changed are in memory until a checkpoint
// has made them durable (see Freeze), others are read when they are needed and kept in a Cache. No page that a durable
// checkpoint has is ever overwritten.
//
// # Format
//
// Page n begins at byte n·4096. Its checksum is the CRC-32C of the number of the file (u64), the number of the page
// (u32) and its bytes from 4 on. Page 0 has, from byte 16 on, the characters MIDBPAGE, the version of the format (u32: 1)
// and the number of the file (u64). A page of the list of free pages has 3 in byte 4, where pages of trees have their kind,
// in bytes 6 and 7 how many it names, from byte 16 on the page in which the list goes on (u32; 0: none), and then their numbers (u32 each), ascending.
type File struct {
	f      vfs.File // nil until the first checkpoint is written
	number uint64
	create func() (vfs.File, uint64, error)
	headed bool // page 0 is durable; known to the one who writes checkpoints
	cache  *Cache
	frames atomic.Pointer[[]*frames] // page n is frame n%chunkPages of n/chunkPages

	// The rest is the writer's.
	generation uint64
	next       ID           // the first that was never used
	free       []ID         // that may be used
	held       held         // by snapshots, by checkpoints that are under way, and by the newest that is durable
	made       []ID         // since the last Freeze; some may be freed
	pool       []*Page      // memory for pages
	frozen     uint64       // generation of the newest checkpoint; 0: there is none
	durable    uint64       // of the newest one that is durable; 0: there is none
	list       []ID         // pages of the newest checkpoint's list of free pages
	dirty      atomic.Int64 // see DirtyBytes, in pages
}

// A frame is where a page is in memory: as it was made, or as it was read.
type frame struct {
	mem   atomic.Pointer[Page]
	slot  Slot
	freed bool // the present generation does not need it; the writer's, as is made
	made  bool // it is among File.made
}

type frames [chunkPages]frame

// framesBytes is what frames take, which lasts as long as the file is open: six thousandths of the pages.
const framesBytes = int64(unsafe.Sizeof(frames{}))

// State is what a checkpoint must be opened with. It is made durable by its user, after the pages.
type State struct {
	Generation uint64
	Next       ID // as many pages, page 0 included, the file has
	FreeList   ID // where the list of free pages begins; 0: there are none
}

const (
	magic         = "MIDBPAGE"
	formatVersion = 1
	atKind        = 4
	atCount       = 6
	kindFreeList  = 3 // trees have others
	atNextList    = headerBytes
	atListed      = headerBytes + 4
	perListPage   = (Size - atListed) / 4
)

// Create makes a file of pages; close it. When the first checkpoint is written, by the goroutine that does that, create returns the
// file, which must be empty and have a durable name, and its number, which goes into all checksums, so that a page of one
// file is none of another. The cache may be nil.
func Create(create func() (f vfs.File, number uint64, err error), cache *Cache) *File {
	file := newFile(cache, State{Next: 1})
	file.create = create
	return file
}

// writeHeader makes the file, unless an earlier try has, and writes its first page.
func (f *File) writeHeader() error {
	if f.f == nil {
		file, number, err := f.create()
		if err != nil {
			return err
		}
		f.f, f.number = file, number
	}
	var p Page
	copy(p[headerBytes:], magic)
	binary.LittleEndian.PutUint32(p[headerBytes+8:], formatVersion)
	binary.LittleEndian.PutUint64(p[headerBytes+12:], f.number)
	f.seal(0, &p)
	if _, err := f.f.WriteAt(p[:], 0); err != nil {
		return fmt.Errorf("create %s: %w", f.name(), err)
	}
	return nil
}

// name returns the name of the file for errors.
func (f *File) name() string {
	if f.f == nil {
		return "pages that have no file yet"
	}
	return f.f.Name()
}

// Number returns the number of the file, 0 if there is none yet.
func (f *File) Number() uint64 { return f.number }

// Open opens a file of pages at a checkpoint. Nothing newer than that is kept. The generation of the checkpoint is one
// that snapshots may be of, as if it had just been ended by Seal.
func Open(f vfs.File, number uint64, cache *Cache, s State) (*File, error) {
	file := newFile(cache, s)
	file.f, file.number, file.headed, file.durable = f, number, true, s.Generation
	file.held.hold(s.Generation) // by snapshots
	file.held.hold(s.Generation) // by the checkpoint
	err := file.readHeader()
	if err == nil {
		err = file.readFreeList(s)
	}
	if err != nil {
		file.leaveCache()
		return nil, err
	}
	return file, nil
}

func (f *File) readHeader() error {
	p, err := f.Read(0)
	if err != nil {
		return err
	}
	defer p.Unpin()
	if !p.Page.isHeader() {
		return integrity.Corrupt(f.name(), 0, "it is no file of pages of version %d: %.12q", formatVersion, p.Page[headerBytes:])
	}
	return nil
}

func newFile(cache *Cache, s State) *File {
	file := &File{cache: cache, generation: s.Generation + 1, next: s.Next, frozen: s.Generation}
	chunks := make([]*frames, 0, s.Next/chunkPages+1)
	for range s.Next/chunkPages + 1 {
		chunks = append(chunks, new(frames))
	}
	file.frames.Store(&chunks)
	cache.Reserve(int64(len(chunks)) * framesBytes)
	return file
}

// isHeader reports whether the page begins a file.
func (p *Page) isHeader() bool {
	return string(p[headerBytes:headerBytes+8]) == magic && binary.LittleEndian.Uint32(p[headerBytes+8:]) == formatVersion
}

// readFreeList reads the list of free pages of a checkpoint.
func (f *File) readFreeList(s State) error {
	for id := s.FreeList; id != 0; {
		p, err := f.Read(id)
		if err != nil {
			return err
		}
		n := int(binary.LittleEndian.Uint16(p.Page[atCount:]))
		if p.Page[atKind] != kindFreeList || n > perListPage || len(f.list) > int(s.Next) || p.Page.Generation() != s.Generation {
			p.Unpin()
			return integrity.Corrupt(f.name(), int64(id)*Size, "it is no page of the list of free pages")
		}
		for i := range n {
			f.free = append(f.free, ID(binary.LittleEndian.Uint32(p.Page[atListed+4*i:])))
		}
		f.list = append(f.list, id)
		id = ID(binary.LittleEndian.Uint32(p.Page[atNextList:]))
		p.Unpin()
	}
	return nil
}

// seal sets the checksum of a page.
func (f *File) seal(id ID, p *Page) { binary.LittleEndian.PutUint32(p[:], checksum(f.number, id, p)) }

// ReadPage reads a page of the file that has a number, and checks its checksum.
func ReadPage(p *Page, f vfs.File, number uint64, id ID) error {
	switch n, err := f.ReadAt(p[:], int64(id)*Size); {
	case n < Size && (err == nil || errors.Is(err, io.EOF)):
		return integrity.Corrupt(f.Name(), int64(id)*Size, "it ends before, or within, page %d", id)
	case n < Size:
		return fmt.Errorf("read page %d of %s: %w", id, f.Name(), err)
	}
	if got, want := binary.LittleEndian.Uint32(p[:]), checksum(number, id, p); got != want {
		return integrity.Corrupt(f.Name(), int64(id)*Size, "page %d has the checksum %08x; its bytes have %08x", id, got, want)
	}
	return nil
}

func checksum(number uint64, id ID, p *Page) uint32 {
	var at [12]byte
	binary.LittleEndian.PutUint64(at[:], number)
	binary.LittleEndian.PutUint32(at[8:], uint32(id))
	return integrity.ExtendCRC(integrity.CRC(at[:]), p[4:])
}

// frame returns the frame of a page, or nil: there is no such page.
func (f *File) frame(id ID) *frame {
	chunks := *f.frames.Load()
	if int(id/chunkPages) >= len(chunks) {
		return nil
	}
	return &chunks[id/chunkPages][id%chunkPages]
}

// Read implements Store. It is safe for concurrent use.
func (f *File) Read(id ID) (Pinned, error) {
	fr := f.frame(id)
	if fr == nil {
		return Pinned{}, integrity.Corrupt(f.name(), int64(id)*Size, "page %d is behind the end of the file", id)
	}
	if mem := fr.mem.Load(); mem != nil {
		return Pinned{Page: mem}, nil
	}
	if buf := fr.slot.Acquire(); buf != nil {
		return Pinned{(*Page)(buf.Bytes()), buf}, nil
	}
	return f.load(id, fr)
}

// load reads a page from the file.
func (f *File) load(id ID, fr *frame) (Pinned, error) {
	buf, err := f.cache.Alloc(Size)
	if err != nil {
		return Pinned{}, err
	}
	if err = ReadPage((*Page)(buf.Bytes()), f.f, f.number, id); err != nil {
		buf.Unpin()
		return Pinned{}, err
	}
	if f.cache != nil {
		buf = f.cache.Publish(&fr.slot, buf)
	}
	return Pinned{(*Page)(buf.Bytes()), buf}, nil
}

// Alloc implements Store.
func (f *File) Alloc() (ID, *Page, error) {
	id := f.next
	if n := len(f.free); n > 0 {
		id = f.free[n-1]
		f.free = f.free[:n-1]
	} else {
		f.next++
		f.grow()
	}
	fr := f.frame(id)
	if f.cache != nil {
		f.cache.Drop(&fr.slot) // what was there before
	}
	p := f.memory()
	p.Stamp(f.generation)
	fr.mem.Store(p)
	fr.freed = false
	if !fr.made {
		fr.made = true
		f.made = append(f.made, id)
	}
	f.dirty.Add(1)
	return id, p, nil
}

// grow makes frames for the pages that there are.
func (f *File) grow() {
	if chunks := *f.frames.Load(); int((f.next-1)/chunkPages) == len(chunks) {
		f.cache.Reserve(framesBytes)
		more := append(chunks, new(frames)) // readers of the shorter slice see nothing of it
		f.frames.Store(&more)
	}
}

// memory returns memory for a page.
func (f *File) memory() *Page {
	n := len(f.pool)
	if n == 0 {
		return new(Page) // of several together, one that a snapshot keeps would keep all
	}
	p := f.pool[n-1]
	f.pool[n-1], f.pool = nil, f.pool[:n-1]
	return p
}

// poolPages is how many pages of memory are kept to be used again. The rest is left to the garbage collector.
const poolPages = 1024

// Touch implements Store.
func (f *File) Touch(id ID) (ID, *Page, error) {
	p, err := f.Read(id)
	if err != nil {
		return 0, nil, err
	}
	if p.Generation() == f.generation {
		return id, p.Page, nil
	}
	defer p.Unpin()
	cloneID, clone, err := f.Alloc()
	if err != nil {
		return 0, nil, err
	}
	*clone = *p.Page
	clone.Stamp(f.generation)
	f.discard(id, p.Generation())
	return cloneID, clone, nil
}

// Free implements Store.
func (f *File) Free(id ID) error {
	p, err := f.Read(id)
	if err != nil {
		return err
	}
	made := p.Generation()
	p.Unpin()
	f.discard(id, made)
	return nil
}

// FreeUnread is Free without a look at the page, which may be on disk. It may be reused later than necessary.
func (f *File) FreeUnread(id ID) { f.discard(id, 0) }

// discard frees a page that was made in a generation.
func (f *File) discard(id ID, made uint64) {
	fr := f.frame(id)
	fr.freed = true
	if mem := fr.mem.Load(); mem != nil && mem.Generation() > f.frozen {
		f.dirty.Add(-1) // what a checkpoint writes counts until that is durable
	}
	if made == f.generation || !f.held.keep(freedPage{id, made}) {
		f.recycle(id)
	}
}

// recycle lets a page be used again that nobody looks at, and no checkpoint has.
func (f *File) recycle(id ID) {
	fr := f.frame(id)
	if mem := fr.mem.Load(); mem != nil {
		fr.mem.Store(nil)
		poison(mem[:])
		if len(f.pool) < poolPages {
			f.pool = append(f.pool, mem)
		}
	}
	f.free = append(f.free, id)
}

// Generation implements Store.
func (f *File) Generation() uint64 { return f.generation }

// Seal ends a generation: what snapshots of it reach does not change any more, until Release. It returns the one that
// was ended.
func (f *File) Seal() uint64 {
	f.held.hold(f.generation)
	f.generation++
	return f.generation - 1
}

// Release says that there are no snapshots of a generation any more, which was ended by Seal. Pages that only those
// needed are reused.
func (f *File) Release(generation uint64) { f.held.release(generation, f.recycle) }

// DirtyBytes returns how much memory pages take that no durable checkpoint has, and that the present generation needs or a
// checkpoint that is under way. It is safe for concurrent use.
func (f *File) DirtyBytes() int64 { return f.dirty.Load() * Size }

// Close closes the file. Nothing is written.
func (f *File) Close() error {
	f.leaveCache()
	if f.f == nil {
		return nil
	}
	return f.f.Close()
}

// leaveCache gives back what the cache has for the file.
func (f *File) leaveCache() {
	if f.cache == nil {
		return
	}
	chunks := *f.frames.Load()
	for _, c := range chunks {
		for i := range c {
			f.cache.Drop(&c[i].slot)
		}
	}
	f.cache.Reserve(-int64(len(chunks)) * framesBytes)
}

// Next returns how many pages the file has, page 0 included.
func (f *File) Next() ID { return f.next }

// FreePages returns the pages that can be used at once, and those that list the free ones of the newest checkpoint.
func (f *File) FreePages() (free, list []ID) { return f.free, f.list }
