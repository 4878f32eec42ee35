package sqllogic

import (
	"errors"
	"regexp"
	"slices"

	"github.com/middb/middb/planner/sqlstate"
)

// A Difference is something that middb refuses on purpose where a record of SQLite's corpus wants an answer.
type Difference struct {
	Name string
	Why  string
	code sqlstate.Code
	sql  *regexp.Regexp // of the statement; nil: any
}

// Differences are all of them. PostgreSQL refuses the same, but for what Why says.
var Differences = []Difference{
	{
		"trigger", "there are no triggers",
		sqlstate.NotSupported, regexp.MustCompile(`(?is)^\s*(CREATE|DROP)\s+(TEMP(ORARY)?\s+)?TRIGGER\b`),
	},
	{
		"grouping", "a column beside aggregates must be grouped",
		sqlstate.GroupingError, nil,
	},
	{
		"division", "a division by zero is an error and not NULL",
		sqlstate.DivisionByZero, nil,
	},
	{
		"text is no number", "text is not compared with, added to or summed up as numbers without a cast",
		sqlstate.UndefinedFunction, regexp.MustCompile(`(?is)['"]|\b(sum|avg|total|abs|min|max)\s*\(|[<>=+*/-]|\bIN\b`),
	},
	{
		"text is no number", "text in quotes that is to be a number must be one",
		sqlstate.InvalidText, regexp.MustCompile(`'`),
	},
	{
		"length", "a text that is longer than its VARCHAR is refused and not stored as it is",
		sqlstate.StringTooLong, regexp.MustCompile(`'`),
	},
	{
		"update or", "there is no UPDATE OR; INSERT has ON CONFLICT",
		sqlstate.SyntaxError, regexp.MustCompile(`(?is)^\s*UPDATE\s+OR\b`),
	},
}

// consequence is a query that does not find what a statement was to write that was refused on purpose.
var consequence = Difference{Name: "consequence", Why: "what was refused before cannot be found"}

// value is a query whose values differ from those that the record wants.
var value = Difference{Name: "value", Why: "the value is another one, as in PostgreSQL"}

// AllDifferences returns Differences, what they lead to, and what single records differ in.
func AllDifferences() []Difference { return append(slices.Clone(Differences), consequence, value) }

// difference returns the difference that an error comes from, nil if it is none.
func difference(sql string, err error) *Difference {
	for i := range Differences {
		d := &Differences[i]
		if errors.Is(err, d.code) && (d.sql == nil || d.sql.MatchString(sql)) {
			return d
		}
	}
	return nil
}
