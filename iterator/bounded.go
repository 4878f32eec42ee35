package iterator

import (
	"bytes"
	"fmt"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

var _ Iterator = (*Bounded)(nil)

// A Bounded shows what a user may see of a source at a point in time: the keys from Lower, inclusive, to
// Upper, exclusive, that have a value then, and that value. A merge that has none, because its operator
// is not registered or refuses an operand, ends it with an error. The zero value becomes usable by Reset.
type Bounded struct {
	src          Iterator
	lower, upper []byte // nil: none
	ops          *merge.Operators
	now          int64
	valid        bool
	kind         key.Kind // of the entry, if valid
	merged       []byte   // the value of an entry that is a merge
	err          error
}

// NewBounded returns a Bounded over src, which it owns: Close closes it. A nil bound is none. The
// bounds are kept and must not change. now is in nanoseconds since 1970.
func NewBounded(src Iterator, lower, upper []byte, ops *merge.Operators, now int64) *Bounded {
	b := new(Bounded)
	b.Reset(src, lower, upper, ops, now)
	return b
}

// Reset makes b a Bounded over src as NewBounded does. It closes nothing.
func (b *Bounded) Reset(src Iterator, lower, upper []byte, ops *merge.Operators, now int64) {
	if m, ok := src.(*Merging); ok {
		src = m.only()
	}
	*b = Bounded{src: src, lower: lower, upper: upper, ops: ops, now: now, merged: b.merged[:0]}
}

// only returns the one source of m, which then needs no merging, or m.
func (m *Merging) only() Iterator {
	if len(m.sources) != 1 {
		return m
	}
	it := m.sources[0].it
	m.recycle()
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

// forward steps over what has no value and stops at the upper bound.
func (b *Bounded) forward(ok bool) bool {
	for ; ok && b.err == nil; ok = b.src.Next() {
		if b.upper != nil && bytes.Compare(b.src.Key(), b.upper) >= 0 {
			break
		}
		if b.kind = b.src.Trailer().Kind(); b.kind == key.KindPut || b.shows() {
			b.valid = true
			return true
		}
	}
	b.valid = false
	return false
}

// backward steps over what has no value and stops at the lower bound.
func (b *Bounded) backward(ok bool) bool {
	for ; ok && b.err == nil; ok = b.src.Prev() {
		if b.lower != nil && bytes.Compare(b.src.Key(), b.lower) < 0 {
			break
		}
		if b.kind = b.src.Trailer().Kind(); b.kind == key.KindPut || b.shows() {
			b.valid = true
			return true
		}
	}
	b.valid = false
	return false
}

// shows reports whether the source's entry, which is no plain put, has a value. A failure to tell
// becomes the error of b.
func (b *Bounded) shows() bool {
	switch b.kind {
	case key.KindPutWithExpiry:
		expiry, _, ok := key.SplitExpiring(b.src.Value())
		if !ok {
			b.fail(fmt.Errorf("%w: a value without its expiry", merge.ErrMalformed))
		}
		return ok && expiry > b.now
	case key.KindMerge:
		v, present, err := b.ops.Resolve(b.merged[:0], merge.Entry{Kind: b.kind, Value: b.src.Value()}, b.now)
		if err != nil {
			b.fail(err)
			return false
		}
		b.merged = v
		return present
	default:
		return false
	}
}

// fail ends the walk at the source's entry.
func (b *Bounded) fail(err error) {
	b.err = fmt.Errorf("key %s: %w", key.Format(b.src.Key()), err)
}

// Valid implements Iterator.
func (b *Bounded) Valid() bool { return b.valid }

// Key implements Iterator.
func (b *Bounded) Key() []byte { return b.src.Key() }

// Trailer implements Iterator: what the source says, also of an entry whose Value is not stored as it is.
func (b *Bounded) Trailer() key.Trailer { return b.src.Trailer() }

// Value implements Iterator: the value as its user knows it.
func (b *Bounded) Value() []byte {
	switch b.kind {
	case key.KindPutWithExpiry:
		_, v, _ := key.SplitExpiring(b.src.Value())
		return v
	case key.KindMerge:
		return b.merged
	default:
		return b.src.Value()
	}
}

// Err implements Iterator.
func (b *Bounded) Err() error {
	if b.err != nil {
		return b.err
	}
	return b.src.Err()
}

// Close implements Iterator.
func (b *Bounded) Close() error {
	b.valid = false
	if b.src == nil {
		return b.err
	}
	err := b.src.Close()
	if b.err != nil {
		err = b.err
	}
	b.src = nil
	return err
}
