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
	free       []ID // that may be used
	held       held
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
	m.discard(id, p.Generation())
	return cloneID, clone, nil
}

// Free implements Store. It does not fail.
func (m *Memory) Free(id ID) error {
	m.discard(id, m.page(id).Generation())
	return nil
}

// discard frees a page that was made in a generation.
func (m *Memory) discard(id ID, made uint64) {
	if made == m.generation || !m.held.keep(freedPage{id, made}) {
		m.recycle(id)
	}
}

func (m *Memory) recycle(id ID) { m.free = append(m.free, id) }

// Generation implements Store.
func (m *Memory) Generation() uint64 { return m.generation }

// Seal ends a generation: what snapshots of it reach does not change any more, until Release. It returns the one that
// was ended.
func (m *Memory) Seal() uint64 {
	m.held.hold(m.generation)
	m.generation++
	return m.generation - 1
}

// Release says that there are no snapshots of a generation any more, which was ended by Seal. Pages that only those
// needed are reused.
func (m *Memory) Release(generation uint64) { m.held.release(generation, m.recycle) }

// Pages returns how many pages are in use, those that wait for Release included, and how many there are.
func (m *Memory) Pages() (used, total int) {
	total = int(m.next) - 1
	return total - len(m.free), total
}
