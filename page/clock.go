package page

import "github.com/middb/middb/offheap"

// evict removes one cold buffer that nobody has pinned, or, when whole is set, empties the next
// span that can be emptied. It reports false when everything is pinned.
func (c *Cache) evict(whole bool) bool {
	for sweeps, steps := 0, 0; sweeps < maxSweeps && len(c.spans) > 0; steps++ {
		if c.hand >= len(c.spans) {
			c.hand, c.place = 0, 0
			sweeps++
		}
		sp := c.spans[c.hand]
		if whole {
			c.hand, c.place = c.hand+1, 0
			if c.empty(sp) {
				return true
			}
			continue
		}
		if c.place >= len(sp.bufs) {
			c.hand, c.place = c.hand+1, 0
			continue
		}
		b := sp.bufs[c.place]
		c.place++
		if b == nil {
			continue
		}
		if h := b.heat.Load(); h > 0 {
			b.heat.Store(h - 1)
			continue
		}
		if c.expel(b) {
			return true
		}
	}
	return false
}

// expel frees b if it is resident and nobody has pinned it.
func (c *Cache) expel(b *Buffer) bool {
	v := b.state.Load()
	if v < 0 || v&(pinMask|residentBit) != residentBit || !b.state.CompareAndSwap(v, deadState) {
		return false
	}
	c.hits += v >> hitShift
	c.evicted++
	b.slot.p.CompareAndSwap(b, nil)
	c.release(b)
	return true
}

// empty expels what it can from the span, hot or not, and reports whether the span is empty now.
func (c *Cache) empty(sp *span) bool {
	left := 0
	for _, b := range sp.bufs {
		if b == nil {
			continue
		}
		if v := b.state.Load(); v&pinMask != 0 {
			return false // look before expelling: a span with a pin cannot be emptied
		}
		left++
	}
	for _, b := range sp.bufs {
		if b != nil && c.expel(b) {
			left--
		}
	}
	return left == 0
}

// trim gives memory back to the system until the cache is within its limit, or the rest is pinned.
func (c *Cache) trim() {
	limit := c.limit()
	for c.resident > limit {
		if !c.releaseWarm() && !c.evict(true) {
			return
		}
	}
}

// releaseWarm gives the memory of one empty span back to the system.
func (c *Cache) releaseWarm() bool {
	n := len(c.warm)
	if n == 0 {
		return false
	}
	sp := c.warm[n-1]
	c.warm = c.warm[:n-1]
	offheap.Release(sp.mem)
	c.resident -= spanBytes
	c.cold = append(c.cold, sp)
	return true
}

// freeArenas unmaps the address space of a closed cache once no buffer lives in it.
func (c *Cache) freeArenas() {
	if !c.closed || len(c.spans) > 0 {
		return
	}
	for _, mem := range c.arenas {
		offheap.Free(mem)
	}
	c.arenas, c.warm, c.cold, c.resident = nil, nil, nil, 0
}
