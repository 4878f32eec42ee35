package opt

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/planner/physical"
)

// planned returns the plan of a query over two tables.
func planned(t *testing.T, sql string) *physical.Query {
	t.Helper()
	c := tables{}
	c.create(t, "CREATE TABLE a (id BIGINT PRIMARY KEY, x BIGINT); CREATE TABLE b (id BIGINT PRIMARY KEY, y TEXT); CREATE INDEX b_y ON b (y)")
	q, err := c.query(sql)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Physical(q, nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMeasurementsAreShown(t *testing.T) {
	q := planned(t, "SELECT x FROM (SELECT x, count(*) AS c FROM a GROUP BY x) s WHERE c > 5")
	o := ExplainOptions{NoCosts: true, Planning: 1500 * time.Microsecond, Execution: 2 * time.Millisecond}
	o.Measured = func(n physical.Node) (Measure, bool) {
		switch n.(type) {
		case *physical.Filter:
			return Measure{Rows: 3, Loops: 1, Time: 7 * time.Microsecond}, true
		case *physical.HashAggregate:
			return Measure{Rows: 10, Loops: 2, Time: 2 * time.Millisecond, Memory: 5000, Spilled: 1}, true
		default:
			return Measure{}, false
		}
	}
	const want = `Filter (actual time=0.007 rows=3 loops=1)
  Filter: (s.c > 5)
  Rows Removed by Filter: 7
  ->  HashAggregate (actual time=1.000 rows=5 loops=2)
        Group Key: a.x
        Memory Usage: 5kB
        Disk Usage: 1kB
        ->  Seq Scan on a (never executed)
Planning Time: 1.500 ms
Execution Time: 2.000 ms
`
	if got := Explain(q, o); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := ExplainJSON(q, o); !strings.Contains(got, `"Actual Rows": 5`) || !strings.Contains(got, `"Planning Time": 1.500`) {
		t.Errorf("got\n%s", got)
	}
}

func TestJSONIsShown(t *testing.T) {
	q := planned(t, "SELECT * FROM a JOIN b ON a.id = b.id AND b.y <> 'it''s \"<é>' ORDER BY a.x")
	const want = `[
  {
    "Plan": {
      "Node Type": "ModifyTable",
      "Plans": [
        {
          "Node Type": "Sort",
          "Parent Relationship": "Outer",
          "Startup Cost": `
	got := ExplainJSON(q, ExplainOptions{Statement: "Insert on b"})
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var top []struct {
		Plan struct {
			Plans []struct {
				SortKey []string `json:"Sort Key"`
				Plans   []struct {
					NodeType string  `json:"Node Type"`
					JoinType string  `json:"Join Type"`
					Cond     string  `json:"Hash Cond"`
					Filter   string  `json:"Join Filter"`
					Rows     float64 `json:"Plan Rows"`
					Plans    []struct {
						Relation string `json:"Relation Name"`
						Alias    string
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(got), &top); err != nil {
		t.Fatal(err)
	}
	sort := top[0].Plan.Plans[0]
	if join := sort.Plans[0]; len(sort.SortKey) != 1 || sort.SortKey[0] != "a.x" || join.NodeType != "Hash Join" || join.JoinType != "Inner" ||
		join.Cond != "(a.id = b.id)" || join.Filter != `(b.y <> 'it''s "<é>')` || join.Plans[1].Relation != "b" {
		t.Errorf("got\n%s", got)
	}
}

func TestStatementsAreShown(t *testing.T) {
	q := planned(t, "SELECT * FROM a AS other")
	const want = "Insert on b\n  ->  Seq Scan on a other\n"
	if got := Explain(q, ExplainOptions{NoCosts: true, Statement: "Insert on b"}); got != want {
		t.Errorf("got %q", got)
	}
}
