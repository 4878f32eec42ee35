package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A limit says how many rows are wanted.
type limit struct {
	count, offset *expr.Node
	rows          float64 // about how many those are together
}

// total returns count and offset as one expression, or nil if that must wait for values.
func (l *limit) total() *expr.Node {
	switch {
	case l == nil || l.count == nil:
		return nil
	case l.offset == nil:
		return l.count
	case l.count.Op != expr.OpConstant || l.offset.Op != expr.OpConstant:
		return nil
	}
	count, offset := l.count.Value, l.offset.Value
	if count.Kind() != catalog.Int64 || offset.Kind() != catalog.Int64 {
		return nil
	}
	sum := count.AsInt() + offset.AsInt()
	if count.AsInt() < 0 || offset.AsInt() < 0 || sum < 0 {
		return nil
	}
	return expr.Constant(catalog.Int(sum), catalog.Type{Kind: catalog.Int64})
}

// sort plans a Sort: nothing is to be done if the rows are sorted already.
func (p *planner) sort(n *plan.Sort, l *limit) []path {
	inputs := p.paths(n.Input)
	all := make([]path, 0, len(inputs))
	cost := cheapest(inputs)
	for _, in := range inputs {
		if done := p.orders.satisfied(in.order, n.Keys); done > 0 || in.Node == cost.Node || len(n.Keys) == 0 {
			all = append(all, p.sorted(in, n.Keys, l))
		}
	}
	return all
}

// sorted returns a path with its rows sorted by keys. Only so many of them are wanted as l says, which may be nil.
func (p *planner) sorted(in path, keys []plan.Key, l *limit) path {
	done := p.orders.satisfied(in.order, keys)
	if done == len(keys) {
		return path{in.Node, keys}
	}
	e := in.Estimate()
	s := &physical.Sort{
		Header: physical.Header{Output: in.Columns(), Est: *e}, Input: in.Node, Keys: keys, Sorted: done,
	}
	kept := e.Rows
	if l != nil && l.count != nil {
		s.Limit, s.Offset = l.count, l.offset
		kept = min(kept, max(1, l.rows))
		s.Est.Rows = kept
	}
	part := 1.0 // of the rows that are sorted together
	if done > 0 {
		part = 1 / max(1, p.groupCount(columnsOf(keys[:done]), e.Rows))
	}
	// With a limit, sorting ends in the part in which it is reached.
	needed := min(e.Rows, max(kept, part*e.Rows))
	s.Est.First = costOf(e, part*e.Rows) + costSort(part*e.Rows, min(kept, part*e.Rows), len(keys), e.Width)
	if done == 0 {
		needed = e.Rows
		s.Est.First = e.Cost + costSort(e.Rows, kept, len(keys), e.Width)
	}
	s.Est.Cost = costOf(e, needed) + needed/max(1, part*e.Rows)*costSort(part*e.Rows, min(kept, part*e.Rows), len(keys), e.Width) +
		kept*costRow
	s.Est.Cost = max(s.Est.Cost, s.Est.First)
	return path{s, keys}
}

func columnsOf(keys []plan.Key) []expr.ColumnID {
	all := make([]expr.ColumnID, len(keys))
	for i := range keys {
		all[i] = keys[i].Column
	}
	return all
}

// limit plans a Limit: what comes first may matter more than what costs least.
func (p *planner) limit(n *plan.Limit) []path {
	l := &limit{count: p.expr(n.Count), offset: p.expr(n.Offset)}
	l.rows = p.limitRows(n.Count, n.Offset)
	var hint *limit
	if n.Count != nil && !n.Ties {
		hint = l
	}
	early := p.early
	p.early = true
	inputs := p.pathsFor(n.Input, hint)
	p.early = early
	in := firstBest(inputs, l.rows)
	if n.Count == nil {
		in = cheapest(inputs)
	}
	h, e := p.header(n), in.Estimate()
	h.Output = in.Columns()
	h.Est.First = e.First
	if skipped := l.rows - h.Est.Rows; n.Offset != nil && skipped > 0 {
		h.Est.First = costOf(e, min(skipped, e.Rows))
	}
	h.Est.Cost = max(h.Est.First, costOf(e, l.rows))
	if n.Count == nil {
		h.Est.Cost = e.Cost
	}
	return []path{{&physical.Limit{
		Header: h, Input: in.Node, Count: l.count, Offset: l.offset, Ties: n.Ties, Keys: n.Keys,
	}, in.order}}
}

