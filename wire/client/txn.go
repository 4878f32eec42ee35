package client

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/middb/middb/wire"
)

// An Isolation says which anomalies a transaction is safe from: see package engine.
type Isolation uint8

// The isolation levels.
const (
	SnapshotIsolation Isolation = iota // it conflicts with those that write what it writes
	Serializable                       // and with those that write what it reads
)

// TxnOptions say how a transaction is run. The zero value reads and writes under snapshot isolation.
type TxnOptions struct {
	// ReadOnly refuses writes. Such a transaction never conflicts and costs writers nothing.
	ReadOnly bool
	// Isolation is the isolation level.
	Isolation Isolation
	// Timeout is after how long the server rolls a transaction back that is still under way. 0: the server decides.
	Timeout time.Duration
	// Durability is that of the commit.
	Durability Durability
}

// A Txn is a transaction: it reads the database as it was when it began, with its own writes on top, and commits them
// together or not at all. Its methods Get, Put and the like work on the keyspace of the client; see In. Each is a
// round trip; Apply sends many writes in one. A Txn is for one goroutine at a time, must be ended by Commit or
// Rollback, and is lost when its connection is.
//
//	txn, err := db.Begin(ctx, client.TxnOptions{})
//	if err != nil { ... }
//	defer txn.Rollback(ctx) // nothing after Commit
//	...
//	err = txn.Commit(ctx)
type Txn struct {
	TxnKeyspace
	conn    *conn
	number  uint64
	seq     uint64
	managed bool
	lost    bool  // with its connection
	ended   error // what every use gets from now on; nil: it is under way
}

var errTxnDone = wire.Errorf(wire.ErrTxnDone, "the transaction has ended")

// Begin begins a transaction. If the connections have as many as the server allows it waits until one ends.
func (c *Client) Begin(ctx context.Context, o TxnOptions) (*Txn, error) {
	m := wire.Begin{ReadOnly: o.ReadOnly, Durability: c.durability([]Durability{o.Durability})}
	if o.Isolation == Serializable {
		m.Isolation = wire.Serializable
	}
	if o.Timeout > 0 {
		m.TimeoutMS = milliseconds(o.Timeout)
	}
	cl := c.call(wire.TypeBegin)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, c.s.Timeout)
	conn, err := c.pool.run(ctx, cl, needTxn, repeatable)
	cl.end()
	if err != nil {
		return nil, public(err, wire.TypeBegin, repeatable)
	}
	defer c.calls.give(cl)
	var begun wire.BeginReply
	if err = begun.Decode(cl.body); err != nil {
		conn.release(needTxn)
		return nil, err
	}
	t := &Txn{conn: conn, number: begun.Txn, seq: begun.Seq}
	t.scope = scope{c: c, txn: t}
	return t, nil
}

// Seq returns the sequence number of the newest commit that the transaction sees.
func (t *Txn) Seq() uint64 { return t.seq }

// In returns the transaction as one that works on a keyspace; nil is that of the client.
func (t *Txn) In(ks *Keyspace) TxnKeyspace {
	s := scope{c: t.c, txn: t}
	if ks != nil {
		s.keyspace = ks.keyspace
	}
	return TxnKeyspace{s}
}

// do makes a request of the transaction.
func (t *Txn) do(ctx context.Context, cl *call, e effect) error {
	if t.ended != nil {
		return t.ended
	}
	cl.frame = wire.EndFrame(cl.frame, 0)
	cl.begin(ctx, t.c.s.Timeout)
	err := t.conn.roundTrip(ctx, cl)
	cl.end()
	if err != nil {
		return t.outcome(err, cl, e)
	}
	return nil
}

// open opens a stream of the transaction.
func (t *Txn) open(ctx context.Context, cl *call, e effect) error {
	if t.ended != nil {
		return t.ended
	}
	if !t.conn.extend() {
		return wire.Errorf(wire.ErrLimit, "%s: the connection of the transaction has %d cursors open", strings.ToLower(cl.typ.String()), t.conn.hello.Limits.Cursors)
	}
	if err := t.conn.openStream(ctx, cl); err != nil {
		return t.outcome(err, cl, e)
	}
	return nil
}

