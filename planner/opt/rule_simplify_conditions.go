package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var simplifyConditions = &Rule{
	Name: "simplify-conditions",
	Doc: "NOT goes to where it vanishes, conditions are there once, x = x says that x is not NULL, what all branches of an OR " +
		"have in common comes out of it, BETWEEN becomes two comparisons, IN of one value an equality.",
	when: hasFilter | hasJoin,
	apply: func(_ *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			switch n := n.(type) {
			case *plan.Filter:
				if list, ok := simplified(n.Conditions); ok {
					return &plan.Filter{Input: n.Input, Conditions: list}
				}
			case *plan.Join:
				// What NullAnti and Mark joins compare is looked at: its form, and whether it is NULL.
				if n.Kind == plan.NullAntiJoin || n.Kind == plan.MarkJoin {
					return n
				}
				if list, ok := simplified(n.On); ok {
					c := *n
					c.On = list
					return &c
				}
			}
			return n
		})
	},
}

// simplified returns simpler conditions that are true where those of the list are, and whether they are others.
func simplified(list []*expr.Node) ([]*expr.Node, bool) {
	var made []*expr.Node
	changed := false
	for _, e := range list {
		x := simpler(e, true)
		changed = changed || x != e || x.Op == expr.OpAnd
		made = append(made, x.Conjuncts()...)
	}
	kept := made
	if len(made) > 1 {
		kept = once(made)
		changed = changed || len(kept) < len(made)
	}
	if !changed {
		return list, false
	}
	return kept, true
}

// once leaves out conditions that are there before.
func once(list []*expr.Node) []*expr.Node {
	kept := make([]*expr.Node, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		if k := e.Key(); e.Volatile || !seen[k] {
			seen[k] = true
			kept = append(kept, e)
		}
	}
	return kept
}

var opposite = map[expr.Op]expr.Op{
	expr.OpEqual: expr.OpNotEqual, expr.OpNotEqual: expr.OpEqual,
	expr.OpLess: expr.OpGreaterEqual, expr.OpGreaterEqual: expr.OpLess,
	expr.OpGreater: expr.OpLessEqual, expr.OpLessEqual: expr.OpGreater,
	expr.OpDistinct: expr.OpNotDistinct, expr.OpNotDistinct: expr.OpDistinct,
}

// simpler returns a simpler condition of the same value, or, if it only matters where it is true, one that is true in the
// same rows.
func simpler(e *expr.Node, whereTrue bool) *expr.Node {
	switch e.Op {
	case expr.OpAnd, expr.OpOr:
		args, changed := mapList(e.Args, func(a *expr.Node) *expr.Node { return simpler(a, whereTrue) })
		if changed {
			e = rejoined(e.Op, args)
		}
		if e.Op == expr.OpOr {
			return factored(e)
		}
	case expr.OpNot:
		if x := negated(e.Args[0]); x != nil {
			return simpler(x, whereTrue)
		}
		if x := simpler(e.Args[0], false); x != e.Args[0] {
			return expr.Not(x)
		}
	case expr.OpEqual:
		x := e.Args[0]
		if whereTrue && !e.Volatile && x.Equal(e.Args[1]) && !hasSubquery(x) {
			return expr.IsNull(x, true)
		}
	case expr.OpBetween:
		// What is compared twice should cost nothing.
		if x := e.Args[0]; x.Op == expr.OpColumn && !e.Not {
			return expr.And(compared(expr.OpGreaterEqual, x, e.Args[1], e.At), compared(expr.OpLessEqual, x, e.Args[2], e.At))
		}
	case expr.OpIn:
		return simplerIn(e)
	default:
	}
	return e
}

func rejoined(op expr.Op, args []*expr.Node) *expr.Node {
	if op == expr.OpAnd {
		return expr.And(args...)
	}
	return expr.Or(args...)
}

// negated returns the condition that is true where e is false, without a NOT, or nil if there is none.
func negated(e *expr.Node) *expr.Node {
	switch e.Op {
	case expr.OpNot:
		return e.Args[0]
	case expr.OpAnd, expr.OpOr:
		args := make([]*expr.Node, len(e.Args))
		for i, a := range e.Args {
			if args[i] = negated(a); args[i] == nil {
				args[i] = expr.Not(a)
			}
		}
		if e.Op == expr.OpAnd {
			return expr.Or(args...)
		}
		return expr.And(args...)
	case expr.OpIsNull, expr.OpIsTrue, expr.OpIsFalse, expr.OpBetween, expr.OpIn, expr.OpLike, expr.OpILike, expr.OpExists, expr.OpAny:
		c := *e
		c.Not = !e.Not
		return &c
	case expr.OpAll:
		c := *e
		c.Op, c.Operator = expr.OpAny, opposite[e.Operator]
		return &c
	default:
	}
	if op, ok := opposite[e.Op]; ok {
		c := *e
		c.Op = op
		return &c
	}
	return nil
}

// simplerIn leaves out values that are there twice, and makes an equality of a single one.
func simplerIn(e *expr.Node) *expr.Node {
	values := e.Args[1:]
	var once []*expr.Node
	for i, v := range values {
		if v.Volatile || !slices.ContainsFunc(values[:i], v.Equal) {
			once = append(once, v)
		}
	}
	if len(once) == 1 {
		op := expr.OpEqual
		if e.Not {
			op = expr.OpNotEqual
		}
		return compared(op, e.Args[0], once[0], e.At)
	}
	if len(once) == len(values) {
		return e
	}
	c := *e
	c.Args = append([]*expr.Node{e.Args[0]}, once...)
	return &c
}

// factored takes what all branches of an OR have in common out of it: (a AND b) OR (a AND c) is a AND (b OR c).
func factored(or *expr.Node) *expr.Node {
	if or.Op != expr.OpOr || or.Volatile {
		return or
	}
	var common []*expr.Node
	for _, e := range or.Args[0].Conjuncts() {
		if !slices.ContainsFunc(or.Args[1:], func(b *expr.Node) bool { return !slices.ContainsFunc(b.Conjuncts(), e.Equal) }) {
			common = append(common, e)
		}
	}
	if len(common) == 0 {
		return or
	}
	branches := make([]*expr.Node, 0, len(or.Args))
	for _, b := range or.Args {
		_, rest := split(b.Conjuncts(), func(e *expr.Node) bool { return slices.ContainsFunc(common, e.Equal) })
		if len(rest) == 0 {
			return expr.And(common...) // a OR (a AND b) is a
		}
		branches = append(branches, expr.And(rest...))
	}
	return expr.And(append(common, expr.Or(branches...))...)
}
