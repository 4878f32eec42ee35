package opt

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A puller takes a plan apart that names columns of the rows beside it: into a plan that does not, and conditions on pairs
// of rows of both. So a query that would be computed for each row becomes the right side of a join. After Kim, "On
// Optimizing an SQL-like Nested Query", TODS 1982, as corrected by Ganski and Wong, SIGMOD 1987, for what counts nothing.
type puller struct {
	c     *context
	outer idSet // the columns that the plan shall not name any more
	set   bool  // how often a row comes does not matter
	some  bool  // it only matters whether there is a row
	// scalar: the plan may lose rows that it gives of nothing, if that is said in lost.
	scalar bool

	on   []*expr.Node // conditions that were in the plan
	defs substitution // columns that the plan does not compute any more, of columns that it gives and of outer ones
	// lost: there was an aggregate without groups, which gives no row now where it had no input. Then defs has what its
	// columns are for NULLs.
	lost bool
}

func newPuller(c *context, outer idSet) *puller {
	return &puller{c: c, outer: outer, defs: substitution{}}
}

// pull returns the plan without columns of outer, or nil if that cannot be done. Then the puller is useless.
func (p *puller) pull(n plan.Node) plan.Node {
	if !depends(n, p.outer) {
		return n
	}
	switch n.(type) {
	case *plan.Project, *plan.Sort, *plan.Limit:
	default:
		p.some = false
	}
	switch n := n.(type) {
	case *plan.Filter:
		return p.filter(n)
	case *plan.Project:
		return p.project(n)
	case *plan.Rows:
		return p.rows(n)
	case *plan.Join:
		return p.join(n)
	case *plan.Aggregate:
		return p.aggregate(n)
	case *plan.Distinct:
		return p.distinct(n)
	case *plan.Window:
		return p.window(n)
	case *plan.Sort:
		return p.pull(n.Input) // the order is lost in the join
	case *plan.Limit:
		if n.Offset == nil && !n.Ties && n.Count != nil && n.Count.Op == expr.OpConstant && !atMost(n, 0) && (p.some || single(n.Input)) {
			return p.pull(n.Input)
		}
	}
	return nil
}

// mine returns an expression with defs put in, and whether it names outer columns.
func (p *puller) mine(e *expr.Node) (*expr.Node, bool) {
	e = p.defs.in(e)
	return e, uses(e, p.outer)
}

// divide parts conditions: those that name outer columns go to p.on.
func (p *puller) divide(list []*expr.Node) (stay []*expr.Node, ok bool) {
	for _, c := range conjuncts(list) {
		e, out := p.mine(c)
		switch {
		case !out:
			stay = append(stay, e)
		case e.Volatile:
			return nil, false
		default:
			p.on = append(p.on, e)
		}
	}
	return stay, true
}

func (p *puller) filter(n *plan.Filter) plan.Node {
	in := p.pull(n.Input)
	if in == nil || p.lost {
		return nil
	}
	stay, ok := p.divide(n.Conditions)
	if !ok {
		return nil
	}
	return filtered(in, stay)
}

// project computes what names outer columns, and what is made of an aggregate that was lost, above the join.
func (p *puller) project(n *plan.Project) plan.Node {
	in := p.pull(n.Input)
	if in == nil {
		return nil
	}
	made := &plan.Project{Input: in}
	defs := substitution{}
	for i := range n.Items {
		it := n.Items[i]
		e, out := p.mine(it.Expr)
		switch {
		case !out && !p.lost:
			it.Expr = e
			made.Items = append(made.Items, it)
		case e.Volatile:
			return nil
		default:
			defs[it.Column.ID] = e
		}
	}
	p.defs = defs
	p.expose(made)
	return made
}

// expose has a projection pass on what conditions and definitions need.
func (p *puller) expose(n *plan.Project) {
	var want, has idSet
	for _, e := range p.on {
		addUsed(&want, e)
	}
	for _, e := range p.defs {
		addUsed(&want, e)
	}
	for i := range n.Items {
		has.add(n.Items[i].Column.ID)
	}
	for _, c := range n.Input.Columns() {
		if want.has(c.ID) && !has.has(c.ID) {
			n.Items = append(n.Items, plan.Item{Column: c, Expr: columnNode(&c)})
		}
	}
}

// rows is for a VALUES of one row.
func (p *puller) rows(n *plan.Rows) plan.Node {
	if len(n.Rows) != 1 {
		return nil
	}
	made := &plan.Rows{Rows: [][]*expr.Node{{}}}
	for i, e := range n.Rows[0] {
		if uses(e, p.outer) {
			if e.Volatile {
				return nil
			}
			p.defs[n.Output[i].ID] = e
			continue
		}
		made.Output = append(made.Output, n.Output[i])
		made.Rows[0] = append(made.Rows[0], e)
	}
	return made
}

