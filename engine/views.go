package engine

import (
	"runtime"
	"sync"
	"time"

	"github.com/middb/middb/actors"
)

// A heldView is the record of a View that a snapshot or iterator holds: its age, and who made it.
type heldView struct {
	prev, next *heldView
	kind       string
	now        int64 // the engine's time at which it reads, in nanoseconds since 1970
	seq        uint64
	callers    [callerFrames]uintptr
}

// callerFrames is how many stack frames of a View's creator are remembered.
const callerFrames = 4

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

// add lists a View that reads at time now and was made by the caller's caller's caller.
func (h *heldViews) add(v *heldView, kind string, seq uint64, now int64) {
	v.kind, v.seq, v.now = kind, seq, now
	n := runtime.Callers(4, v.callers[:])
	clear(v.callers[n:])
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
	frames := runtime.CallersFrames(first.callers[:])
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
func (db *DB) hold(held *heldView, kind string) (actors.View, error) {
	if db.closed.Load() {
		return actors.View{}, ErrClosed
	}
	view := db.published.AcquireView()
	// The time is taken after the View: what compaction has found to be expired in it still is.
	db.views.add(held, kind, view.Seq, db.clock.now())
	return view, nil
}
