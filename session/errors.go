package session

import (
	"context"
	"errors"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// kinds says which code an error of relation or catalog has. The first one that matches counts.
var kinds = []struct {
	kind error
	code sqlstate.Code
}{
	{relation.ErrNotNull, sqlstate.NotNullViolation},
	{relation.ErrUnique, sqlstate.UniqueViolation},
	{relation.ErrCheck, sqlstate.CheckViolation},
	{relation.ErrForeignKey, sqlstate.ForeignKeyViolation},
	{relation.ErrIdentity, sqlstate.GeneratedAlways},
	{relation.ErrNoTable, sqlstate.UndefinedTable},
	{relation.ErrTableExists, sqlstate.DuplicateTable},
	{relation.ErrNoColumn, sqlstate.UndefinedColumn},
	{relation.ErrNoIndex, sqlstate.UndefinedObject},
	{relation.ErrNoSequence, sqlstate.UndefinedTable},
	{relation.ErrStalePlan, sqlstate.NotInState},
	{relation.ErrIndexExists, sqlstate.DuplicateTable},
	{relation.ErrEntryTooLong, sqlstate.TooLarge},
	{relation.ErrExhausted, sqlstate.SequenceExhausted},
	{relation.ErrTooManyRows, sqlstate.TooLarge},
	{relation.ErrIndexDamaged, sqlstate.DataCorrupted},
	{relation.ErrArguments, sqlstate.InvalidParameter},
	{relation.ErrRowNotFound, sqlstate.SerializationFailure},
	{catalog.ErrDamaged, sqlstate.DataCorrupted},
	{catalog.ErrInUse, sqlstate.StillDepended},
	{catalog.ErrUnknown, sqlstate.UndefinedColumn},
	{catalog.ErrDuplicate, sqlstate.DuplicateObject},
	{catalog.ErrSchema, sqlstate.InvalidTableDefinition},
}

// failure makes an error one of SQL, about a text.
func (s *Session) failure(ctx context.Context, err error, text string) error {
	if err == nil {
		return nil
	}
	if ctx != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return s.canceled(ctx, err, text)
	}
	var e *sqlstate.Error
	if errors.As(err, &e) {
		return e.In(text)
	}
	if code := s.db.Code(err); code != "" {
		return &sqlstate.Error{Code: code, Message: err.Error(), At: -1, Text: text, Cause: err}
	}
	if e = inData(err); e != nil {
		e.Text, e.At = text, -1
		return e
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return &sqlstate.Error{Code: k.code, Message: err.Error(), At: -1, Text: text, Cause: err}
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return s.canceled(ctx, err, text)
	}
	return &sqlstate.Error{Code: sqlstate.InternalError, Message: err.Error(), At: -1, Text: text, Cause: err}
}

// canceled returns the error of a statement whose context has ended.
func (s *Session) canceled(ctx context.Context, err error, text string) error {
	e := &sqlstate.Error{Code: sqlstate.QueryCanceled, Message: "the statement was cancelled", At: -1, Text: text, Cause: err}
	if ctx != nil && errors.Is(context.Cause(ctx), errTimeout) {
		e.Message = "the statement was cancelled: it took longer than statement_timeout"
	}
	return e
}

// inData returns the error of values that do not fit, or nil if it is not about that.
func inData(err error) *sqlstate.Error {
	if c, ok := errors.AsType[*relation.ConstraintError](err); ok {
		e := &sqlstate.Error{Code: sqlstate.InternalError, Message: err.Error(), Cause: err, Table: c.Table, Constraint: c.Constraint}
		for _, k := range kinds {
			if errors.Is(c.Kind, k.kind) {
				e.Code = k.code
				break
			}
		}
		if c.Constraint == "primary key" {
			e.Constraint = c.Table + "_pkey"
		}
		if len(c.Columns) == 1 {
			e.Column = c.Columns[0]
		}
		return e
	}
	if t, ok := errors.AsType[*catalog.TypeError](err); ok {
		return &sqlstate.Error{
			Code: typeCode(t), Message: err.Error(), Cause: err, Table: t.Table, Column: t.Column,
		}
	}
	if n, ok := errors.AsType[*relation.NameError](err); ok {
		e := &sqlstate.Error{Code: sqlstate.UndefinedTable, Message: err.Error(), Cause: err, Table: n.Table}
		for _, k := range kinds {
			if errors.Is(n.Kind, k.kind) {
				e.Code = k.code
				break
			}
		}
		return e
	}
	return nil
}

// typeCode returns the code of a value that is not one of a type.
func typeCode(t *catalog.TypeError) sqlstate.Code {
	switch {
	case strings.Contains(t.Why, "out of range"), strings.Contains(t.Why, "digits"):
		return sqlstate.OutOfRange
	case strings.Contains(t.Why, "character"):
		return sqlstate.StringTooLong
	case strings.Contains(t.Why, "UTF-8"):
		return sqlstate.BadCharacter
	case strings.HasPrefix(t.Given, "text"):
		return sqlstate.InvalidText
	default:
		return sqlstate.DatatypeMismatch
	}
}
