package engine

import (
	"github.com/middb/middb/cowtree"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
	"github.com/middb/middb/wal"
)

// An overlay is writes that can be read before they are committed: the newest source of a reader. While there are
// savepoints it notes what each write replaces.
type overlay struct {
	writes
	points cowtree.Map[merge.Entry] // of what is encoded in ops, and of merges
	ranges treap.Ranges
	undo   []change // since the oldest savepoint, if there is one
	noting bool     // there is one
	loans  loans
}

// append adds an operation.
func (o *overlay) append(ks *Keyspace, op *write, limit int64, operators *merge.Operators) error {
	at := len(o.ops)
	done, err := o.writes.append(ks, op, limit)
	if !done || err != nil {
		return err
	}
	kind, k, v, _, err := wal.DecodeOp(o.ops[at:len(o.ops):len(o.ops)])
	if err != nil {
		return err
	}
	switch kind {
	case key.KindTreeClear:
		o.removeRange(k, key.Successor(k))
	case key.KindRangeDelete:
		o.removeRange(k, v)
	case key.KindTreePut:
		o.set(k, merge.Entry{Kind: key.KindPut, Value: v})
	case key.KindTreeDelete:
		o.set(k, merge.Entry{Kind: key.KindDelete})
	case key.KindMerge:
		e := merge.Entry{Kind: kind, Value: v}
		if older, ok := o.find(k); ok {
			e = operators.Combine(nil, older, e)
		}
		o.set(k, e)
	default:
		o.set(k, merge.Entry{Kind: kind, Value: v})
	}
	return nil
}

func (o *overlay) set(k []byte, e merge.Entry) {
	o.loans.detach(&o.points)
	old, found := o.points.Set(k, e)
	switch {
	case !o.noting:
	case found:
		o.undo = append(o.undo, change{k, &replaced{entry: old}})
	default:
		o.undo = append(o.undo, change{k, nil})
	}
}

func (o *overlay) removeRange(from, to []byte) {
	o.loans.detach(&o.points)
	if o.noting {
		o.undo = append(o.undo, change{nil, &replaced{ranged: true, points: o.points.Clone(), ranges: o.ranges}})
	}
	o.points.RemoveRange(from, to)
	o.ranges = o.ranges.Cover(from, to, 1)
}

// single returns the stored key of the only operation, if that is a put or a delete.
func (o *overlay) single() (k []byte, ok bool) {
	if o.count != 1 {
		return nil, false
	}
	k, e, ok := o.points.Min()
	return k, ok && e.Kind != key.KindMerge
}

// find returns what the overlay says of a stored key.
func (o *overlay) find(k []byte) (merge.Entry, bool) {
	if e, ok := o.points.Get(k); ok {
		return e, true
	}
	if _, _, covered := o.ranges.Stretch(k); covered {
		return merge.Entry{Kind: key.KindDelete}, true
	}
	return merge.Entry{}, false
}

// appendEntries appends what the overlay says of a stored key, newest first, and reports whether older sources
// do not matter.
func (o *overlay) appendEntries(dst []merge.Entry, k []byte) (_ []merge.Entry, complete bool) {
	if e, ok := o.points.Get(k); ok {
		dst = append(dst, e)
		if e.Kind != key.KindMerge || merge.Complete(e.Value) {
			return dst, true
		}
	}
	if _, _, covered := o.ranges.Stretch(k); covered {
		return append(dst, merge.Entry{Kind: key.KindDelete}), true
	}
	return dst, false
}

// empty reports whether there is nothing to read.
func (o *overlay) empty() bool { return o.points.Empty() && o.ranges.Empty() }

// source returns the overlay, as it is now, as a source of iterators. Whoever closes it does not look afterwards at keys and
// values that it showed.
func (o *overlay) source() iterator.Source {
	s := iterator.Source{Iterator: &overlayIter{o.points.Cursor(), o.loans.lend(len(o.ops))}}
	if !o.ranges.Empty() {
		s.Ranges = overlayRanges{o.ranges}
	}
	return s
}

// overlayRanges are the range deletes of an overlay.
type overlayRanges struct{ ranges treap.Ranges }

// Covering implements iterator.Ranges.
func (r overlayRanges) Covering(k []byte) (start, end []byte, covered bool, err error) {
	start, end, covered = r.ranges.Stretch(k)
	return start, end, covered, nil
}

// An overlayIter walks the points of an overlay.
type overlayIter struct {
	cowtree.Cursor[merge.Entry]
	loan *loan // nil: closed
}

// Trailer implements iterator.Iterator. The entry has no sequence number yet.
func (it *overlayIter) Trailer() key.Trailer {
	return key.MakeTrailer(key.MaxSeq, it.Cursor.Value().Kind)
}

// Value implements iterator.Iterator.
func (it *overlayIter) Value() []byte { return it.Cursor.Value().Value }

// Err implements iterator.Iterator.
func (it *overlayIter) Err() error { return nil }

// Close implements iterator.Iterator.
func (it *overlayIter) Close() error {
	if it.loan != nil {
		it.loan.open.Add(-1)
		it.loan = nil
	}
	return nil
}
