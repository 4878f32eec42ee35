package engine

import (
	"slices"
	"sync/atomic"

	"github.com/middb/middb/cowtree"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
)

// A change is what one write replaced in an overlay: of its key nothing, or the entry that was there, or else all that a
// range delete found.
type change struct {
	key []byte
	old *replaced // nil: nothing
}

type replaced struct {
	entry  merge.Entry
	ranged bool // all this was before a range delete
	points cowtree.Map[merge.Entry]
	ranges treap.Ranges
}

// A mark is a moment of an overlay, to be returned to.
type mark struct {
	count         uint32
	ranges, trees bool
	charge        int64
	bytes         int // of operations
	gates         int
	undo          int
}

// mark returns this moment and has all that changes from now on noted, until forget is called.
func (o *overlay) mark() mark {
	o.noting = true
	return mark{
		count: o.count, ranges: o.writes.ranges, trees: o.trees, charge: o.charge,
		bytes: len(o.ops), gates: len(o.gates), undo: len(o.undo),
	}
}

// rollback takes back all writes since a mark. Later marks are gone.
func (o *overlay) rollback(m mark) {
	if len(o.ops) == m.bytes {
		return // nothing was written
	}
	o.loans.detach(&o.points)
	for i := len(o.undo) - 1; i >= m.undo; i-- {
		switch c := &o.undo[i]; {
		case c.old == nil:
			o.points.Delete(c.key)
		case c.old.ranged:
			o.points, o.ranges = c.old.points, c.old.ranges
		default:
			o.points.Set(c.key, c.old.entry)
		}
	}
	clear(o.undo[m.undo:])
	o.undo = o.undo[:m.undo]
	ops := o.ops[:m.bytes]
	if o.loans.show(m.bytes) {
		ops = slices.Clip(ops) // new operations go to new memory
	}
	o.writes = writes{
		ops: ops, count: m.count, charge: m.charge, ranges: m.ranges, trees: m.trees, gates: o.gates[:m.gates],
	}
}

// keptChanges is how many changes an overlay keeps memory for.
const keptChanges = 1024

// forget gives up all marks.
func (o *overlay) forget() {
	o.noting = false
	clear(o.undo)
	if o.undo = o.undo[:0]; cap(o.undo) > keptChanges {
		o.undo = nil
	}
}

// A loan counts the iterators that may read what an overlay has now. They may be closed by any goroutine.
type loan struct{ open atomic.Int32 }

// loans are what iterators have of an overlay: the nodes of its points as they were, and the memory of the operations.
// An overlay that is thrown away leaves both to them.
type loans struct {
	*loan      // nil: there never was an iterator
	fresh bool // one was made since the points were last changed, or cloned
	shown int  // bytes of the operations that the newest could see
}

// lend counts an iterator over all operations, of which there are so many bytes.
func (l *loans) lend(bytes int) *loan {
	if l.loan == nil {
		l.loan = new(loan)
	}
	l.open.Add(1)
	l.fresh, l.shown = true, bytes
	return l.loan
}

// detach leaves the points to iterators, if one is open, before the first change of them that these must not see.
func (l *loans) detach(points *cowtree.Map[merge.Entry]) {
	if !l.fresh {
		return
	}
	l.fresh = false
	if l.open.Load() > 0 {
		_ = points.Clone()
	}
}

// show reports whether iterators may read operations beyond those of so many bytes, which are to be written anew.
func (l *loans) show(bytes int) bool {
	if l.loan == nil || l.shown <= bytes {
		return false
	}
	l.shown = bytes
	return l.open.Load() > 0
}
