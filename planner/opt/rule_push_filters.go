package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var pushFilters = &Rule{
	Name: "push-filters",
	Doc: "Conditions go down to where all of their columns first are: through projections, into joins and the inputs of joins, " +
		"below aggregates on what they group by, windows on what they partition by, set operations, DISTINCT and sorts; never " +
		"below a LIMIT, and never if they are volatile. As in PostgreSQL, conditions of one query have no order among themselves.",
	when: hasFilter | hasJoin,
	apply: func(_ *context, n plan.Node) plan.Node {
		return pushInto(n, nil)
	},
}

// pushInto returns the node with the conditions above it put as deep as they may be. It returns n itself if none of its
// own filters moves either and there are no conditions.
func pushInto(n plan.Node, list []*expr.Node) plan.Node {
	switch n := n.(type) {
	case *plan.Filter:
		return pushIntoFilter(n, list)
	case *plan.Project:
		return pushIntoProject(n, list)
	case *plan.Join:
		return pushIntoJoin(n, list)
	case *plan.Aggregate:
		var groups idSet
		groups.addAll(n.Groups)
		own := produced(n)
		return pushThrough(n, list, func(e *expr.Node) bool { return onlyOf(e, own, groups) })
	case *plan.Window:
		var partitions idSet
		partitions.addAll(n.PartitionBy)
		own := produced(n)
		return pushThrough(n, list, func(e *expr.Node) bool { return onlyOf(e, own, partitions) })
	case *plan.Distinct:
		if n.On == nil {
			return pushThrough(n, list, func(*expr.Node) bool { return true })
		}
		var on idSet
		on.addAll(n.On)
		own := produced(n)
		return pushThrough(n, list, func(e *expr.Node) bool { return onlyOf(e, own, on) })
	case *plan.Sort:
		return pushThrough(n, list, func(*expr.Node) bool { return true })
	case *plan.SetOperation:
		return pushIntoSet(n, list)
	case *plan.With:
		return pushIntoWith(n, list)
	default: // Limit, and what gives rows of its own
		return filtered(mapInputs(n, func(in plan.Node) plan.Node { return pushInto(in, nil) }), list)
	}
}

// onlyOf reports whether all columns of an expression that a node has are some certain ones, of which there is one.
func onlyOf(e *expr.Node, own, certain idSet) bool {
	some := false
	for _, id := range e.Columns() {
		if certain.has(id) {
			some = true
		} else if own.has(id) {
			return false
		}
	}
	return some
}

// filtered puts conditions on top of a node.
func filtered(n plan.Node, list []*expr.Node) plan.Node {
	if len(list) == 0 {
		return n
	}
	if f, ok := n.(*plan.Filter); ok {
		return &plan.Filter{Input: f.Input, Conditions: slices.Concat(f.Conditions, list)}
	}
	return &plan.Filter{Input: n, Conditions: list}
}

// split parts a list.
func split(list []*expr.Node, f func(*expr.Node) bool) (yes, no []*expr.Node) {
	for _, e := range list {
		if f(e) {
			yes = append(yes, e)
		} else {
			no = append(no, e)
		}
	}
	return yes, no
}

// pushThrough pushes conditions below a node of one input that keeps columns and rows.
func pushThrough(n plan.Node, list []*expr.Node, may func(*expr.Node) bool) plan.Node {
	down, stay := split(list, func(e *expr.Node) bool { return !e.Volatile && may(e) })
	return filtered(mapInputs(n, func(in plan.Node) plan.Node { return pushInto(in, down) }), stay)
}

func pushIntoFilter(n *plan.Filter, list []*expr.Node) plan.Node {
	own := conjuncts(n.Conditions)
	if len(list) > 0 {
		own = slices.Concat(own, list)
	}
	if !barrier(n.Input) {
		return sameFilter(n, pushInto(n.Input, own))
	}
	in := pushInto(n.Input, nil)
	if in == n.Input && len(own) == len(n.Conditions) {
		return n
	}
	return filtered(in, own)
}

// sameFilter returns n if made is no other filter than it.
func sameFilter(n *plan.Filter, made plan.Node) plan.Node {
	if f, ok := made.(*plan.Filter); ok && f.Input == n.Input && slices.Equal(f.Conditions, n.Conditions) {
		return n
	}
	return made
}

// barrier reports whether no condition gets below a node.
func barrier(n plan.Node) bool {
	switch n.(type) {
	case *plan.Scan, *plan.Rows, *plan.Function, *plan.Reference, *plan.WorkTable, *plan.Recursive, *plan.Limit:
		return true
	default:
		return false
	}
}

