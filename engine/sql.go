package engine

import (
	"context"
	"errors"
	"sync"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/session"
)

// What SQL gives: see package session.
type (
	// A Session is one connection to the database, with settings and perhaps a transaction under way.
	Session = session.Session
	// Rows are what a query gives.
	Rows = session.Rows
	// A Stmt is a prepared statement, for any number of goroutines at once.
	Stmt = session.Prepared
	// A Result says what became of a statement.
	Result = session.Result
	// An SQLError is the error of a statement: with its code, its place and perhaps a hint.
	SQLError = sqlstate.Error
)

// openedSQL is what all sessions share, once somebody runs SQL.
type openedSQL struct {
	once   sync.Once
	shared *session.Shared
}

// Session returns a new session, which is for one goroutine at a time. Close it.
func (db *DB) Session() *Session { return db.newSession(caller()) }

func (db *DB) newSession(by creator) *Session {
	return session.New(&sqlDatabase{db, by}, db.sharedSQL())
}

func (db *DB) sharedSQL() *session.Shared {
	db.sql.once.Do(func() { db.sql.shared = session.NewShared() })
	return db.sql.shared
}

// Query runs a statement, or several with semicolons between them, and returns the rows of the last one, which must be
// closed. Errors are of type *SQLError. Every call has a session of its own: for a transaction use Begin, or a Session.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return db.newSession(caller()).Query(ctx, sql, args...)
}

// Exec is Query for who wants no rows.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	s := db.newSession(caller())
	r, err := s.Exec(ctx, sql, args...)
	return r, errors.Join(err, s.Close())
}

// QueryRow is Query for one row, which Scan reads.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) *session.Row {
	return db.newSession(caller()).QueryRow(ctx, sql, args...)
}

// Prepare reads and plans a statement that is to be run again and again, each time in a transaction of its own. It is planned anew
// when schemas have changed. Any number of goroutines may run it at once. Close it.
func (db *DB) Prepare(ctx context.Context, sql string) (*Stmt, error) {
	return session.Prepare(ctx, &sqlDatabase{db, caller()}, db.sharedSQL(), sql)
}

// Query runs a statement in the transaction; see DB.Query. A statement that fails leaves nothing of itself, and the
// transaction goes on.
func (t *Txn) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return t.Session().Query(ctx, sql, args...)
}

// Exec runs a statement in the transaction; see DB.Exec.
func (t *Txn) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return t.Session().Exec(ctx, sql, args...)
}

// QueryRow is Query for one row, which Scan reads.
func (t *Txn) QueryRow(ctx context.Context, sql string, args ...any) *session.Row {
	return t.Session().QueryRow(ctx, sql, args...)
}

// Session returns the session in which the transaction runs statements. It ends with the transaction, and is for its
// goroutine.
func (t *Txn) Session() *Session {
	if t.sql == nil {
		t.sql = session.Within(&sqlDatabase{t.db, t.held.by}, t.db.sharedSQL(), sqlTxn{t}, session.TxnOptions{
			ReadOnly: t.options.ReadOnly, Serializable: t.options.Isolation == Serializable,
		})
	}
	return t.sql
}

// A sqlDatabase is the database as a session sees it.
type sqlDatabase struct {
	db *DB
	by creator // of the session, and so of its transactions
}

var _ session.Database = (*sqlDatabase)(nil)

func txnOptions(o session.TxnOptions) TxnOptions {
	out := TxnOptions{ReadOnly: o.ReadOnly, Timeout: o.Timeout}
	if o.Serializable {
		out.Isolation = Serializable
	}
	return out
}

// Begin implements session.Database.
func (d *sqlDatabase) Begin(ctx context.Context, o session.TxnOptions) (session.Txn, error) {
	t, err := d.db.begin(ctx, txnOptions(o), d.by)
	if err != nil {
		return nil, err
	}
	return sqlTxn{t}, nil
}

// Update implements session.Database.
func (d *sqlDatabase) Update(ctx context.Context, o session.TxnOptions, f func(session.Txn) error) error {
	return d.db.attempts(ctx, txnOptions(o), func(t *Txn) error { return f(sqlTxn{t}) }, d.by)
}

// BuildIndex implements session.Database.
func (d *sqlDatabase) BuildIndex(ctx context.Context, table string, i relation.IndexDefinition) error {
	if d.db.graph == nil {
		return ErrReadOnly
	}
	c, err := d.db.openTables(ctx)
	if err != nil {
		return err
	}
	return c.BuildIndex(ctx, table, i, nil)
}

// Environment implements session.Database.
func (d *sqlDatabase) Environment() session.Environment {
	e := session.Environment{Now: d.db.cfg.Clock, Random: d.db.cfg.Random, ReadOnly: d.db.graph == nil}
	if !e.ReadOnly {
		e.Temporary, e.Directory = d.db.cfg.FS, d.db.cfg.Dir
	}
	return e
}

// codes says which code an error of the engine has. The first one that matches counts.
var codes = []struct {
	kind error
	code sqlstate.Code
}{
	{ErrConflict, sqlstate.SerializationFailure},
	{ErrTxnTooOld, sqlstate.SerializationFailure},
	{ErrCommitUnknown, sqlstate.CompletionUnknown},
	{ErrTxnReadOnly, sqlstate.ReadOnlyTransaction},
	{ErrReadOnly, sqlstate.ReadOnlyTransaction},
	{ErrTxnExpired, sqlstate.TransactionTimeout},
	{ErrTxnDone, sqlstate.NoActiveTransaction},
	{ErrTxnManaged, sqlstate.ActiveTransaction},
	{ErrClosed, sqlstate.ConnectionClosed},
	{ErrNoSpace, sqlstate.DiskFull},
	{ErrFailed, sqlstate.SystemError},
	{ErrSavepoint, sqlstate.InvalidSavepoint},
	{ErrBatchTooLarge, sqlstate.TooLarge},
	{ErrKeyTooLarge, sqlstate.TooLarge},
	{ErrValueTooLarge, sqlstate.TooLarge},
	{ErrCorruption, sqlstate.DataCorrupted},
}

// Code implements session.Database.
func (*sqlDatabase) Code(err error) sqlstate.Code {
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return c.code
		}
	}
	return ""
}

// A sqlTxn is a transaction as sessions see it.
type sqlTxn struct{ *Txn }

var _ session.Txn = sqlTxn{}

// Commit implements session.Txn.
func (t sqlTxn) Commit(ctx context.Context) error {
	if t.options.ReadOnly {
		t.finish()
		return nil
	}
	return t.commit(ctx)
}

// Rollback implements session.Txn.
func (t sqlTxn) Rollback() { t.finish() }

// Savepoint implements session.Txn.
func (t sqlTxn) Savepoint() (any, error) { return t.Txn.Savepoint() }

// RollbackTo implements session.Txn.
func (t sqlTxn) RollbackTo(savepoint any) error { return t.Txn.RollbackTo(savepoint.(Savepoint)) }

// Release implements session.Txn.
func (t sqlTxn) Release(savepoint any) { t.release(savepoint.(Savepoint)) }
