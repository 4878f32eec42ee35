package engine

import (
	"bytes"
	"errors"
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
	// KeysOnly promises that Value is not called; Value returns nil, and All yields nil values. A key whose merge
	// fails (ErrMergeOperator) is one of the keys; where values are asked for it ends the iterator.
	KeysOnly bool
	// again: the bounds will change, see rebound.
	again bool
}

// An Iterator walks over a keyspace as it was when the iterator was made. It is for one goroutine
// and must be closed. Key and Value are valid until it moves; copy what you keep.
//
//	it, err := db.NewIterator(engine.IterOptions{Prefix: []byte("user/")})
//	...
//	defer it.Close()
//	for k, v := range it.All() { ... }
//	if err := it.Err(); err != nil { ... }
type Iterator struct {
	db       *DB
	space    *space
	tree     bool // over a B+Tree
	err      error
	reads    *readSpans // of a serializable transaction: what was seen; nil: of no interest
	reverse  bool
	keysOnly bool
	begun    bool // by NextBatch
	again    bool // the sources are not those of its bounds only
	closed   bool
	source   iterator.Bounded
	view     actors.View
	held     heldView
	memory   []memtable.Iter
	sources  []iterator.Source
	seekKey  []byte // scratch
	lower    []byte // of rebound
	upper    []byte
}

// NewIterator returns an iterator over the keyspace as it is now.
func (ks *Keyspace) NewIterator(o IterOptions) (*Iterator, error) {
	return ks.iterate(o, nil, caller())
}

// iterate returns an iterator over the keyspace, under the writes of an overlay; nil: none.
func (ks *Keyspace) iterate(o IterOptions, own *overlay, by creator) (*Iterator, error) {
	if err := ks.check(); err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	it := newIterator(ks)
	view, err := ks.db.hold(&it.held, "iterator", by)
	if err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	it.view = view
	if own != nil && !own.empty() {
		it.sources = append(it.sources, own.source())
	}
	return it.open(o)
}

func newIterator(ks *Keyspace) *Iterator {
	return &Iterator{db: ks.db, space: &ks.space, tree: ks.tree}
}

// open builds the sources over the View that it holds, behind those that it has.
func (it *Iterator) open(o IterOptions) (*Iterator, error) {
	lower, upper, err := o.bounds()
	if err != nil {
		return nil, it.abandon(err)
	}
	lower, upper = it.space.bounds(lower, upper)
	it.reverse, it.keysOnly = o.Reverse, o.KeysOnly
	if it.reads != nil {
		it.reads.within(lower, upper)
	}
	from, to := lower, upper
	if it.again = o.again && it.reads == nil; it.again {
		from, to = it.space.lower, it.space.upper
	}
	if err = it.addSources(from, to); err != nil {
		return nil, it.abandon(it.db.readError(err))
	}
	if it.space.prefix == nil && bytes.Equal(upper, it.space.upper) {
		upper = nil // nothing is stored above the default keyspace
	}
	it.source.Reset(iterator.NewMerging(it.db.operators, it.sources...), lower, upper, it.db.operators, it.held.now, o.KeysOnly)
	return it, nil
}

// Rebound has the iterator begin anew with other bounds, which costs less than another iterator: [lower, upper), without
// empty ones. It returns false, and nothing has changed, if it was not opened for that, or notes what a transaction has read.
func (it *Iterator) Rebound(lower, upper []byte) bool {
	if !it.again || len(lower) == 0 || len(upper) == 0 || !it.usable() {
		return false
	}
	it.lower = it.space.appendStored(it.lower[:0], lower)
	it.upper = it.space.appendStored(it.upper[:0], upper)
	it.source.Rebound(it.lower, it.upper)
	it.begun = false
	return true
}

// abandon closes what the iterator has until now, and returns why it could not be opened.
func (it *Iterator) abandon(err error) error {
	for _, s := range it.sources {
		err = errors.Join(err, s.Close())
	}
	it.release()
	return fmt.Errorf("iterate: %w", err)
}

// addSources adds the sources of the View.
func (it *Iterator) addSources(lower, upper []byte) (err error) {
	if it.tree {
		it.sources = append(it.sources, iterator.Source{Iterator: newTreeIter(it.view, it.space.prefix)})
		return nil
	}
	it.addMemtable(it.view.Active)
	for _, m := range it.view.Sealed {
		it.addMemtable(m)
	}
	it.sources, err = it.view.Version.AppendIters(it.sources, lower, upper, levels.IterOptions{FillCache: true})
	return err
}

func (it *Iterator) addMemtable(m *memtable.Memtable) {
	if m.Empty() {
		return // empty now is empty in this View
	}
	if it.memory == nil { // room for all, as sources point into it
		it.memory = make([]memtable.Iter, 0, 1+len(it.view.Sealed))
	}
	n := len(it.memory)
	it.memory = it.memory[:n+1]
	src := &it.memory[n]
	src.Reset(m, it.view.Seq, it.db.operators)
	it.sources = append(it.sources, iterator.Source{Iterator: src, Ranges: m.Ranges(it.view.Seq)})
}

