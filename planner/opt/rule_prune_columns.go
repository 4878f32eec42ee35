package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var pruneColumns = &Rule{
	Name: "prune-columns",
	Doc: "Nothing is read or computed that nobody looks at: columns of tables, of projections, of UNION ALL and of queries of a " +
		"WITH, aggregates, window functions. What is volatile stays.",
	apply: func(c *context, n plan.Node) plan.Node {
		p := &pruner{need: map[int]*idSet{}, kept: map[int][]int{}}
		p.pin(n)
		made := p.prune(n, c.output)
		if len(p.kept) > 0 {
			made = bottomUp(made, p.reference)
		}
		return made
	},
}

type pruner struct {
	need map[int]*idSet // of Commons by number: the places of Output that are looked at
	all  idSet          // Commons that queries in expressions read: they stay as they are
	kept map[int][]int  // of Commons that lose columns: the places that stay
}

// pin finds what queries in expressions read.
func (p *pruner) pin(n plan.Node) {
	if featuresOf(n)&hasWith == 0 {
		return
	}
	each(n, func(n plan.Node) {
		expressions(n, func(e *expr.Node) {
			subqueries(e, func(s *plan.Subquery) {
				everywhere(s.Root, func(n plan.Node) {
					if r, ok := n.(*plan.Reference); ok {
						p.all.add(expr.ColumnID(r.Number))
					}
				})
			})
		})
	})
}

// prune returns the plan without what is not needed of it.
func (p *pruner) prune(n plan.Node, need idSet) plan.Node {
	switch n := n.(type) {
	case *plan.Scan:
		return pruneScan(n, need)
	case *plan.Rows:
		return pruneRows(n, need)
	case *plan.Reference:
		places := p.need[n.Number]
		if places == nil {
			places = new(idSet)
			p.need[n.Number] = places
		}
		for i := range n.Output {
			if need.has(n.Output[i].ID) {
				places.add(expr.ColumnID(i))
			}
		}
		return n
	case *plan.With:
		return p.with(n, need)
	case *plan.Join:
		if n.Kind == plan.MarkJoin && !need.has(n.Mark.ID) {
			return p.prune(n.Left, need)
		}
	}
	made := trimmed(n, need)
	if w, ok := made.(*plan.Window); ok && len(w.Functions) == 0 {
		return p.prune(w.Input, need)
	}
	if a, ok := made.(*plan.Aggregate); ok && len(a.Groups)+len(a.Aggregates) == 0 {
		return &plan.Rows{Rows: [][]*expr.Node{{}}}
	}
	wanted := demands(made, demand{need: need})
	i := 0
	return mapInputs(made, func(in plan.Node) plan.Node {
		i++
		return p.prune(in, wanted[i-1].need)
	})
}

// trimmed returns the node without what it computes and nobody needs.
func trimmed(n plan.Node, need idSet) plan.Node {
	switch n := n.(type) {
	case *plan.Project:
		items := pick(n.Items, func(it *plan.Item) bool { return need.has(it.Column.ID) || it.Expr.Volatile })
		if len(items) < len(n.Items) {
			return &plan.Project{Input: n.Input, Items: items}
		}
	case *plan.Aggregate:
		list := pick(n.Aggregates, func(a *plan.Aggregation) bool { return need.has(a.Column.ID) || anyVolatile(a.Args) })
		if len(list) < len(n.Aggregates) {
			return &plan.Aggregate{Input: n.Input, Groups: n.Groups, Aggregates: list}
		}
	case *plan.Window:
		list := pick(n.Functions, func(f *plan.WindowFunction) bool { return need.has(f.Column.ID) || anyVolatile(f.Args) })
		if len(list) < len(n.Functions) {
			c := *n
			c.Functions = list
			return &c
		}
	case *plan.SetOperation:
		return trimmedUnion(n, need)
	}
	return n
}

