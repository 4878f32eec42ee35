package opt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A shown is a node as EXPLAIN shows it.
type shown struct {
	node         physical.Node // nil: it is only a part of one
	title        string        // as text has it
	kind         string        // as JSON has it
	relationship string        // to the node above
	label        string        // a line before it; empty: none
	properties   []property
	below        []*shown
	measure      Measure
}

// A property is something about a node. Its value is a string, a number, a bool or a []string.
type property struct {
	name   string
	value  any
	hidden bool // from text, whose title says it
}

func (p property) text() string {
	switch v := p.value.(type) {
	case []string:
		return strings.Join(v, ", ")
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprint(v)
	}
}

func (s *shown) add(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	}
	s.properties = append(s.properties, property{name: name, value: value})
}

// hide adds what text shows in its title.
func (s *shown) hide(name string, value any) {
	s.properties = append(s.properties, property{name, value, true})
}

// An explainer makes what is shown of the nodes of a query.
type explainer struct {
	query   *physical.Query
	options *ExplainOptions
	names   map[expr.ColumnID]string
	numbers map[*physical.Subquery]int
	plans   int
}

func newExplainer(q *physical.Query, o *ExplainOptions) *explainer {
	e := &explainer{query: q, options: o, names: map[expr.ColumnID]string{}, numbers: map[*physical.Subquery]int{}}
	for _, c := range q.Commons {
		e.name(c.Root)
	}
	e.name(q.Root)
	return e
}

// name finds out how columns are called: as they are computed, if they have no table.
func (e *explainer) name(n physical.Node) {
	for _, in := range n.Inputs() {
		e.name(in)
	}
	var aggregates []plan.Aggregation
	switch n := n.(type) {
	case *physical.Project:
		for _, item := range n.Items {
			_, known := e.names[item.Column.ID]
			switch {
			case known:
			case item.Expr.Op == expr.OpColumn:
				e.names[item.Column.ID] = e.column(item.Expr.Column)
			case item.Expr.Op == expr.OpConstant:
				e.names[item.Column.ID] = item.Expr.String()
			default:
				e.names[item.Column.ID] = "(" + item.Expr.String() + ")"
			}
		}
	case *physical.HashAggregate:
		aggregates = n.Aggregates
	case *physical.SortAggregate:
		aggregates = n.Aggregates
	case *physical.Window:
		for i := range n.Functions {
			e.names[n.Functions[i].Column.ID] = "(" + e.call(&n.Functions[i].Aggregation) + " OVER (?))"
		}
	}
	for i := range aggregates {
		e.names[aggregates[i].Column.ID] = "(" + e.call(&aggregates[i]) + ")"
	}
	for _, c := range n.Columns() {
		if _, known := e.names[c.ID]; !known {
			e.names[c.ID] = expr.Column(c.ID, c.Type, c.Table, c.Name).String()
		}
	}
}

// call returns an aggregate function as SQL.
func (e *explainer) call(a *plan.Aggregation) string {
	args := make([]string, len(a.Args))
	for i, x := range a.Args {
		args[i] = x.String()
	}
	list := strings.Join(args, ", ")
	switch {
	case a.Function == "count" && len(args) == 0:
		list = "*"
	case a.Distinct:
		list = "DISTINCT " + list
	}
	if len(a.OrderBy) > 0 {
		list += " ORDER BY " + strings.Join(e.keys(a.OrderBy), ", ")
	}
	text := a.Function + "(" + list + ")"
	if a.Filter != nil {
		text += " FILTER (WHERE " + a.Filter.String() + ")"
	}
	return text
}

func (e *explainer) column(id expr.ColumnID) string {
	if name, ok := e.names[id]; ok {
		return name
	}
	return fmt.Sprintf("column %d", id)
}

func (e *explainer) columns(list []expr.ColumnID) []string {
	all := make([]string, len(list))
	for i, c := range list {
		all[i] = e.column(c)
	}
	return all
}

// keys returns what is sorted by.
func (e *explainer) keys(list []plan.Key) []string {
	all := make([]string, len(list))
	for i, k := range list {
		all[i] = e.column(k.Column)
		if k.Descending {
			all[i] += " DESC"
		}
		if k.Descending != k.NullsFirst {
			all[i] += map[bool]string{true: " NULLS FIRST", false: " NULLS LAST"}[k.NullsFirst]
		}
	}
	return all
}

