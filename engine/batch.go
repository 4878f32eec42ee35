package engine

import (
	"fmt"

	"github.com/middb/middb/memtable"
	"github.com/middb/middb/wal"
)

// A Batch collects writes that become visible, and survive a crash, together or not at all. Of
// several writes to one key the last one counts. A Batch is for one goroutine, belongs to no
// particular DB, and can be applied again or reset and filled anew.
type Batch struct {
	ops    []byte
	count  uint32
	charge int64
}

// NewBatch returns an empty batch. The zero Batch is one, too.
func (db *DB) NewBatch() *Batch { return &Batch{} }

// Put adds a write of v under k; both are copied. On error the batch is as it was.
func (b *Batch) Put(k, v []byte) error {
	if err := checkEntry(k, v); err != nil {
		return err
	}
	if err := b.checkRoom(len(k), len(v)); err != nil {
		return err
	}
	b.ops = wal.AppendPut(b.ops, k, v)
	b.count++
	b.charge += memtable.EntryBytes(len(k), len(v))
	return nil
}

// Delete adds a deletion of k, which need not exist. On error the batch is as it was.
func (b *Batch) Delete(k []byte) error {
	if err := checkKey(k); err != nil {
		return err
	}
	if err := b.checkRoom(len(k), 0); err != nil {
		return err
	}
	b.ops = wal.AppendDelete(b.ops, k)
	b.count++
	b.charge += memtable.EntryBytes(len(k), 0)
	return nil
}

// opOverhead bounds what the encoding of an operation adds to its key and value.
const opOverhead = 16

// maxBatchCharge bounds what the operations take in a memtable, which many small ones fill long
// before they are MaxBatchBytes.
const maxBatchCharge = 8 * MaxBatchBytes

func (b *Batch) checkRoom(keyLen, valueLen int) error {
	n := keyLen + valueLen
	if b.charge+memtable.EntryBytes(keyLen, valueLen) > maxBatchCharge {
		return fmt.Errorf("%w: its %d operations take %d bytes of memory, the limit is %d; apply it in parts",
			ErrBatchTooLarge, b.count, b.charge, int64(maxBatchCharge))
	}
	if len(b.ops)+n+opOverhead > MaxBatchBytes {
		return fmt.Errorf("%w: it holds %d bytes, another operation of %d would exceed the limit of %d; apply it in parts",
			ErrBatchTooLarge, len(b.ops), n, MaxBatchBytes)
	}
	return nil
}

// Len returns the number of operations.
func (b *Batch) Len() int { return int(b.count) }

// Bytes returns the encoded size.
func (b *Batch) Bytes() int { return len(b.ops) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.ops, b.count, b.charge = b.ops[:0], 0, 0 }

// surrender empties the batch and leaves its memory to whoever still reads it.
func (b *Batch) surrender() { *b = Batch{} }
