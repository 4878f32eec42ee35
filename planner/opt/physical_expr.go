package opt

import (
	"cmp"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// expr returns an expression in which subqueries are planned.
func (p *planner) expr(n *expr.Node) *expr.Node {
	if n == nil {
		return nil
	}
	return n.Map(func(n *expr.Node) *expr.Node {
		s, ok := n.Sub.(*plan.Subquery)
		if !ok {
			return n
		}
		with := *n
		with.Sub = p.subquery(s, n.Op)
		return &with
	})
}

// exprs returns expressions in which subqueries are planned.
func (p *planner) exprs(list []*expr.Node) []*expr.Node {
	if list == nil {
		return nil
	}
	all := make([]*expr.Node, len(list))
	for i, n := range list {
		all[i] = p.expr(n)
	}
	return all
}

// subquery plans a query in an expression.
func (p *planner) subquery(s *plan.Subquery, op expr.Op) *physical.Subquery {
	if done := p.subqueries[s]; done != nil {
		return done
	}
	early := p.early
	p.early = p.early || op != expr.OpSubquery // EXISTS, ANY and ALL stop at the row that decides
	list := p.paths(s.Root)
	root := cheapest(list).Node
	if op == expr.OpExists {
		root = firstBest(list, 1).Node
	}
	p.early = early
	done := &physical.Subquery{Root: root, Output: s.Output, Depends: s.Depends, Text: s.Text}
	p.subqueries[s] = done
	return done
}

// aggregations returns aggregate functions in whose expressions subqueries are planned.
func (p *planner) aggregations(list []plan.Aggregation) []plan.Aggregation {
	all := slices.Clone(list)
	for i := range all {
		all[i].Args, all[i].Filter = p.exprs(all[i].Args), p.expr(all[i].Filter)
	}
	return all
}

// conditions splits conditions at AND, plans the subqueries in them, and puts them in the order in which they are looked
// at: what is cheap first, then what may fail, and subqueries at the end.
func (p *planner) conditions(list []*expr.Node) []*expr.Node {
	var all []*expr.Node
	for _, c := range list {
		for _, part := range c.Conjuncts() {
			all = append(all, p.expr(part))
		}
	}
	if len(all) < 2 {
		return all
	}
	rank := make(map[*expr.Node]float64, len(all))
	for _, c := range all {
		perRow, once := p.evaluating(c)
		rank[c] = perRow + once
		if c.MayFail() {
			rank[c] += costMayFail
		}
	}
	slices.SortStableFunc(all, func(a, b *expr.Node) int { return cmp.Compare(rank[a], rank[b]) })
	return all
}

// isConstant reports whether an expression has one value for all rows of an operator, whatever its input.
func isConstant(n *expr.Node) bool {
	return len(n.Columns()) == 0 && !n.Volatile && !hasSubquery(n)
}

func hasSubquery(n *expr.Node) bool {
	found := false
	n.Walk(func(n *expr.Node) bool {
		found = found || n.Sub != nil
		return !found
	})
	return found
}

// firstBest returns the path that has so many rows first.
func firstBest(list []path, rows float64) path {
	return slices.MinFunc(list, func(a, b path) int {
		return cmp.Compare(costOf(a.Estimate(), rows), costOf(b.Estimate(), rows))
	})
}

// costOf returns the cost of the first rows of a path.
func costOf(e *physical.Estimate, rows float64) float64 {
	if rows >= e.Rows {
		return e.Cost
	}
	return e.First + (e.Cost-e.First)*rows/max(1, e.Rows)
}
