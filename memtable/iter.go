package memtable

import (
	"bytes"
	"runtime"
	"sync/atomic"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
)

// seekRun is how many entries a seek looks at ahead of need.
const seekRun = 4

// An Iter shows the newest version of each key that its snapshot sees, unless a range delete is newer;
// of a key whose newest version is a merge it shows, as one entry, what that and the versions before it say. It
// takes entries from a leaf in runs, whose cache misses overlap. It never waits for the writer, and what
// the writer adds while it walks does not change what it shows.
type Iter struct {
	m   *Memtable
	t   *tree // whose nodes the iterator is on
	seq uint64
	ops *merge.Operators

	n        *node
	perm     uint64 // of n, as it was when the iterator came there
	from, to int    // ranks of n that the run was taken from
	i, count int    // position in the run, and its length
	run      [fan]*entry

	plain     bool          // there are neither range deletes nor merges
	merges    uint16        // which entries of the run are merges that are not folded
	deletes   *rangeVersion // what the snapshot sees of range deletes; nil: none
	span      treap.Span    // the last stretch that was looked up in them
	spanKnown bool
	fold      fold
}

var _ iterator.Iterator = (*Iter)(nil)

// NewIter returns an iterator over the newest versions with sequence numbers of at most seq. All of
// them, and range deletes up to it, must have been added before. Merges are folded by ops.
func (m *Memtable) NewIter(seq uint64, ops *merge.Operators) *Iter {
	it := new(Iter)
	it.Reset(m, seq, ops)
	return it
}

// Reset makes it, used before or zero, an iterator of m at seq, as NewIter does.
func (it *Iter) Reset(m *Memtable, seq uint64, ops *merge.Operators) {
	it.m, it.seq, it.ops = m, seq, ops
	it.t, it.n = nil, nil
	it.i, it.count, it.merges = 0, 0, 0
	it.deletes, it.spanKnown = m.deletesAt(seq), false
	it.plain = it.deletes == nil && !m.merged.Load()
}

// First stands at the smallest key.
func (it *Iter) First() bool {
	it.t = it.m.tree.Load()
	it.enter(it.t.edge(false))
	it.take(0, int(it.perm&15))
	ok := it.forward()
	runtime.KeepAlive(it.m)
	return ok
}

// Last stands at the greatest key.
func (it *Iter) Last() bool {
	it.t = it.m.tree.Load()
	it.enter(it.t.edge(true))
	it.take(0, int(it.perm&15))
	ok := it.backward()
	runtime.KeepAlive(it.m)
	return ok
}

// SeekGE stands at the smallest key that is not below k.
func (it *Iter) SeekGE(k []byte) bool {
	t := it.m.tree.Load()
	it.t = t
	w := t.word(k)
	it.enter(t.leafOf(k, w))
	r, _ := t.position(it.n, it.perm, w, k)
	it.take(r, min(r+seekRun, int(it.perm&15)))
	ok := it.forward()
	runtime.KeepAlive(it.m)
	return ok
}

// SeekLT stands at the greatest key below k.
func (it *Iter) SeekLT(k []byte) bool {
	it.takeBelow(k, seekRun)
	ok := it.backward()
	runtime.KeepAlive(it.m)
	return ok
}

// Next stands at the following key.
func (it *Iter) Next() bool {
	it.i++
	if it.i < it.count {
		if it.merges != 0 {
			it.foldHere()
		}
		return true
	}
	it.count = 0
	ok := it.forward()
	runtime.KeepAlive(it.m)
	return ok
}

// Prev stands at the preceding key.
func (it *Iter) Prev() bool {
	it.i--
	if it.i >= 0 {
		if it.merges != 0 {
			it.foldHere()
		}
		return true
	}
	it.count = 0
	ok := it.backward()
	runtime.KeepAlive(it.m)
	return ok
}

// Valid reports whether the iterator stands at an entry.
func (it *Iter) Valid() bool { return uint(it.i) < uint(it.count) }

// Key returns the user key. It aliases the arena or memory of the iterator.
func (it *Iter) Key() []byte {
	k := it.run[it.i].key()
	runtime.KeepAlive(it.m)
	return k
}

// Trailer returns the sequence number and kind of the entry.
func (it *Iter) Trailer() key.Trailer {
	t := it.run[it.i].trailer
	runtime.KeepAlive(it.m)
	return t
}

// Value returns the value. It aliases the arena or memory of the iterator.
func (it *Iter) Value() []byte {
	v := it.run[it.i].value()
	runtime.KeepAlive(it.m)
	return v
}

