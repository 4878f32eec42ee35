package bplustree

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/page"
	"github.com/middb/middb/tests/environment"
)

// A kept is a snapshot with what it must hold for ever.
type kept struct {
	Snapshot
	generation uint64
	want       map[string]string
}

// keys of different shapes, so that pages have prefixes of all lengths, and some have none.
var shapes = map[string]func(rng *rand.Rand, n int) []byte{
	"numbers": func(rng *rand.Rand, n int) []byte { return fmt.Appendf(nil, "%08d", rng.IntN(n)) },
	"short":   func(rng *rand.Rand, _ int) []byte { return random(rng, rng.IntN(4)) },
	"bytes": func(rng *rand.Rand, n int) []byte {
		return []byte{byte(rng.IntN(n) >> 8), byte(rng.IntN(n)), byte(rng.IntN(3))}
	},
	"long": func(rng *rand.Rand, n int) []byte {
		return append(bytes.Repeat([]byte{'x'}, rng.IntN(700)), fmt.Append(nil, rng.IntN(n))...)
	},
	"groups": func(rng *rand.Rand, n int) []byte {
		group := bytes.Repeat([]byte{byte('a' + rng.IntN(4))}, 1+rng.IntN(3)*400)
		return fmt.Appendf(group, "%05d", rng.IntN(n))
	},
}

// shorter returns how many changes a test makes: fewer of those that make test runs once more for races.
func shorter(ops int) int {
	if testing.Short() {
		return ops / 10
	}
	return ops
}

// newRandom returns the source of a test's part.
func newRandom(t *testing.T, part uint64) *rand.Rand {
	t.Helper()
	seed := environment.Seed(t)
	t.Logf("MIDDB_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, part))
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestModel changes trees at random, and compares them and all their snapshots with maps.
func TestModel(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) { testModel(t, shape) })
	}
}

func testModel(t *testing.T, shape func(*rand.Rand, int) []byte) {
	rng := newRandom(t, 1)
	m := page.NewMemory()
	tree := Open(m, Root{})
	model := map[string]string{}
	var snapshots []kept
	keys, grow := 3000, 0.5
	for op := range shorter(30_000) {
		if op%3000 == 0 {
			grow = []float64{0.95, 0.5, 0.05}[op/3000%3]
		}
		k := shape(rng, keys)
		if rng.Float64() < grow {
			v := random(rng, rng.IntN(1+min(300, MaxEntryBytes-len(k))))
			added, err := tree.Put(k, v)
			if _, had := model[string(k)]; err != nil || added == had {
				t.Fatalf("put %q: %v, %v", k, added, err)
			}
			model[string(k)] = string(v)
		} else {
			if rng.IntN(2) == 0 && len(model) > 0 { // one that is there
				if c := tree.Snapshot().Cursor(); c.Seek(k) || c.First() {
					k = bytes.Clone(c.Key())
				}
			}
			deleted, err := tree.Delete(k)
			if _, had := model[string(k)]; err != nil || deleted != had {
				t.Fatalf("delete %q: %v, %v", k, deleted, err)
			}
			delete(model, string(k))
		}
		switch rng.IntN(400) {
		case 0:
			root := tree.Root()
			snapshots = append(snapshots, kept{At(m, root), m.Seal(), maps.Clone(model)})
		case 1, 2:
			m.Release(m.Seal())
		case 3:
			if len(snapshots) > 0 { // any of them, not only the oldest
				i := rng.IntN(len(snapshots))
				compare(t, snapshots[i].Snapshot, snapshots[i].want, rng)
				m.Release(snapshots[i].generation)
				snapshots = slices.Delete(snapshots, i, i+1)
			}
		}
	}
	for _, s := range snapshots {
		compare(t, s.Snapshot, s.want, rng)
		m.Release(s.generation)
	}
	compare(t, tree.Snapshot(), model, rng)
	m.Release(m.Seal())
	for k := range model {
		if _, err := tree.Delete([]byte(k)); err != nil {
			t.Fatal(err)
		}
	}
	m.Release(m.Seal())
	if used, _ := m.Pages(); used != 0 || tree.Root() != (Root{}) {
		t.Fatalf("%d pages are left of an empty tree: %v\n%s", used, tree.Root(), tree.Snapshot())
	}
}

// compare compares all that can be read of a snapshot with what it must be.
func compare(t *testing.T, s Snapshot, want map[string]string, rng *rand.Rand) {
	t.Helper()
	if _, err := s.Check(); err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	keys := slices.Sorted(maps.Keys(want))
	c := s.Cursor()
	defer c.Close()
	i := 0
	for ok := c.First(); ok; ok = c.Next() {
		if i >= len(keys) || string(c.Key()) != keys[i] || string(c.Value()) != want[keys[i]] {
			t.Fatalf("entry %d is %q", i, c.Key())
		}
		i++
	}
	if i != len(keys) || c.Err() != nil {
		t.Fatalf("%d entries instead of %d: %v", i, len(keys), c.Err())
	}
	for ok := c.Last(); ok; ok = c.Prev() {
		if i--; string(c.Key()) != keys[i] || string(c.Value()) != want[keys[i]] {
			t.Fatalf("backwards, entry %d is %q", i, c.Key())
		}
	}
	if i != 0 {
		t.Fatalf("backwards, %d entries are missing", i)
	}
	for range 50 {
		k := random(rng, rng.IntN(5))
		if len(keys) > 0 && rng.IntN(4) > 0 {
			k = []byte(keys[rng.IntN(len(keys))])
			k = k[:len(k)-rng.IntN(min(2, len(k)+1))*min(1, len(k))]
		}
		at, has := slices.BinarySearch(keys, string(k))
		v, found, err := s.Get(nil, k)
		if err != nil || found != has || has && string(v) != want[string(k)] {
			t.Fatalf("get %q: %q %v %v", k, v, found, err)
		}
		if ok := c.Seek(k); ok != (at < len(keys)) || ok && string(c.Key()) != keys[at] {
			t.Fatalf("seek %q: %v", k, ok)
		}
		if ok := c.SeekBefore(k); ok != (at > 0) || ok && string(c.Key()) != keys[at-1] {
			t.Fatalf("seek before %q: %v", k, ok)
		}
	}
}
