package engine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// Get returns a copy of the value of k, or ErrNotFound.
func (ks *Keyspace) Get(k []byte) ([]byte, error) {
	return owned(ks.GetTo(nil, k))
}

// owned makes what a read into new memory returned the answer of a Get: an empty value is not nil.
func owned(v []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = []byte{}
	}
	return v, nil
}

// GetTo is Get into the memory of dst: the result is dst[:0], grown where needed, with the value
// appended. With enough capacity in dst it allocates nothing. It takes no lock.
func (ks *Keyspace) GetTo(dst, k []byte) ([]byte, error) {
	v, _, err := ks.get(dst, k)
	return v, err
}

// GetWithSeq returns a copy of the value of k and the sequence number of the operation that wrote it, for
// PutIf.
func (ks *Keyspace) GetWithSeq(k []byte) (v []byte, seq uint64, err error) {
	v, seq, err = ks.get(nil, k)
	v, err = owned(v, err)
	return v, seq, err
}

func (ks *Keyspace) get(dst, k []byte) (v []byte, seq uint64, err error) {
	if err = checkKey(k); err == nil {
		err = ks.check()
	}
	if err != nil {
		return dst, 0, fmt.Errorf("get: %w", err)
	}
	sk, buf := ks.space.stored(k)
	v, seq, found, err := ks.db.lookup(dst[:0], sk)
	putKeyBuffer(buf)
	if err != nil {
		return dst, 0, fmt.Errorf("get %s: %w", key.Format(k), err)
	}
	if !found {
		return dst, 0, ErrNotFound
	}
	return v, seq, nil
}

// Has reports whether k is in the keyspace. A key whose merge fails, so that Get has ErrMergeOperator, is.
func (ks *Keyspace) Has(k []byte) (bool, error) {
	return has(ks.GetTo, k)
}

// scratch is memory for values that only Has looks at.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// keptScratchBytes bounds the scratch memory that is kept.
const keptScratchBytes = 64 << 10

// has reports whether get finds k, or would if an operator took its operands.
func has(get func(dst, k []byte) ([]byte, error), k []byte) (bool, error) {
	buf := scratch.Get().(*[]byte)
	v, err := get(*buf, k)
	if cap(v) <= keptScratchBytes {
		*buf = v[:0]
		scratch.Put(buf)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case errors.Is(err, ErrMergeOperator):
		return true, nil
	}
	return err == nil, err
}

// lookup reads a stored key in the newest state.
func (db *DB) lookup(dst, k []byte) (v []byte, seq uint64, found bool, err error) {
	for {
		if db.closed.Load() {
			return dst, 0, false, ErrClosed
		}
		state := db.published.State()
		if s := db.cfg.Scheduler; s != nil {
			s.Wait("its turn to read", nil) // whatever else happens here may happen in between
		}
		v, seq, found, err := db.read(state, db.published.Visible(), 0, dst, k)
		if err == nil {
			return v, seq, found, nil
		}
		// The state was not held: compaction may have removed a table before it was opened here.
		// The state that replaced this one knows where its entries went.
		if vfs.IsNotExist(err) && db.published.State() != state {
			continue
		}
		return dst, 0, false, db.readError(err)
	}
}

// readError turns what a closing database does to a read in flight into ErrClosed.
func (db *DB) readError(err error) error {
	if db.closed.Load() {
		return ErrClosed
	}
	return err
}

// read reads a stored key in a state at a sequence number, as of a time; 0 is now. It appends the value
// to dst, whose length is 0.
func (db *DB) read(state *actors.State, seq uint64, now int64, dst, k []byte) (v []byte, wrote uint64, found bool, err error) {
	v, t, found, err := find(state, seq, dst, k)
	if err != nil || !found {
		return dst, 0, false, err
	}
	switch t.Kind() {
	case key.KindPut:
		return v, t.Seq(), true, nil
	case key.KindDelete:
		return dst, 0, false, nil
	case key.KindPutWithExpiry:
		expiry, value, ok := key.SplitExpiring(v)
		if now == 0 {
			now = db.clock.now()
		}
		if !ok || expiry <= now {
			return dst, 0, false, nil
		}
		return v[:copy(v, value)], t.Seq(), true, nil
	default:
		var buf [4]merge.Entry
		entries, err := appendEntries(buf[:0], state, seq, k)
		if err != nil {
			return dst, 0, false, err
		}
		v, found, err = db.resolve(dst, entries, now)
		runtime.KeepAlive(state)
		return v, t.Seq(), found, err
	}
}

// resolve returns what a user sees of the entries of a key, newest first.
func (db *DB) resolve(dst []byte, entries []merge.Entry, now int64) (v []byte, found bool, err error) {
	if len(entries) == 0 {
		return dst, false, nil
	}
	if now == 0 {
		now = db.clock.now()
	}
	return db.operators.Resolve(dst, db.operators.Fold(nil, entries), now)
}

// find looks a stored key up in the sources of a state, newest first: the first that knows the key decides, but
// for merges. It appends the stored value to dst.
func find(state *actors.State, seq uint64, dst, k []byte) (v []byte, t key.Trailer, found bool, err error) {
	// Values in a memtable lie outside the Go heap and live as long as the state is reachable.
	defer runtime.KeepAlive(state)
	if v, t, ok := state.Active.Get(k, seq); ok {
		return append(dst, v...), t, true, nil
	}
	for _, m := range state.Sealed {
		if v, t, ok := m.Get(k, seq); ok {
			return append(dst, v...), t, true, nil
		}
	}
	return state.Version.Get(k, sstable.Hash(k), dst)
}

// appendEntries appends what the sources of a state say of a stored key, newest first, through the one that
// says all. The values live as long as the state is reachable.
func appendEntries(dst []merge.Entry, state *actors.State, seq uint64, k []byte) ([]merge.Entry, error) {
	dst, complete := state.Active.AppendEntries(dst, k, seq)
	for _, m := range state.Sealed {
		if complete {
			return dst, nil
		}
		dst, complete = m.AppendEntries(dst, k, seq)
	}
	if complete {
		return dst, nil
	}
	dst, _, err := state.Version.AppendEntries(dst, k, sstable.Hash(k))
	return dst, err
}
