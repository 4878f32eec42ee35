package bind

import (
	"fmt"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A checker holds a plan to what package plan promises.
type checker struct {
	made    map[expr.ColumnID]plan.Node // every column is made once
	commons map[int]int                 // numbers of queries of a WITH, and how many columns they have
	work    map[int]int                 // of recursive queries
}

func checkQuery(q *plan.Query) error {
	c := &checker{map[expr.ColumnID]plan.Node{}, map[int]int{}, map[int]int{}}
	if err := c.node(q.Root, nil); err != nil {
		return fmt.Errorf("%w in\n%s", err, plan.Format(q.Root))
	}
	for id := range c.made {
		if id >= q.NextID {
			return fmt.Errorf("column #%d is not below %d", id, q.NextID)
		}
	}
	return has("the output", q.Root.Columns(), idsIn(q.Output), nil)
}

func idsIn(columns []plan.Column) []expr.ColumnID {
	var all []expr.ColumnID
	for _, c := range columns {
		all = append(all, c.ID)
	}
	return all
}

// has reports which ids are neither among the columns nor around.
func has(what string, columns []plan.Column, ids, around []expr.ColumnID) error {
	for _, id := range ids {
		if !slices.Contains(around, id) && !slices.ContainsFunc(columns, func(c plan.Column) bool { return c.ID == id }) {
			return fmt.Errorf("%s: there is no column #%d", what, id)
		}
	}
	return nil
}

func (c *checker) node(n plan.Node, around []expr.ColumnID) error {
	inputs := n.Inputs()
	var columns []plan.Column
	for i, in := range inputs {
		inner := around
		if j, ok := n.(*plan.Join); ok && i == 1 && j.Lateral {
			inner = slices.Concat(around, idsIn(j.Left.Columns()))
		}
		if w, ok := n.(*plan.With); ok && i > 0 {
			c.commons[w.Common[i-1].Number] = len(w.Common[i-1].Output)
			defer delete(c.commons, w.Common[i-1].Number)
		}
		if r, ok := n.(*plan.Recursive); ok && i == 1 {
			c.work[r.Number] = len(r.Output)
			defer delete(c.work, r.Number)
		}
		if err := c.node(in, inner); err != nil {
			return err
		}
		columns = append(columns, in.Columns()...)
	}
	return c.operator(n, columns, around)
}

func (c *checker) operator(n plan.Node, in []plan.Column, around []expr.ColumnID) error {
	what := fmt.Sprintf("%T", n)
	exprs, ids, made := parts(n)
	for _, e := range exprs {
		if err := c.expression(what, e, in, around); err != nil {
			return err
		}
	}
	if err := has(what, in, ids, nil); err != nil {
		return err
	}
	for _, col := range made {
		if _, ok := c.made[col.ID]; ok || col.ID == 0 {
			return fmt.Errorf("%s: column #%d is made twice", what, col.ID)
		}
		c.made[col.ID] = n
		if col.Type.Kind == 0 {
			return fmt.Errorf("%s: column #%d has no type", what, col.ID)
		}
	}
	switch n := n.(type) {
	case *plan.SetOperation:
		if err := has(what, n.Left.Columns(), n.LeftColumns, nil); err != nil {
			return err
		}
		for i := range n.Output {
			l, r := typeOf(n.Left, n.LeftColumns[i]), typeOf(n.Right, n.RightColumns[i])
			if l != r || l != n.Output[i].Type.Kind {
				return fmt.Errorf("%s: column %d has kinds %d and %d", what, i, l, r)
			}
		}
		return has(what, n.Right.Columns(), n.RightColumns, nil)
	case *plan.Reference:
		if width, ok := c.commons[n.Number]; !ok || width != len(n.Output) {
			return fmt.Errorf("%s: %d is not there", what, n.Number)
		}
	case *plan.WorkTable:
		if width, ok := c.work[n.Number]; !ok || width != len(n.Output) {
			return fmt.Errorf("%s: %d is not there", what, n.Number)
		}
	case *plan.Rows:
		for _, row := range n.Rows {
			if len(row) != len(n.Output) {
				return fmt.Errorf("%s: a row has %d values, not %d", what, len(row), len(n.Output))
			}
		}
	}
	return nil
}

func typeOf(n plan.Node, id expr.ColumnID) any {
	for _, c := range n.Columns() {
		if c.ID == id {
			return c.Type.Kind
		}
	}
	return nil
}

// parts returns the expressions of an operator, the columns that it names otherwise, and those that it makes.
func parts(n plan.Node) (exprs []*expr.Node, ids []expr.ColumnID, made []plan.Column) {
	aggregation := func(a *plan.Aggregation) {
		exprs = append(append(exprs, a.Args...), a.Filter)
		ids = append(ids, keysIn(a.OrderBy)...)
		made = append(made, a.Column)
	}
	switch n := n.(type) {
	case *plan.Scan:
		made = n.Output
	case *plan.Rows:
		for _, row := range n.Rows {
			exprs = append(exprs, row...)
		}
		made = n.Output
	case *plan.Function:
		exprs, made = n.Args, n.Output
	case *plan.Filter:
		exprs = n.Conditions
	case *plan.Project:
		for _, it := range n.Items {
			exprs = append(exprs, it.Expr)
			if it.Expr.Op != expr.OpColumn || it.Expr.Column != it.Column.ID {
				made = append(made, it.Column)
			}
		}
	case *plan.Join:
		exprs = n.On
	case *plan.Aggregate:
		ids = slices.Clone(n.Groups)
		for i := range n.Aggregates {
			aggregation(&n.Aggregates[i])
		}
	case *plan.Window:
		ids = slices.Concat(n.PartitionBy, keysIn(n.OrderBy))
		for i := range n.Functions {
			aggregation(&n.Functions[i].Aggregation)
		}
	case *plan.Distinct:
		ids = n.On
	case *plan.Sort:
		ids = keysIn(n.Keys)
	case *plan.Limit:
		exprs, ids = []*expr.Node{n.Count, n.Offset}, keysIn(n.Keys)
	case *plan.SetOperation:
		made = n.Output
	case *plan.Reference:
		made = n.Output
	case *plan.Recursive:
		made = n.Output
	case *plan.WorkTable:
		made = n.Output
	}
	return exprs, ids, made
}

func keysIn(keys []plan.Key) []expr.ColumnID {
	var all []expr.ColumnID
	for _, k := range keys {
		all = append(all, k.Column)
	}
	return all
}

// expression checks that an expression names only what there is, and has a type.
func (c *checker) expression(what string, e *expr.Node, in []plan.Column, around []expr.ColumnID) (err error) {
	if e == nil {
		return nil
	}
	if err = has(what, in, e.Columns(), around); err != nil {
		return err
	}
	e.Walk(func(x *expr.Node) bool {
		s, ok := x.Sub.(*plan.Subquery)
		if !ok || err != nil {
			return err == nil
		}
		if err = c.node(s.Root, s.Depends); err == nil {
			err = has("a query in an expression", s.Root.Columns(), s.Output, nil)
		}
		if wants := map[expr.Op]int{expr.OpSubquery: 1, expr.OpExists: 0, expr.OpAny: len(x.Args), expr.OpAll: len(x.Args)}; err == nil && len(s.Output) != wants[x.Op] {
			err = fmt.Errorf("a query in an expression gives %d columns, not %d", len(s.Output), wants[x.Op])
		}
		return err == nil
	})
	return err
}
