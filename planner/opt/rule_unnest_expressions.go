package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var unnestExpressions = &Rule{
	Name: "unnest-expressions",
	Doc: "Queries within expressions become joins: EXISTS, IN, ANY and ALL mark joins, a query for a value a left join, where " +
		"aggregates become groups. What depends on nothing stays if it is a value or an EXISTS, and so does what could fail " +
		"where CASE or COALESCE does not come to it.",
	when: hasSub,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node { return c.unnestIn(n) })
	},
}

// An extraction takes queries out of the expressions of a node. Its input grows by joins.
type extraction struct {
	c  *context
	in plan.Node
}

func (c *context) unnestIn(n plan.Node) plan.Node {
	if inputs := n.Inputs(); len(inputs) != 1 || asksOrder(inputs[0]) {
		return n
	}
	switch n := n.(type) {
	case *plan.Filter:
		x := &extraction{c: c, in: n.Input}
		list, changed := mapList(n.Conditions, func(e *expr.Node) *expr.Node { return x.out(e, false, true) })
		if !changed {
			return n
		}
		return only(&plan.Filter{Input: x.in, Conditions: list}, n.Columns())
	case *plan.Project:
		x := &extraction{c: c, in: n.Input}
		made := mapItems(n, func(e *expr.Node) *expr.Node { return x.out(e, false, false) })
		if made == plan.Node(n) {
			return n
		}
		return &plan.Project{Input: x.in, Items: made.(*plan.Project).Items}
	case *plan.Aggregate:
		x := &extraction{c: c, in: n.Input}
		made := mapAggregates(n, func(e *expr.Node) *expr.Node { return x.out(e, false, false) })
		if made == plan.Node(n) {
			return n
		}
		return made.With([]plan.Node{x.in})
	default:
		return n
	}
}

// asksOrder reports whether the order in which a node gives its rows was asked for. A join would lose it.
func asksOrder(n plan.Node) bool {
	switch n := n.(type) {
	case *plan.Sort:
		return true
	case *plan.Filter, *plan.Project, *plan.Limit, *plan.Distinct:
		return asksOrder(n.Inputs()[0])
	default:
		return false
	}
}

// only returns a node that gives those columns of another one.
func only(n plan.Node, columns []plan.Column) plan.Node {
	p := &plan.Project{Input: n}
	for _, c := range columns {
		p.Items = append(p.Items, plan.Item{Column: c, Expr: columnNode(&c)})
	}
	return p
}

// out returns the expression without its queries, as far as they could be taken out. Lazy: it is not always evaluated.
// Positive: it only matters where it is true.
func (x *extraction) out(e *expr.Node, lazy, positive bool) *expr.Node {
	if !hasSubquery(e) || e.Volatile {
		return e
	}
	if s, ok := e.Sub.(*plan.Subquery); ok {
		if hasSubqueryIn(e.Args) || lazy && mayFail(s.Root) {
			return e
		}
		if e.Op == expr.OpSubquery {
			return x.scalar(e, s, lazy)
		}
		return x.mark(e, s, positive)
	}
	positive = positive && (e.Op == expr.OpAnd || e.Op == expr.OpOr)
	var args []*expr.Node
	for i, a := range e.Args {
		made := x.out(a, lazy || i > 0 && (e.Op == expr.OpCase || e.Op == expr.OpCoalesce), positive)
		if made != a && args == nil {
			args = append([]*expr.Node{}, e.Args...)
		}
		if args != nil {
			args[i] = made
		}
	}
	if args == nil {
		return e
	}
	at := 0
	return shallow(e, func(*expr.Node) *expr.Node { at++; return args[at-1] })
}

// shallow returns an expression with other operands.
func shallow(e *expr.Node, f func(*expr.Node) *expr.Node) *expr.Node {
	m := make(map[*expr.Node]*expr.Node, len(e.Args))
	for _, a := range e.Args {
		m[a] = f(a)
	}
	return e.Map(func(n *expr.Node) *expr.Node {
		if to := m[n]; to != nil {
			return to
		}
		return n
	})
}

// mayFail reports whether something that a plan computes can be an error.
func mayFail(n plan.Node) bool {
	found := false
	each(n, func(n plan.Node) {
		expressions(n, func(e *expr.Node) { found = found || e.MayFail() })
		switch n := n.(type) {
		case *plan.Function, *plan.Limit, *plan.Recursive:
			found = true
		case *plan.Join:
			found = found || n.Single
		case *plan.Aggregate:
			for i := range n.Aggregates {
				switch n.Aggregates[i].Function {
				case "count", "min", "max", "bool_and", "bool_or", "any_value":
				default:
					found = true // a sum that is too large
				}
			}
		}
	})
	return found
}

