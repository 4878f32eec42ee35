package bplustree

import "github.com/middb/middb/page"

// A Cursor walks over the entries of a snapshot, in both directions. It is for one goroutine. Moving it reports whether
// it is at an entry; if not, Err says whether that is because there is none.
type Cursor struct {
	snapshot Snapshot
	path     []place // from the root to a leaf; empty: not at an entry
	key      []byte
	prefix   int // of key: how much of it is the prefix of the leaf
	err      error
}

// A place is a page on the way to an entry, and the child or slot that is next on it.
type place struct {
	*node
	pin   page.Pinned
	index int
}

// Cursor returns a cursor that is not at an entry yet. Its user closes it.
func (s Snapshot) Cursor() *Cursor { return &Cursor{snapshot: s, path: make([]place, 0, 6)} }

// Close lets go of what the cursor holds. It can be moved again afterwards.
func (c *Cursor) Close() {
	for _, p := range c.path {
		p.pin.Unpin()
	}
	c.path = c.path[:0]
}

// Err returns what has gone wrong, or nil.
func (c *Cursor) Err() error { return c.err }

// Valid reports whether the cursor is at an entry.
func (c *Cursor) Valid() bool { return len(c.path) > 0 }

// Key returns the key of the entry, until the cursor is moved. It may not be changed.
func (c *Cursor) Key() []byte {
	leaf := &c.path[len(c.path)-1]
	c.key = append(c.key[:c.prefix], leaf.suffix(leaf.index)...)
	return c.key
}

// Value returns the value of the entry, until the cursor is moved. It may not be changed.
func (c *Cursor) Value() []byte {
	leaf := &c.path[len(c.path)-1]
	return leaf.value(leaf.index)
}

// First moves to the first entry.
func (c *Cursor) First() bool {
	return c.begin() && c.down(c.snapshot.root.Page, func(*node) int { return 0 }) && c.forward()
}

// Last moves to the last entry.
func (c *Cursor) Last() bool {
	return c.begin() && c.down(c.snapshot.root.Page, last) && c.backward()
}

// Seek moves to the first entry whose key is not below k.
func (c *Cursor) Seek(k []byte) bool {
	return c.begin() && c.down(c.snapshot.root.Page, func(p *node) int { return p.place(k) }) && c.forward()
}

// SeekBefore moves to the last entry whose key is below k.
func (c *Cursor) SeekBefore(k []byte) bool {
	at := func(p *node) int {
		if p.isLeaf() {
			i, _ := p.search(k)
			return i - 1
		}
		return p.route(k)
	}
	return c.begin() && c.down(c.snapshot.root.Page, at) && c.backward()
}

// Following returns how many entries follow this one on its page. The values of them and of this one stay valid until the cursor has
// moved beyond.
func (c *Cursor) Following() int {
	leaf := &c.path[len(c.path)-1]
	return leaf.count() - 1 - leaf.index
}

// Next moves to the next entry.
func (c *Cursor) Next() bool {
	leaf := &c.path[len(c.path)-1]
	leaf.index++
	return leaf.index < leaf.count() || c.forward()
}

// Prev moves to the entry before.
func (c *Cursor) Prev() bool {
	leaf := &c.path[len(c.path)-1]
	leaf.index--
	return leaf.index >= 0 || c.backward()
}

// begin leaves the entry. It reports whether there is a page at all.
func (c *Cursor) begin() bool {
	c.Close()
	c.err = nil
	return c.snapshot.root.Page != 0
}

// place returns where in a page k is or would be.
func (p *node) place(k []byte) int {
	if p.isLeaf() {
		i, _ := p.search(k)
		return i
	}
	return p.route(k)
}

// last returns the last slot of a leaf or the last child of a branch.
func last(p *node) int {
	if p.isLeaf() {
		return p.count() - 1
	}
	return p.count()
}

// down goes from a page to a leaf, to where at says.
func (c *Cursor) down(id page.ID, at func(*node) int) bool {
	for {
		p, err := c.snapshot.store.Read(id)
		if err != nil {
			c.Close()
			c.err = err
			return false
		}
		n := (*node)(p.Page)
		i := at(n)
		c.path = append(c.path, place{n, p, i})
		if n.isLeaf() {
			c.key = append(c.key[:0], n.prefix()...)
			c.prefix = len(c.key)
			return true
		}
		id = n.child(i)
	}
}

// up leaves the leaf, for the nearest page above it that has another child in the direction of step.
func (c *Cursor) up(step int) bool {
	for {
		n := len(c.path) - 1
		c.path[n].pin.Unpin()
		c.path = c.path[:n]
		if n == 0 {
			return false
		}
		p := &c.path[n-1]
		p.index += step
		if p.index >= 0 && p.index <= p.count() {
			return true
		}
	}
}

// forward goes on from behind the last slot of a leaf to an entry. Leaves may be empty.
func (c *Cursor) forward() bool {
	for leaf := &c.path[len(c.path)-1]; leaf.index >= leaf.count(); leaf = &c.path[len(c.path)-1] {
		if !c.up(1) {
			return false
		}
		p := &c.path[len(c.path)-1]
		if !c.down(p.child(p.index), func(*node) int { return 0 }) {
			return false
		}
	}
	return true
}

// backward goes back from before the first slot of a leaf to an entry.
func (c *Cursor) backward() bool {
	for leaf := &c.path[len(c.path)-1]; leaf.index < 0; leaf = &c.path[len(c.path)-1] {
		if !c.up(-1) {
			return false
		}
		p := &c.path[len(c.path)-1]
		if !c.down(p.child(p.index), last) {
			return false
		}
	}
	return true
}