// pushIntoProject replaces columns in conditions by what they are computed of. What has a subquery is not computed twice:
// its columns would be there twice.
func pushIntoProject(n *plan.Project, list []*expr.Node) plan.Node {
	if len(list) == 0 {
		return mapInputs(n, func(in plan.Node) plan.Node { return pushInto(in, nil) })
	}
	m := substitution{}
	var kept idSet
	for i := range n.Items {
		it := &n.Items[i]
		if it.Expr.Volatile || hasSubquery(it.Expr) {
			kept.add(it.Column.ID)
		} else if it.Expr.Op != expr.OpColumn || it.Expr.Column != it.Column.ID {
			m[it.Column.ID] = it.Expr
		}
	}
	down, stay := split(list, func(e *expr.Node) bool { return !e.Volatile && !uses(e, kept) })
	down = m.inList(down)
	return filtered(mapInputs(n, func(in plan.Node) plan.Node { return pushInto(in, down) }), stay)
}

// pushIntoSet gives both inputs the conditions.
func pushIntoSet(n *plan.SetOperation, list []*expr.Node) plan.Node {
	down, stay := split(list, func(e *expr.Node) bool { return !e.Volatile && !hasSubquery(e) })
	l, r := down, down
	if len(down) > 0 {
		lm, rm := substitution{}, substitution{}
		for i := range n.Output {
			o := n.Output[i]
			o.ID = n.LeftColumns[i]
			lm[n.Output[i].ID] = columnNode(&o)
			o.ID = n.RightColumns[i]
			rm[n.Output[i].ID] = columnNode(&o)
		}
		l, r = lm.inList(down), rm.inList(down)
	}
	left, right := pushInto(n.Left, l), pushInto(n.Right, r)
	if left == n.Left && right == n.Right {
		return filtered(n, stay)
	}
	return filtered(n.With([]plan.Node{left, right}), stay)
}

func pushIntoWith(n *plan.With, list []*expr.Node) plan.Node {
	inputs := n.Inputs()
	changed := false
	for i, in := range inputs {
		down := list
		if i < len(n.Common) {
			down = nil
		}
		inputs[i] = pushInto(in, down)
		changed = changed || inputs[i] != in
	}
	if !changed {
		return n
	}
	return n.With(inputs)
}

// pushIntoJoin parts the conditions above a join and its own among its inputs, itself, and what stays above.
func pushIntoJoin(n *plan.Join, list []*expr.Node) plan.Node {
	own := conjuncts(n.On)
	if len(list) == 0 && len(own) == 0 {
		return mapInputs(n, func(in plan.Node) plan.Node { return pushInto(in, nil) })
	}
	p := &joinParts{right: produced(n.Right)}
	if n.Kind == plan.MarkJoin {
		p.mark.add(n.Mark.ID)
	}
	left := produced(n.Left)
	for _, e := range own {
		p.on(n, e, left)
	}
	for _, e := range list {
		p.above(n, e, left)
	}
	l, r := pushInto(n.Left, p.toLeft), pushInto(n.Right, p.toRight)
	if l == n.Left && r == n.Right && slices.Equal(p.stay, n.On) {
		return filtered(n, p.keep)
	}
	c := *n
	c.Left, c.Right, c.On = l, r, p.stay
	return filtered(&c, p.keep)
}

type joinParts struct {
	right, mark                 idSet
	toLeft, toRight, stay, keep []*expr.Node
}

// above says where a condition goes that holds for what the join gives. What names no column of the right goes left, also
// if it names none at all: there it is false as early as can be.
func (p *joinParts) above(n *plan.Join, e *expr.Node, left idSet) {
	inRight := uses(e, p.right)
	switch {
	case e.Volatile, n.Kind == plan.FullJoin, uses(e, p.mark):
		p.keep = append(p.keep, e)
	case !inRight:
		p.toLeft = append(p.toLeft, e)
	case n.Kind != plan.InnerJoin:
		p.keep = append(p.keep, e)
	case hasSubquery(e) && uses(e, left):
		p.keep = append(p.keep, e)
	default:
		p.on(n, e, left)
	}
}

// on says where a condition of the join goes. A condition on the left alone has no say, but in inner and semi joins, in
// which rows there are; and one on the right alone may not leave rows out whose NULLs matter.
func (p *joinParts) on(n *plan.Join, e *expr.Node, left idSet) {
	inLeft, inRight := uses(e, left), uses(e, p.right)
	inner := n.Kind == plan.InnerJoin || n.Kind == plan.SemiJoin
	switch {
	case e.Volatile:
		p.stay = append(p.stay, e)
	case inner && !inRight:
		p.toLeft = append(p.toLeft, e)
	case (inner || n.Kind == plan.LeftJoin || n.Kind == plan.AntiJoin) && inRight && !inLeft:
		p.toRight = append(p.toRight, e)
	default:
		p.stay = append(p.stay, e)
	}
}
