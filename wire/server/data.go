package server

import (
	"errors"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// get is GET.
func (c *conn) get(r *request, dst []byte) ([]byte, error) {
	var m wire.Get
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	ks, err := c.keyspace(m.Keyspace, Read)
	if err != nil {
		return dst, err
	}
	if m.Txn != 0 {
		return c.getInTxn(r, &m, ks, dst)
	}
	switch m.Want {
	case wire.WantValue:
		return appendValue(dst, ks.GetTo, m.Key)
	case wire.WantExists:
		found, err := ks.Has(m.Key)
		return wire.AppendBool(dst, found), err
	case wire.WantSeq:
		v, seq, err := ks.GetWithSeq(m.Key)
		if err != nil {
			return orNil(dst, err)
		}
		return wire.AppendUint(wire.AppendBin(wire.AppendArray(dst, 2), v), seq), nil
	case wire.WantExpiry:
		v, expires, err := ks.GetWithExpiry(m.Key)
		return appendExpiry(dst, v, expires, err)
	case wire.WantForUpdate:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "GET for update needs a transaction")
	default:
		return dst, unknownWant(m.Want)
	}
}

func unknownWant(w wire.Want) error {
	return wire.Errorf(wire.ErrInvalidArgument, "GET wants %d; it is 0 to %d", w, wire.WantForUpdate)
}

// orNil appends nil for a key that is not there.
func orNil(dst []byte, err error) ([]byte, error) {
	if errors.Is(err, engine.ErrNotFound) {
		return wire.AppendNil(dst), nil
	}
	return dst, err
}

// appendValue appends what get says of a key.
func appendValue(dst []byte, get func(dst, k []byte) ([]byte, error), k []byte) ([]byte, error) {
	buf := getBuffer()
	defer putBuffer(buf)
	v, err := get(*buf, k)
	*buf = v
	if err != nil {
		return orNil(dst, err)
	}
	return wire.AppendBin(dst, v), nil
}

// mget is MGET.
func (c *conn) mget(r *request, dst []byte) ([]byte, error) {
	d := wire.NewDecoder(r.body)
	if d.Array("MGET") > 0 && d.Kind() == wire.KindArray {
		// What the keys take, once they are decoded, stays charged until this is answered.
		n := int64(sliceBytes * d.Array("the keys"))
		if !c.server.budget.try(n) {
			return dst, memoryLimit()
		}
		defer c.server.budget.free(n)
	}
	var m wire.MGet
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	ks, err := c.keyspace(m.Keyspace, Read)
	if err != nil {
		return dst, err
	}
	if m.Txn != 0 {
		return c.mgetInTxn(r, &m, ks, dst)
	}
	if len(m.Keys) == 1 {
		return c.appendValues(dst, ks.GetTo, m.Keys)
	}
	snapshot, err := c.server.db.Snapshot()
	if err != nil {
		return dst, err
	}
	defer func() { _ = snapshot.Close() }() // it has nothing to say
	return c.appendValues(dst, snapshot.In(ks).GetTo, m.Keys)
}

// sliceBytes is what a slice takes beside what it points to.
const sliceBytes = 24

// appendValues appends what get says of keys.
func (c *conn) appendValues(dst []byte, get func(dst, k []byte) ([]byte, error), keys [][]byte) (_ []byte, err error) {
	dst = wire.AppendArray(dst, len(keys))
	for _, k := range keys {
		if dst, err = appendValue(dst, get, k); err != nil {
			return dst, err
		}
		if n := len(dst) - wire.HeaderBytes; n > c.server.o.MaxFrame {
			return dst, replyTooLarge(wire.TypeMGet, n, c.server.o.MaxFrame)
		}
	}
	return dst, nil
}

// cas is CAS.
func (c *conn) cas(r *request, dst []byte) ([]byte, error) {
	var m wire.CAS
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	ks, err := c.keyspace(m.Keyspace, Write)
	if err != nil {
		return dst, err
	}
	d, err := c.durability(m.Durability)
	if err != nil {
		return dst, err
	}
	var seq uint64
	if m.Seq == 0 {
		seq, err = ks.PutIfAbsent(m.Key, m.Value, d)
	} else {
		seq, err = ks.PutIf(m.Key, m.Value, m.Seq, d)
	}
	return wire.AppendUint(dst, seq), err
}

// count is COUNT.
func (c *conn) count(r *request, dst []byte) ([]byte, error) {
	var m wire.Count
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	src, err := c.openScan(r, &wire.Scan{
		Keyspace: m.Keyspace, Txn: m.Txn, Lower: m.Lower, Upper: m.Upper, Prefix: m.Prefix, Flags: wire.ScanKeysOnly,
	})
	if err != nil {
		return dst, err
	}
	defer src.close()
	n, err := src.count(r.ctx)
	return wire.AppendUint(dst, n), err
}
