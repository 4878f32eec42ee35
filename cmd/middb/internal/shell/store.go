package shell

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/wire"
)

// ErrNotFound is returned by [Reader.Get] and [Reader.TTL], and by the commands get, count and ttl after they
// have answered (nil), for a key that has no value.
var ErrNotFound = errors.New("key not found")

// A Store is the database as the shell needs it. Its methods, and those of its keyspaces, return when what
// they did is durable, and their errors say what was tried.
type Store interface {
	// Default returns the keyspace that a session begins with. It is always there.
	Default() Keyspace
	// Keyspace opens a keyspace. With create it is made if it is not there.
	Keyspace(ctx context.Context, name string, create bool) (Keyspace, error)
	// Keyspaces returns the names of all keyspaces, the default one first.
	Keyspaces(ctx context.Context) ([]string, error)
	// DropKeyspace removes a keyspace with all its keys.
	DropKeyspace(ctx context.Context, name string) error
	// Begin begins a transaction.
	Begin(ctx context.Context, o TxnOptions) (Txn, error)
	// NewBatch returns an empty batch.
	NewBatch() Batch
	// Flush writes what is in memory to sorted files.
	Flush(ctx context.Context) error
	// Compact merges all sorted files down to the last level.
	Compact(ctx context.Context) error
	// Stats describes the store.
	Stats(ctx context.Context) (*wire.Stats, error)
}

// A Server is a Store that is reached over a network. Its sessions have the commands ping, sessions and kill.
type Server interface {
	// Ping returns how long the store takes to answer.
	Ping(ctx context.Context) (time.Duration, error)
	// Sessions returns the sessions of all who are connected.
	Sessions(ctx context.Context) ([]wire.Session, error)
	// Kill ends a session, and reports whether there was one of that number.
	Kill(ctx context.Context, session uint64) (was bool, err error)
}

// A Reader reads a keyspace.
type Reader interface {
	// Get returns the value of k, or ErrNotFound.
	Get(ctx context.Context, k []byte) ([]byte, error)
	// TTL returns how long k has to live, 0 if for ever, or ErrNotFound.
	TTL(ctx context.Context, k []byte) (time.Duration, error)
	// Scan calls fn with each entry in the range until fn fails, and returns that failure. The
	// slices are valid during the call.
	Scan(ctx context.Context, r Range, fn func(k, v []byte) error) error
}

// A Writer writes to a keyspace, or collects writes. What it is given it copies.
type Writer interface {
	// Put gives k the value v, which is gone after ttl; 0 is never.
	Put(ctx context.Context, k, v []byte, ttl time.Duration) error
	// Delete removes k, if it is there.
	Delete(ctx context.Context, k []byte) error
	// DeleteRange removes the keys of the range [lower, upper); nil bounds are open.
	DeleteRange(ctx context.Context, lower, upper []byte) error
	// Merge changes the value of k by what an operator makes of it and an operand.
	Merge(ctx context.Context, k []byte, operator string, operand []byte) error
}

// Data is a keyspace, or one in a transaction.
type Data interface {
	Reader
	Writer
	// SetTTL gives k, if it is there, that time to live from now on; 0 is for ever. Else it returns
	// ErrNotFound.
	SetTTL(ctx context.Context, k []byte, ttl time.Duration) error
}

// A Keyspace is a keyspace of a Store.
type Keyspace interface {
	Data
	// Name returns its name.
	Name() string
	// Compact merges the files of the range [lower, upper) down to the last level; nil bounds are open.
	Compact(ctx context.Context, lower, upper []byte) error
	// Watch calls fn with each change, as it becomes durable, until fn fails, and returns that failure, ctx
	// ends, or it has passed on enough.
	Watch(ctx context.Context, o WatchOptions, fn func(Change) error) error
}

// TxnOptions say how a transaction is run.
type TxnOptions struct {
	Serializable bool // what it read must not have changed either
	ReadOnly     bool // it cannot write
}

// A Txn is a transaction: writes that are committed together, and what it reads is of one moment.
type Txn interface {
	// In returns the data of a keyspace as the transaction sees and changes it.
	In(ks Keyspace) Data
	// Commit applies the writes or, when it fails, none; either way the transaction has ended.
	Commit(ctx context.Context) error
	// Rollback ends the transaction without its writes.
	Rollback(ctx context.Context) error
	// Savepoint marks this moment. Marks are counted from 0; those that RollbackTo takes away are free again.
	Savepoint(ctx context.Context) (int, error)
	// RollbackTo takes back the writes since a mark, and the marks after it.
	RollbackTo(ctx context.Context, mark int) error
}

// A Batch collects operations that are applied together.
type Batch interface {
	// In returns what collects operations on a keyspace.
	In(ks Keyspace) Writer
	// Apply applies all operations or, when it fails, none.
	Apply(ctx context.Context) error
	// Cancel gives the batch up.
	Cancel(ctx context.Context) error
}

// A Range selects the entries of a scan.
type Range struct {
	Prefix   []byte // keys that begin with it; empty: all
	From, To []byte // From <= key < To; nil: open
	Reverse  bool   // greatest key first
	Limit    int64  // most entries; negative: no limit
}

// Bounds returns the smallest key in the range and the bound above the greatest; nil is open.
func (r *Range) Bounds() (lower, upper []byte) {
	lower, upper = r.From, r.To
	if len(r.Prefix) == 0 {
		return lower, upper
	}
	if bytes.Compare(r.Prefix, lower) > 0 {
		lower = r.Prefix
	}
	if end := key.Successor(r.Prefix); end != nil && (upper == nil || bytes.Compare(end, upper) < 0) {
		upper = end
	}
	return lower, upper
}
