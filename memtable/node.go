package memtable

import (
	"bytes"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/middb/middb/key"
)

const (
	fan = 15 // slots of a node
	// frozen in place of prev marks a node that a split replaced.
	frozen = ^place(0)
	// identity is the permutation that leaves 15 slots where they are.
	identity = 0xEDCBA9876543210
	// half is what each side gets when a node with one entry too many is split.
	half = (fan + 1) / 2
	// halfPerm lists slots 0 to 7 in order.
	halfPerm = (identity&(1<<(4*half)-1))<<4 | half

	keyOffset   = 20 // of the key in an entry
	leafUnits   = uint64(unsafe.Sizeof(leaf{}) / unit)
	innerUnits  = uint64(unsafe.Sizeof(inner{}) / unit)
	maxLevels   = 16 // levels of inner nodes; at 8 children or more 32 GiB need 10
	maxKeyWord  = ^uint64(0)
	noHighFence = ^uint64(0)
)

// entry is the header of one version of a key; key and value follow at keyOffset.
type entry struct {
	trailer  key.Trailer
	older    place // the version before this one, or 0
	keyLen   uint32
	valueLen uint32
}

// node is what leaves and inner nodes have in common. perm, next and refs are read by other
// goroutines while the writer changes them: atomically on both sides. A slot's word, reference and
// child are plain until the permutation that names the slot is stored.
type node struct {
	perm  uint64 // count in the low 4 bits, then 15 slot numbers in key order, 4 bits each
	next  place  // right neighbour
	prev  place  // left neighbour, or frozen; the writer's alone
	words [fan]uint64
	refs  [fan]place // newest version of the key; in an inner node any version
}

// leaf is a node of level 0.
type leaf struct {
	node
	// high is the word of the first key right of this leaf, the writer's alone.
	high uint64
}

// inner views the children of a node above level 0. They begin where the references end.
type inner struct {
	_     [unsafe.Offsetof(node{}.refs)]byte
	_     [fan]place
	child [fan]place // child s has the keys from slot s's key up to the next one's
}

// tree is one B-link tree over the memtable's entries. A memtable has one at a time; a new one, with
// a better prefix, replaces it as a whole.
type tree struct {
	base   unsafe.Pointer // of the arena
	prefix []byte         // cut from keys before their word is taken; never changes
	gen    uint32         // tells this tree from any other of the process, for hints
	root   atomic.Uint64  // level << 32 | place
}

// word maps k to 8 bytes, in order: of two keys with different words the one with the smaller word
// is the smaller. Keys below the prefix have word 0, those above it the greatest.
func (t *tree) word(k []byte) uint64 {
	if len(t.prefix) == 0 {
		return key.Head(k)
	}
	return t.wordAfterPrefix(k)
}

func (t *tree) wordAfterPrefix(k []byte) uint64 {
	if n := len(t.prefix); len(k) >= n && string(k[:n]) == string(t.prefix) {
		return key.Head(k[n:])
	}
	if bytes.Compare(k, t.prefix) < 0 {
		return 0
	}
	return maxKeyWord
}

func (t *tree) node(p place) *node {
	return (*node)(unsafe.Add(t.base, uintptr(p)*unit))
}

func (t *tree) entry(p place) *entry {
	return (*entry)(unsafe.Add(t.base, uintptr(p)*unit))
}

func (n *node) children() *[fan]place { return &(*inner)(unsafe.Pointer(n)).child }

func (n *node) asLeaf() *leaf { return (*leaf)(unsafe.Pointer(n)) }

func (e *entry) key() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(e), keyOffset)), e.keyLen)
}

func (e *entry) value() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(e), keyOffset+uintptr(e.keyLen))), e.valueLen)
}

// slot returns which slot is the r-th in key order.
func slot(perm uint64, r int) uint64 { return perm >> (4 + 4*uint(r)) & 15 }

// withSlot returns perm with the next free slot put in at rank r.
func withSlot(perm uint64, r int) uint64 {
	count := perm & 15
	shift := 4 * uint(r)
	body := perm >> 4
	low := body & (1<<shift - 1)
	high := body >> shift << (shift + 4)
	return (high|count<<shift|low)<<4 | (count + 1)
}

// position counts the keys below k, whose word is w, among those that perm names, and tells whether
// the next one is k. The loop has no branches to mispredict: it adds up comparisons.
func (t *tree) position(n *node, perm, w uint64, k []byte) (r int, found bool) {
	below, equal := uint64(0), uint64(0)
	for _, v := range n.words[:perm&15] {
		_, b := bits.Sub64(v, w, 0) // 1 if v < w
		below += b
		_, b = bits.Sub64(v^w, 1, 0) // 1 if v == w
		equal += b
	}
	if equal == 0 {
		return int(below), false
	}
	return t.positionOfEqual(n, perm, int(below), int(below+equal), k)
}

// positionOfEqual settles by whole keys where k goes among the ranks lo to hi, whose words are k's.
//
//go:noinline
func (t *tree) positionOfEqual(n *node, perm uint64, lo, hi int, k []byte) (r int, found bool) {
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		e := t.entry(atomic.LoadUint32(&n.refs[slot(perm, mid)]))
		switch c := bytes.Compare(e.key(), k); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// leafOf returns the leaf that k, whose word is w, belongs to: it holds k if k was published before
// the call.
func (t *tree) leafOf(k []byte, w uint64) place { return t.descend(k, w, false) }

// leafBelow returns the leaf that holds the greatest key below k, whose word is w, or the first leaf
// if there is none.
func (t *tree) leafBelow(k []byte, w uint64) place { return t.descend(k, w, true) }

// descend goes down by the greatest separators that are not above k, or are below it.
func (t *tree) descend(k []byte, w uint64, below bool) place {
	root := t.root.Load()
	at := place(root)
	for level := root >> 32; level > 0; level-- {
		n := t.node(at)
		for {
			perm := atomic.LoadUint64(&n.perm)
			r, found := t.position(n, perm, w, k)
			if r > 0 && (below || !found) {
				r--
			}
			at = atomic.LoadUint32(&n.children()[slot(perm, r)])
			if atomic.LoadUint64(&n.perm) == perm {
				break
			}
			// A split put the separator of its right half in and may since have put its left half in
			// the place we read, where k need not be.
		}
	}
	return at
}

// edge returns the first leaf, or the last.
func (t *tree) edge(last bool) place {
	root := t.root.Load()
	at := place(root)
	for level := root >> 32; level > 0; level-- {
		n := t.node(at)
		for {
			perm := atomic.LoadUint64(&n.perm)
			r := 0
			if last {
				r = int(perm&15) - 1
			}
			at = atomic.LoadUint32(&n.children()[slot(perm, r)])
			if atomic.LoadUint64(&n.perm) == perm {
				break
			}
		}
	}
	return at
}

// find returns the newest version of k with a sequence number of at most seq, or nil.
func (t *tree) find(k []byte, seq uint64) *entry {
	w := t.word(k)
	n := t.node(t.leafOf(k, w))
	perm := atomic.LoadUint64(&n.perm)
	r, found := t.position(n, perm, w, k)
	if !found {
		return nil
	}
	return t.visible(atomic.LoadUint32(&n.refs[slot(perm, r)]), seq)
}

// visible returns the newest version at or behind place p with a sequence number of at most seq,
// or nil.
func (t *tree) visible(p place, seq uint64) *entry {
	for p != 0 {
		e := t.entry(p)
		if e.trailer.Seq() <= seq {
			return e
		}
		p = e.older
	}
	return nil
}