// outcome returns what a caller gets for err, and notes what it means for the transaction.
func (t *Txn) outcome(err error, cl *call, e effect) error {
	var u *unanswered
	switch {
	case errors.As(err, &u) && u.lost:
		t.lost = true
		t.finish()
		t.ended = failed(wire.ErrTxnDone, u.cause, "the transaction was lost with its connection to %v", u.where)
		return failed(wire.ErrConnection, t.ended, "%s", strings.ToLower(cl.typ.String()))
	case errors.As(err, &u):
		switch {
		case u.sent && cl.ends != 0:
			t.ended = errTxnDone // on the server when the answer comes, or after it
		case u.sent && e == once:
			// Nobody knows whether the write is in the transaction, so nobody must commit it.
			t.rollback()
		}
		return public(err, cl.typ, repeatable)
	case errors.Is(err, wire.ErrTxnDone), errors.Is(err, wire.ErrTxnExpired), errors.Is(err, wire.ErrNoSuchTxn):
		t.finish()
		t.ended = err
	}
	return err
}

// finish notes that the transaction has ended on the server.
func (t *Txn) finish() {
	if t.ended == nil {
		t.ended = errTxnDone
		t.conn.release(needTxn)
	}
}

// rollback has the server end the transaction and does not wait.
func (t *Txn) rollback() {
	if t.ended == nil {
		t.ended = errTxnDone
		t.conn.rollback(t.number)
	}
}

// Commit makes the writes of the transaction visible together and ends it. wire.ErrConflict says that it was not
// committed because of a commit since it began, which the *wire.Error names; run it again. wire.ErrCommitUnknown says
// that the answer did not come. When Commit returns an error the transaction has ended too.
func (t *Txn) Commit(ctx context.Context) error {
	if t.managed {
		return ErrTxnManaged
	}
	return t.commit(ctx)
}

func (t *Txn) commit(ctx context.Context) error {
	if t.ended != nil {
		return t.ended
	}
	cl := t.c.call(wire.TypeCommit)
	cl.ends, cl.frees = t.number, needTxn
	cl.frame = wire.EndFrame(wire.ID(t.number).Append(cl.frame), 0)
	cl.begin(ctx, t.c.s.Timeout)
	err := t.conn.roundTrip(ctx, cl)
	cl.end()
	var u *unanswered
	switch {
	case err == nil:
		t.c.calls.give(cl)
		t.finish()
	case errors.As(err, &u) && u.lost:
		t.lost = !u.sent
		t.finish()
	case abandoned(err):
		t.ended = errTxnDone // on the server when the answer comes, or after it
	case errors.Is(err, wire.ErrConflict), errors.Is(err, wire.ErrTxnTooOld):
		t.finish()
	default: // the server has not got as far as to end it
		t.rollback()
	}
	return public(err, wire.TypeCommit, once)
}

// Rollback ends the transaction without committing anything. After Commit, or another Rollback, it does nothing and
// returns wire.ErrTxnDone, so that it can be deferred. When ctx has ended it still tells the server, and does not wait;
// if that happens in between, the error says so.
func (t *Txn) Rollback(ctx context.Context) error {
	switch {
	case t.managed:
		return ErrTxnManaged
	case t.lost:
		return nil // it is as it should be
	case t.ended != nil:
		return t.ended
	case ctx.Err() != nil:
		t.rollback()
		return nil
	}
	cl := t.c.call(wire.TypeRollback)
	m := wire.Rollback{Txn: t.number}
	cl.ends, cl.frees = t.number, needTxn
	cl.frame = m.Append(cl.frame)
	err := t.tell(ctx, cl, repeatable)
	switch {
	case err == nil:
		t.finish()
	case t.lost:
		return nil // it is as it should be
	default:
		t.rollback()
	}
	return err
}

// A Savepoint is a moment in a transaction that its writes can be rolled back to.
type Savepoint struct {
	txn    *Txn
	number uint64
}

