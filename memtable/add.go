package memtable

import (
	"encoding/binary"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/key"
)

// A Hint says where a key probably goes. It stays harmless whatever happens to the memtable
// meanwhile: AddHint uses it only if it still holds, and takes one of another memtable too. The zero
// Hint says nothing.
type Hint struct {
	gen  uint32
	leaf place
}

// Hint finds the leaf that k belongs to now and brings its cache lines in, so that an AddHint soon
// after is cheap. Any goroutine may call it.
func (m *Memtable) Hint(k []byte) Hint {
	t := m.tree.Load()
	w := t.word(k)
	at := t.leafOf(k, w)
	n := t.node(at)
	if perm := atomic.LoadUint64(&n.perm); perm != 0 {
		// Lines come in pairs: this one and that of the permutation bring in the leaf. An atomic load
		// is never optimised away.
		_ = atomic.LoadUint32(&n.refs[slot(perm, 0)])
	}
	runtime.KeepAlive(m)
	return Hint{gen: t.gen, leaf: at}
}

// Add inserts a version of k, copying k and v. Its trailer must not be below that of any earlier
// version of k. Readers that begin after Add returns see it. Going beyond the capacity that was
// promised is a broken invariant.
func (m *Memtable) Add(k, v []byte, tr key.Trailer) {
	t := m.tree.Load()
	w := t.word(k)
	root := t.root.Load()
	at := place(root)
	n := t.node(at)
	for level := int(root >> 32); level > 0; level-- {
		r, found := t.position(n, n.perm, w, k)
		if !found && r > 0 {
			r--
		}
		m.path[level] = step{at: at, rank: r}
		at = n.children()[slot(n.perm, r)]
		n = t.node(at)
	}
	perm := n.perm
	r, found := t.position(n, perm, w, k)
	switch {
	case found:
		m.overwrite(t, &n.refs[slot(perm, r)], k, v, tr)
	case perm&15 < fan:
		m.insert(n, perm, r, w, k, v, tr)
	default:
		e := m.newEntry(k, v, tr, 0)
		m.split(t, 0, at, r, separator{word: w, ref: e}, 0)
		m.charge(k, v, 1)
	}
	runtime.KeepAlive(m)
}

// AddHint is Add for a key of which Hint was asked before.
func (m *Memtable) AddHint(k, v []byte, tr key.Trailer, h Hint) {
	t := m.tree.Load()
	if h.gen != t.gen {
		m.Add(k, v, tr)
		return
	}
	n := t.node(h.leaf)
	if n.prev == frozen {
		m.Add(k, v, tr)
		return
	}
	w := t.word(k)
	perm := n.perm
	r, found := t.position(n, perm, w, k)
	switch {
	case found:
		m.overwrite(t, &n.refs[slot(perm, r)], k, v, tr)
	case perm&15 < fan && n.covers(r, w):
		m.insert(n, perm, r, w, k, v, tr)
	default:
		m.Add(k, v, tr)
	}
	runtime.KeepAlive(m)
}

// covers reports whether a key with word w and rank r among the keys of leaf n surely belongs there.
// The first key of a leaf is its separator, except of the first leaf, so only what is left of it or
// right of the last key can be a neighbour's.
func (n *node) covers(r int, w uint64) bool {
	if r == 0 && n.prev != 0 {
		return false
	}
	return r < int(n.perm&15) || n.next == 0 || w < n.asLeaf().high
}

// newEntry writes an entry that nobody can see yet.
func (m *Memtable) newEntry(k, v []byte, tr key.Trailer, older place) place {
	ar := m.arena
	size := len(v)
	if tr.Kind() == key.KindMerge {
		size += restBytes
	}
	p := ar.alloc(entryUnits(len(k), size), 1)
	e := (*entry)(unsafe.Add(ar.base, uintptr(p)*unit))
	e.trailer, e.older = tr, older
	e.keyLen, e.valueLen = uint32(len(k)), uint32(len(v))
	copy(e.key(), k)
	copy(e.value(), v)
	if tr.Kind() == key.KindMerge {
		rest := m.rest
		if rest == restBefore {
			rest = older
		}
		binary.NativeEndian.PutUint32(e.tail(), rest)
		if !m.merged.Load() {
			m.merged.Store(true)
		}
	}
	return p
}

// overwrite puts a new version in front of the one that ref, a slot's reference, names. Readers see
// either; the older one stays behind the newer.
func (m *Memtable) overwrite(t *tree, ref *place, k, v []byte, tr key.Trailer) {
	if last := t.entry(*ref).trailer; tr < last {
		invariant.Check(false, "versions of a key ascend: %v after %v", tr, last)
	}
	atomic.StoreUint32(ref, m.newEntry(k, v, tr, *ref))
	m.charge(k, v, 0)
}

