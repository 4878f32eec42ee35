package opt

import (
	"github.com/middb/middb/planner/plan"
)

var removeDistinct = &Rule{
	Name: "remove-distinct",
	Doc: "DISTINCT goes away where there is a unique key among the columns, or where somebody above does not count: IN, " +
		"EXISTS, another DISTINCT, MIN. So do GROUP BY without aggregates, and DISTINCT within aggregates; UNION becomes " +
		"UNION ALL.",
	when: hasDistinct | hasAggregate | hasSet,
	apply: func(c *context, n plan.Node) plan.Node {
		return demanded(n, demand{need: c.output, set: c.set}, func(n plan.Node, d demand) plan.Node {
			switch n := n.(type) {
			case *plan.Distinct:
				return removedDistinct(n, d)
			case *plan.Aggregate:
				return removedGroups(n, d)
			case *plan.SetOperation:
				if n.Kind == plan.Union && !n.All && d.set {
					c := *n
					c.All = true
					return &c
				}
			}
			return n
		})
	},
}

func removedDistinct(n *plan.Distinct, d demand) plan.Node {
	if n.On == nil {
		if d.set || uniqueBy(n.Input, produced(n.Input), true) {
			return n.Input
		}
		return n
	}
	if uniqueBy(n.Input, idsOf(n.On), true) {
		return n.Input
	}
	return n
}

func removedGroups(n *plan.Aggregate, d demand) plan.Node {
	groups := idsOf(n.Groups)
	if len(n.Aggregates) == 0 && len(n.Groups) > 0 && (d.set || uniqueBy(n.Input, groups, true)) {
		return only(n.Input, n.Columns())
	}
	var made []plan.Aggregation
	for i := range n.Aggregates {
		a := n.Aggregates[i]
		if !a.Distinct || len(a.Args) == 0 {
			continue
		}
		by := groups.clone()
		addUsedColumns(&by, &a)
		plain := a
		plain.Distinct = false
		if !onceIsEnough(&plain) && (a.Function != "count" && a.Function != "sum" && a.Function != "avg" || !uniqueBy(n.Input, by, true)) {
			continue
		}
		if made == nil {
			made = append([]plan.Aggregation{}, n.Aggregates...)
		}
		made[i] = plain
	}
	if made == nil {
		return n
	}
	return &plan.Aggregate{Input: n.Input, Groups: n.Groups, Aggregates: made}
}

// addUsedColumns adds the arguments of an aggregate that are columns.
func addUsedColumns(s *idSet, a *plan.Aggregation) {
	for _, e := range a.Args {
		if isColumn(e) {
			s.add(e.Column)
		}
	}
}
