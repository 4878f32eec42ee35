package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// aggregate plans an Aggregate: with a hash table, or over sorted rows.
func (p *planner) aggregate(n *plan.Aggregate) []path {
	inputs := p.paths(n.Input)
	h := p.header(n)
	list := p.aggregations(n.Aggregates)
	var all []path
	if len(n.Groups) == 0 {
		all = append(all, p.sortAggregate(h, cheapest(inputs), n.Groups, list))
		return append(all, p.extremes(n, h)...)
	}
	if p.o.Aggregate != SortAggregates {
		all = append(all, p.hashAggregate(h, cheapest(inputs), n.Groups, list))
	}
	if p.o.Aggregate == HashAggregates {
		return all
	}
	for _, in := range inputs {
		if p.orders.grouped(in.order, n.Groups) {
			all = append(all, p.sortAggregate(h, in, n.Groups, list))
		}
	}
	sorted := p.sorted(cheapest(inputs), keysOf(n.Groups), nil)
	return append(all, p.sortAggregate(h, sorted, n.Groups, list))
}

// aggregating returns what an aggregation costs for each row, besides finding its group.
func (p *planner) aggregating(list []plan.Aggregation, rows float64) float64 {
	total := 0.0
	for i := range list {
		a := &list[i]
		total += costAggregateRow
		for _, x := range append(slices.Clone(a.Args), a.Filter) {
			if x != nil {
				perRow, _ := p.evaluating(x)
				total += perRow
			}
		}
		switch {
		case len(a.OrderBy) > 0:
			total += costSort(rows, rows, len(a.OrderBy), 16) / max(1, rows)
		case a.Distinct:
			total += costHashBuild
		}
	}
	return total
}

func (p *planner) hashAggregate(h physical.Header, in path, groups []expr.ColumnID, list []plan.Aggregation) path {
	e := in.Estimate()
	h.Est.Rows = min(h.Est.Rows, max(1, e.Rows))
	perRow := costHashProbe + float64(len(groups))*costHashKey + p.aggregating(list, e.Rows)
	h.Est.First = e.Cost + e.Rows*perRow + h.Est.Rows*costHashGroup + p.spilling(h.Est.Rows, h.Est.Width+groupBytes)
	h.Est.Cost = h.Est.First + h.Est.Rows*costRow
	return path{Node: &physical.HashAggregate{Header: h, Input: in.Node, Groups: groups, Aggregates: list}}
}

func (p *planner) sortAggregate(h physical.Header, in path, groups []expr.ColumnID, list []plan.Aggregation) path {
	e := in.Estimate()
	if len(groups) > 0 {
		h.Est.Rows = min(h.Est.Rows, max(1, e.Rows))
	}
	perRow := float64(len(groups))*costCompareKey + p.aggregating(list, e.Rows)
	h.Est.Cost = e.Cost + e.Rows*perRow + h.Est.Rows*costRow
	h.Est.First = h.Est.Cost
	if len(groups) > 0 {
		h.Est.First = e.First + (h.Est.Cost-e.First)/max(1, h.Est.Rows)
	}
	var order []plan.Key
	if n := p.orders.together(in.order, groups); n > 0 {
		order = in.order[:n:n]
	}
	return path{&physical.SortAggregate{Header: h, Input: in.Node, Groups: groups, Aggregates: list}, order}
}

// extremes plans MIN and MAX of columns of a table by the first rows of orders, as if they were written as
//
//	SELECT min(x) FROM (SELECT x FROM t WHERE ... AND x IS NOT NULL ORDER BY x LIMIT 1)
func (p *planner) extremes(n *plan.Aggregate, h physical.Header) []path {
	if len(n.Aggregates) != 1 || p.o.NoIndex || !isExtreme(&n.Aggregates[0]) || !overScan(n.Input) {
		return nil
	}
	a := &n.Aggregates[0]
	column := a.Args[0]
	input := n.Input
	if !p.orders.notNull[column.Column] {
		input = &plan.Filter{Input: n.Input, Conditions: []*expr.Node{expr.IsNull(column, true)}}
	}
	sorted := &plan.Sort{
		Input: input,
		Keys:  []plan.Key{{Column: column.Column, Descending: a.Function == "max", NullsFirst: a.Function == "max"}},
	}
	in := p.best(&plan.Limit{Input: sorted, Count: one})
	return []path{p.sortAggregate(h, path{Node: in}, nil, p.aggregations(n.Aggregates))}
}

var one = expr.Constant(catalog.Int(1), catalog.Type{Kind: catalog.Int64})

// overScan reports whether an operator is a Scan, with filters.
func overScan(n plan.Node) bool {
	for {
		f, ok := n.(*plan.Filter)
		if !ok {
			_, ok = n.(*plan.Scan)
			return ok
		}
		n = f.Input
	}
}

