package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// comparable converts expressions so that catalog.Compare can compare them on behalf of an operator.
func (b *Binder) comparable(at int, o ast.Operator, all []*Node) error {
	var t catalog.Type
	for _, x := range all {
		next, ok := common(t, x.Type)
		if !ok {
			return noOperator(at, o, t, x.Type)
		}
		t = next
	}
	if t.Kind == catalog.JSON {
		return sqlstate.New(sqlstate.UndefinedFunction, at, "JSON cannot be compared").WithHint("compare its text: CAST(... AS TEXT)")
	}
	if t.Kind == 0 {
		t = textType
	}
	if t.Kind == catalog.Timestamp && datesInside(all) {
		t = dateType
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

// datesInside makes dates of constants that are timestamps at midnight, if everything else is dates: so day >= DATE
// '1998-12-01' - INTERVAL '90 day' compares a column as it is, and an index on it can be used.
func datesInside(all []*Node) bool {
	changed, found := make([]*Node, len(all)), false
	for i, x := range all {
		switch {
		case x.Type.Kind == catalog.Date:
			found = true
		case x.Type.Kind != catalog.Timestamp || x.Op != OpConstant:
			return false
		case !x.Value.IsNull() && x.Value.AsInt()%microsOfDay != 0:
			return false
		default:
			v, err := catalog.Cast(x.Value, dateType)
			if err != nil {
				return false
			}
			changed[i] = constant(x.At, dateType, v)
		}
	}
	for i, x := range changed {
		if found && x != nil {
			all[i] = x
		}
	}
	return found
}

// settled returns the type that text in quotes gets beside others whose common type is t.
func settled(t catalog.Type, all []*Node) catalog.Type {
	if len(all) == 2 { // that of the other side, even if it is DATE
		for _, x := range all {
			if !x.Open() {
				return loose(x.Type)
			}
		}
	}
	return loose(t)
}

func noOperator(at int, o ast.Operator, l, r catalog.Type) *sqlstate.Error {
	return sqlstate.New(sqlstate.UndefinedFunction, at, "there is no operator %s %s %s", nameOf(l), o, nameOf(r)).
		WithHint("convert one side: CAST(... AS %s)", nameOf(l))
}

// comparisons are the operations of the operators.
var comparisons = map[ast.Operator]Op{
	ast.Equal: OpEqual, ast.NotEqual: OpNotEqual, ast.Less: OpLess, ast.LessEqual: OpLessEqual,
	ast.Greater: OpGreater, ast.GreaterEqual: OpGreaterEqual, ast.Distinct: OpDistinct, ast.NotDistinct: OpNotDistinct,
}

// holds returns which results of a comparison an operation is true for.
func holds(op Op) [3]bool { // less, equal, greater
	switch op {
	case OpEqual, OpNotDistinct:
		return [3]bool{false, true, false}
	case OpNotEqual, OpDistinct:
		return [3]bool{true, false, true}
	case OpLess:
		return [3]bool{true, false, false}
	case OpLessEqual:
		return [3]bool{true, true, false}
	case OpGreater:
		return [3]bool{false, false, true}
	default:
		return [3]bool{false, true, true}
	}
}

func (b *Binder) comparison(at int, o ast.Operator, x, y *Node) (*Node, error) {
	op, ok := comparisons[o]
	if !ok {
		return nil, sqlstate.New(sqlstate.InternalError, at, "%s is no comparison", o)
	}
	both := []*Node{x, y}
	if err := b.comparable(at, o, both); err != nil {
		return nil, err
	}
	return fold(op, at, boolType, nil, both...), nil
}

func compareEval(n *Node, args []evaluator) evaluator {
	table := holds(n.Op)
	if n.Args[0].Type.Kind == catalog.Int64 && n.Args[1].Type.Kind == catalog.Int64 {
		return compareInts(args[0], args[1], table)
	}
	return strict2(args[0], args[1], func(v, w catalog.Value) (catalog.Value, error) {
		return catalog.BoolOf(table[1+min(max(catalog.Compare(v, w), -1), 1)]), nil
	})
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
func (b *Binder) between(e *ast.Between) (*Node, error) {
	all, err := b.bindAll(e.X, e.Low, e.High)
	if err != nil {
		return nil, err
	}
	if err := b.comparable(e.At, ast.GreaterEqual, all); err != nil {
		return nil, err
	}
	return negatable(OpBetween, e.At, e.Not, nil, all...), nil
}

func betweenEval(args []evaluator, not bool) evaluator {
	x, low, high := args[0], args[1], args[2]
	return func(f frame) (catalog.Value, error) {
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
	}
}

// in binds X IN (list): true if one is equal, else NULL if it is for one, else false.
func (b *Binder) in(e *ast.In) (*Node, error) {
	all, err := b.bindAll(append([]ast.Expr{e.X}, e.List...)...)
	if err != nil {
		return nil, err
	}
	if err := b.comparable(e.At, ast.Equal, all); err != nil {
		return nil, err
	}
	return negatable(OpIn, e.At, e.Not, nil, all...), nil
}

func inEval(args []evaluator, not bool) evaluator {
	x, list := args[0], args[1:]
	return func(f frame) (catalog.Value, error) {
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
	}
}
