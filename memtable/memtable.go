package memtable

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/middb/middb/key"
)

const (
	// nodeShare is what an entry is charged for its place in the tree: two leaves of 256 bytes
	// with alignment are made for about 11 keys in random order, and inner nodes for them.
	nodeShare = 48
	// fixedBytes is the part of an arena that does not grow with the promise: the first nodes.
	fixedBytes = 256 << 10
	// maxPromise is the greatest capacity whose arena a place can address.
	maxPromise = (maxUnits*unit-fixedBytes)/2 - hugePage
)

// Options are what a memtable is made for.
type Options struct {
	// Bytes is the promise of capacity: every Add, AddMerge and DeleteRange succeeds as long as
	// the sum of what they are charged, as EntryBytes, MergeBytes and RangeBytes tell, is at most Bytes.
	Bytes int64
	// Prefix is the common prefix that most keys are expected to have, from the previous memtable's
	// Prefix; nil if unknown. Any key is allowed whatever it says.
	Prefix []byte
}

// A Memtable holds the newest writes in key order. One goroutine at a time may call Add, AddHint,
// AddMerge and DeleteRange; any number may call everything else meanwhile and never wait. Keys and values read from it alias
// its arena: whoever keeps them keeps the Memtable reachable.
type Memtable struct {
	tree    atomic.Pointer[tree]           // what readers descend
	deletes atomic.Pointer[[]rangeVersion] // one for each DeleteRange, ascending; nil before the first
	merged  atomic.Bool                    // there is a merge
	_       [44]byte                       // keeps the writer's counters off the readers' cache line

	tally   atomic.Uint64 // charged units << 32 | distinct keys
	arena   *arena
	adaptAt uint64 // distinct keys at which the prefix is looked at next
	path    [maxLevels]step
	scratch []byte // where merges are folded
	rest    place  // of the merge that is being added, or restBefore
}

// step remembers an inner node on the writer's way to a leaf, and the rank of the child taken.
type step struct {
	at   place
	rank int
}

var generations atomic.Uint32

// EntryBytes returns what one Add of a key and value of these lengths is charged: an estimate of the
// memory it takes, with its share of the tree's nodes.
func EntryBytes(keyLen, valueLen int) int64 {
	return int64(entryUnits(keyLen, valueLen)*unit + nodeShare)
}

func entryUnits(keyLen, valueLen int) uint64 {
	return (keyOffset + uint64(keyLen) + uint64(valueLen) + unit - 1) / unit
}

// New returns an empty memtable in an arena of a.
func New(a *Arenas, o Options) (*Memtable, error) {
	// Twice the charge holds the worst case; see the package comment. Memory that is not touched
	// costs nothing.
	if o.Bytes < 0 || o.Bytes > maxPromise {
		return nil, fmt.Errorf("memtable of %d bytes: beyond what an arena can address", o.Bytes)
	}
	size := (2*o.Bytes + fixedBytes + hugePage - 1) / hugePage * hugePage
	ar, err := a.get(size)
	if err != nil {
		return nil, err
	}
	m := &Memtable{arena: ar, adaptAt: firstAdapt, rest: restBefore}
	t := &tree{base: ar.base, prefix: append([]byte(nil), o.Prefix...), gen: generations.Add(1)}
	first := ar.alloc(leafUnits, nodeUnits)
	n := t.node(first)
	n.perm, n.next, n.prev = 0, 0, 0
	n.asLeaf().high = noHighFence
	t.root.Store(uint64(first))
	m.tree.Store(t)
	runtime.AddCleanup(m, func(ar *arena) { ar.pool.put(ar) }, ar)
	return m, nil
}

// Get returns the newest version of k with a sequence number of at most seq. A tombstone is an
// answer too: the trailer tells, and older sources must not be asked. Where a range delete is newer, the
// answer is a tombstone with its sequence number. Of a merge it is the newest operand alone, unless the list
// is complete: AppendEntries gives the others. The value aliases the arena.
func (m *Memtable) Get(k []byte, seq uint64) (v []byte, t key.Trailer, ok bool) {
	if e := m.tree.Load().find(k, seq); e != nil {
		v, t, ok = e.value(), e.trailer, true
	}
	if m.deletes.Load() != nil {
		if s := m.deletesAt(seq).at(k); s > t.Seq() {
			v, t, ok = nil, key.MakeTrailer(s, key.KindDelete), true
		}
	}
	runtime.KeepAlive(m)
	return v, t, ok
}

// Bytes returns the sum of what EntryBytes, MergeBytes and RangeBytes charge for all calls of Add, AddMerge
// and DeleteRange so far.
func (m *Memtable) Bytes() int64 { return int64(m.tally.Load() >> 32 * unit) }

// Count returns how many distinct user keys there are, those of tombstones included.
func (m *Memtable) Count() int { return int(m.tally.Load() & (1<<32 - 1)) }

// CountIn returns how many user keys there are from start, inclusive, to end, exclusive, those of
// tombstones and those that range deletes cover included. It counts no further than limit. Any goroutine
// may call it.
func (m *Memtable) CountIn(start, end []byte, limit int) int {
	t := m.tree.Load()
	w, wEnd := t.word(start), t.word(end)
	n := t.node(t.leafOf(start, w))
	perm := atomic.LoadUint64(&n.perm)
	from, _ := t.position(n, perm, w, start)
	count := 0
	for {
		to, _ := t.position(n, perm, wEnd, end)
		count += max(to-from, 0)
		next := atomic.LoadUint32(&n.next)
		if to < int(perm&15) || count >= limit || next == 0 {
			break
		}
		n, from = t.node(next), 0
		perm = atomic.LoadUint64(&n.perm)
	}
	runtime.KeepAlive(m)
	return min(count, limit)
}

// Empty reports whether nothing was added yet, and no range deleted.
func (m *Memtable) Empty() bool { return m.tally.Load() == 0 }

// Touched returns how many bytes of the arena are in use, to the next 64 KiB.
func (m *Memtable) Touched() int64 { return m.arena.touched.Load() }
