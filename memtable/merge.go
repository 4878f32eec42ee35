package memtable

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

const (
	// MergeRoom is how long a value AddMerge may store in place of a shorter merge list.
	MergeRoom = 64
	// scratchBytes is enough to fold two entries that are not longer than that.
	scratchBytes = 8 * MergeRoom
)

// MergeBytes returns what one AddMerge with a key and a merge list of these lengths is charged, as
// EntryBytes does for an Add.
func MergeBytes(keyLen, listLen int) int64 { return EntryBytes(keyLen, max(listLen, MergeRoom)) }

// AddMerge adds a merge to k: a version of key.KindMerge with a merge list, as Add does. If what that and
// the version before it say together is not longer than the list or than MergeRoom, it is that which is
// stored: so a counter that is changed often is read as fast as a value. The version before it stays for older
// snapshots.
func (m *Memtable) AddMerge(k, list []byte, tr key.Trailer, ops *merge.Operators) {
	t := m.tree.Load()
	w := t.word(k)
	at := t.leafOf(k, w)
	kind, v := tr.Kind(), list
	room := max(len(list), MergeRoom)
	if before, rest, ok := m.newest(t, at, w, k); ok && len(before.Value) <= room {
		if m.scratch == nil {
			m.scratch = make([]byte, 0, scratchBytes)
		}
		sum := ops.Combine(m.scratch, before, merge.Entry{Kind: kind, Value: list})
		if len(sum.Value) <= room {
			kind, v, m.rest = sum.Kind, sum.Value, rest
		}
	}
	units := (MergeBytes(len(k), len(list)) - EntryBytes(len(k), len(v))) / unit
	m.tally.Store(m.tally.Load() + uint64(units)<<32)
	m.AddHint(k, v, key.MakeTrailer(tr.Seq(), kind), Hint{gen: t.gen, leaf: at})
	m.rest = restBefore
}

// newest returns the newest version of k, whose word is w and whose leaf is at, or what a newer range
// delete makes of it; and the rest of its chain.
func (m *Memtable) newest(t *tree, at place, w uint64, k []byte) (last merge.Entry, rest place, ok bool) {
	var seq uint64
	n := t.node(at)
	if r, found := t.position(n, n.perm, w, k); found {
		e := t.entry(n.refs[slot(n.perm, r)])
		last, rest, seq, ok = e.said(), e.rest(), e.trailer.Seq(), true
	}
	if m.deletes.Load() != nil && m.deletesAt(key.MaxSeq).at(k) > seq {
		return merge.Entry{Kind: key.KindDelete}, 0, true
	}
	return last, rest, ok
}

// Where the chain of a merge goes on is stored behind its value. Mostly that is the version before it, but
// not if that was folded into it.
const (
	restBytes  = 4
	restBefore = ^place(0) // in place of a rest that is yet to be stored: the version before
)

// rest returns the place of the version that matters beside e, if e is a merge that is not complete; 0 if
// none in this memtable does.
func (e *entry) rest() place {
	if e.trailer.Kind() != key.KindMerge {
		return 0
	}
	return binary.NativeEndian.Uint32(e.tail())
}

// tail returns where a merge has its rest.
func (e *entry) tail() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(e), keyOffset+uintptr(e.keyLen)+uintptr(e.valueLen))), restBytes)
}

// said returns what an entry says of its key.
func (e *entry) said() merge.Entry { return merge.Entry{Kind: e.trailer.Kind(), Value: e.value()} }

// AppendEntries appends to dst what the versions of k with sequence numbers of at most seq say, newest
// first, down to the first one that is no merge or is complete, or to a range delete, which says that the key
// is gone. It reports whether it came to such a one; if not, older sources matter too. The values alias
// the arena.
func (m *Memtable) AppendEntries(dst []merge.Entry, k []byte, seq uint64) (entries []merge.Entry, complete bool) {
	t := m.tree.Load()
	var deleted uint64
	if m.deletes.Load() != nil {
		deleted = m.deletesAt(seq).at(k)
	}
	dst, complete = t.appendEntries(dst, t.find(k, seq), deleted)
	runtime.KeepAlive(m)
	return dst, complete
}

// appendEntries is AppendEntries from e on, which may be nil, if what is below the sequence number deleted
// is gone; 0: nothing is.
func (t *tree) appendEntries(dst []merge.Entry, e *entry, deleted uint64) (entries []merge.Entry, complete bool) {
	for e != nil && e.trailer.Seq() >= deleted {
		said := e.said()
		dst = append(dst, said)
		if said.Kind != key.KindMerge || merge.Complete(said.Value) {
			return dst, true
		}
		rest := e.rest()
		if rest == 0 {
			break
		}
		e = t.entry(rest)
	}
	if deleted > 0 {
		return append(dst, merge.Entry{Kind: key.KindDelete}), true
	}
	return dst, false
}

// A fold is the entry that an Iter shows of a key whose newest version is a merge, in memory of its own.
type fold struct {
	of      *entry // that version, to be put back into the run
	at      int    // its place in the run
	room    []uint64
	entries []merge.Entry // scratch
}

// foldHere puts what the versions of a key say together in place of the newest one, if it stands at a merge.
func (it *Iter) foldHere() {
	if it.merges>>it.i&1 == 0 {
		return
	}
	f, e := &it.fold, it.run[it.i]
	if f.of != nil {
		it.run[f.at], f.of = f.of, nil // its memory is needed
		it.merges |= 1 << f.at
	}
	f.entries, _ = it.t.appendEntries(f.entries[:0], e, it.deletedAt(e.key()))
	if len(f.entries) == 1 {
		it.merges &^= 1 << it.i
		return
	}
	f.of, f.at = e, it.i
	sum := it.ops.Fold(nil, f.entries)
	it.run[it.i] = f.entry(e.key(), sum.Value, key.MakeTrailer(e.trailer.Seq(), sum.Kind))
	it.merges &^= 1 << it.i
	runtime.KeepAlive(it.m)
}

// entry makes an entry as it would lie in an arena.
func (f *fold) entry(k, v []byte, tr key.Trailer) *entry {
	// One more, so that no slice of it begins at its end, which is memory of somebody else.
	if n := int(entryUnits(len(k), len(v))) + 1; n > len(f.room) {
		f.room = make([]uint64, n+n/4)
	}
	e := (*entry)(unsafe.Pointer(unsafe.SliceData(f.room)))
	e.trailer, e.keyLen, e.valueLen = tr, uint32(len(k)), uint32(len(v))
	copy(e.key(), k)
	copy(e.value(), v)
	return e
}
