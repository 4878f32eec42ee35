package iterator

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// An op is one thing that was done to a key, and what the model understands.
type op struct {
	kind   key.Kind
	v      string
	expiry int64
}

// entry encodes ops of one key, oldest first, as a source has them.
func (o op) entry() merge.Entry {
	switch o.kind {
	case key.KindPut:
		return merge.Entry{Kind: o.kind, Value: []byte(o.v)}
	case key.KindPutWithExpiry:
		return merge.Entry{Kind: o.kind, Value: key.AppendExpiring(nil, o.expiry, []byte(o.v))}
	case key.KindMerge:
		return merge.Entry{Kind: o.kind, Value: merge.AppendOperand(nil, merge.Append, []byte(o.v))}
	default:
		return merge.Entry{Kind: key.KindDelete}
	}
}

func randomOp(rng *rand.Rand, what string) op {
	o := op{kind: []key.Kind{key.KindDelete, key.KindPut, key.KindMerge, key.KindMerge, key.KindPutWithExpiry}[rng.IntN(5)], v: what}
	if o.kind == key.KindPutWithExpiry {
		o.expiry = rng.Int64N(20)
	}
	return o
}

// apply is what becomes of a value, "" for none, by ops, oldest first.
func apply(ops []op, now int64) string {
	v := ""
	for _, o := range ops {
		switch o.kind {
		case key.KindPut:
			v = o.v
		case key.KindMerge:
			v += o.v
		case key.KindPutWithExpiry:
			if v = o.v; o.expiry <= now {
				v = ""
			}
		default:
			v = ""
		}
	}
	return v
}

// A testRanges is sorted, disjoint ranges. Its answers are often shorter than they could be, and begin
// or end where others do not.
type testRanges struct {
	rng   *rand.Rand
	spans [][2]string
	err   error
	asked int
}

func (r *testRanges) Covering(k []byte) (start, end []byte, covered bool, err error) {
	r.asked++
	if r.err != nil {
		return nil, nil, false, r.err
	}
	for _, s := range r.spans {
		switch {
		case s[1] <= string(k):
			start = []byte(s[1])
		case s[0] <= string(k):
			start, end, covered = []byte(s[0]), []byte(s[1]), true
		case end == nil:
			end = []byte(s[0])
		}
	}
	if r.rng.IntN(4) == 0 {
		start = bytes.Clone(k)
	}
	if r.rng.IntN(4) == 0 {
		end = append(bytes.Clone(k), 0)
	}
	return start, end, covered, nil
}

func (r *testRanges) covers(k string) bool {
	return slices.ContainsFunc(r.spans, func(s [2]string) bool { return s[0] <= k && k < s[1] })
}

// A testSource is a source and its model.
type testSource struct {
	ops    map[string][]op
	ranges *testRanges
}

func (s *testSource) source(age int) Source {
	var es []entry
	for k, ops := range s.ops {
		e := ops[0].entry()
		for _, o := range ops[1:] {
			e = (*merge.Operators)(nil).Combine(nil, e, o.entry())
		}
		es = append(es, entry{k: []byte(k), v: e.Value, t: key.MakeTrailer(uint64(100-age), e.Kind)})
	}
	out := Source{Iterator: taking(&sliceIter{entries: sorted(es), at: -1, failIn: -1}, age+len(es))}
	if s.ranges != nil {
		out.Ranges = s.ranges
	}
	return out
}

func randomSource(rng *rand.Rand, age int) testSource {
	s := testSource{ops: map[string][]op{}}
	for range rng.IntN(50) {
		k := fmt.Sprintf("%0*d", 1+rng.IntN(2), rng.IntN(40))
		for n := range 1 + rng.IntN(3) {
			s.ops[k] = append(s.ops[k], randomOp(rng, fmt.Sprintf("%d.%d ", age, n)))
		}
	}
	if rng.IntN(2) == 0 {
		s.ranges = &testRanges{rng: rng}
		at := rng.IntN(20)
		for range rng.IntN(4) {
			end := at + 1 + rng.IntN(10)
			s.ranges.spans = append(s.ranges.spans, [2]string{fmt.Sprintf("%02d", at), fmt.Sprintf("%02d", end)})
			at = end + rng.IntN(5)
		}
	}
	return s
}

// modelOf returns what a user sees of sources, newest first; with all set also keys without a value.
func modelOf(sources []testSource, now int64, all bool) []entry {
	done := map[string]bool{}
	var out []entry
	for age, s := range sources {
		for k := range s.ops {
			hidden := slices.ContainsFunc(sources[:age], func(s testSource) bool { return s.ranges != nil && s.ranges.covers(k) })
			if done[k] || hidden {
				continue
			}
			done[k] = true
			var ops []op
			for _, older := range sources[age:] {
				ops = append(slices.Clone(older.ops[k]), ops...)
				if older.ranges != nil && older.ranges.covers(k) {
					break
				}
			}
			if v := apply(ops, now); v != "" || all {
				out = append(out, entry{k: []byte(k), v: []byte(v), t: key.MakeTrailer(uint64(100-age), 0)})
			}
		}
	}
	return sorted(out)
}

