package cowtree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// seeds returns the seeds to run: a few, or that of MIDDB_SEED.
func seeds(t *testing.T, n int) []uint64 {
	t.Helper()
	if s := os.Getenv("MIDDB_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{seed}
	}
	var out []uint64
	for i := range n {
		out = append(out, uint64(i)+1)
	}
	return out
}

// model is a sorted slice of items.
type model []item

type item struct {
	k string
	v int
}

func (m model) find(k []byte) (int, bool) {
	return slices.BinarySearchFunc(m, string(k), func(it item, k string) int { return strings.Compare(it.k, k) })
}

// A pair is a map and what must be in it.
type pair struct {
	real Map[int]
	want model
}

func (p *pair) set(t *testing.T, k []byte, v int) {
	t.Helper()
	old, replaced := p.real.Set(k, v)
	i, found := p.want.find(k)
	if replaced != found || found && old != p.want[i].v {
		t.Fatalf("Set(%q) replaces %d, %v; the model has %v", k, old, replaced, found)
	}
	if found {
		p.want[i].v = v
	} else {
		p.want = slices.Insert(p.want, i, item{string(k), v})
	}
}

func (p *pair) delete(t *testing.T, k []byte) {
	t.Helper()
	old, ok := p.real.Delete(k)
	i, found := p.want.find(k)
	if ok != found || found && old != p.want[i].v {
		t.Fatalf("Delete(%q) returns %d, %v; the model has %v", k, old, ok, found)
	}
	if found {
		p.want = slices.Delete(p.want, i, i+1)
	}
}

func (p *pair) removeRange(lower, upper []byte) {
	p.real.RemoveRange(lower, upper)
	p.want = slices.DeleteFunc(p.want, func(it item) bool {
		return (lower == nil || it.k >= string(lower)) && (upper == nil || it.k < string(upper))
	})
}

// clone clones the map; the model is copied.
func (p *pair) clone() *pair { return &pair{p.real.Clone(), slices.Clone(p.want)} }

// check compares the whole map with its model, forward and backward.
func (p *pair) check(t *testing.T) {
	t.Helper()
	checkNodes(t, p.real.root)
	checkWalk(t, p.real.Cursor(), p.want)
	if p.real.Empty() != (len(p.want) == 0) {
		t.Fatalf("Empty() of %d entries", len(p.want))
	}
	k, v, ok := p.real.Min()
	if ok != (len(p.want) > 0) || ok && (string(k) != p.want[0].k || v != p.want[0].v) {
		t.Fatalf("Min() is %q, %d, %v", k, v, ok)
	}
}

func checkWalk(t *testing.T, c Cursor[int], want model) {
	t.Helper()
	i := 0
	for ok := c.First(); ok; ok = c.Next() {
		if i >= len(want) || string(c.Key()) != want[i].k || c.Value() != want[i].v {
			t.Fatalf("entry %d is %q, %d", i, c.Key(), c.Value())
		}
		i++
	}
	if i != len(want) || c.Valid() {
		t.Fatalf("%d entries, want %d", i, len(want))
	}
	for ok := c.Last(); ok; ok = c.Prev() {
		if i--; i < 0 || string(c.Key()) != want[i].k || c.Value() != want[i].v {
			t.Fatalf("backward, entry %d is %q, %d", i, c.Key(), c.Value())
		}
	}
	if i != 0 {
		t.Fatalf("backward, %d entries are missing", i)
	}
}

// checkNear compares reads of one key and of its neighbours.
func (p *pair) checkNear(t *testing.T, k []byte) {
	t.Helper()
	i, found := p.want.find(k)
	v, ok := p.real.Get(k)
	if ok != found || found && v != p.want[i].v {
		t.Fatalf("Get(%q) is %d, %v", k, v, ok)
	}
	c := p.real.Cursor()
	at := func(what string, ok bool, i int) {
		t.Helper()
		inside := i >= 0 && i < len(p.want)
		if ok != inside || c.Valid() != ok || ok && (string(c.Key()) != p.want[i].k || c.Value() != p.want[i].v) {
			t.Fatalf("%s %q: %v, want entry %d of %d", what, k, ok, i, len(p.want))
		}
	}
	ok = c.SeekGE(k)
	at("SeekGE", ok, i)
	if ok {
		at("SeekGE and Prev", c.Prev(), i-1)
	}
	ok = c.SeekLT(k)
	at("SeekLT", ok, i-1)
	if ok {
		at("SeekLT and Next", c.Next(), i)
	}
}