// mark takes out an EXISTS, ANY or ALL.
func (x *extraction) mark(e *expr.Node, s *plan.Subquery, positive bool) *expr.Node {
	own := produced(x.in)
	if e.Op == expr.OpExists && !own.any(s.Depends) {
		return e
	}
	p := newPuller(x.c, own)
	p.set, p.some = true, e.Op == expr.OpExists
	right := p.pull(s.Root)
	if right == nil {
		return e
	}
	j := &plan.Join{Kind: plan.MarkJoin, Left: x.in, Right: right, On: p.on}
	j.Mark = x.c.newColumn(plan.Column{Type: boolType})
	value := columnNode(&j.Mark)
	if e.Op == expr.OpExists {
		x.in = j
		return marked(isTrue(value), e.Not)
	}
	asked := e
	if e.Op == expr.OpAll {
		c := *e // x > ALL is NOT (x <= ANY)
		c.Operator = opposite[e.Operator]
		asked = &c
	}
	compared := comparisons(asked, s, right, p.defs)
	if compared == nil {
		return e
	}
	positive = positive && !e.Not && e.Op == expr.OpAny
	if !positive {
		// A row that does not belong to the query does not make the mark NULL.
		never := notNullColumns(x.in)
		never.union(notNullColumns(right))
		for i, on := range p.on {
			if !notNull(on, never) {
				p.on[i] = isTrue(on)
			}
		}
	}
	j.On = append(compared, p.on...)
	x.in = j
	if positive {
		return isTrue(value)
	}
	return marked(value, e.Not != (e.Op == expr.OpAll))
}

func marked(e *expr.Node, not bool) *expr.Node {
	if not {
		return expr.Not(e)
	}
	return e
}

// cheaperAlone reports whether few rows of the input each look few rows of an index up, where the whole of what right
// aggregates would have to be read.
func (x *extraction) cheaperAlone(right plan.Node, on []*expr.Node) bool {
	for {
		p, ok := right.(*plan.Project)
		if !ok {
			break
		}
		right = p.Input
	}
	a, ok := right.(*plan.Aggregate)
	if !ok || x.c.options.NoIndex {
		return false
	}
	e := x.c.estimator()
	outside, inside := e.rows(x.in), e.rows(a.Input)
	for _, c := range on {
		if c.Op != expr.OpEqual {
			continue
		}
		for _, col := range c.Args {
			if !isColumn(col) {
				continue
			}
			k := e.columns[col.Column]
			if k == nil || k.scan == nil || k.place < 0 || !leadsKey(k.scan.Relation.Table, k.scan.Relation.Table.Columns[k.place].ID) {
				continue
			}
			if !idsOf(a.Groups).has(col.Column) {
				continue
			}
			each := costRestart + costSeek + inside/e.distinctOf(col.Column, inside)*costFetch
			return outside*each < e.rows(k.scan)*costScanRow
		}
	}
	return false
}

// leadsKey reports whether a key of a table begins with a column.
func leadsKey(t *catalog.Table, id uint16) bool {
	return len(t.PrimaryKey) > 0 && t.PrimaryKey[0].Column == id || slices.ContainsFunc(t.Indexes, func(ix catalog.Index) bool {
		return ix.State == catalog.Ready && ix.Columns[0].Column == id
	})
}

// scalar takes out a query for a value.
func (x *extraction) scalar(e *expr.Node, s *plan.Subquery, lazy bool) *expr.Node {
	own := produced(x.in)
	if !own.any(s.Depends) {
		return e
	}
	p := newPuller(x.c, own)
	p.scalar = true
	right := p.pull(s.Root)
	if right == nil {
		return e
	}
	if x.cheaperAlone(right, p.on) {
		return e
	}
	one := uniqueBy(right, determined(nil, p.on, produced(right)), false)
	if !one && lazy {
		return e
	}
	value := p.defs[s.Output[0]]
	switch c := columnOf(right, s.Output[0]); {
	case value == nil && c == nil:
		return e
	case value == nil:
		value = columnNode(c)
	case !p.lost:
		// Without a partner, it is NULL and not what it would be of NULLs.
		there := x.c.newColumn(plan.Column{Type: boolType, NotNull: true})
		with := passing(right)
		with.Items = append(with.Items, plan.Item{Column: there, Expr: constantTrue()})
		right = with
		value = whenThere(&there, value)
	}
	x.in = &plan.Join{Kind: plan.LeftJoin, Left: x.in, Right: right, On: p.on, Single: !one}
	return value
}
