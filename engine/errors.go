package engine

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/vfs"
)

// The errors of this package are tested for with errors.Is; their text says what was done to what,
// and what to do about it.
var (
	// ErrNotFound is the answer of a read of a key that is not in the database.
	ErrNotFound = errors.New("key not found")
	// ErrClosed is returned by every call on a closed DB, Snapshot or Iterator.
	ErrClosed = actors.ErrClosed
	// ErrReadOnly is returned by writes to a database that was opened with Config.ReadOnly.
	ErrReadOnly = errors.New("the database was opened read-only")
	// ErrFailed is returned by writes after a failure that the engine cannot go on from; the cause
	// is in the chain. Reads still work. Close the database, repair the cause, open it again.
	ErrFailed = actors.ErrFailed
	// ErrCommitUnknown is returned by a write whose caller stopped waiting, or whose engine failed,
	// after it was handed over: it may or may not be in the database, whole. Read to find out.
	ErrCommitUnknown = actors.ErrCommitUnknown
	// ErrNoSpace is returned by writes while the disk is full. They work again once there is space.
	ErrNoSpace = vfs.ErrNoSpace
	// ErrLocked is returned by Spawn when another process, or another DB of this one, has the
	// directory open in a way that excludes this one. The text names the owner's process id.
	ErrLocked = vfs.ErrLocked
	// ErrEmptyKey refuses the empty key.
	ErrEmptyKey = errors.New("the key is empty")
	// ErrKeyTooLarge refuses keys longer than MaxKeyBytes.
	ErrKeyTooLarge = errors.New("the key is too large")
	// ErrValueTooLarge refuses values longer than MaxValueBytes.
	ErrValueTooLarge = errors.New("the value is too large")
	// ErrBatchTooLarge refuses operations that would make a batch larger than MaxBatchBytes.
	ErrBatchTooLarge = errors.New("the batch is too large")
	// ErrDatabaseMissing is returned by Spawn for a directory without a database, if Config.MustExist
	// or Config.ReadOnly is set.
	ErrDatabaseMissing = errors.New("there is no database")
	// ErrNotDatabase is returned by Spawn for a path that is no directory, or a directory that holds
	// other files but no database.
	ErrNotDatabase = levels.ErrNotDatabase
	// ErrNewerFormat is returned by Spawn for a database that a later version of middb wrote.
	ErrNewerFormat = levels.ErrNewerFormat
	// ErrOlderFormat is returned by Spawn for a database that a pre-release of middb wrote.
	ErrOlderFormat = levels.ErrOlderFormat
	// ErrCorruption is matched by every *CorruptionError.
	ErrCorruption = integrity.ErrCorruption
	// ErrConflict is matched by every *ConflictError: the transaction was not committed, because a later
	// commit wrote what it depends on. Run it again, as DB.Update does.
	ErrConflict = mvcc.ErrConflict
	// ErrTxnTooOld is returned by the commit of a transaction that is so old that what was written since it
	// began has been forgotten (see Config.TxnHistoryBytes). Run it again.
	ErrTxnTooOld = mvcc.ErrTooOld
	// ErrTxnDone is returned by every use of a transaction after Commit or Rollback.
	ErrTxnDone = errors.New("the transaction has ended")
	// ErrTxnReadOnly is returned by writes in, and by Commit of, a transaction that was begun read-only. End
	// it with Rollback.
	ErrTxnReadOnly = errors.New("the transaction is read-only")
	// ErrTxnExpired is returned by every use of a transaction that was under way for longer than its
	// Timeout, and was rolled back.
	ErrTxnExpired = errors.New("the transaction has timed out and was rolled back")
	// ErrTxnManaged is returned by Commit and Rollback of a transaction that DB.Update or DB.View commits or
	// rolls back: return from its function instead.
	ErrTxnManaged = errors.New("the transaction is committed by the function that runs it")
	// ErrSavepoint is returned by RollbackTo for a savepoint that is not of this transaction, or was made
	// after one that it has been rolled back to.
	ErrSavepoint = errors.New("no such savepoint")
	// ErrKeyspaceDropped is returned by every use of a keyspace that was dropped.
	ErrKeyspaceDropped = errors.New("the keyspace was dropped")
	// ErrKeyspaceMissing is returned for a keyspace that is not there and must not be made.
	ErrKeyspaceMissing = errors.New("there is no such keyspace")
	// ErrKeyspaceName refuses names of keyspaces that are empty, too long, or the default one's.
	ErrKeyspaceName = errors.New("invalid keyspace name")
	// ErrExists is returned by PutIfAbsent for a key that is there.
	ErrExists = errors.New("the key exists")
	// ErrSeqMismatch is returned by PutIf for a key that another operation has written last.
	ErrSeqMismatch = errors.New("the key was written by another operation")
	// ErrMergeOperator is returned by merges, and by reads of merged values, whose operator is not registered or
	// refuses its operand.
	ErrMergeOperator = merge.ErrOperator
	// ErrNotIndexed is returned by reads of a batch that was not made by NewIndexedBatch.
	ErrNotIndexed = errors.New("the batch is not indexed; make it with NewIndexedBatch")
	// ErrInvalidTTL refuses times to live that are not positive.
	ErrInvalidTTL = errors.New("invalid time to live")
	// ErrInvalidConfig is returned by Spawn for a Config that cannot be used.
	ErrInvalidConfig = errors.New("invalid configuration")
	// ErrInvalidRange is returned for bounds that contradict one another.
	ErrInvalidRange = errors.New("invalid range")
)

// A CorruptionError says which file is damaged, where, and how.
type CorruptionError = integrity.CorruptionError

// Limits on what can be stored.
const (
	// MaxKeyBytes is the length of the longest key: 64 KiB.
	MaxKeyBytes = key.MaxKeyBytes
	// MaxValueBytes is the length of the longest value: 256 MiB.
	MaxValueBytes = key.MaxValueBytes
	// MaxBatchBytes bounds the encoded size of a batch: 1 GiB.
	MaxBatchBytes = 1 << 30
)

func checkKey(k []byte) error {
	switch {
	case len(k) == 0:
		return ErrEmptyKey
	case len(k) > MaxKeyBytes:
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrKeyTooLarge, len(k), MaxKeyBytes)
	}
	return nil
}

func checkEntry(k, v []byte) error {
	if len(v) > MaxValueBytes {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrValueTooLarge, len(v), MaxValueBytes)
	}
	return checkKey(k)
}

func checkRange(lower, upper []byte) error {
	switch {
	case len(lower) > MaxKeyBytes || len(upper) > MaxKeyBytes:
		return fmt.Errorf("%w: a bound of %d bytes, the limit is %d", ErrKeyTooLarge, max(len(lower), len(upper)), MaxKeyBytes)
	case lower != nil && upper != nil && bytes.Compare(lower, upper) > 0:
		return fmt.Errorf("%w: lower bound %q is above upper bound %q", ErrInvalidRange, key.Format(lower), key.Format(upper))
	}
	return nil
}

// checkMerge checks a merge in a database; nil is one with the built-in operators.
func checkMerge(db *DB, k []byte, operator string, operand []byte) error {
	if err := checkEntry(k, operand); err != nil {
		return err
	}
	var operators *merge.Operators
	if db != nil {
		operators = db.operators
	}
	return operators.Check(operator, operand)
}
