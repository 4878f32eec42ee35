package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var minMax = &Rule{
	Name: "min-max",
	Doc: "Several MIN and MAX of columns that have indexes, without GROUP BY, are computed one by one, each by the first row of " +
		"its index. A single one is left to physical planning.",
	when: hasAggregate,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			a, ok := n.(*plan.Aggregate)
			if !ok || len(a.Groups) > 0 || len(a.Aggregates) < 2 || len(a.Aggregates) > 4 || c.options.NoIndex {
				return n
			}
			return c.extremes(a)
		})
	},
}

func (c *context) extremes(n *plan.Aggregate) plan.Node {
	scan, filter := (*plan.Scan)(nil), (*plan.Filter)(nil)
	switch in := n.Input.(type) {
	case *plan.Scan:
		scan = in
	case *plan.Filter:
		filter = in
		scan, _ = in.Input.(*plan.Scan)
	}
	if scan == nil || filter != nil && (anyVolatile(filter.Conditions) || hasSubqueryIn(filter.Conditions)) {
		return n
	}
	for i := range n.Aggregates {
		a := &n.Aggregates[i]
		if a.Function != "min" && a.Function != "max" || a.Filter != nil || !isColumn(a.Args[0]) || !firstOfIndex(scan, filter, a.Args[0].Column) {
			return n
		}
	}
	p := &plan.Project{Input: &plan.Rows{Rows: [][]*expr.Node{{}}}}
	for i := range n.Aggregates {
		a := n.Aggregates[i]
		made := a
		made.Column = c.newColumn(a.Column)
		p.Items = append(p.Items, plan.Item{Column: a.Column, Expr: c.alone(&made, scan, filter)})
	}
	return p
}

// alone returns a query for one aggregate, with columns of its own.
func (c *context) alone(a *plan.Aggregation, scan *plan.Scan, filter *plan.Filter) *expr.Node {
	copied := *scan
	copied.Output = append([]plan.Column{}, scan.Output...)
	m := substitution{}
	for i := range copied.Output {
		copied.Output[i] = c.newColumn(copied.Output[i])
		m[scan.Output[i].ID] = columnNode(&copied.Output[i])
	}
	var in plan.Node = &copied
	if filter != nil {
		in = &plan.Filter{Input: in, Conditions: m.inList(filter.Conditions)}
	}
	a.Args = m.inList(a.Args)
	root := &plan.Aggregate{Input: in, Aggregates: []plan.Aggregation{*a}}
	e := &expr.Node{Op: expr.OpSubquery, At: a.Args[0].At, Type: a.Column.Type}
	return withSubquery(e, &plan.Subquery{Root: root, Output: []expr.ColumnID{a.Column.ID}, Text: a.Function})
}

// firstOfIndex reports whether a key of a table begins with a column, behind columns that conditions fix.
func firstOfIndex(s *plan.Scan, f *plan.Filter, id expr.ColumnID) bool {
	var fixed idSet
	if f != nil {
		fixed = determined(nil, f.Conditions, produced(s))
	}
	t := s.Relation.Table
	leads := func(key []catalog.IndexColumn) bool {
		for _, k := range key {
			for i, place := range s.Places {
				if place == plan.HiddenRowID || t.Columns[place].ID != k.Column {
					continue
				}
				if s.Output[i].ID == id {
					return true
				}
				if !fixed.has(s.Output[i].ID) {
					return false
				}
			}
		}
		return false
	}
	if leads(t.PrimaryKey) {
		return true
	}
	for i := range t.Indexes {
		if t.Indexes[i].State == catalog.Ready && leads(t.Indexes[i].Columns) {
			return true
		}
	}
	return false
}
