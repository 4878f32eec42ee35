package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var extractAlternatives = &Rule{
	Name: "extract-alternatives",
	Doc: "Where every branch of an OR between two inputs of an inner join says something about one of them alone, that is said " +
		"of it before the join too: (l.a = 1 AND r.b = 2) OR (l.a = 3 AND r.b = 4) says l.a = 1 OR l.a = 3.",
	when: hasJoin,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			j, ok := n.(*plan.Join)
			if !ok || j.Kind != plan.InnerJoin && j.Kind != plan.SemiJoin {
				return n
			}
			return c.extracted(j)
		})
	},
}

func (c *context) extracted(n *plan.Join) plan.Node {
	var more []*expr.Node
	for _, e := range conjuncts(n.On) {
		if e.Op != expr.OpOr || e.Volatile || c.mined[e] {
			continue
		}
		if c.mined == nil {
			c.mined = map[*expr.Node]bool{}
		}
		c.mined[e] = true
		for _, side := range n.Inputs() {
			if x := alternatives(e, produced(side)); x != nil {
				more = append(more, x)
			}
		}
	}
	if len(more) == 0 {
		return n
	}
	j := *n
	j.On = append(slices.Clip(conjuncts(n.On)), more...)
	return &j
}

// alternatives returns what an OR says about some columns alone, or nil if one of its branches says nothing about them.
func alternatives(or *expr.Node, of idSet) *expr.Node {
	branches := make([]*expr.Node, 0, len(or.Args))
	for _, b := range or.Args {
		var own []*expr.Node
		for _, e := range b.Conjuncts() {
			if of.all(e.Columns()) && uses(e, of) && !e.MayFail() {
				own = append(own, e)
			}
		}
		if len(own) == 0 {
			return nil
		}
		branches = append(branches, expr.And(own...))
	}
	return expr.Or(branches...)
}