// checkNodes checks what holds of every node.
func checkNodes(t *testing.T, root *node[int]) {
	t.Helper()
	if root == nil {
		return
	}
	leaves := -1
	var walk func(n *node[int], depth int, low, high []byte)
	walk = func(n *node[int], depth int, low, high []byte) {
		var used [maxItems]bool
		for i := range n.heads {
			k := n.key(i)
			switch {
			case used[n.slots[i]]:
				t.Fatalf("slot %d is used twice", n.slots[i])
			case n.heads[i] != headOf(k):
				t.Fatalf("the head of %q is %x", k, n.heads[i])
			case i > 0 && bytes.Compare(n.key(i-1), k) >= 0:
				t.Fatalf("%q comes before %q", n.key(i-1), k)
			case low != nil && bytes.Compare(k, low) < 0, high != nil && bytes.Compare(k, high) >= 0:
				t.Fatalf("%q is not between %q and %q", k, low, high)
			}
			used[n.slots[i]] = true
		}
		for _, k := range n.keys[len(n.keys):cap(n.keys)] {
			if k != nil {
				t.Fatalf("%q is left behind the end", k)
			}
		}
		if n.children == nil {
			if leaves >= 0 && depth != leaves {
				t.Fatalf("leaves at depths %d and %d", depth, leaves)
			}
			if leaves = depth; len(n.heads) == 0 || len(n.values) != len(n.heads) || n != root && cap(n.heads) != maxItems {
				t.Fatalf("a leaf of %d keys, %d values, room for %d", len(n.heads), len(n.values), cap(n.heads))
			}
			return
		}
		if len(n.children) != len(n.heads)+1 || n == root && len(n.heads) == 0 {
			t.Fatalf("%d children with %d separators", len(n.children), len(n.heads))
		}
		for i, c := range n.children {
			l, h := low, high
			if i > 0 {
				l = n.key(i - 1)
			}
			if i < len(n.keys) {
				h = n.key(i)
			}
			walk(c, depth+1, l, h)
		}
	}
	walk(root, 0, nil, nil)
}

// A keyMaker draws keys of one shape.
type keyMaker func(rng *rand.Rand, step int) []byte

var shapes = map[string]keyMaker{
	"stored": func(rng *rand.Rand, _ int) []byte {
		k := binary.BigEndian.AppendUint32([]byte{0, 0}, rng.Uint32N(3))
		return binary.BigEndian.AppendUint64(k, uint64(rng.IntN(2000))*0x9e3779b97f4a7c15)
	},
	"in order": func(_ *rand.Rand, step int) []byte {
		return binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0, 0, byte(step % 3)}, uint32(step/2))
	},
	"in reverse": func(_ *rand.Rand, step int) []byte {
		return binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0, 0, byte(step % 3)}, uint32(1<<20-step/2))
	},
	"equal heads": func(rng *rand.Rand, _ int) []byte {
		return fmt.Appendf(nil, "0123456789abcdef%d", rng.IntN(500))
	},
	"zeros": func(rng *rand.Rand, _ int) []byte {
		k := make([]byte, 1+rng.IntN(40))
		if rng.IntN(2) == 0 {
			k[rng.IntN(len(k))] = 1
		}
		return k
	},
	"short": func(rng *rand.Rand, _ int) []byte { return strconv.AppendInt(nil, int64(rng.IntN(1000)), 7) },
}

