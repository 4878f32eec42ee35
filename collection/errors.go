package collection

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrTag is matched if a struct cannot be the row of a table: because of its tags, or of the type of a field.
	ErrTag = errors.New("the struct cannot be a row")
	// ErrMismatch is matched by every *MismatchError.
	ErrMismatch = errors.New("the struct and the table do not fit")
)

// A MismatchError says what a struct expects of a table and what was found there. It matches ErrMismatch.
type MismatchError struct {
	Table  string
	Field  string // type and name, such as main.User.Age; the type alone if it is about no field
	Column string // or empty
	// Expected and Found are in SQL or in words; Hint says what to do, or nothing.
	Expected, Found, Hint string
}

// Error implements error.
func (e *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s", e.Table)
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %s", e.Column)
	}
	fmt.Fprintf(&b, " for %s: %v: expected %s, found %s", e.Field, ErrMismatch, e.Expected, e.Found)
	if e.Hint != "" {
		fmt.Fprintf(&b, "; %s", e.Hint)
	}
	return b.String()
}

// Is makes a MismatchError match ErrMismatch.
func (*MismatchError) Is(target error) bool { return target == ErrMismatch }
