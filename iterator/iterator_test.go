package iterator

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/middb/middb/key"
)

type entry struct {
	k, v []byte
	t    key.Trailer
}

// sliceIter is a source over a sorted slice. It gives out keys in memory that it overwrites when
// it moves, and fails after some moves when asked to.
type sliceIter struct {
	entries  []entry
	at       int
	key      []byte
	failIn   int // moves until it fails; negative: never
	err      error
	closed   bool
	closeErr error
	lent     [][]byte // by Take
}

var errSource = errors.New("source failed")

func (s *sliceIter) to(i int) bool {
	for j := range s.key {
		s.key[j] = 0xdb
	}
	for _, p := range s.lent {
		for j := range p {
			p[j] = 0xdb
		}
	}
	s.lent = nil
	if s.failIn == 0 {
		s.err = errSource
	}
	s.failIn--
	s.at = i
	if !s.Valid() {
		return false
	}
	s.key = bytes.Clone(s.entries[i].k)
	return true
}

func (s *sliceIter) search(k []byte) int {
	return sort.Search(len(s.entries), func(i int) bool { return bytes.Compare(s.entries[i].k, k) >= 0 })
}
func (s *sliceIter) First() bool          { return s.to(0) }
func (s *sliceIter) Last() bool           { return s.to(len(s.entries) - 1) }
func (s *sliceIter) SeekGE(k []byte) bool { return s.to(s.search(k)) }
func (s *sliceIter) SeekLT(k []byte) bool { return s.to(s.search(k) - 1) }
func (s *sliceIter) Next() bool           { s.must(); return s.to(s.at + 1) }
func (s *sliceIter) Prev() bool           { s.must(); return s.to(s.at - 1) }
func (s *sliceIter) Valid() bool          { return s.err == nil && s.at >= 0 && s.at < len(s.entries) }
func (s *sliceIter) Key() []byte          { s.must(); return s.key }
func (s *sliceIter) Trailer() key.Trailer { s.must(); return s.entries[s.at].t }
func (s *sliceIter) Value() []byte        { s.must(); return s.entries[s.at].v }
func (s *sliceIter) Err() error           { return s.err }
func (s *sliceIter) Close() error         { s.closed = true; return errors.Join(s.err, s.closeErr) }

func (s *sliceIter) must() {
	if !s.Valid() {
		panic("moved or read while it stands at no entry")
	}
}

// randomSources makes sources, newest first, and the model of what a merge of them shows.
func randomSources(rng *rand.Rand) (sources [][]entry, model []entry) {
	newest := make(map[string]entry)
	space := 1 + rng.IntN(60)
	for age := range rng.IntN(9) {
		seen := make(map[string]entry)
		for range rng.IntN(60) {
			k := fmt.Sprintf("%0*d", 1+rng.IntN(2), rng.IntN(space))
			e := entry{k: []byte(k), t: key.MakeTrailer(uint64(100-age), key.Kind(rng.IntN(2)))}
			if e.t.Kind() == key.KindPut {
				e.v = fmt.Appendf(nil, "%d-%s", age, k)
			}
			seen[k] = e
		}
		var s []entry
		for k, e := range seen {
			s = append(s, e)
			if _, ok := newest[k]; !ok {
				newest[k] = e
			}
		}
		sources = append(sources, sorted(s))
	}
	for _, e := range newest {
		model = append(model, e)
	}
	return sources, sorted(model)
}

func sorted(s []entry) []entry {
	slices.SortFunc(s, func(a, b entry) int { return bytes.Compare(a.k, b.k) })
	return s
}

func mergeOf(sources [][]entry) *Merging {
	var its []Source
	for i, s := range sources {
		its = append(its, Source{Iterator: taking(&sliceIter{entries: s, at: -1, failIn: -1}, i+len(s))})
	}
	return NewMerging(nil, its...)
}

