package server

import (
	"context"
	"errors"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/wire"
)

// codes says which code an error of the engine has. An error may match several; the first counts.
var codes = []struct {
	err  error
	code wire.Code
}{
	{engine.ErrCommitUnknown, wire.ErrCommitUnknown},
	{engine.ErrConflict, wire.ErrConflict},
	{engine.ErrTxnTooOld, wire.ErrTxnTooOld},
	{engine.ErrTxnExpired, wire.ErrTxnExpired},
	{engine.ErrTxnDone, wire.ErrTxnDone},
	{engine.ErrTxnReadOnly, wire.ErrTxnReadOnly},
	{engine.ErrSavepoint, wire.ErrSavepoint},
	{engine.ErrNotFound, wire.ErrNotFound},
	{engine.ErrEmptyKey, wire.ErrEmptyKey},
	{engine.ErrKeyTooLarge, wire.ErrKeyTooLarge},
	{engine.ErrValueTooLarge, wire.ErrValueTooLarge},
	{engine.ErrBatchTooLarge, wire.ErrBatchTooLarge},
	{engine.ErrExists, wire.ErrExists},
	{engine.ErrSeqMismatch, wire.ErrSeqMismatch},
	{engine.ErrMergeOperator, wire.ErrMergeOperator},
	{engine.ErrInvalidTTL, wire.ErrInvalidTTL},
	{engine.ErrInvalidRange, wire.ErrInvalidRange},
	{engine.ErrKeyspaceMissing, wire.ErrKeyspaceMissing},
	{engine.ErrKeyspaceDropped, wire.ErrKeyspaceDropped},
	{engine.ErrKeyspaceName, wire.ErrKeyspaceName},
	{engine.ErrFeedTruncated, wire.ErrFeedTruncated},
	{engine.ErrReadOnly, wire.ErrReadOnly},
	{engine.ErrFailed, wire.ErrFailed},
	{engine.ErrNoSpace, wire.ErrNoSpace},
	{engine.ErrCorruption, wire.ErrCorruption},
	{engine.ErrLocked, wire.ErrDatabaseLocked},
	{engine.ErrDatabaseMissing, wire.ErrDatabaseMissing},
	{engine.ErrClosed, wire.ErrClosed},
	{engine.ErrInvalidConfig, wire.ErrInvalidArgument},
	// Requests cannot meet these: they are for who opens a database, or calls what the server does not.
	{engine.ErrNotDatabase, wire.ErrInternal},
	{engine.ErrNewerFormat, wire.ErrInternal},
	{engine.ErrOlderFormat, wire.ErrInternal},
	{engine.ErrTxnManaged, wire.ErrInternal},
	{engine.ErrNotIndexed, wire.ErrInternal},
	// Statements have errors of SQL, which fromSQL knows; these are for who calls the tables themselves.
	{engine.ErrNoTable, wire.ErrSQLName},
	{engine.ErrTableExists, wire.ErrSQLExists},
	{engine.ErrNoColumn, wire.ErrSQLName},
	{engine.ErrNoIndex, wire.ErrSQLName},
	{engine.ErrIndexExists, wire.ErrSQLExists},
	{engine.ErrRowNotFound, wire.ErrNotFound},
	{engine.ErrNotNull, wire.ErrSQLConstraint},
	{engine.ErrUnique, wire.ErrSQLConstraint},
	{engine.ErrCheck, wire.ErrSQLConstraint},
	{engine.ErrForeignKey, wire.ErrSQLConstraint},
	{engine.ErrIdentity, wire.ErrSQLData},
	{engine.ErrType, wire.ErrSQLData},
	{engine.ErrInUse, wire.ErrSQLInUse},
	{engine.ErrArguments, wire.ErrInvalidArgument},
	{engine.ErrEntryTooLong, wire.ErrSQLLimit},
	{context.DeadlineExceeded, wire.ErrTimeout},
	{context.Canceled, wire.ErrCanceled},
}

// toWire returns an error as clients get it.
func toWire(err error) *wire.Error {
	if e, ok := errors.AsType[*sqlstate.Error](err); ok {
		return fromSQL(e)
	}
	if errors.Is(err, engine.ErrCommitUnknown) { // even if it says, too, why nobody waited
		return wire.Errorf(wire.ErrCommitUnknown, "%v", err)
	}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e
	}
	if c, ok := errors.AsType[wire.Code](err); ok {
		return wire.Errorf(c, "%v", err)
	}
	e := wire.Errorf(wire.ErrInternal, "%v", err)
	for _, c := range codes {
		if errors.Is(err, c.err) {
			e = wire.Errorf(c.code, "%v", err)
			break
		}
	}
	if conflict, ok := errors.AsType[*engine.ConflictError](err); ok {
		e.Keyspace, e.Key, e.Seq = conflict.Keyspace, conflict.Key, conflict.Seq
	}
	if cut, ok := errors.AsType[*engine.FeedTruncatedError](err); ok {
		e.Next, e.Oldest, e.HasPosition = cut.Next, cut.Oldest, true
	}
	return e
}
