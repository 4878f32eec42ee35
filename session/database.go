package session

import (
	"context"
	"io"
	"time"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

// A Database is what sessions need of one. It is safe for concurrent use.
type Database interface {
	// Begin begins a transaction. Whoever begins it ends it.
	Begin(ctx context.Context, o TxnOptions) (Txn, error)
	// Update runs f in a transaction and commits it, again after a conflict, a bounded number of times. An error of f rolls
	// back and is returned.
	Update(ctx context.Context, o TxnOptions, f func(Txn) error) error
	// BuildIndex adds an index to a table that others write meanwhile; see relation.Catalog.BuildIndex.
	BuildIndex(ctx context.Context, table string, d relation.IndexDefinition) error
	// Code returns the code of an error of the storage, or "" if it is none of those.
	Code(err error) sqlstate.Code
	// Environment returns what statements depend on besides the database.
	Environment() Environment
}

// An Environment is what statements depend on besides the database.
type Environment struct {
	Now       func() time.Time
	Random    io.Reader // any number of goroutines may read it
	Temporary vfs.FS    // where queries keep what does not fit in memory; nil: nowhere
	Directory string    // of temporary files
	ReadOnly  bool      // nothing can be written
}

// TxnOptions say how a transaction is run. The zero value reads and writes under snapshot isolation.
type TxnOptions struct {
	ReadOnly     bool
	Serializable bool
	Timeout      time.Duration // after it a transaction that is still under way is rolled back; 0: never
}

// A Txn is a transaction, for one goroutine at a time.
type Txn interface {
	// Tables returns the tables as the transaction sees them.
	Tables() (*relation.Tables, error)
	// Commit commits what was written, and ends the transaction also if that fails. One that only reads just ends.
	Commit(ctx context.Context) error
	// Rollback ends the transaction, unless it has ended.
	Rollback()
	Savepoint() (any, error)
	// RollbackTo takes back all writes since a savepoint, which stays.
	RollbackTo(savepoint any) error
	// Release forgets a savepoint and those after it.
	Release(savepoint any)
}