// distinct plans a Distinct: with a hash table, or over sorted rows. What is sorted below it stays in its order.
func (p *planner) distinct(n *plan.Distinct) []path {
	inputs := p.paths(n.Input)
	h, on := p.header(n), n.On
	if on == nil {
		for _, c := range p.output(n.Input) {
			on = append(on, c.ID)
		}
	}
	var all []path
	for _, in := range inputs {
		if p.orders.grouped(in.order, on) && p.o.Aggregate != HashAggregates {
			all = append(all, p.sortDistinct(h, in, on))
		}
	}
	if n.On != nil && isSorted(n.Input) {
		if len(all) > 0 {
			return all
		}
		return []path{p.hashDistinct(h, cheapest(inputs), on)}
	}
	if p.o.Aggregate != SortAggregates {
		all = append(all, p.hashDistinct(h, cheapest(inputs), on))
	}
	if p.o.Aggregate != HashAggregates {
		all = append(all, p.sortDistinct(h, p.sorted(cheapest(inputs), keysOf(on), nil), on))
	}
	return all
}

// isSorted reports whether the rows of an operator are in an order that was asked for.
func isSorted(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Sort:
		return true
	case *plan.Project, *plan.Filter, *plan.Limit:
		return isSorted(n.Inputs()[0])
	default:
		return false
	}
}

func (p *planner) hashDistinct(h physical.Header, in path, on []expr.ColumnID) path {
	e := in.Estimate()
	h.Est.Rows = min(h.Est.Rows, max(1, e.Rows))
	perRow := costHashProbe + float64(len(on))*costHashKey
	h.Est.Cost = e.Cost + e.Rows*perRow + h.Est.Rows*costHashGroup + p.spilling(h.Est.Rows, h.Est.Width+groupBytes)
	h.Est.First = e.First + perRow
	return path{Node: &physical.HashDistinct{Header: h, Input: in.Node, On: on}}
}

func (p *planner) sortDistinct(h physical.Header, in path, on []expr.ColumnID) path {
	e := in.Estimate()
	h.Est.Rows = min(h.Est.Rows, max(1, e.Rows))
	h.Est.Cost = e.Cost + e.Rows*float64(len(on))*costCompareKey
	h.Est.First = e.First
	return path{&physical.SortDistinct{Header: h, Input: in.Node, On: on}, in.order}
}

// setOperation plans a set operation. UNION ALL of several becomes one Append.
func (p *planner) setOperation(n *plan.SetOperation, l *limit) []path {
	if n.Kind == plan.Union && n.All {
		return p.union(n, l)
	}
	left, right := p.best(n.Left), p.best(n.Right)
	h := p.header(n)
	le, re := left.Estimate(), right.Estimate()
	perRow := costHashProbe + float64(len(n.Output))*costHashKey
	kept := h.Est.Rows
	if n.Kind != plan.Union {
		kept = re.Rows
	}
	h.Est.Cost = le.Cost + re.Cost + (le.Rows+re.Rows)*perRow + kept*costHashGroup + p.spilling(kept, h.Est.Width+groupBytes)
	h.Est.First = le.First
	if n.Kind != plan.Union {
		h.Est.First += re.Cost + re.Rows*(perRow+costHashGroup)
	}
	return []path{{Node: &physical.HashSet{
		Header: h, Kind: n.Kind, All: n.All, Left: left, Right: right,
		LeftColumns: n.LeftColumns, RightColumns: n.RightColumns,
	}}}
}

func (p *planner) union(n *plan.SetOperation, l *limit) []path {
	h := p.header(n)
	a := &physical.Append{}
	p.parts(a, n, ids(n.Output), l)
	h.Est.Rows = 0
	for i, part := range a.Parts {
		e := part.Estimate()
		h.Est.Rows += e.Rows
		h.Est.Cost += e.Cost
		if i == 0 {
			h.Est.First = e.First
		}
	}
	h.Est.Cost += h.Est.Rows * costRow
	a.Header = h
	return []path{{Node: a}}
}

// parts adds to a what a node gives in some columns: the node, or the parts that it joins.
func (p *planner) parts(a *physical.Append, n plan.Node, columns []expr.ColumnID, l *limit) {
	s, ok := n.(*plan.SetOperation)
	if !ok || s.Kind != plan.Union || !s.All {
		list := p.pathsFor(n, l)
		best := cheapest(list)
		if l != nil {
			best = firstBest(list, l.rows)
		}
		a.Parts, a.Select = append(a.Parts, best.Node), append(a.Select, columns)
		return
	}
	at := make([]int, len(columns))
	for i, c := range columns {
		at[i] = slices.IndexFunc(s.Output, func(o plan.Column) bool { return o.ID == c })
		if at[i] < 0 {
			p.fail("a set operation has no column %d", c)
			return
		}
	}
	choose := func(from []expr.ColumnID) []expr.ColumnID {
		chosen := make([]expr.ColumnID, len(at))
		for i, j := range at {
			chosen[i] = from[j]
		}
		return chosen
	}
	p.parts(a, s.Left, choose(s.LeftColumns), l)
	p.parts(a, s.Right, choose(s.RightColumns), l)
}

// ids returns the IDs of columns.
func ids(columns []plan.Column) []expr.ColumnID {
	all := make([]expr.ColumnID, len(columns))
	for i := range columns {
		all[i] = columns[i].ID
	}
	return all
}
