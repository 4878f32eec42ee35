package levels

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/sstable"
)

// A sim is a tree without files: it knows the entries of each table, and carries out what a Picker
// chooses on them. An entry stands for entryBytes of disk.
type sim struct {
	t          testing.TB
	p          *Picker
	rng        *rand.Rand
	entryBytes int64
	deadBytes  int64 // size of a tombstone

	v       *Version
	entries map[uint64][]simEntry
	spans   map[uint64][]simSpan
	live    map[uint32]bool
	seq     uint64
	num     uint64
	written int64 // bytes of all tables that were written
	flushed int64
}

// A simEntry is a put or a delete, or as an operation with an end also a range delete.
type simEntry struct {
	key  uint32
	dead bool
	end  uint32
}

// A simSpan is a range delete, end exclusive.
type simSpan struct{ start, end uint32 }

func (s simSpan) holds(k uint32) bool { return s.start <= k && k < s.end }

// covered reports whether one of spans, sorted and apart, holds k.
func covered(spans []simSpan, k uint32) bool {
	i, _ := slices.BinarySearchFunc(spans, k, func(s simSpan, k uint32) int { return int(int64(s.end) - int64(k) - 1) })
	return i < len(spans) && spans[i].holds(k)
}

// joinSpans makes spans sorted and apart.
func joinSpans(spans []simSpan) []simSpan {
	slices.SortFunc(spans, func(a, b simSpan) int { return int(int64(a.start) - int64(b.start)) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end {
			out[n-1].end = max(out[n-1].end, s.end)
		} else {
			out = append(out, s)
		}
	}
	return out
}

func newSim(t testing.TB, o PickerOptions) *sim {
	return &sim{
		t: t, p: NewPicker(o), rng: newRand(t), entryBytes: 64 << 10, deadBytes: 16 << 10,
		v: &Version{}, entries: map[uint64][]simEntry{}, spans: map[uint64][]simSpan{}, live: map[uint32]bool{},
	}
}

func simKey(k uint32) []byte { return binary.BigEndian.AppendUint32(nil, k) }

// table makes a table of sorted entries and spans. Tables above the last level take 5/4 of the space, as they
// would with a faster compression.
func (s *sim) table(level int, es []simEntry, spans []simSpan, seq uint64) *Table {
	s.num++
	m := TableMeta{
		Num: s.num, Entries: int64(len(es)), MinSeq: seq, MaxSeq: seq, Compression: sstable.S2,
		Ranges: int64(len(spans)), Size: s.deadBytes * int64(len(spans)),
	}
	var bounds []uint32
	if len(es) > 0 {
		bounds = append(bounds, es[0].key, es[len(es)-1].key)
	}
	if len(spans) > 0 {
		bounds = append(bounds, spans[0].start, spans[len(spans)-1].end-1)
	}
	m.Smallest, m.Largest = simKey(slices.Min(bounds)), simKey(slices.Max(bounds))
	for _, e := range es {
		m.Size += s.size(level, e)
		if e.dead {
			m.Tombstones++
		}
	}
	if level == lastLevel {
		m.Compression = sstable.Zstd
	}
	s.entries[m.Num], s.spans[m.Num] = es, spans
	s.written += m.Size
	return (&Tables{}).NewTable(m)
}

func (s *sim) size(level int, e simEntry) int64 {
	n := s.entryBytes
	if e.dead {
		n = s.deadBytes
	}
	if level < lastLevel {
		n += n / 4
	}
	return n
}

// flush writes a memtable of the operations to L0.
func (s *sim) flush(es []simEntry) {
	byKey := map[uint32]bool{}
	var spans []simSpan
	for _, e := range es {
		if span := (simSpan{e.key, e.end}); e.end > 0 {
			gone := func(k uint32, _ bool) bool { return span.holds(k) }
			maps.DeleteFunc(byKey, gone)
			maps.DeleteFunc(s.live, gone)
			spans = append(spans, span)
			continue
		}
		byKey[e.key] = e.dead
		if e.dead {
			delete(s.live, e.key)
		} else {
			s.live[e.key] = true
		}
	}
	sorted := make([]simEntry, 0, len(byKey))
	for k, dead := range byKey {
		sorted = append(sorted, simEntry{key: k, dead: dead})
	}
	slices.SortFunc(sorted, func(a, b simEntry) int { return int(int64(a.key) - int64(b.key)) })
	s.seq++
	t := s.table(0, sorted, joinSpans(spans), s.seq)
	s.flushed += t.Size
	levels := s.v.Levels
	levels[0] = append([]*Table{t}, levels[0]...)
	s.install(levels)
}

func (s *sim) install(levels [NumLevels][]*Table) {
	v, err := NewVersion(levels)
	if err != nil {
		s.t.Fatal(err)
	}
	s.v = v
}

// run carries a compaction out.
func (s *sim) run(c *Compaction) {
	if !c.fits(s.v, nil) {
		s.t.Fatalf("picked what does not fit: %v\n%v", c, s.v)
	}
	merged := map[uint32]bool{}
	var spans []simSpan
	var seq uint64
	levels := s.v.Levels
	for _, in := range slices.Backward(c.Inputs) { // oldest first
		for _, t := range slices.Backward(in.Tables) {
			seq = max(seq, t.MaxSeq)
			if here := s.spans[t.Num]; len(here) > 0 {
				maps.DeleteFunc(merged, func(k uint32, _ bool) bool { return covered(here, k) })
				spans = append(spans, here...)
			}
			for _, e := range s.entries[t.Num] {
				merged[e.key] = e.dead
			}
		}
		levels[in.Level] = slices.DeleteFunc(slices.Clone(levels[in.Level]), func(t *Table) bool { return slices.Contains(in.Tables, t) })
	}
	if c.Move {
		for _, in := range c.Inputs {
			levels[c.Output] = append(slices.Clone(levels[c.Output]), in.Tables...)
		}
		s.install(levels)
		return
	}
	keys := make([]uint32, 0, len(merged))
	for k := range merged {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	deeper := deeperLevels(s.v, c.Output)
	spans = slices.DeleteFunc(joinSpans(spans), func(span simSpan) bool {
		_, ok := c.trim(sstable.Range{Start: simKey(span.start), End: append(simKey(span.end-1), 0)})
		return !ok
	})
	var es []simEntry
	var size int64
	out := slices.Clone(levels[c.Output])
	for _, k := range keys {
		if size >= c.targetBytes {
			var here []simSpan
			here, spans = cutSpans(spans, es[len(es)-1].key+1)
			out = append(out, s.table(c.Output, es, here, seq))
			es, size = nil, 0
		}
		if e := (simEntry{key: k, dead: merged[k]}); !e.dead || deeper.hold(simKey(k)) {
			es = append(es, e)
			size += s.size(c.Output, e)
		}
	}
	if len(es)+len(spans) > 0 {
		out = append(out, s.table(c.Output, es, spans, seq))
	}
	levels[c.Output] = out
	s.install(levels)
}

// cutSpans splits spans at a key.
func cutSpans(spans []simSpan, at uint32) (before, after []simSpan) {
	for _, span := range spans {
		if span.start < at {
			before = append(before, simSpan{span.start, min(span.end, at)})
		}
		if span.end > at {
			after = append(after, simSpan{max(span.start, at), span.end})
		}
	}
	return before, after
}

// busy does what compactors do while there is work.
func (s *sim) busy() {
	for rounds := 0; ; rounds++ {
		if rounds > 10000 {
			s.t.Fatalf("compaction does not end:\n%v", s.v)
		}
		c, ok := s.pickAny()
		if !ok {
			break
		}
		s.run(c)
	}
	if debt := s.p.Debt(s.v); debt != 0 {
		s.t.Fatalf("nothing to pick with a debt of %d:\n%v", debt, s.v)
	}
}

func (s *sim) pickAny() (*Compaction, bool) {
	for l := range lastLevel {
		if c, ok := s.p.Pick(s.v, nil, l, 0); ok {
			return c, true
		}
	}
	return nil, false
}

// settle does what compactors do when nothing is urgent.
func (s *sim) settle() {
	for rounds := 0; ; rounds++ {
		if rounds > 10000 {
			s.t.Fatalf("settling does not end:\n%v", s.v)
		}
		s.busy()
		c, ok := s.p.Settle(s.v, nil, 0)
		if !ok {
			return
		}
		s.run(c)
	}
}

// amplification is the size of the tables over what a full compaction would leave.
func (s *sim) amplification() float64 {
	least := float64(len(s.live)) * float64(s.entryBytes)
	return float64(s.v.TotalBytes()) / max(least, 1)
}

var loads = map[string]func(s *sim, i int) simEntry{
	"random":     func(s *sim, _ int) simEntry { return simEntry{key: s.rng.Uint32()} },
	"sequential": func(_ *sim, i int) simEntry { return simEntry{key: uint32(i)} },
	"overwrites": func(s *sim, _ int) simEntry { return simEntry{key: s.rng.Uint32N(3000)} },
	"deletes":    func(s *sim, i int) simEntry { return simEntry{key: s.rng.Uint32N(20000), dead: i > 30000} },
	"mixed":      func(s *sim, _ int) simEntry { return simEntry{key: s.rng.Uint32N(30000), dead: s.rng.IntN(3) == 0} },
	"ranges": func(s *sim, _ int) simEntry {
		k := s.rng.Uint32N(30000)
		if s.rng.IntN(300) == 0 {
			return simEntry{key: k, end: k + 1 + s.rng.Uint32N(1<<s.rng.IntN(13))}
		}
		return simEntry{key: k, dead: s.rng.IntN(10) == 0}
	},
	"partitions": func(_ *sim, i int) simEntry { // the oldest of ten is dropped when a new one begins
		if n := uint32(i); n%1000 == 999 && n > 10000 {
			return simEntry{key: n/1000*1000 - 10000, end: n/1000*1000 - 9000}
		}
		return simEntry{key: uint32(i)}
	},
	"queue": func(_ *sim, i int) simEntry { // written at one end, deleted at the other
		if i%2 == 0 || i < 20000 {
			return simEntry{key: uint32(i)}
		}
		return simEntry{key: uint32(i - 20000), dead: true}
	},
}

// TestSettledTreeIsSmall loads a tree in several ways, lets it settle at random moments, and holds
// its size against that after a full compaction.
func TestSettledTreeIsSmall(t *testing.T) {
	for name, op := range loads {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, PickerOptions{LastCompression: sstable.Zstd})
			const entries, perFlush = 40000, 600 // 40 MiB a flush, 2.5 GiB in all
			var worst float64
			for i := 0; i < entries; {
				var es []simEntry
				for n := 1 + s.rng.IntN(2*perFlush); n > 0; n-- {
					es = append(es, op(s, i))
					i++
				}
				s.flush(es)
				s.busy()
				if s.rng.IntN(15) == 0 || i >= entries {
					s.settle()
					worst = max(worst, s.amplification())
				}
			}
			t.Logf("write amplification %.1f, settled to at most %.3f\n%s",
				float64(s.written)/float64(s.flushed), worst, describe(s.p, s.v, nil))
			if worst > 1.25 {
				t.Errorf("after settling the tables take %.3f times the least", worst)
			}
		})
	}
}

