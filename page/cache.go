package page

import (
	"sync"
	"sync/atomic"

	"github.com/middb/middb/offheap"
)

// Cache limits the memory of blocks. Make one with NewCache; close it after all its users.
type Cache struct {
	private atomic.Int64 // bytes of buffers outside the spans
	misses  atomic.Int64

	mu       sync.Mutex
	capacity int64 // bytes, as set
	reserved int64 // bytes of it used by others
	resident int64 // bytes of spans that may be backed by memory: used, and warm
	hits     int64 // of buffers already freed
	told     int64 // hits, as Stats told them the last time
	evicted  int64
	closed   bool

	classes [numClasses][]*span // spans with a free place, by size class
	spans   []*span             // all spans with buffers, which the hand visits
	hand    int                 // index into spans
	place   int                 // index into the span under the hand
	warm    []*span             // empty spans with memory behind them
	cold    []*span             // empty spans whose memory the system has
	arenas  [][]byte
}

// NewCache returns a cache that keeps within capacity bytes.
func NewCache(capacity int64) *Cache { return &Cache{capacity: capacity} }

// SetCapacity changes the limit, and evicts what is beyond it. What is pinned goes later.
func (c *Cache) SetCapacity(capacity int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.capacity = capacity
	c.trim()
}

// Reserve counts delta bytes, which may be negative, of the caller's memory against the capacity.
// Open tables account for their index and filter with it. A sixteenth of the capacity remains for
// blocks whatever is reserved.
func (c *Cache) Reserve(delta int64) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reserved += delta
	c.trim()
}

// Stats is what a cache did and holds.
type Stats struct {
	Hits     int64 // Acquires that found their block
	Misses   int64 // blocks published or loaded past the cache
	Evicted  int64 // blocks that the clock removed
	Bytes    int64 // memory taken for blocks, unused parts of spans included
	Private  int64 // memory of pinned buffers that the cache does not keep; not within Capacity
	Reserved int64 // as told to Reserve
	Capacity int64
}

// Stats returns the counters and sizes of this moment.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{
		Hits: c.hits, Misses: c.misses.Load(), Evicted: c.evicted, Bytes: c.resident,
		Private: c.private.Load(), Reserved: c.reserved, Capacity: c.capacity,
	}
	for _, sp := range c.spans {
		for _, b := range sp.bufs {
			if b == nil {
				continue
			}
			if v := b.state.Load(); v > 0 {
				s.Hits += v >> hitShift
			}
		}
	}
	// The hits of a buffer that is being freed are missing, and may have been told before.
	c.told = max(c.told, s.Hits)
	s.Hits = c.told
	return s
}

// Alloc returns a buffer of n bytes with undefined content, pinned. A block that is too large for
// the cache, or that finds no room because what is there is pinned, gets a private buffer: it
// works the same, but Publish does not keep it. Alloc of a nil Cache takes Go memory.
func (c *Cache) Alloc(n int) (*Buffer, error) {
	if c == nil {
		b := &Buffer{data: make([]byte, n)}
		b.state.Store(1)
		return b, nil
	}
	c.misses.Add(1)
	if b, err := c.allocCached(n); b != nil || err != nil {
		return b, err
	}
	own, err := offheap.Alloc(max(n, 1), false)
	if err != nil {
		return nil, err
	}
	c.private.Add(int64(len(own)))
	b := &Buffer{cache: c, data: own[:n], own: own}
	b.state.Store(1)
	return b, nil
}

// Publish puts b, which its caller has filled, into the slot. It returns b, still pinned; or, if
// another goroutine loaded the same block and was first, that one's buffer, pinned, and b is gone.
func (c *Cache) Publish(s *Slot, b *Buffer) *Buffer {
	if b.span == nil {
		return b
	}
	b.slot = s
	b.state.Add(residentBit)
	for {
		old := s.p.Load()
		if old != nil && old.state.Add(1) > 0 {
			b.leave()
			b.Unpin()
			return old
		}
		if s.p.CompareAndSwap(old, b) {
			return b
		}
	}
}

// Drop empties the slot. The buffer's memory is reused when its last pin goes.
func (c *Cache) Drop(s *Slot) {
	if b := s.p.Load(); b != nil && s.p.CompareAndSwap(b, nil) {
		b.leave()
	}
}

// Close gives all memory back to the system, except that of buffers that are still pinned, which
// goes with their last pin. No block is kept afterwards.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.capacity = true, 0
	c.trim()
	c.freeArenas()
}
