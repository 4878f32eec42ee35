package client

import (
	"context"
	"time"

	"github.com/middb/middb/wire"
)

// A Batch collects writes that become visible, and survive a crash, together or not at all. Of several writes to one
// key the last one counts. It is for one goroutine and can be applied again or reset and filled anew; the zero Batch
// is empty. What it is given it copies. Keys and values are checked when it is applied.
type Batch struct {
	ops []byte // as they are sent
	n   int
}

// Put adds a write of v under k.
func (b *Batch) Put(k, v []byte) { b.In(nil).Put(k, v) }

// PutTTL adds a write of v under k that is gone after ttl.
func (b *Batch) PutTTL(k, v []byte, ttl time.Duration) error { return b.In(nil).PutTTL(k, v, ttl) }

// Delete adds a deletion of k, which need not exist.
func (b *Batch) Delete(k []byte) { b.In(nil).Delete(k) }

// DeleteRange adds the deletion of all keys from lower, inclusive, to upper, exclusive; nil is no bound.
func (b *Batch) DeleteRange(lower, upper []byte) { b.In(nil).DeleteRange(lower, upper) }

// Merge adds a merge: see Keyspace.Merge.
func (b *Batch) Merge(k []byte, operator string, operand []byte) {
	b.In(nil).Merge(k, operator, operand)
}

// In returns the batch as one that writes to a keyspace; nil is that of the client.
func (b *Batch) In(ks *Keyspace) BatchKeyspace {
	if ks == nil {
		return BatchKeyspace{b, ""}
	}
	return BatchKeyspace{b, ks.keyspace}
}

// Len returns the number of operations.
func (b *Batch) Len() int { return b.n }

// Bytes returns the size as it is sent.
func (b *Batch) Bytes() int { return len(b.ops) }

// Reset empties the batch. It keeps its memory.
func (b *Batch) Reset() { b.ops, b.n = b.ops[:0], 0 }

func (b *Batch) add(op wire.Op) {
	b.ops = op.Append(b.ops)
	b.n++
}

// A BatchKeyspace adds writes to one keyspace to a Batch.
type BatchKeyspace struct {
	b        *Batch
	keyspace string
}

// Put is Batch.Put.
func (b BatchKeyspace) Put(k, v []byte) {
	b.b.add(wire.Op{Kind: wire.OpPut, Key: k, Value: v, Keyspace: b.keyspace})
}

// PutTTL is Batch.PutTTL.
func (b BatchKeyspace) PutTTL(k, v []byte, ttl time.Duration) error {
	ms, err := milliseconds(ttl)
	if err == nil {
		b.b.add(wire.Op{Kind: wire.OpPut, Key: k, Value: v, Keyspace: b.keyspace, TTL: ms})
	}
	return err
}

// Delete is Batch.Delete.
func (b BatchKeyspace) Delete(k []byte) {
	b.b.add(wire.Op{Kind: wire.OpDelete, Key: k, Keyspace: b.keyspace})
}

// DeleteRange is Batch.DeleteRange.
func (b BatchKeyspace) DeleteRange(lower, upper []byte) {
	b.b.add(wire.Op{Kind: wire.OpDeleteRange, Key: lower, End: upper, Keyspace: b.keyspace})
}

// Merge is Batch.Merge.
func (b BatchKeyspace) Merge(k []byte, operator string, operand []byte) {
	b.b.add(wire.Op{Kind: wire.OpMerge, Key: k, Operator: operator, Value: operand, Keyspace: b.keyspace})
}

// Apply commits all operations of the batch together. It is sent as one frame: the server's limit on those, 16 MiB
// unless it was set to another, bounds it.
func (c *Client) Apply(ctx context.Context, b *Batch, d ...Durability) error {
	return c.scope.apply(ctx, b, c.durability(d))
}

func (s scope) apply(ctx context.Context, b *Batch, d Durability) error {
	cl := s.c.call(wire.TypeBatch)
	cl.frame = wire.AppendBatchHead(cl.frame, b.n, s.keyspace, s.number(), d)
	cl.frame = append(cl.frame, b.ops...)
	cl.frame = wire.AppendBatchTail(cl.frame, s.keyspace, s.number(), d)
	return s.tell(ctx, cl, once)
}
