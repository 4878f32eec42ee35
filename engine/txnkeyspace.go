package engine

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// A TxnKeyspace reads and writes one keyspace in a transaction.
type TxnKeyspace struct {
	txn *Txn
	ks  *Keyspace
}

// Get returns a copy of the value of k as the transaction sees it, or ErrNotFound.
func (t TxnKeyspace) Get(k []byte) ([]byte, error) { return owned(t.GetTo(nil, k)) }

// GetTo is Get into the memory of dst, as Keyspace.GetTo.
func (t TxnKeyspace) GetTo(dst, k []byte) ([]byte, error) { return t.get(dst, k, false) }

// GetForUpdate is Get of a key that counts as written, at either isolation level: if another transaction that
// writes it, or that reads it for update and writes anything, commits first, this one does not commit.
func (t TxnKeyspace) GetForUpdate(k []byte) ([]byte, error) { return owned(t.get(nil, k, true)) }

// Has reports whether k is there as the transaction sees it.
func (t TxnKeyspace) Has(k []byte) (bool, error) { return has(t.GetTo, k) }

func (t TxnKeyspace) get(dst, k []byte, lock bool) ([]byte, error) {
	sk, buf, err := t.beginRead(k, lock)
	if err != nil {
		return dst, fmt.Errorf("get: %w", err)
	}
	defer putKeyBuffer(buf)
	v, found, err := t.txn.read(dst[:0], sk, t.ks.tree)
	if err != nil {
		return dst, fmt.Errorf("get %s: %w", key.Format(k), err)
	}
	if !found {
		return dst, ErrNotFound
	}
	return v, nil
}

// beginRead checks that k can be read, notes that it is, and returns the stored key.
func (t TxnKeyspace) beginRead(k []byte, lock bool) (sk []byte, buf *keyBuffer, err error) {
	txn := t.txn
	if err = checkKey(k); err == nil {
		err = txn.usable()
	}
	if err == nil && lock && txn.options.ReadOnly {
		err = ErrTxnReadOnly
	}
	if err != nil {
		return nil, nil, err
	}
	sk, buf = t.ks.space.stored(k)
	switch {
	case lock:
		txn.reads.lock(sk)
	case txn.options.Isolation == Serializable && !txn.options.ReadOnly:
		txn.reads.key(sk)
	}
	return sk, buf, nil
}

// read reads a stored key: the transaction's own writes, then its View.
func (txn *Txn) read(dst, sk []byte, tree bool) (v []byte, found bool, err error) {
	db := txn.db
	var buf [4]merge.Entry
	own, complete := txn.overlay.appendEntries(buf[:0], sk)
	switch {
	case len(own) == 0 && tree:
		v, found, err = txn.readTree(dst, sk)
	case len(own) == 0:
		v, _, found, err = db.read(txn.view.State, txn.view.Seq, txn.held.now, dst, sk)
	case complete:
		v, found, err = db.resolve(dst, own, txn.held.now)
	default:
		if own, err = appendEntries(own, txn.view.State, txn.view.Seq, sk); err == nil {
			v, found, err = db.resolve(dst, own, txn.held.now)
		}
	}
	if err != nil {
		return dst, false, txn.readError(err)
	}
	return v, found, nil
}

// readTree reads the stored key of an entry of a B+Tree in the View, whose pages could be used again for something else
// if the transaction expired meanwhile.
func (txn *Txn) readTree(dst, sk []byte) (v []byte, found bool, err error) {
	view, ok := txn.view.Hold()
	if !ok {
		return dst, false, ErrTxnExpired
	}
	defer view.Release()
	return view.Tree(binary.BigEndian.Uint32(sk[len(spacePrefix):])).Get(dst, sk[spaceBytes:])
}

// readError says why a read failed: perhaps because the transaction ended meanwhile.
func (txn *Txn) readError(err error) error {
	if vfs.IsNotExist(err) && txn.state.Load() == txnExpired {
		return ErrTxnExpired
	}
	return txn.db.readError(err)
}