func (p *puller) join(n *plan.Join) plan.Node {
	if n.Lateral {
		return nil
	}
	kind := n.Kind
	rightToo := kind == plan.InnerJoin
	if kind == plan.SemiJoin && p.set && (depends(n.Right, p.outer) || depends(&plan.Join{Left: &plan.Rows{}, Right: &plan.Rows{}, On: n.On}, p.outer)) {
		kind, rightToo = plan.InnerJoin, true // rows come more often, which does not matter
	}
	if kind == plan.FullJoin || !rightToo && depends(n.Right, p.outer) {
		return nil
	}
	left := p.pull(n.Left)
	if left == nil || p.lost {
		return nil
	}
	right := n.Right
	if rightToo {
		if right = p.pull(n.Right); right == nil || p.lost {
			return nil
		}
	}
	before := len(p.on)
	on, ok := p.divide(n.On)
	if !ok || !rightToo && len(p.on) > before {
		return nil
	}
	c := *n
	c.Kind, c.Left, c.Right, c.On = kind, left, right, on
	return &c
}

// equalities checks that conditions from that one on say that columns of the node equal something of the outer row, and
// returns the columns. What is equal and no column becomes one, below.
func (p *puller) equalities(from int, in plan.Node) (plan.Node, []expr.ColumnID) {
	own := produced(in)
	var columns []expr.ColumnID
	var more *plan.Project
	for i := from; i < len(p.on); i++ {
		e := p.on[i]
		if !uses(e, own) {
			continue
		}
		if e.Op != expr.OpEqual && e.Op != expr.OpNotDistinct || e.Volatile || hasSubquery(e) {
			return nil, nil
		}
		x, y := e.Args[0], e.Args[1]
		if uses(x, own) {
			x, y = y, x
		}
		if uses(x, own) || uses(y, p.outer) {
			return nil, nil
		}
		if y.Op != expr.OpColumn {
			if more == nil {
				more = passing(in)
			}
			c := p.c.newColumn(plan.Column{Type: y.Type})
			more.Items = append(more.Items, plan.Item{Column: c, Expr: y})
			y = columnNode(&c)
			p.on[i] = compared(e.Op, x, y, e.At)
		}
		columns = append(columns, y.Column)
	}
	if more != nil {
		in = more
	}
	return in, columns
}

func (p *puller) aggregate(n *plan.Aggregate) plan.Node {
	global := len(n.Groups) == 0
	if global && (!p.scalar || p.lost) {
		return nil
	}
	from, set, scalar := len(p.on), p.set, p.scalar
	p.set, p.scalar = false, false
	in := p.pull(n.Input)
	p.set, p.scalar = set, scalar
	if in == nil || p.lost || p.defs.meets(n.Groups) {
		return nil
	}
	out := false
	made := mapAggregates(n, func(e *expr.Node) *expr.Node {
		e, o := p.mine(e)
		out = out || o
		return e
	}).(*plan.Aggregate)
	if out {
		return nil
	}
	in, columns := p.equalities(from, in)
	if in == nil {
		return nil
	}
	groups, list := appendNew(n.Groups, columns), made.Aggregates
	p.defs = substitution{}
	if global {
		p.lost = true
		list = slices.Clone(list)
		for i := range list {
			if a := &list[i]; a.Function == "count" {
				was := a.Column.ID
				a.Column = p.c.newColumn(a.Column)
				p.defs[was] = coalesce(columnNode(&a.Column), expr.Constant(catalog.Int(0), a.Column.Type))
			}
		}
	}
	return &plan.Aggregate{Input: in, Groups: groups, Aggregates: list}
}

// coalesce returns COALESCE(x, y).
func coalesce(x, y *expr.Node) *expr.Node {
	return &expr.Node{Op: expr.OpCoalesce, At: x.At, Type: x.Type, Args: []*expr.Node{x, y}, Volatile: x.Volatile || y.Volatile}
}

// appendNew returns the columns with those of more that are not among them.
func appendNew(columns, more []expr.ColumnID) []expr.ColumnID {
	var has idSet
	has.addAll(columns)
	columns = columns[:len(columns):len(columns)]
	for _, id := range more {
		if !has.has(id) {
			has.add(id)
			columns = append(columns, id)
		}
	}
	return columns
}

func (p *puller) distinct(n *plan.Distinct) plan.Node {
	if p.set && n.On == nil {
		return p.pull(n.Input)
	}
	from, set := len(p.on), p.set
	p.set = false
	in := p.pull(n.Input)
	p.set = set
	if in == nil || p.lost || len(p.defs) > 0 {
		return nil
	}
	in, columns := p.equalities(from, in)
	if in == nil {
		return nil
	}
	if n.On == nil {
		// The columns that came in are the same for all rows that belong to one outside. If that were not all of them, there
		// would be a condition that is no equality.
		return &plan.Distinct{Input: in, On: appendNew(ids(n.Columns()), columns)}
	}
	return &plan.Distinct{Input: in, On: appendNew(n.On, columns)}
}

func (p *puller) window(n *plan.Window) plan.Node {
	from, set := len(p.on), p.set
	p.set = false
	in := p.pull(n.Input)
	p.set = set
	if in == nil || p.lost || len(p.defs) > 0 {
		return nil
	}
	in, columns := p.equalities(from, in)
	if in == nil || depends(&plan.Window{Input: &plan.Rows{}, Functions: n.Functions}, p.outer) {
		return nil
	}
	c := *n
	c.Input, c.PartitionBy = in, appendNew(n.PartitionBy, columns)
	return &c
}
