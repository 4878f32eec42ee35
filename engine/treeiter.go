package engine

import (
	"bytes"
	"encoding/binary"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
)

// A treeIter walks over a B+Tree as a source of iterators: each key as it would be stored in sstables, behind the prefix
// of its space, and as a put of unknown age.
type treeIter struct {
	cursor *bplustree.Cursor
	prefix []byte
	key    []byte
	valid  bool
}

func newTreeIter(view actors.View, prefix []byte) *treeIter {
	number := binary.BigEndian.Uint32(prefix[len(spacePrefix):])
	return &treeIter{cursor: view.Tree(number).Cursor(), prefix: prefix, key: bytes.Clone(prefix)}
}

// stand notes the entry that the cursor was moved to.
func (it *treeIter) stand(ok bool) bool {
	it.valid = ok
	if ok {
		it.key = append(it.key[:len(it.prefix)], it.cursor.Key()...)
	}
	return ok
}

// First implements iterator.Iterator.
func (it *treeIter) First() bool { return it.stand(it.cursor.First()) }

// Last implements iterator.Iterator.
func (it *treeIter) Last() bool { return it.stand(it.cursor.Last()) }

// SeekGE implements iterator.Iterator.
func (it *treeIter) SeekGE(k []byte) bool {
	entry, ok := bytes.CutPrefix(k, it.prefix)
	switch {
	case ok:
		return it.stand(it.cursor.Seek(entry))
	case bytes.Compare(k, it.prefix) < 0:
		return it.First()
	default:
		it.cursor.Close()
		return it.stand(false)
	}
}

// SeekLT implements iterator.Iterator.
func (it *treeIter) SeekLT(k []byte) bool {
	entry, ok := bytes.CutPrefix(k, it.prefix)
	switch {
	case ok:
		return it.stand(it.cursor.SeekBefore(entry))
	case bytes.Compare(k, it.prefix) > 0:
		return it.Last()
	default:
		it.cursor.Close()
		return it.stand(false)
	}
}

// Next implements iterator.Iterator.
func (it *treeIter) Next() bool { return it.stand(it.cursor.Next()) }

var _ iterator.Taker = (*treeIter)(nil)

// Take implements iterator.Taker. It stays within a page, whose bytes it lends.
func (it *treeIter) Take(e *iterator.Entries, most int, limit []byte) bool {
	if _, inside := bytes.CutPrefix(limit, it.prefix); !inside {
		limit = nil // the space ends before it, as the first entry lies below
	}
	for most = min(most, 1+it.cursor.Following()); ; most-- {
		if e.Keyless {
			e.Add(nil, it.cursor.Value())
		} else {
			e.AddShared(it.prefix, it.cursor.Key(), it.cursor.Value())
		}
		if most <= 1 || !it.cursor.Next() {
			break
		}
		if limit != nil && bytes.Compare(it.cursor.Key(), limit[len(it.prefix):]) >= 0 {
			it.cursor.Prev() // on the same page
			break
		}
	}
	it.key = append(it.key[:len(it.prefix)], it.cursor.Key()...)
	return false
}

// Prev implements iterator.Iterator.
func (it *treeIter) Prev() bool { return it.stand(it.cursor.Prev()) }

// Valid implements iterator.Iterator.
func (it *treeIter) Valid() bool { return it.valid }

// Key implements iterator.Iterator.
func (it *treeIter) Key() []byte { return it.key }

// Trailer implements iterator.Iterator.
func (it *treeIter) Trailer() key.Trailer { return key.MakeTrailer(0, key.KindPut) }

// Value implements iterator.Iterator.
func (it *treeIter) Value() []byte { return it.cursor.Value() }

// Err implements iterator.Iterator.
func (it *treeIter) Err() error { return it.cursor.Err() }

// Close implements iterator.Iterator.
func (it *treeIter) Close() error {
	it.cursor.Close()
	it.valid = false
	return it.cursor.Err()
}
