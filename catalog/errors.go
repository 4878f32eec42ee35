package catalog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What errors of this package match with errors.Is.
var (
	// ErrType is matched by every *TypeError.
	ErrType = errors.New("the value does not have the type that was expected")
	// ErrDamaged is matched by every *DamageError: stored bytes that are no row, key or schema.
	ErrDamaged = errors.New("stored bytes are damaged")
	// ErrSchema is matched by all errors about schemas; those below say more.
	ErrSchema = errors.New("the schema is not possible")
	// ErrUnknown is matched if a table does not have what was named.
	ErrUnknown = errors.New("no such name")
	// ErrDuplicate is matched if a table already has what was named.
	ErrDuplicate = errors.New("the name is taken")
	// ErrInUse is matched if something cannot be dropped or changed because another part of the schema uses it.
	ErrInUse = errors.New("something else in the schema uses it")
)

// A TypeError says that a value cannot become one of a type. It matches ErrType.
type TypeError struct {
	Table, Column string // filled in by those who know them
	Expected      Type
	Given         string // such as: text "abc"
	Why           string // what is wrong, if it is not the kind; or empty
}

// Error says where the value should have gone, what was expected there and what was given.
func (e *TypeError) Error() string {
	var sb strings.Builder
	sb.WriteString(place(e.Table, e.Column))
	fmt.Fprintf(&sb, "expected %s, given %s", e.Expected, e.Given)
	if e.Why != "" {
		sb.WriteString(": " + e.Why)
	}
	return sb.String()
}

// newTypeError returns the error for a value that cannot become one of type t.
func newTypeError(t Type, given, why string) error {
	if why == whyType {
		why = ""
	}
	return &TypeError{Expected: t, Given: given, Why: why}
}

// Is reports whether target is ErrType.
func (e *TypeError) Is(target error) bool { return target == ErrType }

// At fills in the table and the column of a *TypeError that does not have them yet, and returns err.
func At(err error, table, column string) error {
	var e *TypeError
	if errors.As(err, &e) && e.Table == "" && e.Column == "" {
		e.Table, e.Column = table, column
	}
	return err
}

// place returns the beginning of an error's text.
func place(table, column string) string {
	var parts []string
	if table != "" {
		parts = append(parts, "table "+table)
	}
	if column != "" {
		parts = append(parts, "column "+column)
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

// A DamageError says that stored bytes are no row, key or schema of the table. It matches ErrDamaged.
type DamageError struct {
	Table, Column string // as far as they are known
	What          string // row, key or schema
	Offset        int    // from the beginning of those bytes
	Why           string
}

// Error says where the damage is and what it looks like.
func (e *DamageError) Error() string {
	return place(e.Table, e.Column) + "the stored " + e.What + " is damaged at byte " + strconv.Itoa(e.Offset) + ": " + e.Why
}

// Is reports whether target is ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// A schemaError matches ErrSchema and one that says more, if there is one.
type schemaError struct {
	table string
	why   string
	kind  error
}

func (e *schemaError) Error() string        { return place(e.table, "") + e.why }
func (e *schemaError) Is(target error) bool { return target == ErrSchema || target == e.kind }

// wrong returns an error about the schema. The kind may be nil.
func (t *Table) wrong(kind error, format string, args ...any) error {
	return &schemaError{table: t.Name, why: fmt.Sprintf(format, args...), kind: kind}
}
