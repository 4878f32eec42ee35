package levels

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

func TestEditsSurviveEncoding(t *testing.T) {
	rng := newRand(t)
	for range 500 {
		var e Edit
		if rng.IntN(2) == 0 {
			e.Identity = &Identity{LogID: rng.Uint64(), Epoch: rng.Uint64(), ClusterID: rng.Uint64(), NodeID: rng.Uint64()}
		}
		e.NextFile = rng.Uint64() >> rng.IntN(64)
		e.FlushedSeq = rng.Uint64N(1 << 56)
		e.Time = 1 + rng.Int64N(1<<61)
		if rng.IntN(2) == 0 {
			e.Trees = randomTrees(rng)
		}
		for range rng.IntN(5) {
			e.Deleted = append(e.Deleted, Deleted{Level: rng.IntN(NumLevels), Num: rng.Uint64()})
		}
		for range rng.IntN(5) {
			e.Added = append(e.Added, Added{Level: rng.IntN(NumLevels), TableMeta: randomMeta(rng, rng.Uint64())})
		}
		p := e.Append(nil)
		got, err := DecodeEdit(p)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("decoded %v, %v\nwant %v", &got, err, &e)
		}
		for n := range len(p) {
			if _, err := DecodeEdit(p[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes decode", n, len(p))
			}
		}
	}
}

func randomTrees(rng *rand.Rand) *Trees {
	next := 2 + rng.Uint32N(math.MaxUint32-2)
	t := &Trees{File: 1 + rng.Uint64N(1<<40), State: page.State{
		Generation: 1 + rng.Uint64N(1<<50), Next: page.ID(next), FreeList: page.ID(rng.Uint32N(next)),
	}}
	for number := range uint32(rng.IntN(5)) {
		root := bplustree.Root{Page: page.ID(1 + rng.Uint32N(next-1)), Entries: 1 + rng.Uint64N(1<<60)}
		t.Roots = append(t.Roots, bplustree.NumberedRoot{Number: 1<<31 + 7*number, Root: root})
	}
	return t
}

func TestEditRefusesImpossibleTrees(t *testing.T) {
	bad := map[string]func(*Trees){
		"no file":             func(t *Trees) { t.File = 0 },
		"no generation":       func(t *Trees) { t.State.Generation = 0 },
		"no pages":            func(t *Trees) { t.State.Next = 0 },
		"a list behind them":  func(t *Trees) { t.State.FreeList = 9 },
		"a root behind them":  func(t *Trees) { t.Roots[1].Page = 9 },
		"a tree without root": func(t *Trees) { t.Roots[1].Page = 0 },
		"an empty tree":       func(t *Trees) { t.Roots[1].Entries = 0 },
		"numbers reversed":    func(t *Trees) { t.Roots[0].Number = 6 },
		"a number twice":      func(t *Trees) { t.Roots[0].Number = 5 },
	}
	for name, spoil := range bad {
		trees := &Trees{File: 1, State: page.State{Generation: 1, Next: 9, FreeList: 8}, Roots: []bplustree.NumberedRoot{
			{Number: 4, Root: bplustree.Root{Page: 7, Entries: 1}}, {Number: 5, Root: bplustree.Root{Page: 6, Entries: 1}},
		}}
		if _, err := DecodeEdit((&Edit{Trees: trees}).Append(nil)); err != nil {
			t.Fatal(err)
		}
		spoil(trees)
		if e, err := DecodeEdit((&Edit{Trees: trees}).Append(nil)); err == nil {
			t.Errorf("%s: decodes to %v", name, &e)
		}
	}
}

func TestEditRefusesImpossibleTables(t *testing.T) {
	good := Added{Level: 3, TableMeta: TableMeta{
		Num: 1, Smallest: []byte("a"), Largest: []byte("b"), Entries: 1, MinSeq: 1, MaxSeq: 2,
	}}
	bad := map[string]func(*Added){
		"level out of range":         func(a *Added) { a.Level = NumLevels },
		"bounds out of order":        func(a *Added) { a.Smallest = []byte("c") },
		"empty bound":                func(a *Added) { a.Smallest = nil },
		"sequence numbers reversed":  func(a *Added) { a.MinSeq = 3 },
		"sequence number too large":  func(a *Added) { a.MaxSeq = 1 << 56 },
		"nothing in it":              func(a *Added) { a.Entries = 0 },
		"more tombstones than entry": func(a *Added) { a.Tombstones = 2 },
		"more dead than entries":     func(a *Added) { a.Tombstones, a.Expiring = 1, 1 },
		"expiries reversed":          func(a *Added) { a.EarliestExpiry = 1 },
		"long key":                   func(a *Added) { a.Largest = bytes.Repeat([]byte("z"), key.MaxStoredKeyBytes+2) },
		"negative size":              func(a *Added) { a.Size = -1 },
	}
	if _, err := DecodeEdit((&Edit{Added: []Added{good}}).Append(nil)); err != nil {
		t.Fatal(err)
	}
	ranges := good
	ranges.Entries, ranges.Ranges, ranges.Largest = 0, 1, bytes.Repeat([]byte("z"), key.MaxStoredKeyBytes+1)
	if _, err := DecodeEdit((&Edit{Added: []Added{ranges}}).Append(nil)); err != nil {
		t.Errorf("a table of ranges only: %v", err)
	}
	for name, spoil := range bad {
		a := good
		spoil(&a)
		if e, err := DecodeEdit((&Edit{Added: []Added{a}}).Append(nil)); err == nil {
			t.Errorf("%s: decodes as %v", name, &e)
		}
	}
	for _, p := range [][]byte{nil, {9, 0}, {fieldEnd, 0}, {fieldDeleted, 7, 1, 0}, {fieldAdded, 0}} {
		if e, err := DecodeEdit(p); err == nil {
			t.Errorf("% x decodes as %v", p, &e)
		}
	}
}

func FuzzDecodeEdit(f *testing.F) {
	f.Add([]byte{})
	f.Add((&Edit{NextFile: 7, FlushedSeq: 9, Identity: &testIdentity}).Append(nil))
	f.Add((&Edit{Deleted: []Deleted{{1, 2}}, Added: []Added{{2, TableMeta{
		Num: 1, Smallest: []byte("a"), Largest: []byte("b"), Entries: 1,
	}}}}).Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := DecodeEdit(p)
		if err != nil {
			return
		}
		again, err := DecodeEdit(e.Append(nil))
		if err != nil || again.String() != e.String() {
			t.Fatalf("%v encodes to %v, %v", &e, &again, err)
		}
	})
}
