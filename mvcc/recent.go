package mvcc

import (
	"bytes"
	"slices"
	"sort"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/key"
)

const (
	// generationKeys is how many keys a generation records before the next one begins.
	generationKeys = 32 << 10
	// generationBytes is how many bytes of keys it records before that.
	generationBytes = 2 << 20
	// DefaultLimit bounds the memory of what is recorded, in bytes.
	DefaultLimit = 64 << 20
)

// Recent is what recent commits wrote. It is kept in generations: one that no transaction needs is
// forgotten as a whole. It is for one goroutine, its owner.
type Recent struct {
	live      *Live
	limit     int64
	recording bool
	last      uint64        // newest operation recorded or passed by
	gens      []*generation // oldest first
	spare     *generation
}

// A generation is what a run of commits wrote.
type generation struct {
	last    uint64 // newest sequence number
	table   []slot // by hash, open addressing; a power of two
	used    int
	keys    []byte    // all keys written, one behind the other
	written []written // in order of their sequence numbers
	ranges  []rangeWritten
}

// A slot tells when a key was last written. A hash stands for its key: that two keys share all 64 bits
// costs a transaction a needless retry, once in ages, and never hides a conflict.
type slot struct{ hash, seq uint64 }

type written struct {
	seq     uint64
	at, len uint32 // in keys
}

type rangeWritten struct {
	Span
	seq uint64
}

// NewRecent returns a Recent that records for the transactions of live, in no more than limit bytes; 0
// is DefaultLimit.
func NewRecent(live *Live, limit int64) *Recent {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Recent{live: live, limit: limit}
}

// Recording reports whether commits are to be recorded.
func (r *Recent) Recording() bool { return r.recording }

// Begin begins recording: last is the newest sequence number given out so far.
func (r *Recent) Begin(last uint64) {
	if !r.recording {
		r.recording, r.last, r.gens = true, last, nil
		r.live.begin(last)
	}
}

// Write records that the operation with sequence number seq wrote k, which is copied.
func (r *Recent) Write(k []byte, seq uint64) {
	g := r.current()
	g.last, r.last = seq, seq
	g.put(xxh3.Hash(k), seq)
	g.written = append(g.written, written{seq, uint32(len(g.keys)), uint32(len(k))})
	g.keys = append(g.keys, k...)
}

// WriteRange records that the operation with sequence number seq deleted a range. The slices are copied.
func (r *Recent) WriteRange(start, end []byte, seq uint64) {
	g := r.current()
	g.last, r.last = seq, seq
	g.ranges = append(g.ranges, rangeWritten{Span{bytes.Clone(start), bytes.Clone(end)}, seq})
}

// current returns the generation to write to.
func (r *Recent) current() *generation {
	if n := len(r.gens); n > 0 {
		g := r.gens[n-1]
		if len(g.written)+len(g.ranges) < generationKeys && len(g.keys) < generationBytes {
			return g
		}
	}
	r.prune()
	g := r.spare
	r.spare = nil
	if g == nil {
		g = &generation{table: make([]slot, 1<<10)}
	}
	r.gens = append(r.gens, g)
	return g
}

// prune forgets generations that no transaction needs, and, beyond the limit, the oldest ones. When there
// are no transactions it ends recording.
func (r *Recent) prune() {
	if len(r.gens) > 0 && r.live.end() {
		r.recording, r.gens = false, nil
		return
	}
	var size, next int64
	for _, g := range r.gens {
		size += g.bytes()
		next = g.bytes() // about what the next one will take
	}
	var least uint64
	drop := 0
	for size+next > r.limit && drop < len(r.gens) {
		size -= r.gens[drop].bytes()
		least = r.gens[drop].last
		drop++
	}
	from := r.live.forget(r.last, least)
	drop = 0
	for drop < len(r.gens) && r.gens[drop].last <= from {
		drop++
	}
	if drop > 0 {
		r.spare = r.gens[0]
		r.spare.reset()
		r.gens = append([]*generation(nil), r.gens[drop:]...)
	}
}

// Bytes returns about how much memory is taken.
func (r *Recent) Bytes() (n int64) {
	for _, g := range r.gens {
		n += g.bytes()
	}
	return n
}

func (g *generation) bytes() int64 {
	n := int64(cap(g.table)+cap(g.written))*16 + int64(cap(g.keys))
	for _, w := range g.ranges {
		n += int64(len(w.Start) + len(w.End) + 64)
	}
	return n
}

func (g *generation) reset() {
	clear(g.table)
	clear(g.ranges)
	g.used, g.keys, g.written, g.ranges = 0, g.keys[:0], g.written[:0], g.ranges[:0]
}