// window plans a Window, or several one above the other: those that want the longest order come first, so that others may
// find their rows sorted.
func (p *planner) window(n *plan.Window) []path {
	chain := []*plan.Window{n}
	for {
		below, ok := chain[len(chain)-1].Input.(*plan.Window)
		if !ok || p.sees(chain, below) {
			break
		}
		chain = append(chain, below)
	}
	inputs := p.paths(chain[len(chain)-1].Input)
	slices.Reverse(chain)
	slices.SortStableFunc(chain, func(a, b *plan.Window) int {
		return len(b.PartitionBy) + len(b.OrderBy) - len(a.PartitionBy) - len(a.OrderBy)
	})
	for _, w := range chain {
		inputs = p.keep(p.oneWindow(w, inputs))
	}
	return inputs
}

// sees reports whether windows name columns of the functions of another one, which must then be below them.
func (p *planner) sees(chain []*plan.Window, below *plan.Window) bool {
	made := map[expr.ColumnID]bool{}
	for i := range below.Functions {
		made[below.Functions[i].Column.ID] = true
	}
	is := func(c expr.ColumnID) bool { return made[c] }
	for _, w := range chain {
		if slices.ContainsFunc(w.PartitionBy, is) || slices.ContainsFunc(columnsOf(w.OrderBy), is) {
			return true
		}
		for i := range w.Functions {
			f := &w.Functions[i]
			for _, x := range append(slices.Clone(f.Args), f.Filter) {
				if x != nil && slices.ContainsFunc(x.Columns(), is) {
					return true
				}
			}
		}
	}
	return false
}

// oneWindow puts a Window on paths, which it sorts if they are not.
func (p *planner) oneWindow(w *plan.Window, inputs []path) []path {
	functions := slices.Clone(w.Functions)
	perRow := costWindowRow * float64(len(functions))
	for i := range functions {
		f := &functions[i]
		f.Args, f.Filter = p.exprs(f.Args), p.expr(f.Filter)
		f.Frame.Start.Offset, f.Frame.End.Offset = p.expr(f.Frame.Start.Offset), p.expr(f.Frame.End.Offset)
		for _, x := range f.Args {
			one, _ := p.evaluating(x)
			perRow += one
		}
	}
	all := make([]path, 0, len(inputs))
	cost := cheapest(inputs)
	for _, in := range inputs {
		ready := p.windowReady(in.order, w)
		if !ready && in.Node != cost.Node {
			continue
		}
		if !ready {
			in = p.sorted(in, slices.Concat(p.partitionKeys(w.PartitionBy), w.OrderBy), nil)
		}
		h := physical.Header{Output: slices.Clone(in.Columns()), Est: *in.Estimate()}
		for i := range functions {
			h.Output = append(h.Output, functions[i].Column)
			h.Est.Width += p.widthOf(functions[i].Column)
		}
		h.Est.Cost += h.Est.Rows * perRow
		h.Est.First += perRow * h.Est.Rows / max(1, p.groupCount(w.PartitionBy, h.Est.Rows))
		all = append(all, path{&physical.Window{
			Header: h, Input: in.Node, PartitionBy: w.PartitionBy, OrderBy: w.OrderBy, Functions: functions,
		}, in.order})
	}
	return all
}

// windowReady reports whether rows of an order are sorted as a Window wants it.
func (p *planner) windowReady(order []plan.Key, w *plan.Window) bool {
	n := p.orders.together(order, w.PartitionBy)
	if n < 0 {
		return false
	}
	var rest []plan.Key // those of OrderBy that partitions do not fix
	for _, k := range w.OrderBy {
		if !slices.Contains(w.PartitionBy, k.Column) {
			rest = append(rest, k)
		}
	}
	return p.orders.satisfied(order[n:], rest) == len(rest)
}

// partitionKeys returns keys that sort by the columns of partitions.
func (p *planner) partitionKeys(columns []expr.ColumnID) []plan.Key { return keysOf(columns) }
