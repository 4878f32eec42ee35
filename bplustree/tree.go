package bplustree

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

// ErrEntryTooLarge is returned for a key and value that are too long for a page.
var ErrEntryTooLarge = errors.New("an entry of a B+Tree has at most 1000 bytes")

// A Root is where the pages of a tree begin.
type Root struct {
	Page    page.ID // 0: the tree is empty
	Entries uint64  // how many there are
}

// A Tree is changed by its one writer. After an error other than ErrEntryTooLarge it may hold a part of a change, and
// must not be used any more.
type Tree struct {
	store   page.Store
	root    page.ID
	entries uint64

	path    []step // from the root to a leaf, for a change
	scratch [2]node
	run     run
	fences  [2][]byte
	key     []byte
}

// A step is a page on the way to a leaf, and the child that the way goes on to.
type step struct {
	id page.ID
	*node
	child int
}

// Open returns the tree that begins at root. Only one tree may be made of a root.
func Open(store page.Store, root Root) *Tree {
	return &Tree{store: store, root: root.Page, entries: root.Entries}
}

// Root returns where the tree begins at present. It can be opened after the next Seal, and read until its pages are
// released.
func (t *Tree) Root() Root { return Root{t.root, t.entries} }

// Snapshot returns the present state for the writer itself, which sees it change; for others after the next Seal.
func (t *Tree) Snapshot() Snapshot { return Snapshot{t.store, t.Root()} }

// Len returns the number of entries.
func (t *Tree) Len() int { return int(t.entries) }

// Put sets the value of a key, both of which are copied. It reports whether the key is new.
func (t *Tree) Put(k, value []byte) (added bool, err error) {
	if n := len(k) + len(value); n > MaxEntryBytes {
		return false, fmt.Errorf("put an entry of %d bytes: %w", n, ErrEntryTooLarge)
	}
	if t.root == 0 {
		var p *node
		if t.root, p, err = t.alloc(); err != nil {
			return false, err
		}
		p.format(kindLeaf, 0, t.store.Generation(), nil)
	}
	leaf, err := t.descend(k)
	if err != nil {
		return false, err
	}
	i, found := leaf.search(k)
	if found {
		if old := leaf.value(i); len(old) == len(value) {
			copy(old, value)
			return false, nil
		}
		leaf.remove(i)
	} else {
		t.entries++
	}
	if !leaf.insert(i, leaf.cut(k), 0, value) {
		err = t.splitLeaf(i, k, value)
	}
	return !found, err
}

// touch makes a page writable, and returns its number from now on.
func (t *Tree) touch(id page.ID) (page.ID, *node, error) {
	id, p, err := t.store.Touch(id)
	return id, (*node)(p), err
}

// alloc returns a new page, to be formatted.
func (t *Tree) alloc() (page.ID, *node, error) {
	id, p, err := t.store.Alloc()
	return id, (*node)(p), err
}

// descend makes the pages from the root to the leaf of a key writable, and the path of them; it returns the leaf.
func (t *Tree) descend(k []byte) (*node, error) {
	t.path = t.path[:0]
	id, p, err := t.touch(t.root)
	if err != nil {
		return nil, err
	}
	t.root = id
	for !p.isLeaf() {
		i := p.route(k)
		t.path = append(t.path, step{id, p, i})
		child := p.child(i)
		childID, q, err := t.touch(child)
		if err != nil {
			return nil, err
		}
		if childID != child {
			p.setChild(i, childID)
		}
		id, p = childID, q
	}
	t.path = append(t.path, step{id: id, node: p})
	return p, nil
}

// fence returns the keys between which those of the page at a depth of the path are: from low on, which may be nil,
// below high, which may be nil. They are valid until the next call.
func (t *Tree) fence(depth int) (low, high []byte) {
	for d := depth - 1; d >= 0 && (low == nil || high == nil); d-- {
		p, i := t.path[d].node, t.path[d].child
		if low == nil && i > 0 {
			t.fences[0] = p.appendKey(t.fences[0][:0], i-1)
			low = t.fences[0]
		}
		if high == nil && i < p.count() {
			t.fences[1] = p.appendKey(t.fences[1][:0], i)
			high = t.fences[1]
		}
	}
	return low, high
}