// NewIterator returns an iterator over the keyspace as the transaction sees it now; it does not show what the
// transaction writes later. It must be closed before the transaction ends.
func (t TxnKeyspace) NewIterator(o IterOptions) (*Iterator, error) { return t.iterate(o, caller()) }

func (t TxnKeyspace) iterate(o IterOptions, by creator) (*Iterator, error) {
	txn := t.txn
	if err := txn.usable(); err != nil {
		return nil, fmt.Errorf("iterate: %w", err)
	}
	it := newIterator(t.ks)
	view, ok := txn.view.Hold()
	if !ok {
		return nil, fmt.Errorf("iterate: %w", ErrTxnDone)
	}
	it.view = view
	txn.db.views.add(&it.held, "iterator", by, view.Seq, txn.held.now)
	if !txn.overlay.empty() {
		it.sources = append(it.sources, txn.overlay.source())
	}
	if txn.options.Isolation == Serializable && !txn.options.ReadOnly {
		it.reads = txn.reads.iterator()
	}
	return it.open(o)
}

// Put writes v under k in the transaction; both are copied.
func (t TxnKeyspace) Put(k, v []byte) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return t.write("put", &write{kind: key.KindPut, key: k, value: v})
}

// PutTTL writes v under k, where it is gone after ttl, counted from now.
func (t TxnKeyspace) PutTTL(k, v []byte, ttl time.Duration) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	expiry, err := t.txn.db.clock.expiry(ttl)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return t.write("put", &write{kind: key.KindPutWithExpiry, key: k, value: v, expiry: expiry})
}

// PutUntil writes v under k, where it is gone at a time by the clock of the database; at once if that has passed.
func (t TxnKeyspace) PutUntil(k, v []byte, at time.Time) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	expiry, err := t.txn.db.clock.expiryAt(at)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	return t.write("put", &write{kind: key.KindPutWithExpiry, key: k, value: v, expiry: expiry})
}

// Delete removes k in the transaction.
func (t TxnKeyspace) Delete(k []byte) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return t.write("delete", &write{kind: key.KindDelete, key: k})
}

// DeleteRange removes all keys from lower, inclusive, to upper, exclusive, in the transaction; nil is no bound.
// It conflicts with every other write of a key in the range.
func (t TxnKeyspace) DeleteRange(lower, upper []byte) error {
	if err := checkRange(lower, upper); err != nil {
		return fmt.Errorf("delete range: %w", err)
	}
	return t.write("delete range", &write{kind: key.KindRangeDelete, key: lower, value: upper})
}

// Merge changes the value of k by an operand in the transaction: see Keyspace.Merge. It counts as a write.
func (t TxnKeyspace) Merge(k []byte, operator string, operand []byte) error {
	if err := checkMerge(t.txn.db, k, operator, operand); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return t.write("merge", &write{kind: key.KindMerge, key: k, value: operand, operator: operator})
}

func (t TxnKeyspace) write(what string, op *write) error {
	txn := t.txn
	err := txn.usable()
	if err == nil && txn.options.ReadOnly {
		err = ErrTxnReadOnly
	}
	if err == nil {
		err = t.ks.check()
	}
	if err == nil {
		err = txn.overlay.append(t.ks, op, txn.db.commitLimit(), txn.db.operators)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// withSeq reads k and the sequence number of the operation that wrote it.
func (t TxnKeyspace) withSeq(k []byte) (seq uint64, found bool, err error) {
	txn := t.txn
	sk, buf := t.ks.space.stored(k)
	defer putKeyBuffer(buf)
	v := scratch.Get().(*[]byte)
	out, seq, found, err := txn.db.read(txn.view.State, txn.view.Seq, txn.held.now, (*v)[:0], sk)
	if cap(out) <= keptScratchBytes {
		*v = out[:0]
		scratch.Put(v)
	}
	return seq, found, err
}