// pick returns the parts of a list that f is true for: the same list if it is for all.
func pick[E any](list []E, f func(*E) bool) []E {
	kept := 0
	for i := range list {
		if f(&list[i]) {
			kept++
		}
	}
	if kept == len(list) {
		return list
	}
	some := make([]E, 0, kept)
	for i := range list {
		if f(&list[i]) {
			some = append(some, list[i])
		}
	}
	return some
}

func trimmedUnion(n *plan.SetOperation, need idSet) plan.Node {
	if n.Kind != plan.Union || !n.All {
		return n
	}
	var c plan.SetOperation
	for i := range n.Output {
		if need.has(n.Output[i].ID) {
			c.Output = append(c.Output, n.Output[i])
			c.LeftColumns = append(c.LeftColumns, n.LeftColumns[i])
			c.RightColumns = append(c.RightColumns, n.RightColumns[i])
		}
	}
	if len(c.Output) == len(n.Output) {
		return n
	}
	c.Kind, c.All, c.Left, c.Right = n.Kind, n.All, n.Left, n.Right
	return &c
}

func pruneScan(n *plan.Scan, need idSet) plan.Node {
	output := pick(n.Output, func(c *plan.Column) bool { return need.has(c.ID) })
	if len(output) == len(n.Output) {
		return n
	}
	places := make([]int, 0, len(output))
	for i := range n.Output {
		if need.has(n.Output[i].ID) {
			places = append(places, n.Places[i])
		}
	}
	return &plan.Scan{Relation: n.Relation, Alias: n.Alias, Output: output, Places: places}
}

func pruneRows(n *plan.Rows, need idSet) plan.Node {
	keep := func(i int) bool {
		if need.has(n.Output[i].ID) {
			return true
		}
		for _, row := range n.Rows {
			if row[i].Volatile {
				return true
			}
		}
		return false
	}
	var places []int
	for i := range n.Output {
		if keep(i) {
			places = append(places, i)
		}
	}
	if len(places) == len(n.Output) {
		return n
	}
	made := &plan.Rows{Rows: make([][]*expr.Node, len(n.Rows))}
	for _, i := range places {
		made.Output = append(made.Output, n.Output[i])
		for j, row := range n.Rows {
			made.Rows[j] = append(made.Rows[j], row[i])
		}
	}
	return made
}

// with prunes the body first, which says what is needed of the common queries, and those from the last one to the first.
func (p *pruner) with(n *plan.With, need idSet) plan.Node {
	c := &plan.With{Common: make([]*plan.Common, len(n.Common)), Body: p.prune(n.Body, need)}
	changed := c.Body != n.Body
	for i := len(n.Common) - 1; i >= 0; i-- {
		common := *n.Common[i]
		places := p.need[common.Number]
		if places != nil && !p.all.has(expr.ColumnID(common.Number)) {
			common.Output = nil
			var kept []int
			for at, id := range n.Common[i].Output {
				if places.has(expr.ColumnID(at)) {
					common.Output = append(common.Output, id)
					kept = append(kept, at)
				}
			}
			if len(kept) < len(n.Common[i].Output) {
				p.kept[common.Number] = kept
				changed = true
			}
		}
		common.Plan = p.prune(common.Plan, idsOf(common.Output))
		changed = changed || common.Plan != n.Common[i].Plan
		c.Common[i] = &common
	}
	if !changed {
		return n
	}
	return c
}

// reference takes those columns out of a reference that its query does not give any more.
func (p *pruner) reference(n plan.Node) plan.Node {
	r, ok := n.(*plan.Reference)
	if !ok || p.kept[r.Number] == nil && len(p.kept) == 0 {
		return n
	}
	places, lost := p.kept[r.Number]
	if !lost {
		return n
	}
	c := &plan.Reference{Number: r.Number, Name: r.Name}
	for _, i := range places {
		c.Output = append(c.Output, r.Output[i])
	}
	return c
}
