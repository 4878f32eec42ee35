package bind

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// compareRows binds a comparison of which one side is a row, at least.
func (s *scope) compareRows(e *ast.Binary) (*expr.Node, error) {
	l, leftIsRow := e.Left.(*ast.Row)
	r, rightIsRow := e.Right.(*ast.Row)
	switch {
	case leftIsRow && rightIsRow:
		x, err := s.row(l.List)
		if err != nil {
			return nil, err
		}
		y, err := s.row(r.List)
		if err != nil {
			return nil, err
		}
		return s.compareAll(e, x, y)
	case leftIsRow:
		if q, ok := e.Right.(*ast.Subquery); ok {
			return s.compareWithQuery(e, l, q, false)
		}
	case rightIsRow:
		if q, ok := e.Left.(*ast.Subquery); ok {
			return s.compareWithQuery(e, r, q, true)
		}
	}
	return nil, sqlstate.New(sqlstate.UndefinedFunction, e.At, "a row can be compared with a row or a query only")
}

// row binds the expressions of a row.
func (s *scope) row(list []ast.Expr) ([]*expr.Node, error) {
	all := make([]*expr.Node, len(list))
	for i, e := range list {
		var err error
		if all[i], err = s.types.BindOpen(e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// compareAll compares rows, column by column from the left.
func (s *scope) compareAll(e *ast.Binary, x, y []*expr.Node) (*expr.Node, error) {
	if len(x) != len(y) {
		return nil, sqlstate.New(sqlstate.SyntaxError, e.At, "the rows have %d and %d values", len(x), len(y))
	}
	if len(x) == 0 {
		return nil, sqlstate.New(sqlstate.NotSupported, e.At, "rows of no values cannot be compared")
	}
	compare := func(o ast.Operator, i int) (*expr.Node, error) {
		n, err := s.types.Compare(e.At, o, x[i], y[i])
		if err == nil && len(n.Args) == 2 { // with the types that are decided now
			x[i], y[i] = n.Args[0], n.Args[1]
		}
		return n, err
	}
	var all []*expr.Node
	switch e.Operator {
	case ast.Equal, ast.NotEqual, ast.Distinct, ast.NotDistinct:
		for i := range x {
			n, err := compare(e.Operator, i)
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		if e.Operator == ast.Equal || e.Operator == ast.NotDistinct {
			return expr.And(all...), nil
		}
		return expr.Or(all...), nil
	default:
	}
	strict := ast.Less
	if e.Operator == ast.Greater || e.Operator == ast.GreaterEqual {
		strict = ast.Greater
	}
	last := len(x) - 1
	result, err := compare(e.Operator, last)
	for i := last - 1; i >= 0 && err == nil; i-- { // x < y OR x = y AND (the rest)
		var less, equal *expr.Node
		if less, err = compare(strict, i); err != nil {
			break
		}
		if equal, err = compare(ast.Equal, i); err == nil {
			result = expr.Or(less, expr.And(equal, result))
		}
	}
	return result, err
}

// rowIn binds a row IN a list of rows.
func (s *scope) rowIn(e *ast.In) (*expr.Node, error) {
	x, ok := e.X.(*ast.Row)
	if !ok {
		return nil, nil
	}
	var all []*expr.Node
	for _, y := range e.List {
		n, err := s.compareRows(&ast.Binary{At: e.At, Operator: ast.Equal, Left: x, Right: y})
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	n := expr.Or(all...)
	if e.Not {
		n = expr.Not(n)
	}
	return n, nil
}

// compareWithQuery binds the comparison of a row with that of a query. It becomes a query that compares.
func (s *scope) compareWithQuery(e *ast.Binary, row *ast.Row, q *ast.Subquery, turned bool) (*expr.Node, error) {
	x, err := s.row(row.List)
	if err != nil {
		return nil, err
	}
	r, output, err := s.subquery(q.Query, q.At, len(x))
	if err != nil {
		return nil, err
	}
	y := make([]*expr.Node, len(output))
	for i := range output {
		y[i] = columnNode(&output[i], q.At)
	}
	if turned {
		x, y = y, x
	}
	n, err := s.compareAll(e, x, y)
	if err != nil {
		return nil, err
	}
	c := plan.Column{ID: s.b.id(), Type: boolType}
	root := &plan.Project{Input: r.node, Items: []plan.Item{{Column: c, Expr: n}}}
	return scalarNode(e.At, root, &c, e.String()), nil
}

// withoutRows returns an expression in which tests of rows that are no comparisons have become comparisons of their values.
func withoutRows(e ast.Expr) ast.Expr {
	some := false
	ast.Walk(e, func(e ast.Expr) { some = some || testedRow(e) != nil })
	if !some {
		return e
	}
	return ast.Rewrite(e, func(e ast.Expr) ast.Expr {
		row := testedRow(e)
		switch e := e.(type) {
		case *ast.Is:
			if row == nil {
				return e
			}
			var all ast.Expr
			for _, x := range row.List {
				var is ast.Expr = &ast.Is{At: e.At, X: x, Not: e.Not, Truth: e.Truth}
				if all != nil {
					is = &ast.Binary{At: e.At, Operator: ast.And, Left: all, Right: is}
				}
				all = is
			}
			return all
		case *ast.Between:
			if row == nil {
				return e
			}
			var both ast.Expr = &ast.Binary{
				At: e.At, Operator: ast.And,
				Left:  &ast.Binary{At: e.At, Operator: ast.GreaterEqual, Left: row, Right: e.Low},
				Right: &ast.Binary{At: e.At, Operator: ast.LessEqual, Left: row, Right: e.High},
			}
			if e.Not {
				both = &ast.Unary{At: e.At, Sign: ast.Not, X: both}
			}
			return both
		default:
			return e
		}
	})
}

// testedRow returns the row that an expression tests with IS NULL or BETWEEN, or nil.
func testedRow(e ast.Expr) *ast.Row {
	switch e := e.(type) {
	case *ast.Is:
		if row, ok := e.X.(*ast.Row); ok && e.Truth == ast.IsNull && len(row.List) > 0 {
			return row
		}
	case *ast.Between:
		if row, ok := e.X.(*ast.Row); ok {
			return row
		}
	}
	return nil
}
