package bplustree

import (
	"sync/atomic"

	"github.com/middb/middb/page"
)

// A Store keeps the pages of trees, and counts their generations. Read may be called by anybody at any time, for pages
// that can be reached from a snapshot; the other methods are for the one writer of all the trees in the store.
type Store interface {
	// Read returns a page. Its caller unpins it when it does not look at it any more.
	Read(id PageID) (Pinned, error)
	// Alloc returns a new page of the present generation, of undefined content. Its memory may be written until the
	// generation ends; Touch returns it again.
	Alloc() (PageID, *Page, error)
	// Touch returns a page that may be written, as after Alloc: the page itself if it is of the present generation,
	// else a clone of it, and the page is freed.
	Touch(id PageID) (PageID, *Page, error)
	// Free frees a page that the present generation does not need.
	Free(id PageID) error
	// Generation returns the present generation.
	Generation() uint64
}

// Pinned is a page that stays in memory, as it is, until Unpin is called.
type Pinned struct {
	*Page
	Buffer *page.Buffer // nil: the page stays anyway
}

// Unpin lets the page go.
func (p Pinned) Unpin() {
	if p.Buffer != nil {
		p.Buffer.Unpin()
	}
}

// chunkPages is how many pages Memory takes from the Go heap at a time.
const chunkPages = 64

type chunk [chunkPages]Page

// Memory is a Store in memory. Make one with NewMemory.
type Memory struct {
	chunks     atomic.Pointer[[]*chunk] // page n is page n%chunkPages of chunk n/chunkPages
	next       PageID                   // the first that was never used
	generation uint64
	free       []PageID // that may be used
	freed      []freed  // that may be, when older snapshots are gone; ascending by generation
}

// freed is a page, and the generation from which on it is not needed.
type freed struct {
	id         PageID
	generation uint64
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{next: 1, generation: 1}
	m.chunks.Store(new([]*chunk))
	return m
}

func (m *Memory) page(id PageID) *Page { return &(*m.chunks.Load())[id/chunkPages][id%chunkPages] }

// Read implements Store. It does not fail.
func (m *Memory) Read(id PageID) (Pinned, error) { return Pinned{Page: m.page(id)}, nil }

// Alloc implements Store. It does not fail.
func (m *Memory) Alloc() (PageID, *Page, error) {
	if n := len(m.free); n > 0 {
		id := m.free[n-1]
		m.free = m.free[:n-1]
		return id, m.page(id), nil
	}
	id := m.next
	m.next++
	if chunks := *m.chunks.Load(); int(id/chunkPages) == len(chunks) {
		more := append(chunks, new(chunk)) // readers of the shorter slice see nothing of it
		m.chunks.Store(&more)
	}
	return id, m.page(id), nil
}

// Touch implements Store. It does not fail.
func (m *Memory) Touch(id PageID) (PageID, *Page, error) {
	p := m.page(id)
	if p.generation() == m.generation {
		return id, p, nil
	}
	cloneID, clone, _ := m.Alloc()
	*clone = *p
	clone.stamp(m.generation)
	m.freed = append(m.freed, freed{id, m.generation})
	return cloneID, clone, nil
}

// Free implements Store. It does not fail.
func (m *Memory) Free(id PageID) error {
	if m.page(id).generation() == m.generation { // no snapshot has it
		m.free = append(m.free, id)
	} else {
		m.freed = append(m.freed, freed{id, m.generation})
	}
	return nil
}

// Generation implements Store.
func (m *Memory) Generation() uint64 { return m.generation }

// Seal ends a generation: what snapshots of it reach does not change any more. It returns the one that begins.
func (m *Memory) Seal() uint64 {
	m.generation++
	return m.generation
}

// Release says that of all snapshots the oldest that is left is of a generation, which may be the present one. Pages
// that were freed up to then are reused.
func (m *Memory) Release(oldest uint64) {
	n := 0
	for ; n < len(m.freed) && m.freed[n].generation <= oldest; n++ {
		m.free = append(m.free, m.freed[n].id)
	}
	m.freed = m.freed[n:]
}

// Pages returns how many pages are in use, those that wait for Release included, and how many there are.
func (m *Memory) Pages() (used, total int) {
	total = int(m.next) - 1
	return total - len(m.free), total
}
