package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// A txn is a transaction of a connection.
type txn struct {
	c        *conn
	number   uint64
	readOnly bool
	reads    bool // what it reads is remembered until it ends
	timer    *time.Timer

	expiring  atomic.Bool                             // it waits for the statement under way
	statement atomic.Pointer[context.CancelCauseFunc] // of the statement that has the mutex; nil: none has

	mu         sync.Mutex // held by whoever uses what follows, and the iterators in scans
	txn        *engine.Txn
	ended      error // what further use of it gets; nil: it is under way
	scans      map[*scan]struct{}
	savepoints []engine.Savepoint
	sql        *engine.Session      // in which statements run; nil: none did
	results    map[*result]struct{} // of statements
	cost       int64                // charged for what it has written and read
}

// begin is BEGIN.
func (c *conn) begin(r *request, dst []byte) ([]byte, error) {
	var m wire.Begin
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	o := engine.TxnOptions{ReadOnly: m.ReadOnly}
	switch m.Isolation {
	case "", wire.SnapshotIsolation:
	case wire.Serializable:
		o.Isolation = engine.Serializable
	default:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "there is no isolation %q; it is %s or %s", m.Isolation, wire.SnapshotIsolation, wire.Serializable)
	}
	if m.TimeoutMS > maxMilliseconds {
		return dst, wire.Errorf(wire.ErrInvalidArgument, "a timeout of %d ms is too long", m.TimeoutMS)
	}
	var err error
	if o.Durability, err = c.durability(m.Durability); err != nil {
		return dst, err
	}
	t := &txn{c: c, readOnly: m.ReadOnly, reads: !m.ReadOnly && o.Isolation == engine.Serializable, scans: map[*scan]struct{}{}}
	if err = c.addTxn(t); err != nil {
		return dst, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.txn, err = c.server.db.Begin(o); err != nil {
		t.ended = err
		c.removeTxn(t)
		return dst, err
	}
	if err = t.charge(requestBytes); err != nil {
		_ = t.txn.Rollback() // it has nothing to lose
		t.ended = err
		c.removeTxn(t)
		return dst, err
	}
	timeout := time.Duration(m.TimeoutMS) * time.Millisecond
	if timeout = or(timeout, c.server.o.TxnTimeout); timeout > 0 {
		t.timer = time.AfterFunc(timeout, t.expire)
	}
	reply := wire.BeginReply{Txn: t.number, Seq: t.txn.Seq()}
	return reply.Append(dst), nil
}

// addTxn gives a transaction its number.
func (c *conn) addTxn(t *txn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.txns) >= c.server.o.MaxTxns {
		return wire.Errorf(wire.ErrLimit, "the connection has %d transactions under way, as many as it may", len(c.txns))
	}
	c.lastTxn++
	t.number = c.lastTxn
	if c.txns == nil {
		c.txns = map[uint64]*txn{}
	}
	c.txns[t.number] = t
	return nil
}

func (c *conn) removeTxn(t *txn) {
	c.mu.Lock()
	delete(c.txns, t.number)
	c.mu.Unlock()
}

// txn returns the transaction with a number.
func (c *conn) txn(number uint64) (*txn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.txns[number]; t != nil {
		return t, nil
	}
	if number > 0 && number <= c.lastTxn {
		return nil, wire.Errorf(wire.ErrTxnDone, "transaction %d has ended", number)
	}
	return nil, wire.Errorf(wire.ErrNoSuchTxn, "the connection has no transaction %d", number)
}

// lock returns the transaction with a number, locked, if it is under way.
func (c *conn) lock(r *request, number uint64) (*txn, error) {
	t, err := c.txn(number)
	if err != nil {
		return nil, err
	}
	if r.cancel != nil {
		t.mu.Lock()
	} else if !t.mu.TryLock() {
		return nil, errBusy
	}
	if t.ended != nil {
		err = t.ended
		t.mu.Unlock()
		c.removeTxn(t) // its client knows now, and may begin another one at once
		return nil, err
	}
	return t, nil
}

// end ends the transaction by finish, and its cursors before. mu is locked, and unlocked on return.
func (t *txn) end(after error, finish func() error) error {
	if t.timer != nil {
		t.timer.Stop()
	}
	var cursors []*stream
	for s := range t.scans {
		s.closeBecause(after)
		if s.stream != nil {
			cursors = append(cursors, s.stream)
		}
	}
	clear(t.scans)
	for r := range t.results {
		cursors = append(cursors, r.stream)
	}
	clear(t.results)
	if t.sql != nil {
		_ = t.c.guard("the end of a session", t.sql.Close) // which closes its rows, and leaves the transaction to us
	}
	err := t.c.guard("the end of a transaction", finish)
	t.ended = after
	t.c.server.memory.txns.free(t.cost)
	t.cost = 0
	t.mu.Unlock()
	for _, s := range cursors {
		s.end(after)
	}
	return err
}

// done is what cursors, and late requests, of a transaction get.
func (t *txn) done() error { return wire.Errorf(wire.ErrTxnDone, "transaction %d has ended", t.number) }

// expire rolls back what has taken too long.
func (t *txn) expire() {
	t.expiring.Store(true)
	if cancel := t.statement.Load(); cancel != nil {
		(*cancel)(engine.ErrTxnExpired)
	}
	t.mu.Lock()
	if t.ended != nil {
		t.mu.Unlock()
		return
	}
	_ = t.end(engine.ErrTxnExpired, t.txn.Rollback)
}

