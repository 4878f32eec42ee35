package page

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/middb/middb/offheap"
)

// stamp writes the number of a block here and there in it; stamped checks that.
func stamp(p []byte, block uint64) {
	for i := 0; i < len(p); i += 61 {
		p[i] = byte(block*31 + uint64(i))
	}
	if len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, block)
	}
}

func stamped(p []byte, block uint64) bool {
	if len(p) >= 8 && binary.LittleEndian.Uint64(p) != block {
		return false
	}
	for i := 61; i < len(p); i += 61 {
		if p[i] != byte(block*31+uint64(i)) {
			return false
		}
	}
	return true
}

func TestClassesHoldTheirSizes(t *testing.T) {
	last := 0
	for n := 1; n <= maxClass; n++ {
		class, size := classOf(n)
		if size < n || class < 0 || class >= numClasses || class < last || n > minClass && size*4 > n*5+4 {
			t.Fatalf("%d bytes: class %d of %d bytes", n, class, size)
		}
		last = class
	}
	if last != numClasses-1 {
		t.Fatalf("the last class is %d of %d", last, numClasses)
	}
}

// get reads block i of a make-believe table through the cache.
func get(t testing.TB, c *Cache, slots []Slot, i, size int) *Buffer {
	if b := slots[i].Acquire(); b != nil {
		return b
	}
	b, err := c.Alloc(size)
	if err != nil {
		t.Fatal(err)
	}
	stamp(b.Bytes(), uint64(i))
	return c.Publish(&slots[i], b)
}

func TestCacheKeepsWithinCapacity(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		capacity := int64(1) << (17 + rng.IntN(6))
		c := NewCache(capacity)
		slots := make([]Slot, 400)
		size := func(i int) int { return 1 + (i*i*7919)%[]int{2000, 9000, 70000}[int(seed)%3] }
		for range 2000 {
			i := rng.IntN(len(slots))
			switch rng.IntN(400) {
			case 0:
				c.Drop(&slots[i])
			case 1:
				capacity = int64(1) << (17 + rng.IntN(6))
				c.SetCapacity(capacity)
			}
			b := get(t, c, slots, i, size(i))
			if !stamped(b.Bytes(), uint64(i)) {
				t.Fatalf("seed %d: block %d has the bytes of another", seed, i)
			}
			b.Unpin()
			if s := c.Stats(); s.Bytes > capacity || s.Private != 0 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
		}
		s := c.Stats()
		if s.Hits+s.Misses != 2000 {
			t.Fatalf("seed %d: 2000 gets, %+v", seed, s)
		}
		c.Close()
		if s := c.Stats(); s.Bytes != 0 || s.Private != 0 {
			t.Fatalf("seed %d: closed and %+v", seed, s)
		}
	}
}

func TestClosedCachesHoldNoMemory(t *testing.T) {
	before := offheap.Allocated()
	c := NewCache(1 << 20)
	slots := make([]Slot, 100)
	for i := range slots {
		get(t, c, slots, i, 5000).Unpin()
	}
	pinned := get(t, c, slots, 50, 5000)
	c.Close()
	if !stamped(pinned.Bytes(), 50) {
		t.Fatal("a pinned block changed when the cache was closed")
	}
	pinned.Unpin()
	c.Drop(&slots[50])
	if after := offheap.Allocated(); after != before {
		t.Fatalf("%d bytes were allocated before, %d after", before, after)
	}
}

func TestHotBlocksSurviveAScan(t *testing.T) {
	c := NewCache(4 << 20)
	defer c.Close()
	slots := make([]Slot, 4000)
	for range 4 {
		for i := range 100 {
			get(t, c, slots, i, 8<<10).Unpin()
		}
	}
	for i := 100; i < 1000; i++ {
		get(t, c, slots, i, 8<<10).Unpin()
	}
	hot := 0
	for i := range 100 {
		if slots[i].Cached() {
			hot++
		}
	}
	if hot < 90 {
		t.Fatalf("%d of 100 hot blocks survived a scan of twice the capacity", hot)
	}
}

func TestEverythingPinnedFallsBackToPrivateMemory(t *testing.T) {
	c := NewCache(1 << 20)
	slots := make([]Slot, 300)
	var pinned []*Buffer
	for i := range slots {
		pinned = append(pinned, get(t, c, slots, i, 8<<10))
	}
	s := c.Stats()
	if s.Bytes > 1<<20 || s.Private == 0 {
		t.Fatalf("%+v", s)
	}
	for i, b := range pinned {
		if !stamped(b.Bytes(), uint64(i)) {
			t.Fatalf("block %d changed while pinned", i)
		}
		b.Unpin()
	}
	if s := c.Stats(); s.Private != 0 {
		t.Fatalf("%+v", s)
	}
	c.Close()
}

func TestReserveTakesFromCapacity(t *testing.T) {
	c := NewCache(8 << 20)
	defer c.Close()
	slots := make([]Slot, 1000)
	fill := func() {
		for i := range slots {
			get(t, c, slots, i, 8<<10).Unpin()
		}
	}
	fill()
	c.Reserve(6 << 20)
	if s := c.Stats(); s.Bytes > 2<<20 {
		t.Fatalf("%+v", s)
	}
	fill()
	if s := c.Stats(); s.Bytes > 2<<20 || s.Bytes < 1<<20 {
		t.Fatalf("%+v", s)
	}
	c.Reserve(-6 << 20)
	fill()
	if s := c.Stats(); s.Bytes < 6<<20 {
		t.Fatalf("%+v", s)
	}
}

// TestPinnedBlocksNeverChange has goroutines share a cache with room for a fraction of their
// blocks. Freed memory is poisoned under the race detector, which also sees the writes.
func TestPinnedBlocksNeverChange(t *testing.T) {
	c := NewCache(512 << 10)
	slots := make([]Slot, 200)
	size := func(i int) int { return 100 + i*97%12000 }
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(g, 9))
			var held []*Buffer
			var which []int
			for range 1500 {
				i := rng.IntN(len(slots))
				held, which = append(held, get(t, c, slots, i, size(i))), append(which, i)
				switch rng.IntN(300) {
				case 0:
					c.Drop(&slots[rng.IntN(len(slots))])
				case 1:
					c.SetCapacity(int64(256+rng.IntN(512)) << 10)
				}
				if len(held) > 3 {
					if !stamped(held[0].Bytes(), uint64(which[0])) {
						t.Errorf("block %d changed while pinned", which[0])
					}
					held[0].Unpin()
					held, which = held[1:], which[1:]
				}
			}
			for _, b := range held {
				b.Unpin()
			}
		}()
	}
	wg.Wait()
	for i := range slots {
		c.Drop(&slots[i])
	}
	c.Close()
	if s := c.Stats(); s.Bytes != 0 || s.Private != 0 {
		t.Fatalf("%+v", s)
	}
}

func BenchmarkAcquire(b *testing.B) {
	c := NewCache(1 << 20)
	defer c.Close()
	slots := make([]Slot, 1)
	get(b, c, slots, 0, 8<<10).Unpin()
	for i := 0; i < b.N; i++ {
		slots[0].Acquire().Unpin()
	}
}

func BenchmarkMiss(b *testing.B) {
	c := NewCache(8 << 20)
	defer c.Close()
	slots := make([]Slot, 10000)
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		s := &slots[i*7919%len(slots)]
		if buf := s.Acquire(); buf != nil {
			buf.Unpin()
			continue
		}
		buf, _ := c.Alloc(8 << 10)
		c.Publish(s, buf).Unpin()
	}
}
