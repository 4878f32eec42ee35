package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
)

// andOr binds AND or OR, with the chain of the same operator below it. What stands behind an operand that decides is not
// evaluated.
func (b *Binder) andOr(e *ast.Binary) (*Node, error) {
	var operands []ast.Expr
	for next := e; ; {
		operands = append(operands, next.Right)
		left, ok := next.Left.(*ast.Binary)
		if !ok || left.Operator != e.Operator {
			operands = append(operands, next.Left)
			break
		}
		next = left
	}
	what, op, decisive := "an operand of "+e.Operator.String(), OpAnd, e.Operator == ast.Or
	if decisive {
		op = OpOr
	}
	var list []*Node
	for i := len(operands) - 1; i >= 0; i-- {
		x, err := b.bind(operands[i])
		if err != nil {
			return nil, err
		}
		if x, err = b.boolean(x, what); err != nil {
			return nil, err
		}
		if x.Op == op {
			list = append(list, x.Args...)
		} else {
			list = append(list, x)
		}
	}
	if v := list[0]; v.Op == OpConstant && !v.Value.IsNull() && v.Value.AsBool() == decisive {
		return v, nil
	}
	return fold(op, e.At, boolType, nil, list...), nil
}

// andOrEval returns OR if true decides it, or AND if false does.
func andOrEval(args []evaluator, decisive bool) evaluator {
	return func(f frame) (catalog.Value, error) {
		result := catalog.BoolOf(!decisive)
		for _, x := range args {
			v, err := x(f)
			switch {
			case err != nil:
				return v, err
			case v.IsNull():
				result = v
			case v.AsBool() == decisive:
				return v, nil
			}
		}
		return result, nil
	}
}

func (b *Binder) unary(e *ast.Unary) (*Node, error) {
	if n, ok := e.X.(*ast.Literal); ok && e.Sign == ast.Minus && n.Kind >= ast.Integer && n.Kind <= ast.Float {
		return number(n, "-") // BIGINT has one more negative number than positive ones
	}
	x, err := b.bind(e.X)
	if err != nil {
		return nil, err
	}
	switch e.Sign {
	case ast.Not:
		return b.not(e.At, x)
	case ast.Minus:
		return b.negate(e.At, x)
	default: // + may stand before anything, as SQLite has it
		return x, nil
	}
}

func (b *Binder) not(at int, x *Node) (*Node, error) {
	x, err := b.boolean(x, "the operand of NOT")
	if err != nil {
		return nil, err
	}
	return fold(OpNot, at, boolType, nil, x), nil
}

// is binds IS NULL and the other tests. They are never NULL.
func (b *Binder) is(e *ast.Is) (*Node, error) {
	x, err := b.bind(e.X)
	if err != nil {
		return nil, err
	}
	if e.Truth == ast.IsNull {
		x, err = b.settle(x, textType)
	} else {
		x, err = b.boolean(x, "the operand of IS "+e.Truth.String())
	}
	if err != nil {
		return nil, err
	}
	op := OpIsNull
	switch e.Truth {
	case ast.IsTrue:
		op = OpIsTrue
	case ast.IsFalse:
		op = OpIsFalse
	default: // unknown is NULL
	}
	return negatable(op, e.At, e.Not, nil, x), nil
}

// negatable returns a node of a test that has a Not.
func negatable(op Op, at int, not bool, build builder, args ...*Node) *Node {
	n := plain(op, at, boolType, build, args...)
	n.Not = not
	return n.folded()
}

func isEval(x evaluator, op Op, not bool) evaluator {
	return func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		is := v.IsNull()
		if op != OpIsNull {
			is = !is && v.AsBool() == (op == OpIsTrue)
		}
		return catalog.BoolOf(is != not), nil
	}
}

// caseWhen binds CASE. No more of it is evaluated than is needed.
func (b *Binder) caseWhen(e *ast.Case) (*Node, error) {
	conditions := make([]*Node, len(e.Whens))
	results := make([]*Node, len(e.Whens), len(e.Whens)+1)
	for i, w := range e.Whens {
		var err error
		if conditions[i], results[i], err = b.two(w.Condition, w.Result); err != nil {
			return nil, err
		}
	}
	last := constant(e.At, catalog.Type{}, catalog.Null())
	if e.Else != nil {
		var err error
		if last, err = b.bind(e.Else); err != nil {
			return nil, err
		}
	}
	results = append(results, last)
	t, err := b.unify("CASE", results)
	if err != nil {
		return nil, err
	}
	var operand *Node
	if e.Operand != nil {
		if operand, err = b.caseOperand(e, conditions); err != nil {
			return nil, err
		}
	} else {
		for i := range conditions {
			if conditions[i], err = b.boolean(conditions[i], "the condition of WHEN"); err != nil {
				return nil, err
			}
		}
	}
	return caseNode(e.At, t, operand, conditions, results), nil
}

// caseNode returns the node of a CASE. The operand is nil if there is none.
func caseNode(at int, t catalog.Type, operand *Node, conditions, results []*Node) *Node {
	var args []*Node
	simple := operand != nil && (operand.Op == OpColumn || operand.Op == OpParameter || operand.Op == OpConstant)
	if operand != nil && !simple { // to compute once
		args = append(args, operand)
	}
	for i, c := range conditions {
		if simple {
			c = plain(OpEqual, c.At, boolType, nil, operand, c)
		}
		args = append(args, c, results[i])
	}
	args = append(args, results[len(results)-1])
	if operand == nil || simple {
		return fold(OpCase, at, t, nil, args...)
	}
	return foldCall(&call{at: at, name: "case"}, t, simpleCase, args...)
}

// caseOperand binds what a CASE compares, and gives all the same type.
func (b *Binder) caseOperand(e *ast.Case, conditions []*Node) (*Node, error) {
	x, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	all := append([]*Node{x}, conditions...)
	if err := b.comparable(e.At, ast.Equal, all); err != nil {
		return nil, err
	}
	copy(conditions, all[1:])
	return all[0], nil
}

func caseEval(args []evaluator) evaluator {
	last := len(args) - 1
	return func(f frame) (catalog.Value, error) {
		for i := 0; i < last; i += 2 {
			v, err := args[i](f)
			if err != nil {
				return v, err
			}
			if v.AsBool() {
				return args[i+1](f)
			}
		}
		return args[last](f)
	}
}

// simpleCase builds a CASE with an operand, which is the first argument.
func simpleCase(_ *Node, args []evaluator) evaluator {
	last := len(args) - 1
	return func(f frame) (catalog.Value, error) {
		x, err := args[0](f)
		if err != nil {
			return x, err
		}
		for i := 1; i < last; i += 2 {
			v, err := args[i](f)
			if err != nil {
				return v, err
			}
			if !x.IsNull() && !v.IsNull() && catalog.Compare(x, v) == 0 {
				return args[i+1](f)
			}
		}
		return args[last](f)
	}
}

func coalesceEval(args []evaluator) evaluator {
	return func(f frame) (catalog.Value, error) {
		for _, x := range args {
			if v, err := x(f); err != nil || !v.IsNull() {
				return v, err
			}
		}
		return catalog.Null(), nil
	}
}
