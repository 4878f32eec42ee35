package engine

import (
	"fmt"
	"sync/atomic"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/vfs"
)

// A Snapshot is the database as it was at one commit. It holds the memory and files that it needs,
// so it must be closed. Safe for concurrent use.
type Snapshot struct {
	db     *DB
	view   actors.View
	held   heldView
	closed atomic.Bool
}

// Snapshot returns the database as it is now.
func (db *DB) Snapshot() (*Snapshot, error) {
	s := &Snapshot{db: db}
	view, err := db.hold(&s.held, "snapshot")
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s.view = view
	return s, nil
}

// Seq returns the sequence number of the newest commit that the snapshot sees.
func (s *Snapshot) Seq() uint64 { return s.view.Seq }

// Get returns a copy of the value that k had, or ErrNotFound.
func (s *Snapshot) Get(k []byte) ([]byte, error) {
	return owned(s.GetTo(nil, k))
}

// GetTo is Get into the memory of dst, as DB.GetTo.
func (s *Snapshot) GetTo(dst, k []byte) ([]byte, error) {
	if err := checkKey(k); err != nil {
		return dst, fmt.Errorf("get: %w", err)
	}
	if s.closed.Load() || s.db.closed.Load() {
		return dst, fmt.Errorf("get: snapshot: %w", ErrClosed)
	}
	v, found, err := find(s.view.State, s.view.Seq, dst[:0], k)
	if err != nil {
		if s.closed.Load() && vfs.IsNotExist(err) {
			err = ErrClosed
		}
		return dst, fmt.Errorf("get: %w", s.db.readError(err))
	}
	if !found {
		return dst, ErrNotFound
	}
	return v, nil
}

// Has reports whether k was in the database.
func (s *Snapshot) Has(k []byte) (bool, error) {
	return has(s.GetTo, k)
}

// NewIterator returns an iterator over the snapshot. It stays valid after the snapshot is closed.
func (s *Snapshot) NewIterator(o IterOptions) (*Iterator, error) {
	if s.closed.Load() || s.db.closed.Load() {
		return nil, fmt.Errorf("iterate: snapshot: %w", ErrClosed)
	}
	it := newIterator(s.db)
	view, ok := s.view.Hold()
	if !ok {
		return nil, fmt.Errorf("iterate: snapshot: %w", ErrClosed)
	}
	it.view = view
	s.db.views.add(&it.held, "iterator", it.view.Seq)
	return it.open(o)
}

// Close lets go of what the snapshot holds. Closing it again does nothing.
func (s *Snapshot) Close() error {
	if s.closed.CompareAndSwap(false, true) {
		s.db.views.remove(&s.held)
		s.view.Release()
	}
	return nil
}
