package engine

import (
	"fmt"
	"sync/atomic"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/vfs"
)

// A Snapshot is the database as it was at one commit. It holds the memory and files that it needs,
// so it must be closed. Its methods Get and the like read the default keyspace; see In. Safe for concurrent
// use.
type Snapshot struct {
	SnapshotKeyspace
	db     *DB
	view   actors.View
	held   heldView
	closed atomic.Bool
}

// A SnapshotKeyspace reads one keyspace of a Snapshot.
type SnapshotKeyspace struct {
	snap *Snapshot
	ks   *Keyspace
}

// Snapshot returns the database as it is now.
func (db *DB) Snapshot() (*Snapshot, error) {
	s := &Snapshot{db: db}
	s.SnapshotKeyspace = SnapshotKeyspace{s, db.defaultKeyspace}
	view, err := db.hold(&s.held, "snapshot", caller())
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	s.view = view
	return s, nil
}

// In returns the snapshot of a keyspace. One that was dropped meanwhile can still be read.
func (s *Snapshot) In(ks *Keyspace) SnapshotKeyspace { return SnapshotKeyspace{s, ks} }

// Seq returns the sequence number of the newest commit that the snapshot sees.
func (s *Snapshot) Seq() uint64 { return s.view.Seq }

// Get returns a copy of the value that k had, or ErrNotFound.
func (s SnapshotKeyspace) Get(k []byte) ([]byte, error) {
	return owned(s.GetTo(nil, k))
}

// GetTo is Get into the memory of dst, as Keyspace.GetTo.
func (s SnapshotKeyspace) GetTo(dst, k []byte) ([]byte, error) {
	if err := checkKey(k); err != nil {
		return dst, fmt.Errorf("get: %w", err)
	}
	snap := s.snap
	if snap.closed.Load() || snap.db.closed.Load() {
		return dst, fmt.Errorf("get: snapshot: %w", ErrClosed)
	}
	sk, buf := s.ks.space.stored(k)
	v, _, found, err := snap.db.read(snap.view.State, snap.view.Seq, snap.held.now, dst[:0], sk)
	putKeyBuffer(buf)
	if err != nil {
		if snap.closed.Load() && vfs.IsNotExist(err) {
			err = ErrClosed
		}
		return dst, fmt.Errorf("get %s: %w", key.Format(k), snap.db.readError(err))
	}
	if !found {
		return dst, ErrNotFound
	}
	return v, nil
}

// Has reports whether k was in the keyspace.
func (s SnapshotKeyspace) Has(k []byte) (bool, error) {
	return has(s.GetTo, k)
}

// NewIterator returns an iterator over the snapshot. It stays valid after the snapshot is closed.
func (s SnapshotKeyspace) NewIterator(o IterOptions) (*Iterator, error) {
	snap := s.snap
	if snap.closed.Load() || snap.db.closed.Load() {
		return nil, fmt.Errorf("iterate: snapshot: %w", ErrClosed)
	}
	it := newIterator(s.ks)
	view, ok := snap.view.Hold()
	if !ok {
		return nil, fmt.Errorf("iterate: snapshot: %w", ErrClosed)
	}
	it.view = view
	snap.db.views.add(&it.held, "iterator", caller(), it.view.Seq, snap.held.now)
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
