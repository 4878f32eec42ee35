package memtable

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/middb/middb/key"
)

// TestCapacityIsKept claims that whatever the keys, and in the orders that split most, what EntryBytes
// sums up to the promise fits.
func TestCapacityIsKept(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine: the full pass runs it")
	}
	orders := map[string]func(i uint64) uint64{
		"ascending":  func(i uint64) uint64 { return i },
		"descending": func(i uint64) uint64 { return 1<<40 - i },
		"random":     func(i uint64) uint64 { return i * 0x9E3779B97F4A7C15 >> 24 },
		// Every eighth gap of the leaves that a split left with 8 keys is filled in turn.
		"strided": func(i uint64) uint64 { return i%8<<36 | i/8<<8 },
		"halving": func(i uint64) uint64 { return 1<<40 - 1<<40/(i%16+1) + i },
		// Ascending pairs, the second below the first: each full node at the right edge is split.
		"zigzag": func(i uint64) uint64 { return (i/2*3 + 1 - i%2*2) + 16 },
	}
	for name, order := range orders {
		for valueLen, kind := range map[int]key.Kind{0: key.KindPut, 4: key.KindMerge, 100: key.KindPut} {
			t.Run(fmt.Sprint(name, valueLen), func(t *testing.T) {
				a := NewArenas()
				defer a.Close()
				const promise = 6 << 20
				mem, err := New(a, Options{Bytes: promise})
				if err != nil {
					t.Fatal(err)
				}
				var k [5]byte
				v := make([]byte, valueLen)
				for i := uint64(1); mem.Bytes()+EntryBytes(len(k), valueLen) <= promise; i++ {
					x := order(i)
					k[0] = byte(x >> 32)
					binary.BigEndian.PutUint32(k[1:], uint32(x))
					mem.Add(k[:], v, key.MakeTrailer(i, kind))
				}
				t.Logf("%d keys charged %d touched %d", mem.Count(), mem.Bytes(), mem.Touched())
				if mem.Touched() > 2*promise {
					t.Fatalf("touched %d of a promise of %d", mem.Touched(), promise)
				}
			})
		}
	}
}

// TestOverfillingPanics claims that a caller beyond the promise is stopped before memory is harmed.
func TestOverfillingPanics(t *testing.T) {
	mem, err := New(NewArenas(), Options{Bytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Fatal("an arena took more than it has")
		}
	}()
	for i := range uint64(4) {
		mem.Add([]byte("k"), make([]byte, 1<<20), key.MakeTrailer(i, key.KindPut))
	}
}

// TestTooLargeIsAnError claims that New refuses what arenas cannot address.
func TestTooLargeIsAnError(t *testing.T) {
	for _, n := range []int64{-1, 17 << 30, 1 << 62} {
		if _, err := New(NewArenas(), Options{Bytes: n}); err == nil {
			t.Fatalf("a memtable of %d bytes was made", n)
		}
	}
}

// collect runs the garbage collector until done or, after many rounds, in vain.
func collect(done func() bool) bool {
	for range 1000 {
		if done() {
			return true
		}
		runtime.GC()
		runtime.Gosched()
	}
	return false
}

func fill(t *testing.T, a *Arenas, bytes int64) *Memtable {
	t.Helper()
	mem, err := New(a, Options{Bytes: bytes})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		mem.Add(fmt.Appendf(nil, "%d", i), []byte("value"), key.MakeTrailer(uint64(i), key.KindPut))
	}
	return mem
}

// TestArenasComeBack claims that an arena returns when its memtable is unreachable, not before, and
// that the next memtable gets it and does not see what it held.
func TestArenasComeBack(t *testing.T) {
	a := NewArenas()
	mem := fill(t, a, 1<<20)
	if out := a.Outstanding(); out < 1000*40 || out > 1<<20 {
		t.Fatalf("outstanding %d", out)
	}
	it := mem.NewIter(key.MaxSeq, nil)
	base := mem.arena.base
	mem = nil
	runtime.GC()
	runtime.GC()
	if a.Outstanding() == 0 || !it.SeekGE([]byte("5")) || string(it.Key()) != "5" {
		t.Fatal("the iterator did not hold its memtable")
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if !collect(func() bool { return a.Outstanding() == 0 }) {
		t.Fatal("the arena did not come back")
	}
	mem, err := New(a, Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if mem.arena.base != base {
		t.Fatal("the arena was not reused")
	}
	it = mem.NewIter(key.MaxSeq, nil)
	if _, _, ok := mem.Get([]byte("5"), key.MaxSeq); ok || it.First() || it.Last() || !mem.Empty() {
		t.Fatal("a new memtable shows old keys")
	}
	runtime.KeepAlive(mem)
}

// TestPoolStaysSmall claims that neither many nor oversize arenas are kept, and none after Close.
func TestPoolStaysSmall(t *testing.T) {
	a := NewArenas()
	hold := make([]*Memtable, 6)
	for i := range hold {
		hold[i] = fill(t, a, 1<<20)
	}
	idle := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.idle)
	}
	back := func() bool { return a.Outstanding() == 0 }
	clear(hold)
	if !collect(back) || idle() != maxIdle {
		t.Fatalf("%d idle arenas, want %d", idle(), maxIdle)
	}
	_ = fill(t, a, 64<<20)
	if !collect(back) || idle() != maxIdle {
		t.Fatalf("after a huge batch %d arenas idle, want %d", idle(), maxIdle)
	}
	mem := fill(t, a, 1<<20)
	a.Close()
	if v, _, ok := mem.Get([]byte("7"), key.MaxSeq); !ok || string(v) != "value" {
		t.Fatal("Close took the memory of a memtable that lives")
	}
	mem = nil
	if !collect(back) || idle() != 0 {
		t.Fatal("a closed pool keeps arenas")
	}
}

// TestReadersKeepTheArena claims that a memtable whose last use is a read is not collected in it: the
// arena is unmapped at once, so a read too late faults.
func TestReadersKeepTheArena(t *testing.T) {
	a := NewArenas()
	a.Close()
	r := rand.New(rand.NewPCG(1, 1))
	done := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for range 200 {
		mem := fill(t, a, 64<<10)
		k := fmt.Appendf(nil, "%d", r.IntN(1000))
		if _, _, ok := mem.Get(k, key.MaxSeq); !ok {
			t.Fatalf("lost %s", k)
		}
		it := fill(t, a, 64<<10).NewIter(key.MaxSeq, nil)
		n := 0
		for ok := it.First(); ok; ok = it.Next() {
			n++
		}
		if n != 1000 {
			t.Fatalf("walked %d of 1000", n)
		}
	}
	close(stop)
	<-done
}
