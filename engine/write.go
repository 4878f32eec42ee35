package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/wal"
)

// Put writes v under k, replacing what was there; both are copied. It returns when the write is as
// durable as asked for (see Durability). Safe for concurrent use, like all methods of Keyspace.
func (ks *Keyspace) Put(k, v []byte, d ...Durability) error {
	return ks.PutContext(context.Background(), k, v, d...)
}

// PutContext is Put with a context. If the context ends while the write waits for admission, nothing
// was written; if it ends later, the error is ErrCommitUnknown.
func (ks *Keyspace) PutContext(ctx context.Context, k, v []byte, d ...Durability) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	c := actors.NewCommit()
	sk, buf := ks.space.stored(k)
	c.Buffer = wal.AppendPut(c.Buffer[:0], sk, v)
	err := ks.commitPoint(ctx, "put", c, sk, len(v), d)
	putKeyBuffer(buf)
	return err
}

// PutTTL writes v under k for a time: when ttl has passed, by the clock of the database, k is gone.
func (ks *Keyspace) PutTTL(k, v []byte, ttl time.Duration, d ...Durability) error {
	return ks.PutTTLContext(context.Background(), k, v, ttl, d...)
}

// PutTTLContext is PutTTL with a context; see PutContext.
func (ks *Keyspace) PutTTLContext(ctx context.Context, k, v []byte, ttl time.Duration, d ...Durability) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	expiry, err := ks.db.clock.expiry(ttl)
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	c := actors.NewCommit()
	sk, buf := ks.space.stored(k)
	c.Buffer = wal.AppendPutWithExpiry(c.Buffer[:0], sk, expiry, v)
	err = ks.commitPoint(ctx, "put", c, sk, key.ExpiringBytes(len(v)), d)
	putKeyBuffer(buf)
	return err
}

// Delete removes k; it is no error if k is not there.
func (ks *Keyspace) Delete(k []byte, d ...Durability) error {
	return ks.DeleteContext(context.Background(), k, d...)
}

// DeleteContext is Delete with a context; see PutContext.
func (ks *Keyspace) DeleteContext(ctx context.Context, k []byte, d ...Durability) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	c := actors.NewCommit()
	sk, buf := ks.space.stored(k)
	c.Buffer = wal.AppendDelete(c.Buffer[:0], sk)
	err := ks.commitPoint(ctx, "delete", c, sk, 0, d)
	putKeyBuffer(buf)
	return err
}

// commitPoint commits the single operation on stored key sk that is encoded in c.Buffer.
func (ks *Keyspace) commitPoint(ctx context.Context, what string, c *actors.Commit, sk []byte, valueLen int, d []Durability) error {
	db := ks.db
	c.Ops, c.Count = c.Buffer, 1
	c.Charge = memtable.EntryBytes(len(sk), valueLen)
	c.Sync = db.sync(d)
	c.Gates = ks.gates
	db.hint(c, sk)
	_, err := db.submit(ctx, c)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// hint finds where the stored key of a commit's single put or delete goes, so that the memtable's owner need not.
func (db *DB) hint(c *actors.Commit, sk []byte) {
	if db.graph != nil {
		active := db.graph.State().Active
		c.Hint, c.Hinted = active.Hint(sk), active
	}
}

// DeleteRange removes all keys from lower, inclusive, to upper, exclusive; nil is no bound. However many
// keys there are, it writes one operation; compaction gives their space back.
func (ks *Keyspace) DeleteRange(lower, upper []byte, d ...Durability) error {
	return ks.DeleteRangeContext(context.Background(), lower, upper, d...)
}

// DeleteRangeContext is DeleteRange with a context; see PutContext.
func (ks *Keyspace) DeleteRangeContext(ctx context.Context, lower, upper []byte, d ...Durability) error {
	if err := checkRange(lower, upper); err != nil {
		return fmt.Errorf("delete range: %w", err)
	}
	return ks.commitOne(ctx, "delete range", &write{kind: key.KindRangeDelete, key: lower, value: upper}, d)
}

// Merge changes the value of k by an operand, without reading it first: what a read returns is what the
// operator makes of the value and all operands since, in the order of their commits. The operator is
// merge.Counter, merge.Append, or one of Config.MergeOperators. If there is no value the operand becomes it.
// A value with expiry keeps it; when it expires, only the operands merged into it remain.
func (ks *Keyspace) Merge(k []byte, operator string, operand []byte, d ...Durability) error {
	return ks.MergeContext(context.Background(), k, operator, operand, d...)
}

// MergeContext is Merge with a context; see PutContext.
func (ks *Keyspace) MergeContext(ctx context.Context, k []byte, operator string, operand []byte, d ...Durability) error {
	if err := checkMerge(ks.db, k, operator, operand); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return ks.commitOne(ctx, "merge", &write{kind: key.KindMerge, key: k, value: operand, operator: operator}, d)
}

// commitOne commits one operation.
func (ks *Keyspace) commitOne(ctx context.Context, what string, op *write, d []Durability) error {
	c := actors.NewCommit()
	w := writes{ops: c.Buffer[:0]}
	if done, err := w.append(ks, op, 0); !done || err != nil {
		c.Discard()
		return err
	}
	c.Buffer = w.ops
	w.fill(c)
	c.Sync = ks.db.sync(d)
	if _, err := ks.db.submit(ctx, c); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// fill makes c the commit of the operations.
func (w *writes) fill(c *actors.Commit) {
	c.Ops, c.Count, c.Charge, c.Ranges, c.Trees, c.Gates = w.ops, w.count, w.charge, w.ranges, w.trees, w.gates
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
	if limit := db.commitLimit(); count > 1 && b.charge > limit {
		return 0, fmt.Errorf("apply a batch of %d operations: %w: they take %d bytes of memory, the limit is %d; apply it in parts, or raise MemoryBudget",
			count, ErrBatchTooLarge, b.charge, limit)
	}
	c := actors.NewCommit()
	b.fill(c)
	c.Sync = sync
	seq, err = db.submit(ctx, c)
	if errors.Is(err, ErrCommitUnknown) {
		b.surrender()
	}
	if err != nil {
		return 0, fmt.Errorf("apply a batch of %d operations: %w", count, err)
	}
	return seq, nil
}

// commitLimit is how much memory the operations of one commit may take, unless it is a single one.
func (db *DB) commitLimit() int64 { return db.cfg.MemoryBudget / 2 }

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