// put notes that the key of a hash was written at seq.
func (g *generation) put(hash, seq uint64) {
	if 2*g.used >= len(g.table) {
		old := g.table
		g.table, g.used = make([]slot, 2*len(old)), 0
		for _, s := range old {
			if s.seq > 0 {
				g.put(s.hash, s.seq)
			}
		}
	}
	mask := uint64(len(g.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch s := &g.table[i]; {
		case s.seq == 0:
			*s = slot{hash, seq}
			g.used++
			return
		case s.hash == hash:
			s.seq = seq
			return
		}
	}
}

// get returns when the key of a hash was last written, 0 if it was not.
func (g *generation) get(hash uint64) uint64 {
	mask := uint64(len(g.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if s := g.table[i]; s.seq == 0 || s.hash == hash {
			return s.seq
		}
	}
}

// CheckAge returns ErrTooOld unless all commits after the View with sequence number view are recorded.
func (r *Recent) CheckAge(view uint64) error {
	if r.live.from > view { // which only r changes
		return ErrTooOld
	}
	return nil
}

// CheckKey returns a *Conflict if k was written after the View with sequence number view.
func (r *Recent) CheckKey(k []byte, view uint64) error {
	if r.last <= view {
		return nil
	}
	hash := xxh3.Hash(k)
	for i := len(r.gens) - 1; i >= 0 && r.gens[i].last > view; i-- {
		g := r.gens[i]
		if seq := g.get(hash); seq > view {
			return &Conflict{Key: bytes.Clone(k), Seq: seq}
		}
		for j := len(g.ranges) - 1; j >= 0 && g.ranges[j].seq > view; j-- {
			if w := &g.ranges[j]; bytes.Compare(w.Start, k) <= 0 && bytes.Compare(k, w.End) < 0 {
				return &Conflict{Key: bytes.Clone(k), Seq: w.seq}
			}
		}
	}
	return nil
}

// CheckSpans returns a *Conflict if a key in one of the spans, which are disjoint and in order, was written
// after the View with sequence number view. It looks at every key written since.
func (r *Recent) CheckSpans(spans []Span, view uint64) error {
	if r.last <= view || len(spans) == 0 {
		return nil
	}
	for i := len(r.gens) - 1; i >= 0 && r.gens[i].last > view; i-- {
		g := r.gens[i]
		from := sort.Search(len(g.written), func(j int) bool { return g.written[j].seq > view })
		for _, w := range g.written[from:] {
			k := g.keys[w.at:][:w.len]
			if j := endsAfter(spans, k); j < len(spans) && bytes.Compare(spans[j].Start, k) <= 0 {
				return &Conflict{Key: bytes.Clone(k), Seq: w.seq}
			}
		}
		for j := len(g.ranges) - 1; j >= 0 && g.ranges[j].seq > view; j-- {
			w := &g.ranges[j]
			if j := endsAfter(spans, w.Start); j < len(spans) && bytes.Compare(spans[j].Start, w.End) < 0 {
				return &Conflict{Key: later(w.Start, spans[j].Start), Seq: w.seq}
			}
		}
	}
	return nil
}

// endsAfter returns the index of the first span that ends above k.
func endsAfter(spans []Span, k []byte) int {
	return sort.Search(len(spans), func(i int) bool { return bytes.Compare(spans[i].End, k) > 0 })
}

func later(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		a = b
	}
	return bytes.Clone(a)
}

// Check returns why a transaction may not commit, or nil. The operations that it writes are checked by
// CheckWrite, one by one.
func (r *Recent) Check(f *Footprint) error {
	if err := r.CheckAge(f.View); err != nil {
		return err
	}
	for _, k := range f.Locks {
		if err := r.CheckKey(k, f.View); err != nil {
			return err
		}
	}
	for _, k := range f.Keys {
		if err := r.CheckKey(k, f.View); err != nil {
			return err
		}
	}
	return r.CheckSpans(f.Spans, f.View)
}

// CheckOp returns a *Conflict if what an operation of a transaction writes was written after its View.
func (r *Recent) CheckOp(kind key.Kind, k, v []byte, f *Footprint) error {
	switch kind {
	case key.KindRangeDelete:
		if slices.ContainsFunc(f.Cleared, func(s Span) bool { return bytes.Equal(s.Start, k) && bytes.Equal(s.End, v) }) {
			return nil
		}
		return r.CheckSpans([]Span{{k, v}}, f.View)
	case key.KindTreeClear: // see Record
		return nil
	default:
		return r.CheckKey(k, f.View)
	}
}

// Record records an operation with its sequence number. That a B+Tree is cleared is none that others could be in
// conflict with: whoever uses one depends on what says that it is there.
func (r *Recent) Record(kind key.Kind, k, v []byte, seq uint64) {
	switch kind {
	case key.KindRangeDelete:
		r.WriteRange(k, v, seq)
	case key.KindTreeClear:
	default:
		r.Write(k, seq)
	}
}
