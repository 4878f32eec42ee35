package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/wal"
)

// Put writes v under k, replacing what was there; both are copied. It returns when the write is as
// durable as asked for (see Durability). Safe for concurrent use, like all methods of DB.
func (db *DB) Put(k, v []byte, d ...Durability) error {
	return db.PutContext(context.Background(), k, v, d...)
}

// PutContext is Put with a context. If the context ends while the write waits for admission, nothing
// was written; if it ends later, the error is ErrCommitUnknown.
func (db *DB) PutContext(ctx context.Context, k, v []byte, d ...Durability) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	c := actors.NewCommit()
	c.Buffer = wal.AppendPut(c.Buffer[:0], k, v)
	return db.commitOne(ctx, "put", c, k, len(v), d)
}

// Delete removes k; it is no error if k is not there.
func (db *DB) Delete(k []byte, d ...Durability) error {
	return db.DeleteContext(context.Background(), k, d...)
}

// DeleteContext is Delete with a context; see PutContext.
func (db *DB) DeleteContext(ctx context.Context, k []byte, d ...Durability) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	c := actors.NewCommit()
	c.Buffer = wal.AppendDelete(c.Buffer[:0], k)
	return db.commitOne(ctx, "delete", c, k, 0, d)
}

// commitOne commits the single operation encoded in c.Buffer.
func (db *DB) commitOne(ctx context.Context, what string, c *actors.Commit, k []byte, valueLen int, d []Durability) error {
	c.Ops, c.Count = c.Buffer, 1
	c.Charge = memtable.EntryBytes(len(k), valueLen)
	c.Sync = db.sync(d)
	if db.graph != nil {
		active := db.graph.State().Active
		c.Hint, c.Hinted = active.Hint(k), active
	}
	_, err := db.submit(ctx, c)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Apply commits all operations of the batch together. The batch may be used again afterwards,
// unless the error is ErrCommitUnknown: then the batch is empty.
func (db *DB) Apply(b *Batch, d ...Durability) error {
	return db.ApplyContext(context.Background(), b, d...)
}

// ApplyContext is Apply with a context; see PutContext.
func (db *DB) ApplyContext(ctx context.Context, b *Batch, d ...Durability) error {
	_, err := db.apply(ctx, b, db.sync(d))
	return err
}

// A Pending is a commit that is visible but may not be durable yet.
type Pending struct {
	// Seq is the sequence number of the commit.
	Seq uint64
	db  *DB
}

// ApplyAsync commits the batch and returns as soon as it is visible; the result's Wait awaits its
// durability.
func (db *DB) ApplyAsync(ctx context.Context, b *Batch) (Pending, error) {
	seq, err := db.apply(ctx, b, false)
	return Pending{Seq: seq, db: db}, err
}

// Wait returns nil once the commit is durable, and an error if that cannot be said.
func (p Pending) Wait(ctx context.Context) error {
	if p.db == nil || p.Seq <= p.db.graph.Durable() {
		return nil
	}
	barrier := actors.NewCommit()
	barrier.Sync = true
	if _, err := p.db.submit(ctx, barrier); err != nil {
		return fmt.Errorf("await durability of commit %d: %w", p.Seq, err)
	}
	return nil
}

func (db *DB) apply(ctx context.Context, b *Batch, sync bool) (seq uint64, err error) {
	count := b.count
	c := actors.NewCommit()
	c.Ops, c.Count, c.Charge, c.Sync = b.ops, b.count, b.charge, sync
	seq, err = db.submit(ctx, c)
	if errors.Is(err, ErrCommitUnknown) {
		b.surrender()
	}
	if err != nil {
		return 0, fmt.Errorf("apply a batch of %d operations: %w", count, err)
	}
	return seq, nil
}

func (db *DB) sync(d []Durability) bool {
	if len(d) > 0 && d[0] != Default {
		return d[0] == Sync
	}
	return db.cfg.Durability == Sync
}

func (db *DB) submit(ctx context.Context, c *actors.Commit) (uint64, error) {
	if db.graph == nil {
		c.Discard()
		if db.closed.Load() {
			return 0, ErrClosed
		}
		return 0, ErrReadOnly
	}
	return db.graph.Submit(ctx, c)
}
