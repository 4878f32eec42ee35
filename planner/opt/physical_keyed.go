package opt

import (
	"maps"
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// keyedJoin computes one side of a join for each row of the other one, with the equalities of the join put where that side
// reads its tables: few rows that an index has, instead of groups of a whole table of which few are needed.
func (p *planner) keyedJoin(j *joining) []path {
	if p.o.NoIndex || p.keyed || len(j.equals) == 0 {
		return nil
	}
	switch j.Kind {
	case plan.InnerJoin:
		h := j.h
		h.Output = slices.Concat(j.rightColumns, j.leftColumns)
		all := p.keyedSide(j, j.Right, j.rightKeys, j.leftKeys, func(in path) path {
			return p.oneLateral(j.Kind, j.h, cheapest(j.left), in, j.on, j.Single)
		})
		return append(all, p.keyedSide(j, j.Left, j.leftKeys, j.rightKeys, func(in path) path {
			return p.oneLateral(j.Kind, h, cheapest(j.right), in, j.on, false)
		})...)
	case plan.LeftJoin, plan.SemiJoin, plan.AntiJoin:
		return p.keyedSide(j, j.Right, j.rightKeys, j.leftKeys, func(in path) path {
			return p.oneLateral(j.Kind, j.h, cheapest(j.left), in, j.on, j.Single)
		})
	default:
		return nil
	}
}

// keyedSide plans a side of a join, of which own are the keys, for one row of the other side.
func (p *planner) keyedSide(j *joining, side plan.Node, own, keys []*expr.Node, join func(path) path) []path {
	if !repeatable(side, j.Kind != plan.InnerJoin) {
		return nil
	}
	k := &keying{p: p}
	made := side
	for i, x := range own {
		if !isColumn(x) || x.Type.Kind != keys[i].Type.Kind {
			continue
		}
		if n := k.put(made, x.Column, keys[i], j.equals[i].At); n != nil {
			made = n
		}
	}
	if made == side || !k.indexed {
		return nil
	}
	// What holds for one row of the other side does not hold for all.
	before, early := p.orders, p.early
	p.orders, p.keyed = before.clone(), true // once: or time would double with each join
	defer func() { p.orders, p.early, p.keyed = before, early, false }()
	for _, id := range k.constants {
		p.orders.setConstant(id)
	}
	if j.Kind == plan.SemiJoin || j.Kind == plan.AntiJoin {
		p.early = true
		return []path{join(firstBest(p.paths(made), 1))}
	}
	return []path{join(cheapest(p.paths(made)))}
}

// clone returns the same knowledge, to add to.
func (o *orders) clone() *orders {
	return &orders{parent: maps.Clone(o.parent), constants: maps.Clone(o.constants), notNull: maps.Clone(o.notNull)}
}

// maxKeyedScans is how many tables a side has at most that is planned again.
const maxKeyedScans = 4

// repeatable reports whether a side is worth a try: it groups or, if joins will do, joins tables, gives the same rows each
// time, and computes nothing that is kept for others.
func repeatable(n plan.Node, joins bool) bool {
	scans, groups, plain := 0, false, true
	each(n, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Scan:
			scans++
			plain = plain && n.Relation.Virtual == nil
		case *plan.Aggregate, *plan.Distinct:
			groups = true
		case *plan.Join:
			groups, plain = groups || joins, plain && !n.Lateral
		case *plan.Filter, *plan.Project, *plan.Sort:
		default:
			plain = false
		}
		expressions(n, func(e *expr.Node) { plain = plain && !e.Volatile && !hasSubquery(e) })
	})
	return groups && plain && scans <= maxKeyedScans
}

// A keying puts equalities with values from outside into a plan.
type keying struct {
	p         *planner
	indexed   bool            // one of them is of the first column of a key
	constants []expr.ColumnID // that have one value now
}

// put returns the plan with only the rows in which a column that it gives equals x, or nil if that would not come down to a
// table.
func (k *keying) put(n plan.Node, c expr.ColumnID, x *expr.Node, at int) plan.Node {
	var made plan.Node
	switch n := n.(type) {
	case *plan.Scan:
		made = k.table(n, c, x, at)
	case *plan.Filter, *plan.Sort:
		made = k.input(n, c, x, at)
	case *plan.Project:
		for i := range n.Items {
			if it := &n.Items[i]; it.Column.ID == c && isColumn(it.Expr) {
				made = k.input(n, it.Expr.Column, x, at)
			}
		}
	case *plan.Aggregate:
		if slices.Contains(n.Groups, c) {
			made = k.input(n, c, x, at)
			k.count(made, n.Groups)
		}
	case *plan.Distinct:
		if n.On == nil || slices.Contains(n.On, c) {
			made = k.input(n, c, x, at)
		}
	case *plan.Join:
		made = k.join(n, c, x, at)
	}
	if made != nil {
		k.constants = append(k.constants, c)
	}
	return made
}

// input puts the equality into the only input.
func (k *keying) input(n plan.Node, c expr.ColumnID, x *expr.Node, at int) plan.Node {
	in := k.put(n.Inputs()[0], c, x, at)
	if in == nil {
		return nil
	}
	return n.With([]plan.Node{in})
}

// count says how many groups there are, of those columns that have not one value.
func (k *keying) count(n plan.Node, groups []expr.ColumnID) {
	if n == nil {
		return
	}
	var free []expr.ColumnID
	for _, g := range groups {
		if !slices.Contains(k.constants, g) {
			free = append(free, g)
		}
	}
	k.p.counts[n] = k.p.groupCount(free, k.p.rows(n.Inputs()[0]))
}

// join puts the equality into the side that the column is of, where rows that it leaves out do not matter to those that stay.
func (k *keying) join(n *plan.Join, c expr.ColumnID, x *expr.Node, at int) plan.Node {
	sides := n.Inputs()
	for i, side := range sides {
		if columnOf(side, c) == nil || n.Kind == plan.FullJoin || i == 1 && n.Kind != plan.InnerJoin {
			continue
		}
		if in := k.put(side, c, x, at); in != nil {
			made := slices.Clone(sides)
			made[i] = in
			return n.With(made)
		}
	}
	return nil
}

func (k *keying) table(n *plan.Scan, c expr.ColumnID, x *expr.Node, at int) plan.Node {
	i := slices.IndexFunc(n.Output, func(o plan.Column) bool { return o.ID == c })
	if i < 0 || n.Places[i] < 0 || n.Output[i].Type.Kind != x.Type.Kind {
		return nil
	}
	k.p.rows(n) // its columns become known
	k.indexed = k.indexed || leadsKey(n.Relation.Table, n.Relation.Table.Columns[n.Places[i]].ID)
	return &plan.Filter{Input: n, Conditions: []*expr.Node{compared(expr.OpEqual, columnNode(&n.Output[i]), x, at)}}
}