// insert adds a new key at rank r of leaf n, which has room.
func (m *Memtable) insert(n *node, perm uint64, r int, w uint64, k, v []byte, tr key.Trailer) {
	s := perm & 15
	n.words[s] = w
	n.refs[s] = m.newEntry(k, v, tr, 0)
	atomic.StoreUint64(&n.perm, withSlot(perm, r))
	m.charge(k, v, 1)
}

// charge accounts for one Add and for the new key, if it was one.
func (m *Memtable) charge(k, v []byte, keys uint64) {
	units := entryUnits(len(k), len(v)) + nodeShare/unit
	sum := m.tally.Load() + (units<<32 | keys)
	m.tally.Store(sum)
	if keys != 0 && sum&(1<<32-1) == m.adaptAt {
		m.adapt()
	}
}

// separator is an entry of an inner node: the keys from ref's up to the next separator's are in
// child. At level 0 it is a key, without a child.
type separator struct {
	word  uint64
	ref   place
	child place
}

// set writes a slot that no published permutation names.
func (n *node) set(s uint64, sep separator) {
	n.words[s], n.refs[s] = sep.word, sep.ref
	if sep.child != 0 {
		n.children()[s] = sep.child
	}
}

// newNode allocates a node of a level with neighbours and no entries.
func (m *Memtable) newNode(t *tree, level int, prev, next place) (place, *node) {
	units := innerUnits
	if level == 0 {
		units = leafUnits
	}
	at := m.arena.alloc(units, nodeUnits)
	n := t.node(at)
	n.perm, n.prev, n.next = 0, prev, next
	if level == 0 {
		n.asLeaf().high = noHighFence
	}
	return at, n
}

// split adds sep at rank r of the full node at a level, by two new nodes in place of it. If left is
// not 0, it also takes the place of the child before sep. The old node is never changed again, so
// readers on it still find what was published before they came.
func (m *Memtable) split(t *tree, level int, at place, r int, sep separator, left place) {
	n := t.node(at)
	if r == fan && n.next == 0 && left == 0 {
		m.appendRight(t, level, at, n, sep)
		return
	}
	var all [fan + 1]separator
	for i, j := 0, 0; i <= fan; i++ {
		if i == r {
			all[i] = sep
			continue
		}
		s := slot(n.perm, j)
		j++
		all[i] = separator{word: n.words[s], ref: n.refs[s]}
		if level > 0 {
			all[i].child = n.children()[s]
		}
	}
	if left != 0 {
		all[r-1].child = left
	}
	la, ln := m.newNode(t, level, n.prev, 0)
	ra, rn := m.newNode(t, level, la, n.next)
	ln.next = ra
	for i := range uint64(half) {
		ln.set(i, all[i])
		rn.set(i, all[half+i])
	}
	ln.perm, rn.perm = halfPerm, halfPerm
	if level == 0 {
		ln.asLeaf().high, rn.asLeaf().high = all[half].word, n.asLeaf().high
	}
	if n.next != 0 {
		t.node(n.next).prev = ra
	}
	if n.prev != 0 {
		atomic.StoreUint32(&t.node(n.prev).next, la)
	}
	n.prev = frozen
	m.link(t, level, separator{all[half].word, all[half].ref, ra}, la, true)
}

// appendRight gives the key right of all others a node of its own, so that ascending keys fill their
// nodes. The full node stays as it is.
func (m *Memtable) appendRight(t *tree, level int, at place, n *node, sep separator) {
	ra, rn := m.newNode(t, level, at, 0)
	rn.set(0, sep)
	rn.perm = 1
	if level == 0 {
		n.asLeaf().high = sep.word
	}
	atomic.StoreUint32(&n.next, ra)
	m.link(t, level, separator{sep.word, sep.ref, ra}, at, false)
}

// link makes a new right node, described by sep, known to the level above. Its left neighbour is
// left, which takes the place of the node that was split if replaced is set.
//
// The separator must be visible before the left node is: then a reader that found the left node
// where the whole one was sees, looking again, that the permutation changed. See leafOf.
func (m *Memtable) link(t *tree, level int, sep separator, left place, replaced bool) {
	root := t.root.Load()
	if level == int(root>>32) {
		at, n := m.newNode(t, level+1, 0, 0)
		n.set(0, separator{child: left}) // below every key
		n.set(1, sep)
		n.perm = (identity&0xff)<<4 | 2
		t.root.Store(uint64(level+1)<<32 | uint64(at))
		return
	}
	up := m.path[level+1]
	n := t.node(up.at)
	perm := n.perm
	if perm&15 < fan {
		n.set(perm&15, sep)
		atomic.StoreUint64(&n.perm, withSlot(perm, up.rank+1))
		if replaced {
			atomic.StoreUint32(&n.children()[slot(perm, up.rank)], left)
		}
		return
	}
	if !replaced {
		left = 0
	}
	m.split(t, level+1, up.at, up.rank+1, sep, left)
}
