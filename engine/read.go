package engine

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// Get returns a copy of the value of k, or ErrNotFound.
func (db *DB) Get(k []byte) ([]byte, error) {
	return owned(db.GetTo(nil, k))
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
func (db *DB) GetTo(dst, k []byte) ([]byte, error) {
	if err := checkKey(k); err != nil {
		return dst, fmt.Errorf("get: %w", err)
	}
	v, found, err := db.lookup(dst[:0], k)
	if err != nil {
		return dst, fmt.Errorf("get: %w", err)
	}
	if !found {
		return dst, ErrNotFound
	}
	return v, nil
}

// Has reports whether k is in the database.
func (db *DB) Has(k []byte) (bool, error) {
	return has(db.GetTo, k)
}

// scratch is memory for values that only Has looks at.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// keptScratchBytes bounds the scratch memory that is kept.
const keptScratchBytes = 64 << 10

// has reports whether get finds k.
func has(get func(dst, k []byte) ([]byte, error), k []byte) (bool, error) {
	buf := scratch.Get().(*[]byte)
	v, err := get(*buf, k)
	if cap(v) <= keptScratchBytes {
		*buf = v[:0]
		scratch.Put(buf)
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// lookup reads k in the newest state.
func (db *DB) lookup(dst, k []byte) (v []byte, found bool, err error) {
	for {
		if db.closed.Load() {
			return dst, false, ErrClosed
		}
		state := db.published.State()
		v, found, err := find(state, db.published.Visible(), dst, k)
		if err == nil {
			return v, found, nil
		}
		// The state was not held: compaction may have removed a table before it was opened here.
		// The state that replaced this one knows where its entries went.
		if vfs.IsNotExist(err) && db.published.State() != state {
			continue
		}
		return dst, false, db.readError(err)
	}
}

// readError turns what a closing database does to a read in flight into ErrClosed.
func (db *DB) readError(err error) error {
	if db.closed.Load() {
		return ErrClosed
	}
	return err
}

// find looks k up in the sources of a state, newest first: the first that knows the key decides.
func find(state *actors.State, seq uint64, dst, k []byte) (v []byte, found bool, err error) {
	// Values in a memtable lie outside the Go heap and live as long as the state is reachable.
	defer runtime.KeepAlive(state)
	if v, t, ok := state.Active.Get(k, seq); ok {
		return append(dst, v...), t.Kind() != key.KindDelete, nil
	}
	for _, m := range state.Sealed {
		if v, t, ok := m.Get(k, seq); ok {
			return append(dst, v...), t.Kind() != key.KindDelete, nil
		}
	}
	out, t, ok, err := state.Version.Get(k, sstable.Hash(k), dst)
	return out, ok && t.Kind() != key.KindDelete, err
}
