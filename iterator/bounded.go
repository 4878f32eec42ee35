package iterator

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

var _ Iterator = (*Bounded)(nil)

// A Bounded shows what a user may see of a source at a point in time: the keys from Lower, inclusive, to
// Upper, exclusive, that have a value then, and that value. A merge whose value cannot be told, because its
// operator is not registered or refuses an operand, ends it with an error, unless it shows keys only: the key
// is there, whatever it says. The zero value becomes usable by Reset.
type Bounded struct {
	src          Iterator
	taker        Taker    // src, if it is one
	value        valuer   // of the entry, if valid: src, if that is a plain put
	kind         key.Kind // of the entry, if valid
	valid        bool
	keysOnly     bool
	lower, upper []byte // nil: none
	ops          *merge.Operators
	now          int64
	merged       []byte // the value of an entry that is a merge
	err          error
}

// A valuer has the value of an entry.
type valuer interface{ Value() []byte }

// NewBounded returns a Bounded over src, which it owns: Close closes it. A nil bound is none. The
// bounds are kept and must not change. now is in nanoseconds since 1970.
func NewBounded(src Iterator, lower, upper []byte, ops *merge.Operators, now int64) *Bounded {
	b := new(Bounded)
	b.Reset(src, lower, upper, ops, now, false)
	return b
}

// Reset makes b a Bounded over src as NewBounded does. With keysOnly nobody may ask for values. It closes nothing.
func (b *Bounded) Reset(src Iterator, lower, upper []byte, ops *merge.Operators, now int64, keysOnly bool) {
	if m, ok := src.(*Merging); ok {
		src = m.only()
	}
	taker, _ := src.(Taker)
	*b = Bounded{
		src: src, taker: taker, lower: lower, upper: upper, ops: ops, now: now, keysOnly: keysOnly,
		kind: key.KindPut, value: src, merged: b.merged[:0],
	}
}

// Rebound has b show other bounds of its source. It stands nowhere then. The bounds are kept and must not change.
func (b *Bounded) Rebound(lower, upper []byte) { b.lower, b.upper, b.valid = lower, upper, false }

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
		return b.forward(b.err == nil && b.src.SeekGE(b.lower))
	}
	return b.forward(b.err == nil && b.src.First())
}

// Last implements Iterator.
func (b *Bounded) Last() bool {
	if b.upper != nil {
		return b.backward(b.err == nil && b.src.SeekLT(b.upper))
	}
	return b.backward(b.err == nil && b.src.Last())
}

// SeekGE implements Iterator.
func (b *Bounded) SeekGE(k []byte) bool {
	if b.lower != nil && bytes.Compare(k, b.lower) < 0 {
		k = b.lower
	}
	return b.forward(b.err == nil && b.src.SeekGE(k))
}

// SeekLT implements Iterator.
func (b *Bounded) SeekLT(k []byte) bool {
	if b.upper != nil && bytes.Compare(k, b.upper) > 0 {
		k = b.upper
	}
	return b.backward(b.err == nil && b.src.SeekLT(k))
}

// Next implements Iterator.
func (b *Bounded) Next() bool { return b.forward(b.src.Next()) }

// Prev implements Iterator.
func (b *Bounded) Prev() bool { return b.backward(b.src.Prev()) }

// forward steps over what has no value and stops at the upper bound.
func (b *Bounded) forward(ok bool) bool {
	for ; ok; ok = b.src.Next() {
		if b.upper != nil && bytes.Compare(b.src.Key(), b.upper) >= 0 {
			break
		}
		if kind := b.src.Trailer().Kind(); kind == key.KindPut && b.kind == kind || b.shows(kind) {
			b.valid = true
			return true
		}
		if b.err != nil {
			break
		}
	}
	b.valid = false
	return false
}

// backward steps over what has no value and stops at the lower bound.
func (b *Bounded) backward(ok bool) bool {
	for ; ok; ok = b.src.Prev() {
		if b.lower != nil && bytes.Compare(b.src.Key(), b.lower) < 0 {
			break
		}
		if kind := b.src.Trailer().Kind(); kind == key.KindPut && b.kind == kind || b.shows(kind) {
			b.valid = true
			return true
		}
		if b.err != nil {
			break
		}
	}
	b.valid = false
	return false
}

// shows reports whether the source's entry has a value. A failure to tell becomes the error of b.
func (b *Bounded) shows(kind key.Kind) bool {
	b.kind, b.value = kind, b.src
	switch kind {
	case key.KindPut:
		return true
	case key.KindPutWithExpiry:
		expiry, _, ok := key.SplitExpiring(b.src.Value())
		if !ok {
			b.fail(fmt.Errorf("%w: a value without its expiry", merge.ErrMalformed))
		}
		b.value = (*resolved)(b)
		return ok && expiry > b.now
	case key.KindMerge:
		v, present, err := b.ops.Resolve(b.merged[:0], merge.Entry{Kind: kind, Value: b.src.Value()}, b.now)
		switch {
		case b.keysOnly && errors.Is(err, merge.ErrOperator):
			return true // what is merged into is there, also if it cannot be read
		case err != nil:
			b.fail(err)
			return false
		}
		b.merged, b.value = v, (*resolved)(b)
		return present
	default:
		return false
	}
}

// resolved is a Bounded at an entry whose value is not stored as it is.
type resolved Bounded

// Value implements valuer.
func (r *resolved) Value() []byte {
	if r.kind == key.KindMerge {
		return r.merged
	}
	_, v, _ := key.SplitExpiring(r.src.Value())
	return v
}

// fail ends the walk at the source's entry.
func (b *Bounded) fail(err error) { b.err = &EntryError{bytes.Clone(b.src.Key()), err} }

// An EntryError says why the value of an entry cannot be shown.
type EntryError struct {
	Key []byte // as the source has it
	Err error
}

// Error implements error.
func (e *EntryError) Error() string { return "key " + key.Format(e.Key) + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *EntryError) Unwrap() error { return e.Err }

// Valid implements Iterator.
func (b *Bounded) Valid() bool { return b.valid }

// Key implements Iterator.
func (b *Bounded) Key() []byte { return b.src.Key() }

// Trailer implements Iterator: what the source says, also of an entry whose Value is not stored as it is.
func (b *Bounded) Trailer() key.Trailer { return b.src.Trailer() }

// Value implements Iterator: the value as its user knows it.
func (b *Bounded) Value() []byte { return b.value.Value() }

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
	b.src, b.taker = nil, nil
	return err
}