// takeAll takes several entries at once, and compares them with those that should come. It returns how many there were.
func takeAll(take func(*Entries, int), rng *rand.Rand, model []entry) (int, error) {
	e := &Entries{Keyless: rng.IntN(3) == 0}
	e.Reset()
	most := 1 + rng.IntN(20)
	take(e, most)
	n := e.Len()
	if n == 0 || n > most || n > len(model) || !e.Keyless && len(e.Keys) != n {
		return n, fmt.Errorf("%d entries of %d, at most %d", n, len(model), most)
	}
	for i := range n {
		if !e.Keyless && !bytes.Equal(e.Keys[i], model[i].k) || !bytes.Equal(e.Values[i], model[i].v) {
			return n, fmt.Errorf("entry %d is not %s: %s", i, model[i].k, model[i].v)
		}
	}
	return n, nil
}

// A takingIter is a sliceIter that gives several entries at once.
type takingIter struct {
	*sliceIter
	lasting bool
}

// taking makes an iterator a Taker of some kind, or leaves it as it is.
func taking(s *sliceIter, kind int) Iterator {
	if kind%3 == 0 {
		return s
	}
	return takingIter{s, kind%3 == 1}
}

// Take implements Taker.
func (s takingIter) Take(e *Entries, most int, limit []byte) bool {
	s.must()
	at, from := s.at, e.Len()
	var lent [][]byte
	for i := s.at; i < len(s.entries) && i < at+most; i++ {
		x := s.entries[i]
		if i > at && (x.t.Kind() != key.KindPut || limit != nil && bytes.Compare(x.k, limit) >= 0) {
			break
		}
		k, v := x.k, x.v
		if !s.lasting {
			k, v = bytes.Clone(k), bytes.Clone(v)
			lent = append(lent, k, v)
		}
		e.Add(k, v)
		s.to(i)
	}
	if s.lent = lent; s.err != nil {
		e.Truncate(from)
	}
	return s.lasting
}

// walk compares an iterator with a model while both move at random.
func walk(t *testing.T, seed uint64, rng *rand.Rand, it Iterator, model []entry) {
	t.Helper()
	at := -1
	trace := ""
	for range 200 {
		if b, ok := it.(interface{ Take(*Entries, int) }); ok && it.Valid() && rng.IntN(4) == 0 {
			n, err := takeAll(b.Take, rng, model[at:])
			if trace += fmt.Sprintf(" take %d", n); err != nil {
				t.Fatalf("seed %d after%s: %v", seed, trace, err)
			}
			if at += n - 1; !it.Valid() {
				at++
			}
			if it.Valid() != (at < len(model)) || it.Err() != nil {
				t.Fatalf("seed %d after%s: valid %v, error %v", seed, trace, it.Valid(), it.Err())
			}
			if it.Valid() && !bytes.Equal(it.Key(), model[at].k) {
				t.Fatalf("seed %d after%s: at %s, want %s", seed, trace, it.Key(), model[at].k)
			}
		}
		var got bool
		op := rng.IntN(12)
		if op < 8 && (at < 0 || at >= len(model)) {
			op = 8 + op%4
		}
		k := fmt.Appendf(nil, "%0*d", 1+rng.IntN(2), rng.IntN(70))
		i := sort.Search(len(model), func(i int) bool { return bytes.Compare(model[i].k, k) >= 0 })
		switch {
		case op < 4:
			got, at = it.Next(), at+1
		case op < 8:
			got, at = it.Prev(), at-1
		case op == 8:
			got, at = it.First(), 0
		case op == 9:
			got, at = it.Last(), len(model)-1
		case op == 10:
			got, at = it.SeekGE(k), i
		default:
			got, at = it.SeekLT(k), i-1
		}
		trace += fmt.Sprintf(" %d(%s)", op, k)
		want := at >= 0 && at < len(model)
		if got != want || it.Valid() != want || it.Err() != nil {
			t.Fatalf("seed %d after%s: at an entry %v, valid %v, error %v, want %v", seed, trace, got, it.Valid(), it.Err(), want)
		}
		if want {
			if e := model[at]; !bytes.Equal(it.Key(), e.k) || it.Trailer() != e.t || !bytes.Equal(it.Value(), e.v) {
				t.Fatalf("seed %d after%s: at %s %v %s, want %s %v %s", seed, trace, it.Key(), it.Trailer(), it.Value(), e.k, e.t, e.v)
			}
		}
	}
}

