package opt

import (
	"cmp"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A path is a way to compute an operator, and the order in which its rows come.
type path struct {
	physical.Node
	order []plan.Key
}

// A direction is a column to sort by, and whether it descends.
type direction struct {
	column     expr.ColumnID
	descending bool
}

// maxPaths is how many ways to compute an operator are kept.
const maxPaths = 8

// A planner makes the physical plan of one query.
type planner struct {
	*estimator
	o          *Options
	orders     *orders
	wanted     map[expr.ColumnID]bool // an order by these may be of use
	wantedKeys map[direction]bool     // and these in a direction
	early      bool                   // somebody may stop before the last row, and so the cost of the first one matters
	keyed      bool                   // a side of a join is being planned for one row of the other one
	commons    []*physical.Common
	subqueries map[*plan.Subquery]*physical.Subquery
	err        error // the first one
}

func newPlanner(o *Options) *planner {
	return &planner{
		estimator: newEstimator(), o: o, orders: newOrders(), wanted: map[expr.ColumnID]bool{},
		wantedKeys: map[direction]bool{}, subqueries: map[*plan.Subquery]*physical.Subquery{},
	}
}

// fail notes an error.
func (p *planner) fail(format string, args ...any) {
	if p.err == nil {
		p.err = sqlstate.New(sqlstate.InternalError, -1, format, args...)
	}
}

// best returns the cheapest way to compute an operator.
func (p *planner) best(n plan.Node) physical.Node { return cheapest(p.paths(n)).Node }

// cheapest returns the path with the least cost of all rows.
func cheapest(list []path) path {
	return slices.MinFunc(list, func(a, b path) int { return cmp.Compare(a.Estimate().Cost, b.Estimate().Cost) })
}

// paths returns the ways to compute an operator that may be of use: at least one, the cheapest first.
func (p *planner) paths(n plan.Node) []path { return p.pathsFor(n, nil) }

// pathsFor is paths where no more rows are wanted than a limit says, which may be nil. It is a hint.
func (p *planner) pathsFor(n plan.Node, l *limit) []path {
	list := p.all(n, l)
	if len(list) == 0 {
		p.fail("the planner does not know %T", n)
		return []path{{Node: &physical.Rows{Header: physical.Header{Output: n.Columns()}}}}
	}
	return p.keep(list)
}

// all returns ways to compute an operator.
func (p *planner) all(n plan.Node, l *limit) []path {
	switch n := n.(type) {
	case *plan.Scan:
		return p.scan(n, nil, l)
	case *plan.Filter:
		return p.filter(n, l)
	case *plan.Rows:
		return p.values(n)
	case *plan.Function:
		return p.function(n)
	case *plan.Project:
		return p.project(n, l)
	case *plan.Join:
		return p.join(n)
	case *plan.Aggregate:
		return p.aggregate(n)
	case *plan.Window:
		return p.window(n)
	case *plan.Distinct:
		return p.distinct(n)
	case *plan.Sort:
		return p.sort(n, l)
	case *plan.Limit:
		return p.limit(n)
	case *plan.SetOperation:
		return p.setOperation(n, l)
	case *plan.With:
		for _, c := range n.Common {
			p.common(c)
		}
		return p.all(n.Body, l)
	case *plan.Reference:
		h := p.header(n)
		h.Est.Cost = h.Est.Rows * costKeptRow
		return []path{{Node: &physical.Reference{Header: h, Number: n.Number, Name: n.Name}}}
	case *plan.Recursive:
		return p.recursive(n)
	case *plan.WorkTable:
		h := p.header(n)
		h.Est.Cost = h.Est.Rows * costKeptRow
		return []path{{Node: &physical.WorkTable{Header: h, Number: n.Number, Name: n.Name}}}
	default:
		return nil
	}
}

// keep removes paths that another one makes useless. The first one is then the cheapest.
func (p *planner) keep(list []path) []path {
	for i := range list {
		list[i].order = p.useful(list[i].order)
	}
	if len(list) == 1 {
		return list
	}
	slices.SortStableFunc(list, func(a, b path) int { return cmp.Compare(a.Estimate().Cost, b.Estimate().Cost) })
	kept := list[:0:0]
	for _, c := range list {
		if len(kept) < maxPaths && !slices.ContainsFunc(kept, func(k path) bool { return p.beats(k, c) }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// beats reports whether k, which does not cost more than c, is as good in everything else.
func (p *planner) beats(k, c path) bool {
	// A little more for the first row is no reason to keep a path.
	if p.early && c.Estimate().First < 0.9*k.Estimate().First {
		return false
	}
	return p.orders.satisfied(k.order, c.order) == len(c.order)
}

// useful returns the beginning of an order that something may want.
func (p *planner) useful(order []plan.Key) []plan.Key {
	for i, k := range order {
		if !p.wanted[k.Column] && !p.orders.constant(k.Column) {
			return order[:i:i]
		}
	}
	return order
}

// header returns the columns of an operator and how many rows of which width it has. Costs are missing.
func (p *planner) header(n plan.Node) physical.Header {
	columns := p.output(n)
	return physical.Header{Output: columns, Est: physical.Estimate{Rows: p.rows(n), Width: p.width(columns)}}
}

func (p *planner) values(n *plan.Rows) []path {
	h := p.header(n)
	rows := make([][]*expr.Node, len(n.Rows))
	for i, r := range n.Rows {
		rows[i] = p.exprs(r)
		h.Est.Cost += p.evaluation(rows[i], 1) + costRow
	}
	return []path{{Node: &physical.Rows{Header: h, Rows: rows}}}
}

func (p *planner) function(n *plan.Function) []path {
	h, call := p.header(n), *n
	call.Args = p.exprs(n.Args)
	h.Est.Cost = p.evaluation(call.Args, 1) + h.Est.Rows*costFunctionRow
	return []path{{Node: &physical.Function{Header: h, Call: &call}}}
}

// filter plans a Filter, or several and the Scan below them.
func (p *planner) filter(n *plan.Filter, l *limit) []path {
	conditions, input := n.Conditions, n.Input
	for {
		f, ok := input.(*plan.Filter)
		if !ok {
			break
		}
		conditions, input = slices.Concat(f.Conditions, conditions), f.Input
	}
	conditions = p.conditions(conditions)
	if s, ok := input.(*plan.Scan); ok {
		p.orders.learn(conditions)
		return p.scan(s, conditions, l)
	}
	inputs := p.paths(input)
	p.orders.learn(conditions)
	return p.filtered(n, inputs, conditions)
}

// filtered puts a filter on paths. It gives the rows that a logical operator has.
func (p *planner) filtered(n plan.Node, inputs []path, conditions []*expr.Node) []path {
	all := make([]path, len(inputs))
	for i, in := range inputs {
		h, e := p.header(n), in.Estimate()
		h.Output = in.Columns()
		h.Est.Rows = min(h.Est.Rows, e.Rows)
		evaluation := p.evaluation(conditions, e.Rows)
		h.Est.Cost = e.Cost + evaluation
		h.Est.First = e.First + (h.Est.Cost-e.First)/max(1, h.Est.Rows)
		all[i] = path{&physical.Filter{Header: h, Input: in.Node, Conditions: conditions}, in.order}
	}
	return all
}

func (p *planner) project(n *plan.Project, l *limit) []path {
	inputs := p.pathsFor(n.Input, l)
	items, computed := make([]plan.Item, len(n.Items)), []*expr.Node(nil)
	renamed := map[expr.ColumnID]expr.ColumnID{}
	for i, item := range n.Items {
		items[i] = plan.Item{Column: item.Column, Expr: p.expr(item.Expr)}
		if item.Expr.Op != expr.OpColumn {
			computed = append(computed, items[i].Expr)
			if isConstant(item.Expr) {
				p.orders.setConstant(item.Column.ID)
			}
			continue
		}
		if item.Expr.Column != item.Column.ID {
			p.orders.same(item.Expr.Column, item.Column.ID)
		}
		if _, is := renamed[item.Expr.Column]; !is || item.Expr.Column == item.Column.ID {
			renamed[item.Expr.Column] = item.Column.ID
		}
	}
	all := make([]path, len(inputs))
	for i, in := range inputs {
		h, e := p.header(n), in.Estimate()
		h.Est.Rows = e.Rows
		h.Est.Cost = e.Cost + p.evaluation(computed, e.Rows)
		h.Est.First = e.First + (h.Est.Cost-e.Cost)/max(1, e.Rows)
		all[i] = path{&physical.Project{Header: h, Input: in.Node, Items: items}, p.orders.rename(in.order, renamed)}
	}
	return all
}

// common plans a query that is computed once.
func (p *planner) common(c *plan.Common) {
	early := p.early
	p.early = false // all of its rows are kept
	root := p.best(c.Plan)
	p.early = early
	p.estimator.common(c.Number, p.rows(c.Plan), c.Output)
	p.commons = append(p.commons, &physical.Common{Number: c.Number, Name: c.Name, Root: root, Columns: c.Output})
}

func (p *planner) recursive(n *plan.Recursive) []path {
	base := p.best(n.Base)
	p.estimator.recursive(n)
	step := p.best(n.Step)
	h := p.header(n)
	h.Est.First = base.Estimate().First
	h.Est.Cost = base.Estimate().Cost + recursiveSteps*step.Estimate().Cost + h.Est.Rows*costKeptRow
	if !n.All {
		h.Est.Cost += h.Est.Rows * costHashBuild
	}
	return []path{{Node: &physical.Recursive{
		Header: h, Number: n.Number, Name: n.Name, Base: base, Step: step,
		BaseColumns: n.BaseColumns, StepColumns: n.StepColumns, All: n.All,
	}}}
}
