package shell

import (
	"context"
	"errors"
)

// ErrNotFound is returned by [Store.Get], and by the get command after it has answered (nil), for a
// key that has no value.
var ErrNotFound = errors.New("key not found")

// A Store is the database as the shell needs it. Its methods return when what they
// did is durable, and their errors say what was tried.
type Store interface {
	// Get returns the value of k, or ErrNotFound.
	Get(k []byte) ([]byte, error)
	// Put gives k the value v.
	Put(ctx context.Context, k, v []byte) error
	// Delete removes k, if it is there.
	Delete(ctx context.Context, k []byte) error
	// NewBatch returns an empty batch.
	NewBatch() Batch
	// Scan calls fn with each entry in the range until fn fails, and returns that failure. The
	// slices are valid during the call.
	Scan(ctx context.Context, r Range, fn func(k, v []byte) error) error
	// Flush writes what is in memory to sorted files.
	Flush(ctx context.Context) error
	// Compact merges the files of the range [lower, upper) down to the last level; nil bounds are
	// open.
	Compact(ctx context.Context, lower, upper []byte) error
	// Stats describes the store.
	Stats() Table
	// Levels describes the levels of sorted files.
	Levels() Table
}

// A Batch collects operations that are applied together.
type Batch interface {
	// Put collects a write of v under k; both are copied.
	Put(k, v []byte) error
	// Delete collects a deletion of k, which need not exist.
	Delete(k []byte) error
	// Len returns the number of operations collected.
	Len() int
	// Apply applies all operations or, when it fails, none.
	Apply(ctx context.Context) error
}

// A Range selects the entries of a scan.
type Range struct {
	Prefix   []byte // keys that begin with it; empty: all
	From, To []byte // From <= key < To; nil: open
	Reverse  bool   // greatest key first
	Limit    int64  // most entries; negative: no limit
}
