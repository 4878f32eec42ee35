package opt

import (
	"slices"

	"github.com/middb/middb/planner/plan"
)

var mergeFilters = &Rule{
	Name: "merge-filters",
	Doc:  "A filter on top of a filter is one filter; one of no conditions is none. ANDs become lists of conditions.",
	when: hasFilter,
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			f, ok := n.(*plan.Filter)
			if !ok {
				return n
			}
			list := conjuncts(f.Conditions)
			if len(list) == 0 {
				return f.Input
			}
			if in, ok := f.Input.(*plan.Filter); ok {
				return &plan.Filter{Input: in.Input, Conditions: slices.Concat(in.Conditions, list)}
			}
			if len(list) == len(f.Conditions) {
				return f
			}
			return &plan.Filter{Input: f.Input, Conditions: list}
		})
	},
}
