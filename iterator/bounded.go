package iterator

import (
	"bytes"

	"github.com/middb/middb/key"
)

var _ Iterator = (*Bounded)(nil)

// A Bounded shows what a user may see of a source: the puts, not the tombstones, with keys from
// Lower, inclusive, to Upper, exclusive. The zero value becomes usable by Reset.
type Bounded struct {
	src          Iterator
	lower, upper []byte // nil: none
	valid        bool
}

// NewBounded returns a Bounded over src, which it owns: Close closes it. A nil bound is none. The
// bounds are kept and must not change.
func NewBounded(src Iterator, lower, upper []byte) *Bounded {
	b := new(Bounded)
	b.Reset(src, lower, upper)
	return b
}

// Reset makes b a Bounded over src as NewBounded does. It closes nothing.
func (b *Bounded) Reset(src Iterator, lower, upper []byte) {
	if m, ok := src.(*Merging); ok {
		src = m.only()
	}
	b.src, b.lower, b.upper, b.valid = src, lower, upper, false
}

// only returns the one source of m, which then needs no merging, or m.
func (m *Merging) only() Iterator {
	if len(m.sources) != 1 {
		return m
	}
	it := m.sources[0].it
	clear(m.sources)
	clear(m.order[:cap(m.order)])
	m.sources, m.order = m.sources[:0], m.order[:0]
	mergingPool.Put(m)
	return it
}

// First implements Iterator.
func (b *Bounded) First() bool {
	if b.lower != nil {
		return b.forward(b.src.SeekGE(b.lower))
	}
	return b.forward(b.src.First())
}

// Last implements Iterator.
func (b *Bounded) Last() bool {
	if b.upper != nil {
		return b.backward(b.src.SeekLT(b.upper))
	}
	return b.backward(b.src.Last())
}

// SeekGE implements Iterator.
func (b *Bounded) SeekGE(k []byte) bool {
	if b.lower != nil && bytes.Compare(k, b.lower) < 0 {
		k = b.lower
	}
	return b.forward(b.src.SeekGE(k))
}

// SeekLT implements Iterator.
func (b *Bounded) SeekLT(k []byte) bool {
	if b.upper != nil && bytes.Compare(k, b.upper) > 0 {
		k = b.upper
	}
	return b.backward(b.src.SeekLT(k))
}

// Next implements Iterator.
func (b *Bounded) Next() bool { return b.forward(b.src.Next()) }

// Prev implements Iterator.
func (b *Bounded) Prev() bool { return b.backward(b.src.Prev()) }

// forward steps over tombstones and stops at the upper bound.
func (b *Bounded) forward(ok bool) bool {
	for ; ok; ok = b.src.Next() {
		if b.upper != nil && bytes.Compare(b.src.Key(), b.upper) >= 0 {
			break
		}
		if b.src.Trailer().Kind() != key.KindDelete {
			b.valid = true
			return true
		}
	}
	b.valid = false
	return false
}

// backward steps over tombstones and stops at the lower bound.
func (b *Bounded) backward(ok bool) bool {
	for ; ok; ok = b.src.Prev() {
		if b.lower != nil && bytes.Compare(b.src.Key(), b.lower) < 0 {
			break
		}
		if b.src.Trailer().Kind() != key.KindDelete {
			b.valid = true
			return true
		}
	}
	b.valid = false
	return false
}

// Valid implements Iterator.
func (b *Bounded) Valid() bool { return b.valid }

// Key implements Iterator.
func (b *Bounded) Key() []byte { return b.src.Key() }

// Trailer implements Iterator.
func (b *Bounded) Trailer() key.Trailer { return b.src.Trailer() }

// Value implements Iterator.
func (b *Bounded) Value() []byte { return b.src.Value() }

// Err implements Iterator.
func (b *Bounded) Err() error { return b.src.Err() }

// Close implements Iterator.
func (b *Bounded) Close() error {
	b.valid = false
	if b.src == nil {
		return nil
	}
	err := b.src.Close()
	b.src = nil
	return err
}
