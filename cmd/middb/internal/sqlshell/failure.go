package sqlshell

import (
	"errors"
	"fmt"
	"strings"

	"github.com/middb/middb/engine"
)

// A Failure is what went wrong in a line.
type Failure struct {
	File string // where the line is; may be empty
	Line int    // number of the line that is wrong, as far as is known; 0: nobody counts
	Err  error
	text string // what is wrong, with what to do about it
}

// Error returns the text: the place, what is wrong and, for SQL, the line with a caret and the hint.
func (f *Failure) Error() string {
	switch {
	case f.Line == 0:
		return f.text
	case f.File == "":
		return fmt.Sprintf("line %d: %s", f.Line, f.text)
	default:
		return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.text)
	}
}

// Unwrap returns the error.
func (f *Failure) Unwrap() error { return f.Err }

// Place returns the number of the line, 0 if nobody counts.
func (f *Failure) Place() int { return f.Line }

// failure makes an error one of a statement, or a command, that begins in a line.
func (s *Shell) failure(err error, line int) error {
	var f *Failure
	var e *engine.SQLError
	switch {
	case err == nil || errors.Is(err, ErrQuit) || errors.Is(err, ErrFailed) || errors.Is(err, ErrOutput) || errors.As(err, &f):
		return err
	case errors.As(err, &e):
		at, _ := e.Position()
		return &Failure{Line: line + max(at-1, 0)*min(line, 1), Err: err, text: Describe(e, line)}
	default:
		return &Failure{Line: line, Err: err, text: s.explain(err)}
	}
}

// Describe returns the text of an error of SQL for people: what is wrong, the line with a caret, the hint. The statement begins
// in a line of a file, or if that is 0 or 1 in its own first line.
func Describe(e *engine.SQLError, line int) string {
	moved := *e
	if line > 1 && e.At >= 0 && e.Text != "" {
		moved.Text, moved.At = strings.Repeat("\n", line-1)+e.Text, e.At+line-1
	}
	text := fmt.Sprintf("%s (SQLSTATE %s)", e.Message, string(e.Code))
	if detail := moved.Detail(); detail != "" {
		text += "\n" + detail
	}
	return text
}
