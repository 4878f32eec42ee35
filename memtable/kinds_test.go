package memtable

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

func newTestMemtable(t testing.TB, bytes int64) *Memtable {
	t.Helper()
	mem, err := New(NewArenas(), Options{Bytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	return mem
}

func countBy(n int64) []byte {
	return merge.AppendOperand(nil, merge.Counter, merge.AppendCount(nil, n))
}

// TestHotCounterIsReadLikeAValue claims that it does not matter how often a counter was changed, whatever
// it counts from.
func TestHotCounterIsReadLikeAValue(t *testing.T) {
	mem := newTestMemtable(t, 4<<20)
	mem.Add([]byte("value"), merge.AppendCount(nil, 1000), key.MakeTrailer(1, key.KindPut))
	mem.Add([]byte("deleted"), nil, key.MakeTrailer(2, key.KindDelete))
	mem.Add([]byte("expiring"), key.AppendExpiring(nil, 50, merge.AppendCount(nil, 500)), key.MakeTrailer(3, key.KindPutWithExpiry))
	mem.DeleteRange([]byte("range"), []byte("ranged"), 4)
	seq := uint64(4)
	keys := map[string]int64{"value": 1000, "deleted": 0, "expiring": 500, "range": 0, "unknown": 0}
	for range 1000 {
		for k := range keys {
			seq++
			mem.AddMerge([]byte(k), countBy(3), key.MakeTrailer(seq, key.KindMerge), nil)
		}
	}
	for k, from := range keys {
		entries, complete := mem.AppendEntries(nil, []byte(k), seq)
		if len(entries) != 1 || complete == (k == "unknown") {
			t.Errorf("%s: %d entries, complete %v", k, len(entries), complete)
		}
		var ops *merge.Operators
		v, _, err := ops.Resolve(nil, entries[0], 0)
		if n, _ := merge.Count(v); err != nil || n != from+3000 {
			t.Errorf("%s: %d, %v; want %d", k, n, err, from+3000)
		}
	}
}

// TestLongMergesStayApart claims that what grows is not copied at each write, and is read whole.
func TestLongMergesStayApart(t *testing.T) {
	mem := newTestMemtable(t, 4<<20)
	k, want := []byte("log"), ""
	for i := range 1000 {
		part := fmt.Sprint(i, ";")
		want += part
		mem.AddMerge(k, merge.AppendOperand(nil, merge.Append, []byte(part)), key.MakeTrailer(uint64(i+1), key.KindMerge), nil)
	}
	entries, complete := mem.AppendEntries(nil, k, key.MaxSeq)
	if complete || len(entries) < 20 || len(entries) > 120 {
		t.Fatalf("%d entries of %d bytes, complete %v", len(entries), len(want), complete)
	}
	it := mem.NewIter(key.MaxSeq, nil)
	if !it.First() || it.Trailer() != key.MakeTrailer(1000, key.KindMerge) {
		t.Fatal("the key is not shown")
	}
	list := merge.AppendOperand(nil, merge.Append, []byte(want))
	if string(it.Value()) != string(list) || it.Next() {
		t.Fatalf("the list is %s", merge.Format(it.Value()))
	}
}

// TestMergesKeepToTheirCharge claims that neither memory nor time goes into values that are longer than
// MergeRoom.
func TestMergesKeepToTheirCharge(t *testing.T) {
	copied := 0
	ops, err := merge.NewOperators(merge.Operator{Name: "op", Merge: func(dst, older, newer []byte) ([]byte, error) {
		copied += len(older) + len(newer)
		return append(append(dst, older...), newer...), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, valueLen := range []int{0, 20, 60, 1 << 20} {
		for _, operandLen := range []int{1, 5, 30, 60, 70} {
			mem := newTestMemtable(t, 8<<20)
			mem.Add([]byte("k"), make([]byte, valueLen), key.MakeTrailer(1, key.KindPut))
			list := merge.AppendOperand(nil, "op", make([]byte, operandLen))
			copied = 0
			before, charged := mem.arena.next, mem.Bytes()
			for i := range uint64(500) {
				mem.AddMerge([]byte("k"), list, key.MakeTrailer(i+2, key.KindMerge), ops)
				// A version of a key that is there needs no share of the nodes, but the place of its rest.
				used, charge := int64(mem.arena.next-before)*unit, MergeBytes(1, len(list))
				if used > charge-nodeShare+unit || mem.Bytes()-charged != charge {
					t.Errorf("value of %d, operands of %d: %d bytes used, %d charged of %d", valueLen, operandLen, used, mem.Bytes()-charged, charge)
				}
				before, charged = mem.arena.next, mem.Bytes()
			}
			if copied > 500*4*MergeRoom {
				t.Errorf("value of %d, operands of %d: %d bytes copied", valueLen, operandLen, copied)
			}
			it := mem.NewIter(key.MaxSeq, ops)
			if !it.First() || it.Trailer().Kind() != key.KindPut || len(it.Value()) != valueLen+500*operandLen {
				t.Errorf("value of %d, operands of %d: the merged value has %d bytes", valueLen, operandLen, len(it.Value()))
			}
		}
	}
}

// TestResetForgetsFolds claims that an iterator that is used again shows nothing of what it folded before.
func TestResetForgetsFolds(t *testing.T) {
	mem := newTestMemtable(t, 1<<20)
	k, list := []byte("k"), merge.AppendOperand(nil, "prepend", []byte("a"))
	mem.Add(k, []byte("b"), key.MakeTrailer(1, key.KindPut))
	mem.Add(k, list, key.MakeTrailer(2, key.KindMerge))
	it := mem.NewIter(2, nil)
	if !it.First() || merge.Format(it.Value()) != `"b", prepend "a"` {
		t.Fatalf("without the operator it is %s", merge.Format(it.Value()))
	}
	it.Reset(mem, 2, testOperators(t))
	if !it.First() || it.Trailer() != key.MakeTrailer(2, key.KindPut) || string(it.Value()) != "ab" {
		t.Fatalf("with the operator it is %v %q", it.Trailer(), it.Value())
	}
	mem.Add([]byte("l"), list, key.MakeTrailer(3, key.KindMerge))
	it.Reset(mem, 3, nil)
	plain := newTestMemtable(t, 1<<20)
	for i := range uint64(3) {
		plain.Add([]byte{'a' + byte(i)}, nil, key.MakeTrailer(i+1, key.KindPut))
	}
	if !it.First() {
		t.Fatal("the merges are gone")
	}
	it.Reset(plain, 3, nil)
	if !it.First() || !it.Next() || !it.Prev() || string(it.Key()) != "a" {
		t.Fatal("another memtable shows what was folded before")
	}
}

// TestMergesAllocateNothing claims that a counter's changes leave no garbage.
func TestMergesAllocateNothing(t *testing.T) {
	mem := newTestMemtable(t, 4<<20)
	k, list, seq := []byte("k"), countBy(1), uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		seq++
		mem.AddMerge(k, list, key.MakeTrailer(seq, key.KindMerge), nil)
	}); n > 0 {
		t.Errorf("%v allocations for a merge", n)
	}
}

// TestRangeDeletesAreChargedWhatTheyTake claims that range deletes, even those that share the least, keep to
// the memory that the memtable was made for.
func TestRangeDeletesAreChargedWhatTheyTake(t *testing.T) {
	const most = 20000
	mem := newTestMemtable(t, 128<<20)
	r := rand.New(rand.NewPCG(1, 2))
	before := liveHeap()
	for i := range uint64(most) {
		start := binary.BigEndian.AppendUint64(nil, r.Uint64())
		mem.DeleteRange(start, append(start, 0), i+1)
		if i == 10 || i == 1000 || i == most-1 {
			if took := liveHeap() - before; took > mem.Bytes()+256<<10 {
				t.Errorf("%d range deletes take %d bytes and are charged %d", i+1, took, mem.Bytes())
			}
		}
	}
	if mem.Empty() || mem.Count() != 0 || len(mem.RangeDeletes(key.MaxSeq)) != most {
		t.Errorf("%d keys, %d ranges", mem.Count(), len(mem.RangeDeletes(key.MaxSeq)))
	}
}

func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestRangeDeletesMustAscend claims that a caller who breaks the order is stopped.
func TestRangeDeletesMustAscend(t *testing.T) {
	mem := newTestMemtable(t, 1<<20)
	defer func() {
		if recover() == nil {
			t.Fatal("an older range delete was put on a newer one")
		}
	}()
	mem.DeleteRange([]byte("a"), []byte("b"), 2)
	mem.DeleteRange([]byte("c"), []byte("d"), 1)
}

// A life is a history of a few keys, known beforehand at every sequence number: what each commit does, and
// the sum of all counters after it.
type life struct {
	commits []lifeCommit
	sums    []int64 // by sequence number
	keys    []int   // counters that are there, likewise
}

type lifeCommit struct {
	kind       key.Kind
	start, end int
	by         int64
}

const lifeKeys = 200

func newLife(r *rand.Rand, commits int) *life {
	l := &life{sums: []int64{0}, keys: []int{0}}
	values, present := [lifeKeys]int64{}, [lifeKeys]bool{}
	for range commits {
		c := lifeCommit{kind: key.KindMerge, start: r.IntN(lifeKeys), by: r.Int64N(1000)}
		switch r.IntN(40) {
		case 0:
			c.kind, c.end = key.KindRangeDelete, min(c.start+1+r.IntN(60), lifeKeys)
			for i := c.start; i < c.end; i++ {
				values[i], present[i] = 0, false
			}
		case 1, 2, 3:
			c.kind = key.KindPut
			values[c.start], present[c.start] = c.by, true
		default:
			values[c.start], present[c.start] = values[c.start]+c.by, true
		}
		l.commits = append(l.commits, c)
		var sum int64
		var keys int
		for i, p := range present {
			if p {
				sum, keys = sum+values[i], keys+1
			}
		}
		l.sums, l.keys = append(l.sums, sum), append(l.keys, keys)
	}
	return l
}

func lifeKey(i int) []byte { return fmt.Appendf(nil, "counter/%05d", i) }

func (l *life) write(mem *Memtable, seq uint64) {
	c := l.commits[seq-1]
	switch c.kind {
	case key.KindRangeDelete:
		mem.DeleteRange(lifeKey(c.start), lifeKey(c.end), seq)
	case key.KindPut:
		mem.Add(lifeKey(c.start), merge.AppendCount(nil, c.by), key.MakeTrailer(seq, key.KindPut))
	default:
		mem.AddMerge(lifeKey(c.start), countBy(c.by), key.MakeTrailer(seq, key.KindMerge), nil)
	}
}

// TestReadersOfRangesAndMerges runs readers beside the writer of counters, which range deletes take away now
// and then. At each snapshot there are as many as there were, and they sum up to what they did, whichever
// way one counts.
func TestReadersOfRangesAndMerges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	commits := 30000
	if testing.Short() {
		commits = 5000
	}
	l := newLife(rand.New(rand.NewPCG(seed, 0)), commits)
	mem := newTestMemtable(t, 32<<20)
	var published atomic.Uint64
	var wg sync.WaitGroup
	for id := range uint64(3) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, id+1))
			for int(published.Load()) < commits && !t.Failed() {
				seq := published.Load()
				if r.IntN(2) == 0 {
					seq = r.Uint64N(seq + 1)
				}
				for name, count := range map[string]func(*Memtable, uint64) (int64, int, error){
					"forward": countForward, "backward": countBackward, "gets": countGets,
				} {
					sum, keys, err := count(mem, seq)
					if err != nil || sum != l.sums[seq] || keys != l.keys[seq] {
						t.Errorf("%s at %d: %d counters of %d, %v; want %d of %d", name, seq, keys, sum, err, l.keys[seq], l.sums[seq])
					}
				}
			}
		})
	}
	for seq := range uint64(commits) {
		l.write(mem, seq+1)
		published.Store(seq + 1)
	}
	wg.Wait()
}

