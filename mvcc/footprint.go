package mvcc

import (
	"errors"
	"fmt"

	"github.com/middb/middb/key"
)

var (
	// ErrConflict is matched by every *Conflict.
	ErrConflict = errors.New("the transaction conflicts with a later commit")
	// ErrTooOld means that nobody knows any more what was written since the transaction began.
	ErrTooOld = errors.New("the transaction is too old to be checked for conflicts")
)

// A Conflict says why a transaction may not commit.
type Conflict struct {
	Key []byte // written by both, or the first key of a range that was; as stored
	Seq uint64 // of the operation that wrote it
}

// Error implements error.
func (c *Conflict) Error() string {
	return fmt.Sprintf("%v: key %s was written by operation %d", ErrConflict, key.Format(c.Key), c.Seq)
}

// Is makes a Conflict match ErrConflict.
func (*Conflict) Is(target error) bool { return target == ErrConflict }

// A Footprint is what a transaction's commit depends on, beside the operations that it writes. It is
// immutable once the commit is submitted.
type Footprint struct {
	View  uint64   // sequence number that the transaction read at
	Locks [][]byte // keys that count as written: read for update
	Keys  [][]byte // keys that were read and must not have changed, whether they were there or not
	Spans []Span   // ranges that were read and must not have changed; disjoint, in order

	// Cleared are ranges that are deleted whoever else has written there: everybody who does depends on something else that
	// the transaction writes.
	Cleared []Span
}

// A Span is the keys from Start, inclusive, to End, exclusive.
type Span struct{ Start, End []byte }
