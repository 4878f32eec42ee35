package memtable

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/offheap"
)

const (
	// unit is what arena places count: 32 bits of them span 32 GiB.
	unit = 8
	// maxUnits is how much of an arena a place can name.
	maxUnits = 1 << 32
	// nodeUnits aligns nodes to cache lines.
	nodeUnits = 64 / unit
	// firstUnit leaves room for the sentinel entry at place 0.
	firstUnit = 64 / unit
	// granuleUnits is how finely the use of an arena is published.
	granuleUnits = 64 << 10 / unit
	// hugePage is what arena sizes are rounded up to.
	hugePage = 2 << 20
	// maxIdle is how many arenas the pool keeps for the next memtables.
	maxIdle = 3
	// oversizeFactor tells an arena made for one huge batch from the usual ones.
	oversizeFactor = 4
)

// Arenas is a pool of the off-heap memory that memtables live in. A memtable's arena comes back
// when the garbage collector finds the Memtable unreachable, and the next memtable of the same size
// reuses it: its pages are mapped already. Safe for concurrent use.
type Arenas struct {
	mu     sync.Mutex
	idle   []*arena            // all of size usual
	live   map[*arena]struct{} // handed out and not collected
	usual  int64               // size that arenas are kept at
	limit  int64               // resident bytes above which none is kept; 0: no limit
	closed bool
}

// NewArenas returns an empty pool.
func NewArenas() *Arenas { return &Arenas{live: map[*arena]struct{}{}} }

// Outstanding returns how many bytes of arenas are in use by memtables that are not yet collected.
func (a *Arenas) Outstanding() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n int64
	for ar := range a.live {
		n += ar.touched.Load()
	}
	return n
}

// Backed returns how many bytes of memory stand behind the arenas that are in use by memtables which are not yet
// collected: what these have used, or what earlier ones have of an arena that is used again.
func (a *Arenas) Backed() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.backed()
}

func (a *Arenas) backed() (n int64) {
	for ar := range a.live {
		n += max(ar.peak, ar.touched.Load())
	}
	return n
}

// Resident returns how many bytes of memory all arenas take: those in use, and those that wait for
// the next memtable with their pages mapped.
func (a *Arenas) Resident() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.resident()
}

func (a *Arenas) resident() int64 {
	n := a.backed()
	for _, ar := range a.idle {
		n += ar.peak
	}
	return n
}

// SetLimit makes the pool keep no arena that comes back while more than n bytes are resident.
func (a *Arenas) SetLimit(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = n
}

// Trim gives the memory of arenas that are not in use back to the system.
func (a *Arenas) Trim() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dropIdle()
}

// Close frees what is idle, and from now on whatever comes back. Memtables that still live stay
// usable; New may still be called and gets memory that is not pooled.
func (a *Arenas) Close() {
	a.mu.Lock()
	idle := a.idle
	a.idle, a.closed = nil, true
	a.mu.Unlock()
	for _, ar := range idle {
		offheap.Free(ar.buf)
	}
}

// get hands out an arena of the given size, which is a multiple of hugePage.
func (a *Arenas) get(size int64) (*arena, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	// An arena for one huge batch is mapped and unmapped for it alone.
	if a.usual == 0 || size <= oversizeFactor*a.usual {
		if size != a.usual {
			a.dropIdle()
		}
		a.usual = size
		if n := len(a.idle); n > 0 {
			ar := a.idle[n-1]
			a.idle = a.idle[:n-1]
			ar.reset()
			a.live[ar] = struct{}{}
			return ar, nil
		}
	}
	// A memtable of a few KiB would have a whole huge page zeroed, and resident, for its first entry.
	buf, err := offheap.Alloc(int(size), size > hugePage)
	if err != nil {
		return nil, fmt.Errorf("allocate a memtable arena: %w", err)
	}
	ar := &arena{pool: a, buf: buf, base: unsafe.Pointer(unsafe.SliceData(buf))}
	ar.reset()
	a.live[ar] = struct{}{}
	return ar, nil
}

// put takes back an arena that nobody can reach any more.
func (a *Arenas) put(ar *arena) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ar.peak = max(ar.peak, ar.touched.Load())
	full := a.limit > 0 && a.resident() > a.limit
	delete(a.live, ar)
	if a.closed || full || int64(len(ar.buf)) != a.usual || len(a.idle) >= maxIdle {
		offheap.Free(ar.buf)
		return
	}
	a.idle = append(a.idle, ar)
}

func (a *Arenas) dropIdle() {
	for _, ar := range a.idle {
		offheap.Free(ar.buf)
	}
	a.idle = nil
}

// place names a position in an arena, in units from its start. Place 0 holds the sentinel entry and
// stands for none.
type place = uint32

// arena hands out memory front to back. Only the memtable's writer allocates. Nothing is cleared:
// whoever allocates writes every byte that will be read.
type arena struct {
	pool    *Arenas
	buf     []byte
	base    unsafe.Pointer
	next    uint64       // first free unit
	mark    uint64       // end of what touched has published
	touched atomic.Int64 // bytes in use, rounded up to a granule
	peak    int64        // the most an earlier memtable touched: pages that are mapped; guarded by pool.mu
}

func (a *arena) reset() {
	a.next, a.mark = firstUnit, firstUnit
	a.touched.Store(firstUnit * unit)
	*(*entry)(a.base) = entry{}
}

// alloc returns the place of n fresh units at a multiple of align, a power of two.
func (a *arena) alloc(n, align uint64) place {
	at := (a.next + align - 1) &^ (align - 1)
	a.next = at + n
	if a.next > a.mark {
		a.extend()
	}
	return place(at)
}

// extend publishes how far the arena is used now.
func (a *arena) extend() {
	// The last line stays free, so that no slice of the arena begins at its end.
	limit := uint64(len(a.buf))/unit - nodeUnits
	if a.next > limit {
		invariant.Check(false, "memtable arena of %d bytes holds what was promised to fit", len(a.buf))
	}
	a.mark = min((a.next+granuleUnits-1)&^(granuleUnits-1), limit)
	a.touched.Store(int64(a.mark * unit))
}
