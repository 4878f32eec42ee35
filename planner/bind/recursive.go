package bind

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A recursion is a query of a WITH while the part of it is bound that names it.
type recursion struct {
	number int
	output []plan.Column
	names  int // how often it was named
}

// recursive reports whether the query names itself.
func (c *common) recursive() bool {
	_, ok := c.plan.Plan.(*plan.Recursive)
	return ok
}

// recursive binds a query of a WITH RECURSIVE that names itself.
func (b *binder) recursive(c *common) error {
	t := c.tree
	q := t.Query
	o, ok := q.Body.(*ast.SetOperation)
	switch {
	case !ok || o.Kind != ast.Union || mentions(o.Left, t.Name) > 0 || mentions(q.With, t.Name) > 0:
		return sqlstate.New(sqlstate.InvalidRecursion, t.At, "the recursive query %q must be of the form: without itself UNION [ALL] with itself", t.Name)
	case len(q.OrderBy) > 0 || q.Limit != nil || q.Offset != nil:
		return sqlstate.New(sqlstate.NotSupported, q.At, "a recursive query has neither ORDER BY nor LIMIT").
			WithHint("write them where it is used")
	}
	if err := b.enter(q.At); err != nil {
		return err
	}
	defer b.leave()
	inner := c.around
	w, err := b.with(q.With, inner, q.Body)
	if err != nil {
		return err
	}
	if w != nil {
		inner.with = w
	}
	n, err := b.recursion(c, o, inner)
	if err != nil {
		return err
	}
	src := &source{at: t.At, name: t.Name}
	for _, col := range n.Output {
		src.columns = append(src.columns, &column{col})
	}
	c.result = &relation{node: w.commons(n), sources: []*source{src}, columns: src.columns}
	b.keep(c)
	return nil
}

// recursion binds the two parts of a recursive query.
func (b *binder) recursion(c *common, o *ast.SetOperation, a around) (*plan.Recursive, error) {
	t := c.tree
	base, err := b.operand(o.Left, a)
	if err != nil {
		return nil, err
	}
	columns, err := b.close(base)
	if err != nil {
		return nil, err
	}
	if len(t.Columns) > len(columns) {
		return nil, sqlstate.New(sqlstate.InvalidColumnReference, t.Columns[len(columns)].At, "table %q has fewer columns (%d) than there are names (%d)", t.Name, len(columns), len(t.Columns))
	}
	b.commons++
	n := &plan.Recursive{Number: b.commons, Name: t.Name, Base: base.node, All: o.All}
	for i, col := range columns {
		n.BaseColumns = append(n.BaseColumns, col.ID)
		if i < len(t.Columns) {
			col.Name = t.Columns[i].Name
		}
		col.ID, col.Table, col.NotNull = b.id(), t.Name, false
		if col.Type.Kind == catalog.Decimal || col.Type.Kind == catalog.String {
			col.Type = catalog.Type{Kind: col.Type.Kind}
		}
		if !o.All {
			if err = hashable(col.Type, o.At, "UNION"); err != nil {
				return nil, err
			}
		}
		n.Output = append(n.Output, col)
	}
	c.working = &recursion{number: n.Number, output: n.Output}
	defer func() { c.working = nil }()
	a.with = &with{outer: a.with, tables: []*common{c}}
	return n, b.step(n, o, a)
}

// step binds the part of a recursive query that names it.
func (b *binder) step(n *plan.Recursive, o *ast.SetOperation, a around) error {
	step, err := b.operand(o.Right, a)
	if err != nil {
		return err
	}
	if len(step.items) != len(n.Output) {
		return sqlstate.New(sqlstate.SyntaxError, o.At, "the queries of UNION have %d and %d columns", len(n.Output), len(step.items))
	}
	for i := range step.items {
		it := &step.items[i]
		both := []*expr.Node{columnNode(&n.Output[i], it.at), it.expr}
		var t catalog.Type
		if t, err = b.types.Unify("UNION", both); err != nil {
			return err
		}
		if t.Kind != n.Output[i].Type.Kind {
			return sqlstate.New(sqlstate.DatatypeMismatch, it.at, "column %d of %q is %s at first, but %s in the recursive part", i+1, n.Name, n.Output[i].Type.Kind, t.Kind).
				WithHint("convert it in the first part: CAST(... AS %s)", t.Kind)
		}
		it.expr = both[1]
	}
	columns, err := b.close(step)
	if err != nil {
		return err
	}
	for i := range columns {
		n.StepColumns = append(n.StepColumns, columns[i].ID)
	}
	n.Step = step.node
	return nil
}

// workTable returns the rows that a recursive query has found last.
func (b *binder) workTable(c *common, a around, at int) (*relation, error) {
	if c.working.names++; c.working.names > 1 {
		return nil, sqlstate.New(sqlstate.InvalidRecursion, at, "the recursive query %q can name itself only once", c.tree.Name)
	}
	for s := a.outer; s != nil && s != c.around.outer; s = s.around.outer {
		if !s.beside {
			return nil, sqlstate.New(sqlstate.InvalidRecursion, at, "the recursive query %q cannot name itself in an expression", c.tree.Name).
				WithHint("name it in FROM")
		}
	}
	src := &source{at: at, name: c.tree.Name}
	n := &plan.WorkTable{Number: c.working.number, Name: c.tree.Name}
	for _, col := range c.working.output {
		col.ID = b.id()
		n.Output = append(n.Output, col)
		src.columns = append(src.columns, &column{col})
	}
	return &relation{node: n, sources: []*source{src}, columns: src.columns}, nil
}
