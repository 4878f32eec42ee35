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
// the value since it was written. The zero time says that it does not expire. If the merge fails (ErrMergeOperator)
// the time is told, too. It is slower than Get.
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
	v, expires, found, err := ks.db.readExpiring(sk, nil, view, ks.db.clock.now())
	if err != nil {
		err = ks.db.readError(err)
	}
	return told(k, v, expires, found, err)
}

// GetWithExpiry returns a copy of the value of k as the transaction sees it and when it expires, as
// Keyspace.GetWithExpiry.
func (t TxnKeyspace) GetWithExpiry(k []byte) (v []byte, expires time.Time, err error) {
	sk, buf, err := t.beginRead(k, false)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get: %w", err)
	}
	defer putKeyBuffer(buf)
	txn := t.txn
	var found bool
	own, complete := txn.overlay.appendEntries(nil, sk)
	if complete {
		v, expires, found, err = txn.db.expiring(own, txn.held.now)
	} else {
		v, expires, found, err = txn.db.readExpiring(sk, own, txn.view, txn.held.now)
	}
	if err != nil {
		err = txn.readError(err)
	}
	return told(k, v, expires, found, err)
}

// told makes what a read of k found the answer of GetWithExpiry.
func told(k, v []byte, expires time.Time, found bool, err error) ([]byte, time.Time, error) {
	switch {
	case err != nil:
		return nil, expires, fmt.Errorf("get %s: %w", key.Format(k), err)
	case !found:
		return nil, time.Time{}, ErrNotFound
	}
	return v, expires, nil
}

// readExpiring reads a stored key in a View at a time, under entries that are newer.
func (db *DB) readExpiring(sk []byte, own []merge.Entry, view actors.View, now int64) (v []byte, expires time.Time, found bool, err error) {
	defer runtime.KeepAlive(view.State)
	if len(own) == 0 { // what is no merge is found at once
		value, t, known, findErr := find(view.State, view.Seq, []byte{}, sk)
		switch {
		case findErr != nil || !known || t.Kind() == key.KindDelete:
			return nil, time.Time{}, false, findErr
		case t.Kind() == key.KindPut:
			return value, time.Time{}, true, nil
		case t.Kind() == key.KindPutWithExpiry:
			return db.expiring([]merge.Entry{{Kind: key.KindPutWithExpiry, Value: value}}, now)
		}
	}
	entries, err := appendEntries(own, view.State, view.Seq, sk)
	if err != nil {
		return nil, time.Time{}, false, err
	}
	return db.expiring(entries, now)
}

// expiring returns what a user sees of the entries of a key at a time, and when that expires.
func (db *DB) expiring(entries []merge.Entry, now int64) (v []byte, expires time.Time, found bool, err error) {
	if len(entries) == 0 {
		return nil, time.Time{}, false, nil
	}
	e := db.operators.Fold(nil, entries)
	v, found, err = db.operators.Resolve([]byte{}, e, now)
	if at := merge.Expiry(e); at > now {
		expires = time.Unix(0, at)
	}
	return v, expires, found, err
}
