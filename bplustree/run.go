package bplustree

import (
	"slices"

	"github.com/middb/middb/page"
)

// A run is entries of pages in order, from which pages are made anew.
type run struct {
	entries []entry
	keys    []byte // of entries of pages
}

// An entry is a key with what belongs to it: a value, or the child for keys from it on.
type entry struct {
	key   []byte
	value []byte
	child page.ID
}

func (r *run) reset() { r.entries, r.keys = r.entries[:0], r.keys[:0] }

// addPage adds the entries of a page, which must stay as it is.
func (r *run) addPage(p *node) {
	for i := range p.count() {
		from := len(r.keys)
		r.keys = p.appendKey(r.keys, i) // when it grows, earlier keys stay where they are
		e := entry{key: r.keys[from:len(r.keys):len(r.keys)]}
		if p.isLeaf() {
			e.value = p.value(i)
		} else {
			e.child = p.child(i + 1)
		}
		r.entries = append(r.entries, e)
	}
}

func (r *run) insert(i int, e entry) { r.entries = slices.Insert(r.entries, i, e) }

// size returns what entries take in one page with a prefix of so many bytes, whose cells have a head.
func size(entries []entry, head, prefix int) int {
	n := prefix
	for i := range entries {
		n += entries[i].size(head, prefix)
	}
	return n
}

// size returns what an entry takes in a page with a prefix of so many bytes.
func (e *entry) size(head, prefix int) int {
	return slotBytes + head + len(e.key) - prefix + len(e.value)
}

// splitPoint returns the index of the entry with which a second page begins, so that the pages are about equally full
// if they have the prefix that all entries have.
func (r *run) splitPoint(head, prefix int) int {
	half := size(r.entries, head, prefix) / 2
	sum, last := 0, len(r.entries)-1
	for i := range last {
		n := r.entries[i].size(head, prefix)
		if i > 0 && sum+n/2 >= half {
			return i
		}
		sum += n
	}
	return last
}

// build makes a page of entries.
func (r *run) build(p *node, kind, level int, generation uint64, first page.ID, entries []entry, prefix []byte) {
	p.format(kind, level, generation, prefix)
	p.setFirst(first)
	for i, e := range entries {
		if !p.insert(i, e.key[len(prefix):], e.child, e.value) {
			panic("bplustree: the parts of a page do not fit into pages")
		}
	}
}
