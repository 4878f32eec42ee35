package page

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A Checkpoint is a state of a File on its way to disk. Freeze makes it, Write writes it, on any one goroutine; then its
// State is made durable by its user, and Installed tells the File so. Checkpoints are written and installed in the order
// in which they were made.
type Checkpoint struct {
	State State
	pages []dirtyPage
	free  []ID // that its list of free pages names
	list  []ID // pages of that list, ascending
}

// Bytes returns how much is written. It is to be asked before Installed.
func (c *Checkpoint) Bytes() int64 { return int64(len(c.pages)+len(c.list)) * Size }

type dirtyPage struct {
	id  ID
	mem *Page
}

// Freeze ends a generation and returns what makes it durable. Unlike one ended by Seal it is not for snapshots.
func (f *File) Freeze() *Checkpoint {
	c := &Checkpoint{}
	for _, id := range f.made {
		fr := f.frame(id)
		fr.made = false
		if !fr.freed {
			c.pages = append(c.pages, dirtyPage{id, fr.mem.Load()})
		}
	}
	f.made = f.made[:0]
	f.listFree(c)
	f.frozen = f.Seal() // this hold is the checkpoint's
	c.State.Generation, c.State.Next = f.frozen, f.next
	return c
}

// listFree has a checkpoint list what is free in it: all pages that the present generation does not need.
func (f *File) listFree(c *Checkpoint) {
	for _, id := range f.list { // the new list takes the place of the old one
		f.discard(id, f.frozen)
	}
	f.list = nil
	var kept []ID
	f.held.pages(func(id ID) { kept = append(kept, id) })
	count := len(f.free) + len(kept)
	for fromFree := 0; count-fromFree > len(f.list)*perListPage; {
		if n := len(f.free); n > 0 {
			f.list = append(f.list, f.free[n-1])
			f.free = f.free[:n-1]
			fromFree++
			continue
		}
		f.list = append(f.list, f.next)
		f.next++
		f.grow()
	}
	if len(f.list) > 0 {
		slices.Sort(f.list)
		c.State.FreeList = f.list[0]
	}
	c.free, c.list = slices.Concat(f.free, kept), f.list
}

// listPages makes the pages of the list of free pages.
func (c *Checkpoint) listPages() []dirtyPage {
	slices.Sort(c.free)
	pages := make([]dirtyPage, 0, len(c.list))
	ids := c.free
	for i, id := range c.list {
		p := new(Page)
		p.Stamp(c.State.Generation)
		p[atKind] = kindFreeList
		part := ids[:min(len(ids), perListPage)]
		ids = ids[len(part):]
		binary.LittleEndian.PutUint16(p[atCount:], uint16(len(part)))
		if i+1 < len(c.list) {
			binary.LittleEndian.PutUint32(p[atNextList:], uint32(c.list[i+1]))
		}
		for j, free := range part {
			binary.LittleEndian.PutUint32(p[atListed+4*j:], uint32(free))
		}
		pages = append(pages, dirtyPage{id, p})
	}
	return pages
}

// writeBytes is how much is written at a time, if pages lie side by side.
const writeBytes = 256 << 10

// Write writes the pages of a checkpoint, and makes them durable. It may be called on another goroutine than the
// writer's, which goes on meanwhile. After an error it may be called again: all that is not durable is written anew.
func (f *File) Write(c *Checkpoint) error {
	if !f.headed {
		if err := f.writeHeader(); err != nil {
			return err
		}
	}
	pages := append(c.listPages(), c.pages...)
	slices.SortFunc(pages, func(a, b dirtyPage) int { return int(a.id) - int(b.id) })
	buf := make([]byte, 0, min(writeBytes, len(pages)*Size))
	for i, p := range pages {
		buf = append(buf, p.mem[:]...) // others may be reading the page itself
		f.seal(p.id, (*Page)(buf[len(buf)-Size:]))
		if i+1 < len(pages) && pages[i+1].id == p.id+1 && len(buf) < writeBytes {
			continue
		}
		first := int64(p.id+1)*Size - int64(len(buf))
		if _, err := f.f.WriteAt(buf, first); err != nil {
			return fmt.Errorf("write pages to %s: %w", f.name(), err)
		}
		buf = buf[:0]
	}
	if err := f.f.SyncData(); err != nil {
		return fmt.Errorf("sync pages of %s: %w", f.name(), err)
	}
	f.headed = true
	for _, p := range c.pages {
		f.keep(p)
	}
	return nil
}

// Installed says that a checkpoint is durable: its pages need not be in memory any more, and what only older ones have can
// be used again.
func (f *File) Installed(c *Checkpoint) {
	for _, p := range c.pages {
		f.frame(p.id).mem.Store(nil)
	}
	f.dirty.Add(-int64(len(c.pages)))
	c.pages, c.free = nil, nil // whatever still refers to the checkpoint
	if f.durable != 0 {
		f.Release(f.durable)
	}
	f.durable = c.State.Generation
}

// keep puts a written page into the cache, where it is found once the checkpoint is installed: it was changed a short while
// ago, and so it will be read.
func (f *File) keep(p dirtyPage) {
	slot := &f.frame(p.id).slot
	if f.cache == nil || slot.Cached() { // by a try that something failed after
		return
	}
	buf, err := f.cache.Alloc(Size)
	if err != nil {
		return // it is read when it is needed
	}
	copy(buf.Bytes(), p.mem[:])
	f.cache.Publish(slot, buf).Unpin()
}
