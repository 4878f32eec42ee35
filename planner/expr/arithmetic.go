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
	intOperations = map[Op]operation{
		OpAdd: addInts, OpSubtract: subtractInts, OpMultiply: multiplyInts, OpDivide: divideInts, OpModulo: moduloInts,
	}
	decimalOperations = map[Op]operation{
		OpAdd: addDecimals, OpSubtract: subtractDecimals, OpMultiply: multiplyDecimals,
		OpDivide: divideDecimals, OpModulo: moduloDecimals,
	}
	floatOperations = map[Op]operation{
		OpAdd: addFloats, OpSubtract: subtractFloats, OpMultiply: multiplyFloats, OpDivide: divideFloats,
	}
)

// arithmetics are the operations of the operators.
var arithmetics = map[ast.Operator]Op{
	ast.Add: OpAdd, ast.Subtract: OpSubtract, ast.Multiply: OpMultiply, ast.Divide: OpDivide, ast.Modulo: OpModulo,
}

// arithmeticOf returns the operation of two numbers of a kind, or nil.
func arithmeticOf(op Op, k catalog.Kind) operation {
	switch k {
	case catalog.Int64:
		return intOperations[op]
	case catalog.Decimal:
		return decimalOperations[op]
	case catalog.Float64:
		return floatOperations[op]
	default:
		return nil
	}
}

// arithmetic binds + - * / %.
func (b *Binder) arithmetic(at int, o ast.Operator, x, y *Node) (*Node, error) {
	x, y, err := b.operands(at, o, x, y)
	if err != nil {
		return nil, err
	}
	t, ok := common(x.Type, y.Type)
	if !ok || !numeric(t.Kind) {
		return b.momentArithmetic(at, o, x, y)
	}
	op := arithmetics[o]
	if arithmeticOf(op, t.Kind) == nil {
		return nil, noOperator(at, o, x.Type, y.Type)
	}
	t = loose(t)
	return fold(op, at, t, nil, widenNumber(x, t), widenNumber(y, t)), nil
}

// widenNumber converts a number to the kind that an operation computes in. Unlike widen it takes every BIGINT as a
// DECIMAL, also those of 19 digits: it matters what comes out.
func widenNumber(x *Node, t catalog.Type) *Node {
	if x.Type.Kind != catalog.Int64 || t.Kind != catalog.Decimal {
		return widen(x, t)
	}
	return fold(OpCast, x.At, t, unary(func(v catalog.Value) (catalog.Value, error) {
		return catalog.DecimalOf(v.AsInt(), 0), nil
	}), x)
}

// operands settles what is open, by the other side.
func (b *Binder) operands(at int, o ast.Operator, x, y *Node) (*Node, *Node, error) {
	if x.Open() && y.Open() {
		if !x.openNull() || !y.openNull() {
			return nil, nil, sqlstate.New(sqlstate.AmbiguousFunction, at, "it is not clear what the operands of %s are", o).
				WithHint("give one of them a type: CAST(... AS BIGINT)")
		}
		x = x.retyped(intType) // any number would do: it is NULL
	}
	want := func(t catalog.Type) catalog.Type {
		switch {
		case t.Kind == catalog.Date && o == ast.Add:
			return intType
		case t.Kind == catalog.Timestamp && o == ast.Add:
			return intervalType
		case t.Kind == catalog.Interval && (o == ast.Multiply || o == ast.Divide):
			return floatType
		default:
			return loose(t)
		}
	}
	xt, yt := x.Type, y.Type
	x, err := b.settle(x, want(yt))
	if err != nil {
		return nil, nil, err
	}
	y, err = b.settle(y, want(xt))
	return x, y, err
}

// operate returns the evaluator of an operation.
func operate(at int, op operation, x, y evaluator) evaluator {
	return strict2(x, y, func(v, w catalog.Value) (catalog.Value, error) {
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

// operatorCall returns the node of an operator that is a function.
func operatorCall(at int, o ast.Operator, t catalog.Type, build builder, args ...*Node) *Node {
	return foldCall(&call{at: at, name: o.String()}, t, build, args...)
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

func (b *Binder) negate(at int, x *Node) (*Node, error) {
	if x.Type.Kind == catalog.Interval {
		return operatorCall(at, ast.Subtract, intervalType, unary(negatedInterval), x), nil
	}
	x, err := b.number(x, "the operand of -")
	if err != nil {
		return nil, err
	}
	return fold(OpNegate, at, loose(x.Type), nil, x), nil
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
func (b *Binder) number(x *Node, what string) (*Node, error) {
	x, err := b.settle(x, floatType)
	if err == nil && !numeric(x.Type.Kind) {
		return nil, sqlstate.New(sqlstate.UndefinedFunction, x.At, "%s must be a number, not %s", what, nameOf(x.Type))
	}
	return x, err
}
