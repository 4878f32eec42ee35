package page

import "sync/atomic"

// chunkPages is how many pages Memory takes from the Go heap at a time.
const chunkPages = 64

type chunk [chunkPages]Page

// Memory is a Store in memory. Make one with NewMemory.
type Memory struct {
	chunks     atomic.Pointer[[]*chunk] // page n is page n%chunkPages of chunk n/chunkPages
	next       ID                       // the first that was never used
	generation uint64
	free       []ID    // that may be used
	freed      []freed // that may be, when older snapshots are gone; ascending by generation
}

// freed is a page, and the generation from which on it is not needed.
type freed struct {
	id         ID
	generation uint64
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	m := &Memory{next: 1, generation: 1}
	m.chunks.Store(new([]*chunk))
	return m
}

func (m *Memory) page(id ID) *Page { return &(*m.chunks.Load())[id/chunkPages][id%chunkPages] }

// Read implements Store. It does not fail.
func (m *Memory) Read(id ID) (Pinned, error) { return Pinned{Page: m.page(id)}, nil }

// Alloc implements Store. It does not fail.
func (m *Memory) Alloc() (ID, *Page, error) {
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
func (m *Memory) Touch(id ID) (ID, *Page, error) {
	p := m.page(id)
	if p.Generation() == m.generation {
		return id, p, nil
	}
	cloneID, clone, _ := m.Alloc()
	*clone = *p
	clone.Stamp(m.generation)
	m.freed = append(m.freed, freed{id, m.generation})
	return cloneID, clone, nil
}

// Free implements Store. It does not fail.
func (m *Memory) Free(id ID) error {
	if m.page(id).Generation() == m.generation { // no snapshot has it
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
