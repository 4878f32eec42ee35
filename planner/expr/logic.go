package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
)

// andOr binds AND or OR. The right side is not evaluated if the left one decides.
func (b *binder) andOr(e *ast.Binary, x, y *bound) (*bound, error) {
	what := "an operand of " + e.Operator.String()
	x, err := b.boolean(x, what)
	if err != nil {
		return nil, err
	}
	if y, err = b.boolean(y, what); err != nil {
		return nil, err
	}
	decisive := e.Operator == ast.Or
	if v := x.value; v != nil && !v.IsNull() && v.AsBool() == decisive {
		return constant(e.At, boolType, *v), nil
	}
	return fold(e.At, boolType, andOrEval(x.eval, y.eval, decisive), x, y), nil
}

// andOrEval returns OR if true decides it, or AND if false does.
func andOrEval(x, y evaluator, decisive bool) evaluator {
	return func(f frame) (catalog.Value, error) {
		l, err := x(f)
		if err != nil || !l.IsNull() && l.AsBool() == decisive {
			return l, err
		}
		r, err := y(f)
		if err == nil && l.IsNull() && (r.IsNull() || r.AsBool() != decisive) {
			return l, nil
		}
		return r, err
	}
}

func (b *binder) unary(e *ast.Unary) (*bound, error) {
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

func (b *binder) not(at int, x *bound) (*bound, error) {
	x, err := b.boolean(x, "the operand of NOT")
	if err != nil {
		return nil, err
	}
	return fold(at, boolType, strict(x.eval, func(v catalog.Value) (catalog.Value, error) {
		return catalog.BoolOf(!v.AsBool()), nil
	}), x), nil
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

// is binds IS NULL and the other tests. They are never NULL.
func (b *binder) is(e *ast.Is) (*bound, error) {
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
	eval, truth, not := x.eval, e.Truth, e.Not
	return fold(e.At, boolType, func(f frame) (catalog.Value, error) {
		v, err := eval(f)
		if err != nil {
			return v, err
		}
		is := v.IsNull()
		if truth == ast.IsTrue || truth == ast.IsFalse {
			is = !is && v.AsBool() == (truth == ast.IsTrue)
		}
		return catalog.BoolOf(is != not), nil
	}, x), nil
}

// A branch of a CASE.
type branch struct{ condition, result evaluator }

// caseWhen binds CASE. No more of it is evaluated than is needed.
func (b *binder) caseWhen(e *ast.Case) (*bound, error) {
	conditions := make([]*bound, len(e.Whens))
	results := make([]*bound, len(e.Whens), len(e.Whens)+1)
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
	dependsOn := append([]*bound(nil), results...)
	var operand *bound
	if e.Operand != nil {
		if operand, err = b.caseOperand(e, conditions); err != nil {
			return nil, err
		}
		dependsOn = append(dependsOn, operand)
	} else {
		for i := range conditions {
			if conditions[i], err = b.boolean(conditions[i], "the condition of WHEN"); err != nil {
				return nil, err
			}
		}
	}
	dependsOn = append(dependsOn, conditions...)
	branches := make([]branch, len(conditions))
	for i := range branches {
		branches[i] = branch{conditions[i].eval, results[i].eval}
	}
	last = results[len(results)-1]
	if operand != nil {
		return fold(e.At, t, simpleCase(operand.eval, branches, last.eval), dependsOn...), nil
	}
	return fold(e.At, t, searchedCase(branches, last.eval), dependsOn...), nil
}

// caseOperand binds what a CASE compares, and gives all the same type.
func (b *binder) caseOperand(e *ast.Case, conditions []*bound) (*bound, error) {
	x, err := b.bind(e.Operand)
	if err != nil {
		return nil, err
	}
	all := append([]*bound{x}, conditions...)
	if err := b.comparable(e.At, ast.Equal, all); err != nil {
		return nil, err
	}
	copy(conditions, all[1:])
	return all[0], nil
}

func searchedCase(branches []branch, last evaluator) evaluator {
	return func(f frame) (catalog.Value, error) {
		for i := range branches {
			v, err := branches[i].condition(f)
			if err != nil {
				return v, err
			}
			if !v.IsNull() && v.AsBool() {
				return branches[i].result(f)
			}
		}
		return last(f)
	}
}

func simpleCase(operand evaluator, branches []branch, last evaluator) evaluator {
	return func(f frame) (catalog.Value, error) {
		x, err := operand(f)
		if err != nil {
			return x, err
		}
		for i := range branches {
			v, err := branches[i].condition(f)
			if err != nil {
				return v, err
			}
			if !x.IsNull() && !v.IsNull() && catalog.Compare(x, v) == 0 {
				return branches[i].result(f)
			}
		}
		return last(f)
	}
}
