package memtable

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
)

// model is what a memtable must be like: sorted keys, each with its versions, oldest first.
type model struct {
	keys    []*modelKey
	lastSeq uint64
}

type modelKey struct {
	key      string
	versions []version
}

type version struct {
	trailer key.Trailer
	value   string
}

// find returns the index of the first key that is not below k, and whether it is k.
func (m *model) find(k string) (int, bool) {
	return slices.BinarySearchFunc(m.keys, k, func(e *modelKey, k string) int { return cmp.Compare(e.key, k) })
}

func (m *model) add(k, v string, t key.Trailer) {
	i, ok := m.find(k)
	if !ok {
		m.keys = slices.Insert(m.keys, i, &modelKey{key: k})
	}
	m.keys[i].versions = append(m.keys[i].versions, version{t, v})
	m.lastSeq = t.Seq()
}

func (k *modelKey) at(seq uint64) (version, bool) {
	for _, v := range slices.Backward(k.versions) {
		if v.trailer.Seq() <= seq {
			return v, true
		}
	}
	return version{}, false
}

func (m *model) get(k string, seq uint64) (version, bool) {
	i, ok := m.find(k)
	if !ok {
		return version{}, false
	}
	return m.keys[i].at(seq)
}

// walk returns the index of the first key at or beyond i, in the given direction, that seq sees, or
// -1.
func (m *model) walk(i, step int, seq uint64) int {
	for ; i >= 0 && i < len(m.keys); i += step {
		if m.keys[i].versions[0].trailer.Seq() <= seq {
			return i
		}
	}
	return -1
}

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
	mo := &model{}
	var charged int64
	var hint Hint
	walkers := make([]*walker, 3) // they live through splits and rebuilds
	for i := range ops {
		if r.IntN(4) > 0 {
			k, v := mk.make(r, i), fmt.Sprint("value", i)[:r.IntN(6)]
			kind := key.KindPut
			if r.IntN(5) == 0 {
				kind, v = key.KindDelete, ""
			}
			tr := key.MakeTrailer(uint64(i+1), kind)
			switch r.IntN(3) {
			case 0:
				mem.Add([]byte(k), []byte(v), tr)
			case 1:
				mem.AddHint([]byte(k), []byte(v), tr, mem.Hint([]byte(k)))
			case 2: // a hint from long ago, and mostly for another key
				mem.AddHint([]byte(k), []byte(v), tr, hint)
				if r.IntN(20) == 0 {
					hint = mem.Hint([]byte(k))
				}
			}
			mo.add(k, v, tr)
			charged += EntryBytes(len(k), len(v))
		}
		w := r.IntN(len(walkers))
		if walkers[w] == nil || r.IntN(60) == 0 {
			walkers[w] = newWalker(mem, mo, r)
		}
		walkers[w].step(t, r, mk, i)
		compareGet(t, mem, mo, mk.make(r, i), r.Uint64N(mo.lastSeq+2))
	}
	if mem.Bytes() != charged || mem.Count() != len(mo.keys) || mem.Empty() != (len(mo.keys) == 0) {
		t.Fatalf("charged %d, %d keys; want %d, %d", mem.Bytes(), mem.Count(), charged, len(mo.keys))
	}
	for _, k := range mo.keys {
		compareGet(t, mem, mo, k.key, r.Uint64N(mo.lastSeq+2))
		compareGet(t, mem, mo, k.key, key.MaxSeq)
	}
}

func compareGet(t *testing.T, mem *Memtable, mo *model, k string, seq uint64) {
	t.Helper()
	v, tr, ok := mem.Get([]byte(k), seq)
	want, wantOK := mo.get(k, seq)
	if ok != wantOK || string(v) != want.value || tr != want.trailer {
		t.Fatalf("Get %q at %d: %q %v %v, want %q %v %v", k, seq, v, tr, ok, want.value, want.trailer, wantOK)
	}
}

// walker drives one iterator and the place where it must be in the model.
type walker struct {
	it  *Iter
	mo  *model
	seq uint64
	at  string // key stood at
	ok  bool
}

func newWalker(mem *Memtable, mo *model, r *rand.Rand) *walker {
	seq := mo.lastSeq
	if r.IntN(2) == 0 {
		seq = r.Uint64N(seq + 1)
	}
	w := &walker{mo: mo, seq: seq, it: mem.NewIter(seq, nil)}
	if r.IntN(2) == 0 {
		_ = w.it.First()
		w.it.Reset(mem, seq, nil)
	}
	return w
}

func (w *walker) step(t *testing.T, r *rand.Rand, mk keyMaker, n int) {
	t.Helper()
	for range 1 + r.IntN(25) {
		op := r.IntN(24)
		if op >= 4 && !w.ok {
			op %= 4
		}
		k := ""
		if op == 2 || op == 3 {
			k = mk.make(r, n)
		}
		w.move(t, op, k)
	}
}

func (w *walker) move(t *testing.T, op int, k string) {
	t.Helper()
	var got bool
	var want int
	here, _ := w.mo.find(w.at)
	target, _ := w.mo.find(k)
	switch {
	case op == 0:
		got, want = w.it.First(), w.mo.walk(0, 1, w.seq)
	case op == 1:
		got, want = w.it.Last(), w.mo.walk(len(w.mo.keys)-1, -1, w.seq)
	case op == 2:
		got, want = w.it.SeekGE([]byte(k)), w.mo.walk(target, 1, w.seq)
	case op == 3:
		got, want = w.it.SeekLT([]byte(k)), w.mo.walk(target-1, -1, w.seq)
	case op < 14:
		got, want = w.it.Next(), w.mo.walk(here+1, 1, w.seq)
	default:
		got, want = w.it.Prev(), w.mo.walk(here-1, -1, w.seq)
	}
	if got != (want >= 0) || got != w.it.Valid() || w.it.Err() != nil {
		t.Fatalf("op %d key %q from %q at %d: %v, valid %v; want %v", op, k, w.at, w.seq, got, w.it.Valid(), want >= 0)
	}
	if w.ok = got; !got {
		return
	}
	w.at = w.mo.keys[want].key
	v, _ := w.mo.keys[want].at(w.seq)
	if string(w.it.Key()) != w.at || w.it.Trailer() != v.trailer || string(w.it.Value()) != v.value {
		t.Fatalf("op %d key %q at %d: stands at %q %v %q, want %q %v %q", op, k, w.seq,
			w.it.Key(), w.it.Trailer(), w.it.Value(), w.at, v.trailer, v.value)
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
