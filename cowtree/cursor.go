package cowtree

// maxDepth bounds the inner nodes above a leaf. A node is made when one has been filled, and for every two splits of it that
// takes more than half as many insertions as it has room for: more than 8 to the maxDepth in all.
const maxDepth = 12

// A Cursor walks over the entries of a Map as they were when the cursor was made, if the map is not changed since then,
// or was cloned before the first change: without a Clone a change ends the use of the cursors of the map. A new cursor
// stands nowhere. The methods that move it report whether it then stands at an entry.
type Cursor[V any] struct {
	root  *node[V]
	leaf  *node[V] // nil: it stands nowhere
	index int
	depth int // of the leaf
	path  [maxDepth]step[V]
}

// A step is an inner node on the way to the leaf, and the index of the child that comes next.
type step[V any] struct {
	node  *node[V]
	index int
}

// Cursor returns a cursor.
func (m *Map[V]) Cursor() Cursor[V] {
	m.plant()
	return Cursor[V]{root: m.root}
}

// Valid reports whether the cursor stands at an entry.
func (c *Cursor[V]) Valid() bool { return c.leaf != nil }

// Key returns the key of the entry. It requires Valid.
func (c *Cursor[V]) Key() []byte { return c.leaf.key(c.index) }

// Value returns the value of the entry. It requires Valid.
func (c *Cursor[V]) Value() V { return c.leaf.values[c.leaf.slots[c.index]] }

// First moves to the smallest key.
func (c *Cursor[V]) First() bool {
	c.leaf, c.depth = nil, 0
	return c.root != nil && c.down(c.root)
}

// Last moves to the greatest key.
func (c *Cursor[V]) Last() bool {
	c.leaf, c.depth = nil, 0
	return c.root != nil && c.downLast(c.root)
}

// SeekGE moves to the smallest key that is not below k.
func (c *Cursor[V]) SeekGE(k []byte) bool {
	if c.leaf = nil; c.root == nil {
		return false
	}
	c.index = c.seek(k)
	return c.index < len(c.leaf.heads) || c.forward()
}

// SeekLT moves to the greatest key below k.
func (c *Cursor[V]) SeekLT(k []byte) bool {
	if c.leaf = nil; c.root == nil {
		return false
	}
	c.index = c.seek(k) - 1
	return c.index >= 0 || c.backward()
}

// Next moves to the following key. It requires Valid.
func (c *Cursor[V]) Next() bool {
	c.index++
	return c.index < len(c.leaf.heads) || c.forward()
}

// Prev moves to the preceding key. It requires Valid.
func (c *Cursor[V]) Prev() bool {
	c.index--
	return c.index >= 0 || c.backward()
}

// seek goes to the leaf where k belongs and returns the index there of the first key that is not below it.
func (c *Cursor[V]) seek(k []byte) int {
	h := headOf(k)
	n := c.root
	c.depth = 0
	for n.children != nil {
		i := n.child(h, k)
		c.push(n, i)
		n = n.children[i]
	}
	c.leaf = n
	i, _ := n.find(h, k)
	return i
}

func (c *Cursor[V]) push(n *node[V], i int) {
	c.path[c.depth] = step[V]{n, i}
	c.depth++
}

// down moves to the first entry below n.
func (c *Cursor[V]) down(n *node[V]) bool {
	for n.children != nil {
		c.push(n, 0)
		n = n.children[0]
	}
	c.leaf, c.index = n, 0
	return true
}

// downLast moves to the last entry below n.
func (c *Cursor[V]) downLast(n *node[V]) bool {
	for n.children != nil {
		i := len(n.children) - 1
		c.push(n, i)
		n = n.children[i]
	}
	c.leaf, c.index = n, len(n.heads)-1
	return true
}

// forward moves to the first entry behind the leaf.
func (c *Cursor[V]) forward() bool {
	for ; c.depth > 0; c.depth-- {
		if s := &c.path[c.depth-1]; s.index+1 < len(s.node.children) {
			s.index++
			return c.down(s.node.children[s.index])
		}
	}
	c.leaf = nil
	return false
}

// backward moves to the last entry before the leaf.
func (c *Cursor[V]) backward() bool {
	for ; c.depth > 0; c.depth-- {
		if s := &c.path[c.depth-1]; s.index > 0 {
			s.index--
			return c.downLast(s.node.children[s.index])
		}
	}
	c.leaf = nil
	return false
}
