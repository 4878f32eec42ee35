package parser

import (
	"errors"
	"fmt"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
)

// checkError says what is wrong with an error about a text.
func checkError(err error, text string) error {
	var e *sqlstate.Error
	switch {
	case !errors.As(err, &e):
		return fmt.Errorf("%q: the error has no code: %w", text, err)
	case len(e.Code) != 5, e.Message == "", e.Text != text, e.At < 0, e.At > len(text):
		return fmt.Errorf("%q: the error is not complete: %#v", text, e)
	}
	_ = e.Detail()
	return nil
}

// FuzzExpression has any text read: it is an expression, which prints to itself, or there is an error about a place.
func FuzzExpression(f *testing.F) {
	for _, c := range readings {
		f.Add(c.sql)
	}
	for _, c := range failures {
		f.Add(c.sql)
	}
	f.Add("\x00'\xff")
	f.Add("EXTRACT(\xec FROM 0)")
	f.Fuzz(func(t *testing.T, text string) {
		var trees int
		if err := printsToItself(text, &trees); err != nil {
			t.Fatal(err)
		}
	})
}
