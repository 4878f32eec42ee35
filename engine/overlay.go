package engine

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
	"github.com/middb/middb/wal"
)

// writes are the operations of a commit that is being put together, encoded.
type writes struct {
	ops    []byte
	count  uint32
	charge int64
	ranges bool           // there are range deletes among them
	trees  bool           // there are operations on B+Trees among them
	gates  []*actors.Gate // of the keyspaces that they name
}

// opOverhead bounds what the encoding of an operation adds to its key and value.
const opOverhead = 32

// maxBatchCharge bounds what the operations take in a memtable, which many small ones fill long
// before they are MaxBatchBytes.
const maxBatchCharge = 8 * MaxBatchBytes

// add makes room for an operation of n bytes of key and value, and counts it. limit bounds the memory that the
// commit will take; 0: no limit but that of any batch.
func (w *writes) add(ks *Keyspace, n int, charge, limit int64) error {
	if limit == 0 || limit > maxBatchCharge {
		limit = maxBatchCharge
	}
	if w.count > 0 && w.charge+charge > limit {
		return fmt.Errorf("%w: its %d operations take %d bytes of memory, the limit is %d; apply it in parts, or raise MemoryBudget",
			ErrBatchTooLarge, w.count, w.charge, limit)
	}
	if len(w.ops)+n+opOverhead > MaxBatchBytes {
		return fmt.Errorf("%w: it holds %d bytes, another operation of %d would exceed the limit of %d; apply it in parts",
			ErrBatchTooLarge, len(w.ops), n, MaxBatchBytes)
	}
	w.ops = slices.Grow(w.ops, n+opOverhead)
	w.count++
	w.charge += charge
	if ks != nil && ks.gate != nil && !slices.Contains(w.gates, ks.gate) {
		w.gates = append(w.gates, ks.gate)
	}
	return nil
}

// A write is one operation as a user asks for it, checked.
type write struct {
	kind     key.Kind
	key      []byte // or the lower bound of a range
	value    []byte // as the user gave it, or the upper bound
	operator string // of a merge
	expiry   int64  // of a put with expiry
}

// spaceOf returns the space of a keyspace; nil is the default one.
func spaceOf(ks *Keyspace) *space {
	if ks == nil {
		return &defaultSpace
	}
	return &ks.space
}

// append encodes an operation on a keyspace; nil is the default one. It reports false if the operation does
// nothing: a range without keys.
func (w *writes) append(ks *Keyspace, op *write, limit int64) (done bool, err error) {
	switch op.kind {
	case key.KindRangeDelete:
		return w.appendRange(ks, op, limit)
	case key.KindMerge:
		return true, w.appendMerge(ks, op, limit)
	case key.KindTreeClear:
		return true, w.appendClear(ks, limit)
	default:
		return true, w.appendPoint(ks, op, limit)
	}
}

func (w *writes) appendRange(ks *Keyspace, op *write, limit int64) (done bool, err error) {
	from, to := spaceOf(ks).bounds(op.key, op.value)
	if bytes.Compare(from, to) >= 0 {
		return false, nil
	}
	if err := w.add(ks, len(from)+len(to), memtable.RangeBytes(len(from), len(to)), limit); err != nil {
		return false, err
	}
	w.ops, w.ranges = wal.AppendRangeDelete(w.ops, from, to), true
	return true, nil
}

func (w *writes) appendMerge(ks *Keyspace, op *write, limit int64) error {
	list := merge.AppendOperand(nil, op.operator, op.value)
	k := spaceOf(ks).appendStored(nil, op.key)
	if err := w.add(ks, len(k)+len(list), memtable.MergeBytes(len(k), len(list)), limit); err != nil {
		return err
	}
	w.ops = wal.AppendMerge(w.ops, k, list)
	return nil
}

func (w *writes) appendPoint(ks *Keyspace, op *write, limit int64) error {
	k, buf := spaceOf(ks).stored(op.key)
	defer putKeyBuffer(buf)
	n := len(op.value)
	if op.kind == key.KindPutWithExpiry {
		n = key.ExpiringBytes(n)
	}
	if err := w.add(ks, len(k)+n, memtable.EntryBytes(len(k), n), limit); err != nil {
		return err
	}
	w.ops = appendPoint(w.ops, op, k)
	w.trees = w.trees || op.kind.Tree()
	return nil
}

