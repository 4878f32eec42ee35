package exec

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// expressions calls f with all expressions of a plan, and not of subqueries in them, until it returns false.
func expressions(n physical.Node, f func(*expr.Node) bool) bool {
	for _, e := range own(n) {
		if e != nil && !f(e) {
			return false
		}
	}
	for _, below := range n.Inputs() {
		if !expressions(below, f) {
			return false
		}
	}
	return true
}

// own returns the expressions of a node itself.
func own(n physical.Node) (all []*expr.Node) {
	switch n := n.(type) {
	case *physical.Scan:
		return append(append(ofBounds(n.Ranges), n.Filter...), n.Limit)
	case *physical.BitmapScan:
		all = append(all, n.Filter...)
		for i := range n.Parts {
			all = append(all, ofBounds(n.Parts[i].Ranges)...)
		}
	case *physical.Rows:
		for _, row := range n.Rows {
			all = append(all, row...)
		}
	case *physical.Function:
		return n.Call.Args
	case *physical.Filter:
		return n.Conditions
	case *physical.Project:
		for i := range n.Items {
			all = append(all, n.Items[i].Expr)
		}
	case *physical.NestedLoopJoin:
		return n.On
	case *physical.IndexJoin:
		return append(append(all, n.Keys...), n.On...)
	case *physical.HashJoin:
		return append(append(append(all, n.LeftKeys...), n.RightKeys...), n.On...)
	case *physical.MergeJoin:
		return n.On
	case *physical.Sort:
		return []*expr.Node{n.Limit, n.Offset}
	case *physical.Limit:
		return []*expr.Node{n.Count, n.Offset}
	case *physical.HashAggregate:
		return ofAggregates(n.Aggregates)
	case *physical.SortAggregate:
		return ofAggregates(n.Aggregates)
	case *physical.Window:
		for i := range n.Functions {
			f := &n.Functions[i]
			all = append(append(all, f.Args...), f.Filter, f.Frame.Start.Offset, f.Frame.End.Offset)
		}
	}
	return all
}

func ofBounds(list []physical.Bounds) (all []*expr.Node) {
	for i := range list {
		all = append(append(all, list[i].Prefix...), list[i].Lower, list[i].Upper)
	}
	return all
}

func ofAggregates(list []plan.Aggregation) (all []*expr.Node) {
	for i := range list {
		all = append(append(all, list[i].Args...), list[i].Filter)
	}
	return all
}

// volatile reports whether a plan may give other rows each time, subqueries in it included.
func volatile(n physical.Node) bool {
	return !expressions(n, func(e *expr.Node) bool { return !volatileExpression(e) })
}

func volatileExpression(e *expr.Node) bool {
	found := false
	e.Walk(func(x *expr.Node) bool {
		if sub, ok := x.Sub.(*physical.Subquery); ok && volatile(sub.Root) {
			found = true
		}
		found = found || x.Volatile
		return !found
	})
	return found
}
