package bind

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

func TestTPCHIsBound(t *testing.T) {
	dir := environment.Shared(t, "tpch")
	schema, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	c := newTables()
	if err = c.run(string(schema)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "queries", "*.sql"))
	if err != nil || len(files) != 22 {
		t.Fatalf("found %d queries: %v", len(files), err)
	}
	for _, file := range files {
		sql, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSuffix(strings.TrimSpace(string(sql)), ";")
		b, err := bindText(c, text)
		if err == nil {
			err = checkQuery(b.source)
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSQLLogicTestIsBound binds what the corpus has. A few statements are mistakes in PostgreSQL too.
func TestSQLLogicTestIsBound(t *testing.T) {
	t.Parallel()
	dir := environment.Shared(t, "sqllogictest")
	bound, refused := 0, 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".test" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c := newTables()
		for record := range strings.SplitSeq(strings.ReplaceAll(string(b), "\r", ""), "\n\n") {
			sql := statementOf(record)
			word, _, _ := strings.Cut(strings.ToUpper(sql), " ")
			switch word {
			case "CREATE", "DROP":
				if err := c.run(sql); err != nil && !errors.Is(err, sqlstate.NotSupported) {
					t.Logf("%s: %s: %v", path, sql, err)
				}
			case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE":
				q, err := bindText(c, sql)
				if err == nil {
					bound++
					if err = checkQuery(q.source); err != nil {
						t.Errorf("%s: %s: %v", path, sql, err)
					}
					continue
				}
				if refused++; errors.Is(err, sqlstate.InternalError) {
					t.Errorf("%s: %s: %v", path, sql, err)
				}
				if refused <= 100 {
					t.Logf("%s: %s: %v", path, sql, err)
				}
			}
		}
		return nil
	})
	if err != nil || bound < 80_000 || refused > 100 {
		t.Errorf("bound %d statements, refused %d: %v", bound, refused, err)
	}
}

// statementOf returns the SQL of a record that PostgreSQL is to run without an error, or nothing.
func statementOf(record string) string {
	lines := strings.Split(strings.TrimSpace(record), "\n")
	for i, line := range lines {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "onlyif" && words[1] != "postgresql", words[0] == "skipif" && words[1] == "postgresql" && strings.Contains(line, "GROUP BY"):
			return ""
		case words[0] == "statement" && words[1] == "error":
			return ""
		case words[0] == "statement", words[0] == "query":
			sql, _, _ := strings.Cut(strings.Join(lines[i+1:], "\n"), "\n----")
			return strings.TrimSpace(sql)
		}
	}
	return ""
}
