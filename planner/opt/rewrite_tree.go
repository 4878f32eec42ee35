package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// mapInputs returns the node with what f makes of its inputs: the same node if f changes none.
func mapInputs(n plan.Node, f func(plan.Node) plan.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Scan, *plan.Rows, *plan.Function, *plan.Reference, *plan.WorkTable:
		return n
	case *plan.Filter:
		if in := f(n.Input); in != n.Input {
			return &plan.Filter{Input: in, Conditions: n.Conditions}
		}
		return n
	case *plan.Project:
		if in := f(n.Input); in != n.Input {
			return &plan.Project{Input: in, Items: n.Items}
		}
		return n
	case *plan.Join:
		l, r := f(n.Left), f(n.Right)
		if l == n.Left && r == n.Right {
			return n
		}
		j := *n
		j.Left, j.Right = l, r
		return &j
	}
	inputs := n.Inputs()
	changed := false
	for i, in := range inputs {
		inputs[i] = f(in)
		changed = changed || inputs[i] != in
	}
	if !changed {
		return n
	}
	return n.With(inputs)
}

// bottomUp applies f to all nodes of the tree, inputs first. It leaves subqueries in expressions alone.
func bottomUp(n plan.Node, f func(plan.Node) plan.Node) plan.Node {
	return f(mapInputs(n, func(in plan.Node) plan.Node { return bottomUp(in, f) }))
}

// each calls f for all nodes of the tree, but for those of subqueries in expressions.
func each(n plan.Node, f func(plan.Node)) {
	f(n)
	switch n := n.(type) {
	case *plan.Scan, *plan.Rows, *plan.Function, *plan.Reference, *plan.WorkTable:
	case *plan.Filter:
		each(n.Input, f)
	case *plan.Project:
		each(n.Input, f)
	case *plan.Join:
		each(n.Left, f)
		each(n.Right, f)
	default:
		for _, in := range n.Inputs() {
			each(in, f)
		}
	}
}

// everywhere is each, with the nodes of subqueries too.
func everywhere(n plan.Node, f func(plan.Node)) {
	each(n, func(n plan.Node) {
		f(n)
		expressions(n, func(e *expr.Node) {
			subqueries(e, func(s *plan.Subquery) { everywhere(s.Root, f) })
		})
	})
}

// subqueries calls f for the subqueries of an expression, not for those within them.
func subqueries(e *expr.Node, f func(*plan.Subquery)) {
	e.Walk(func(e *expr.Node) bool {
		if s, ok := e.Sub.(*plan.Subquery); ok {
			f(s)
		}
		return true
	})
}

// expressions calls f for each expression of a node.
func expressions(n plan.Node, f func(*expr.Node)) {
	all := func(list []*expr.Node) {
		for _, e := range list {
			f(e)
		}
	}
	one := func(e *expr.Node) {
		if e != nil {
			f(e)
		}
	}
	switch n := n.(type) {
	case *plan.Rows:
		for _, row := range n.Rows {
			all(row)
		}
	case *plan.Function:
		all(n.Args)
	case *plan.Filter:
		all(n.Conditions)
	case *plan.Project:
		for i := range n.Items {
			f(n.Items[i].Expr)
		}
	case *plan.Join:
		all(n.On)
	case *plan.Aggregate:
		for i := range n.Aggregates {
			all(n.Aggregates[i].Args)
			one(n.Aggregates[i].Filter)
		}
	case *plan.Window:
		for i := range n.Functions {
			w := &n.Functions[i]
			all(w.Args)
			one(w.Filter)
			one(w.Frame.Start.Offset)
			one(w.Frame.End.Offset)
		}
	case *plan.Limit:
		one(n.Count)
		one(n.Offset)
	}
}

// mapList returns the list with what f makes of its parts: the same list if f changes none.
func mapList(list []*expr.Node, f func(*expr.Node) *expr.Node) ([]*expr.Node, bool) {
	var made []*expr.Node
	for i, e := range list {
		x := f(e)
		if x != e && made == nil {
			made = append(make([]*expr.Node, 0, len(list)), list[:i]...)
		}
		if made != nil {
			made = append(made, x)
		}
	}
	if made == nil {
		return list, false
	}
	return made, true
}

// mapExpressions returns the node with what f makes of its expressions: the same node if f changes none.
func mapExpressions(n plan.Node, f func(*expr.Node) *expr.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Rows:
		return mapRows(n, f)
	case *plan.Function:
		if args, ok := mapList(n.Args, f); ok {
			c := *n
			c.Args = args
			return &c
		}
	case *plan.Filter:
		if list, ok := mapList(n.Conditions, f); ok {
			return &plan.Filter{Input: n.Input, Conditions: list}
		}
	case *plan.Project:
		return mapItems(n, f)
	case *plan.Join:
		if list, ok := mapList(n.On, f); ok {
			c := *n
			c.On = list
			return &c
		}
	case *plan.Aggregate:
		return mapAggregates(n, f)
	case *plan.Window:
		return mapWindow(n, f)
	case *plan.Limit:
		count, offset := mapOne(n.Count, f), mapOne(n.Offset, f)
		if count != n.Count || offset != n.Offset {
			c := *n
			c.Count, c.Offset = count, offset
			return &c
		}
	}
	return n
}

func mapOne(e *expr.Node, f func(*expr.Node) *expr.Node) *expr.Node {
	if e == nil {
		return nil
	}
	return f(e)
}

func mapRows(n *plan.Rows, f func(*expr.Node) *expr.Node) plan.Node {
	var made [][]*expr.Node
	for i, row := range n.Rows {
		list, ok := mapList(row, f)
		if ok && made == nil {
			made = append([][]*expr.Node{}, n.Rows...)
		}
		if ok {
			made[i] = list
		}
	}
	if made == nil {
		return n
	}
	return &plan.Rows{Output: n.Output, Rows: made}
}

func mapItems(n *plan.Project, f func(*expr.Node) *expr.Node) plan.Node {
	var made []plan.Item
	for i := range n.Items {
		x := f(n.Items[i].Expr)
		if x == n.Items[i].Expr {
			continue
		}
		if made == nil {
			made = append([]plan.Item{}, n.Items...)
		}
		made[i].Expr = x
	}
	if made == nil {
		return n
	}
	return &plan.Project{Input: n.Input, Items: made}
}

func mapAggregation(a *plan.Aggregation, f func(*expr.Node) *expr.Node) bool {
	args, changed := mapList(a.Args, f)
	filter := mapOne(a.Filter, f)
	changed = changed || filter != a.Filter
	a.Args, a.Filter = args, filter
	return changed
}

func mapAggregates(n *plan.Aggregate, f func(*expr.Node) *expr.Node) plan.Node {
	made := append([]plan.Aggregation{}, n.Aggregates...)
	changed := false
	for i := range made {
		changed = mapAggregation(&made[i], f) || changed
	}
	if !changed {
		return n
	}
	return &plan.Aggregate{Input: n.Input, Groups: n.Groups, Aggregates: made}
}

func mapWindow(n *plan.Window, f func(*expr.Node) *expr.Node) plan.Node {
	made := append([]plan.WindowFunction{}, n.Functions...)
	changed := false
	for i := range made {
		w := &made[i]
		changed = mapAggregation(&w.Aggregation, f) || changed
		start, end := mapOne(w.Frame.Start.Offset, f), mapOne(w.Frame.End.Offset, f)
		changed = changed || start != w.Frame.Start.Offset || end != w.Frame.End.Offset
		w.Frame.Start.Offset, w.Frame.End.Offset = start, end
	}
	if !changed {
		return n
	}
	c := *n
	c.Functions = made
	return &c
}