func TestMergingMatchesModel(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 1))
		sources, model := randomSources(rng)
		m := mergeOf(sources)
		walk(t, seed, rng, m, model)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBoundedMatchesModel(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 2))
		sources, model := randomSources(rng)
		var lower, upper []byte
		if rng.IntN(2) == 0 {
			lower = fmt.Appendf(nil, "%d", rng.IntN(70))
		}
		if rng.IntN(2) == 0 {
			upper = fmt.Appendf(nil, "%d", rng.IntN(70))
		}
		model = slices.DeleteFunc(model, func(e entry) bool {
			return e.t.Kind() == key.KindDelete || lower != nil && bytes.Compare(e.k, lower) < 0 ||
				upper != nil && bytes.Compare(e.k, upper) >= 0
		})
		b := NewBounded(mergeOf(sources), lower, upper, nil, 0)
		walk(t, seed, rng, b, model)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedSourceEndsTaking(t *testing.T) {
	failures := 0
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 6))
		sources, model := randomSources(rng)
		if len(sources) == 0 {
			continue
		}
		model = slices.DeleteFunc(model, func(e entry) bool { return e.t.Kind() == key.KindDelete })
		var its []Source
		for i, s := range sources {
			it := &sliceIter{entries: s, at: -1, failIn: -1}
			if i == 0 {
				it.failIn = rng.IntN(40)
			}
			its = append(its, Source{Iterator: taking(it, rng.IntN(3))})
		}
		b := NewBounded(NewMerging(nil, its...), nil, nil, nil, 0)
		at := 0
		for ok := b.First(); ok; ok = b.Valid() && b.Next() {
			n, err := takeAll(b.Take, rng, model[at:])
			if err != nil && (n > 0 || b.Err() == nil) {
				t.Fatalf("seed %d: %v", seed, err)
			}
			at += n
		}
		err := b.Close()
		if at < len(model) && !errors.Is(err, errSource) || err != nil && !errors.Is(err, errSource) {
			t.Fatalf("seed %d: %d entries of %d, %v", seed, at, len(model), err)
		}
		if err != nil {
			failures++
		}
	}
	if failures < 50 {
		t.Errorf("%d failures", failures)
	}
}

func TestFailedSourceEndsTheMerge(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		sources, _ := randomSources(rng)
		if len(sources) == 0 {
			continue
		}
		var its []Source
		var all []*sliceIter
		for _, s := range sources {
			it := &sliceIter{entries: s, at: -1, failIn: -1}
			its, all = append(its, Source{Iterator: it}), append(all, it)
		}
		all[rng.IntN(len(all))].failIn = rng.IntN(5)
		m := NewMerging(nil, its...)
		for m.Err() == nil {
			switch op := rng.IntN(6); {
			case op == 0:
				m.SeekLT([]byte("3"))
			case op == 1 || !m.Valid():
				m.First()
			case op < 4:
				m.Next()
			default:
				m.Prev()
			}
		}
		if m.Valid() || m.First() || !errors.Is(m.Err(), errSource) {
			t.Fatalf("seed %d: after the failure valid %v, error %v", seed, m.Valid(), m.Err())
		}
		if err := m.Close(); !errors.Is(err, errSource) {
			t.Fatalf("seed %d: close says %v", seed, err)
		}
		for i, it := range all {
			if !it.closed {
				t.Fatalf("seed %d: source %d was not closed", seed, i)
			}
		}
	}
}

func TestCloseReportsErrorOfClosingASource(t *testing.T) {
	m := NewMerging(nil, Source{Iterator: &sliceIter{failIn: -1}},
		Source{Iterator: &sliceIter{failIn: -1, closeErr: errSource}}, Source{Iterator: &sliceIter{failIn: -1}})
	if err := m.Close(); !errors.Is(err, errSource) {
		t.Fatalf("close says %v", err)
	}
}
