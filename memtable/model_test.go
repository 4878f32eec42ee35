package memtable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/treap"
)

// keyMaker names a way to make keys that some part of the tree may handle differently.
type keyMaker struct {
	name string
	make func(r *rand.Rand, n int) string // n counts the keys made
}

var keyMakers = []keyMaker{
	{"few", func(r *rand.Rand, _ int) string { return fmt.Sprintf("k%d", r.IntN(40)) }},
	{"random", func(r *rand.Rand, _ int) string {
		return string(binary.BigEndian.AppendUint64(nil, r.Uint64())) + fmt.Sprint(r.IntN(4))
	}},
	{"ascending", func(_ *rand.Rand, n int) string { return fmt.Sprintf("%016d", n) }},
	{"descending", func(_ *rand.Rand, n int) string { return fmt.Sprintf("%016d", 1<<30-n) }},
	{"tiny", func(r *rand.Rand, _ int) string { return string([]byte{0, 1, 0, 255, 2}[r.IntN(3):][:1+r.IntN(2)]) }},
	{"zeros", func(r *rand.Rand, _ int) string { return string(make([]byte, r.IntN(40))) }},
	{"long", func(r *rand.Rand, _ int) string {
		return string(bytes.Repeat([]byte("p"), 300+r.IntN(3))) + fmt.Sprint(r.IntN(3000))
	}},
	{"shared", func(r *rand.Rand, _ int) string { return fmt.Sprintf("tenant/0042/user/%08d", r.IntN(1e6)) }},
	{"outsiders", func(r *rand.Rand, n int) string { // they come once the prefix is chosen
		if n > 300 && r.IntN(3) == 0 {
			return string([]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
		}
		return fmt.Sprintf("tenant/0042/user/%08d", r.IntN(1e6))
	}},
	{"moving", func(r *rand.Rand, n int) string { // the prefix moves on before each rebuild
		return fmt.Sprintf("%08d/abcdefgh/%04d", n/500, r.IntN(10000))
	}},
}

// TestMatchesModel claims that a memtable under random operations, with reads at random snapshots in
// both directions, is indistinguishable from sorted versions.
func TestMatchesModel(t *testing.T) {
	for _, mk := range keyMakers {
		for prefix, ops := range map[string]int{"": 6000, "tenant/0042/user/": 1500, "zzz": 1500} {
			t.Run(mk.name+"/"+prefix, func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				if testing.Short() {
					ops /= 5
				}
				checkAgainstModel(t, rand.New(rand.NewPCG(seed, 1)), mk, prefix, ops)
			})
		}
	}
}

func checkAgainstModel(t *testing.T, r *rand.Rand, mk keyMaker, prefix string, ops int) {
	a := NewArenas()
	defer a.Close()
	mem, err := New(a, Options{Bytes: 16 << 20, Prefix: []byte(prefix)})
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{t: t, r: r, mk: mk, mem: mem, mo: &model{}, ops: testOperators(t)}
	walkers := make([]*walker, 3) // they live through splits and rebuilds
	for i := range ops {
		c.made = i
		if r.IntN(4) > 0 {
			c.write(uint64(i + 1))
		}
		w := r.IntN(len(walkers))
		if walkers[w] == nil || r.IntN(60) == 0 {
			walkers[w] = c.newWalker()
		}
		walkers[w].step()
		c.get(c.key(), r.Uint64N(c.mo.lastSeq+2))
		if r.IntN(8) == 0 {
			c.rangesAt(r.Uint64N(c.mo.lastSeq + 2))
		}
	}
	empty := c.charged == 0
	if mem.Bytes() != c.charged || mem.Count() != len(c.mo.keys) || mem.Empty() != empty {
		t.Fatalf("charged %d, %d keys, empty %v; want %d, %d, %v", mem.Bytes(), mem.Count(), mem.Empty(), c.charged, len(c.mo.keys), empty)
	}
	for _, k := range c.mo.keys {
		c.get(k.key, r.Uint64N(c.mo.lastSeq+2))
		c.get(k.key, key.MaxSeq)
	}
}