// A seen shows the entries of a Merging with their values as a user sees them, so that walk can
// compare them.
type seen struct {
	*Merging
	now int64
}

func (s seen) Value() []byte {
	v, _, err := (*merge.Operators)(nil).Resolve(nil, merge.Entry{Kind: s.Merging.Trailer().Kind(), Value: s.Merging.Value()}, s.now)
	if err != nil {
		panic(err)
	}
	return v
}

// Trailer leaves the kind out, which the model does not know.
func (s seen) Trailer() key.Trailer { return key.MakeTrailer(s.Merging.Trailer().Seq(), 0) }

type seenBounded struct{ *Bounded }

func (s seenBounded) Trailer() key.Trailer { return key.MakeTrailer(s.Bounded.Trailer().Seq(), 0) }

func TestRangesAndMergesMatchModel(t *testing.T) {
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 4))
		var sources []testSource
		for age := range rng.IntN(7) {
			sources = append(sources, randomSource(rng, age))
		}
		var its []Source
		for age, s := range sources {
			its = append(its, s.source(age))
		}
		now := rng.Int64N(20)
		if rng.IntN(2) == 0 {
			m := NewMerging(nil, its...)
			walk(t, seed, rng, seen{m, now}, modelOf(sources, now, true))
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		lower, upper := fmt.Appendf(nil, "%d", rng.IntN(20)), fmt.Appendf(nil, "%d", 20+rng.IntN(20))
		model := slices.DeleteFunc(modelOf(sources, now, false), func(e entry) bool {
			return bytes.Compare(e.k, lower) < 0 || bytes.Compare(e.k, upper) >= 0
		})
		b := NewBounded(NewMerging(nil, its...), lower, upper, nil, now)
		walk(t, seed, rng, seenBounded{b}, model)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A countingIter counts how often it moves.
type countingIter struct {
	*sliceIter
	moves int
}

func (c *countingIter) Next() bool           { c.moves++; return c.sliceIter.Next() }
func (c *countingIter) Prev() bool           { c.moves++; return c.sliceIter.Prev() }
func (c *countingIter) SeekGE(k []byte) bool { c.moves++; return c.sliceIter.SeekGE(k) }
func (c *countingIter) SeekLT(k []byte) bool { c.moves++; return c.sliceIter.SeekLT(k) }

func TestCoveredStretchesArePassedBySeeking(t *testing.T) {
	var es []entry
	for i := range 10000 {
		es = append(es, entry{k: fmt.Appendf(nil, "%05d", i), t: key.MakeTrailer(1, key.KindPut)})
	}
	for _, spans := range [][][2]string{{{"00010", "09990"}}, {{"0", "00500"}, {"00510", "1"}}} {
		old := &countingIter{sliceIter: &sliceIter{entries: es, at: -1, failIn: -1}}
		ranges := &testRanges{rng: rand.New(rand.NewPCG(1, 1)), spans: spans}
		m := NewMerging(nil, Source{Iterator: &sliceIter{at: -1, failIn: -1}, Ranges: exact{ranges}}, Source{Iterator: old})
		forward, backward := 0, 0
		for ok := m.First(); ok; ok = m.Next() {
			forward++
		}
		for ok := m.Last(); ok; ok = m.Prev() {
			backward++
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if forward != backward || forward > 20 || old.moves > 60 || ranges.asked > 20 {
			t.Errorf("%v: %d and %d entries by %d moves and %d questions", spans, forward, backward, old.moves, ranges.asked)
		}
	}
}

// exact gives the longest stretches.
type exact struct{ r *testRanges }

func (e exact) Covering(k []byte) (start, end []byte, covered bool, err error) {
	e.r.asked++
	i := sort.Search(len(e.r.spans), func(i int) bool { return e.r.spans[i][1] > string(k) })
	if i > 0 {
		start = []byte(e.r.spans[i-1][1])
	}
	if i == len(e.r.spans) {
		return start, nil, false, nil
	}
	if s := e.r.spans[i]; s[0] <= string(k) {
		return []byte(s[0]), []byte(s[1]), true, nil
	}
	return start, []byte(e.r.spans[i][0]), false, nil
}

func TestFailedRangesEndTheMerge(t *testing.T) {
	for failed := range 2 {
		var its []Source
		for i := range 3 {
			r := &testRanges{rng: rand.New(rand.NewPCG(1, 1))}
			if i == failed {
				r.err = errSource
			}
			its = append(its, Source{Iterator: &sliceIter{entries: []entry{{k: []byte("k")}}, at: -1, failIn: -1}, Ranges: r})
		}
		m := NewMerging(nil, its...)
		if m.First() || m.Valid() || !errors.Is(m.Err(), errSource) || m.Last() || m.SeekGE([]byte("a")) || m.SeekLT([]byte("z")) {
			t.Errorf("stands at an entry, %v", m.Err())
		}
		if err := m.Close(); !errors.Is(err, errSource) {
			t.Error(err)
		}
	}
}

func TestFailedMergeNamesItsKey(t *testing.T) {
	operand := func(name, v string) []byte { return merge.AppendOperand(nil, name, []byte(v)) }
	for name, bad := range map[string]entry{
		"unknown operator": {k: []byte("key\x01"), v: operand("mine", "x"), t: key.MakeTrailer(2, key.KindMerge)},
		"bad operand":      {k: []byte("key\x01"), v: append(operand(merge.Counter, "x"), operand(merge.Counter, "12345678")...), t: key.MakeTrailer(2, key.KindMerge)},
		"no expiry":        {k: []byte("key\x01"), v: []byte("short"), t: key.MakeTrailer(2, key.KindPutWithExpiry)},
	} {
		es := []entry{{k: []byte("a"), t: key.MakeTrailer(1, key.KindPut)}, bad, {k: []byte("z"), t: key.MakeTrailer(1, key.KindPut)}}
		b := NewBounded(&sliceIter{entries: es, at: -1, failIn: -1}, nil, nil, nil, 0)
		if !b.First() || b.Next() || b.Valid() {
			t.Errorf("%s: shows %s", name, b.Key())
		}
		want := merge.ErrOperator
		if name == "no expiry" {
			want = merge.ErrMalformed
		}
		if err := b.Err(); !errors.Is(err, want) || !strings.Contains(err.Error(), `key\x01`) {
			t.Errorf("%s: %v", name, err)
		}
		if b.First() || b.Last() || b.SeekGE([]byte("a")) || b.Close() == nil {
			t.Errorf("%s: goes on after the error", name)
		}
	}
}

func TestMergesWithoutTiesAllocateNothing(t *testing.T) {
	var es []entry
	for i := range 1000 {
		es = append(es, entry{k: fmt.Appendf(nil, "%05d", i), t: key.MakeTrailer(1, key.KindPut)})
	}
	ranges := exact{&testRanges{spans: [][2]string{{"00010", "00900"}}}}
	if n := testing.AllocsPerRun(50, func() {
		m := NewMerging(nil, Source{Iterator: &fixedIter{es: es[:3]}, Ranges: ranges}, Source{Iterator: &fixedIter{es: es}})
		for ok := m.First(); ok; ok = m.Next() {
		}
		_ = m.Close()
	}); n > 20 { // the two iterators, their slice, and the answers of exact
		t.Errorf("%v allocations", n)
	}
}

// A fixedIter allocates nothing.
type fixedIter struct {
	sliceIter
	es []entry
}

func (f *fixedIter) First() bool          { f.at = 0; return f.Valid() }
func (f *fixedIter) Next() bool           { f.at++; return f.Valid() }
func (f *fixedIter) Valid() bool          { return f.at < len(f.es) }
func (f *fixedIter) Key() []byte          { return f.es[f.at].k }
func (f *fixedIter) Trailer() key.Trailer { return f.es[f.at].t }
func (f *fixedIter) Close() error         { return nil }
func (f *fixedIter) SeekGE(k []byte) bool {
	f.at = sort.Search(len(f.es), func(i int) bool { return bytes.Compare(f.es[i].k, k) >= 0 })
	return f.Valid()
}

func BenchmarkMergingTies(b *testing.B) {
	for name, kind := range map[string]key.Kind{"puts": key.KindPut, "merges": key.KindMerge} {
		var es []entry
		for i := range 1000 {
			e := entry{k: fmt.Appendf(nil, "%05d", i), v: merge.AppendCount(nil, 1), t: key.MakeTrailer(1, kind)}
			if kind == key.KindMerge {
				e.v = merge.AppendOperand(nil, merge.Counter, e.v)
			}
			es = append(es, e)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			m := NewMerging(nil, Source{Iterator: &fixedIter{es: es}}, Source{Iterator: &fixedIter{es: es}}, Source{Iterator: &fixedIter{es: es}})
			for i := 0; i < b.N; i++ {
				if !m.Valid() || !m.Next() {
					m.First()
				}
				_ = m.Value()
			}
		})
	}
}