func TestMapMatchesModelAndClonesStay(t *testing.T) {
	for name, draw := range shapes {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			for _, seed := range seeds(t, 6) {
				run(t, seed, draw)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func run(t *testing.T, seed uint64, draw keyMaker) {
	step := 0
	defer func() {
		if t.Failed() {
			t.Logf("step %d; run it again with MIDDB_SEED=%d", step, seed)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &pair{}
	var held []*pair
	for ; step < 6000; step++ {
		k := draw(rng, step)
		switch n := rng.IntN(1000); {
		case n < 150:
			if len(p.want) > 0 && rng.IntN(4) > 0 {
				k = []byte(p.want[rng.IntN(len(p.want))].k)
			}
			p.delete(t, k)
		case n < 155:
			lower, upper := k, draw(rng, step+rng.IntN(100))
			if bytes.Compare(lower, upper) > 0 && rng.IntN(8) > 0 {
				lower, upper = upper, lower
			}
			if rng.IntN(8) == 0 {
				lower = nil
			}
			if rng.IntN(8) == 0 {
				upper = nil
			}
			p.removeRange(lower, upper)
		case n < 165:
			if held = append(held, p.clone()); len(held) > 8 {
				held = slices.Delete(held, 0, 1)
			}
		case n < 170 && len(held) > 0: // go on in an old one
			i := rng.IntN(len(held))
			p, held[i] = held[i], p
		default:
			p.set(t, k, step)
		}
		p.checkNear(t, k)
		if step%100 == 0 {
			p.check(t)
			for _, old := range held {
				old.check(t)
				old.checkNear(t, k)
			}
		}
	}
	p.check(t)
	for len(p.want) > 0 {
		p.delete(t, []byte(p.want[rng.IntN(len(p.want))].k))
	}
	p.check(t)
	for _, old := range held {
		old.check(t)
		old.removeRange(nil, nil)
		old.check(t)
	}
}

// What a cursor has reached, and has yet to reach, stays where it is if the map is cloned before it is changed.
func TestCursorsGoOnInWhatWasCloned(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &pair{}
	draw := shapes["stored"]
	for i := range 500 {
		p.set(t, draw(rng, i), i)
	}
	for range 50 {
		c, want := p.real.Cursor(), slices.Clone(p.want)
		c.SeekGE(draw(rng, 0))
		_ = p.real.Clone()
		for i := range 30 {
			p.set(t, draw(rng, i), -i)
			p.delete(t, draw(rng, i))
		}
		p.removeRange(draw(rng, 0), nil)
		checkWalk(t, c, want)
		for i := range 100 {
			p.set(t, draw(rng, i), i)
		}
	}
}

// Maps that share nodes are changed, read and cloned by a goroutine each: the race detector watches.
func TestClonesAreIndependentAmongGoroutines(t *testing.T) {
	p := &pair{}
	rng := rand.New(rand.NewPCG(4, 0))
	for i := range 2000 {
		p.set(t, shapes["stored"](rng, i), i)
	}
	var done sync.WaitGroup
	for g := range 4 {
		mine, c, want := p.clone(), p.real.Cursor(), slices.Clone(p.want)
		_ = p.real.Clone()
		done.Go(func() {
			rng := rand.New(rand.NewPCG(5, uint64(g)))
			for i := range 2000 {
				mine.set(t, shapes["stored"](rng, i), i)
				mine.delete(t, shapes["stored"](rng, i))
				if i%500 == 0 {
					_ = mine.clone()
					checkWalk(t, c, want)
				}
			}
			mine.check(t)
		})
		for i := range 500 {
			p.set(t, shapes["stored"](rng, i), -i)
		}
	}
	done.Wait()
	p.check(t)
}

// The map refers to no key that is not in it: its user may use the memory again.
func TestRemovedKeysAreForgotten(t *testing.T) {
	const seed = 6
	rng := rand.New(rand.NewPCG(seed, 0))
	p := &pair{}
	for i := range 3000 {
		p.set(t, shapes["stored"](rng, i), i)
	}
	var late [][]byte
	for i := range 5000 {
		k := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 0, 0, 1}, rng.Uint64())
		late = append(late, k)
		p.set(t, k, i)
	}
	for _, k := range late {
		p.delete(t, bytes.Clone(k))
		for i := range k {
			k[i] = 0xff
		}
	}
	p.check(t)
}

func TestKeysInOrderFillLeaves(t *testing.T) {
	const n = 30_000
	for _, c := range []struct {
		name string
		key  func(i int) (space byte, number int)
		fill float64 // at least
	}{
		{"in order", func(i int) (byte, int) { return 0, i }, 0.95},
		{"in three keyspaces by turns", func(i int) (byte, int) { return byte(i % 3), i }, 0.95},
		{"in reverse", func(i int) (byte, int) { return 0, n - i }, 0.45},
		{"in reverse behind what came in order", func(i int) (byte, int) {
			if i < 2*maxItems {
				return 0, i
			}
			return 0, 2*n - i
		}, 0.45},
	} {
		var m Map[int]
		for i := range n {
			space, number := c.key(i)
			m.Set(binary.BigEndian.AppendUint32([]byte{space}, uint32(number)), i)
		}
		leaves := 0
		var count func(n *node[int])
		count = func(n *node[int]) {
			if n.children == nil {
				leaves++
			}
			for _, c := range n.children {
				count(c)
			}
		}
		count(m.root)
		if fill := float64(n) / float64(leaves*maxItems); fill < c.fill {
			t.Errorf("%s: %d leaves are filled to %.2f, not %.2f", c.name, leaves, fill, c.fill)
		}
	}
}

func TestCloneCopiesOnlyWhatIsTouched(t *testing.T) {
	var m Map[int]
	for i := range 10_000 {
		m.Set(binary.BigEndian.AppendUint32(nil, uint32(i)), i)
	}
	k := binary.BigEndian.AppendUint32(nil, 5000)
	depth := 1.0
	for n := m.root; n.children != nil; n = n.children[0] {
		depth++
	}
	if got := testing.AllocsPerRun(100, func() { m.Set(k, 1) }); got != 0 {
		t.Errorf("a value that is replaced costs %v allocations", got)
	}
	clones := testing.AllocsPerRun(100, func() { _ = m.Clone() })
	got := testing.AllocsPerRun(100, func() {
		_ = m.Clone()
		m.Set(k, 1)
		m.Set(k, 2)
	})
	if got != clones+depth {
		t.Errorf("after a clone two writes of a key cost %v allocations, %v of the clone, in a tree of %v levels", got, clones, depth)
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1, 10, 3_000, 300_000} {
		keys := benchmarkKeys(n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			var m Map[[4]uint64]
			for i := range b.N {
				if i%n == 0 {
					m = Map[[4]uint64]{}
				}
				m.Set(keys[i%n], [4]uint64{})
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{10, 3_000, 300_000} {
		keys := benchmarkKeys(n)
		var m Map[[4]uint64]
		for _, k := range keys {
			m.Set(k, [4]uint64{})
		}
		rand.New(rand.NewPCG(2, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				m.Get(keys[i%n])
			}
		})
	}
}

func benchmarkKeys(n int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 1))
	keys := make([][]byte, n)
	for i := range keys {
		k := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 0, 0, 7}, rng.Uint64())
		keys[i] = binary.BigEndian.AppendUint64(k, rng.Uint64())
	}
	return keys
}
