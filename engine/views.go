package engine

import (
	"runtime"
	"sync"
	"time"

	"github.com/middb/middb/actors"
)

// A heldView is the record of a View that a snapshot, iterator or transaction holds: its age, and who made it.
type heldView struct {
	prev, next *heldView
	kind       string
	now        int64 // the engine's time at which it reads, in nanoseconds since 1970
	seq        uint64
	by         creator
}

// A creator is who made a View: where the engine was called, and from where that was. Every frame costs as
// much as a lock or two, those between the engine's method and the look at the stack included.
type creator [3]uintptr

// caller returns the creator of what the calling method of the engine makes.
func caller() (by creator) {
	runtime.Callers(3, by[:]) // without runtime.Callers, this, and the method
	return by
}

// heldViews lists the Views that are held, oldest first.
type heldViews struct {
	clock *clock
	mu    sync.Mutex
	root  heldView // root.next is the oldest, root.prev the newest
	count int
}

func newHeldViews(c *clock) *heldViews {
	h := &heldViews{clock: c}
	h.root.prev, h.root.next = &h.root, &h.root
	return h
}

// add lists a View that reads at time now.
func (h *heldViews) add(v *heldView, kind string, by creator, seq uint64, now int64) {
	v.kind, v.by, v.seq, v.now = kind, by, seq, now
	h.mu.Lock()
	v.prev, v.next = h.root.prev, &h.root
	v.prev.next, v.next.prev = v, v
	h.count++
	h.mu.Unlock()
}

func (h *heldViews) remove(v *heldView) {
	h.mu.Lock()
	v.prev.next, v.next.prev = v.next, v.prev
	v.prev, v.next = nil, nil
	h.count--
	h.mu.Unlock()
}

// oldest describes the oldest View that is held.
func (h *heldViews) oldest() (count int, v ViewStats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.root.next
	if first == &h.root {
		return 0, v
	}
	v = ViewStats{Kind: first.kind, Seq: first.seq, Age: time.Duration(h.clock.now() - first.now)}
	frames := runtime.CallersFrames(first.by[:])
	for {
		f, more := frames.Next()
		if f.Function != "" {
			v.Creator = append(v.Creator, f.Function)
		}
		if !more {
			return h.count, v
		}
	}
}

// hold acquires the current View and lists it in held.
func (db *DB) hold(held *heldView, kind string, by creator) (actors.View, error) {
	if db.closed.Load() {
		return actors.View{}, ErrClosed
	}
	view := db.published.AcquireView()
	// The time is taken after the View: what compaction has found to be expired in it still is.
	db.views.add(held, kind, by, view.Seq, db.clock.now())
	return view, nil
}
