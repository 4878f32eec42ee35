package parser

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

var update = flag.Bool("update", false, "write the files of testdata")

// golden has blocks of testdata read: the first line of each is SQL, the others are what f returns for it.
func golden(t *testing.T, file string, f func(sql string) string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var written strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(string(b)), "\n\n") {
		sql, want, _ := strings.Cut(block, "\n")
		if strings.HasPrefix(sql, "#") {
			written.WriteString(block + "\n\n")
			continue
		}
		got := f(strings.ReplaceAll(sql, `\n`, "\n"))
		if got != want && !*update {
			t.Errorf("%s\ngot\n%s\nwant\n%s", sql, got, want)
		}
		written.WriteString(sql + "\n" + got + "\n\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(written.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Each statement prints as it should, and is the tree that it should be.
func TestGoldenTrees(t *testing.T) {
	golden(t, "testdata/statements.txt", func(sql string) string {
		s, err := Statement(sql)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			return err.Error()
		}
		if err = printsToStatement(sql, new(int)); err != nil {
			t.Error(err)
		}
		return "  " + s.String() + "\n  " + dumpStatement(s)
	})
}

// Each text is no statement, for the reason and at the place that are said.
func TestGoldenErrors(t *testing.T) {
	golden(t, "testdata/mistakes.txt", func(sql string) string {
		s, err := Statement(sql)
		if err == nil {
			t.Errorf("%s: was read as %s", sql, s)
			return s.String()
		}
		if err := checkError(err, sql); err != nil {
			t.Error(err)
		}
		var e *sqlstate.Error
		errors.As(err, &e)
		return fmt.Sprintf("ERROR %s: %s\n%s", e.Code, e.Message, e.Detail())
	})
}

// printsToStatement reads a text and, if it is a statement, what it prints as; and counts it.
func printsToStatement(text string, statements *int) error {
	s, err := Statement(text)
	if err != nil {
		return checkError(err, text)
	}
	*statements++
	printed := s.String()
	again, err := Statement(printed)
	if err != nil {
		return fmt.Errorf("%q prints as %q: %w", text, printed, err)
	}
	if dumpStatement(s) != dumpStatement(again) {
		return fmt.Errorf("%q prints as %q, which is another tree:\n%s\n%s", text, printed, dumpStatement(s), dumpStatement(again))
	}
	if again.String() != printed {
		return fmt.Errorf("%q prints as %q, and then as %q", text, printed, again)
	}
	return nil
}

// Whatever has a name is at the place where that is written.
func TestNodesKnowTheirPlace(t *testing.T) {
	b, err := os.ReadFile("testdata/statements.txt")
	if err != nil {
		t.Fatal(err)
	}
	places := 0
	for block := range strings.SplitSeq(string(b), "\n\n") {
		sql, _, _ := strings.Cut(block, "\n")
		const blanks = "        "
		if s, err := Statement(blanks + sql); err == nil {
			places += checkPlaces(t, blanks+sql, reflect.ValueOf(s))
		}
	}
	if places < 1000 {
		t.Errorf("only %d places were looked at", places)
	}
}

// checkPlaces looks at the places of everything below v, and returns how many there were.
func checkPlaces(t *testing.T, sql string, v reflect.Value) int {
	n := 0
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			break
		}
		if node, ok := v.Interface().(interface{ Place() int }); ok && v.Kind() == reflect.Pointer {
			if at := v.Elem().FieldByName("At"); node.Place() != int(at.Int()) {
				t.Errorf("%s: a %T says it is at %d, not %d", sql, node, node.Place(), at.Int())
			}
		}
		n += checkPlaces(t, sql, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			n += checkPlaces(t, sql, v.Index(i))
		}
	case reflect.Struct:
		if f := v.FieldByName("At"); f.IsValid() && !v.IsZero() {
			n++
			checkPlace(t, sql, int(f.Int()), v.Interface())
		}
		for i := range v.NumField() {
			n += checkPlaces(t, sql, v.Field(i))
		}
	default:
	}
	return n
}

func checkPlace(t *testing.T, sql string, at int, node any) {
	t.Helper()
	name := ""
	switch x := node.(type) {
	case ast.Name:
		name = x.Name
	case ast.Relation:
		name = x.Schema + x.Name
		if x.Schema != "" {
			name = x.Schema
		}
	case ast.Common:
		name = x.Name
	case ast.TableColumn:
		name = x.Name
	case ast.Column:
		name = x.Name
		if x.Table != "" {
			name = x.Table
		}
	}
	if at < 8 || at >= len(sql) || sql[at] == ' ' {
		t.Errorf("%s: a %T is at %d", sql, node, at)
		return
	}
	if rest := strings.ToLower(strings.TrimPrefix(sql[at:], `"`)); !strings.HasPrefix(rest, strings.ToLower(name)) {
		t.Errorf("%s: the %T %q is at %q", sql, node, name, sql[at:])
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string // what is not ended has ... behind it
	}{
		{"", nil},
		{" -- nothing\n /* at /* all */ */ ;; ", nil},
		{"SELECT 1", []string{"SELECT 1..."}},
		{"SELECT 1;", []string{"SELECT 1"}},
		{"SELECT 1; -- done", []string{"SELECT 1"}},
		{"SELECT 1; /* open", []string{"SELECT 1", "/* open..."}},
		{" SELECT 1 ;\n\nSELECT ';' ; x", []string{"SELECT 1", "SELECT ';'", "x..."}},
		{`SELECT 'it''s;', "a;""b", E'\';';`, []string{`SELECT 'it''s;', "a;""b", E'\';'`}},
		{`SELECT 'a\'; x`, []string{`SELECT 'a\'`, "x..."}},
		{`SELECT ne'a\'; x`, []string{`SELECT ne'a\'`, "x..."}},
		{"SELECT 'open;", []string{"SELECT 'open;..."}},
		{`SELECT "open;`, []string{`SELECT "open;...`}},
		{"SELECT 1 -- a;b\n, 2;", []string{"SELECT 1 -- a;b\n, 2"}},
		{"SELECT (1;", []string{"SELECT (1"}},
		{"a/b-c;", []string{"a/b-c"}},
	} {
		var got []string
		for _, part := range Split(c.text) {
			s := c.text[part.From:part.To]
			if !part.Ended {
				s += "..."
			}
			got = append(got, s)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestProgram(t *testing.T) {
	const text = "CREATE TABLE t (a INT);\nINSERT INTO t VALUES (?), (?);; SELECT ?, a FROM t"
	all, err := Program(text)
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d statements, %v", len(all), err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Statement.String()+" / "+text[s.From:s.To])
	}
	want := []string{
		"CREATE TABLE t (a BIGINT) / CREATE TABLE t (a INT)",
		"INSERT INTO t VALUES ($1), ($2) / INSERT INTO t VALUES (?), (?)",
		"SELECT $1, a FROM t / SELECT ?, a FROM t",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// An error in the second statement shows the whole line, and the first one is returned.
func TestProgramsStopAtAnError(t *testing.T) {
	all, err := Program("SELECT 1; SELECT (2 +; SELECT 3")
	var e *sqlstate.Error
	if len(all) != 1 || !errors.As(err, &e) {
		t.Fatalf("got %d statements, %v", len(all), err)
	}
	want := "LINE 1: SELECT 1; SELECT (2 +; SELECT 3\n" + strings.Repeat(" ", len("LINE 1: SELECT 1; SELECT (2 +")) +
		"^\nHINT:  the parenthesis in column 18 is not closed"
	if e.Detail() != want {
		t.Errorf("got\n%s\nwant\n%s", e.Detail(), want)
	}
}
