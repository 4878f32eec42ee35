package cowtree

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// An owner is the token of a Map: its address is what counts, so it must have a size.
type owner struct{ _ byte }

// A head is the first 16 bytes of a key as numbers, zeros behind a shorter one: of keys with different heads, the one with
// the smaller head is the smaller one.
type head struct{ hi, lo uint64 }

func headOf(k []byte) head {
	if len(k) >= 16 {
		return head{binary.BigEndian.Uint64(k), binary.BigEndian.Uint64(k[8:])}
	}
	var b [16]byte
	copy(b[:], k)
	return head{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// below returns 1 if h is below o, otherwise 0.
func (h head) below(o head) int {
	_, borrow := bits.Sub64(h.lo, o.lo, 0)
	_, borrow = bits.Sub64(h.hi, o.hi, borrow)
	return int(borrow)
}

// sorted are keys in order, and their heads.
type sorted struct {
	heads []head
	keys  [][]byte
}

// find returns the index of the first key that is not below k, and whether it is k.
func (s *sorted) find(h head, k []byte) (i int, found bool) {
	heads := s.heads
	n := len(heads)
	for n > 1 {
		half := n / 2
		i += half * heads[i+half-1].below(h)
		n -= half
	}
	if n == 1 {
		i += heads[i].below(h)
	}
	if i < len(heads) && heads[i] == h {
		return s.findAmongEqual(i, h, k)
	}
	return i, false
}

// findAmongEqual is find from the first key that has the head of k.
func (s *sorted) findAmongEqual(i int, h head, k []byte) (at int, found bool) {
	switch c := bytes.Compare(s.keys[i], k); {
	case c == 0:
		return i, true
	case c > 0:
		return i, false
	}
	low, high := i+1, len(s.heads)
	for low < high {
		mid := (low + high) / 2
		if s.heads[mid] == h && bytes.Compare(s.keys[mid], k) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(s.heads) && bytes.Equal(s.keys[low], k)
}

// insertKey puts a key in its place, which there is room for.
func (s *sorted) insertKey(i int, h head, k []byte) {
	n := len(s.heads)
	s.heads, s.keys = s.heads[:n+1], s.keys[:n+1]
	copy(s.heads[i+1:], s.heads[i:n])
	copy(s.keys[i+1:], s.keys[i:n])
	s.heads[i], s.keys[i] = h, k
}

// cutKeys takes out the keys from i to before j.
func (s *sorted) cutKeys(i, j int) {
	s.heads = append(s.heads[:i], s.heads[j:]...)
	s.keys = cut(s.keys, i, j)
}

// cut takes elements i to before j out of s, in place, and leaves nothing behind its end.
func cut[E any](s []E, i, j int) []E {
	n := i + copy(s[i:], s[j:])
	clear(s[n:])
	return s[:n]
}

// A node is a leaf, which has entries, or an inner node, which has children and a separator between each two:
// what is below child i+1 is not below separator i, and what is below child i is below it. All leaves are at one depth.
// Only the leaf that a Set is about to fill is ever empty. The slices never outgrow the memory they begin with.
type node[V any] struct {
	sorted
	values   []V        // of a leaf
	children []*node[V] // of an inner node, which always has one; nil: a leaf
	owner    *owner
	next     int // behind what was inserted last, where the next key belongs if they come in order; 0: unknown
}

// With these, and values of 32 bytes, nodes fill what the allocator gives. Greater ones cost more where iterators are open.
const (
	maxItems    = 30 // of a leaf
	maxChildren = 24
)

// A leaf and its memory are one allocation. There are small ones, because most transactions are.
type (
	leaf4[V any] struct {
		node[V]
		heads  [4]head
		keys   [4][]byte
		values [4]V
	}
	leaf12[V any] struct {
		node[V]
		heads  [12]head
		keys   [12][]byte
		values [12]V
	}
	leafMax[V any] struct {
		node[V]
		heads  [maxItems]head
		keys   [maxItems][]byte
		values [maxItems]V
	}
	inner[V any] struct {
		node[V]
		heads    [maxChildren - 1]head
		keys     [maxChildren - 1][]byte
		children [maxChildren]*node[V]
	}
)

// newLeaf returns an empty leaf with room for n entries or more.
func newLeaf[V any](o *owner, n int) *node[V] {
	switch {
	case n <= 4:
		l := new(leaf4[V])
		l.node = node[V]{sorted: sorted{l.heads[:0], l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	case n <= 12:
		l := new(leaf12[V])
		l.node = node[V]{sorted: sorted{l.heads[:0], l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	default:
		l := new(leafMax[V])
		l.node = node[V]{sorted: sorted{l.heads[:0], l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	}
}

// newInner returns an inner node without children.
func newInner[V any](o *owner) *node[V] {
	n := new(inner[V])
	n.node = node[V]{sorted: sorted{n.heads[:0], n.keys[:0]}, children: n.children[:0], owner: o}
	return &n.node
}

// copied returns a copy that o owns, a leaf with room for n entries or more.
func (n *node[V]) copied(o *owner, room int) *node[V] {
	var c *node[V]
	if n.children == nil {
		c = newLeaf[V](o, room)
		c.appendItems(n, 0)
	} else {
		c = newInner[V](o)
		c.appendKeys(n, 0)
		c.children = append(c.children, n.children...)
	}
	c.next = n.next
	return c
}

// full reports whether there is no room for another entry or child.
func (n *node[V]) full() bool { return len(n.heads) == cap(n.heads) }

// empty reports whether nothing is below n.
func (n *node[V]) empty() bool { return len(n.heads) == 0 && len(n.children) == 0 }

// child returns the index of the child where k belongs.
func (n *node[V]) child(h head, k []byte) int {
	i, found := n.find(h, k)
	if found {
		i++
	}
	return i
}

// insert puts an entry into a leaf that has room.
func (n *node[V]) insert(i int, h head, k []byte, v V) {
	n.next = i + 1
	n.insertKey(i, h, k)
	n.values = n.values[:len(n.heads)]
	copy(n.values[i+1:], n.values[i:])
	n.values[i] = v
}

// insertChild puts a child behind child i, with the separator between them, into a node that has room.
func (n *node[V]) insertChild(i int, h head, sep []byte, c *node[V]) {
	n.next = i + 1
	n.insertKey(i, h, sep)
	n.children = n.children[:len(n.heads)+1]
	copy(n.children[i+2:], n.children[i+1:])
	n.children[i+1] = c
}

// appendItems appends the entries of another leaf from i on.
func (n *node[V]) appendItems(from *node[V], i int) {
	n.appendKeys(from, i)
	n.values = append(n.values, from.values[i:]...)
}

// appendChildren gives a new node the children of another from i on, and the separators between them.
func (n *node[V]) appendChildren(from *node[V], i int) {
	n.appendKeys(from, i)
	n.children = append(n.children, from.children[i:]...)
}

func (n *node[V]) appendKeys(from *node[V], i int) {
	n.heads = append(n.heads, from.heads[i:]...)
	n.keys = append(n.keys, from.keys[i:]...)
}

// truncate leaves the first i entries, or separators and the children around them.
func (n *node[V]) truncate(i int) {
	n.cutKeys(i, len(n.heads))
	if n.children == nil {
		n.values = cut(n.values, i, len(n.values))
	} else {
		n.children = cut(n.children, i+1, len(n.children))
	}
}

// cutItems takes the entries from i to before j out of a leaf.
func (n *node[V]) cutItems(i, j int) {
	n.cutKeys(i, j)
	n.values = cut(n.values, i, j)
}

// cutChildren takes the children from i to before j out, and as many separators.
func (n *node[V]) cutChildren(i, j int) {
	if i == j {
		return
	}
	n.children = cut(n.children, i, j)
	if i > 0 {
		n.cutKeys(i-1, j-1)
	} else {
		n.cutKeys(0, min(j, len(n.heads)))
	}
}
