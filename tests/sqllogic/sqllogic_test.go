package sqllogic

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A script answers each statement in turn.
type script struct {
	t     *testing.T
	steps []step
}

type step struct {
	sql  string
	rows [][]catalog.Value
	err  error
}

func (s *script) take(sql string) step {
	if len(s.steps) == 0 {
		s.t.Fatalf("nothing more was expected, but %q came", sql)
	}
	first := s.steps[0]
	if s.steps = s.steps[1:]; first.sql != sql {
		s.t.Fatalf("got %q, want %q", sql, first.sql)
	}
	return first
}

func (s *script) Exec(_ context.Context, sql string) error { return s.take(sql).err }

func (s *script) Query(_ context.Context, sql string) ([][]catalog.Value, error) {
	step := s.take(sql)
	return step.rows, step.err
}

const example = `# a file
hash-threshold 8

statement ok
CREATE TABLE t
 (a INTEGER)

onlyif mysql
statement ok
never

skipif postgresql # PostgreSQL requires AS when renaming output columns
query IRT rowsort label-1
SELECT 1
----
1
2.500
a@
10
NULL
(empty)

skipif postgresql # strict GROUP BY
query I nosort
never
----
1

query I valuesort label-1
SELECT 2
----
6 values hashing to 8a1f1a1f1a1f1a1f1a1f1a1f1a1f1a1f

statement error
SELECT 3

query I nosort
SELECT 4
----

query T nosort
SELECT 5
----
x

onlyif postgresql
halt

query I nosort
never
----
1
`

func TestRecordsAreRun(t *testing.T) {
	records, err := Read("example", strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	db := &script{t: t, steps: []step{
		{sql: "CREATE TABLE t\n (a INTEGER)"},
		{sql: "SELECT 1", rows: [][]catalog.Value{
			{catalog.Int(10), catalog.Null(), catalog.Str("")},
			{catalog.DecimalOf(199, 2), catalog.Float(2.5), catalog.Str("aé")},
		}},
		{sql: "SELECT 2", rows: [][]catalog.Value{{catalog.Int(1)}}},
		{sql: "SELECT 3", err: errors.New("no")},
		{sql: "SELECT 4", rows: [][]catalog.Value{{catalog.Int(1)}}},
		{sql: "SELECT 5", err: sqlstate.New(sqlstate.DivisionByZero, 0, "no")},
	}}
	res := Run(t.Context(), "example", records, db, Options{})
	if len(db.steps) != 0 {
		t.Errorf("not run: %v", db.steps)
	}
	if res.Passed != 3 || res.Failed != 2 || res.Skipped != 3 || res.Differences["division"] != 1 {
		t.Errorf("got %+v", res)
	}
	for i, want := range []string{"example:29: SELECT 2", "example:37: SELECT 4"} {
		if got := res.Failures[i].String(); !strings.HasPrefix(got, want) {
			t.Errorf("failure %d is %s", i, got)
		}
	}
}

func TestAnswersWithOneLabelAreEqual(t *testing.T) {
	records, err := Read("x", strings.NewReader("query I nosort a\nSELECT 1\n\nquery I nosort a\nSELECT 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	db := &script{t: t, steps: []step{
		{sql: "SELECT 1", rows: [][]catalog.Value{{catalog.Int(1)}}},
		{sql: "SELECT 2", rows: [][]catalog.Value{{catalog.Int(2)}}},
	}}
	if res := Run(t.Context(), "x", records, db, Options{}); res.Passed != 1 || res.Failed != 1 {
		t.Errorf("got %+v", res)
	}
}

func TestDigest(t *testing.T) {
	// printf '1\n2\n' | md5sum
	if got, want := digest([]string{"1", "2"}), "2 values hashing to 6ddb4095eb719e2a9f0a3f95677d24e0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestValuesAreShown(t *testing.T) {
	for _, c := range []struct {
		v    catalog.Value
		as   byte
		want string
	}{
		{catalog.Int(-7), 'I', "-7"},
		{catalog.Int(-7), 'R', "-7.000"},
		{catalog.DecimalOf(-199, 2), 'I', "-1"},
		{catalog.Float(-1.9), 'I', "-1"},
		{catalog.BoolOf(true), 'I', "1"},
		{catalog.BoolOf(false), 'I', "0"},
		{catalog.Str(" 12ab"), 'I', "12"},
		{catalog.Str("ab"), 'I', "0"},
		{catalog.DecimalOf(12345, 4), 'R', "1.234"},
		{catalog.Str("a\tb"), 'T', "a@b"},
		{catalog.Int(3), 'T', "3"},
		{catalog.Null(), 'T', "NULL"},
	} {
		if got := show(c.v, c.as); got != c.want {
			t.Errorf("%v as %c is %q, want %q", c.v, c.as, got, c.want)
		}
	}
}

func TestFilesThatAreWrongAreRefused(t *testing.T) {
	for _, text := range []string{
		"select 1", "statement maybe\nx", "query\nx", "query X\nx", "query I sometimes\nx", "onlyif", "hash-threshold x",
	} {
		if _, err := Read("file", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "file:1: ") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// parseDifference reads FILE:LINE, then the word value if the record differs in values, and a reason.
func parseDifference(line string) (name string, number int, isValue bool) {
	at, why, _ := strings.Cut(line, " ")
	name, digits, _ := strings.Cut(strings.TrimSpace(at), ":")
	number, err := strconv.Atoi(digits)
	if err != nil {
		return name, 0, false
	}
	return name, number, strings.HasPrefix(why, "value ")
}
