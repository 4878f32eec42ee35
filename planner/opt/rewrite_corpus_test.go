package opt

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// rewritten rewrites a query in several ways and checks what comes out.
func rewritten(q *plan.Query, o *Options) (*plan.Query, error) {
	made, _ := Rewrite(q, o)
	if err := checkPlan(made); err != nil {
		return nil, err
	}
	_, err := Physical(made, o)
	return made, err
}

func TestTPCHIsRewritten(t *testing.T) {
	dir := environment.Shared(t, "tpch")
	schema, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	c := tables{}
	c.create(t, string(schema))
	for name, rows := range map[string]float64{
		"lineitem": 6e6, "orders": 1.5e6, "partsupp": 8e5, "part": 2e5, "customer": 1.5e5, "supplier": 1e4, "nation": 25, "region": 5,
	} {
		c[name].Rows = rows
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
		q, err := c.query(strings.TrimSuffix(strings.TrimSpace(string(sql)), ";"))
		if errors.Is(err, sqlstate.NotSupported) {
			t.Logf("%s: %v", file, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		began := time.Now()
		made, err := rewritten(q, nil)
		if err != nil {
			t.Errorf("%s: %v\n%s", file, err, plan.Format(q.Root))
			continue
		}
		text := plan.Format(made.Root)
		t.Logf("%s: %v\n%s", file, time.Since(began), text)
		if strings.Contains(text, " of #") {
			t.Errorf("%s: there is still a subquery that depends on rows around it", file)
		}
	}
}

// TestSQLLogicTestIsRewritten rewrites what the corpus has, and plans it.
func TestSQLLogicTestIsRewritten(t *testing.T) {
	t.Parallel()
	dir := environment.Shared(t, "sqllogictest")
	seen := 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".test" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c := tables{}
		for record := range strings.SplitSeq(strings.ReplaceAll(string(b), "\r", ""), "\n\n") {
			sql := statementOf(record)
			word, _, _ := strings.Cut(strings.ToUpper(sql), " ")
			switch word {
			case "CREATE":
				_ = c.createOne(sql) // views are not there, nor what reads them
			case "SELECT", "WITH":
				q, err := c.query(sql)
				if err != nil {
					continue
				}
				seen++
				if _, err = rewritten(q, nil); err != nil {
					t.Errorf("%s: %s: %v", path, sql, err)
				}
			}
		}
		return nil
	})
	if err != nil || seen < 50_000 {
		t.Errorf("saw %d statements: %v", seen, err)
	}
}

// statementOf returns the SQL of a record.
func statementOf(record string) string {
	lines := strings.Split(strings.TrimSpace(record), "\n")
	for i, line := range lines {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "statement" && words[1] == "error":
			return ""
		case words[0] == "statement", words[0] == "query":
			sql, _, _ := strings.Cut(strings.Join(lines[i+1:], "\n"), "\n----")
			return strings.TrimSpace(sql)
		}
	}
	return ""
}
