package bplustree

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/middb/middb/page"
)

// Shape is what a tree looks like.
type Shape struct {
	Height   int // levels; 0: the tree is empty
	Branches int
	Leaves   int
	Entries  uint64
	Used     int64 // bytes of pages that are in use
}

// Check walks over all pages, and returns an error if one is not as it must be: the order of keys, within pages and
// between them, prefixes, levels, cells that overlap, the number of entries.
func (s Snapshot) Check() (Shape, error) { return s.Walk(nil) }

// Walk is Check that calls visit for each page, from the root on, before those below it. The page is the caller's until
// visit returns.
func (s Snapshot) Walk(visit func(id page.ID, p *node)) (Shape, error) {
	c := checker{store: s.store, visit: visit, seen: map[page.ID]struct{}{}}
	if s.root.Page != 0 {
		if err := c.visitPage(s.root.Page, -1, nil, nil); err != nil {
			return c.Shape, err
		}
	}
	if c.Entries != s.root.Entries {
		return c.Shape, fmt.Errorf("the tree has %d entries; its root says %d", c.Entries, s.root.Entries)
	}
	return c.Shape, nil
}

type checker struct {
	store page.Store
	visit func(page.ID, *node)
	seen  map[page.ID]struct{}
	Shape
}

// visitPage checks a page and all below it. Its keys are to be from low on, below high; level -1 is any.
func (c *checker) visitPage(id page.ID, level int, low, high []byte) error {
	if _, twice := c.seen[id]; twice {
		return fmt.Errorf("page %d is in the tree twice", id)
	}
	c.seen[id] = struct{}{}
	p, err := c.store.Read(id)
	if err != nil {
		return err
	}
	defer p.Unpin()
	n := (*node)(p.Page)
	if c.visit != nil {
		c.visit(id, n)
	}
	if err = n.check(level, low, high); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	c.Height = max(c.Height, n.level()+1)
	c.Used += int64(atSlots + n.used())
	if n.isLeaf() {
		c.Leaves++
		c.Entries += uint64(n.count())
		return nil
	}
	c.Branches++
	for i := range n.count() + 1 {
		from, to := low, high
		if i > 0 {
			from = n.appendKey(nil, i-1)
		}
		if i < n.count() {
			to = n.appendKey(nil, i)
		}
		if err = c.visitPage(n.child(i), n.level()-1, from, to); err != nil {
			return err
		}
	}
	return nil
}

// check checks what can be said of a page and the keys on both sides of it in the pages above.
func (p *node) check(level int, low, high []byte) error {
	if err := p.checkAlone(level, low, high); err != nil {
		return err
	}
	if prefix := common(low, high); !bytes.Equal(p.prefix(), prefix) {
		return fmt.Errorf("its prefix is %q; that of keys from %q to %q is %q", p.prefix(), low, high, prefix)
	}
	return nil
}

// checkAlone checks what can be said of a page alone.
func (p *node) checkAlone(level int, low, high []byte) error {
	kind := p[atKind]
	switch {
	case kind != kindLeaf && kind != kindBranch:
		return fmt.Errorf("it is of no kind: %d", kind)
	case level >= 0 && p.level() != level:
		return fmt.Errorf("it is at level %d; it should be at level %d", p.level(), level)
	case p.isLeaf() != (p.level() == 0):
		return fmt.Errorf("its kind is %d at level %d", kind, p.level())
	case p.u16(atHeap) < atSlots+slotBytes*p.count() || p.u16(atHeap) > page.Size:
		return fmt.Errorf("its heap begins at %d behind %d slots", p.u16(atHeap), p.count())
	case p.u16(atPrefix) < p.u16(atHeap) || p.u16(atPrefix)+p.prefixLen() > page.Size:
		return fmt.Errorf("its prefix has %d bytes at %d", p.prefixLen(), p.u16(atPrefix))
	}
	var taken [page.Size]bool
	claim := func(from, n int) error {
		if from < p.u16(atHeap) || from+n > page.Size {
			return fmt.Errorf("it has something at %d to %d; its heap begins at %d", from, from+n, p.u16(atHeap))
		}
		for i := from; i < from+n; i++ {
			if taken[i] {
				return fmt.Errorf("it has two things at %d", i)
			}
			taken[i] = true
		}
		return nil
	}
	if err := claim(p.u16(atPrefix), p.prefixLen()); err != nil {
		return err
	}
	used := p.prefixLen()
	var before, k []byte
	for i := range p.count() {
		s := p.slot(i)
		if s.offset() > page.Size-p.head() {
			return fmt.Errorf("slot %d leads to %d", i, s.offset())
		}
		n := p.cellBytes(s)
		if err := claim(s.offset(), n); err != nil {
			return err
		}
		used += n
		k = p.appendKey(k[:0], i)
		switch {
		case s.head() != headOf(p.suffix(i)):
			return fmt.Errorf("slot %d says that its key begins with %08x; it is %q", i, s.head(), k)
		case i > 0 && bytes.Compare(before, k) >= 0:
			return fmt.Errorf("key %q is behind %q", k, before)
		case low != nil && bytes.Compare(k, low) < 0 || high != nil && bytes.Compare(k, high) >= 0:
			return fmt.Errorf("key %q is not from %q to %q", k, low, high)
		}
		before, k = k, before
	}
	if got := page.Size - p.u16(atHeap) - p.u16(atDead); got != used {
		return fmt.Errorf("its cells take %d bytes; it says %d", used, got)
	}
	return nil
}

// String draws the tree, a line for each page: its number, its level by the indentation, and how full it is.
func (s Snapshot) String() string {
	var b strings.Builder
	height := 0
	shape, err := s.Walk(func(id page.ID, p *node) {
		height = max(height, p.level())
		fmt.Fprintf(&b, "%s%s %d: %s\n", strings.Repeat("  ", height-p.level()), p.kindName(), id, p)
	})
	fmt.Fprintf(&b, "%d entries, %d leaves, %d branches, height %d", shape.Entries, shape.Leaves, shape.Branches, shape.Height)
	if err != nil {
		fmt.Fprintf(&b, "\nDAMAGED: %v", err)
	}
	return b.String()
}

func (p *node) kindName() string {
	if p.isLeaf() {
		return "leaf"
	}
	return "branch"
}

// String says what is in a page: how many keys, the first and the last one, how full it is.
func (p *node) String() string {
	text := fmt.Sprintf("%d keys, %d %% full, generation %d", p.count(), 100*p.used()/roomBytes, p.generation())
	if n := p.count(); n > 0 {
		text += fmt.Sprintf(", %.40q to %.40q", p.appendKey(nil, 0), p.appendKey(nil, n-1))
	}
	if n := p.prefixLen(); n > 0 {
		text += fmt.Sprintf(", prefix %.40q", p.prefix())
	}
	return text
}
