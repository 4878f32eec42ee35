package opt

import (
	"github.com/middb/middb/planner/plan"
)

var removeSorts = &Rule{
	Name: "remove-sorts",
	Doc: "A sort goes away where its order is lost or does not matter: below another sort, joins, set operations and " +
		"aggregates that do not depend on it, and in EXISTS and IN.",
	when: hasSort,
	apply: func(c *context, n plan.Node) plan.Node {
		return unsorted(n, !c.inner)
	},
}

// unsorted removes sorts from a plan. Matters says that the order of its rows does.
func unsorted(n plan.Node, matters bool) plan.Node {
	switch n := n.(type) {
	case *plan.Sort:
		if !matters {
			return unsorted(n.Input, false)
		}
		matters = false
	case *plan.Filter, *plan.Project:
	case *plan.Limit:
		matters = true
	case *plan.Distinct:
		matters = matters || n.On != nil
	case *plan.Window:
		matters = len(n.OrderBy) == 0
	case *plan.Aggregate:
		matters = false
		for i := range n.Aggregates {
			matters = matters || wantsOrder(&n.Aggregates[i])
		}
	case *plan.With:
		i := 0
		return mapInputs(n, func(in plan.Node) plan.Node {
			i++
			return unsorted(in, matters && i > len(n.Common))
		})
	case *plan.SetOperation:
		matters = matters && n.Kind == plan.Union && n.All
	default:
		matters = false
	}
	return mapInputs(n, func(in plan.Node) plan.Node { return unsorted(in, matters) })
}

// wantsOrder reports whether the result of an aggregate depends on the order of its rows.
func wantsOrder(a *plan.Aggregation) bool {
	if len(a.OrderBy) > 0 {
		return false
	}
	switch a.Function {
	case "count", "sum", "avg", "min", "max", "bool_and", "bool_or", "stddev_samp", "stddev_pop", "var_samp", "var_pop":
		return false
	default:
		return true
	}
}