// Savepoint marks this moment of the transaction.
func (t *Txn) Savepoint(ctx context.Context) (Savepoint, error) {
	cl := t.c.call(wire.TypeSavepoint)
	cl.frame = wire.ID(t.number).Append(cl.frame)
	n, err := t.number64(ctx, cl, once)
	return Savepoint{t, n}, err
}

// RollbackTo takes back every write since the savepoint, which stays; those made after it are gone.
func (t *Txn) RollbackTo(ctx context.Context, s Savepoint) error {
	if s.txn != t || s.number == 0 {
		return wire.Errorf(wire.ErrSavepoint, "the savepoint is not of this transaction")
	}
	cl := t.c.call(wire.TypeRollback)
	m := wire.Rollback{Txn: t.number, Savepoint: s.number}
	cl.frame = m.Append(cl.frame)
	return t.tell(ctx, cl, once)
}

// Apply adds all operations of a batch to the transaction, or none.
func (t *Txn) Apply(ctx context.Context, b *Batch) error { return t.apply(ctx, b, 0) }

// A TxnKeyspace reads and writes one keyspace in a transaction. What its methods promise is what those of
// engine.TxnKeyspace do.
type TxnKeyspace struct{ scope }

// Get returns the value of k as the transaction sees it, or wire.ErrNotFound.
func (t TxnKeyspace) Get(ctx context.Context, k []byte) ([]byte, error) { return t.get(ctx, k) }

// GetForUpdate is Get of a key that counts as written, at either isolation level.
func (t TxnKeyspace) GetForUpdate(ctx context.Context, k []byte) ([]byte, error) {
	return t.getWanted(ctx, k, wire.WantForUpdate)
}

// GetTo is Get into the memory of dst, as Keyspace.GetTo.
func (t TxnKeyspace) GetTo(ctx context.Context, dst, k []byte) ([]byte, error) {
	return t.getTo(ctx, dst, k)
}

// Has reports whether k is there as the transaction sees it.
func (t TxnKeyspace) Has(ctx context.Context, k []byte) (bool, error) { return t.has(ctx, k) }

// GetWithExpiry returns the value of k as the transaction sees it and when it expires.
func (t TxnKeyspace) GetWithExpiry(ctx context.Context, k []byte) (v []byte, expires time.Time, err error) {
	return t.getWithExpiry(ctx, k)
}

// MGet returns the values of keys as the transaction sees them, in their order; nil is a key that is not there.
func (t TxnKeyspace) MGet(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	return t.mget(ctx, keys)
}

// Count returns the number of keys in a range.
func (t TxnKeyspace) Count(ctx context.Context, r Range) (uint64, error) { return t.count(ctx, r) }

// Scan returns a cursor over the keyspace as the transaction sees it now. It ends with the transaction.
func (t TxnKeyspace) Scan(ctx context.Context, o ScanOptions) (*Cursor, error) {
	return t.scan(ctx, o)
}

// Put writes v under k in the transaction.
func (t TxnKeyspace) Put(ctx context.Context, k, v []byte) error { return t.put(ctx, k, v, 0, 0) }

// PutTTL writes v under k, where it is gone after ttl, counted from now.
func (t TxnKeyspace) PutTTL(ctx context.Context, k, v []byte, ttl time.Duration) error {
	return t.putTTL(ctx, k, v, ttl, 0)
}

// Delete removes k in the transaction.
func (t TxnKeyspace) Delete(ctx context.Context, k []byte) error { return t.delete(ctx, k, 0) }

// DeleteRange removes all keys from lower, inclusive, to upper, exclusive, in the transaction; nil is no bound.
func (t TxnKeyspace) DeleteRange(ctx context.Context, lower, upper []byte) error {
	return t.deleteRange(ctx, lower, upper, 0)
}

// Merge changes the value of k by an operand in the transaction.
func (t TxnKeyspace) Merge(ctx context.Context, k []byte, operator string, operand []byte) error {
	return t.merge(ctx, k, operator, operand, 0)
}