// TestManualCompactionLeavesOneRun asks for a full compaction of random trees.
func TestManualCompactionLeavesOneRun(t *testing.T) {
	for name, op := range loads {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, PickerOptions{LastCompression: sstable.Zstd})
			for i := 0; i < 33000; {
				var es []simEntry
				for range 1 + s.rng.IntN(1200) {
					es = append(es, op(s, i))
					i++
				}
				s.flush(es)
				if s.rng.IntN(3) > 0 {
					s.busy()
				}
			}
			for {
				c, blocked := s.p.Manual(s.v, nil, nil, nil, s.seq, 0)
				if blocked {
					t.Fatal("blocked without claims")
				}
				if c == nil {
					break
				}
				s.run(c)
			}
			for l := range lastLevel {
				if len(s.v.Levels[l]) > 0 {
					t.Fatalf("L%d has tables left:\n%v", l, s.v)
				}
			}
			if a := s.amplification(); a != 1 && len(s.live) > 0 {
				t.Fatalf("%v times the least is left", a)
			}
		})
	}
}

// TestClaimsNeverOverlap picks for all levels as long as anything can run, and finishes claims in
// random order, with flushes between.
func TestClaimsNeverOverlap(t *testing.T) {
	s := newSim(t, PickerOptions{LastCompression: sstable.Zstd, BaseBytes: 16 << 20, TargetFileBytes: 4 << 20})
	var claims Claims
	parallel := 0
	for i := range 300 {
		var es []simEntry
		for range 200 {
			e := simEntry{key: s.rng.Uint32N(50000), dead: s.rng.IntN(4) == 0}
			if s.rng.IntN(1000) == 0 {
				e.end = e.key + 1 + s.rng.Uint32N(5000)
			}
			es = append(es, e)
		}
		s.flush(es)
		for l := range lastLevel {
			if c, ok := s.p.Pick(s.v, claims, l, 0); ok {
				claims = append(claims, c)
			}
		}
		if i%7 == 0 {
			if c, ok := s.p.Settle(s.v, claims, 0); ok {
				claims = append(claims, c)
			}
		}
		parallel = max(parallel, len(claims))
		for len(claims) > 0 && s.rng.IntN(3) > 0 {
			j := s.rng.IntN(len(claims))
			c := claims[j]
			claims = slices.Delete(slices.Clone(claims), j, j+1)
			s.run(c) // fails if another one has changed what this one claimed
			s.checkContents()
		}
	}
	if parallel < 2 {
		t.Errorf("never more than %d claims at once", parallel)
	}
}

// checkContents reads every key, newest source first, and compares it with what was written.
func (s *sim) checkContents() {
	found := map[uint32]bool{}
	live := 0
	var hidden, own []simSpan
	for l, ts := range s.v.Levels {
		for _, t := range ts {
			if l == 0 {
				hidden, own = joinSpans(append(hidden, own...)), nil
			}
			own = append(own, s.spans[t.Num]...)
			for _, e := range s.entries[t.Num] {
				if found[e.key] || covered(hidden, e.key) {
					continue
				}
				found[e.key] = true
				if !e.dead {
					live++
				}
				if e.dead == s.live[e.key] {
					s.t.Fatalf("key %d: dead is %v in the newest table that has it, table %d", e.key, e.dead, t.Num)
				}
			}
		}
		hidden, own = joinSpans(append(hidden, own...)), nil
	}
	if live != len(s.live) {
		s.t.Fatalf("%d live keys are found, %d were written", live, len(s.live))
	}
}
