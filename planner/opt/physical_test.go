package opt

import (
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

var typeInt = catalog.Type{Kind: catalog.Int64}

// A maker makes logical plans.
type maker struct{ next expr.ColumnID }

// newTable returns a table of BIGINT columns, of which the first is the primary key.
func newTable(t *testing.T, name string, columns []string, indexes ...catalog.Index) *catalog.Table {
	t.Helper()
	d := &catalog.Table{ID: 1, Name: name, Version: 1, NextColumn: uint16(len(columns) + 1)}
	for i, c := range columns {
		d.Columns = append(d.Columns, catalog.Column{ID: uint16(i + 1), Name: c, Type: typeInt, NotNull: i == 0})
	}
	d.PrimaryKey = []catalog.IndexColumn{{Column: 1}}
	d.Indexes = indexes
	return d
}

func (m *maker) column(table, name string, t catalog.Type) plan.Column {
	m.next++
	return plan.Column{ID: m.next, Table: table, Name: name, Type: t}
}

// scan returns a Scan of all columns.
func (m *maker) scan(t *catalog.Table, rows float64) *plan.Scan {
	s := &plan.Scan{Relation: &plan.Relation{Table: t, Rows: rows}, Alias: t.Name}
	for i, c := range t.Columns {
		s.Output = append(s.Output, m.column(t.Name, c.Name, c.Type))
		s.Output[i].NotNull = c.NotNull
		s.Places = append(s.Places, i)
	}
	return s
}

func ref(n plan.Node, i int) *expr.Node {
	c := n.Columns()[i]
	return expr.Column(c.ID, c.Type, c.Table, c.Name)
}

func integer(n int64) *expr.Node { return expr.Constant(catalog.Int(n), typeInt) }

// explain plans a query and shows it without costs.
func explain(t *testing.T, n plan.Node, o *Options) string {
	t.Helper()
	q, err := Physical(&plan.Query{Root: n, Output: n.Columns()}, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, n, q.Root)
	return Explain(q, ExplainOptions{NoCosts: true})
}

// check checks that a physical plan gives the columns that the logical one promises.
func check(t *testing.T, want plan.Node, got physical.Node) {
	t.Helper()
	w, g := ids(want.Columns()), ids(got.Columns())
	for _, c := range w {
		if !slices.Contains(g, c) {
			t.Errorf("column %d is missing from %v", c, g)
		}
	}
}

func TestPlansOfOperators(t *testing.T) {
	m := &maker{}
	a, b := m.scan(newTable(t, "a", []string{"id", "x"}), 1000), m.scan(newTable(t, "b", []string{"id", "y"}), 100_000)
	filtered := &plan.Filter{Input: a, Conditions: []*expr.Node{expr.Equal(ref(a, 1), integer(5))}}
	join := &plan.Join{Left: a, Right: b, On: []*expr.Node{expr.Equal(ref(a, 1), ref(b, 1))}}
	count := &plan.Aggregate{
		Input: join, Groups: []expr.ColumnID{a.Output[1].ID},
		Aggregates: []plan.Aggregation{{Column: m.column("", "count", typeInt), Function: "count"}},
	}
	sort := &plan.Sort{Input: count, Keys: []plan.Key{{Column: a.Output[1].ID, Descending: true, NullsFirst: true}}}
	for _, c := range []struct {
		name string
		plan plan.Node
		want string
	}{
		{"filter", filtered, "Seq Scan on a\n  Filter: (a.x = 5)\n"},
		{"join", join, "Hash Join\n  Hash Cond: (a.x = b.y)\n  ->  Seq Scan on b\n  ->  Seq Scan on a\n"},
		{"limit", &plan.Limit{Input: sort, Count: integer(3)}, `Limit
  ->  Top-N Sort
        Sort Key: a.x DESC
        ->  HashAggregate
              Group Key: a.x
              ->  Hash Join
                    Hash Cond: (a.x = b.y)
                    ->  Seq Scan on b
                    ->  Seq Scan on a
`},
	} {
		if got := explain(t, c.plan, nil); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
