package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// comparable converts expressions so that catalog.Compare can compare them on behalf of an operator.
func (b *binder) comparable(at int, o ast.Operator, all []*bound) error {
	var t catalog.Type
	for _, x := range all {
		next, ok := common(t, x.typ)
		if !ok {
			return noOperator(at, o, t, x.typ)
		}
		t = next
	}
	if t.Kind == catalog.JSON {
		return sqlstate.New(sqlstate.UndefinedFunction, at, "JSON cannot be compared").WithHint("compare its text: CAST(... AS TEXT)")
	}
	if t.Kind == 0 {
		t = textType
	}
	open := settled(t, all)
	for i := range all {
		var err error
		if all[i], err = b.settle(all[i], open); err != nil {
			return err
		}
		if t.Kind == catalog.Float64 || t.Kind == catalog.Timestamp { // whole numbers and DECIMAL compare as they are
			all[i] = widen(all[i], t)
		}
	}
	return nil
}

// settled returns the type that text in quotes gets beside others whose common type is t.
func settled(t catalog.Type, all []*bound) catalog.Type {
	if len(all) == 2 { // that of the other side, even if it is DATE
		for _, x := range all {
			if !x.open() {
				return loose(x.typ)
			}
		}
	}
	return loose(t)
}

func noOperator(at int, o ast.Operator, l, r catalog.Type) error {
	return sqlstate.New(sqlstate.UndefinedFunction, at, "there is no operator %s %s %s", nameOf(l), o, nameOf(r)).
		WithHint("convert one side: CAST(... AS %s)", nameOf(l))
}

// holds returns which results of a comparison an operator is true for.
func holds(o ast.Operator) [3]bool { // less, equal, greater
	switch o {
	case ast.Equal, ast.NotDistinct:
		return [3]bool{false, true, false}
	case ast.NotEqual, ast.Distinct:
		return [3]bool{true, false, true}
	case ast.Less:
		return [3]bool{true, false, false}
	case ast.LessEqual:
		return [3]bool{true, true, false}
	case ast.Greater:
		return [3]bool{false, false, true}
	default:
		return [3]bool{false, true, true}
	}
}

func (b *binder) comparison(e *ast.Binary, x, y *bound) (*bound, error) {
	both := []*bound{x, y}
	if err := b.comparable(e.At, e.Operator, both); err != nil {
		return nil, err
	}
	x, y = both[0], both[1]
	table := holds(e.Operator)
	var eval evaluator
	switch {
	case e.Operator == ast.Distinct, e.Operator == ast.NotDistinct:
		eval = distinct(x.eval, y.eval, e.Operator == ast.Distinct)
	case x.typ.Kind == catalog.Int64 && y.typ.Kind == catalog.Int64:
		eval = compareInts(x.eval, y.eval, table)
	default:
		eval = strict2(x.eval, y.eval, func(v, w catalog.Value) (catalog.Value, error) {
			return catalog.BoolOf(table[1+min(max(catalog.Compare(v, w), -1), 1)]), nil
		})
	}
	return fold(e.At, boolType, eval, x, y), nil
}

func compareInts(x, y evaluator, table [3]bool) evaluator {
	return strict2(x, y, func(v, w catalog.Value) (catalog.Value, error) {
		l, r := v.AsInt(), w.AsInt()
		switch {
		case l < r:
			return catalog.BoolOf(table[0]), nil
		case l == r:
			return catalog.BoolOf(table[1]), nil
		default:
			return catalog.BoolOf(table[2]), nil
		}
	})
}

// distinct compares with NULL as a value of its own.
func distinct(x, y evaluator, wanted bool) evaluator {
	return func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		w, err := y(f)
		if err != nil {
			return w, err
		}
		differ := v.IsNull() != w.IsNull() || !v.IsNull() && catalog.Compare(v, w) != 0
		return catalog.BoolOf(differ == wanted), nil
	}
}

// between binds X BETWEEN Low AND High, which is X >= Low AND X <= High with X evaluated once.
func (b *binder) between(e *ast.Between) (*bound, error) {
	all, err := b.bindAll(e.X, e.Low, e.High)
	if err != nil {
		return nil, err
	}
	if err := b.comparable(e.At, ast.GreaterEqual, all); err != nil {
		return nil, err
	}
	x, low, high, not := all[0].eval, all[1].eval, all[2].eval, e.Not
	return fold(e.At, boolType, func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		l, err := low(f)
		if err != nil {
			return l, err
		}
		h, err := high(f)
		if err != nil {
			return h, err
		}
		known := !v.IsNull()
		below := known && !l.IsNull() && catalog.Compare(v, l) < 0
		above := known && !h.IsNull() && catalog.Compare(v, h) > 0
		switch {
		case below, above:
			return catalog.BoolOf(not), nil
		case !known, l.IsNull(), h.IsNull():
			return catalog.Null(), nil
		default:
			return catalog.BoolOf(!not), nil
		}
	}, all...), nil
}

// in binds X IN (list): true if one is equal, else NULL if it is for one, else false.
func (b *binder) in(e *ast.In) (*bound, error) {
	if e.Query != nil {
		return nil, unsupported(e)
	}
	all, err := b.bindAll(append([]ast.Expr{e.X}, e.List...)...)
	if err != nil {
		return nil, err
	}
	if err := b.comparable(e.At, ast.Equal, all); err != nil {
		return nil, err
	}
	x, list, not := all[0].eval, make([]evaluator, len(e.List)), e.Not
	for i := range list {
		list[i] = all[i+1].eval
	}
	return fold(e.At, boolType, func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		unknown := v.IsNull()
		for _, item := range list {
			w, err := item(f)
			switch {
			case err != nil:
				return w, err
			case w.IsNull():
				unknown = true
			case !v.IsNull() && catalog.Compare(v, w) == 0:
				return catalog.BoolOf(!not), nil
			}
		}
		if unknown {
			return catalog.Null(), nil
		}
		return catalog.BoolOf(not), nil
	}, all...), nil
}
