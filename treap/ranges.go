package treap

import "bytes"

// Ranges tells for every key the newest of the range deletes that cover it, as an immutable map of
// boundaries: a boundary's value holds from its key up to the next one. The zero Ranges covers nothing.
// Each range that is added replaces, as the newest, all there was in its place, so there are never more
// than two boundaries a range. Safe for concurrent use.
type Ranges struct {
	bounds tree[uint64] // newest sequence number; 0: not covered
	hull   tree[bool]   // whether covered; of neighbours that are, only the first has a boundary
}

// A Span is a stretch of keys, from Start, inclusive, to End, exclusive, with the sequence number of the
// newest range delete there; 0 where there is none. A nil Start or End is no bound.
type Span struct {
	Start, End []byte
	Seq        uint64
}

// Holds reports whether k is in the span.
func (s *Span) Holds(k []byte) bool {
	return (s.Start == nil || bytes.Compare(s.Start, k) <= 0) && (s.End == nil || bytes.Compare(k, s.End) < 0)
}

// Empty reports whether nothing is covered.
func (r Ranges) Empty() bool { return r.bounds.empty() }

// Cover returns Ranges with a range delete added: from start, inclusive, to end, exclusive, at a sequence
// number that is not below any before. The slices are kept and must not change.
func (r Ranges) Cover(start, end []byte, seq uint64) Ranges {
	if bytes.Compare(start, end) >= 0 {
		return r
	}
	after := r.seqAt(end)
	bounds := r.bounds.removeRange(start, end).set(start, seq)
	if _, ok := bounds.get(end); !ok {
		bounds = bounds.set(end, after)
	}
	hull := r.hull.removeRange(start, end)
	if before, ok := hull.below(start); !ok || !before.Value {
		hull = hull.set(start, true)
	}
	if after == 0 {
		hull = hull.set(end, false)
	} else {
		hull = hull.remove(end)
	}
	return Ranges{bounds, hull}
}

// seqAt returns the sequence number at k.
func (r Ranges) seqAt(k []byte) uint64 {
	if b, ok := r.bounds.floor(k); ok {
		return b.Value
	}
	return 0
}

// Find returns the stretch around k that has one sequence number. Neighbours may have the same one.
func (r Ranges) Find(k []byte) Span {
	var s Span
	if b, ok := r.bounds.floor(k); ok {
		s.Start, s.Seq = b.Key, b.Value
	}
	if b, ok := r.bounds.above(k); ok {
		s.End = b.Key
	}
	return s
}

// Stretch returns the maximal stretch around k that is covered throughout, by whatever range deletes,
// or not covered throughout. A nil start or end is no bound.
func (r Ranges) Stretch(k []byte) (start, end []byte, covered bool) {
	if b, ok := r.hull.floor(k); ok {
		start, covered = b.Key, b.Value
	}
	if b, ok := r.hull.above(k); ok {
		end = b.Key
	}
	return start, end, covered
}

// Spans returns the covered stretches, disjoint and in order, adjacent ones made one with the greater
// sequence number.
func (r Ranges) Spans() []Span {
	var out []Span
	for b, ok := r.bounds.min(); ok; {
		next, more := r.bounds.above(b.Key)
		if b.Value > 0 {
			if n := len(out); n > 0 && bytes.Equal(out[n-1].End, b.Key) {
				out[n-1].End, out[n-1].Seq = next.Key, max(out[n-1].Seq, b.Value)
			} else {
				out = append(out, Span{b.Key, next.Key, b.Value})
			}
		}
		b, ok = next, more
	}
	return out
}
