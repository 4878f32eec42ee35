package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/session"
)

// An Isolation says which anomalies a transaction is safe from; docs/isolation.md has them all.
type Isolation uint8

// The isolation levels.
const (
	// SnapshotIsolation reads one moment and refuses to commit if another transaction has since written what
	// this one writes: no lost updates. What it only read may have changed (write skew).
	SnapshotIsolation Isolation = iota
	// Serializable also refuses if a key or a range that it read was written since: the outcome is that of
	// running the serializable transactions one after the other, in the order of their commits.
	Serializable
)

// String returns the name of the level.
func (i Isolation) String() string {
	if i == Serializable {
		return "serializable"
	}
	return "snapshot"
}

// TxnOptions say how a transaction is run. The zero value reads and writes under snapshot isolation.
type TxnOptions struct {
	// ReadOnly refuses writes. Such a transaction never conflicts and costs writers nothing.
	ReadOnly bool
	// Isolation is the isolation level.
	Isolation Isolation
	// Timeout is after how long a transaction that is still under way is rolled back, so that one that was
	// abandoned does not hold memory and files for ever. 0: never. Stats tells where the oldest began.
	Timeout time.Duration
	// Durability is that of the commit.
	Durability Durability
}

// The states of a transaction.
const (
	txnActive uint32 = iota
	txnEnded
	txnExpired
)

// A Txn is a transaction: it reads the database as it was when it began, with its own writes on top, and
// commits them together or not at all. Its methods Get, Put and the like work on the default keyspace; see In.
// It is for one goroutine at a time, and must be ended by Commit or Rollback.
//
//	txn, err := db.Begin(engine.TxnOptions{})
//	if err != nil { ... }
//	defer txn.Rollback() // nothing after Commit
//	...
//	err = txn.Commit()
type Txn struct {
	TxnKeyspace
	db      *DB
	options TxnOptions
	view    actors.View
	held    heldView
	entry   mvcc.Entry // unless read-only
	state   atomic.Uint32
	timer   *time.Timer
	managed bool // by Update or View, which end it

	overlay    overlay
	reads      readSet
	footprint  mvcc.Footprint // set by submit
	savepoints []savepoint    // those that can be rolled back to
	lastPoint  uint64
	tables     *relation.Tables
	spaces     [4]keptSpace                     // that tables have used lately
	sql        *session.Session                 // what Query and Exec run in; nil: nobody has
	changing   []func() (done func(seq uint64)) // called before a commit that changes schemas
	committed  uint64                           // sequence number of the last operation, once committed
}

// A keptSpace is what tables name a Space, kept as finding it costs as much as many a read.
type keptSpace struct {
	space relation.Space
	ks    *Keyspace
}

// Begin begins a transaction.
func (db *DB) Begin(o TxnOptions) (*Txn, error) {
	t, err := db.begin(context.Background(), o, caller())
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return t, nil
}

func (db *DB) begin(ctx context.Context, o TxnOptions, by creator) (*Txn, error) {
	switch {
	case db.closed.Load():
		return nil, ErrClosed
	case !o.ReadOnly && db.graph == nil:
		return nil, ErrReadOnly
	case o.Isolation > Serializable:
		return nil, fmt.Errorf("%w: isolation %d", ErrInvalidConfig, o.Isolation)
	}
	db.tidyTables(ctx)
	t := &Txn{db: db, options: o}
	t.TxnKeyspace = TxnKeyspace{t, db.defaultKeyspace}
	if !o.ReadOnly {
		if err := db.enter(ctx, &t.entry); err != nil {
			return nil, err
		}
	}
	view, err := db.hold(&t.held, "transaction", by)
	if err != nil {
		t.leave()
		return nil, err
	}
	t.view = view
	if o.Timeout > 0 {
		t.timer = time.AfterFunc(o.Timeout, func() { t.end(txnExpired) })
	}
	return t, nil
}

