package page

import (
	"math"
	"sync/atomic"

	"github.com/middb/middb/offheap"
)

// The word of state of a Buffer: pins in the low bits, whether a slot holds it, and how often it
// was found in its slot, so that counting hits costs nothing beyond pinning. Negative: freed.
const (
	pinMask     = 1<<23 - 1
	residentBit = 1 << 23
	hitShift    = 24
	hitUnit     = 1 << hitShift
	deadState   = math.MinInt64
)

// maxHeat is how many passes of the clock hand a hot buffer survives without another hit.
const maxHeat = 3

// A Buffer is a block of memory with a pin count. Its bytes may be read while it is pinned, and
// written only by the one who got it from Alloc, before Publish.
type Buffer struct {
	// What a hit touches comes first: it shares a cache line.
	state atomic.Int64
	heat  atomic.Int32
	index int32  // of this buffer in its span
	data  []byte // the block; len is what was asked for

	cache *Cache // nil: not from a cache
	slot  *Slot  // written before the buffer becomes resident
	span  *span  // nil: private memory, given back when the last pin goes
	own   []byte // private memory as it came from offheap; nil: Go memory
}

// Bytes returns the memory of the buffer, which must be pinned.
func (b *Buffer) Bytes() []byte { return b.data }

// Unpin gives one pin back. The caller must not touch the bytes afterwards.
func (b *Buffer) Unpin() {
	v := b.state.Add(-1)
	if v >= 0 && v&(pinMask|residentBit) == 0 {
		b.retire(v)
	}
}

// retire frees a buffer that was seen with neither pins nor residence, unless somebody who had
// loaded its slot before has pinned it since: that one will come here too.
func (b *Buffer) retire(v int64) {
	if !b.state.CompareAndSwap(v, deadState) {
		return
	}
	if b.span != nil {
		b.cache.reclaim(b, v>>hitShift)
		return
	}
	if b.own != nil {
		poison(b.own)
		offheap.Free(b.own)
		if b.cache != nil {
			b.cache.private.Add(-int64(len(b.own)))
		}
	}
}

// leave ends the residence of the buffer in its slot. It may be called once.
func (b *Buffer) leave() {
	v := b.state.Add(-residentBit)
	if v >= 0 && v&(pinMask|residentBit) == 0 {
		b.retire(v)
	}
}

// A Slot is where one block can be found while it is cached. The zero Slot is empty.
type Slot struct {
	p atomic.Pointer[Buffer]
}

// Acquire returns the buffer in the slot, pinned, or nil when there is none.
func (s *Slot) Acquire() *Buffer {
	b := s.p.Load()
	if b == nil {
		return nil
	}
	if b.state.Add(hitUnit+1) < 0 {
		return nil // evicted since the load; a freed buffer's state is never used again
	}
	if h := b.heat.Load(); h < maxHeat {
		b.heat.Store(h + 1)
	}
	return b
}

// Cached reports whether the slot holds a block. It pins nothing and counts nothing.
func (s *Slot) Cached() bool { return s.p.Load() != nil }
