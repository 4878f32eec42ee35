package expr

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A unaryOperation computes a value of one that is not NULL. Its errors have no place yet.
type unaryOperation func(v catalog.Value) (catalog.Value, error)

// numberFunctions are those of numbers.
func numberFunctions() map[string]function {
	return map[string]function{
		"abs":     {1, 1, perKind(absInt, absDecimal, absFloat)},
		"sign":    {1, 1, perKind(signInt, signDecimal, signFloat)},
		"floor":   {1, 1, perKind(same, rounded(down), floatFunction(math.Floor))},
		"ceil":    {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"ceiling": {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"round":   {1, 2, rounding2(perKind(same, rounded(halfAway), floatFunction(math.RoundToEven)), halfAway)},
		"trunc":   {1, 2, rounding2(perKind(same, rounded(towardZero), floatFunction(math.Trunc)), towardZero)},
		"mod":     {2, 2, func(b *Binder, c *call) (*Node, error) { return b.arithmetic(c.at, ast.Modulo, c.args[0], c.args[1]) }},
		"div":     {2, 2, (*Binder).div},
		"gcd":     {2, 2, simple(intType, gcd, intType, intType)},
		"lcm":     {2, 2, simple(intType, lcm, intType, intType)},

		"factorial":    {1, 1, simple(intType, factorial, intType)},
		"scale":        {1, 1, simple(intType, scaleOf, decimalType)},
		"width_bucket": {4, 4, simple(intType, widthBucket, floatType, floatType, floatType, intType)},

		"power": {2, 2, floats(power)}, "pow": {2, 2, floats(power)},
		"sqrt": {1, 1, floats(sqrt)}, "cbrt": {1, 1, real(math.Cbrt)},
		"exp": {1, 1, floats(exponential)}, "ln": {1, 1, floats(logarithm)},
		"log": {1, 2, floats(logarithm10)}, "log10": {1, 1, floats(logarithm10)},
		"pi": {0, 0, floats(func([]float64) (float64, error) { return math.Pi, nil })},

		"degrees": {1, 1, real(func(x float64) float64 { return x / (math.Pi / 180) })},
		"radians": {1, 1, real(func(x float64) float64 { return x * (math.Pi / 180) })},
		"sin":     {1, 1, periodic(math.Sin)}, "cos": {1, 1, periodic(math.Cos)}, "tan": {1, 1, periodic(math.Tan)},
		"cot":  {1, 1, periodic(func(x float64) float64 { return 1 / math.Tan(x) })},
		"asin": {1, 1, within(math.Asin, -1, 1)}, "acos": {1, 1, within(math.Acos, -1, 1)},
		"atan": {1, 1, real(math.Atan)}, "atan2": {2, 2, floats(func(a []float64) (float64, error) { return math.Atan2(a[0], a[1]), nil })},
		"sinh": {1, 1, real(math.Sinh)}, "cosh": {1, 1, real(math.Cosh)}, "tanh": {1, 1, real(math.Tanh)},
		"asinh": {1, 1, real(math.Asinh)}, "acosh": {1, 1, within(math.Acosh, 1, math.Inf(1))},
		"atanh": {1, 1, within(math.Atanh, -1, 1)},
	}
}

// perKind binds a function of a number whose result has the same kind.
func perKind(ofInt, ofDecimal, ofFloat unaryOperation) func(*Binder, *call) (*Node, error) {
	return func(b *Binder, c *call) (*Node, error) {
		x, err := b.number(c.args[0], "the argument of "+c.name)
		if err != nil {
			return nil, err
		}
		op := ofInt
		switch x.Type.Kind {
		case catalog.Decimal:
			op = ofDecimal
		case catalog.Float64:
			op = ofFloat
		default:
		}
		return foldCall(c, loose(x.Type), unary(op), x), nil
	}
}

// rounding2 binds a function that may be told how many places it is to keep.
func rounding2(without func(*Binder, *call) (*Node, error), toward rounding) func(*Binder, *call) (*Node, error) {
	return func(b *Binder, c *call) (*Node, error) {
		if len(c.args) == 1 {
			return without(b, c)
		}
		x, err := b.settle(c.args[0], decimalType)
		if err != nil {
			return nil, err
		}
		places, err := b.settle(c.args[1], intType)
		switch {
		case err != nil:
			return nil, err
		case x.Type.Kind != catalog.Int64 && x.Type.Kind != catalog.Decimal:
			return nil, wrongArgument(c, x, "a DECIMAL if it is given a number of places")
		case places.Type.Kind != catalog.Int64:
			return nil, wrongArgument(c, places, "a BIGINT as the number of places")
		}
		return foldCall(c, decimalType, binary(func(v, w catalog.Value) (catalog.Value, error) {
			return roundDecimal(v, w.AsInt(), toward)
		}), x, places), nil
	}
}

// floats binds a function of DOUBLE PRECISION.
func floats(of func(args []float64) (float64, error)) func(*Binder, *call) (*Node, error) {
	return func(b *Binder, c *call) (*Node, error) {
		for i := range c.args {
			x, err := b.number(c.args[i], "the argument of "+c.name)
			if err != nil {
				return nil, err
			}
			c.args[i] = x
		}
		return foldCall(c, floatType, eachStrict(func(args []catalog.Value) (catalog.Value, error) {
			numbers := make([]float64, len(args))
			for i, v := range args {
				numbers[i] = v.AsFloat()
			}
			r, err := of(numbers)
			if err != nil {
				return catalog.Null(), err
			}
			return finite(r, numbers...)
		}), c.args...), nil
	}
}

func same(v catalog.Value) (catalog.Value, error) { return v, nil }

func absInt(v catalog.Value) (catalog.Value, error) {
	if v.AsInt() < 0 {
		return negated(v)
	}
	return v, nil
}

func absDecimal(v catalog.Value) (catalog.Value, error) {
	if n, _ := v.AsDecimal(); n < 0 {
		return negated(v)
	}
	return v, nil
}

func absFloat(v catalog.Value) (catalog.Value, error) {
	return catalog.Float(math.Abs(v.AsFloat())), nil
}

func signOf(n int64) int64 {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	default:
		return 0
	}
}

func signInt(v catalog.Value) (catalog.Value, error) { return catalog.Int(signOf(v.AsInt())), nil }

func signDecimal(v catalog.Value) (catalog.Value, error) {
	n, _ := v.AsDecimal()
	return catalog.DecimalOf(signOf(n), 0), nil
}

func signFloat(v catalog.Value) (catalog.Value, error) {
	switch x := v.AsFloat(); {
	case x > 0:
		return catalog.Float(1), nil
	case x < 0:
		return catalog.Float(-1), nil
	default: // 0, and NaN
		return catalog.Float(x), nil
	}
}

// rounded returns the operation that rounds a DECIMAL to a whole number.
func rounded(toward rounding) unaryOperation {
	return func(v catalog.Value) (catalog.Value, error) { return roundDecimal(v, 0, toward) }
}

func floatFunction(of func(float64) float64) unaryOperation {
	return func(v catalog.Value) (catalog.Value, error) { return catalog.Float(of(v.AsFloat())), nil }
}

func power(args []float64) (float64, error) {
	x, y := args[0], args[1]
	switch {
	case x == 0 && y < 0:
		return 0, sqlstate.New(sqlstate.InvalidPower, -1, "zero to a negative power is not defined")
	case x < 0 && y != math.Trunc(y):
		return 0, sqlstate.New(sqlstate.InvalidPower, -1, "a negative number to a power that is not whole is not a real number")
	}
	r := math.Pow(x, y)
	if r == 0 && x != 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return 0, outOfRange(floatType)
	}
	return r, nil
}

func sqrt(args []float64) (float64, error) {
	if args[0] < 0 {
		return 0, sqlstate.New(sqlstate.InvalidPower, -1, "a negative number has no square root")
	}
	return math.Sqrt(args[0]), nil
}