func countForward(mem *Memtable, seq uint64) (sum int64, keys int, err error) {
	it := mem.NewIter(seq, nil)
	for ok := it.First(); ok; ok = it.Next() {
		if err := addCount(&sum, &keys, merge.Entry{Kind: it.Trailer().Kind(), Value: it.Value()}); err != nil {
			return 0, 0, err
		}
	}
	return sum, keys, it.Close()
}

func countBackward(mem *Memtable, seq uint64) (sum int64, keys int, err error) {
	it := mem.NewIter(seq, nil)
	for ok := it.Last(); ok; ok = it.Prev() {
		if err := addCount(&sum, &keys, merge.Entry{Kind: it.Trailer().Kind(), Value: it.Value()}); err != nil {
			return 0, 0, err
		}
	}
	return sum, keys, it.Close()
}

func countGets(mem *Memtable, seq uint64) (sum int64, keys int, err error) {
	var ops *merge.Operators
	for i := range lifeKeys {
		entries, _ := mem.AppendEntries(nil, lifeKey(i), seq)
		_, tr, ok := mem.Get(lifeKey(i), seq)
		if ok != (len(entries) > 0) || ok && tr.Kind() != entries[0].Kind {
			return 0, 0, fmt.Errorf("key %d is %v, but has %d entries", i, tr, len(entries))
		}
		if ok {
			if err := addCount(&sum, &keys, ops.Fold(nil, entries)); err != nil {
				return 0, 0, err
			}
		}
	}
	return sum, keys, nil
}

// addCount adds a counter, if that is what there is.
func addCount(sum *int64, keys *int, e merge.Entry) error {
	var ops *merge.Operators
	v, present, err := ops.Resolve(nil, e, 0)
	if err != nil || !present {
		return err
	}
	n, err := merge.Count(v)
	*sum, *keys = *sum+n, *keys+1
	return err
}
