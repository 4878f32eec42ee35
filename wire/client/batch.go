package client

import (
	"bytes"
	"context"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/wire"
)

// A Batch collects writes that become visible, and survive a crash, together or not at all. Of several writes to one
// key the last one counts. It is for one goroutine and can be applied again or reset and filled anew; the zero Batch
// is empty. What it is given it copies. On error it is as it was. Whether there are a keyspace and a merge operator
// turns out when it is applied.
type Batch struct {
	ops []byte // as they are sent
	n   int
}

// Put adds a write of v under k.
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

// A BatchKeyspace adds writes to one keyspace to a Batch.
type BatchKeyspace struct {
	b        *Batch
	keyspace string
}

// add adds an operation, unless the server would refuse it, and the whole batch with it.
func (b BatchKeyspace) add(op wire.Op) error {
	longest := max(len(op.Key), len(op.End))
	switch {
	case len(op.Key) == 0 && op.Kind != wire.OpDeleteRange:
		return wire.Errorf(wire.ErrEmptyKey, "the key is empty")
	case longest > key.MaxKeyBytes:
		return wire.Errorf(wire.ErrKeyTooLarge, "the key is too large: %d bytes, the limit is %d", longest, key.MaxKeyBytes)
	case len(op.Value) > key.MaxValueBytes:
		return wire.Errorf(wire.ErrValueTooLarge, "the value is too large: %d bytes, the limit is %d", len(op.Value), key.MaxValueBytes)
	}
	op.Keyspace = b.keyspace
	b.b.ops = op.Append(b.b.ops)
	b.b.n++
	return nil
}

// Put is Batch.Put.
func (b BatchKeyspace) Put(k, v []byte) error {
	return b.add(wire.Op{Kind: wire.OpPut, Key: k, Value: v})
}

// PutTTL is Batch.PutTTL.
func (b BatchKeyspace) PutTTL(k, v []byte, ttl time.Duration) error {
	ms, err := timeToLive(ttl)
	if err != nil {
		return err
	}
	return b.add(wire.Op{Kind: wire.OpPut, Key: k, Value: v, TTL: ms})
}

// Delete is Batch.Delete.
func (b BatchKeyspace) Delete(k []byte) error { return b.add(wire.Op{Kind: wire.OpDelete, Key: k}) }

// DeleteRange is Batch.DeleteRange.
func (b BatchKeyspace) DeleteRange(lower, upper []byte) error {
	if lower != nil && upper != nil && bytes.Compare(lower, upper) > 0 {
		return wire.Errorf(wire.ErrInvalidRange, "invalid range: lower bound %q is above upper bound %q", key.Format(lower), key.Format(upper))
	}
	return b.add(wire.Op{Kind: wire.OpDeleteRange, Key: lower, End: upper})
}

// Merge is Batch.Merge.
func (b BatchKeyspace) Merge(k []byte, operator string, operand []byte) error {
	return b.add(wire.Op{Kind: wire.OpMerge, Key: k, Operator: operator, Value: operand})
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
