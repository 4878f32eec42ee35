package session

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/opt"
	"github.com/middb/middb/planner/plan"
)

// A computation computes expressions of a row beside a plan: those of RETURNING and of ON CONFLICT.
type computation struct {
	text     string
	columns  []plan.Column // of the row
	items    []plan.Item
	programs []*expr.Program // nil: there are queries in them, and each row is computed by a plan of its own
}

func newComputation(text string, columns []plan.Column, items []plan.Item) *computation {
	c := &computation{text: text, columns: columns, items: items}
	places := map[expr.ColumnID]int{}
	for i, column := range columns {
		places[column.ID] = i
	}
	nodes := make([]*expr.Node, len(items))
	for i := range items {
		nodes[i] = items[i].Expr
	}
	programs, err := compile(nodes, places)
	if err == nil {
		c.programs = programs
	}
	return c
}

// returningOf returns what computes RETURNING, nil if there is none.
func returningOf(text string, r *plan.Returning) *computation {
	if r == nil {
		return nil
	}
	return newComputation(text, r.Columns, r.Items)
}

// output returns the columns that RETURNING gives, nil if there is none.
func (c *computation) output() []Column {
	if c == nil {
		return nil
	}
	var columns []plan.Column
	for i := range c.items {
		columns = append(columns, c.items[i].Column)
	}
	return columnsOf(columns)
}

// add adds what RETURNING gives of a row, and of the columns of other tables beside it. It does nothing if c is nil.
func (c *computation) add(x *execution, row func() []catalog.Value, extra []catalog.Value) error {
	if c == nil {
		return nil
	}
	values, err := c.compute(x, append(slices.Clone(row()), extra...))
	if err != nil {
		return err
	}
	for i := range values {
		values[i] = values[i].Clone() // the row is lent
	}
	x.returned = append(x.returned, values)
	return nil
}

// compute computes the expressions of a row.
func (c *computation) compute(x *execution, row []catalog.Value) ([]catalog.Value, error) {
	if c.programs == nil && len(c.items) > 0 {
		return c.query(x, row)
	}
	out := make([]catalog.Value, len(c.programs))
	for i, p := range c.programs {
		v, err := p.Eval(row, &x.env)
		if err != nil {
			return nil, inText(err, c.text)
		}
		out[i] = v
	}
	return out, nil
}

// query computes the expressions by a query over the row as it is.
func (c *computation) query(x *execution, row []catalog.Value) ([]catalog.Value, error) {
	constants := make([]*expr.Node, len(row))
	next := expr.ColumnID(0)
	for i, v := range row {
		constants[i] = expr.Constant(v, c.columns[i].Type)
		next = max(next, c.columns[i].ID)
	}
	q := &plan.Query{Text: c.text, NextID: 1 << 30, Parameters: x.plan.parameters}
	project := &plan.Project{Input: &plan.Rows{Output: c.columns, Rows: [][]*expr.Node{constants}}}
	for i, item := range c.items {
		item.Column.ID, item.Column.Type = q.NextID+expr.ColumnID(i), item.Expr.Type
		project.Items = append(project.Items, item)
		q.Output = append(q.Output, item.Column)
	}
	q.NextID += expr.ColumnID(len(c.items))
	q.Root = project
	physical, err := opt.Optimize(q, x.s.settings.planner.options())
	if err != nil {
		return nil, err
	}
	rows, err := exec.Run(physical, x.options())
	if err != nil {
		return nil, err
	}
	b, err := rows.Next(x.ctx)
	var out []catalog.Value
	if err == nil && b != nil && b.Rows() > 0 {
		at := 0
		if b.Sel != nil {
			at = int(b.Sel[0])
		}
		for _, v := range b.Columns {
			out = append(out, v.Value(at))
		}
	}
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	return out, err
}

// walkPlan calls f with all nodes of a plan, those of queries in expressions too.
func walkPlan(n plan.Node, f func(plan.Node)) {
	f(n)
	for _, e := range expressionsOf(n) {
		if e == nil {
			continue
		}
		e.Walk(func(e *expr.Node) bool {
			if sub, ok := e.Sub.(*plan.Subquery); ok {
				walkPlan(sub.Root, f)
			}
			return true
		})
	}
	for _, in := range n.Inputs() {
		walkPlan(in, f)
	}
}

// expressionsOf returns the expressions of a node; some may be nil.
func expressionsOf(n plan.Node) []*expr.Node {
	switch n := n.(type) {
	case *plan.Filter:
		return n.Conditions
	case *plan.Project:
		var all []*expr.Node
		for i := range n.Items {
			all = append(all, n.Items[i].Expr)
		}
		return all
	case *plan.Join:
		return n.On
	case *plan.Rows:
		return slices.Concat(n.Rows...)
	case *plan.Function:
		return n.Args
	case *plan.Limit:
		return []*expr.Node{n.Count, n.Offset}
	case *plan.Aggregate:
		return aggregated(n.Aggregates)
	case *plan.Window:
		var all []*expr.Node
		for _, w := range n.Functions {
			all = append(all, aggregated([]plan.Aggregation{w.Aggregation})...)
			all = append(all, w.Frame.Start.Offset, w.Frame.End.Offset)
		}
		return all
	default:
		return nil
	}
}

func aggregated(list []plan.Aggregation) []*expr.Node {
	var all []*expr.Node
	for _, a := range list {
		all = append(append(all, a.Args...), a.Filter)
	}
	return all
}
