package opt

import (
	"encoding/json"
	"errors"
	"fmt"
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

// waysToPlan are options that lead to different plans.
var waysToPlan = []*Options{
	nil,
	{NoRewrite: true},
	{NoIndex: true},
	{Join: HashJoins, Aggregate: HashAggregates},
	{Join: MergeJoins, Aggregate: SortAggregates},
	{Join: NestedLoops},
	{Join: IndexJoins},
	{NoUnnest: true, Aggregate: SortAggregates},
	{NoReorder: true},
}

// planAll plans a query in the n-th of the ways, and checks the plan and what is shown of it.
func planAll(t *testing.T, sql string, q *plan.Query, n int) {
	t.Helper()
	o := waysToPlan[n%len(waysToPlan)]
	got, err := Optimize(q, o)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return
	}
	verify(t, sql, q, got)
	text := Explain(got, ExplainOptions{Verbose: n%2 == 0})
	if strings.Contains(text, "column ") && strings.Contains(text, "planner") || !json.Valid([]byte(ExplainJSON(got, ExplainOptions{}))) {
		t.Errorf("%s: it is shown as\n%s", sql, text)
	}
}

func TestPlansOfTPCHMakeSense(t *testing.T) {
	dir := environment.Shared(t, "tpch")
	script, err := os.ReadFile(filepath.Join(dir, "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	c := tables{}
	c.create(t, string(script))
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
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sql := strings.TrimSuffix(strings.TrimSpace(string(b)), ";")
		q, err := c.query(sql)
		if errors.Is(err, sqlstate.NotSupported) {
			t.Logf("%s: %v", file, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for i := range waysToPlan {
			planAll(t, sql, q, i)
		}
		got, err := Optimize(q, nil)
		if err == nil {
			t.Logf("%s\n%s", file, Explain(got, ExplainOptions{}))
		}
	}
}

// TestPlansOfSQLLogicTestMakeSense plans the queries of the corpus.
func TestPlansOfSQLLogicTestMakeSense(t *testing.T) {
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
			sql := sqlOf(record)
			switch word, _, _ := strings.Cut(strings.ToUpper(sql), " "); word {
			case "CREATE":
				_ = c.createOne(sql) // views are not there, nor what reads them
			case "SELECT", "WITH":
				if q, err := c.query(sql); err == nil {
					planAll(t, sql, q, seen)
					seen++
				}
			}
		}
		return nil
	})
	if err != nil || seen < 50_000 {
		t.Errorf("saw %d queries: %v", seen, err)
	}
}

// sqlOf returns the SQL of a record that is not to fail.
func sqlOf(record string) string {
	lines := strings.Split(strings.TrimSpace(record), "\n")
	for i, line := range lines {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "statement" && words[0] != "query" {
			continue
		}
		if words[1] == "error" {
			return ""
		}
		sql, _, _ := strings.Cut(strings.Join(lines[i+1:], "\n"), "\n----")
		return strings.TrimSpace(sql)
	}
	return ""
}

// A join of 64 tables that were written with commas must be planned in milliseconds.
func TestManyTablesArePlannedQuickly(t *testing.T) {
	c := tables{}
	var from, where []string
	for i := range 64 {
		c.create(t, fmt.Sprintf("CREATE TABLE t%d (id BIGINT PRIMARY KEY, a BIGINT, b BIGINT); CREATE INDEX t%d_a ON t%d (a)", i, i, i))
		from = append(from, fmt.Sprintf("t%d", i))
		if i > 0 {
			where = append(where, fmt.Sprintf("t%d.a = t%d.id", i-1, i))
		}
	}
	sql := "SELECT * FROM " + strings.Join(from, ", ") + " WHERE " + strings.Join(where, " AND ") + " ORDER BY t0.b LIMIT 10"
	q, err := c.query(sql)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	got, err := Optimize(q, nil)
	took := time.Since(began)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, sql, q, got)
	if t.Logf("it took %v", took); took > 500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}
