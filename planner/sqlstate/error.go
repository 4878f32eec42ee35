package sqlstate

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An Error says what is wrong with a piece of SQL, or went wrong when it ran.
type Error struct {
	Code    Code
	Message string // what is wrong, in one line
	Hint    string // what to do about it; may be empty
	At      int    // offset in Text, in bytes; negative: nowhere
	Text    string // the SQL; empty where nobody knew it
	Cause   error  // what it was made from; may be nil
	// What of the database it is about, as far as that is known; each may be empty.
	Table, Column, Constraint string
}

// New returns an error about a place in a text that its caller fills in.
func New(code Code, at int, format string, args ...any) *Error {
	return &Error{Code: code, At: at, Message: fmt.Sprintf(format, args...)}
}

// WithHint sets the hint and returns the error itself.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// In returns the error with its text, unless it has one.
func (e *Error) In(text string) *Error {
	if e.Text != "" {
		return e
	}
	with := *e
	with.Text = text
	return &with
}

// Error returns one line with everything but the caret.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	b.WriteString(" (SQLSTATE ")
	b.WriteString(string(e.Code))
	if line, column := e.Position(); line > 0 {
		fmt.Fprintf(&b, ", line %d, column %d", line, column)
	}
	b.WriteString(")")
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Is reports whether target is the code of e.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// Unwrap returns what the error was made from.
func (e *Error) Unwrap() error { return e.Cause }

// Position returns the line and the column of the place, in characters and from 1, or zeros if it has none.
func (e *Error) Position() (line, column int) {
	if e.Text == "" || e.At < 0 || e.At > len(e.Text) {
		return 0, 0
	}
	before := e.Text[:e.At]
	start := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}

// Around a place Detail shows so many characters at most.
const (
	shownBefore = 60
	shownAfter  = 40
)

// Detail returns the line of the place with a caret below it, and the hint, each if there is one.
func (e *Error) Detail() string {
	var b strings.Builder
	if line, _ := e.Position(); line > 0 {
		e.showPlace(&b, line)
	}
	if e.Hint != "" {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("HINT:  " + e.Hint)
	}
	return b.String()
}

func (e *Error) showPlace(b *strings.Builder, line int) {
	start := strings.LastIndexByte(e.Text[:e.At], '\n') + 1
	before := []rune(e.Text[start:e.At])
	rest, _, _ := strings.Cut(e.Text[e.At:], "\n")
	after := []rune(strings.TrimSuffix(rest, "\r"))
	head := fmt.Sprintf("LINE %d: ", line)
	if len(before) > shownBefore {
		before = before[len(before)-shownBefore:]
		head += "..."
	}
	tail := ""
	if len(after) > shownAfter {
		after, tail = after[:shownAfter], "..."
	}
	b.WriteString(head + string(before) + string(after) + tail + "\n")
	b.WriteString(strings.Repeat(" ", len(head)))
	for _, r := range before {
		if r != '\t' { // a tab stays one, so that the caret stands where the place does
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteByte('^')
}
