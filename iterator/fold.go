package iterator

import (
	"slices"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// held is what a source in order keeps of older sources that stood at its key and had to move on,
// while its own entry is an incomplete merge. Sources come to a key in any order, so the entries are
// put in order of age only when somebody asks what they say together. Memory is kept for reuse.
type held struct {
	entries []heldEntry
	parts   []merge.Entry // scratch of fold
	folded  bool          // whether the result is of the entries there are
	result  heldEntry
}

// A heldEntry is a copy of an entry, and the age of the source that has it.
type heldEntry struct {
	age   int
	t     key.Trailer
	value []byte
}

// keepHeld is how many bytes of memory for held values are kept for reuse.
const keepHeld = 64 << 10

// incomplete reports whether what older sources say of the key matters.
func (s *source) incomplete() bool {
	return s.it.Trailer().Kind() == key.KindMerge && !merge.Complete(s.it.Value())
}

// shadow is called when s stands at the key of an older source, before that moves on. It keeps what
// the older one says if s needs it.
func (s *source) shadow(older *source) {
	if !s.incomplete() {
		older.held.clear()
		return
	}
	h, o := &s.held, &older.held
	if len(o.entries) > 0 { // then s has just come here and has none
		h.entries, o.entries = o.entries, h.entries
	}
	h.add(older.age, older.it.Trailer(), older.it.Value())
}

// add copies an entry.
func (h *held) add(age int, t key.Trailer, v []byte) {
	n := len(h.entries)
	if n < cap(h.entries) {
		h.entries = h.entries[:n+1]
	} else {
		h.entries = append(h.entries, heldEntry{})
	}
	e := &h.entries[n]
	e.age, e.t, e.value = age, t, append(e.value[:0], v...)
}

// clear forgets the entries.
func (h *held) clear() {
	h.entries, h.folded = h.entries[:0], false
}

// trim lets go of memory that is too much to keep, and of what is not h's own.
func (h *held) trim() {
	clear(h.parts[:cap(h.parts)])
	h.result = heldEntry{}
	n := 0
	for _, e := range h.entries[:cap(h.entries)] {
		n += cap(e.value)
	}
	if n > keepHeld {
		*h = held{}
	}
}

// fold returns what the source and the older ones say of the key together.
func (s *source) fold(ops *merge.Operators) *heldEntry {
	h := &s.held
	if h.folded {
		return &h.result
	}
	slices.SortFunc(h.entries, func(a, b heldEntry) int { return a.age - b.age })
	newest := s.it.Trailer()
	h.parts = append(h.parts[:0], merge.Entry{Kind: newest.Kind(), Value: s.it.Value()})
	for _, e := range h.entries {
		h.parts = append(h.parts, merge.Entry{Kind: e.t.Kind(), Value: e.value})
		if e.t.Kind() != key.KindMerge || merge.Complete(e.value) {
			break
		}
	}
	r := ops.Fold(nil, h.parts)
	h.folded, h.result = true, heldEntry{t: key.MakeTrailer(newest.Seq(), r.Kind), value: r.Value}
	return &h.result
}
