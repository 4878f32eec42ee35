package bind

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A given is an expression that is bound already, in a tree that is not.
type given struct {
	ast.Expr
	node *expr.Node
}

// node returns an expression as part of a tree.
func node(n *expr.Node) ast.Expr {
	return &given{Expr: &ast.Literal{At: n.At, Kind: ast.Null}, node: n}
}

// Special implements expr.Resolver.
func (s *scope) Special(b *expr.Binder, e ast.Expr) (*expr.Node, error) {
	switch e := e.(type) {
	case *given:
		return e.node, nil
	case *ast.Subquery:
		return s.scalar(e)
	case *ast.Exists:
		return s.exists(e)
	case *ast.In:
		if e.Query == nil {
			return s.rowIn(e)
		}
		return s.quantified(&quantified{at: e.At, x: e.X, operator: ast.Equal, query: e.Query, not: e.Not})
	case *ast.Quantified:
		return s.quantified(&quantified{at: e.At, x: e.X, operator: e.Operator, all: e.All, query: e.Query})
	case *ast.Binary:
		return s.compareRows(e)
	case *ast.Row:
		return nil, sqlstate.New(sqlstate.NotSupported, e.At, "a row of several values cannot stand here").
			WithHint("rows can be compared with rows and queries, and be in IN")
	case *ast.Default:
		return nil, sqlstate.New(sqlstate.SyntaxError, e.At, "DEFAULT cannot stand here").
			WithHint("it stands alone in VALUES of an INSERT, or behind = in SET")
	case *ast.Star:
		return nil, sqlstate.New(sqlstate.SyntaxError, e.At, "* cannot stand here")
	case *ast.Call:
		return s.call(b, e)
	default:
		return nil, nil
	}
}

// call binds what is computed of many rows.
func (s *scope) call(b *expr.Binder, e *ast.Call) (*expr.Node, error) {
	switch {
	case e.Over != nil:
		return s.windowCall(b, e)
	case expr.IsAggregate(e.Name):
		return s.aggregate(b, e)
	case e.OrderBy != nil || e.Filter != nil:
		return nil, sqlstate.New(sqlstate.WrongObjectType, e.At, "%s is not an aggregate function, and has neither ORDER BY nor FILTER", e.Name)
	case expr.IsWindow(e.Name):
		return nil, sqlstate.New(sqlstate.WrongObjectType, e.At, "%s is a window function and needs OVER", e.Name)
	case isTableFunction(e.Name):
		return nil, sqlstate.New(sqlstate.NotSupported, e.At, "%s gives rows and cannot stand here", e.Name).
			WithHint("write it in FROM: FROM %s(...) AS name", e.Name)
	default:
		return nil, nil
	}
}

// subquery binds a query in an expression and checks how many columns it has.
func (s *scope) subquery(q *ast.Query, at, columns int) (*result, []plan.Column, error) {
	r, err := s.b.query(q, s.within())
	if err != nil {
		return nil, nil, err
	}
	if len(r.items) != columns {
		if columns == 1 {
			return nil, nil, sqlstate.New(sqlstate.SyntaxError, at, "the query must have one column, not %d", len(r.items))
		}
		return nil, nil, sqlstate.New(sqlstate.SyntaxError, at, "the query must have %d columns, not %d", columns, len(r.items))
	}
	output, err := s.b.close(r)
	return r, output, err
}

// scalar binds a query that stands for its value.
func (s *scope) scalar(e *ast.Subquery) (*expr.Node, error) {
	r, output, err := s.subquery(e.Query, e.At, 1)
	if err != nil {
		return nil, err
	}
	return scalarNode(e.At, r.node, &output[0], e.Query.String()), nil
}

func scalarNode(at int, root plan.Node, c *plan.Column, text string) *expr.Node {
	sub, volatile := subplan(root, []expr.ColumnID{c.ID}, text)
	return &expr.Node{Op: expr.OpSubquery, At: at, Type: c.Type, Sub: sub, Volatile: volatile}
}

// exists binds EXISTS, for which it does not matter what columns there are.
func (s *scope) exists(e *ast.Exists) (*expr.Node, error) {
	r, err := s.b.query(e.Query, s.within())
	if err != nil {
		return nil, err
	}
	if err = s.b.settle(r.items); err != nil {
		return nil, err
	}
	sub, volatile := subplan(r.node, nil, e.Query.String())
	return &expr.Node{Op: expr.OpExists, At: e.At, Type: boolType, Sub: sub, Volatile: volatile}, nil
}

// A quantified is a comparison with the rows of a query.
type quantified struct {
	at       int
	x        ast.Expr
	operator ast.Operator
	query    *ast.Query
	all, not bool // not: NOT IN
}

func (s *scope) quantified(q *quantified) (*expr.Node, error) {
	list := []ast.Expr{q.x}
	if row, ok := q.x.(*ast.Row); ok {
		list = row.List
		if q.operator != ast.Equal && q.operator != ast.NotEqual {
			return nil, sqlstate.New(sqlstate.NotSupported, q.at, "rows are compared with those of a query by = and <> only")
		}
		if len(list) == 0 {
			return nil, sqlstate.New(sqlstate.NotSupported, q.at, "rows of no values cannot be compared")
		}
	}
	args := make([]*expr.Node, len(list))
	for i, e := range list {
		var err error
		if args[i], err = s.types.BindOpen(e); err != nil {
			return nil, err
		}
	}
	r, output, err := s.subquery(q.query, q.at, len(list))
	if err != nil {
		return nil, err
	}
	n := &expr.Node{Op: expr.OpAny, At: q.at, Type: boolType, Args: args, Not: q.not}
	if q.all {
		n.Op = expr.OpAll
	}
	p := s.b.project(r.node)
	ids := make([]expr.ColumnID, len(list))
	for i := range list {
		c, err := s.types.Compare(q.at, q.operator, args[i], columnNode(&output[i], q.at))
		if err != nil {
			return nil, err
		}
		if len(c.Args) != 2 {
			return nil, sqlstate.New(sqlstate.InternalError, q.at, "a comparison has no sides")
		}
		n.Operator, args[i] = c.Op, c.Args[0]
		output[i] = p.column(c.Args[1], output[i].Name)
		ids[i] = output[i].ID
		n.Volatile = n.Volatile || args[i].Volatile
	}
	sub, volatile := subplan(p.only(output), ids, q.query.String())
	n.Sub, n.Volatile = sub, n.Volatile || volatile
	if len(list) > 1 && n.Operator == expr.OpNotEqual { // rows differ if not all of their columns are equal
		n.Operator = expr.OpEqual
		if q.all {
			n.Op, n.Not = expr.OpAny, true
			return n, nil
		}
		n.Op = expr.OpAll
		return expr.Not(n), nil
	}
	return n, nil
}
