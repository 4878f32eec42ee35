package actors

import (
	"sync/atomic"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
)

// A State is the slow-changing part of what readers see: immutable, published by the memtable owner
// at rotation, flush and compaction. The sequence number up to which commits are visible is
// published beside it, once per batch of commits.
type State struct {
	Active  *memtable.Memtable
	Sealed  []*memtable.Memtable // newest first
	Version *levels.Version
}

// A View is a State, a sequence number and B+Trees that belong together, held: nothing it can see changes
// or goes away until Release.
type View struct {
	*State
	Seq   uint64
	trees *Trees // nil: there are none
}

// Tree returns a B+Tree.
func (v View) Tree(number uint32) bplustree.Snapshot {
	if v.trees == nil {
		return bplustree.Snapshot{}
	}
	return v.trees.Tree(number)
}

// Published is what the memtable owner publishes and every reader reads, without asking anybody.
type Published struct {
	state   atomic.Pointer[State]
	trees   atomic.Pointer[Trees] // nil until there are any; stored before the sequence number of their commit
	visible atomic.Uint64
	durable atomic.Uint64
}

// Publish sets everything at once. It is for the time before the actors run, or a database that is
// open for reading and has none.
func (p *Published) Publish(s *State, roots *bplustree.Roots, seq uint64) {
	p.state.Store(s)
	p.trees.Store(newTrees(roots, seq, nil)) // whose first reference stays
	p.visible.Store(seq)
	p.durable.Store(seq)
}

// State returns the current state without holding it. It is for a reader that is done at once: the
// garbage collector keeps the memtables; a table file whose reader is not open yet may be gone, and
// then the reader tries again with the state that replaced this one.
func (p *Published) State() *State { return p.state.Load() }

// Visible returns the sequence number of the newest visible commit. A reader that loads State
// first and then Visible reads a prefix of the history.
func (p *Published) Visible() uint64 { return p.visible.Load() }

// Durable returns the sequence number through which commits are known to be on disk.
func (p *Published) Durable() uint64 { return p.durable.Load() }

// AcquireView holds the current View. Safe for concurrent use.
func (p *Published) AcquireView() View {
	for {
		state := p.state.Load()
		if !state.Version.TryRef() {
			continue // replaced since
		}
		seq, trees := p.position()
		// A commit beyond this state's memtable is not in it: number and state must be of one time.
		if p.state.Load() == state {
			return View{State: state, Seq: seq, trees: trees}
		}
		View{State: state, trees: trees}.Release()
	}
}

// position returns the sequence number of the newest visible commit, and the trees as they are then, held.
func (p *Published) position() (seq uint64, trees *Trees) {
	for {
		seq = p.visible.Load()
		if trees = p.trees.Load(); trees == nil {
			return seq, nil
		}
		// These are the newest trees whose commit was visible, or newer. If they are newer the owner was about to make
		// their commit visible, and nothing stands in the way of that.
		if trees.seq > seq && !p.visible.CompareAndSwap(seq, trees.seq) {
			continue
		}
		if trees.tryRef() {
			return max(seq, trees.seq), trees
		}
	}
}

// Release lets go of the View.
func (v View) Release() {
	v.Version.Unref()
	if v.trees != nil {
		v.trees.unref()
	}
}

// Hold holds the View once more, each hold needing its own Release. It reports false if the View was
// released meanwhile for the last time.
func (v View) Hold() (View, bool) {
	if !v.Version.TryRef() {
		return v, false
	}
	if v.trees != nil && !v.trees.tryRef() {
		v.Version.Unref()
		return v, false
	}
	return v, true
}