// common returns the prefix of all keys from low on, below high. A nil bound is none.
func common(low, high []byte) []byte {
	if low == nil || high == nil {
		return nil
	}
	return low[:key.SharedPrefix(low, high)]
}

// separator returns the shortest string that is above a and not above b, which is above a. It is a part of b.
func separator(a, b []byte) []byte { return b[:key.SharedPrefix(a, b)+1] }

// splitLeaf splits the last page of the path, which has no room for another entry at i.
func (t *Tree) splitLeaf(i int, k, value []byte) error {
	depth := len(t.path) - 1
	rightID, right, err := t.alloc()
	if err != nil {
		return err
	}
	r := t.take(depth, i, entry{key: k, value: value})
	low, high := t.fence(depth)
	at := t.splitPoint(i, low == nil, high == nil)
	t.key = append(t.key[:0], separator(r.entries[at-1].key, r.entries[at].key)...)
	g := t.store.Generation()
	r.build(t.path[depth].node, kindLeaf, 0, g, 0, r.entries[:at], common(low, t.key))
	r.build(right, kindLeaf, 0, g, 0, r.entries[at:], common(t.key, high))
	return t.insertAbove(depth, t.key, rightID)
}

// take takes the entries out of a page of the path, and another one that is to be entry i.
func (t *Tree) take(depth, i int, e entry) *run {
	t.scratch[0] = *t.path[depth].node
	t.run.reset()
	t.run.addPage(&t.scratch[0])
	t.run.insert(i, e)
	return &t.run
}

// splitPoint returns with which of the entries that were taken a second page begins. When the new one is at the end of
// the tree, or its beginning, more will follow there: then the other page stays full.
func (t *Tree) splitPoint(inserted int, first, last bool) int {
	switch n := len(t.run.entries); {
	case last && inserted == n-1:
		return n - 1
	case first && inserted == 0:
		return 1
	}
	return t.run.splitPoint(t.scratch[0].head(), t.scratch[0].prefixLen())
}

// insertAbove tells the parent of the page at a depth of the path that the keys from sep on are in another page.
func (t *Tree) insertAbove(depth int, sep []byte, right page.ID) error {
	if depth == 0 {
		return t.grow(sep, right)
	}
	depth--
	p, i := t.path[depth].node, t.path[depth].child
	if p.insert(i, p.cut(sep), right, nil) {
		return nil
	}
	otherID, other, err := t.alloc()
	if err != nil {
		return err
	}
	r := t.take(depth, i, entry{key: bytes.Clone(sep), child: right})
	low, high := t.fence(depth)
	at := min(t.splitPoint(i, low == nil, high == nil), len(r.entries)-2) // that one goes up
	middle := r.entries[at]
	t.key = append(t.key[:0], middle.key...)
	g, level := t.store.Generation(), p.level()
	r.build(p, kindBranch, level, g, t.scratch[0].first(), r.entries[:at], common(low, t.key))
	r.build(other, kindBranch, level, g, middle.child, r.entries[at+1:], common(t.key, high))
	return t.insertAbove(depth, t.key, otherID)
}

// grow puts a root above the present one and the page for keys from sep on.
func (t *Tree) grow(sep []byte, right page.ID) error {
	id, p, err := t.alloc()
	if err != nil {
		return err
	}
	p.format(kindBranch, t.path[0].node.level()+1, t.store.Generation(), nil)
	p.setFirst(t.root)
	p.insert(0, sep, right, nil)
	t.root = id
	return nil
}

