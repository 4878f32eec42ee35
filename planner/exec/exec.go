// Package exec runs physical plans. Rows go through it in batches of columns, pulled from the top: every operator asks
// those below it for the next batch. It knows stored tables through the interface Storage only, and starts no goroutine.
package exec

import (
	"context"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/vfs"
)

// DefaultMemory is how many bytes a query may keep before it writes to temporary files.
const DefaultMemory = 64 << 20

// Options say how a query is run. The zero value is the default.
type Options struct {
	Storage Storage
	Env     expr.Env // the time, chance and the values of parameters
	// Memory is how many bytes operators may keep together. 0: DefaultMemory. What does not fit is written to files.
	Memory int64
	// BatchRows is how many rows a batch has at most. 0: 1,024.
	BatchRows int
	// FS and Directory are where temporary files go, which are removed at the end. A nil FS: there can be none, and what does
	// not fit is an error.
	FS        vfs.FS
	Directory string
	// Measure has each operator note how many rows it gave, for EXPLAIN ANALYZE, and how long it took by the Clock, if there
	// is one.
	Measure bool
	Clock   func() time.Time
}

// A Storage has the tables of a query, as its transaction sees them.
type Storage interface {
	// Scan reads rows in the order of a key. What the caller needs is in the request, which stays the caller's.
	Scan(ctx context.Context, r *ScanRequest) (Cursor, error)
	// Lookup returns the reader of single rows of a table by a unique key: the primary key, or an index.
	Lookup(table *catalog.Table, index string, places []int) (Lookup, error)
}

// A ScanRequest says which rows of a table are read.
type ScanRequest struct {
	Table   *catalog.Table
	Index   string // empty: by the primary key
	Columns []int  // places in Table.Columns, or plan.HiddenRowID
	// Prefix has the first columns of the key be these, which are of the types of the columns. NULL is a value like another.
	Prefix []catalog.Value
	// Lower and Upper are bounds of the column behind Prefix, in the order of the key. See relation.ScanOptions.
	Lower, Upper                   []catalog.Value
	LowerExclusive, UpperExclusive bool
	Reverse                        bool
	Limit                          int // how many rows are needed at most; 0: any number
	// Again says that the cursor will be asked for other rows, if it is a Restarter.
	Again bool
	// Simple are conditions that all rows must satisfy, which the storage may use to leave rows out; it need not.
	Simple []Simple
}

// A Simple condition compares a column with a constant, and is not true where the column is NULL.
type Simple struct {
	Column int           // of ScanRequest.Columns
	Op     expr.Op       // OpEqual to OpGreaterEqual
	Value  catalog.Value // of the kind of the column, and not NULL
}

// A Cursor gives the rows of a scan.
type Cursor interface {
	// Next fills the batch, which has a Vector for each column, with the rows that come next, at most as many as max. It
	// returns false at the end. Texts stay good for ever, all else until the next call.
	Next(b *catalog.Batch, max int) (bool, error)
	Close() error
}

// A Restarter is a Cursor that can begin anew with other bounds, which costs less than another cursor.
type Restarter interface {
	// Restart reads the rows of a request that differs from that of Scan in Prefix and bounds only. It returns false if
	// that cannot be done.
	Restart(r *ScanRequest) (bool, error)
}

// A Lookup reads single rows.
type Lookup interface {
	// Get appends the values of the row with a key to dst. The values of the key are of the types of its columns, and not NULL.
	Get(dst []catalog.Value, key []catalog.Value) (row []catalog.Value, found bool, err error)
}

// An Operator gives rows, batch by batch.
type Operator interface {
	// Next returns the next rows, at least one, or nil at the end. What it returns is lent until the next call; texts in it
	// stay good. It may change Sel and the order of Columns of a batch of its own, but not what is below them.
	Next(ctx context.Context) (*catalog.Batch, error)
	// Reset has it begin again, with other values of the columns around it.
	Reset()
	// Close gives back what it has, and leaves those below it alone. It is called once, whether all rows were read or not.
	Close() error
}
