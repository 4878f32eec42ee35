package engine

import (
	"fmt"
	"runtime"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// A Batch collects writes that become visible, and survive a crash, together or not at all. Of
// several writes to one key the last one counts. A Batch is for one goroutine and can be applied again or
// reset and filled anew. One that was made by NewBatch belongs to that DB, whose limits hold for it; the zero
// Batch belongs to none. On error the batch is as it was.
type Batch struct {
	overlay
	db      *DB // nil: none in particular
	indexed bool
}

// NewBatch returns an empty batch. It may take half of Config.MemoryBudget.
func (db *DB) NewBatch() *Batch { return &Batch{db: db} }

// NewIndexedBatch returns an empty batch that can be read, with the database as it is at the time beneath:
// what has not been written in the batch is what others last committed. Writing to it is slower. For reads of
// one moment, and for conflicts to be noticed, use a transaction.
func (db *DB) NewIndexedBatch() *Batch { return &Batch{db: db, indexed: true} }

// Put adds a write of v under k; both are copied.
func (b *Batch) Put(k, v []byte) error { return b.In(nil).Put(k, v) }

// PutTTL adds a write of v under k that is gone after ttl.
func (b *Batch) PutTTL(k, v []byte, ttl time.Duration) error { return b.In(nil).PutTTL(k, v, ttl) }

// Delete adds a deletion of k, which need not exist.
func (b *Batch) Delete(k []byte) error { return b.In(nil).Delete(k) }

// DeleteRange adds the deletion of all keys from lower, inclusive, to upper, exclusive; nil is no bound.
func (b *Batch) DeleteRange(lower, upper []byte) error { return b.In(nil).DeleteRange(lower, upper) }

// Merge adds a merge: see Keyspace.Merge.
func (b *Batch) Merge(k []byte, operator string, operand []byte) error {
	return b.In(nil).Merge(k, operator, operand)
}

// Get returns a copy of the value of k: what the batch, which must be an indexed one, or else the database says.
func (b *Batch) Get(k []byte) ([]byte, error) { return b.In(nil).Get(k) }

// NewIterator returns an iterator over the batch, which must be an indexed one, and the database beneath. It does
// not show what is written later.
func (b *Batch) NewIterator(o IterOptions) (*Iterator, error) { return b.In(nil).NewIterator(o) }

// In returns the batch as one that writes to a keyspace; nil is the default one. A batch with writes to named
// keyspaces is for their DB alone.
func (b *Batch) In(ks *Keyspace) BatchKeyspace { return BatchKeyspace{b, ks} }

// A BatchKeyspace adds writes to one keyspace to a Batch.
type BatchKeyspace struct {
	batch *Batch
	ks    *Keyspace
}

// Put is Batch.Put.
func (b BatchKeyspace) Put(k, v []byte) error {
	if err := checkEntry(k, v); err != nil {
		return err
	}
	return b.append(&write{kind: key.KindPut, key: k, value: v})
}

// PutTTL is Batch.PutTTL.
func (b BatchKeyspace) PutTTL(k, v []byte, ttl time.Duration) error {
	if err := checkEntry(k, v); err != nil {
		return err
	}
	var expiry int64
	var err error
	if db := b.db(); db != nil {
		expiry, err = db.clock.expiry(ttl)
	} else {
		expiry, err = expiryAfter(time.Now().UnixNano(), ttl)
	}
	if err != nil {
		return err
	}
	return b.append(&write{kind: key.KindPutWithExpiry, key: k, value: v, expiry: expiry})
}

// PutUntil adds a write of v under k that is gone at a time by the clock of the database; at once if that has
// passed.
func (b BatchKeyspace) PutUntil(k, v []byte, at time.Time) error {
	if err := checkEntry(k, v); err != nil {
		return err
	}
	c := &clock{} // of no database: the batch is for any
	if db := b.db(); db != nil {
		c = db.clock
	}
	expiry, err := c.expiryAt(at)
	if err != nil {
		return err
	}
	return b.append(&write{kind: key.KindPutWithExpiry, key: k, value: v, expiry: expiry})
}

// Delete is Batch.Delete.
func (b BatchKeyspace) Delete(k []byte) error {
	if err := checkKey(k); err != nil {
		return err
	}
	return b.append(&write{kind: key.KindDelete, key: k})
}

// DeleteRange is Batch.DeleteRange.
func (b BatchKeyspace) DeleteRange(lower, upper []byte) error {
	if err := checkRange(lower, upper); err != nil {
		return err
	}
	return b.append(&write{kind: key.KindRangeDelete, key: lower, value: upper})
}

// Merge is Batch.Merge.
func (b BatchKeyspace) Merge(k []byte, operator string, operand []byte) error {
	if err := checkMerge(b.db(), k, operator, operand); err != nil {
		return err
	}
	return b.append(&write{kind: key.KindMerge, key: k, value: operand, operator: operator})
}

// Get is Batch.Get.
func (b BatchKeyspace) Get(k []byte) ([]byte, error) {
	if err := checkKey(k); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if !b.batch.indexed {
		return nil, fmt.Errorf("get: %w", ErrNotIndexed)
	}
	db := b.batch.db
	sk, buf := spaceOf(b.ks).stored(k)
	defer putKeyBuffer(buf)
	var own [4]merge.Entry
	entries, complete := b.batch.appendEntries(own[:0], sk)
	if len(entries) == 0 {
		return b.keyspace().Get(k)
	}
	if !complete {
		view := db.published.AcquireView()
		defer view.Release()
		var err error
		if entries, err = appendEntries(entries, view.State, view.Seq, sk); err != nil {
			return nil, fmt.Errorf("get %s: %w", key.Format(k), db.readError(err))
		}
		defer runtime.KeepAlive(view.State)
	}
	v, found, err := db.resolve(nil, entries, 0)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key.Format(k), err)
	}
	if !found {
		return nil, ErrNotFound
	}
	return owned(v, nil)
}

// NewIterator is Batch.NewIterator.
func (b BatchKeyspace) NewIterator(o IterOptions) (*Iterator, error) {
	if !b.batch.indexed {
		return nil, fmt.Errorf("iterate: %w", ErrNotIndexed)
	}
	return b.keyspace().iterate(o, &b.batch.overlay, caller())
}

// keyspace returns the keyspace of an indexed batch.
func (b BatchKeyspace) keyspace() *Keyspace {
	if b.ks == nil {
		return b.batch.db.defaultKeyspace
	}
	return b.ks
}

func (b BatchKeyspace) db() *DB {
	if b.batch.db == nil && b.ks != nil {
		return b.ks.db
	}
	return b.batch.db
}

func (b BatchKeyspace) append(op *write) error {
	var limit int64
	if db := b.db(); db != nil {
		limit = db.commitLimit()
	}
	if b.batch.indexed {
		return b.batch.overlay.append(b.ks, op, limit, b.batch.db.operators)
	}
	_, err := b.batch.writes.append(b.ks, op, limit)
	return err
}

// Len returns the number of operations.
func (b *Batch) Len() int { return int(b.count) }

// Bytes returns the encoded size.
func (b *Batch) Bytes() int { return len(b.ops) }

// Reset empties the batch. It keeps its memory, unless the batch is indexed.
func (b *Batch) Reset() {
	if b.indexed {
		b.surrender() // iterators may still read it
		return
	}
	b.writes = writes{ops: b.ops[:0], gates: b.gates[:0]}
}

// surrender empties the batch and leaves its memory to whoever still reads it.
func (b *Batch) surrender() { b.overlay = overlay{} }