// endTxns rolls back all transactions of a connection.
func (c *conn) endTxns() {
	c.mu.Lock()
	txns := c.txns
	c.txns = nil
	c.mu.Unlock()
	for _, t := range txns {
		t.mu.Lock()
		if t.ended != nil {
			t.mu.Unlock()
			continue
		}
		_ = t.end(t.done(), t.txn.Rollback)
	}
}

// commit is COMMIT.
func (c *conn) commit(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	t, err := c.lock(r, uint64(id))
	if err != nil {
		return dst, err
	}
	err = t.end(t.done(), func() error {
		if t.readOnly {
			return t.txn.Rollback()
		}
		return t.txn.CommitContext(r.ctx)
	})
	c.removeTxn(t)
	return wire.AppendNil(dst), err
}

// rollback is ROLLBACK.
func (c *conn) rollback(r *request, dst []byte) ([]byte, error) {
	var m wire.Rollback
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	t, err := c.lock(r, m.Txn)
	if err != nil {
		return dst, err
	}
	if m.Savepoint == 0 {
		err = t.end(t.done(), t.txn.Rollback)
		c.removeTxn(t)
		return wire.AppendNil(dst), err
	}
	defer t.mu.Unlock()
	if m.Savepoint > uint64(len(t.savepoints)) {
		return dst, wire.Errorf(wire.ErrSavepoint, "transaction %d has no savepoint %d", m.Txn, m.Savepoint)
	}
	return wire.AppendNil(dst), t.txn.RollbackTo(t.savepoints[m.Savepoint-1])
}

// savepoint is SAVEPOINT.
func (c *conn) savepoint(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	t, err := c.lock(r, uint64(id))
	if err != nil {
		return dst, err
	}
	defer t.mu.Unlock()
	if err = t.charge(entryBytes); err != nil {
		return dst, err
	}
	s, err := t.txn.Savepoint()
	if err != nil {
		return dst, err
	}
	t.savepoints = append(t.savepoints, s)
	return wire.AppendUint(dst, uint64(len(t.savepoints))), nil
}

// charge charges what the transaction remembers until it ends.
func (t *txn) charge(n int64) error {
	budget := t.c.server.memory.txns
	if !budget.try(n) {
		e := wire.Errorf(wire.ErrLimit, "the transactions of the server's clients take all the memory that they may, %d bytes", budget.limit)
		e.Hint = "end some, write less in one, or raise the limit of the server (--max-memory)"
		return e
	}
	t.cost += n
	return nil
}

// getInTxn is GET in a transaction.
func (c *conn) getInTxn(r *request, m *wire.Get, ks *engine.Keyspace, dst []byte) ([]byte, error) {
	t, err := c.lock(r, m.Txn)
	if err != nil {
		return dst, err
	}
	defer t.mu.Unlock()
	if t.reads || m.Want == wire.WantForUpdate {
		if err = t.charge(int64(entryBytes + len(m.Key))); err != nil {
			return dst, err
		}
	}
	in := t.txn.In(ks)
	switch m.Want {
	case wire.WantValue:
		return c.appendValue(r, dst, in.GetTo, m.Key)
	case wire.WantExists:
		found, err := in.Has(m.Key)
		return wire.AppendBool(dst, found), err
	case wire.WantExpiry:
		v, expires, err := in.GetWithExpiry(m.Key)
		return appendExpiry(dst, v, expires, err)
	case wire.WantForUpdate:
		v, err := in.GetForUpdate(m.Key)
		if err != nil {
			return orNil(dst, err)
		}
		return wire.AppendBin(dst, v), nil
	case wire.WantSeq:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "the sequence number of a key is not to be had in a transaction")
	default:
		return dst, unknownWant(m.Want)
	}
}

func appendExpiry(dst, v []byte, expires time.Time, err error) ([]byte, error) {
	if err != nil {
		return orNil(dst, err)
	}
	dst = wire.AppendBin(wire.AppendArray(dst, 2), v)
	if expires.IsZero() {
		return wire.AppendNil(dst), nil
	}
	return wire.AppendInt(dst, expires.UnixMilli()), nil
}

func (c *conn) mgetInTxn(r *request, m *keyList, dst []byte) ([]byte, error) {
	t, err := c.lock(r, m.txn)
	if err != nil {
		return dst, err
	}
	defer t.mu.Unlock()
	in := t.txn.In(m.ks)
	get := getter(in.GetTo)
	if t.reads {
		get = func(dst, k []byte) ([]byte, error) {
			if err := t.charge(int64(entryBytes + len(k))); err != nil {
				return dst, err
			}
			return in.GetTo(dst, k)
		}
	}
	return c.appendValues(r, dst, get, m)
}

// writeInTxn writes an operation in a transaction.
func (c *conn) writeInTxn(r *request, number uint64, ks *engine.Keyspace, op *wire.Op) error {
	t, err := c.lock(r, number)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	return t.write(ks, op)
}

// write writes an operation. mu is locked.
func (t *txn) write(ks *engine.Keyspace, op *wire.Op) error {
	if err := t.charge(int64(entryBytes + len(op.Key) + len(op.Value) + len(op.End))); err != nil {
		return err
	}
	return writeOp(t.txn.In(ks), op)
}

// batchInTxn is BATCH in a transaction: all of it becomes part of it, or nothing.
func (c *conn) batchInTxn(r *request, m *wire.BatchReader) error {
	t, err := c.lock(r, m.Txn)
	if err != nil {
		return err
	}
	defer t.mu.Unlock()
	if err = t.charge(entryBytes); err != nil {
		return err
	}
	before, err := t.txn.Savepoint()
	if err != nil {
		return err
	}
	if err = c.eachOp(m, t.write); err != nil {
		return errors.Join(err, t.txn.RollbackTo(before))
	}
	return nil
}