// Err returns nil: memory does not fail.
func (it *Iter) Err() error { return nil }

// Close lets go of the memtable. Only Reset may follow.
func (it *Iter) Close() error {
	*it = Iter{}
	return nil
}

// enter goes to a leaf and notes which keys it has now.
func (it *Iter) enter(at place) {
	it.n = it.t.node(at)
	it.perm = atomic.LoadUint64(&it.n.perm)
}

// touchNext asks for the cache lines of the leaf after this one, which then come in while the entries
// of this one do. Atomic loads are never optimised away; slot 0 of a leaf with a left neighbour is
// always in use.
func (it *Iter) touchNext() {
	if next := atomic.LoadUint32(&it.n.next); next != 0 {
		n := it.t.node(next)
		_ = atomic.LoadUint64(&n.perm)
		_ = atomic.LoadUint32(&n.refs[0])
	}
}

// take fills the run with what is visible at ranks from to to of the leaf. The loads of one entry do
// not wait for those of another.
func (it *Iter) take(from, to int) {
	it.from, it.to = from, to
	count := 0
	for r := from; r < to; r++ {
		e := it.t.visible(atomic.LoadUint32(&it.n.refs[slot(it.perm, r)]), it.seq)
		if e != nil {
			it.run[count] = e
			count++
		}
	}
	it.count = count
	if !it.plain {
		it.refine()
	}
}

// refine takes out of the run what range deletes hide, and notes the merges. It stays out of the way of
// take, which mostly does not need it.
//
//go:noinline
func (it *Iter) refine() {
	run := it.run[:it.count]
	it.count, it.merges, it.fold.of = 0, 0, nil
	for _, e := range run {
		if it.deletes != nil && e.trailer.Seq() < it.deletes.seq && e.trailer.Seq() < it.deletedAt(e.key()) {
			continue
		}
		if e.trailer.Kind() == key.KindMerge {
			it.merges |= 1 << it.count
		}
		it.run[it.count] = e
		it.count++
	}
}

// forward stands at the first entry of the run or, while there is none, of what follows it.
func (it *Iter) forward() bool {
	for it.count == 0 {
		if it.to < int(it.perm&15) {
			it.take(it.to, int(it.perm&15))
			continue
		}
		next := atomic.LoadUint32(&it.n.next)
		if next == 0 {
			return false
		}
		it.enter(next)
		it.touchNext()
		it.take(0, int(it.perm&15))
	}
	it.i = 0
	if it.merges != 0 {
		it.foldHere()
	}
	return true
}

// backward stands at the last entry of the run or, while there is none, of what precedes it.
func (it *Iter) backward() bool {
	for it.count == 0 {
		switch {
		case it.from > 0:
			it.take(0, it.from)
		case it.perm == 0:
			return false // an empty tree
		default:
			// Links to the left could not be trusted, since a split that runs meanwhile changes them;
			// a descent from the root can.
			it.takeBelow(it.t.entry(atomic.LoadUint32(&it.n.refs[slot(it.perm, 0)])).key(), fan)
			if it.to == 0 {
				return false
			}
		}
	}
	it.i = it.count - 1
	if it.merges != 0 {
		it.foldHere()
	}
	return true
}

// takeBelow fills the run with up to most entries that end below k.
func (it *Iter) takeBelow(k []byte, most int) {
	t := it.m.tree.Load()
	it.t = t
	w := t.word(k)
	it.enter(t.leafBelow(k, w))
	r, _ := t.position(it.n, it.perm, w, k)
	it.take(max(r-most, 0), r)
}

var _ iterator.Taker = (*Iter)(nil)

// Take implements iterator.Taker. What it gives lasts, as far as it is in the arena.
func (it *Iter) Take(e *iterator.Entries, most int, limit []byte) bool {
	if it.fold.of != nil && it.fold.at == it.i {
		e.Add(it.Key(), it.Value()) // in memory of the iterator
		return false
	}
	for n := 0; ; {
		at := it.run[it.i]
		e.Add(at.key(), at.value())
		n++
		next := it.i + 1
		if n == most || next >= it.count || it.fold.of != nil && it.fold.at == next {
			break
		}
		at = it.run[next]
		if at.trailer.Kind() != key.KindPut || limit != nil && bytes.Compare(at.key(), limit) >= 0 {
			break
		}
		it.i = next
	}
	runtime.KeepAlive(it.m)
	return true
}
