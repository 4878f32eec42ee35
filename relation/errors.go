package relation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/middb/middb/catalog"
)

// What errors of this package match with errors.Is.
var (
	ErrNoTable     = errors.New("there is no such table")
	ErrTableExists = errors.New("there is a table of this name already")
	ErrNoColumn    = errors.New("there is no such column")
	ErrNoIndex     = errors.New("there is no such index")
	ErrIndexExists = errors.New("there is an index of this name already")
	ErrRowNotFound = errors.New("there is no such row")
	ErrNoSequence  = errors.New("there is no such sequence")

	// The five below are matched by a *ConstraintError.
	ErrNotNull    = errors.New("the column may not be NULL")
	ErrUnique     = errors.New("the value is there already and must be unique")
	ErrCheck      = errors.New("the row does not satisfy a check")
	ErrForeignKey = errors.New("the foreign key does not hold")
	ErrIdentity   = errors.New("the column is GENERATED ALWAYS and takes no value")

	// ErrType is matched by a *catalog.TypeError.
	ErrType = catalog.ErrType
	// ErrInUse says that something cannot be dropped or changed since something else needs it.
	ErrInUse = catalog.ErrInUse
	// ErrArguments says that a call has the wrong number of values, or a key of the wrong length.
	ErrArguments = errors.New("the number of values is wrong")
	// ErrEntryTooLong says that a value is too long for an index that is kept in a B+Tree.
	ErrEntryTooLong = errors.New("the value is too long for an index")
	// ErrExhausted says that a sequence has given its last number.
	ErrExhausted = errors.New("the numbers of the sequence are used up")
	// ErrStalePlan says that a table has another schema than the one that a query was planned with.
	ErrStalePlan = errors.New("the table has another schema than the query was planned with")
	// ErrTooManyRows says that a table is too large for a change within one transaction.
	ErrTooManyRows = errors.New("the table has too many rows for this within a transaction")
	// ErrIndexDamaged says that an index does not agree with its table.
	ErrIndexDamaged = errors.New("the index does not agree with its table")
)

// A NameError says which table, column or index is not there, or is there already. It matches one of ErrNoTable,
// ErrTableExists, ErrNoColumn, ErrNoIndex, ErrIndexExists.
type NameError struct {
	Kind  error
	Table string
	Name  string // of the column or index; or empty
}

// Error implements error.
func (e *NameError) Error() string {
	hint := ""
	name := e.Name
	if name == "" {
		name = e.Table
	}
	missing := errors.Is(e.Kind, ErrNoTable) || errors.Is(e.Kind, ErrNoColumn) || errors.Is(e.Kind, ErrNoIndex)
	if missing && name != strings.ToLower(name) {
		hint = "; names are lower case, unless they were made in double quotes"
	}
	if e.Name == "" {
		return fmt.Sprintf("table %s: %v%s", e.Table, e.Kind, hint)
	}
	what := "index"
	if errors.Is(e.Kind, ErrNoColumn) {
		what = "column"
	}
	return fmt.Sprintf("table %s, %s %s: %v%s", e.Table, what, e.Name, e.Kind, hint)
}

// Unwrap returns the kind.
func (e *NameError) Unwrap() error { return e.Kind }

// A ConstraintError says which constraint a row would violate. It matches one of ErrNotNull, ErrUnique, ErrCheck,
// ErrForeignKey, ErrIdentity.
type ConstraintError struct {
	Kind       error
	Table      string
	Constraint string          // its name; empty for NOT NULL; "primary key" for that
	Columns    []string        // that it is about
	Values     []catalog.Value // of the columns; for a check those of the whole row
	Other      string          // foreign key: the table on the other side
	Keys       [][]catalog.Value
	Why        string // more, or empty
}

// Error implements error.
func (e *ConstraintError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s", e.Table)
	if len(e.Columns) > 0 && !errors.Is(e.Kind, ErrCheck) {
		fmt.Fprintf(&b, ", (%s) = (%s)", strings.Join(e.Columns, ", "), formatValues(e.Values))
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Constraint != "" {
		fmt.Fprintf(&b, " (%s)", e.Constraint)
	}
	if e.Why != "" {
		fmt.Fprintf(&b, ": %s", e.Why)
	}
	for i, k := range e.Keys {
		sep := " and "
		if i == 0 {
			sep = ": rows "
		}
		fmt.Fprintf(&b, "%s(%s)", sep, formatValues(k))
	}
	return b.String()
}

// Unwrap returns the kind.
func (e *ConstraintError) Unwrap() error { return e.Kind }

// formatValues prints values for people, long ones cut short.
func formatValues(values []catalog.Value) string {
	const most = 60
	var parts []string
	for _, v := range values {
		s := v.String()
		if len(s) > most {
			s = strings.ToValidUTF8(s[:most], "") + "..."
		}
		parts = append(parts, strings.Clone(s)) // Join returns a single one as it is
	}
	return strings.Join(parts, ", ")
}
