package cowtree

import "bytes"

// A Map is an ordered map from byte strings to values of V. The zero Map is empty. It must not be copied: Clone it.
// Keys are kept, not copied: whoever adds one does not change it while it is in the map or in a clone.
type Map[V any] struct {
	root  *node[V] // nil: at most one entry
	owner *owner   // of the nodes that may be changed in place; nil until the first Clone
	alone bool     // there is one entry, which is here
	key   []byte
	value V
}

// Empty reports whether there are no keys.
func (m *Map[V]) Empty() bool { return m.root == nil && !m.alone }

// Clone returns a map of the same entries. Both may be changed, and neither shows what is done to the other. Cursors
// that were made before go on in the entries of that moment, whichever of the maps is changed.
func (m *Map[V]) Clone() Map[V] {
	m.owner = new(owner)
	c := *m
	c.owner = new(owner)
	return c
}

// Get returns the value of k.
func (m *Map[V]) Get(k []byte) (v V, ok bool) {
	if m.root == nil {
		if m.alone && bytes.Equal(k, m.key) {
			return m.value, true
		}
		return v, false
	}
	h := headOf(k)
	n := m.root
	for n.children != nil {
		n = n.children[n.child(h, k)]
	}
	i, found := n.find(h, k)
	if !found {
		return v, false
	}
	return n.values[n.slots[i]], true
}

// Min returns the smallest key and its value.
func (m *Map[V]) Min() (k []byte, v V, ok bool) {
	if m.root == nil {
		return m.key, m.value, m.alone
	}
	n := m.root
	for n.children != nil {
		n = n.children[0]
	}
	return n.key(0), n.values[n.slots[0]], true
}

// Set gives k the value v and returns the one that it had. Of a key that is there already the older bytes are kept.
func (m *Map[V]) Set(k []byte, v V) (old V, replaced bool) {
	if m.root == nil {
		switch {
		case !m.alone:
			m.alone, m.key, m.value = true, k, v
			return old, false
		case bytes.Equal(k, m.key):
			old, m.value = m.value, v
			return old, true
		}
		m.plant()
	}
	h := headOf(k)
	m.prepareRoot()
	n := m.root
	for n.children != nil {
		i := n.child(h, k)
		if n.children[i].full() {
			i = m.split(n, i, h, k)
		}
		n = m.own(n, i)
	}
	i, found := n.find(h, k)
	if found {
		slot := n.slots[i]
		old, n.values[slot] = n.values[slot], v
		return old, true
	}
	n.insert(i, h, k, v)
	return old, false
}

// plant moves the entry that has no node into one.
func (m *Map[V]) plant() {
	if m.alone {
		n := newLeaf[V](m.owner, 2)
		n.insert(0, headOf(m.key), m.key, m.value)
		*m = Map[V]{root: n, owner: m.owner}
	}
}

// prepareRoot has the root, which there is, be a node that may be changed and has room.
func (m *Map[V]) prepareRoot() {
	switch n := m.root; {
	case n.full() && n.children == nil && cap(n.heads) < maxItems:
		m.root = n.copied(m.owner, cap(n.heads)+1)
	case n.full():
		m.root = newInner[V](m.owner)
		m.root.children = append(m.root.children, n) // which is split next
	case n.owner != m.owner:
		m.root = n.copied(m.owner, cap(n.heads))
	}
}

// own returns child i of n, which m owns, as one that m owns too.
func (m *Map[V]) own(n *node[V], i int) *node[V] {
	c := n.children[i]
	if c.owner != m.owner {
		c = c.copied(m.owner, cap(c.heads))
		n.children[i] = c
	}
	return c
}

// split splits child i of n, which is full, to make room for k, and returns the index of the child where that
// belongs. n is owned and has room. Where keys come in order the split is at their place, so that they fill
// what is before it: also where something follows, such as the next keyspace.
func (m *Map[V]) split(n *node[V], i int, h head, k []byte) int {
	left := m.own(n, i)
	at, _ := left.find(h, k)
	mid, next := len(left.heads)/2, uint8(0)
	if at > 0 && at == int(left.next) {
		if mid = at; at < len(left.heads) {
			next = uint8(at) // they go on there, otherwise in what is split off
		}
	}
	var right *node[V]
	var sep []byte
	if left.children == nil {
		right = newLeaf[V](m.owner, maxItems)
		first := k // of a leaf that has nothing yet
		if mid < len(left.heads) {
			first = left.key(mid)
		}
		sep = between(left.key(mid-1), first)
		right.appendItems(left, mid)
	} else {
		right = newInner[V](m.owner)
		mid = min(mid, len(left.heads)-1)
		sep = left.key(mid)
		right.appendChildren(left, mid+1)
	}
	left.truncate(mid)
	left.next = next
	n.insertChild(i, headOf(sep), sep, right)
	if bytes.Compare(sep, k) <= 0 {
		i++
	}
	return i
}

// between returns, in new memory, the shortest key that is above a and not above b, which is above a.
func between(a, b []byte) []byte {
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return bytes.Clone(b[:i+1])
}
