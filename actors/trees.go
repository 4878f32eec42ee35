package actors

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/key"
)

// Trees are the B+Trees as they are after a commit, until the next one that changes them. Their pages stay as long as
// somebody holds them: the memtable owner those that are current, a View its own.
type Trees struct {
	*bplustree.Roots
	seq      uint64 // of the commit
	refs     atomic.Int64
	released func(*Trees)
}

// newTrees returns trees as they are after the commit with a sequence number, with one reference, which is the caller's.
func newTrees(roots *bplustree.Roots, seq uint64, released func(*Trees)) *Trees {
	t := &Trees{Roots: roots, seq: seq, released: released}
	t.refs.Store(1)
	return t
}

// tryRef takes a reference, unless the last one is gone.
func (t *Trees) tryRef() bool {
	for {
		n := t.refs.Load()
		if n == 0 {
			return false
		}
		if t.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// unref gives a reference back.
func (t *Trees) unref() {
	if t.drop() {
		t.released(t)
	}
}

// drop gives a reference back, and reports whether it was the last one, which its caller has to do something about.
func (t *Trees) drop() bool { return t.refs.Add(-1) == 0 }

// treePrefixBytes is the length of what the stored keys of a tree begin with: the last 4 bytes are its number.
const treePrefixBytes = 6

// splitTreeKey takes the key of an operation on a tree apart.
func splitTreeKey(k []byte) (number uint32, entry []byte) {
	return binary.BigEndian.Uint32(k[treePrefixBytes-4:]), k[treePrefixBytes:]
}

// ApplyTreeOp applies a decoded operation to its tree; recovery does so too.
func ApplyTreeOp(f *bplustree.Forest, kind key.Kind, k, v []byte) error {
	number, entry := splitTreeKey(k)
	switch kind {
	case key.KindTreePut:
		return f.Put(number, entry, v)
	case key.KindTreeDelete:
		return f.Delete(number, entry)
	default:
		return f.Clear(number)
	}
}