// Delete deletes a key, and reports whether it was there.
func (t *Tree) Delete(k []byte) (deleted bool, err error) {
	found, err := t.Snapshot().Has(k) // nothing is cloned for a key that is not there
	if !found || err != nil {
		return false, err
	}
	leaf, err := t.descend(k)
	if err != nil {
		return false, err
	}
	i, _ := leaf.search(k)
	leaf.remove(i)
	t.entries--
	merged := true
	for depth := len(t.path) - 1; depth > 0 && merged && t.path[depth].node.used() < roomBytes/4; depth-- {
		if merged, err = t.rebalance(depth); err != nil {
			return true, err
		}
	}
	return true, t.shrink()
}

// shrink removes roots that lead to one page only, or to no entry.
func (t *Tree) shrink() error {
	for {
		p, err := t.store.Read(t.root)
		if err != nil {
			return err
		}
		n := (*node)(p.Page)
		leaf, count, first := n.isLeaf(), n.count(), n.first()
		p.Unpin()
		if count > 0 {
			return nil
		}
		if err = t.store.Free(t.root); err != nil {
			return err
		}
		t.root = first
		if leaf {
			return nil
		}
	}
}

// rebalance merges the page at a depth of the path with a neighbour, or else takes entries from it. If pages with long
// prefixes are neighbours, it may be that neither is possible: then the page stays as it is. Only if they were merged
// the path above holds still, and its last page may have become too small itself.
func (t *Tree) rebalance(depth int) (merged bool, err error) {
	parent := &t.path[depth-1]
	if parent.count() == 0 { // such a one could not be rebalanced itself
		return false, nil
	}
	i := min(parent.child, parent.count()-1) // the left one of the two, and the key between them
	ids, pages, err := t.neighbours(parent.node, i)
	if err != nil {
		return false, err
	}
	left, right := &t.scratch[0], &t.scratch[1]
	r := &t.run
	r.reset()
	r.addPage(left)
	if !left.isLeaf() {
		r.insert(len(r.entries), entry{key: parent.appendKey(nil, i), child: right.first()})
	}
	r.addPage(right)
	parent.child = i + 1
	_, high := t.fence(depth)
	high = bytes.Clone(high)
	parent.child = i
	low, _ := t.fence(depth)
	kind, level, head, g := int(left[atKind]), left.level(), left.head(), t.store.Generation()
	if prefix := common(low, high); size(r.entries, head, len(prefix)) <= roomBytes {
		r.build(pages[0], kind, level, g, left.first(), r.entries, prefix)
		parent.remove(i)
		return true, t.store.Free(ids[1])
	}
	at := r.splitPoint(head, len(common(low, high)))
	ours, theirs, first := r.entries[:at], r.entries[at:], page.ID(0)
	if kind == kindLeaf {
		t.key = append(t.key[:0], separator(r.entries[at-1].key, r.entries[at].key)...)
	} else {
		at = min(at, len(r.entries)-2)
		t.key = append(t.key[:0], r.entries[at].key...)
		ours, theirs, first = r.entries[:at], r.entries[at+1:], r.entries[at].child
	}
	leftPrefix, rightPrefix := common(low, t.key), common(t.key, high)
	if size(ours, head, len(leftPrefix)) > roomBytes || size(theirs, head, len(rightPrefix)) > roomBytes {
		return false, nil
	}
	r.build(pages[0], kind, level, g, left.first(), ours, leftPrefix)
	r.build(pages[1], kind, level, g, first, theirs, rightPrefix)
	parent.remove(i)
	return false, t.insertAbove(depth, t.key, ids[1])
}

// neighbours makes children i and i+1 of a page writable, and copies them to scratch.
func (t *Tree) neighbours(parent *node, i int) (ids [2]page.ID, pages [2]*node, err error) {
	for j := range pages {
		if ids[j], pages[j], err = t.touch(parent.child(i + j)); err != nil {
			return ids, pages, err
		}
		parent.setChild(i+j, ids[j])
		t.scratch[j] = *pages[j]
	}
	return ids, pages, nil
}
