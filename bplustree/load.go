package bplustree

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/middb/middb/page"
)

// ErrNotAscending is returned when entries that are loaded are not in order.
var ErrNotAscending = errors.New("entries of a B+Tree must be loaded in ascending order of their keys")

// A Loader makes a tree of entries that come in order, page by page from left to right, which is several times faster
// than Put and leaves pages as full as is wanted. Whoever has loaded all calls Finish.
type Loader struct {
	store   page.Store
	fill    int // bytes of a page that are used
	levels  []*loading
	last    []byte // key
	entries uint64
}

// loading is what a level has collected for its next page.
type loading struct {
	run
	low   []byte  // the keys are from this one on; nil: from the first one on
	first page.ID // branch: the child for keys before those of the entries
	sum   int     // what the entries take without a prefix
}

// NewLoader returns a loader that fills pages to a percentage from 50 to 100: what is left is for later changes.
func NewLoader(store page.Store, percent int) *Loader {
	return &Loader{store: store, fill: roomBytes * min(max(percent, 50), 100) / 100}
}

// Add adds an entry behind all others. Key and value are copied.
func (l *Loader) Add(key, value []byte) error {
	if n := len(key) + len(value); n > MaxEntryBytes {
		return fmt.Errorf("load an entry of %d bytes: %w", n, ErrEntryTooLarge)
	}
	if l.entries > 0 && bytes.Compare(key, l.last) <= 0 {
		return fmt.Errorf("load the key %q behind %q: %w", key, l.last, ErrNotAscending)
	}
	l.last = append(l.last[:0], key...)
	l.entries++
	return l.add(0, entry{key: key, value: value})
}

// add adds an entry, which is copied, to a level.
func (l *Loader) add(level int, e entry) error {
	if level == len(l.levels) {
		l.levels = append(l.levels, &loading{})
	}
	in := l.levels[level]
	in.append(e)
	in.sum += e.size(headAt(level), 0)
	prefix := len(common(in.low, e.key))
	if in.sum-(len(in.entries)-1)*prefix <= l.fill {
		return nil
	}
	return l.cut(level)
}

// append adds a copy of an entry.
func (r *run) append(e entry) {
	from := len(r.keys)
	r.keys = append(r.keys, e.key...)
	key := r.keys[from:len(r.keys):len(r.keys)]
	from = len(r.keys)
	r.keys = append(r.keys, e.value...)
	r.entries = append(r.entries, entry{key: key, value: r.keys[from:len(r.keys):len(r.keys)], child: e.child})
}

func headAt(level int) int {
	if level == 0 {
		return leafHead
	}
	return branchHead
}

// cut makes a page of the first entries of a level, of as many as fit.
func (l *Loader) cut(level int) error {
	in, head := l.levels[level], headAt(level)
	n, sum := len(in.entries)-1, in.sum
	var sep, prefix []byte
	for ; ; n-- {
		sum -= in.entries[n].size(head, 0)
		if sep = in.entries[n].key; level == 0 {
			sep = separator(in.entries[n-1].key, sep)
		}
		prefix = common(in.low, sep)
		if n == 1 || sum-(n-1)*len(prefix) <= l.fill {
			break
		}
	}
	sep = bytes.Clone(sep)
	left, rest, first := in.entries[:n], in.entries[n:], page.ID(0)
	if level > 0 { // the entry in the middle goes up
		first, rest = rest[0].child, rest[1:]
	}
	if err := l.emit(level, left, prefix); err != nil {
		return err
	}
	next := &loading{low: sep, first: first}
	for _, e := range rest {
		next.append(e)
		next.sum += e.size(head, 0)
	}
	*in = *next
	return nil
}

// emit makes a page of entries of a level, and tells the level above.
func (l *Loader) emit(level int, entries []entry, prefix []byte) error {
	id, p, err := l.store.Alloc()
	if err != nil {
		return err
	}
	in, kind := l.levels[level], kindLeaf
	if level > 0 {
		kind = kindBranch
	}
	in.build((*node)(p), kind, level, l.store.Generation(), in.first, entries, prefix)
	if in.low == nil {
		if level+1 == len(l.levels) {
			l.levels = append(l.levels, &loading{})
		}
		above := l.levels[level+1]
		above.first = id
		return nil
	}
	return l.add(level+1, entry{key: in.low, child: id})
}

// Finish makes the rest of the pages, and returns the root of the tree.
func (l *Loader) Finish() (Root, error) {
	for level := 0; level < len(l.levels); level++ {
		in, head := l.levels[level], headAt(level)
		if level > 0 && len(in.entries) == 0 && in.low == nil { // a root with one child
			return Root{in.first, l.entries}, nil
		}
		for size(in.entries, head, 0) > roomBytes {
			if err := l.cut(level); err != nil {
				return Root{}, err
			}
		}
		if err := l.emit(level, in.entries, nil); err != nil {
			return Root{}, err
		}
	}
	return Root{}, nil
}