// enter lists a transaction that is about to take its View, so that it can be checked for conflicts with all
// that is committed after that.
func (db *DB) enter(ctx context.Context, e *mvcc.Entry) error {
	if db.live.Enter(e, db.published.Visible) {
		return nil
	}
	// Nobody ran transactions for a while. From this barrier on commits are recorded, and once it is
	// answered all before it is visible.
	barrier := actors.NewCommit()
	barrier.Track = true
	_, err := db.submit(ctx, barrier)
	if err == nil && !db.live.Renew(e, db.published.Visible) {
		err = errors.New("commits are not recorded")
	}
	if err != nil {
		db.live.Leave(e)
	}
	return err
}

func (t *Txn) leave() {
	if !t.options.ReadOnly {
		t.db.live.Leave(&t.entry)
	}
}

// finish ends the transaction on the side of its user. It reports whether it was under way.
func (t *Txn) finish() bool {
	if t.timer != nil {
		t.timer.Stop()
	}
	return t.end(txnEnded)
}

// end ends the transaction, once.
func (t *Txn) end(how uint32) bool {
	if !t.state.CompareAndSwap(txnActive, how) {
		return false
	}
	t.leave()
	t.db.views.remove(&t.held)
	t.view.Release()
	return true
}

// usable returns why the transaction cannot be used, or nil.
func (t *Txn) usable() error {
	switch t.state.Load() {
	case txnActive:
	case txnExpired:
		return ErrTxnExpired
	default:
		return ErrTxnDone
	}
	if t.db.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Seq returns the sequence number of the newest commit that the transaction sees.
func (t *Txn) Seq() uint64 { return t.view.Seq }

// In returns the transaction as one that works on a keyspace.
func (t *Txn) In(ks *Keyspace) TxnKeyspace { return TxnKeyspace{t, ks} }

// Commit makes the writes of the transaction visible together and ends it. A *ConflictError, which matches
// ErrConflict, says that it was not committed because of a commit since it began; run it again. When Commit
// returns an error the transaction has ended too.
func (t *Txn) Commit() error { return t.CommitContext(context.Background()) }

// CommitContext is Commit with a context; see Keyspace.PutContext.
func (t *Txn) CommitContext(ctx context.Context) error {
	if t.managed {
		return fmt.Errorf("commit: %w", ErrTxnManaged)
	}
	return t.commit(ctx)
}

func (t *Txn) commit(ctx context.Context) error {
	err := t.usable()
	if err == nil && t.options.ReadOnly {
		t.finish()
		err = ErrTxnReadOnly
	}
	if err == nil && t.tables != nil {
		if err = t.tables.Err(); err != nil {
			t.finish()
		}
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	err = t.submit(ctx)
	if !t.finish() && err == nil && t.overlay.count == 0 {
		err = ErrTxnExpired
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// submit hands the writes over with what they depend on. Reads alone depend on nothing: they saw one moment.
func (t *Txn) submit(ctx context.Context) error {
	if t.overlay.count == 0 && len(t.reads.locks) == 0 {
		return nil
	}
	c := actors.NewCommit()
	t.overlay.fill(c)
	if k, ok := t.overlay.single(); ok {
		t.db.hint(c, k)
	}
	c.Sync = t.db.sync([]Durability{t.options.Durability})
	t.footprint = t.reads.footprint(t.view.Seq)
	c.Txn = &t.footprint
	schemas := t.changingSchemas()
	seq, err := t.db.submit(ctx, c)
	if conflict, ok := errors.AsType[*mvcc.Conflict](err); ok {
		schemas(0)
		return t.db.conflictError(conflict)
	}
	if t.committed = seq; err == nil {
		schemas(seq)
	}
	if err == nil && t.tables != nil {
		t.tables.Committed()
	}
	return err
}

// changingSchemas tells those who remember schemas that a commit may change them. What it returns is called when the outcome is
// known, with 0 if nothing was committed.
func (t *Txn) changingSchemas() (done func(seq uint64)) {
	if len(t.changing) == 0 {
		return func(uint64) {}
	}
	var all []func(uint64)
	for _, f := range t.changing {
		all = append(all, f())
	}
	return func(seq uint64) {
		for _, f := range all {
			f(seq)
		}
	}
}

// errRollbackDone is made once, as most rollbacks are deferred ones after a commit.
var errRollbackDone = fmt.Errorf("rollback: %w", ErrTxnDone)

// Rollback ends the transaction without committing anything. After Commit, or another Rollback, it does
// nothing and returns ErrTxnDone, so that it can be deferred.
func (t *Txn) Rollback() error {
	if t.managed {
		return fmt.Errorf("rollback: %w", ErrTxnManaged)
	}
	return t.rollback()
}

func (t *Txn) rollback() error {
	if !t.finish() {
		if t.state.Load() == txnExpired {
			return fmt.Errorf("rollback: %w", ErrTxnExpired)
		}
		return errRollbackDone
	}
	return nil
}

// A Savepoint is a moment in a transaction that its writes can be rolled back to.
type Savepoint struct{ id uint64 }

// savepoint is the moment of a Savepoint.
type savepoint struct {
	id   uint64
	mark mark
}

// Savepoint marks this moment of the transaction. It costs next to nothing; from then on each write also notes what it
// replaces.
func (t *Txn) Savepoint() (Savepoint, error) {
	if err := t.usable(); err != nil {
		return Savepoint{}, fmt.Errorf("savepoint: %w", err)
	}
	t.lastPoint++
	t.savepoints = append(t.savepoints, savepoint{t.lastPoint, t.overlay.mark()})
	return Savepoint{t.lastPoint}, nil
}

// RollbackTo takes back every write since the savepoint, which stays; those made after it are gone. What was
// read since, and what was read for update, still counts when the transaction commits. Iterators that are
// open go on seeing the writes.
func (t *Txn) RollbackTo(s Savepoint) error {
	if err := t.rollbackTo(s); err != nil {
		return fmt.Errorf("roll back to savepoint: %w", err)
	}
	if t.tables != nil {
		t.tables.Invalidate()
	}
	return nil
}

// rollbackTo is RollbackTo for whoever knows what that changes.
func (t *Txn) rollbackTo(s Savepoint) error {
	if err := t.usable(); err != nil {
		return err
	}
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if t.savepoints[i].id == s.id {
			t.savepoints = t.savepoints[:i+1]
			t.overlay.rollback(t.savepoints[i].mark)
			return nil
		}
	}
	return ErrSavepoint
}

// release forgets a savepoint and those after it.
func (t *Txn) release(s Savepoint) {
	for i := len(t.savepoints) - 1; i >= 0 && t.savepoints[i].id >= s.id; i-- {
		t.savepoints = t.savepoints[:i]
	}
	if len(t.savepoints) == 0 {
		t.overlay.forget()
	}
}

// A ConflictError says why a transaction was not committed. It matches ErrConflict.
type ConflictError struct {
	Keyspace string
	Table    bool   // there is no keyspace: the key is that of a row, of an entry of an index or of a schema
	Key      []byte // that both the transaction and a later commit touched
	Seq      uint64 // sequence number of the operation of that commit
}

// Error implements error.
func (e *ConflictError) Error() string {
	where := ""
	switch {
	case e.Table:
		where = " of a table"
	case e.Keyspace != DefaultKeyspace:
		where = fmt.Sprintf(" of keyspace %q", e.Keyspace)
	}
	return fmt.Sprintf("%v: key %s%s was written by operation %d after the transaction began; run it again",
		ErrConflict, key.Format(e.Key), where, e.Seq)
}

// Is makes a ConflictError match ErrConflict.
func (*ConflictError) Is(target error) bool { return target == ErrConflict }

// conflictError says what a conflict means to a user.
func (db *DB) conflictError(c *mvcc.Conflict) *ConflictError {
	ks := db.keyspaceOf(c.Key)
	e := &ConflictError{Keyspace: ks.name, Key: ks.space.user(c.Key), Seq: c.Seq}
	if p := ks.space.prefix; p != nil {
		e.Table = binary.BigEndian.Uint32(p[len(spacePrefix):]) >= relation.CatalogSpace
	}
	return e
}
