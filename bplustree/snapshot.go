package bplustree

import "github.com/middb/middb/page"

// A Snapshot is a state of a tree, for any number of readers.
type Snapshot struct {
	store page.Store
	root  Root
}

// At returns the state that begins at root.
func At(store page.Store, root Root) Snapshot { return Snapshot{store, root} }

// Len returns the number of entries.
func (s Snapshot) Len() int { return int(s.root.Entries) }

// Get appends the value of a key to dst, and reports whether there is one.
func (s Snapshot) Get(dst, key []byte) (value []byte, found bool, err error) {
	p, i, found, err := s.find(key)
	if found {
		dst = append(dst, (*node)(p.Page).value(i)...)
	}
	p.Unpin()
	return dst, found, err
}

// Has reports whether there is a key.
func (s Snapshot) Has(key []byte) (found bool, err error) {
	p, _, found, err := s.find(key)
	p.Unpin()
	return found, err
}

// find returns the leaf for a key, pinned, and where in it the key is or would be.
func (s Snapshot) find(key []byte) (p page.Pinned, i int, found bool, err error) {
	if s.root.Page == 0 {
		return p, 0, false, nil
	}
	for id := s.root.Page; ; {
		if p, err = s.store.Read(id); err != nil {
			return page.Pinned{}, 0, false, err
		}
		n := (*node)(p.Page)
		i, found = n.search(key)
		if n.isLeaf() {
			return p, i, found, nil
		}
		if found {
			i++
		}
		id = n.child(i)
		p.Unpin()
	}
}
