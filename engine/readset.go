package engine

import (
	"bytes"
	"slices"

	"github.com/middb/middb/mvcc"
)

// A readSet is what a transaction has read and its commit depends on, as stored keys.
type readSet struct {
	locks [][]byte     // read for update
	keys  [][]byte     // read by a serializable transaction
	spans []*readSpans // walked over by its iterators

	cleared []mvcc.Span // whose range deletes conflict with nothing
}

func (r *readSet) lock(k []byte) { r.locks = append(r.locks, bytes.Clone(k)) }

func (r *readSet) key(k []byte) {
	if n := len(r.keys); n > 0 && bytes.Equal(r.keys[n-1], k) {
		return
	}
	r.keys = append(r.keys, bytes.Clone(k))
}

// iterator returns what a new iterator will note.
func (r *readSet) iterator() *readSpans {
	s := &readSpans{}
	r.spans = append(r.spans, s)
	return s
}

// footprint returns what a commit depends on that read at a sequence number.
func (r *readSet) footprint(view uint64) mvcc.Footprint {
	f := mvcc.Footprint{View: view, Locks: r.locks, Keys: r.keys, Cleared: r.cleared}
	for _, s := range r.spans {
		f.Spans = append(f.Spans, s.all()...)
	}
	f.Spans = union(f.Spans)
	return f
}

// union makes spans disjoint and puts them in order; overlapping and adjacent ones become one.
func union(spans []mvcc.Span) []mvcc.Span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b mvcc.Span) int { return bytes.Compare(a.Start, b.Start) })
	out := spans[:1]
	for _, s := range spans[1:] {
		if last := &out[len(out)-1]; bytes.Compare(s.Start, last.End) > 0 {
			out = append(out, s)
		} else if bytes.Compare(s.End, last.End) > 0 {
			last.End = s.End
		}
	}
	return out
}

// keptSpans is how many spans an iterator notes before it makes those that touch one.
const keptSpans = 64

// readSpans are the stretches of keys that an iterator has looked at: from where a search began to the key that
// it found, or to the bound if there was none, and on from there as far as the iterator went. What is not
// there was read, too.
type readSpans struct {
	lower, upper []byte // of the iterator
	done         []mvcc.Span
	from, to     []byte // of the current one
	begun        bool
}

// within sets the bounds of the iterator.
func (r *readSpans) within(lower, upper []byte) { r.lower, r.upper = lower, upper }

// sought notes a search that found k, nil for nothing: upward from start, or downward from below it; a nil start
// is the bound.
func (r *readSpans) sought(start []byte, up bool, k []byte) {
	if r.begun {
		r.done = append(r.done, r.current())
		if len(r.done) >= keptSpans {
			r.done = union(r.done)
		}
	}
	r.begun = true
	r.from, r.to = append([]byte(nil), r.lower...), append([]byte(nil), r.upper...)
	if up {
		if start != nil && bytes.Compare(start, r.lower) > 0 {
			r.from = append(r.from[:0], start...)
		}
		r.reachUp(k)
		return
	}
	if start != nil && bytes.Compare(start, r.upper) < 0 {
		r.to = append(r.to[:0], start...)
	}
	r.reachDown(k)
}

// moved notes a step to k, nil for beyond the last.
func (r *readSpans) moved(up bool, k []byte) {
	switch {
	case up && (k == nil || bytes.Compare(k, r.to) >= 0):
		r.reachUp(k)
	case !up && (k == nil || bytes.Compare(k, r.from) < 0):
		r.reachDown(k)
	}
}

func (r *readSpans) reachUp(k []byte) {
	if k == nil {
		r.to = append(r.to[:0], r.upper...)
		return
	}
	r.to = append(append(r.to[:0], k...), 0)
}

func (r *readSpans) reachDown(k []byte) {
	if k == nil {
		k = r.lower
	}
	r.from = append(r.from[:0], k...)
}

func (r *readSpans) current() mvcc.Span { return mvcc.Span{Start: r.from, End: r.to} }

// all returns the spans so far, in memory that later movements do not change.
func (r *readSpans) all() []mvcc.Span {
	out := slices.Clone(r.done)
	if r.begun {
		out = append(out, mvcc.Span{Start: bytes.Clone(r.from), End: bytes.Clone(r.to)})
	}
	return slices.DeleteFunc(out, func(s mvcc.Span) bool { return bytes.Compare(s.Start, s.End) >= 0 })
}
