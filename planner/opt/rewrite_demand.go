package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A demand is what somebody wants of a plan.
type demand struct {
	need idSet // the columns that are looked at; there may be others in it, of other plans
	set  bool  // how often a row comes does not matter
}

// demands returns what a node wants of its inputs if that is wanted of it.
func demands(n plan.Node, d demand) []demand {
	switch n := n.(type) {
	case *plan.Filter:
		return []demand{{d.with(n.Conditions), d.set}}
	case *plan.Project:
		var need idSet
		for i := range n.Items {
			addUsed(&need, n.Items[i].Expr)
		}
		return []demand{{need, d.set}}
	case *plan.Join:
		return joinDemands(n, d)
	case *plan.Aggregate:
		var need idSet
		need.addAll(n.Groups)
		set := true
		for i := range n.Aggregates {
			addAggregation(&need, &n.Aggregates[i])
			set = set && onceIsEnough(&n.Aggregates[i])
		}
		return []demand{{need, set}}
	case *plan.Window:
		need := d.need.clone()
		need.addAll(n.PartitionBy)
		addKeys(&need, n.OrderBy)
		for i := range n.Functions {
			addAggregation(&need, &n.Functions[i].Aggregation)
		}
		expressions(n, func(e *expr.Node) { addUsed(&need, e) })
		return []demand{{need, false}}
	case *plan.Distinct:
		need := d.need.clone()
		if n.On == nil {
			addProduced(&need, n.Input)
		}
		need.addAll(n.On)
		return []demand{{need, n.On == nil}}
	case *plan.Sort:
		need := d.need.clone()
		addKeys(&need, n.Keys)
		return []demand{{need, d.set}}
	case *plan.Limit:
		need := d.need.clone()
		addKeys(&need, n.Keys)
		return []demand{{need, false}}
	case *plan.SetOperation:
		set := !n.All || n.Kind == plan.Union && d.set
		return []demand{{idsOf(n.LeftColumns), set}, {idsOf(n.RightColumns), set}}
	case *plan.With:
		all := make([]demand, len(n.Common)+1)
		for i, c := range n.Common {
			all[i].need = idsOf(c.Output)
		}
		all[len(n.Common)] = d
		return all
	case *plan.Recursive:
		return []demand{{idsOf(n.BaseColumns), false}, {idsOf(n.StepColumns), false}}
	default:
		return nil
	}
}

func idsOf(list []expr.ColumnID) idSet {
	var s idSet
	s.addAll(list)
	return s
}

func (d demand) with(list []*expr.Node) idSet {
	need := d.need.clone()
	for _, e := range list {
		addUsed(&need, e)
	}
	return need
}

func joinDemands(n *plan.Join, d demand) []demand {
	left := demand{d.with(n.On), d.set}
	right := left
	if n.Kind.LeftOnly() {
		right = demand{demand{}.with(n.On), true}
	}
	if n.Lateral {
		left.need = left.need.clone()
		left.need.union(outer(n.Right))
	}
	if n.Single {
		right.set = false
	}
	return []demand{left, right}
}

func addKeys(s *idSet, keys []plan.Key) {
	for _, k := range keys {
		s.add(k.Column)
	}
}

func addAggregation(s *idSet, a *plan.Aggregation) {
	for _, e := range a.Args {
		addUsed(s, e)
	}
	if a.Filter != nil {
		addUsed(s, a.Filter)
	}
	addKeys(s, a.OrderBy)
}

// onceIsEnough reports whether an aggregate does not look at how often a row comes.
func onceIsEnough(a *plan.Aggregation) bool {
	switch a.Function {
	case "min", "max", "bool_and", "bool_or", "any_value":
		return true
	case "count", "sum", "avg":
		return a.Distinct
	default:
		return false
	}
}
