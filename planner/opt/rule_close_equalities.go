package opt

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var closeEqualities = &Rule{
	Name: "close-equalities",
	Doc: "What equals something that equals a constant equals the constant: a = b AND b = 5 says a = 5, in joins too, and on " +
		"the right of left, semi and anti joins. Equalities that follow of that go away.",
	when: hasFilter,
	apply: func(c *context, n plan.Node) plan.Node {
		return closeRegions(c, n)
	},
}

// A region is inner joins and filters on top of each other: all of their conditions are true for all rows that come out.
type region struct {
	c          *context
	own        idSet
	conditions []*expr.Node
	partners   []*plan.Join // left, semi and anti joins whose left input is in it
	parent     map[expr.ColumnID]expr.ColumnID
	constant   map[expr.ColumnID]*expr.Node // of the roots of classes
	drop       map[*expr.Node]bool
}

func closeRegions(c *context, n plan.Node) plan.Node {
	switch n.(type) {
	case *plan.Filter, *plan.Join:
	default:
		return mapInputs(n, func(in plan.Node) plan.Node { return closeRegions(c, in) })
	}
	r := &region{c: c, own: produced(n)}
	r.collect(n)
	more := r.solve()
	return filtered(r.rebuild(n), more)
}

// collect gathers the conditions of the region.
func (r *region) collect(n plan.Node) {
	switch n := n.(type) {
	case *plan.Filter:
		r.conditions = append(r.conditions, conjuncts(n.Conditions)...)
		r.collect(n.Input)
	case *plan.Join:
		switch n.Kind {
		case plan.InnerJoin:
			r.conditions = append(r.conditions, conjuncts(n.On)...)
			r.collect(n.Left)
			r.collect(n.Right)
		case plan.LeftJoin, plan.SemiJoin, plan.AntiJoin:
			r.partners = append(r.partners, n)
			r.collect(n.Left)
		case plan.FullJoin:
		default:
			r.collect(n.Left)
		}
	}
}

// rebuild returns the node without conditions that follow of others and with new ones in the joins of partners. What is
// below the region is made of its own regions.
func (r *region) rebuild(n plan.Node) plan.Node {
	below := func(in plan.Node) plan.Node { return closeRegions(r.c, in) }
	switch n := n.(type) {
	case *plan.Filter:
		in := r.rebuild(n.Input)
		if list := r.kept(n.Conditions); in != n.Input || len(list) != len(n.Conditions) {
			return filtered(in, list)
		}
		return n
	case *plan.Join:
		if n.Kind == plan.FullJoin {
			return mapInputs(n, below)
		}
		left := r.rebuild(n.Left)
		var right plan.Node
		var on []*expr.Node
		if n.Kind == plan.InnerJoin {
			right, on = r.rebuild(n.Right), r.kept(n.On)
		} else {
			right = below(n.Right)
			on = r.partner(n)
		}
		if left == n.Left && right == n.Right && len(on) == len(n.On) {
			return n
		}
		c := *n
		c.Left, c.Right, c.On = left, right, on
		return &c
	default:
		return mapInputs(n, below)
	}
}

func (r *region) kept(list []*expr.Node) []*expr.Node {
	if len(r.drop) == 0 {
		return list
	}
	kept, _ := split(list, func(e *expr.Node) bool { return !r.drop[e] })
	return kept
}

func (r *region) find(id expr.ColumnID) expr.ColumnID {
	for r.parent[id] != 0 && r.parent[id] != id {
		id = r.parent[id]
	}
	return id
}

// solve finds the classes of columns that are equal, and returns conditions that follow and nobody has written.
func (r *region) solve() []*expr.Node {
	var equal, known []*expr.Node
	for _, e := range r.conditions {
		if isBool(e, false) {
			return nil // nothing comes out of it
		}
		if e.Op != expr.OpEqual || e.Volatile {
			continue
		}
		x, y := e.Args[0], e.Args[1]
		switch {
		case x.Op == expr.OpColumn && y.Op == expr.OpColumn && r.own.has(x.Column) && r.own.has(y.Column):
			equal = append(equal, e)
		case r.known(x, y) || r.known(y, x):
			known = append(known, e)
		}
	}
	if len(known) == 0 || len(equal) == 0 && len(known) == 1 && len(r.partners) == 0 {
		return nil
	}
	r.parent, r.constant, r.drop = map[expr.ColumnID]expr.ColumnID{}, map[expr.ColumnID]*expr.Node{}, map[*expr.Node]bool{}
	for _, e := range equal {
		if x, y := r.find(e.Args[0].Column), r.find(e.Args[1].Column); x != y {
			r.parent[y] = x
		}
	}
	said := map[expr.ColumnID]bool{}
	for _, e := range known {
		col, value := e.Args[0], e.Args[1]
		if !r.known(col, value) {
			col, value = value, col
		}
		root := r.find(col.Column)
		first := r.constant[root]
		if first == nil {
			r.constant[root] = value
		} else if differ(first, value) {
			return []*expr.Node{expr.Constant(catalog.BoolOf(false), boolType)}
		}
		if first == nil || first.Equal(value) {
			said[col.Column] = true
		}
	}
	return r.derive(equal, said)
}

// derive returns what follows for columns of which nothing is said, and drops equalities between columns that are both
// constant.
func (r *region) derive(equal []*expr.Node, said map[expr.ColumnID]bool) []*expr.Node {
	var more []*expr.Node
	for _, e := range equal {
		value := r.constant[r.find(e.Args[0].Column)]
		if value == nil {
			continue
		}
		r.drop[e] = true
		for _, col := range e.Args {
			if !said[col.Column] {
				said[col.Column] = true
				more = append(more, compared(expr.OpEqual, col, value, e.At))
			}
		}
	}
	return more
}

// known reports whether col is a column of the region and value is the same for all of its rows.
func (r *region) known(col, value *expr.Node) bool {
	if col.Op != expr.OpColumn || !r.own.has(col.Column) {
		return false
	}
	switch value.Op {
	case expr.OpConstant, expr.OpParameter:
		return true
	case expr.OpColumn:
		return !r.own.has(value.Column)
	default:
		return false
	}
}

// differ reports whether two values are constants that are not equal.
func differ(x, y *expr.Node) bool {
	return x.Op == expr.OpConstant && y.Op == expr.OpConstant && isBool(compared(expr.OpEqual, x, y, x.At).Fold(), false)
}

// partner returns the conditions of a join of the region with what follows for its right side. That is said once only:
// afterwards it is somewhere in the right input.
func (r *region) partner(n *plan.Join) []*expr.Node {
	on := n.On
	if r.constant == nil || n.Kind == plan.MarkJoin || n.Kind == plan.NullAntiJoin {
		return on
	}
	right := produced(n.Right)
	for _, e := range conjuncts(n.On) {
		if e.Op != expr.OpEqual || e.Args[0].Op != expr.OpColumn || e.Args[1].Op != expr.OpColumn {
			continue
		}
		l, x := e.Args[0], e.Args[1]
		if right.has(l.Column) {
			l, x = x, l
		}
		value := r.constant[r.find(l.Column)]
		if value == nil || right.has(l.Column) || !right.has(x.Column) || r.c.derived.has(x.Column) {
			continue
		}
		r.c.derived.add(x.Column)
		on = append(on[:len(on):len(on)], compared(expr.OpEqual, x, value, e.At))
	}
	return on
}