// testOperators returns the operators that the tests write with, except for "unknown".
func testOperators(t *testing.T) *merge.Operators {
	ops, err := merge.NewOperators(merge.Operator{Name: "prepend", Merge: func(dst, older, newer []byte) ([]byte, error) {
		return append(append(dst, newer...), older...), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

// comparison holds a memtable to its model.
type comparison struct {
	t       *testing.T
	r       *rand.Rand
	mk      keyMaker
	made    int
	mem     *Memtable
	mo      *model
	ops     *merge.Operators
	charged int64
	hint    Hint
}

func (c *comparison) key() string { return c.mk.make(c.r, c.made) }

// write writes anything, at a sequence number.
func (c *comparison) write(seq uint64) {
	r, k := c.r, c.key()
	v := version{value: fmt.Sprint("value", seq)[:r.IntN(6)]}
	counter := xxh3.HashString(k)%2 == 0
	if counter && r.IntN(20) > 0 {
		v.value = string(merge.AppendCount(nil, int64(r.IntN(1000))))
	}
	switch n := r.IntN(40); {
	case n == 0:
		c.deleteRange(k, c.key(), seq)
		return
	case n < 8:
		v.trailer, v.value = key.MakeTrailer(seq, key.KindDelete), ""
	case n < 12:
		v.value = string(key.AppendExpiring(nil, r.Int64N(100), []byte(v.value)))
		v.trailer = key.MakeTrailer(seq, key.KindPutWithExpiry)
	case n < 24:
		v.trailer, v.op = key.MakeTrailer(seq, key.KindMerge), merge.Append
		switch {
		case r.IntN(30) == 0:
			v.op = "unknown"
		case counter:
			v.op = merge.Counter
		case r.IntN(3) == 0:
			v.op = "prepend"
		case r.IntN(10) == 0:
			v.value = strings.Repeat(v.value, 20)
		}
	default:
		v.trailer = key.MakeTrailer(seq, key.KindPut)
	}
	c.add(k, v)
}

func (c *comparison) deleteRange(start, end string, seq uint64) {
	if start >= end {
		start, end = end, start+"\x00"
	}
	b := []byte(start + end)
	c.mem.DeleteRange(b[:len(start)], b[len(start):], seq)
	clear(b)
	c.mo.deleteRange(modelRange{start, end, seq})
	c.charged += RangeBytes(len(start), len(end))
}

func (c *comparison) add(k string, v version) {
	r, stored := c.r, v.stored().Value
	bk := []byte(k)
	c.charged += EntryBytes(len(k), len(stored))
	switch n := r.IntN(3); {
	case v.trailer.Kind() == key.KindMerge && n < 2:
		c.mem.AddMerge(bk, stored, v.trailer, c.ops)
		c.charged += MergeBytes(len(k), len(stored)) - EntryBytes(len(k), len(stored))
	case n == 0:
		c.mem.Add(bk, stored, v.trailer)
	case n == 1:
		c.mem.AddHint(bk, stored, v.trailer, c.mem.Hint(bk))
	default: // a hint from long ago, and mostly for another key
		c.mem.AddHint(bk, stored, v.trailer, c.hint)
		if r.IntN(20) == 0 {
			c.hint = c.mem.Hint(bk)
		}
	}
	clear(bk)
	clear(stored)
	c.mo.add(k, v)
}

// get compares what is known of one key.
func (c *comparison) get(k string, seq uint64) {
	c.t.Helper()
	v, tr, ok := c.mem.Get([]byte(k), seq)
	entries, complete := c.mem.AppendEntries(nil, []byte(k), seq)
	said, wantComplete := c.mo.get(k, seq)
	if ok != (len(said) > 0) || (len(entries) > 0) != ok || complete != wantComplete {
		c.t.Fatalf("Get %q at %d: %q %v %v, entries %v complete %v, want %v %v", k, seq, v, tr, ok, entries, complete, said, wantComplete)
	}
	if !ok {
		return
	}
	if tr.Seq() != said[0].trailer.Seq() || entries[0].Kind != tr.Kind() || string(entries[0].Value) != string(v) {
		c.t.Fatalf("Get %q at %d: %q %v, first of entries %v, want %v", k, seq, v, tr, entries, said)
	}
	if said[0].trailer.Kind() == key.KindMerge {
		compareEntry(c.t, c.r, c.ops, c.ops.Fold(nil, entries), said, complete)
	} else if tr != said[0].trailer || string(v) != said[0].value || len(entries) != 1 {
		c.t.Fatalf("Get %q at %d: %q %v, entries %v, want %v", k, seq, v, tr, entries, said)
	}
}

// rangesAt compares what the range deletes of a snapshot cover, and how many keys there are.
func (c *comparison) rangesAt(seq uint64) {
	c.t.Helper()
	var any bool
	for _, r := range c.mo.ranges {
		any = any || r.seq <= seq
	}
	ranges, spans := c.mem.Ranges(seq), c.mem.RangeDeletes(seq)
	if (ranges != nil) != any || (len(spans) > 0) != any {
		c.t.Fatalf("at %d: ranges %v, %v; want any: %v", seq, ranges, spans, any)
	}
	k, k2 := c.key(), c.key()
	if any {
		start, end, covered, err := ranges.Covering([]byte(k))
		if err != nil || covered != (len(c.mo.deletesOf(k, seq)) > 0) || string(start) > k || end != nil && string(end) <= k {
			c.t.Fatalf("%q at %d is covered: %v, from %q to %q, %v", k, seq, covered, start, end, err)
		}
		if string(start) <= k2 && (end == nil || k2 < string(end)) && covered != (len(c.mo.deletesOf(k2, seq)) > 0) {
			c.t.Fatalf("%q at %d is covered: %v, unlike %q in its stretch from %q to %q", k, seq, covered, k2, start, end)
		}
		inSpan := slices.ContainsFunc(spans, func(s treap.Span) bool { return s.Holds([]byte(k)) })
		if inSpan != covered {
			c.t.Fatalf("%q at %d is in one of %v: %v", k, seq, spans, inSpan)
		}
	}
	from, _ := c.mo.find(k)
	to, _ := c.mo.find(k2)
	want, limit := max(to-from, 0), 1+c.r.IntN(100)
	if got := c.mem.CountIn([]byte(k), []byte(k2), limit); got != min(want, limit) {
		c.t.Fatalf("%d keys from %q to %q up to %d, want %d", got, k, k2, limit, want)
	}
}

// FuzzModel lets the fuzzer choose the keys and how they share prefixes.
func FuzzModel(f *testing.F) {
	f.Add(uint64(1), "ab", []byte("\x00\x01ab\xff"))
	f.Add(uint64(2), "", []byte("prefix/prefix/prefix/1"))
	f.Fuzz(func(t *testing.T, seed uint64, prefix string, material []byte) {
		if len(material) == 0 || len(prefix) > 100 {
			return
		}
		mk := keyMaker{make: func(r *rand.Rand, _ int) string {
			from := r.IntN(len(material))
			k := material[from : from+r.IntN(len(material)-from)+1]
			return string(k[:min(len(k), 1000)]) + string(binary.BigEndian.AppendUint16(nil, uint16(r.IntN(2000))))[r.IntN(3):]
		}}
		checkAgainstModel(t, rand.New(rand.NewPCG(seed, 2)), mk, prefix, 1500)
	})
}

// TestPrefixIsShared claims that Prefix is what most keys begin with and that outsiders do not spoil it.
func TestPrefixIsShared(t *testing.T) {
	mem, err := New(NewArenas(), Options{Bytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	mem.Add([]byte("a"), nil, key.MakeTrailer(1, key.KindPut))
	mem.Add([]byte("z"), nil, key.MakeTrailer(2, key.KindPut))
	for i := range 20000 {
		k := fmt.Appendf(nil, "tenant/0042/%d-and-more-of-it", (i*7919)%20000)
		mem.Add(k, nil, key.MakeTrailer(uint64(i+3), key.KindPut))
	}
	if p := string(mem.Prefix()); p != "tenant/0042/" {
		t.Fatalf("Prefix is %q", p)
	}
	if p := string(mem.tree.Load().prefix); p != "tenant/0042/" {
		t.Fatalf("the tree cuts %q", p)
	}
	next, err := New(NewArenas(), Options{Bytes: 8 << 20, Prefix: mem.Prefix()})
	if err != nil {
		t.Fatal(err)
	}
	if p := string(next.Prefix()); p != "tenant/0042/" {
		t.Fatalf("an empty memtable forgot the prefix it was given: %q", p)
	}
}

// TestStaleHintsAreHarmless claims that a hint given before splits, a rebuild or a rotation to another
// memtable never puts a key where readers miss it.
func TestStaleHintsAreHarmless(t *testing.T) {
	a := NewArenas()
	mem, err := New(a, Options{Bytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	next, err := New(a, Options{Bytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	keyOf := func(i int) []byte { return fmt.Appendf(nil, "a prefix that all share/%05d", i*7919%5003) }
	hints := make([]Hint, 5003)
	seq := uint64(0)
	add := func(m *Memtable, i int, h Hint) {
		seq++
		m.AddHint(keyOf(i), nil, key.MakeTrailer(seq, key.KindPut), h)
		if _, tr, ok := m.Get(keyOf(i), seq); !ok || tr.Seq() != seq {
			t.Fatalf("%q was lost", keyOf(i))
		}
	}
	for i := range hints {
		if i == 10 || i == 250 || i == 4090 {
			for j := range hints {
				hints[j] = mem.Hint(keyOf(j))
			}
		}
		add(mem, i, hints[i])
		add(next, i, hints[i])
	}
	for i := range hints {
		add(mem, i, hints[i])
	}
	if mem.Count() != len(hints) || next.Count() != len(hints) {
		t.Fatalf("%d and %d keys, want %d", mem.Count(), next.Count(), len(hints))
	}
}

// TestVersionsOfAKeyMustAscend claims that a caller who breaks the order is stopped.
func TestVersionsOfAKeyMustAscend(t *testing.T) {
	mem, err := New(NewArenas(), Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Fatal("an older version was put before a newer one")
		}
	}()
	mem.Add([]byte("k"), nil, key.MakeTrailer(2, key.KindPut))
	mem.Add([]byte("k"), nil, key.MakeTrailer(1, key.KindPut))
}
