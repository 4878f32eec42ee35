package client

import (
	"context"
	"math"
	"time"

	"github.com/middb/middb/wire"
)

// A scope is where requests work: a keyspace, perhaps in a transaction.
type scope struct {
	c        *Client
	txn      *Txn   // nil: none
	keyspace string // as it is sent; empty: that of the session
}

func (s scope) number() uint64 {
	if s.txn == nil {
		return 0
	}
	return s.txn.number
}

// do makes a request whose body is in the call. When the error is nil the caller gives the call back.
func (s scope) do(ctx context.Context, cl *call, e effect) error {
	if s.txn != nil {
		return s.txn.do(ctx, cl, e)
	}
	return s.c.do(ctx, cl, e)
}

// tell makes a request whose reply says nothing.
func (s scope) tell(ctx context.Context, cl *call, e effect) error {
	err := s.do(ctx, cl, e)
	if err == nil {
		s.c.calls.give(cl)
	}
	return err
}

// Range selects keys. The zero value is all of them.
type Range struct {
	Lower  []byte // the smallest key, inclusive; nil: no bound
	Upper  []byte // the bound above the greatest key, exclusive; nil: no bound
	Prefix []byte // keys that begin with it, within the bounds
}

// lookUp sends a GET.
func (s scope) lookUp(ctx context.Context, k []byte, w wire.Want) (*call, error) {
	cl := s.c.call(wire.TypeGet)
	m := wire.Get{Key: k, Keyspace: s.keyspace, Txn: s.number(), Want: w}
	cl.frame = m.Append(cl.frame)
	return cl, s.do(ctx, cl, repeatable)
}

func (s scope) get(ctx context.Context, k []byte) ([]byte, error) {
	return s.getWanted(ctx, k, wire.WantValue)
}

func (s scope) getWanted(ctx context.Context, k []byte, w wire.Want) ([]byte, error) {
	cl, err := s.lookUp(ctx, k, w)
	if err != nil {
		return nil, err
	}
	d := cl.decoder()
	v := d.OptionalBytes("the value")
	if err = d.Err(); err != nil {
		return nil, err
	}
	if v == nil {
		s.c.calls.give(cl)
		return nil, errNotFound
	}
	cl.body = nil // the value is in it
	s.c.calls.give(cl)
	return v, nil
}

func (s scope) getTo(ctx context.Context, dst, k []byte) ([]byte, error) {
	cl, err := s.lookUp(ctx, k, wire.WantValue)
	if err != nil {
		return dst[:0], err
	}
	defer s.c.calls.give(cl)
	d := cl.decoder()
	if d.Nil() {
		return dst[:0], errNotFound
	}
	return append(dst[:0], d.Bytes("the value")...), d.Err()
}

func (s scope) has(ctx context.Context, k []byte) (bool, error) {
	cl, err := s.lookUp(ctx, k, wire.WantExists)
	if err != nil {
		return false, err
	}
	defer s.c.calls.give(cl)
	d := cl.decoder()
	return d.Bool("whether the key is there"), d.Err()
}

// getPair asks for the value and a number, which may be nil.
func (s scope) getPair(ctx context.Context, k []byte, w wire.Want) (v []byte, n uint64, isNil bool, err error) {
	cl, err := s.lookUp(ctx, k, w)
	if err != nil {
		return nil, 0, false, err
	}
	d := cl.decoder()
	if d.Nil() {
		s.c.calls.give(cl)
		return nil, 0, false, errNotFound
	}
	if got := d.Array("the reply"); got < 2 && d.Err() == nil {
		return nil, 0, false, wire.Errorf(wire.ErrBadMessage, "the reply to GET has %d values, and needs 2", got)
	}
	v = d.Bytes("the value")
	if isNil = d.Nil(); !isNil {
		n = d.Uint("the number")
	}
	return v, n, isNil, d.Err()
}

func (s scope) getWithExpiry(ctx context.Context, k []byte) (v []byte, expires time.Time, err error) {
	v, ms, never, err := s.getPair(ctx, k, wire.WantExpiry)
	if err == nil && !never {
		expires = time.UnixMilli(int64(ms))
	}
	return v, expires, err
}

