package client

import (
	"context"
	"time"

	"github.com/middb/middb/wire"
)

// A Keyspace is a set of keys of its own, on the server. Open one with Client.Keyspace. What its methods promise is
// what those of engine.Keyspace do. Safe for concurrent use.
type Keyspace struct {
	scope
	name string
}

// Name returns the name of the keyspace.
func (ks *Keyspace) Name() string { return ks.name }

// Get returns the value of k, or wire.ErrNotFound. It is the caller's.
func (ks *Keyspace) Get(ctx context.Context, k []byte) ([]byte, error) { return ks.get(ctx, k) }

// GetTo is Get into the memory of dst: the result is dst[:0], grown where needed, with the value appended.
func (ks *Keyspace) GetTo(ctx context.Context, dst, k []byte) ([]byte, error) {
	return ks.getTo(ctx, dst, k)
}

// Has reports whether k is in the keyspace.
func (ks *Keyspace) Has(ctx context.Context, k []byte) (bool, error) { return ks.has(ctx, k) }

// GetWithSeq returns the value of k and the sequence number of the operation that wrote it, for PutIf.
func (ks *Keyspace) GetWithSeq(ctx context.Context, k []byte) (v []byte, seq uint64, err error) {
	v, seq, _, err = ks.getPair(ctx, k, wire.WantSeq)
	return v, seq, err
}

// GetWithExpiry returns the value of k and when it expires; the zero time says that it does not.
func (ks *Keyspace) GetWithExpiry(ctx context.Context, k []byte) (v []byte, expires time.Time, err error) {
	return ks.getWithExpiry(ctx, k)
}

// MGet returns the values that keys had at one moment, in their order; nil is a key that was not there.
func (ks *Keyspace) MGet(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	return ks.mget(ctx, keys)
}

// Count returns the number of keys in a range.
func (ks *Keyspace) Count(ctx context.Context, r Range) (uint64, error) { return ks.count(ctx, r) }

// Scan returns a cursor over the keyspace as it is now. When ctx ends the cursor does. The caller closes it.
func (ks *Keyspace) Scan(ctx context.Context, o ScanOptions) (*Cursor, error) { return ks.scan(ctx, o) }

// Put writes v under k, replacing what was there. It returns when the write is as durable as asked for. If ctx ends,
// or the connection is lost, before the answer came, the error is wire.ErrCommitUnknown.
func (ks *Keyspace) Put(ctx context.Context, k, v []byte, d ...Durability) error {
	return ks.put(ctx, k, v, 0, ks.c.durability(d))
}

// PutTTL writes v under k for a time: when ttl, which is rounded up to milliseconds, has passed, k is gone.
func (ks *Keyspace) PutTTL(ctx context.Context, k, v []byte, ttl time.Duration, d ...Durability) error {
	return ks.putTTL(ctx, k, v, ttl, ks.c.durability(d))
}

// Delete removes k; it is no error if k is not there.
func (ks *Keyspace) Delete(ctx context.Context, k []byte, d ...Durability) error {
	return ks.delete(ctx, k, ks.c.durability(d))
}

// DeleteRange removes all keys from lower, inclusive, to upper, exclusive; nil is no bound.
func (ks *Keyspace) DeleteRange(ctx context.Context, lower, upper []byte, d ...Durability) error {
	return ks.deleteRange(ctx, lower, upper, ks.c.durability(d))
}

// Merge changes the value of k by an operand: see engine.Keyspace.Merge. The operator is counter, append, or one that
// the server has.
func (ks *Keyspace) Merge(ctx context.Context, k []byte, operator string, operand []byte, d ...Durability) error {
	return ks.merge(ctx, k, operator, operand, ks.c.durability(d))
}

// PutIfAbsent writes v under k if k is not there, and returns the sequence number of the write. If it is there the
// error is wire.ErrExists.
func (ks *Keyspace) PutIfAbsent(ctx context.Context, k, v []byte, d ...Durability) (seq uint64, err error) {
	return ks.cas(ctx, k, v, 0, ks.c.durability(d))
}

// PutIf writes v under k if the operation with sequence number seq, as GetWithSeq and PutIf return it, was the last
// that wrote it, and returns the sequence number of the new write. Else the error is wire.ErrSeqMismatch.
func (ks *Keyspace) PutIf(ctx context.Context, k, v []byte, seq uint64, d ...Durability) (newSeq uint64, err error) {
	if seq == 0 {
		return 0, wire.Errorf(wire.ErrSeqMismatch, "put if: no operation has the sequence number 0; PutIfAbsent writes a key that is not there")
	}
	return ks.cas(ctx, k, v, seq, ks.c.durability(d))
}

// Compact brings everything between lower, inclusive, and upper, exclusive, to the deepest level; nil is no bound.
func (ks *Keyspace) Compact(ctx context.Context, lower, upper []byte) error {
	return ks.c.compact(ctx, &wire.Compact{Keyspace: ks.keyspace, Lower: lower, Upper: upper})
}
