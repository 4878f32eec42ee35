package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// stepOf returns the step of an expression: one that goes row by row, if there is none that is better.
func stepOf(n *Node, s *Slots) (step, error) {
	if scalar(n, s) {
		return newScalar(n, s)
	}
	if n.Op == OpColumn {
		return &columnStep{s.Columns[n.Column]}, nil
	}
	row := &rowStep{node: n, slots: s}
	if n.Unstable || !vectorised(n) {
		return row, row.compile()
	}
	var err error
	args := make([]operand, len(n.Args))
	for i, x := range n.Args {
		if args[i].step, err = stepOf(x, s); err != nil {
			return nil, err
		}
		args[i].scalar, _ = args[i].step.(*scalarStep)
	}
	if better := composed(n, args, row); better != nil {
		return better, nil
	}
	return row, row.compile()
}

// scalar reports whether an expression is the same for all rows.
func scalar(n *Node, s *Slots) bool {
	return !n.Unstable && !slices.ContainsFunc(n.Columns(), func(id ColumnID) bool {
		_, here := s.Columns[id]
		return here
	})
}

func newScalar(n *Node, s *Slots) (step, error) {
	p, err := Compile(n, s)
	if err != nil {
		return nil, err
	}
	return &scalarStep{node: n, program: p}, nil
}

// vectorised reports whether there is a step for the operation. Where a node has an evaluator of its own, the step must know
// what it does.
func vectorised(n *Node) bool {
	switch n.Op {
	case OpLike, OpILike, OpCast, OpExtract, OpConcat:
		return true
	case OpCall:
		return textFunction(n) != nil || lengthFunction(n)
	case OpSubquery, OpExists, OpAny, OpAll:
		return false
	default:
		return n.build == nil
	}
}

// composed returns the step of an operation, or nil if row must do.
func composed(n *Node, args []operand, row *rowStep) step {
	switch n.Op {
	case OpAnd, OpOr:
		return newConnected(n, args)
	case OpNot:
		return &notStep{arg: args[0].step}
	case OpEqual, OpNotEqual, OpLess, OpLessEqual, OpGreater, OpGreaterEqual:
		return &compareStep{op: n.Op, x: args[0], y: args[1]}
	case OpBetween:
		return &betweenStep{not: n.Not, x: args[0], low: args[1], high: args[2]}
	case OpIn:
		return newInStep(n, args)
	case OpIsNull, OpIsTrue, OpIsFalse:
		return &isStep{op: n.Op, not: n.Not, arg: args[0].step}
	case OpLike, OpILike:
		return newLikeStep(n, args)
	case OpCase:
		return &caseStep{typ: n.Type, args: args}
	case OpCoalesce:
		return &coalesceStep{typ: n.Type, args: args}
	case OpAdd, OpSubtract, OpMultiply, OpDivide, OpModulo:
		return newArithmetic(n, args)
	case OpNegate:
		return &elementStep{typ: n.Type, args: args, of: func(v []catalog.Value) (catalog.Value, error) { return negated(v[0]) }}
	case OpCast:
		return newCastStep(n, args, row)
	case OpExtract:
		return newExtractStep(n, args)
	default:
		return newTextStep(n, args)
	}
}

// An elementStep computes values of values, without what a program costs. It is NULL if one of the operands is.
type elementStep struct {
	typ    catalog.Type
	args   []operand
	of     func(args []catalog.Value) (catalog.Value, error)
	values []catalog.Value
	loaded []*catalog.Vector
	live   selection
	result result
}

func (s *elementStep) eval(in input) (*catalog.Vector, error) {
	s.values, s.loaded = s.values[:0], s.loaded[:0]
	null := false
	for i := range s.args {
		v, x, err := s.args[i].load(in)
		if err != nil {
			return nil, err
		}
		s.values, s.loaded = append(s.values, x), append(s.loaded, v)
		null = null || v == nil && x.IsNull()
	}
	out := s.result.reset(s.typ, in.n)
	if null {
		s.result.setNull(in.sel, in.n)
		return out, nil
	}
	live := s.result.nullWhere(in, &s.live, s.loaded...)
	for _, i := range live.sel {
		for a, v := range s.loaded {
			if v != nil {
				s.values[a] = v.Value(int(i))
			}
		}
		x, err := s.of(s.values)
		if err != nil {
			return nil, err
		}
		s.result.set(int(i), in.n, x)
	}
	return out, nil
}

func (s *elementStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, err := s.eval(in)
	if err != nil {
		return dst, err
	}
	return chosen(v, in, dst, wanted), nil
}
