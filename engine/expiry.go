package engine

import (
	"fmt"
	"runtime"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// GetWithExpiry returns a copy of the value of k and when it expires: k is gone then, but for what was merged into
// the value since it was written. The zero time says that it does not expire. It is slower than Get.
func (ks *Keyspace) GetWithExpiry(k []byte) (v []byte, expires time.Time, err error) {
	if err = checkKey(k); err == nil {
		err = ks.check()
	}
	if err == nil && ks.db.closed.Load() {
		err = ErrClosed
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get: %w", err)
	}
	view := ks.db.published.AcquireView()
	defer view.Release()
	sk, buf := ks.space.stored(k)
	defer putKeyBuffer(buf)
	return ks.db.readExpiring(k, sk, nil, view, ks.db.clock.now())
}

// GetWithExpiry returns a copy of the value of k as the transaction sees it and when it expires, as
// Keyspace.GetWithExpiry.
func (t TxnKeyspace) GetWithExpiry(k []byte) (v []byte, expires time.Time, err error) {
	txn := t.txn
	// This checks the transaction and notes what it reads; the read itself sees the same.
	if _, err = t.Has(k); err != nil {
		return nil, time.Time{}, err
	}
	sk, buf := t.ks.space.stored(k)
	defer putKeyBuffer(buf)
	own, complete := txn.overlay.appendEntries(nil, sk)
	if complete {
		return txn.db.expiring(k, own, txn.held.now)
	}
	return txn.db.readExpiring(k, sk, own, txn.view, txn.held.now)
}

// readExpiring reads user key k, stored as sk, in a View at a time, under entries that are newer.
func (db *DB) readExpiring(k, sk []byte, own []merge.Entry, view actors.View, now int64) (v []byte, expires time.Time, err error) {
	defer runtime.KeepAlive(view.State)
	entries, err := appendEntries(own, view.State, view.Seq, sk)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get %s: %w", key.Format(k), db.readError(err))
	}
	return db.expiring(k, entries, now)
}

// expiring returns what a user sees of the entries of k at a time, and when that expires.
func (db *DB) expiring(k []byte, entries []merge.Entry, now int64) (v []byte, expires time.Time, err error) {
	if len(entries) == 0 {
		return nil, time.Time{}, ErrNotFound
	}
	e := db.operators.Fold(nil, entries)
	v, found, err := db.operators.Resolve([]byte{}, e, now)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get %s: %w", key.Format(k), err)
	}
	if !found {
		return nil, time.Time{}, ErrNotFound
	}
	if at := merge.Expiry(e); at > now {
		expires = time.Unix(0, at)
	}
	return v, expires, nil
}
