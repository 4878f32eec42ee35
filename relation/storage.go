package relation

import (
	"context"

	"github.com/middb/middb/iterator"
)

// CatalogSpace is the number of the Space of the catalog: names, schemas, numbers that are given. The numbers of tables and
// indexes are above it.
const CatalogSpace uint32 = 1 << 31

// MaxTreeEntry is how many bytes the key and the value of an entry of a Tree may have together.
const MaxTreeEntry = 1000

// A Space is an ordered set of keys: the rows of a table, the entries of an index, or the catalog. Whoever names it for the
// first time makes it.
type Space struct {
	ID   uint32
	Tree bool // kept in a B+Tree, with entries of at most MaxTreeEntry bytes; else in the log-structured levels
}

// A Txn is a transaction of the storage: it reads one moment and its own writes. Two that write the same key of a Space
// conflict: the first to commit wins. It is for one goroutine.
type Txn interface {
	// Get appends the value of k to dst.
	Get(s Space, dst, k []byte) (v []byte, found bool, err error)
	// Put writes v under k; both are copied.
	Put(s Space, k, v []byte) error
	// Delete removes k. It counts as a write also where k is not there.
	Delete(s Space, k []byte) error
	// Clear removes all that is in the space, at once, whatever its size. It conflicts with all writes in the space, unless that
	// is a Tree.
	Clear(s Space) error
	// Drop is Clear of a space that nobody will use again. It conflicts with nothing: whoever writes there depends on something
	// else that the transaction writes.
	Drop(s Space) error
	// Iterate returns an iterator over the space as it is now: it does not show what is written later.
	Iterate(s Space, o Bounds) (Iterator, error)
	// DependOn has the commit fail with a conflict if somebody else has written k since the transaction began, at any
	// isolation level, also if this transaction takes back all that it wrote. One that only reads depends on nothing.
	DependOn(s Space, k []byte)
	// DependOnRange is DependOn of all keys in [lower, upper), those that are not there included; nil is no bound.
	DependOnRange(s Space, lower, upper []byte)
	// Savepoint returns this moment, for RollbackTo. It is made for every statement and so should cost little: a small
	// integer, or a pointer, becomes an any without an allocation.
	Savepoint() (any, error)
	// RollbackTo takes back all writes since a savepoint, which stays; those after it are gone.
	RollbackTo(savepoint any) error
	// Release forgets a savepoint and those after it.
	Release(savepoint any)
}

// Bounds say what an iterator goes over: [Lower, Upper), where nil is no bound.
type Bounds struct {
	Lower, Upper []byte
	Reverse      bool // First is the last key, Next goes down
	KeysOnly     bool // Value is not asked for
	Again        bool // the iterator will be given other bounds, if it is a Rebounder
}

// An Iterator goes over entries in order. Key and Value are valid until it is moved. A move reports whether it is at an
// entry; if not, Err says whether that is because there is none.
type Iterator interface {
	First() bool
	// Seek moves to the first entry, in the direction of the iterator, that is not before k.
	Seek(k []byte) bool
	Next() bool
	Key() []byte
	Value() []byte
	Err() error
	Close() error
}

// A BatchIterator is an Iterator that can give several entries at once, which costs less than one by one.
type BatchIterator interface {
	Iterator
	// NextBatch replaces e by the entries that come next, from the first one at the first call, at most as many as most, and
	// reports whether there are any. They are valid until it is called again. Nothing else moves the iterator meanwhile.
	NextBatch(e *iterator.Entries, most int) bool
}

// A Rebounder is an Iterator that can begin anew with other bounds, in the same direction, over the space as it was.
type Rebounder interface {
	// Rebound returns false, and has changed nothing, if that cannot be done. Neither bound is empty.
	Rebound(lower, upper []byte) bool
}

// A Database runs transactions. Update commits what f has written, and runs f again after a conflict; an error of f rolls
// back and is returned. View only reads.
type Database interface {
	Update(ctx context.Context, f func(Txn) error) error
	View(ctx context.Context, f func(Txn) error) error
}