// bounds combines Lower, Upper and Prefix. What it returns may be memory of the caller.
func (o *IterOptions) bounds() (lower, upper []byte, err error) {
	if o.Lower != nil && o.Upper != nil && bytes.Compare(o.Lower, o.Upper) > 0 {
		return nil, nil, fmt.Errorf("%w: lower bound %q is above upper bound %q",
			ErrInvalidRange, key.Format(o.Lower), key.Format(o.Upper))
	}
	lower, upper = o.Lower, o.Upper
	if len(o.Prefix) == 0 {
		return lower, upper, nil
	}
	if bytes.Compare(o.Prefix, lower) > 0 {
		lower = o.Prefix
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
func (it *Iterator) First() bool { return it.edge(it.reverse) }

// Last stands at the last key in iteration order.
func (it *Iterator) Last() bool { return it.edge(!it.reverse) }

// edge stands at the greatest key or the smallest.
func (it *Iterator) edge(greatest bool) bool {
	if !it.usable() {
		return false
	}
	if greatest {
		return it.seen(nil, false, it.source.Last())
	}
	return it.seen(nil, true, it.source.First())
}

// Seek stands at the first key, in iteration order, that does not come before k.
func (it *Iterator) Seek(k []byte) bool {
	if !it.usable() {
		return false
	}
	it.seekKey = it.space.appendStored(it.seekKey[:0], k)
	if !it.reverse {
		return it.seen(it.seekKey, true, it.source.SeekGE(it.seekKey))
	}
	// The greatest key not above k is the greatest below k's immediate successor.
	it.seekKey = append(it.seekKey, 0)
	return it.seen(it.seekKey, false, it.source.SeekLT(it.seekKey))
}

// Next moves on in iteration order. On an iterator that stands nowhere it does nothing.
func (it *Iterator) Next() bool {
	if it.reads != nil || it.reverse {
		return it.step(!it.reverse)
	}
	return !it.closed && it.source.Valid() && it.usable() && it.source.Next()
}

// NextBatch replaces e by the entries that come next, from the first one at the first call, at most as many as most, and
// reports whether there are any; if not, Err tells whether that is because of a failure. What is in e is valid until the
// iterator moves. Between two calls nothing else may move it.
func (it *Iterator) NextBatch(e *iterator.Entries, most int) bool {
	e.Reset()
	ok := false
	switch {
	case most <= 0:
	case it.begun:
		ok = it.Next()
	default:
		it.begun = true
		ok = it.First()
	}
	if !ok {
		return false
	}
	if it.reverse {
		e.Add(it.source.Key(), it.source.Value())
		for e.Own(e.Len() - 1); e.Len() < most && e.Bytes() < mostBatchBytes && it.Next(); e.Own(e.Len() - 1) {
			e.Add(it.source.Key(), it.source.Value())
		}
	} else {
		it.source.Take(e, most)
		if it.reads != nil && e.Len() > 0 {
			it.reads.moved(true, it.here(it.source.Valid()))
		}
	}
	for i, k := range e.Keys {
		e.Keys[i] = it.space.user(k)
	}
	return e.Len() > 0
}

// mostBatchBytes is how many bytes NextBatch copies at a time, about.
const mostBatchBytes = 128 << 10

// Prev moves back in iteration order. On an iterator that stands nowhere it does nothing.
func (it *Iterator) Prev() bool { return it.step(it.reverse) }

func (it *Iterator) step(up bool) bool {
	if it.closed || !it.source.Valid() || !it.usable() {
		return false
	}
	ok := up && it.source.Next() || !up && it.source.Prev()
	if it.reads != nil {
		it.reads.moved(up, it.here(ok))
	}
	return ok
}

// seen notes what a search from k upward, or for what is below k, has read.
func (it *Iterator) seen(k []byte, up, ok bool) bool {
	if it.reads != nil {
		it.reads.sought(k, up, it.here(ok))
	}
	return ok
}

// here returns the stored key at which the iterator stands, nil if it stands nowhere.
func (it *Iterator) here(ok bool) []byte {
	if !ok {
		return nil
	}
	return it.source.Key()
}

// Valid reports whether the iterator stands at a key.
func (it *Iterator) Valid() bool { return !it.closed && it.err == nil && it.source.Valid() }

// Key returns the key at which the iterator stands, or nil if it stands nowhere.
func (it *Iterator) Key() []byte {
	if !it.Valid() {
		return nil
	}
	return it.space.user(it.source.Key())
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
	err := it.source.Err()
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*iterator.EntryError](err); ok {
		err = &iterator.EntryError{Key: it.space.user(e.Key), Err: e.Err}
	}
	return fmt.Errorf("iterate: %w", it.db.readError(err))
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
func (it *Iterator) usable() bool { return !it.closed && !it.db.closed.Load() || it.refuse() }

func (it *Iterator) refuse() bool {
	if it.err == nil {
		it.err = fmt.Errorf("iterate: %w", ErrClosed)
	}
	return false
}

func (it *Iterator) release() {
	it.closed = true
	it.db.views.remove(&it.held)
	it.view.Release()
	it.view = actors.View{}
	it.memory, it.sources = nil, nil
}
