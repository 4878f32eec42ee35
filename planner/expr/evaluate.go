package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A frame is what one evaluation works on.
type frame struct {
	row []catalog.Value
	env *Env
}

// An evaluator computes the value of an expression.
type evaluator func(f frame) (catalog.Value, error)

// A builder returns the evaluator of a node, of those of its operands.
type builder func(n *Node, args []evaluator) evaluator

// compileNode returns the evaluator of a node.
func compileNode(n *Node, s *Slots) (evaluator, error) {
	if n.eval != nil {
		return n.eval, nil
	}
	switch n.Op {
	case OpConstant:
		v := n.Value
		return func(frame) (catalog.Value, error) { return v, nil }, nil
	case OpColumn:
		return s.column(n)
	case OpParameter:
		return parameterEval(n), nil
	default:
	}
	args := make([]evaluator, len(n.Args))
	for i, x := range n.Args {
		var err error
		if args[i], err = compileNode(x, s); err != nil {
			return nil, err
		}
	}
	switch n.Op {
	case OpSubquery, OpExists, OpAny, OpAll:
		return s.subquery(n, args)
	default:
	}
	if n.build != nil {
		return n.build(n, args), nil
	}
	if eval := standard(n, args); eval != nil {
		return eval, nil
	}
	return nil, sqlstate.New(sqlstate.InternalError, n.At, "operation %d cannot be evaluated", n.Op)
}

// standard returns the evaluator of a node for which the operation and the types say everything, or nil.
func standard(n *Node, args []evaluator) evaluator {
	switch n.Op {
	case OpAnd:
		return andOrEval(args, false)
	case OpOr:
		return andOrEval(args, true)
	case OpNot:
		return strict(args[0], func(v catalog.Value) (catalog.Value, error) { return catalog.BoolOf(!v.AsBool()), nil })
	case OpEqual, OpNotEqual, OpLess, OpLessEqual, OpGreater, OpGreaterEqual:
		return compareEval(n, args)
	case OpDistinct, OpNotDistinct:
		return distinct(args[0], args[1], n.Op == OpDistinct)
	case OpAdd, OpSubtract, OpMultiply, OpDivide, OpModulo:
		if op := arithmeticOf(n.Op, n.Type.Kind); op != nil {
			return operate(n.At, op, args[0], args[1])
		}
		return nil
	case OpNegate:
		return strictAt(n.At, args[0], negated)
	case OpIsNull, OpIsTrue, OpIsFalse:
		return isEval(args[0], n.Op, n.Not)
	case OpBetween:
		return betweenEval(args, n.Not)
	case OpIn:
		return inEval(args, n.Not)
	case OpCase:
		return caseEval(args)
	case OpCoalesce:
		return coalesceEval(args)
	default:
		return nil
	}
}

// strict returns an evaluator that is NULL if the operand is.
func strict(x evaluator, of func(v catalog.Value) (catalog.Value, error)) evaluator {
	return func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil || v.IsNull() {
			return v, err
		}
		return of(v)
	}
}

// strictAt is strict for a function whose errors have no place.
func strictAt(at int, x evaluator, of unaryOperation) evaluator {
	return strict(x, func(v catalog.Value) (catalog.Value, error) {
		r, err := of(v)
		return r, placed(err, at)
	})
}

// strict2 returns an evaluator that is NULL if one of the operands is. Both are evaluated in any case.
func strict2(x, y evaluator, of func(v, w catalog.Value) (catalog.Value, error)) evaluator {
	return func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		w, err := y(f)
		if err != nil || w.IsNull() {
			return w, err
		}
		if v.IsNull() {
			return v, nil
		}
		return of(v, w)
	}
}

// unary returns the builder of a function of one operand that is NULL if that is.
func unary(of unaryOperation) builder {
	return func(n *Node, args []evaluator) evaluator { return strictAt(n.At, args[0], of) }
}

// binary returns the builder of a function of two operands that is NULL if one of them is.
func binary(of operation) builder {
	return func(n *Node, args []evaluator) evaluator { return operate(n.At, of, args[0], args[1]) }
}

// eachStrict returns the builder of a function that is NULL if one of the arguments is. They are evaluated in any case.
func eachStrict(of func(args []catalog.Value) (catalog.Value, error)) builder {
	return func(n *Node, args []evaluator) evaluator {
		at := n.At
		return func(f frame) (catalog.Value, error) {
			values, null := make([]catalog.Value, len(args)), false
			for i, x := range args {
				v, err := x(f)
				if err != nil {
					return v, err
				}
				values[i] = v
				null = null || v.IsNull()
			}
			if null {
				return catalog.Null(), nil
			}
			v, err := of(values)
			return v, placed(err, at)
		}
	}
}

// each returns the builder of a function that is given NULLs too.
func each(of func(args []catalog.Value) (catalog.Value, error)) builder {
	return func(n *Node, args []evaluator) evaluator {
		at := n.At
		return func(f frame) (catalog.Value, error) {
			values := make([]catalog.Value, len(args))
			for i, x := range args {
				v, err := x(f)
				if err != nil {
					return v, err
				}
				values[i] = v
			}
			v, err := of(values)
			return v, placed(err, at)
		}
	}
}
