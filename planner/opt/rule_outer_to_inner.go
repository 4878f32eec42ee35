package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var outerToInner = &Rule{
	Name: "outer-to-inner",
	Doc: "An outer join whose rows of NULLs a condition above it leaves out anyway is a join of a simpler kind: a left join " +
		"an inner one, a full join a left one.",
	when: hasOuter,
	apply: func(_ *context, n plan.Node) plan.Node {
		return strengthened(n, nil)
	},
}

// strengthened makes outer joins inner ones. All conditions of the list are true for the rows of n that matter.
func strengthened(n plan.Node, list []*expr.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Filter:
		list = slices.Concat(list, n.Conditions)
	case *plan.Project:
		list = beforeProject(n, list)
	case *plan.Aggregate:
		var groups idSet
		groups.addAll(n.Groups)
		own := produced(n)
		list, _ = split(list, func(e *expr.Node) bool { return onlyOf(e, own, groups) })
	case *plan.Sort:
	case *plan.Distinct:
		if n.On != nil {
			list = nil
		}
	case *plan.Join:
		return strengthenedJoin(n, list)
	default:
		list = nil
	}
	return mapInputs(n, func(in plan.Node) plan.Node { return strengthened(in, list) })
}

// beforeProject returns those conditions that can be said of the input of a projection.
func beforeProject(n *plan.Project, list []*expr.Node) []*expr.Node {
	if len(list) == 0 {
		return nil
	}
	m := substitution{}
	var kept idSet
	for i := range n.Items {
		it := &n.Items[i]
		if it.Expr.Volatile || hasSubquery(it.Expr) {
			kept.add(it.Column.ID)
		} else {
			m[it.Column.ID] = it.Expr
		}
	}
	list, _ = split(list, func(e *expr.Node) bool { return !uses(e, kept) && !hasSubquery(e) })
	return m.inList(list)
}

func strengthenedJoin(n *plan.Join, list []*expr.Node) plan.Node {
	kind, left, right := n.Kind, n.Left, n.Right
	rejects := func(side plan.Node) bool {
		of := produced(side).asMap()
		return slices.ContainsFunc(list, func(e *expr.Node) bool { return expr.RejectsNulls(e, of) })
	}
	if kind == plan.FullJoin && len(list) > 0 {
		l, r := rejects(left), rejects(right)
		switch {
		case l && r:
			kind = plan.InnerJoin
		case l:
			kind = plan.LeftJoin
		case r:
			kind, left, right = plan.LeftJoin, right, left
		}
	}
	if kind == plan.LeftJoin && !n.Single && len(list) > 0 && rejects(right) {
		kind = plan.InnerJoin
	}
	var toLeft, toRight []*expr.Node
	switch kind {
	case plan.InnerJoin:
		toLeft = slices.Concat(list, n.On)
		toRight = toLeft
	case plan.SemiJoin:
		toLeft, toRight = slices.Concat(list, n.On), n.On
	case plan.LeftJoin:
		toLeft, toRight = list, n.On
	case plan.AntiJoin:
		toLeft, toRight = list, n.On
	case plan.NullAntiJoin, plan.MarkJoin:
		toLeft = list
	default:
	}
	l, r := strengthened(left, toLeft), strengthened(right, toRight)
	if kind == n.Kind && l == n.Left && r == n.Right {
		return n
	}
	c := *n
	c.Kind, c.Left, c.Right = kind, l, r
	return &c
}
