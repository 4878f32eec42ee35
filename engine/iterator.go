package engine

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
)

// IterOptions say what an Iterator walks over. The zero value is everything, in ascending order.
type IterOptions struct {
	// Lower is the smallest key, inclusive; nil: no bound.
	Lower []byte
	// Upper is the bound above the greatest key, exclusive; nil: no bound.
	Upper []byte
	// Prefix restricts the keys to those that begin with it, within Lower and Upper.
	Prefix []byte
	// Reverse turns the order around: First stands at the greatest key, Next goes down, and Seek
	// finds the greatest key that is not above its argument.
	Reverse bool
	// KeysOnly promises that Value is not called; Value returns nil, and All yields nil values.
	KeysOnly bool
}

// An Iterator walks over the database as it was when the iterator was made. It is for one goroutine
// and must be closed. Key and Value are valid until it moves; copy what you keep.
//
//	it, err := db.NewIterator(engine.IterOptions{Prefix: []byte("user/")})
//	...
//	defer it.Close()
//	for k, v := range it.All() { ... }
//	if err := it.Err(); err != nil { ... }
type Iterator struct {
	db       *DB
	view     actors.View
	held     heldView
	source   iterator.Bounded
	memory   []memtable.Iter
	sources  []iterator.Source
	reverse  bool
	keysOnly bool
	closed   bool
	err      error
	seekKey  []byte // scratch
}

// NewIterator returns an iterator over the database as it is now.
func (db *DB) NewIterator(o IterOptions) (*Iterator, error) {
	it := newIterator(db)
	view, err := db.hold(&it.held, "iterator")
	if err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	it.view = view
	return it.open(o)
}

func newIterator(db *DB) *Iterator { return &Iterator{db: db} }

// open builds the sources over the View that it holds.
func (it *Iterator) open(o IterOptions) (*Iterator, error) {
	lower, upper, err := o.bounds()
	if err != nil {
		it.release()
		return nil, fmt.Errorf("iterate: %w", err)
	}
	it.reverse, it.keysOnly = o.Reverse, o.KeysOnly
	it.memory = make([]memtable.Iter, 0, 1+len(it.view.Sealed))
	it.addMemtable(it.view.Active)
	for _, m := range it.view.Sealed {
		it.addMemtable(m)
	}
	it.sources, err = it.view.Version.AppendIters(it.sources, lower, upper, levels.IterOptions{FillCache: true})
	if err != nil {
		it.release()
		return nil, fmt.Errorf("iterate: %w", it.db.readError(err))
	}
	it.source.Reset(iterator.NewMerging(nil, it.sources...), lower, upper, nil, 0)
	return it, nil
}

func (it *Iterator) addMemtable(m *memtable.Memtable) {
	if m.Empty() {
		return // empty now is empty in this View
	}
	it.memory = append(it.memory, memtable.Iter{})
	src := &it.memory[len(it.memory)-1]
	src.Reset(m, it.view.Seq, nil)
	it.sources = append(it.sources, iterator.Source{Iterator: src})
}

// bounds combines Lower, Upper and Prefix, copied so that the caller may change them.
func (o *IterOptions) bounds() (lower, upper []byte, err error) {
	if o.Lower != nil && o.Upper != nil && bytes.Compare(o.Lower, o.Upper) > 0 {
		return nil, nil, fmt.Errorf("%w: lower bound %q is above upper bound %q",
			ErrInvalidRange, key.Format(o.Lower), key.Format(o.Upper))
	}
	lower, upper = bytes.Clone(o.Lower), bytes.Clone(o.Upper)
	if len(o.Prefix) == 0 {
		return lower, upper, nil
	}
	if bytes.Compare(o.Prefix, lower) > 0 {
		lower = bytes.Clone(o.Prefix)
	}
	if end := key.Successor(o.Prefix); end != nil && (upper == nil || bytes.Compare(end, upper) < 0) {
		upper = end
	}
	if upper != nil && bytes.Compare(lower, upper) > 0 {
		lower = upper // the prefix lies outside the bounds: nothing is inside
	}
	return lower, upper, nil
}

// First stands at the first key in iteration order. Like all movements, it reports whether there is
// one; if not, Err tells whether that is because of a failure.
func (it *Iterator) First() bool {
	if !it.usable() {
		return false
	}
	if it.reverse {
		return it.source.Last()
	}
	return it.source.First()
}

// Last stands at the last key in iteration order.
func (it *Iterator) Last() bool {
	if !it.usable() {
		return false
	}
	if it.reverse {
		return it.source.First()
	}
	return it.source.Last()
}

// Seek stands at the first key, in iteration order, that does not come before k.
func (it *Iterator) Seek(k []byte) bool {
	if !it.usable() {
		return false
	}
	if !it.reverse {
		return it.source.SeekGE(k)
	}
	// The greatest key not above k is the greatest below k's immediate successor.
	it.seekKey = append(append(it.seekKey[:0], k...), 0)
	return it.source.SeekLT(it.seekKey)
}

// Next moves on in iteration order. On an iterator that stands nowhere it does nothing.
func (it *Iterator) Next() bool {
	if it.closed || !it.source.Valid() || !it.usable() {
		return false
	}
	if it.reverse {
		return it.source.Prev()
	}
	return it.source.Next()
}

// Prev moves back in iteration order. On an iterator that stands nowhere it does nothing.
func (it *Iterator) Prev() bool {
	if it.closed || !it.source.Valid() || !it.usable() {
		return false
	}
	if it.reverse {
		return it.source.Next()
	}
	return it.source.Prev()
}

// Valid reports whether the iterator stands at a key.
func (it *Iterator) Valid() bool { return !it.closed && it.err == nil && it.source.Valid() }

// Key returns the key at which the iterator stands, or nil if it stands nowhere.
func (it *Iterator) Key() []byte {
	if !it.Valid() {
		return nil
	}
	return it.source.Key()
}

// Value returns the value of the key at which the iterator stands, or nil if it stands nowhere.
func (it *Iterator) Value() []byte {
	if it.keysOnly || !it.Valid() {
		return nil
	}
	return it.source.Value()
}

// All yields every key and value in iteration order, from the first. Check Err afterwards.
func (it *Iterator) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for ok := it.First(); ok; ok = it.Next() {
			if !yield(it.Key(), it.Value()) {
				return
			}
		}
	}
}

// Err returns the failure that stopped the iterator, or nil. It is sticky.
func (it *Iterator) Err() error {
	if it.err != nil || it.closed {
		return it.err
	}
	if err := it.source.Err(); err != nil {
		return fmt.Errorf("iterate: %w", it.db.readError(err))
	}
	return nil
}

// Close releases what the iterator holds and returns Err. Closing it again does nothing.
func (it *Iterator) Close() error {
	if it.closed {
		return it.err
	}
	it.err = it.Err()
	err := it.source.Close()
	if it.err == nil && err != nil {
		it.err = fmt.Errorf("close iterator: %w", it.db.readError(err))
	}
	it.release()
	return it.err
}

// usable reports whether the iterator can move; it keeps the reason if not.
func (it *Iterator) usable() bool {
	if it.closed || it.db.closed.Load() {
		if it.err == nil {
			it.err = fmt.Errorf("iterate: %w", ErrClosed)
		}
		return false
	}
	return true
}

func (it *Iterator) release() {
	it.closed = true
	it.db.views.remove(&it.held)
	it.view.Release()
	it.view = actors.View{}
	it.memory, it.sources = nil, nil
}