func (w *writes) appendClear(ks *Keyspace, limit int64) error {
	prefix := ks.space.prefix
	if err := w.add(ks, len(prefix), memtable.EntryBytes(len(prefix), 0), limit); err != nil {
		return err
	}
	w.ops, w.trees = wal.AppendTreeClear(w.ops, prefix), true
	return nil
}

// appendPoint encodes an operation of one key, as it is stored.
func appendPoint(dst []byte, op *write, stored []byte) []byte {
	switch op.kind {
	case key.KindPut:
		return wal.AppendPut(dst, stored, op.value)
	case key.KindPutWithExpiry:
		return wal.AppendPutWithExpiry(dst, stored, op.expiry, op.value)
	case key.KindTreePut:
		return wal.AppendTreePut(dst, stored, op.value)
	case key.KindTreeDelete:
		return wal.AppendTreeDelete(dst, stored)
	default:
		return wal.AppendDelete(dst, stored)
	}
}

// An overlay is writes that can be read before they are committed: the newest source of a reader. Its maps are
// immutable, so a savepoint or an iterator only has to keep them.
type overlay struct {
	writes
	points treap.Map[merge.Entry]
	ranges treap.Ranges
}

// append adds an operation.
func (o *overlay) append(ks *Keyspace, op *write, limit int64, operators *merge.Operators) error {
	at := len(o.ops)
	done, err := o.writes.append(ks, op, limit)
	if !done || err != nil {
		return err
	}
	// What is encoded never changes: where operations are taken back, the next ones go to new memory.
	kind, k, v, _, err := wal.DecodeOp(o.ops[at:len(o.ops):len(o.ops)])
	if err != nil {
		return err
	}
	switch kind {
	case key.KindTreeClear:
		kind, v = key.KindRangeDelete, key.Successor(k)
	case key.KindTreePut:
		kind = key.KindPut
	case key.KindTreeDelete:
		kind = key.KindDelete
	default:
	}
	switch kind {
	case key.KindRangeDelete:
		o.points = o.points.Remove(k, v)
		o.ranges = o.ranges.Cover(k, v, 1)
	case key.KindMerge:
		e := merge.Entry{Kind: kind, Value: v}
		if older, ok := o.find(k); ok {
			e = operators.Combine(nil, older, e)
		}
		o.points = o.points.Set(k, e)
	default:
		o.points = o.points.Set(k, merge.Entry{Kind: kind, Value: v})
	}
	return nil
}

// single returns the stored key of the only operation, if that is a put or a delete.
func (o *overlay) single() (k []byte, ok bool) {
	item, ok := o.points.Min()
	return item.Key, ok && o.count == 1 && item.Value.Kind != key.KindMerge
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

// source returns the overlay, as it is now, as a source of iterators.
func (o *overlay) source() iterator.Source {
	s := iterator.Source{Iterator: &overlayIter{points: o.points}}
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
	points treap.Map[merge.Entry]
	item   treap.Item[merge.Entry]
	valid  bool
}

func (it *overlayIter) stand(item treap.Item[merge.Entry], ok bool) bool {
	it.item, it.valid = item, ok
	return ok
}

// First implements iterator.Iterator.
func (it *overlayIter) First() bool { return it.stand(it.points.Min()) }

// Last implements iterator.Iterator.
func (it *overlayIter) Last() bool { return it.stand(it.points.Max()) }

// SeekGE implements iterator.Iterator.
func (it *overlayIter) SeekGE(k []byte) bool { return it.stand(it.points.Ceil(k)) }

// SeekLT implements iterator.Iterator.
func (it *overlayIter) SeekLT(k []byte) bool { return it.stand(it.points.Below(k)) }

// Next implements iterator.Iterator.
func (it *overlayIter) Next() bool { return it.stand(it.points.Above(it.item.Key)) }

// Prev implements iterator.Iterator.
func (it *overlayIter) Prev() bool { return it.stand(it.points.Below(it.item.Key)) }

// Valid implements iterator.Iterator.
func (it *overlayIter) Valid() bool { return it.valid }

// Key implements iterator.Iterator.
func (it *overlayIter) Key() []byte { return it.item.Key }

// Trailer implements iterator.Iterator. The entry has no sequence number yet.
func (it *overlayIter) Trailer() key.Trailer { return key.MakeTrailer(key.MaxSeq, it.item.Value.Kind) }

// Value implements iterator.Iterator.
func (it *overlayIter) Value() []byte { return it.item.Value.Value }

// Err implements iterator.Iterator.
func (it *overlayIter) Err() error { return nil }

// Close implements iterator.Iterator.
func (it *overlayIter) Close() error { return nil }
