package opt

import (
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var shareExpressions = &Rule{
	Name: "share-expressions",
	Doc: "What a projection, or the arguments of aggregates, compute more than once, and in any case, is computed once below, " +
		"if it is more than one operation on columns.",
	when: hasProject | hasAggregate,
	apply: func(c *context, n plan.Node) plan.Node {
		return bottomUp(n, func(n plan.Node) plan.Node {
			switch n := n.(type) {
			case *plan.Project:
				return c.share(n, n.Input)
			case *plan.Aggregate:
				return c.share(n, n.Input)
			}
			return n
		})
	},
}

// A sharing counts parts of expressions.
type sharing struct {
	times map[string]int  // by Key
	sure  map[string]bool // it is evaluated in any case
	items []plan.Item
	made  map[string]*expr.Node
	c     *context
}

func (c *context) share(n plan.Node, in plan.Node) plan.Node {
	worth := 0
	expressions(n, func(e *expr.Node) {
		if len(e.Args) > 0 && weight(e) > 1 {
			worth++
		}
	})
	if worth == 0 {
		return n
	}
	s := &sharing{times: map[string]int{}, sure: map[string]bool{}, made: map[string]*expr.Node{}, c: c}
	// The arguments of an aggregate with a FILTER are not always evaluated.
	each := func(e *expr.Node) { s.count(e, true) }
	if a, ok := n.(*plan.Aggregate); ok {
		for i := range a.Aggregates {
			for _, e := range a.Aggregates[i].Args {
				s.count(e, a.Aggregates[i].Filter == nil)
			}
		}
	} else {
		expressions(n, each)
	}
	made := mapExpressions(n, s.replace)
	if made == n {
		return n
	}
	p := passing(in)
	p.Items = append(p.Items, s.items...)
	return made.With([]plan.Node{p})
}

// weight returns how much there is to compute.
func weight(e *expr.Node) int {
	w := 0
	switch e.Op {
	case expr.OpConstant, expr.OpColumn, expr.OpParameter:
	case expr.OpCall, expr.OpLike, expr.OpILike, expr.OpConcat, expr.OpCase:
		w = 2
	default:
		w = 1
	}
	for _, a := range e.Args {
		w += weight(a)
	}
	return w
}

func (s *sharing) count(e *expr.Node, sure bool) {
	if len(e.Args) == 0 {
		return
	}
	if s.may(e) {
		k := e.Key()
		s.times[k]++
		s.sure[k] = s.sure[k] || sure
	}
	for i, a := range e.Args {
		lazy := false
		switch e.Op {
		case expr.OpCase, expr.OpCoalesce, expr.OpAnd, expr.OpOr:
			lazy = i > 0
		default:
		}
		s.count(a, sure && !lazy)
	}
}

func (s *sharing) may(e *expr.Node) bool {
	return !e.Volatile && len(e.Args) > 0 && weight(e) > 1 && !hasSubquery(e)
}

// replace puts columns into an expression for what is computed below.
func (s *sharing) replace(e *expr.Node) *expr.Node {
	if len(e.Args) == 0 {
		return e
	}
	if s.may(e) {
		k := e.Key()
		if x := s.made[k]; x != nil {
			return x
		}
		if s.times[k] > 1 && s.sure[k] {
			col := s.c.newColumn(plan.Column{Type: e.Type})
			s.items = append(s.items, plan.Item{Column: col, Expr: e})
			s.made[k] = columnNode(&col)
			return s.made[k]
		}
	}
	m := map[*expr.Node]*expr.Node{}
	for _, a := range e.Args {
		if x := s.replace(a); x != a {
			m[a] = x
		}
	}
	if len(m) == 0 {
		return e
	}
	return e.Map(func(n *expr.Node) *expr.Node {
		if x := m[n]; x != nil {
			return x
		}
		return n
	})
}
