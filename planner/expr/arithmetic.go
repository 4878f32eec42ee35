package expr

import (
	"errors"
	"math"
	"math/bits"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// An operation computes a value of two that are not NULL. Its errors have no place yet.
type operation func(v, w catalog.Value) (catalog.Value, error)

// The operations of numbers, by operator.
var (
	intOperations = map[ast.Operator]operation{
		ast.Add: addInts, ast.Subtract: subtractInts, ast.Multiply: multiplyInts, ast.Divide: divideInts, ast.Modulo: moduloInts,
	}
	decimalOperations = map[ast.Operator]operation{
		ast.Add: addDecimals, ast.Subtract: subtractDecimals, ast.Multiply: multiplyDecimals,
		ast.Divide: divideDecimals, ast.Modulo: moduloDecimals,
	}
	floatOperations = map[ast.Operator]operation{
		ast.Add: addFloats, ast.Subtract: subtractFloats, ast.Multiply: multiplyFloats, ast.Divide: divideFloats,
	}
)

// arithmetic binds + - * / %.
func (b *binder) arithmetic(at int, o ast.Operator, x, y *bound) (*bound, error) {
	x, y, err := b.operands(at, o, x, y)
	if err != nil {
		return nil, err
	}
	t, ok := common(x.typ, y.typ)
	var op operation
	switch {
	case !ok:
		return b.dateArithmetic(at, o, x, y)
	case t.Kind == catalog.Int64:
		op = intOperations[o]
	case t.Kind == catalog.Decimal:
		t, op = decimalType, decimalOperations[o]
	case t.Kind == catalog.Float64:
		op = floatOperations[o]
	default:
		return b.dateArithmetic(at, o, x, y)
	}
	if op == nil {
		return nil, noOperator(at, o, x.typ, y.typ)
	}
	return fold(at, t, operate(at, op, x, y), x, y), nil
}

// operands settles what is open, by the other side.
func (b *binder) operands(at int, o ast.Operator, x, y *bound) (*bound, *bound, error) {
	if x.open() && y.open() {
		if !x.openNull() || !y.openNull() {
			return nil, nil, sqlstate.New(sqlstate.AmbiguousFunction, at, "it is not clear what the operands of %s are", o).
				WithHint("give one of them a type: CAST(... AS BIGINT)")
		}
		x.typ = intType // any number would do: it is NULL
	}
	want := func(t catalog.Type) catalog.Type {
		if t.Kind == catalog.Date && o == ast.Add {
			return intType
		}
		return loose(t)
	}
	xt, yt := x.typ, y.typ
	x, err := b.settle(x, want(yt))
	if err != nil {
		return nil, nil, err
	}
	y, err = b.settle(y, want(xt))
	return x, y, err
}

// operate returns the evaluator of an operation.
func operate(at int, op operation, x, y *bound) evaluator {
	return strict2(x.eval, y.eval, func(v, w catalog.Value) (catalog.Value, error) {
		r, err := op(v, w)
		return r, placed(err, at)
	})
}

// placed gives an error a place, if it has none.
func placed(err error, at int) error {
	if err == nil {
		return nil
	}
	var e *sqlstate.Error
	if errors.As(err, &e) && e.At < 0 {
		e.At = at
	}
	return err
}

// dateArithmetic binds what can be computed with dates: a number of days can be added or subtracted, and two dates have
// a difference in days.
func (b *binder) dateArithmetic(at int, o ast.Operator, x, y *bound) (*bound, error) {
	kinds := [2]catalog.Kind{x.typ.Kind, y.typ.Kind}
	switch {
	case o == ast.Add && kinds == [2]catalog.Kind{catalog.Date, catalog.Int64}:
		return fold(at, dateType, operate(at, addDays, x, y), x, y), nil
	case o == ast.Add && kinds == [2]catalog.Kind{catalog.Int64, catalog.Date}:
		return fold(at, dateType, operate(at, func(v, w catalog.Value) (catalog.Value, error) { return addDays(w, v) }, x, y), x, y), nil
	case o == ast.Subtract && kinds == [2]catalog.Kind{catalog.Date, catalog.Int64}:
		return fold(at, dateType, operate(at, subtractDays, x, y), x, y), nil
	case o == ast.Subtract && kinds == [2]catalog.Kind{catalog.Date, catalog.Date}:
		return fold(at, intType, operate(at, func(v, w catalog.Value) (catalog.Value, error) {
			return catalog.Int(v.AsInt() - w.AsInt()), nil
		}, x, y), x, y), nil
	}
	return nil, noOperator(at, o, x.typ, y.typ)
}

func outOfRange(t catalog.Type) error {
	return sqlstate.New(sqlstate.OutOfRange, -1, "the result is out of range for %s", nameOf(t))
}

func addInts(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsInt(), w.AsInt()
	sum := x + y
	if (x^sum)&(y^sum) < 0 {
		return catalog.Null(), outOfRange(intType)
	}
	return catalog.Int(sum), nil
}

func subtractInts(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsInt(), w.AsInt()
	difference := x - y
	if (x^y)&(x^difference) < 0 {
		return catalog.Null(), outOfRange(intType)
	}
	return catalog.Int(difference), nil
}

func multiplyInts(v, w catalog.Value) (catalog.Value, error) {
	x, y := widen64(v.AsInt()), widen64(w.AsInt())
	hi, lo := bits.Mul64(x.lo, y.lo)
	negative := x.negative != y.negative
	switch {
	case hi != 0, lo > 1<<63, lo == 1<<63 && !negative:
		return catalog.Null(), outOfRange(intType)
	case negative:
		return catalog.Int(-int64(lo)), nil
	default:
		return catalog.Int(int64(lo)), nil
	}
}

func divideInts(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsInt(), w.AsInt()
	switch {
	case y == 0:
		return catalog.Null(), divisionByZero()
	case x == math.MinInt64 && y == -1:
		return catalog.Null(), outOfRange(intType)
	}
	return catalog.Int(x / y), nil
}

func moduloInts(v, w catalog.Value) (catalog.Value, error) {
	y := w.AsInt()
	if y == 0 {
		return catalog.Null(), divisionByZero()
	}
	return catalog.Int(v.AsInt() % y), nil // of the smallest number and -1 too, Go says 0
}

func addFloats(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsFloat(), w.AsFloat()
	return finite(x+y, x, y)
}

func subtractFloats(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsFloat(), w.AsFloat()
	return finite(x-y, x, y)
}

func multiplyFloats(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsFloat(), w.AsFloat()
	r := x * y
	if r == 0 && x != 0 && y != 0 {
		return catalog.Null(), outOfRange(floatType)
	}
	return finite(r, x, y)
}

func divideFloats(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsFloat(), w.AsFloat()
	if y == 0 && !math.IsNaN(x) {
		return catalog.Null(), divisionByZero()
	}
	r := x / y
	if r == 0 && x != 0 && !math.IsInf(y, 0) {
		return catalog.Null(), outOfRange(floatType)
	}
	return finite(r, x, y)
}

// finite returns a result, unless it is infinite and no operand is.
func finite(r float64, operands ...float64) (catalog.Value, error) {
	if math.IsInf(r, 0) {
		for _, x := range operands {
			if math.IsInf(x, 0) {
				return catalog.Float(r), nil
			}
		}
		return catalog.Null(), outOfRange(floatType)
	}
	return catalog.Float(r), nil
}

func (b *binder) negate(at int, x *bound) (*bound, error) {
	x, err := b.number(x, "the operand of -")
	if err != nil {
		return nil, err
	}
	t := x.typ
	if t.Kind == catalog.Decimal {
		t = decimalType
	}
	return fold(at, t, strict(x.eval, func(v catalog.Value) (catalog.Value, error) {
		r, err := negated(v)
		return r, placed(err, at)
	}), x), nil
}

func negated(v catalog.Value) (catalog.Value, error) {
	switch v.Kind() {
	case catalog.Float64:
		return catalog.Float(-v.AsFloat()), nil
	case catalog.Decimal:
		n, scale := v.AsDecimal()
		return catalog.DecimalOf(-n, scale), nil
	default:
		if v.AsInt() == math.MinInt64 {
			return catalog.Null(), outOfRange(intType)
		}
		return catalog.Int(-v.AsInt()), nil
	}
}

// number requires an expression to be a number, on behalf of what.
func (b *binder) number(x *bound, what string) (*bound, error) {
	x, err := b.settle(x, floatType)
	if err == nil && !numeric(x.typ.Kind) {
		return nil, sqlstate.New(sqlstate.UndefinedFunction, x.at, "%s must be a number, not %s", what, nameOf(x.typ))
	}
	return x, err
}
