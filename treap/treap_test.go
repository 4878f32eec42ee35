package treap

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a sorted map that is copied whole at each change.
type model map[string]int

func (m model) keys() []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestTreeMatchesModelAndOldOnesStay(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	draw := func() []byte { return fmt.Appendf(nil, "%02d", rng.IntN(60)) }
	var m tree[int]
	want := model{}
	type moment struct {
		m    tree[int]
		want model
	}
	var past []moment
	for i := range 3000 {
		next := model{}
		for k, v := range want {
			next[k] = v
		}
		switch rng.IntN(8) {
		case 0:
			lower, upper := draw(), draw()
			if bytes.Compare(lower, upper) > 0 {
				lower, upper = upper, lower
			}
			m = m.removeRange(lower, upper)
			for k := range next {
				if k >= string(lower) && k < string(upper) {
					delete(next, k)
				}
			}
		case 1:
			k := draw()
			m = m.remove(k)
			delete(next, string(k))
		default:
			k := draw()
			m = m.set(k, i)
			next[string(k)] = i
		}
		want = next
		past = append(past, moment{m, want})
		if len(past) > 20 {
			past = past[1:]
		}
		old := past[rng.IntN(len(past))]
		compare(t, old.m, old.want, draw())
		if t.Failed() {
			t.Fatalf("seed %d, step %d", seed, i)
		}
	}
	if !m.removeRange(nil, nil).empty() {
		t.Error("removing everything leaves something")
	}
}

func compare(t *testing.T, m tree[int], want model, k []byte) {
	t.Helper()
	keys := want.keys()
	var got []string
	for it, ok := m.min(); ok; it, ok = m.above(it.Key) {
		got = append(got, string(it.Key))
		if it.Value != want[string(it.Key)] {
			t.Errorf("%s is %d, want %d", it.Key, it.Value, want[string(it.Key)])
		}
	}
	if !slices.Equal(got, keys) {
		t.Errorf("keys %v, want %v", got, keys)
	}
	i, found := slices.BinarySearch(keys, string(k))
	if _, ok := m.get(k); ok != found {
		t.Errorf("get(%s) finds %v", k, ok)
	}
	above := i
	if found {
		above++
	}
	at := func(name string, it item[int], ok bool, i int) {
		t.Helper()
		if inside := i >= 0 && i < len(keys); ok != inside || ok && string(it.Key) != keys[i] {
			t.Errorf("%s(%s) is %q %v, want index %d of %v", name, k, it.Key, ok, i, keys)
		}
	}
	it, ok := m.above(k)
	at("above", it, ok, above)
	it, ok = m.floor(k)
	at("floor", it, ok, above-1)
	it, ok = m.below(k)
	at("below", it, ok, i-1)
}

func TestRangesMatchModel(t *testing.T) {
	const seed = 2
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var r, old Ranges
		var want, oldWant [64]uint64 // by key, one byte each
		for seq := uint64(1); seq < 30; seq++ {
			a, b := byte(rng.IntN(63)), byte(rng.IntN(63))
			r = r.Cover([]byte{a}, []byte{b}, seq)
			for k := a; k < b; k++ {
				want[k] = seq
			}
			if rng.IntN(8) == 0 {
				old, oldWant = r, want
			}
			checkRanges(t, r, &want)
			checkRanges(t, old, &oldWant)
			checkHolds(t, r, a, byte(rng.IntN(63)))
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func checkRanges(t *testing.T, r Ranges, want *[64]uint64) {
	t.Helper()
	at := func(b []byte, none int) int {
		if b == nil {
			return none
		}
		return int(b[0])
	}
	for k := range 64 {
		if s := r.Find([]byte{byte(k)}); s.Seq != want[k] {
			t.Fatalf("key %d is covered by %d, want %d", k, s.Seq, want[k])
		} else {
			for i := at(s.Start, 0); i < at(s.End, 64); i++ {
				if want[i] != s.Seq {
					t.Fatalf("the stretch around %d has key %d with %d, want one of %d", k, i, want[i], s.Seq)
				}
			}
		}
		start, end, covered := r.Stretch([]byte{byte(k)})
		from, to := k, k
		for from > 0 && (want[from-1] > 0) == (want[k] > 0) {
			from--
		}
		for to < 64 && (want[to] > 0) == (want[k] > 0) {
			to++
		}
		if covered != (want[k] > 0) || at(start, 0) != from || at(end, 64) != to {
			t.Fatalf("stretch around %d: %v %v %v, want %d to %d", k, start, end, covered, from, to)
		}
	}
	seen := [64]bool{}
	var last []byte
	for _, s := range r.Spans() {
		if last != nil && bytes.Compare(last, s.Start) >= 0 {
			t.Fatalf("span %v touches the one before", s)
		}
		last = s.End
		newest := uint64(0)
		for i := s.Start[0]; i < s.End[0]; i++ {
			seen[i] = true
			newest = max(newest, want[i])
		}
		if newest != s.Seq {
			t.Fatalf("span %v, want sequence number %d", s, newest)
		}
	}
	for i := range seen {
		if seen[i] != (want[i] > 0) {
			t.Fatalf("key %d in a span: %v, covered by %d", i, seen[i], want[i])
		}
	}
}

func checkHolds(t *testing.T, r Ranges, a, b byte) {
	t.Helper()
	if a >= b {
		return
	}
	s := r.Find([]byte{a})
	if inside := s.Start == nil || s.Start[0] <= a; !inside || !s.Holds([]byte{a}) {
		t.Fatalf("the span %v of key %d does not hold it", s, a)
	}
	if inside := s.End == nil || b < s.End[0]; s.Holds([]byte{b}) != inside {
		t.Fatalf("the span %v holds key %d: %v", s, b, !inside)
	}
	if s.Start != nil && s.Start[0] > 0 && s.Holds([]byte{s.Start[0] - 1}) {
		t.Fatalf("the span %v holds the key before it", s)
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1, 1000, 1000000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			var m tree[int]
			for i := range b.N {
				if i%n == 0 {
					m = tree[int]{}
				}
				m = m.set(fmt.Appendf(nil, "%016x", rng.Uint64()), i)
			}
		})
	}
}
