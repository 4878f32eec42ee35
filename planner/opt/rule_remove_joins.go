package opt

import (
	"github.com/middb/middb/planner/plan"
)

var removeJoins = &Rule{
	Name: "remove-joins",
	Doc: "A left join that gives every row of its left once, because it has a unique key of its right, goes away if nobody " +
		"looks at the right; if it does not matter how often rows come, any left join does, and an inner join becomes a semi " +
		"join.",
	when: hasJoin,
	apply: func(c *context, n plan.Node) plan.Node {
		return demanded(n, demand{need: c.output, set: c.set}, func(n plan.Node, d demand) plan.Node {
			if j, ok := n.(*plan.Join); ok {
				return removedJoin(j, d)
			}
			return n
		})
	},
}

// demanded applies f to all nodes, from the top, with what is wanted of them.
func demanded(n plan.Node, d demand, f func(plan.Node, demand) plan.Node) plan.Node {
	for {
		made := f(n, d)
		if made == n {
			break
		}
		n = made
	}
	wanted := demands(n, d)
	i := 0
	return mapInputs(n, func(in plan.Node) plan.Node {
		i++
		return demanded(in, wanted[i-1], f)
	})
}

func removedJoin(n *plan.Join, d demand) plan.Node {
	if n.Lateral || anyVolatile(n.On) {
		return n
	}
	right := produced(n.Right)
	switch n.Kind {
	case plan.LeftJoin:
		if d.need.meets(right) || volatile(n.Right) {
			return n
		}
		if d.set && !n.Single || partnersUnique(n, right) {
			return n.Left
		}
	case plan.InnerJoin:
		if !d.set || volatile(n) {
			return n
		}
		if !d.need.meets(right) && !isJoin(n.Right) {
			return &plan.Join{Kind: plan.SemiJoin, Left: n.Left, Right: n.Right, On: n.On}
		}
		if !d.need.meets(produced(n.Left)) && !isJoin(n.Left) {
			return &plan.Join{Kind: plan.SemiJoin, Left: n.Right, Right: n.Left, On: n.On}
		}
	default:
	}
	return n
}

func isJoin(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Join:
		return true
	case *plan.Filter:
		return isJoin(n.Input)
	default:
		return false
	}
}

// partnersUnique reports whether no row of the left has two partners.
func partnersUnique(n *plan.Join, right idSet) bool {
	return uniqueBy(n.Right, determined(nil, n.On, right), false)
}
