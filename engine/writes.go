package engine

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
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
	if need := len(w.ops) + n + opOverhead; need > cap(w.ops) {
		// Twice as much: whatever memory operations grow out of stays, as long as what is read of them refers to it.
		w.ops = slices.Grow(w.ops, max(n+opOverhead, cap(w.ops)))
	}
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
