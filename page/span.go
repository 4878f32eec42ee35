package page

import (
	"math/bits"

	"github.com/middb/middb/offheap"
)

const (
	spanBytes    = 128 << 10
	minClass     = 1 << 10  // bytes of the smallest size class
	maxClass     = 32 << 10 // larger blocks get a span of their own
	perDoubling  = 4        // size classes between n and 2n: at most a quarter of a place is unused
	numClasses   = 5*perDoubling + 1
	ownSpan      = -1 // class of a span that was mapped for one buffer
	maxArena     = 64 << 20
	hugeArena    = 16 << 20 // smallest arena that gets huge pages
	keepShare    = 8        // a block above capacity/keepShare bypasses the cache
	minShare     = 16       // capacity/minShare remains for blocks whatever is reserved
	patience     = 16       // evictions that did not help before a whole span is emptied
	maxSweeps    = maxHeat + 2
	ownPageBytes = 4 << 10
)

// A span is memory for buffers of one size class.
type span struct {
	mem     []byte
	class   int
	bufs    []*Buffer // by place; nil: free
	free    []uint16  // free places
	inList  bool      // the class lists it as having a free place
	inSpans int       // index in Cache.spans
}

// classOf returns the smallest size class that holds n bytes, and its size.
func classOf(n int) (class, size int) {
	if n <= minClass {
		return 0, minClass
	}
	shift := bits.Len(uint(n-1)) - 1 // 1<<shift < n <= 1<<(shift+1)
	step := 1 << shift / perDoubling
	steps := (n - 1<<shift + step - 1) / step // 1..perDoubling
	return (shift-10)*perDoubling + steps, 1<<shift + steps*step
}

// limit is how many bytes of spans there may be.
func (c *Cache) limit() int64 {
	return max(c.capacity-c.reserved, c.capacity/minShare)
}

// allocCached finds room for n bytes, evicting where needed; nil when n does not belong into the
// cache or everything is pinned.
func (c *Cache) allocCached(n int) (*Buffer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := c.limit()
	if int64(n) > limit/keepShare || limit < spanBytes {
		return nil, nil
	}
	if n > maxClass {
		return c.allocOwn(n, limit)
	}
	class, size := classOf(n)
	for tries := 0; ; tries++ {
		if list := c.classes[class]; len(list) > 0 {
			return c.take(list[len(list)-1], n, size), nil
		}
		if c.resident+spanBytes <= limit || len(c.warm) > 0 {
			if err := c.addSpan(class, size); err != nil {
				return nil, err
			}
			continue
		}
		if !c.evict(tries >= patience) {
			return nil, nil
		}
	}
}

// allocOwn maps a span for one large buffer.
func (c *Cache) allocOwn(n int, limit int64) (*Buffer, error) {
	size := (n + ownPageBytes - 1) / ownPageBytes * ownPageBytes
	for c.resident+int64(size) > limit {
		if !c.releaseWarm() && !c.evict(true) {
			return nil, nil
		}
	}
	mem, err := offheap.Alloc(size, false)
	if err != nil {
		return nil, err
	}
	c.resident += int64(size)
	sp := &span{mem: mem, class: ownSpan, bufs: make([]*Buffer, 1), free: []uint16{0}}
	c.link(sp)
	return c.take(sp, n, size), nil
}

// addSpan gives the class an empty span.
func (c *Cache) addSpan(class, size int) error {
	var sp *span
	if n := len(c.warm); n > 0 {
		sp, c.warm = c.warm[n-1], c.warm[:n-1]
	} else {
		if len(c.cold) == 0 {
			if err := c.addArena(); err != nil {
				return err
			}
		}
		n := len(c.cold)
		sp, c.cold = c.cold[n-1], c.cold[:n-1]
		c.resident += spanBytes
	}
	places := spanBytes / size
	if cap(sp.bufs) < places {
		sp.bufs, sp.free = make([]*Buffer, places), make([]uint16, 0, places)
	}
	sp.class, sp.bufs, sp.free = class, sp.bufs[:places], sp.free[:0]
	for i := places - 1; i >= 0; i-- {
		sp.free = append(sp.free, uint16(i))
	}
	sp.inList = true
	c.classes[class] = append(c.classes[class], sp)
	c.link(sp)
	return nil
}

// addArena takes address space from the system and cuts it into cold spans.
func (c *Cache) addArena() error {
	n := min(max(c.capacity/8, 1<<20), maxArena) / spanBytes * spanBytes
	// Huge pages save most misses of the address translation, and cost up to their size more
	// than is used: ask for them where that is little.
	mem, err := offheap.Alloc(int(n), n >= hugeArena)
	if err != nil {
		return err
	}
	c.arenas = append(c.arenas, mem)
	for i := n - spanBytes; i >= 0; i -= spanBytes {
		c.cold = append(c.cold, &span{mem: mem[i : i+spanBytes : i+spanBytes]})
	}
	return nil
}

func (c *Cache) link(sp *span) {
	sp.inSpans = len(c.spans)
	c.spans = append(c.spans, sp)
}

// take makes a buffer in a free place of the span.
func (c *Cache) take(sp *span, n, size int) *Buffer {
	last := len(sp.free) - 1
	i := int(sp.free[last])
	sp.free = sp.free[:last]
	if last == 0 && sp.inList {
		list := c.classes[sp.class]
		c.classes[sp.class] = list[:len(list)-1] // take is called with the last of the list
		sp.inList = false
	}
	b := &Buffer{cache: c, span: sp, index: int32(i), data: sp.mem[i*size : i*size+n : (i+1)*size]}
	b.state.Store(1)
	sp.bufs[i] = b
	return b
}

// reclaim takes back the memory of a dead buffer whose last holder was a reader.
func (c *Cache) reclaim(b *Buffer, hits int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits += hits
	c.release(b)
	if c.closed || c.resident > c.limit() {
		c.trim()
		c.freeArenas()
	}
}

// release returns the place of a dead buffer to its span, and an empty span to the cache.
func (c *Cache) release(b *Buffer) {
	sp := b.span
	poison(b.data)
	sp.bufs[b.index] = nil
	sp.free = append(sp.free, uint16(b.index))
	if len(sp.free) < len(sp.bufs) {
		if !sp.inList {
			sp.inList = true
			c.classes[sp.class] = append(c.classes[sp.class], sp)
		}
		return
	}
	c.unlink(sp)
	if sp.class == ownSpan {
		c.resident -= int64(len(sp.mem))
		offheap.Free(sp.mem)
		return
	}
	c.warm = append(c.warm, sp)
}

// unlink removes an empty span from the lists.
func (c *Cache) unlink(sp *span) {
	last := len(c.spans) - 1
	c.spans[sp.inSpans] = c.spans[last]
	c.spans[sp.inSpans].inSpans = sp.inSpans
	c.spans[last] = nil
	c.spans = c.spans[:last]
	if !sp.inList {
		return
	}
	sp.inList = false
	list := c.classes[sp.class]
	for i, other := range list {
		if other == sp {
			list[i] = list[len(list)-1]
			c.classes[sp.class] = list[:len(list)-1]
			return
		}
	}
}
