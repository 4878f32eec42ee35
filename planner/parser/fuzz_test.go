package parser

import (
	"errors"
	"fmt"
	"os"
	"strings"
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

// FuzzStatement has any text read as a statement, and as a program.
func FuzzStatement(f *testing.F) {
	for _, file := range []string{"testdata/statements.txt", "testdata/mistakes.txt"} {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(b), "\n\n") {
			sql, _, _ := strings.Cut(block, "\n")
			f.Add(sql)
		}
	}
	f.Add(`SELECT E'\';'; /* ; /* */ */ "a;b" -- ;`)
	f.Fuzz(func(t *testing.T, text string) {
		if err := printsToStatement(text, new(int)); err != nil {
			t.Fatal(err)
		}
		if err := checkParts(text); err != nil {
			t.Fatal(err)
		}
	})
}

// checkParts says what is wrong with the parts of a text, and with its statements.
func checkParts(text string) error {
	parts, end := Split(text), 0
	for i, part := range parts {
		if part.From < end || part.To <= part.From || part.To > len(text) || !part.Ended && i+1 < len(parts) {
			return fmt.Errorf("%q: part %d is %+v", text, i, part)
		}
		end = part.To
	}
	all, err := Program(text)
	if err != nil {
		return checkError(err, text)
	}
	if len(all) != len(parts) {
		return fmt.Errorf("%q: %d statements of %d parts", text, len(all), len(parts))
	}
	return nil
}
