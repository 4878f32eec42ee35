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

// fixed reports whether a plan gives the same rows however often it begins: it depends on nothing around it, on no chance
// and on no WorkTable.
func (b *builder) fixed(n physical.Node) bool {
	return !b.readsWork(n, 0) && expressions(n, func(e *expr.Node) bool {
		if volatileExpression(e) {
			return false
		}
		for _, id := range e.Columns() {
			if _, ok := b.scope.outer[id]; ok {
				return false
			}
		}
		return true
	})
}

// readsWork reports whether a plan reads the WorkTable of a number, or any if that is 0, subqueries and commons included.
func (b *builder) readsWork(n physical.Node, number int) bool {
	found := false
	b.visit(n, func(n physical.Node) bool {
		if w, ok := n.(*physical.WorkTable); ok && (number == 0 || w.Number == number) {
			found = true
		}
		return !found
	})
	return found
}

// visit calls f with all nodes of a plan, those of subqueries and commons included, until it returns false.
func (b *builder) visit(n physical.Node, f func(physical.Node) bool) bool {
	if !f(n) {
		return false
	}
	goOn := true
	for _, e := range own(n) {
		if e == nil {
			continue
		}
		e.Walk(func(x *expr.Node) bool {
			if sub, ok := x.Sub.(*physical.Subquery); ok {
				goOn = goOn && b.visit(sub.Root, f)
			}
			return goOn
		})
	}
	if r, ok := n.(*physical.Reference); ok && b.commons[r.Number] != nil {
		goOn = goOn && b.visit(b.commons[r.Number].node.Root, f)
	}
	for _, below := range n.Inputs() {
		goOn = goOn && b.visit(below, f)
	}
	return goOn
}