func (s scope) mget(ctx context.Context, keys [][]byte) ([][]byte, error) {
	cl := s.c.call(wire.TypeMGet)
	m := wire.MGet{Keys: keys, Keyspace: s.keyspace, Txn: s.number()}
	cl.frame = m.Append(cl.frame)
	if err := s.do(ctx, cl, repeatable); err != nil {
		return nil, err
	}
	d := cl.decoder()
	n := d.Array("the values")
	if d.Err() == nil && n != len(keys) {
		return nil, wire.Errorf(wire.ErrBadMessage, "the reply to MGET has %d values for %d keys", n, len(keys))
	}
	values := make([][]byte, n)
	for i := range values {
		values[i] = d.OptionalBytes("a value")
	}
	return values, d.Err()
}

func (s scope) count(ctx context.Context, r Range) (uint64, error) {
	cl := s.c.call(wire.TypeCount)
	m := wire.Count{Keyspace: s.keyspace, Txn: s.number(), Lower: r.Lower, Upper: r.Upper, Prefix: r.Prefix}
	cl.frame = m.Append(cl.frame)
	return s.number64(ctx, cl, repeatable)
}

// number64 makes a request whose reply is a number.
func (s scope) number64(ctx context.Context, cl *call, e effect) (uint64, error) {
	if err := s.do(ctx, cl, e); err != nil {
		return 0, err
	}
	defer s.c.calls.give(cl)
	d := cl.decoder()
	return d.Uint("the reply"), d.Err()
}

func (s scope) put(ctx context.Context, k, v []byte, ttl uint64, d Durability) error {
	cl := s.c.call(wire.TypePut)
	m := wire.Put{Key: k, Value: v, Keyspace: s.keyspace, Txn: s.number(), TTL: ttl, Durability: d}
	cl.frame = m.Append(cl.frame)
	return s.tell(ctx, cl, once)
}

func (s scope) putTTL(ctx context.Context, k, v []byte, ttl time.Duration, d Durability) error {
	ms, err := timeToLive(ttl)
	if err != nil {
		return err
	}
	return s.put(ctx, k, v, ms, d)
}

// timeToLive returns a time to live as it is sent.
func timeToLive(ttl time.Duration) (ms uint64, err error) {
	if ttl <= 0 {
		return 0, wire.Errorf(wire.ErrInvalidTTL, "put: the time to live is %v", ttl)
	}
	return milliseconds(ttl), nil
}

// milliseconds returns how many a time above 0 is; a part counts as one unless no greater time.Duration has as many.
func milliseconds(d time.Duration) uint64 {
	const most = math.MaxInt64 / time.Millisecond
	return uint64(min((d-1)/time.Millisecond+1, most))
}

func (s scope) delete(ctx context.Context, k []byte, d Durability) error {
	cl := s.c.call(wire.TypeDel)
	m := wire.Del{Key: k, Keyspace: s.keyspace, Txn: s.number(), Durability: d}
	cl.frame = m.Append(cl.frame)
	return s.tell(ctx, cl, once)
}

func (s scope) deleteRange(ctx context.Context, lower, upper []byte, d Durability) error {
	cl := s.c.call(wire.TypeDelRange)
	m := wire.DelRange{Lower: lower, Upper: upper, Keyspace: s.keyspace, Txn: s.number(), Durability: d}
	cl.frame = m.Append(cl.frame)
	return s.tell(ctx, cl, once)
}

func (s scope) merge(ctx context.Context, k []byte, operator string, operand []byte, d Durability) error {
	cl := s.c.call(wire.TypeMerge)
	m := wire.Merge{Key: k, Operator: operator, Operand: operand, Keyspace: s.keyspace, Txn: s.number(), Durability: d}
	cl.frame = m.Append(cl.frame)
	return s.tell(ctx, cl, once)
}

func (s scope) cas(ctx context.Context, k, v []byte, seq uint64, d Durability) (uint64, error) {
	cl := s.c.call(wire.TypeCAS)
	m := wire.CAS{Key: k, Value: v, Seq: seq, Keyspace: s.keyspace, Durability: d}
	cl.frame = m.Append(cl.frame)
	return s.number64(ctx, cl, once)
}
