package bind

import (
	"strconv"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/sqlstate"
)

// outputItem returns the place of the item that an expression names, or says the place of; -1 if it does neither. What is
// ORDER BY and so on. If s is not nil, columns of its tables go before names of items.
func outputItem(items []item, s *scope, e ast.Expr, what string) (int, error) {
	switch e := e.(type) {
	case *ast.Column:
		if e.Table != "" {
			return -1, nil
		}
		if s != nil {
			if c, err := s.find(e); c != nil || err != nil {
				return -1, err
			}
		}
		return itemNamed(items, e, what)
	case *ast.Unary:
		if l, ok := e.X.(*ast.Literal); ok && e.Sign == ast.Minus && l.Kind == ast.Integer {
			return -1, noItem(e.At, "-"+l.Text, what)
		}
	case *ast.Literal:
		switch e.Kind {
		case ast.Integer:
			n, err := strconv.Atoi(e.Text)
			if err != nil || n < 1 || n > len(items) {
				return -1, noItem(e.At, e.Text, what)
			}
			return n - 1, nil
		case ast.Date, ast.Timestamp, ast.True, ast.False:
		default:
			return -1, sqlstate.New(sqlstate.SyntaxError, e.At, "a constant in %s must be a whole number, which is the place of a column", what)
		}
	}
	return -1, nil
}

func noItem(at int, place, what string) error {
	return sqlstate.New(sqlstate.InvalidColumnReference, at, "%s %s: there is no such place in the list of the SELECT", what, place)
}

// itemNamed returns the place of the item that has the name, or -1.
func itemNamed(items []item, e *ast.Column, what string) (int, error) {
	found := -1
	for i := range items {
		switch {
		case items[i].name != e.Name:
		case found < 0:
			found = i
		case !same(items[found].expr, items[i].expr):
			return -1, sqlstate.New(sqlstate.AmbiguousColumn, e.At, "%s %q is ambiguous: the SELECT has several columns of that name", what, e.Name)
		}
	}
	return found, nil
}

// key binds an expression that sorts or groups.
func (x *selection) key(c clause, e ast.Expr, columnsFirst bool) (key, error) {
	k := key{at: e.Place()}
	var s *scope
	if columnsFirst {
		s = x.scope
	}
	var err error
	if k.item, err = outputItem(x.items, s, e, c.name); err != nil || k.item >= 0 {
		return k, err
	}
	if k.item = x.sameTree(e); k.item >= 0 {
		return k, nil
	}
	if k.expr, err = x.scope.settled(c, e); err != nil {
		return k, err
	}
	for i := range x.items {
		if same(x.items[i].expr, k.expr) {
			k.item = i
			break
		}
	}
	return k, nil
}

// sameTree returns the place of the item that is written in the same way, if it has a query in it: two queries are not
// equal otherwise. It is -1 if there is none.
func (x *selection) sameTree(e ast.Expr) int {
	for i, tree := range x.trees {
		if tree == nil || !hasQuery(x.items[i].expr) {
			continue
		}
		if tree.String() == e.String() {
			return i
		}
	}
	return -1
}

func hasQuery(n *expr.Node) bool {
	found := false
	n.Walk(func(n *expr.Node) bool {
		found = found || n.Sub != nil
		return !found
	})
	return found
}

func (x *selection) orderBy() error {
	list := x.tail.query.OrderBy
	for i := range list {
		k, err := x.key(inOrderBy, list[i].Expr, false)
		if err != nil {
			return err
		}
		if k.item < 0 && x.tree.Distinct && len(x.tree.On) == 0 {
			return sqlstate.New(sqlstate.InvalidColumnReference, k.at, "with SELECT DISTINCT, what ORDER BY sorts by must be in the list of the SELECT")
		}
		k.order = &list[i]
		x.keys = append(x.keys, k)
	}
	return nil
}

func (x *selection) distinctOn() error {
	for _, e := range x.tree.On {
		k, err := x.key(inDistinctOn, e, false)
		if err != nil {
			return err
		}
		x.on = append(x.on, k)
	}
	return nil
}

func (x *selection) groupBy() error {
	for _, e := range x.tree.GroupBy {
		k, err := x.key(inGroupBy, e, true)
		if err != nil {
			return err
		}
		if k.item >= 0 {
			if err = x.b.settle(x.items[k.item : k.item+1]); err != nil {
				return err
			}
			k.expr = x.items[k.item].expr
		}
		x.groups = append(x.groups, k)
	}
	return nil
}
