package bplustree

import (
	"errors"
	"fmt"
	"strings"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

// A Census is what Verify counted.
type Census struct {
	Trees   int
	Entries uint64
	Pages   int // of trees
	Free    int // that are not used, or list those
}

// Verify checks all trees of a Forest that was just opened and not changed: each page of each, and that every page of the
// file belongs to one tree, or is free. It returns one error for each tree that is damaged.
func (f *Forest) Verify() (Census, []error) {
	var c Census
	var problems []error
	owner := map[page.ID]uint32{}
	complete := true
	for _, r := range f.sealed.All() {
		c.Trees++
		shape, err := f.sealed.Tree(r.Number).Walk(func(id page.ID, _ *node) {
			if other, twice := owner[id]; twice {
				problems = append(problems, fmt.Errorf("page %d belongs to tree %d and to tree %d", id, other, r.Number))
			}
			owner[id] = r.Number
		})
		c.Entries += shape.Entries
		c.Pages += shape.Leaves + shape.Branches
		if err != nil {
			problems = append(problems, fmt.Errorf("tree %d: %w", r.Number, err))
			complete = false
		}
	}
	free, list := f.file.FreePages()
	c.Free = len(free) + len(list)
	seen := make(map[page.ID]struct{}, c.Free)
	for _, pages := range [][]page.ID{free, list} {
		for _, id := range pages {
			if number, used := owner[id]; used {
				problems = append(problems, fmt.Errorf("page %d is free and belongs to tree %d", id, number))
			}
			if _, twice := seen[id]; twice {
				problems = append(problems, fmt.Errorf("page %d is free twice", id))
			}
			seen[id] = struct{}{}
		}
	}
	if all := int(f.file.Next()) - 1; complete && len(problems) == 0 && c.Pages+c.Free != all {
		problems = append(problems, fmt.Errorf("%d pages belong to trees and %d are free, of %d", c.Pages, c.Free, all))
	}
	return c, problems
}

// Draw draws a page of a tree: what it says of itself, and each slot with its key and value, or child.
func Draw(p *page.Page) (string, error) {
	n := (*node)(p)
	if p[atKind] != kindLeaf && p[atKind] != kindBranch {
		return "", errors.New("it is no page of a tree")
	}
	if err := n.checkAlone(-1, nil, nil); err != nil {
		return "", err
	}
	return n.draw(), nil
}

// Describe says in a line what a page of a tree holds.
func Describe(p *page.Page) string {
	n := (*node)(p)
	if p[atKind] != kindLeaf && p[atKind] != kindBranch {
		return "no page of a tree"
	}
	if err := n.checkAlone(-1, nil, nil); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s, level %d: %s", n.kindName(), n.level(), n)
}

// mapBytes is how much of a page one character of its map stands for.
const mapBytes = 64

// draw draws a page that is in order.
func (p *node) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, level %d: %s\n", p.kindName(), p.level(), p)
	fmt.Fprintf(&b, "[%s]\n", p.layout())
	b.WriteString("h head, s slots, . free, P prefix, # cells, - cells that are gone\n")
	if !p.isLeaf() {
		fmt.Fprintf(&b, "        below: page %d\n", p.first())
	}
	for i := range p.count() {
		s := p.slot(i)
		fmt.Fprintf(&b, "%3d  at %4d: \"%s\"", i, s.offset(), key.Format(p.appendKey(nil, i)))
		if p.isLeaf() {
			fmt.Fprintf(&b, " = \"%s\"\n", key.Format(p.value(i)))
		} else {
			fmt.Fprintf(&b, " and above: page %d\n", p.child(i+1))
		}
	}
	return b.String()
}

// layout draws what takes which part of a page, a character for each mapBytes: that of what takes most of them.
func (p *node) layout() string {
	const kinds = "hs.P#-"
	var what [page.Size]byte
	fill := func(from, to int, kind byte) {
		for i := from; i < to; i++ {
			what[i] = kind
		}
	}
	slots := atSlots + slotBytes*p.count()
	fill(0, atSlots, 0)
	fill(atSlots, slots, 1)
	fill(slots, p.u16(atHeap), 2)
	fill(p.u16(atHeap), page.Size, 5)
	fill(p.u16(atPrefix), p.u16(atPrefix)+p.prefixLen(), 3)
	for i := range p.count() {
		s := p.slot(i)
		fill(s.offset(), s.offset()+p.cellBytes(s), 4)
	}
	out := make([]byte, 0, page.Size/mapBytes)
	for from := 0; from < page.Size; from += mapBytes {
		var counts [len(kinds)]int
		most := 0
		for _, kind := range what[from : from+mapBytes] {
			if counts[kind]++; counts[kind] > counts[most] {
				most = int(kind)
			}
		}
		out = append(out, kinds[most])
	}
	return string(out)
}
