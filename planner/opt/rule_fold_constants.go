package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var foldConstants = &Rule{
	Name: "fold-constants",
	Doc: "What is constant is computed, conditions that are true go away, and what a false one is put upon has no rows; nor has " +
		"what is made of it.",
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			return foldNode(mapExpressions(n, (*expr.Node).Fold))
		})
	},
}

// empty returns a node that has the columns of another one, and no rows.
func empty(n plan.Node) plan.Node { return &plan.Rows{Output: n.Columns()} }

// isEmpty reports whether a node is known to have no rows.
func isEmpty(n plan.Node) bool {
	r, ok := n.(*plan.Rows)
	return ok && len(r.Rows) == 0
}

// foldNode returns something simpler than the node where its expressions or inputs say so, or the node.
func foldNode(n plan.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Filter:
		list, never := foldList(n.Conditions)
		switch {
		case never, isEmpty(n.Input):
			return empty(n)
		case len(list) == 0:
			return n.Input
		case len(list) < len(n.Conditions):
			return &plan.Filter{Input: n.Input, Conditions: list}
		}
	case *plan.Project, *plan.Sort, *plan.Window, *plan.Distinct:
		if isEmpty(n.Inputs()[0]) {
			return empty(n)
		}
	case *plan.Limit:
		if isEmpty(n.Input) || atMost(n, 0) && n.Count.Value.AsInt() == 0 {
			return empty(n)
		}
	case *plan.Aggregate:
		if isEmpty(n.Input) {
			return ofNothing(n)
		}
	case *plan.Join:
		return foldJoin(n)
	case *plan.SetOperation:
		return foldSet(n)
	}
	return n
}

// ofNothing returns what an aggregate gives of no rows.
func ofNothing(n *plan.Aggregate) plan.Node {
	if len(n.Groups) > 0 {
		return empty(n)
	}
	row := make([]*expr.Node, len(n.Aggregates))
	for i := range n.Aggregates {
		a := &n.Aggregates[i]
		row[i] = null(a.Column.Type)
		if a.Function == "count" {
			row[i] = expr.Constant(catalog.Int(0), a.Column.Type)
		}
	}
	return &plan.Rows{Output: n.Columns(), Rows: [][]*expr.Node{row}}
}

// foldList leaves out what is true. It returns whether one of the conditions is never true.
func foldList(list []*expr.Node) (left []*expr.Node, never bool) {
	keep := list
	for i, e := range list {
		if isNull(e) || isBool(e, false) {
			return nil, true
		}
		if !isBool(e, true) {
			if len(keep) < len(list) {
				keep = append(keep, e)
			}
		} else if len(keep) == len(list) {
			keep = append([]*expr.Node(nil), list[:i]...)
		}
	}
	return keep, false
}

func foldJoin(n *plan.Join) plan.Node {
	list := n.On
	never := false
	if n.Kind != plan.NullAntiJoin && n.Kind != plan.MarkJoin {
		list, never = foldList(n.On)
	}
	if never && n.Kind == plan.FullJoin { // all rows of both sides are left, without partners
		list = []*expr.Node{expr.Constant(catalog.BoolOf(false), boolType)}
	}
	never = never || isEmpty(n.Right)
	switch n.Kind {
	case plan.InnerJoin, plan.SemiJoin:
		if never || isEmpty(n.Left) {
			return empty(n)
		}
	case plan.LeftJoin:
		if isEmpty(n.Left) {
			return empty(n)
		}
		if never {
			return withNulls(n.Left, n.Right.Columns())
		}
	case plan.AntiJoin, plan.NullAntiJoin:
		if isEmpty(n.Left) || never {
			return n.Left
		}
	case plan.MarkJoin:
		if isEmpty(n.Left) {
			return empty(n)
		}
		if never {
			p := withNulls(n.Left, []plan.Column{n.Mark})
			p.Items[len(p.Items)-1].Expr = expr.Constant(catalog.BoolOf(false), boolType)
			return p
		}
	case plan.FullJoin:
		switch {
		case isEmpty(n.Left) && isEmpty(n.Right):
			return empty(n)
		case isEmpty(n.Right):
			return withNulls(n.Left, n.Right.Columns())
		case isEmpty(n.Left):
			return withNulls(n.Right, n.Left.Columns())
		}
	}
	if len(list) < len(n.On) {
		c := *n
		c.On = list
		return &c
	}
	return n
}

// withNulls returns a projection that passes its input on and adds columns that are NULL.
func withNulls(n plan.Node, more []plan.Column) *plan.Project {
	p := passing(n)
	for _, c := range more {
		c.NotNull = false
		p.Items = append(p.Items, plan.Item{Column: c, Expr: null(c.Type)})
	}
	return p
}

// passing returns a projection that passes its input on.
func passing(n plan.Node) *plan.Project {
	p := &plan.Project{Input: n}
	for _, c := range n.Columns() {
		p.Items = append(p.Items, plan.Item{Column: c, Expr: columnNode(&c)})
	}
	return p
}

func foldSet(n *plan.SetOperation) plan.Node {
	l, r := isEmpty(n.Left), isEmpty(n.Right)
	switch {
	case l && r, n.Kind == plan.Intersect && (l || r), n.Kind == plan.Except && l:
		return empty(n)
	case r:
		return onePart(n, n.Left, n.LeftColumns)
	case l:
		return onePart(n, n.Right, n.RightColumns)
	default:
		return n
	}
}

// onePart returns what a set operation gives of one of its inputs if there is no other.
func onePart(n *plan.SetOperation, in plan.Node, columns []expr.ColumnID) plan.Node {
	p := &plan.Project{Input: in}
	for i, c := range n.Output {
		from := c
		from.ID = columns[i]
		p.Items = append(p.Items, plan.Item{Column: c, Expr: columnNode(&from)})
	}
	if n.All {
		return p
	}
	return &plan.Distinct{Input: p}
}
