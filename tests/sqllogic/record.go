package sqllogic

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Record is a statement or a query of a file, with what it should do.
type Record struct {
	Line  int // from 1, of its first line
	Query bool
	SQL   string
	Error bool // of a statement: it fails

	// Of a query:
	Types string // a letter for each column: I, R or T
	Sort  SortMode
	Label string   // queries with the same label have the same answer; empty: none
	Want  []string // the values, or one line: N values hashing to MD5

	conditions []condition
}

// A SortMode says what order the values of an answer are compared in.
type SortMode uint8

// The sort modes.
const (
	NoSort SortMode = iota
	RowSort
	ValueSort
)

// A condition says which databases a record is for.
type condition struct {
	only     bool // onlyif; else skipif
	database string
	note     string
}

// runs reports whether the record is for middb, and for a plan.
func (r *Record) runs(plan string) bool {
	for _, c := range r.conditions {
		ours := c.database == dialect
		switch {
		case c.only && !ours, !c.only && plan != "" && c.database == plan:
			return false
		case !c.only && ours && strings.Contains(c.note, "GROUP BY"):
			return false
		}
	}
	return true
}

// dialect is the database of the corpus that middb answers like.
const dialect = "postgresql"

// A reader reads records.
type reader struct {
	name    string
	scanner *bufio.Scanner
	line    int
	text    string
	more    bool
	stopped bool // by halt
}

// Read returns the records of a file, whose name is for errors. What stands behind a halt that is for middb is left out.
func Read(name string, from io.Reader) ([]Record, error) {
	r := &reader{name: name, scanner: bufio.NewScanner(from)}
	r.scanner.Buffer(nil, 16<<20)
	r.next()
	var records []Record
	for r.more && !r.stopped {
		rec, err := r.record()
		if err != nil {
			return nil, err
		}
		if rec != nil {
			records = append(records, *rec)
		}
	}
	return records, r.scanner.Err()
}

func (r *reader) next() {
	if r.more = r.scanner.Scan(); r.more {
		r.line++
		r.text = strings.TrimRight(r.scanner.Text(), "\r")
	} else {
		r.text = ""
	}
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.name, r.line, fmt.Sprintf(format, args...))
}

// record reads what is up to the next blank line: nil if that is no statement and no query.
func (r *reader) record() (*Record, error) {
	var conditions []condition
	for r.more {
		line := r.text
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(line, "#") {
			r.next()
			continue
		}
		switch words[0] {
		case "onlyif", "skipif":
			if len(words) < 2 {
				return nil, r.errorf("%s wants the name of a database", words[0])
			}
			_, note, _ := strings.Cut(line, "#")
			conditions = append(conditions, condition{words[0] == "onlyif", words[1], note})
			r.next()
		case "halt":
			r.stopped = (&Record{conditions: conditions}).runs("")
			r.next()
			return nil, nil
		case "hash-threshold":
			if len(words) < 2 {
				return nil, r.errorf("hash-threshold wants a number")
			}
			if _, err := strconv.Atoi(words[1]); err != nil {
				return nil, r.errorf("hash-threshold wants a number, not %q", words[1])
			}
			r.next()
			return nil, nil
		case "statement":
			return r.statement(words, conditions)
		case "query":
			return r.query(words, conditions)
		default:
			return nil, r.errorf("there is no record %q: statement, query, skipif, onlyif, halt or hash-threshold", words[0])
		}
	}
	return nil, nil
}

// statement reads: statement ok|error, and SQL up to a blank line.
func (r *reader) statement(words []string, conditions []condition) (*Record, error) {
	if len(words) < 2 || words[1] != "ok" && words[1] != "error" {
		return nil, r.errorf("statement wants ok or error")
	}
	rec := &Record{Line: r.line, Error: words[1] == "error", conditions: conditions}
	rec.SQL = r.sql()
	return rec, nil
}

// query reads: query TYPES [SORT] [LABEL], SQL up to ----, and values up to a blank line.
func (r *reader) query(words []string, conditions []condition) (*Record, error) {
	rec := &Record{Line: r.line, Query: true, conditions: conditions}
	if len(words) < 2 || strings.Trim(words[1], "IRT") != "" {
		return nil, r.errorf("query wants types, as in: query IRT rowsort")
	}
	rec.Types = words[1]
	if len(words) > 2 {
		switch words[2] {
		case "nosort":
		case "rowsort":
			rec.Sort = RowSort
		case "valuesort":
			rec.Sort = ValueSort
		default:
			return nil, r.errorf("there is no sort mode %q: nosort, rowsort or valuesort", words[2])
		}
	}
	if len(words) > 3 && !strings.HasPrefix(words[3], "#") {
		rec.Label = words[3]
	}
	rec.SQL = r.sql()
	if r.text != "----" {
		return rec, nil // no answer is given: any will do
	}
	for r.next(); r.more && r.text != ""; r.next() {
		rec.Want = append(rec.Want, r.text)
	}
	if rec.Want == nil {
		rec.Want = []string{}
	}
	return rec, nil
}

// sql reads the lines behind the present one, up to a blank one or ----.
func (r *reader) sql() string {
	var lines []string
	for r.next(); r.more && r.text != "" && r.text != "----"; r.next() {
		lines = append(lines, r.text)
	}
	return strings.Join(lines, "\n")
}