// root returns what is shown of the query.
func (e *explainer) root() *shown {
	root := e.show(e.query.Root)
	var commons []*shown
	for _, c := range e.query.Commons {
		s := e.show(c.Root)
		s.relationship, s.label = "InitPlan", "CTE "+c.Name
		commons = append(commons, s)
	}
	root.below = append(commons, root.below...)
	if e.options.Statement != "" {
		root.relationship = "Outer"
		return &shown{title: e.options.Statement, kind: "ModifyTable", below: []*shown{root}}
	}
	return root
}

// show returns what is shown of a node and those below it.
func (e *explainer) show(n physical.Node) *shown {
	for {
		p, ok := n.(*physical.Project)
		if !ok || e.options.Verbose || slices.ContainsFunc(p.Items, func(i plan.Item) bool { return i.Expr.Op != expr.OpColumn }) {
			break
		}
		n = p.Input
	}
	s := &shown{node: n}
	if e.options.Measured != nil {
		s.measure, _ = e.options.Measured(n)
	}
	e.describe(s, n)
	if s.kind == "" {
		s.kind = s.title
	}
	if e.options.Verbose {
		s.add("Output", e.columns(ids(n.Columns())))
	}
	e.measured(s, n)
	inputs := n.Inputs()
	if h, ok := n.(*physical.HashJoin); ok && h.BuildLeft {
		inputs = []physical.Node{h.Right, h.Left} // what is looked up first, then the hash table
	}
	for i, in := range inputs {
		b := e.show(in)
		b.relationship = [...]string{"Outer", "Inner"}[min(i, 1)]
		if _, ok := n.(*physical.Append); ok {
			b.relationship = "Member"
		}
		s.below = append(s.below, b)
	}
	return s
}

// measured adds what was measured besides time and rows.
func (e *explainer) measured(s *shown, n physical.Node) {
	if s.measure.Loops == 0 {
		return
	}
	if f, ok := n.(*physical.Filter); ok {
		if m, ok := e.options.Measured(f.Input); ok {
			s.add("Rows Removed by Filter", float64(m.Rows-s.measure.Rows))
		}
	}
	if s.measure.Memory > 0 {
		s.add("Memory Usage", kilobytes(s.measure.Memory))
	}
	if s.measure.Spilled > 0 {
		s.add("Disk Usage", kilobytes(s.measure.Spilled))
	}
}

func kilobytes(n int64) string { return fmt.Sprintf("%dkB", (n+1023)/1024) }

// conditions adds conditions as one.
func (e *explainer) conditions(s *shown, name string, list []*expr.Node) {
	if len(list) == 0 {
		return
	}
	s.add(name, "("+e.text(s, expr.And(list...))+")")
}

// text returns an expression, and puts the plans of its subqueries below the node.
func (e *explainer) text(s *shown, n *expr.Node) string {
	return n.Map(func(n *expr.Node) *expr.Node {
		sub, ok := n.Sub.(*physical.Subquery)
		if !ok {
			return n
		}
		with := *n
		with.Sub = namedPlan(e.subplan(s, sub))
		return &with
	}).String()
}

// subplan puts the plan of a subquery below the node if it is nowhere else, and returns its name.
func (e *explainer) subplan(s *shown, q *physical.Subquery) string {
	kind := "SubPlan"
	if len(q.Depends) == 0 {
		kind = "InitPlan"
	}
	number, done := e.numbers[q]
	if !done {
		e.plans++
		number = e.plans
		e.numbers[q] = number
		e.name(q.Root)
		b := e.show(q.Root)
		b.relationship, b.label = kind, fmt.Sprintf("%s %d", kind, number)
		s.below = append(s.below, b)
	}
	return fmt.Sprintf("%s %d", kind, number)
}

// A namedPlan is a subquery of which only the name is shown.
type namedPlan string

// Outer implements expr.Subplan.
func (namedPlan) Outer() []expr.ColumnID { return nil }

// String implements expr.Subplan.
func (p namedPlan) String() string { return string(p) }
