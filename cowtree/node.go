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

// sorted are keys in order. The heads are moved when one is inserted; the keys, and the values of a leaf, stay in the slots
// they came to, since the garbage collector makes it dear to move pointers. Slots are used from the first on.
type sorted struct {
	heads []head
	keys  [][]byte        // by slot
	slots [maxItems]uint8 // by order
	next  uint8           // behind what was inserted last, where the next key belongs if they come in order; 0: unknown
}

// key returns key i.
func (s *sorted) key(i int) []byte { return s.keys[s.slots[i]] }

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
	switch c := bytes.Compare(s.key(i), k); {
	case c == 0:
		return i, true
	case c > 0:
		return i, false
	}
	low, high := i+1, len(s.heads)
	for low < high {
		mid := (low + high) / 2
		if s.heads[mid] == h && bytes.Compare(s.key(mid), k) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(s.heads) && bytes.Equal(s.key(low), k)
}

// insertKey puts a key in its place, which there is room for. Its slot is the last.
func (s *sorted) insertKey(i int, h head, k []byte) {
	n := len(s.heads)
	s.heads, s.keys = s.heads[:n+1], s.keys[:n+1]
	copy(s.heads[i+1:], s.heads[i:n])
	copy(s.slots[i+1:n+1], s.slots[i:n])
	s.heads[i], s.keys[n], s.slots[i] = h, k, uint8(n)
	s.next = uint8(i + 1)
}

// appendKeys appends keys of another node, from i on.
func (s *sorted) appendKeys(from *sorted, i int) {
	for ; i < len(from.heads); i++ {
		s.slots[len(s.heads)] = uint8(len(s.heads))
		s.heads = append(s.heads, from.heads[i])
		s.keys = append(s.keys, from.key(i))
	}
}

// gather puts the elements of some slots into the first ones, in order, and leaves nothing behind these.
func gather[E any](s []E, slots []uint8) []E {
	var kept [maxItems]E
	for i, slot := range slots {
		kept[i] = s[slot]
	}
	n := copy(s, kept[:len(slots)])
	clear(s[n:])
	return s[:n]
}

// cut takes elements i to before j out of s, in place, and leaves nothing behind its end.
func cut[E any](s []E, i, j int) []E {
	n := i + copy(s[i:], s[j:])
	clear(s[n:])
	return s[:n]
}

// A node is a leaf, which has entries, or an inner node, which has children and a separator between each two: the keys
// under child i+1 are not below separator i, and those under child i are below it. All leaves are at one depth.
// Only the leaf that a Set is about to fill is ever empty. The slices never outgrow the memory they begin with.
type node[V any] struct {
	sorted
	values   []V        // of a leaf, by slot
	children []*node[V] // of an inner node, which always has one; nil: a leaf
	owner    *owner
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
		l.node = node[V]{sorted: sorted{heads: l.heads[:0], keys: l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	case n <= 12:
		l := new(leaf12[V])
		l.node = node[V]{sorted: sorted{heads: l.heads[:0], keys: l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	default:
		l := new(leafMax[V])
		l.node = node[V]{sorted: sorted{heads: l.heads[:0], keys: l.keys[:0]}, values: l.values[:0], owner: o}
		return &l.node
	}
}

// newInner returns an inner node without children.
func newInner[V any](o *owner) *node[V] {
	n := new(inner[V])
	n.node = node[V]{sorted: sorted{heads: n.heads[:0], keys: n.keys[:0]}, children: n.children[:0], owner: o}
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
		c.appendKeys(&n.sorted, 0)
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
	n.insertKey(i, h, k)
	n.values = append(n.values, v)
}

// insertChild puts a child behind child i, with the separator between them, into a node that has room.
func (n *node[V]) insertChild(i int, h head, sep []byte, c *node[V]) {
	n.insertKey(i, h, sep)
	n.children = n.children[:len(n.heads)+1]
	copy(n.children[i+2:], n.children[i+1:])
	n.children[i+1] = c
}

// appendItems appends the entries of another leaf from i on.
func (n *node[V]) appendItems(from *node[V], i int) {
	n.appendKeys(&from.sorted, i)
	for ; i < len(from.heads); i++ {
		n.values = append(n.values, from.values[from.slots[i]])
	}
}

// appendChildren gives a new node the children of another from i on, and the separators between them.
func (n *node[V]) appendChildren(from *node[V], i int) {
	n.appendKeys(&from.sorted, i)
	n.children = append(n.children, from.children[i:]...)
}

// truncate leaves the first i entries, or separators and the children around them.
func (n *node[V]) truncate(i int) {
	n.cutItems(i, len(n.heads))
	if n.children != nil {
		n.children = cut(n.children, i+1, len(n.children))
	}
}

// cutItems takes out the entries, or separators, from i to before j.
func (n *node[V]) cutItems(i, j int) {
	if i == j {
		return
	}
	slots := append(n.slots[:i], n.slots[j:len(n.heads)]...)
	n.heads = append(n.heads[:i], n.heads[j:]...)
	n.keys = gather(n.keys, slots)
	if n.children == nil {
		n.values = gather(n.values, slots)
	}
	for at := range slots {
		slots[at] = uint8(at)
	}
}

// cutChildren takes the children from i to before j out, and as many separators.
func (n *node[V]) cutChildren(i, j int) {
	if i == j {
		return
	}
	n.children = cut(n.children, i, j)
	if i > 0 {
		n.cutItems(i-1, j-1)
	} else {
		n.cutItems(0, min(j, len(n.heads)))
	}
}
