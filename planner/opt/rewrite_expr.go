package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var boolType = catalog.Type{Kind: catalog.Bool}

// A substitution says what stands for columns.
type substitution map[expr.ColumnID]*expr.Node

// in returns the expression with the columns replaced, in subqueries too.
func (m substitution) in(e *expr.Node) *expr.Node {
	if len(m) == 0 || !m.concerns(e) {
		return e
	}
	return e.Map(func(e *expr.Node) *expr.Node {
		if e.Op == expr.OpColumn {
			if x := m[e.Column]; x != nil {
				return x
			}
			return e
		}
		s, ok := e.Sub.(*plan.Subquery)
		if !ok || !m.meets(s.Depends) {
			return e
		}
		return withSubquery(e, &plan.Subquery{Root: m.inPlan(s.Root), Output: s.Output, Text: s.Text})
	})
}

// withSubquery returns the expression with another query, whose Depends it fills in.
func withSubquery(e *expr.Node, s *plan.Subquery) *expr.Node {
	s.Depends = outer(s.Root).list()
	c := *e
	c.Sub = s
	return &c
}

func (m substitution) concerns(e *expr.Node) bool {
	found := false
	e.Walk(func(e *expr.Node) bool {
		switch {
		case found:
		case e.Op == expr.OpColumn:
			found = m[e.Column] != nil
		case e.Sub != nil:
			found = m.meets(e.Sub.Outer())
		}
		return !found
	})
	return found
}

func (m substitution) meets(ids []expr.ColumnID) bool {
	for _, id := range ids {
		if m[id] != nil {
			return true
		}
	}
	return false
}

// inList replaces columns in a list, and returns the same one if there is nothing to replace.
func (m substitution) inList(list []*expr.Node) []*expr.Node {
	made, _ := mapList(list, m.in)
	return made
}

// inPlan replaces columns that the plan names and does not compute.
func (m substitution) inPlan(n plan.Node) plan.Node {
	return bottomUp(n, func(n plan.Node) plan.Node { return mapExpressions(n, m.in) })
}

// columnNode returns the expression that is a column.
func columnNode(c *plan.Column) *expr.Node { return expr.Column(c.ID, c.Type, c.Table, c.Name) }

// compared makes a comparison, or another operation of two operands that is a Boolean and needs nothing but its Op.
func compared(op expr.Op, x, y *expr.Node, at int) *expr.Node {
	n := *expr.Equal(x, y)
	n.Op, n.At = op, at
	return &n
}

// test makes e IS TRUE, IS NOT TRUE, IS FALSE or IS NOT FALSE.
func test(e *expr.Node, op expr.Op, not bool) *expr.Node {
	n := *expr.IsNull(e, not)
	n.Op = op
	return &n
}

func isTrue(e *expr.Node) *expr.Node     { return test(e, expr.OpIsTrue, false) }
func isNotTrue(e *expr.Node) *expr.Node  { return test(e, expr.OpIsTrue, true) }
func isNotFalse(e *expr.Node) *expr.Node { return test(e, expr.OpIsFalse, true) }

// conjuncts returns the parts of conditions that must all be true.
func conjuncts(conditions []*expr.Node) []*expr.Node {
	simple := true
	for _, e := range conditions {
		simple = simple && e.Op != expr.OpAnd
	}
	if simple {
		return conditions
	}
	var all []*expr.Node
	for _, e := range conditions {
		all = append(all, e.Conjuncts()...)
	}
	return all
}

// isBool reports whether an expression is a constant that is that Boolean.
func isBool(e *expr.Node, value bool) bool {
	return e.Op == expr.OpConstant && e.Value.Kind() == catalog.Bool && e.Value.AsBool() == value
}

func isNull(e *expr.Node) bool { return e.Op == expr.OpConstant && e.Value.IsNull() }

// null returns the NULL of a type.
func null(t catalog.Type) *expr.Node { return expr.Constant(catalog.Null(), t) }

// notNull reports whether an expression is certainly not NULL, where those columns are not.
func notNull(e *expr.Node, columns idSet) bool {
	switch e.Op {
	case expr.OpConstant:
		return !e.Value.IsNull()
	case expr.OpColumn:
		return columns.has(e.Column)
	case expr.OpIsNull, expr.OpIsTrue, expr.OpIsFalse, expr.OpDistinct, expr.OpNotDistinct, expr.OpExists:
		return true
	case expr.OpAnd, expr.OpOr, expr.OpNot, expr.OpAdd, expr.OpSubtract, expr.OpMultiply, expr.OpDivide, expr.OpModulo,
		expr.OpNegate, expr.OpEqual, expr.OpNotEqual, expr.OpLess, expr.OpLessEqual, expr.OpGreater, expr.OpGreaterEqual,
		expr.OpBetween, expr.OpIn, expr.OpLike, expr.OpCast:
		for _, a := range e.Args {
			if !notNull(a, columns) {
				return false
			}
		}
		return true
	case expr.OpCoalesce:
		for _, a := range e.Args {
			if notNull(a, columns) {
				return true
			}
		}
		return false
	default:
		return false
	}
}

// notNullColumns returns those columns of a node that are never NULL: as it says itself, or because of its filters.
func notNullColumns(n plan.Node) idSet {
	var s idSet
	for _, c := range n.Columns() {
		if c.NotNull {
			s.add(c.ID)
		}
	}
	addRejected(&s, n)
	return s
}

// addRejected adds columns whose NULLs the filters at the top of a node leave out.
func addRejected(s *idSet, n plan.Node) {
	switch n := n.(type) {
	case *plan.Filter:
		for _, e := range n.Conditions {
			for _, id := range e.Columns() {
				if !s.has(id) && expr.RejectsNulls(e, map[expr.ColumnID]bool{id: true}) {
					s.add(id)
				}
			}
		}
		addRejected(s, n.Input)
	case *plan.Sort:
		addRejected(s, n.Input)
	case *plan.Join:
		if n.Kind != plan.FullJoin {
			addRejected(s, n.Left)
		}
		if n.Kind == plan.InnerJoin {
			addRejected(s, n.Right)
		}
	case *plan.Project:
		var below idSet
		addRejected(&below, n.Input)
		for i := range n.Items {
			if e := n.Items[i].Expr; e.Op == expr.OpColumn && below.has(e.Column) {
				s.add(n.Items[i].Column.ID)
			}
		}
	}
}

// volatile reports whether something in a plan depends on time or chance.
func volatile(n plan.Node) bool {
	found := false
	everywhere(n, func(n plan.Node) {
		expressions(n, func(e *expr.Node) { found = found || e.Volatile })
	})
	return found
}

// anyVolatile reports whether one of the expressions depends on time or chance.
func anyVolatile(list []*expr.Node) bool {
	for _, e := range list {
		if e.Volatile {
			return true
		}
	}
	return false
}

func isColumn(e *expr.Node) bool { return e.Op == expr.OpColumn }
