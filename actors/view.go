package actors

import (
	"sync/atomic"

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

// A View is a State and a sequence number that belong together, held: nothing it can see changes
// or goes away until Release.
type View struct {
	*State
	Seq uint64
}

// Published is what the memtable owner publishes and every reader reads, without asking anybody.
type Published struct {
	state   atomic.Pointer[State]
	visible atomic.Uint64
	durable atomic.Uint64
}

// Publish sets everything at once. It is for the time before the actors run, or a database that is
// open for reading and has none.
func (p *Published) Publish(s *State, seq uint64) {
	p.state.Store(s)
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
		seq := p.visible.Load()
		// A commit beyond this state's memtable is not in it: number and state must be of one time.
		if p.state.Load() == state {
			return View{State: state, Seq: seq}
		}
		state.Version.Unref()
	}
}

// Release lets go of the View.
func (v View) Release() { v.Version.Unref() }

// Hold holds the View once more, each hold needing its own Release. It reports false if the View was
// released meanwhile for the last time.
func (v View) Hold() (View, bool) { return v, v.Version.TryRef() }
