package client

import (
	"context"
	"errors"
	"iter"

	"github.com/middb/middb/wire"
)

// ScanOptions say what a Cursor walks over. The zero value is everything, in ascending order.
type ScanOptions struct {
	Range
	Reverse  bool   // the greatest key first
	KeysOnly bool   // without values
	Limit    uint64 // most entries; 0: all
}

// A Cursor walks over a keyspace as it was when the scan began. The server sends a few frames ahead, of 256 KiB or so,
// and waits when the cursor does not move. It is for one goroutine, and must be closed: until then the server keeps
// what the cursor sees. Key and Value are valid until it moves; copy what you keep.
//
//	rows, err := db.Scan(ctx, client.ScanOptions{Prefix: []byte("user/")})
//	...
//	defer rows.Close()
//	for k, v := range rows.All() { ... }
//	if err := rows.Err(); err != nil { ... }
type Cursor struct {
	ctx      context.Context
	c        *Client
	conn     *conn
	cl       *call
	rows     wire.RowReader
	keysOnly bool
	key      []byte
	value    []byte
	err      error // errEnd at the end
}

func (s scope) scan(ctx context.Context, o ScanOptions) (*Cursor, error) {
	m := wire.Scan{
		Keyspace: s.keyspace, Txn: s.number(), Lower: o.Lower, Upper: o.Upper, Prefix: o.Prefix, Limit: o.Limit, Credit: window,
	}
	if o.Reverse {
		m.Flags |= wire.ScanReverse
	}
	if o.KeysOnly {
		m.Flags |= wire.ScanKeysOnly
	}
	cl := s.c.streamCall(wire.TypeScan)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, s.c.s.Timeout)
	defer cl.end()
	var conn *conn
	var err error
	if s.txn == nil {
		conn, err = s.c.pool.run(ctx, cl, needStream, repeatable)
	} else {
		conn, err = s.txn.conn, s.txn.open(ctx, cl, repeatable)
	}
	if err != nil {
		return nil, public(err, wire.TypeScan, repeatable)
	}
	return &Cursor{ctx: ctx, c: s.c, conn: conn, cl: cl, keysOnly: o.KeysOnly}, nil
}

// streamCall returns a call for a stream. It is not given back.
func (c *Client) streamCall(t wire.Type) *call {
	cl := c.call(t)
	cl.stream = newStream()
	return cl
}

// Next moves to the next entry, at first to the first one. It reports whether there is one; if not, Err tells
// whether that is because of a failure.
func (r *Cursor) Next() bool {
	for r.err == nil {
		k, v, more, err := r.rows.Next()
		if more {
			r.key, r.value = k, v
			return true
		}
		if err == nil {
			err = r.nextRows()
		}
		r.err = err
	}
	r.key, r.value = nil, nil
	return false
}

// nextRows waits for the next frame.
func (r *Cursor) nextRows() error {
	r.cl.begin(r.ctx, r.c.s.Timeout)
	defer r.cl.end()
	f, err := r.conn.nextFrame(r.ctx, r.cl)
	switch {
	case errors.Is(err, errEnd):
		return errEnd
	case err != nil:
		r.conn.closeStream(r.cl)
		return public(err, wire.TypeScan, repeatable)
	case f.Type != wire.TypeRows:
		r.conn.closeStream(r.cl)
		return violation("%v in place of ROWS", f.Type)
	}
	r.rows, err = wire.NewRowReader(f.Body, r.keysOnly)
	return err
}

// Key returns the key at which the cursor stands, or nil if it stands nowhere.
func (r *Cursor) Key() []byte { return r.key }

// Value returns the value of the key at which the cursor stands, or nil.
func (r *Cursor) Value() []byte { return r.value }

// Err returns the failure that stopped the cursor, or nil.
func (r *Cursor) Err() error {
	if errors.Is(r.err, errEnd) {
		return nil
	}
	return r.err
}

// All yields the entries that are left. Check Err afterwards.
func (r *Cursor) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for r.Next() {
			if !yield(r.key, r.value) {
				return
			}
		}
	}
}

// Close releases what the cursor holds, here and on the server, and returns Err. Closing it again does nothing.
func (r *Cursor) Close() error {
	err := r.Err()
	if r.err == nil {
		r.err = errEnd
	}
	r.key, r.value, r.rows = nil, nil, wire.RowReader{}
	r.conn.closeStream(r.cl)
	return err
}
