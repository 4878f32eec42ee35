package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var unnestConditions = &Rule{
	Name: "unnest-conditions",
	Doc: "EXISTS, IN, ANY and ALL that must be true become semi joins; if they are negated, anti joins, for NOT IN one that " +
		"knows NULLs, unless there are none. An EXISTS that depends on nothing stays: it is computed once. So does what " +
		"cannot be taken apart, such as a LIMIT that depends on the row outside.",
	when: hasSub,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			switch n := n.(type) {
			case *plan.Filter:
				return c.unnestFilter(n)
			case *plan.Join:
				return liftQueries(n)
			}
			return n
		})
	},
}

// liftQueries puts the conditions of an inner join that have queries into a filter above it, where they are unnested.
func liftQueries(n *plan.Join) plan.Node {
	if n.Kind != plan.InnerJoin {
		return n
	}
	subs, plain := split(conjuncts(n.On), hasSubquery)
	if len(subs) == 0 {
		return n
	}
	c := *n
	c.On = plain
	return filtered(&c, subs)
}

func (c *context) unnestFilter(n *plan.Filter) plan.Node {
	var plain, subs []*expr.Node
	for _, e := range conjuncts(n.Conditions) {
		if e.Sub != nil && !e.Volatile {
			subs = append(subs, e)
		} else {
			plain = append(plain, e)
		}
	}
	if len(subs) == 0 {
		return n
	}
	in := filtered(n.Input, plain)
	changed := false
	var stay []*expr.Node
	for _, e := range subs {
		if j := c.joinOf(e, in); j != nil {
			in, changed = j, true
		} else {
			stay = append(stay, e)
		}
	}
	if !changed {
		return n
	}
	return filtered(in, stay)
}

// joinOf returns the join that leaves out the rows of a node for which a condition that is a query is not true, or nil.
func (c *context) joinOf(e *expr.Node, in plan.Node) plan.Node {
	s, ok := e.Sub.(*plan.Subquery)
	if !ok || hasSubqueryIn(e.Args) {
		return nil
	}
	own := produced(in)
	correlated := own.any(s.Depends)
	if e.Op == expr.OpSubquery || e.Op == expr.OpExists && !correlated {
		return nil
	}
	p := newPuller(c, own)
	p.set, p.some = true, e.Op == expr.OpExists
	right := p.pull(s.Root)
	if right == nil {
		return nil
	}
	if e.Op == expr.OpExists {
		kind := plan.SemiJoin
		if e.Not {
			kind = plan.AntiJoin
		}
		return &plan.Join{Kind: kind, Left: in, Right: right, On: p.on}
	}
	compared := comparisons(e, s, right, p.defs)
	if compared == nil {
		return nil
	}
	if e.Op == expr.OpAny && !e.Not {
		return &plan.Join{Kind: plan.SemiJoin, Left: in, Right: right, On: append(compared, p.on...)}
	}
	return antiJoin(e, in, right, compared, p.on)
}

func hasSubqueryIn(list []*expr.Node) bool {
	for _, e := range list {
		if hasSubquery(e) {
			return true
		}
	}
	return false
}

// comparisons returns what an ANY or ALL compares, or nil if that is more than a comparison of columns each.
func comparisons(e *expr.Node, s *plan.Subquery, right plan.Node, defs substitution) []*expr.Node {
	if len(e.Args) != len(s.Output) || len(e.Args) > 1 && (e.Operator != expr.OpEqual || e.Op == expr.OpAll) {
		return nil
	}
	list := make([]*expr.Node, 0, len(e.Args))
	for i, x := range e.Args {
		y := defs[s.Output[i]]
		if y == nil {
			c := columnOf(right, s.Output[i])
			if c == nil {
				return nil
			}
			y = columnNode(c)
		}
		list = append(list, compared(e.Operator, x, y, e.At))
	}
	return list
}

// columnOf returns a column of a node, or nil.
func columnOf(n plan.Node, id expr.ColumnID) *plan.Column {
	columns := n.Columns()
	for i := range columns {
		if columns[i].ID == id {
			return &columns[i]
		}
	}
	return nil
}

// antiJoin returns the join for a negated ANY or an ALL. A row stays if no row of the right, of those that on is true for,
// makes the comparison true (of ALL: anything but true) or NULL.
func antiJoin(e *expr.Node, in, right plan.Node, compared, on []*expr.Node) plan.Node {
	never := notNullColumns(in)
	never.union(notNullColumns(right))
	sure := true
	for _, x := range compared {
		sure = sure && notNull(x, never)
	}
	j := &plan.Join{Kind: plan.AntiJoin, Left: in, Right: right}
	all := e.Op == expr.OpAll
	equal := e.Op == expr.OpAny && e.Operator == expr.OpEqual
	if all && e.Operator == expr.OpNotEqual {
		// <> ALL is NOT IN.
		compared, all, equal = []*expr.Node{negated(compared[0])}, false, true
	}
	switch {
	case sure && all:
		compared = []*expr.Node{negated(compared[0])}
	case sure:
	case equal && len(on) == 0:
		j.Kind = plan.NullAntiJoin
	case all:
		compared = []*expr.Node{isNotTrue(compared[0])}
	default:
		compared = []*expr.Node{isNotFalse(expr.And(compared...))}
	}
	j.On = append(compared, on...)
	return j
}
