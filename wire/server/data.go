package server

import (
	"errors"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// get is GET.
func (c *conn) get(r *request, dst []byte) ([]byte, error) {
	var m wire.Get
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	ks, err := c.keyspace(m.Keyspace, users.Read)
	if err != nil {
		return dst, err
	}
	if m.Txn != 0 {
		return c.getInTxn(r, &m, ks, dst)
	}
	switch m.Want {
	case wire.WantValue:
		return c.appendValue(r, dst, ks.GetTo, m.Key)
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

// A getter reads a value, and appends it to dst.
type getter func(dst, k []byte) ([]byte, error)

// appendValue appends what get says of a key.
func (c *conn) appendValue(r *request, dst []byte, get getter, k []byte) ([]byte, error) {
	buf := getBuffer()
	defer putBuffer(buf)
	return c.appendValueBy(r, dst, get, k, buf)
}

// appendValueBy is appendValue with a buffer for the value.
func (c *conn) appendValueBy(r *request, dst []byte, get getter, k []byte, buf *[]byte) ([]byte, error) {
	v, err := get((*buf)[:0], k)
	*buf = v
	if err != nil {
		return orNil(dst, err)
	}
	if len(v) > keptBufferBytes {
		c.enterBulk(r)
	}
	return wire.AppendBin(dst, v), nil
}

// mget is MGET.
func (c *conn) mget(r *request, dst []byte) ([]byte, error) {
	m, err := c.keyList(r.body)
	if err != nil {
		return dst, err
	}
	if m.txn != 0 {
		return c.mgetInTxn(r, m, dst)
	}
	if m.n == 1 {
		return c.appendValues(r, dst, m.ks.GetTo, m)
	}
	snapshot, err := c.server.db.Snapshot()
	if err != nil {
		return dst, err
	}
	defer func() { _ = snapshot.Close() }() // it has nothing to say
	return c.appendValues(r, dst, snapshot.In(m.ks).GetTo, m)
}

// A keyList is an MGET whose keys are still to be decoded, one by one: all of them could take more memory than the body.
type keyList struct {
	d   wire.Decoder // before the first key
	n   int
	ks  *engine.Keyspace
	txn uint64
}

func (c *conn) keyList(body []byte) (*keyList, error) {
	d := wire.NewDecoder(body)
	values := d.Array("MGET")
	if values < 1 || d.Err() != nil {
		return nil, wire.Errorf(wire.ErrBadMessage, "MGET is an array that begins with keys")
	}
	m := &keyList{d: d}
	m.n = m.d.Array("the keys")
	d.Skip()
	name := ""
	if values > 1 && !d.Nil() {
		name = d.Str("the keyspace")
	}
	if values > 2 && !d.Nil() {
		m.txn = d.Uint("the transaction")
	}
	if err := errors.Join(m.d.Err(), d.Err()); err != nil {
		return nil, err
	}
	var err error
	m.ks, err = c.keyspace(name, users.Read)
	return m, err
}

// appendValues appends what get says of keys.
func (c *conn) appendValues(r *request, dst []byte, get getter, m *keyList) (_ []byte, err error) {
	buf := getBuffer()
	defer putBuffer(buf)
	dst = wire.AppendArray(dst, m.n)
	for d := m.d; m.n > 0; m.n-- {
		k := d.Bytes("a key")
		if err = d.Err(); err != nil {
			return dst, err
		}
		if dst, err = c.appendValueBy(r, dst, get, k, buf); err != nil {
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
	ks, err := c.keyspace(m.Keyspace, users.Write)
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
