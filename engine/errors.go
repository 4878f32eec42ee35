package engine

import (
	"errors"
	"fmt"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
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
	// ErrCorruption is matched by every *CorruptionError.
	ErrCorruption = integrity.ErrCorruption
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
