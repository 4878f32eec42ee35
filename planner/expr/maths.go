package expr

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// real binds a function of one DOUBLE PRECISION that is defined for all of them.
func real(of func(float64) float64) func(*Binder, *call) (*Node, error) {
	return floats(func(args []float64) (float64, error) { return of(args[0]), nil })
}

// within binds a function of one DOUBLE PRECISION that is defined between two.
func within(of func(float64) float64, low, high float64) func(*Binder, *call) (*Node, error) {
	return floats(func(args []float64) (float64, error) {
		if args[0] < low || args[0] > high {
			return 0, outOfDomain()
		}
		return of(args[0]), nil
	})
}

// periodic binds a function that has no value at infinity.
func periodic(of func(float64) float64) func(*Binder, *call) (*Node, error) {
	return floats(func(args []float64) (float64, error) {
		if math.IsInf(args[0], 0) {
			return 0, outOfDomain()
		}
		return of(args[0]), nil
	})
}

func outOfDomain() error {
	return sqlstate.New(sqlstate.OutOfRange, -1, "the argument is out of range for the function")
}

func exponential(args []float64) (float64, error) {
	r := math.Exp(args[0])
	if r == 0 && !math.IsInf(args[0], -1) {
		return 0, outOfRange(floatType)
	}
	return r, nil
}

// checkLogarithm returns an error for what has no logarithm.
func checkLogarithm(x float64) error {
	switch {
	case x == 0:
		return sqlstate.New(sqlstate.InvalidLogarithm, -1, "zero has no logarithm")
	case x < 0:
		return sqlstate.New(sqlstate.InvalidLogarithm, -1, "a negative number has no logarithm")
	default:
		return nil
	}
}

func logarithm(args []float64) (float64, error) {
	return math.Log(args[0]), checkLogarithm(args[0])
}

// logarithm10 computes LOG(x), to base 10, and LOG(base, x).
func logarithm10(args []float64) (float64, error) {
	for _, x := range args {
		if err := checkLogarithm(x); err != nil {
			return 0, err
		}
	}
	if len(args) == 1 {
		return math.Log10(args[0]), nil
	}
	base := math.Log(args[0])
	if base == 0 {
		return 0, divisionByZero()
	}
	switch args[0] {
	case 2:
		return math.Log2(args[1]), nil
	case 10:
		return math.Log10(args[1]), nil
	default:
		return math.Log(args[1]) / base, nil
	}
}

// div binds DIV(x, y): the quotient without its fraction.
func (b *Binder) div(c *call) (*Node, error) {
	q, err := b.arithmetic(c.at, ast.Divide, c.args[0], c.args[1])
	switch {
	case err != nil:
		return nil, err
	case q.Type.Kind == catalog.Int64:
		return q, nil
	case q.Type.Kind != catalog.Decimal:
		return nil, wrongArgument(c, c.args[0], "DECIMAL")
	}
	if err := b.arguments(c, decimalType, decimalType); err != nil {
		return nil, err
	}
	return foldCall(c, decimalType, binary(func(v, w catalog.Value) (catalog.Value, error) {
		x, y, _ := align(fixedOf(v), fixedOf(w))
		if y.zero() {
			return catalog.Null(), divisionByZero()
		}
		whole, _ := x.divide(y)
		return narrow(whole, 0)
	}), c.args...), nil
}

// greatestDivisor returns the greatest common divisor of the amounts.
func greatestDivisor(x, y uint64) uint64 {
	for y != 0 {
		x, y = y, x%y
	}
	return x
}

// positive returns a BIGINT that is not negative.
func positive(n uint64) (catalog.Value, error) {
	if n > math.MaxInt64 {
		return catalog.Null(), outOfRange(intType)
	}
	return catalog.Int(int64(n)), nil
}

func gcd(args []catalog.Value) (catalog.Value, error) {
	return positive(greatestDivisor(widen64(args[0].AsInt()).lo, widen64(args[1].AsInt()).lo))
}

func lcm(args []catalog.Value) (catalog.Value, error) {
	x, y := widen64(args[0].AsInt()).lo, widen64(args[1].AsInt()).lo
	if x == 0 || y == 0 {
		return catalog.Int(0), nil
	}
	product := wide{lo: x / greatestDivisor(x, y)}.times(y)
	if product.hi != 0 {
		return catalog.Null(), outOfRange(intType)
	}
	return positive(product.lo)
}

func factorial(args []catalog.Value) (catalog.Value, error) {
	n := args[0].AsInt()
	if n < 0 {
		return catalog.Null(), sqlstate.New(sqlstate.OutOfRange, -1, "a negative number has no factorial")
	}
	product := catalog.Int(1)
	for i := int64(2); i <= n; i++ {
		var err error
		if product, err = multiplyInts(product, catalog.Int(i)); err != nil {
			return product, err
		}
	}
	return product, nil
}

func scaleOf(args []catalog.Value) (catalog.Value, error) {
	_, scale := args[0].AsDecimal()
	return catalog.Int(int64(scale)), nil
}

// widthBucket computes in which of so many equal parts of a range a number is.
func widthBucket(args []catalog.Value) (catalog.Value, error) {
	x, low, high, count := args[0].AsFloat(), args[1].AsFloat(), args[2].AsFloat(), args[3].AsInt()
	bad := func(format string) (catalog.Value, error) {
		return catalog.Null(), sqlstate.New(sqlstate.InvalidBucket, -1, "%s", format)
	}
	switch {
	case count <= 0 || count >= math.MaxInt32:
		return bad("the number of parts must be between 1 and 2147483646")
	case math.IsNaN(x) || math.IsNaN(low) || math.IsNaN(high):
		return bad("the number and the range cannot be NaN")
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		return bad("the range must be finite")
	case low == high:
		return bad("the range must not be empty")
	}
	if low > high {
		x, low, high = -x, -low, -high
	}
	switch {
	case x < low:
		return catalog.Int(0), nil
	case x >= high:
		return catalog.Int(count + 1), nil
	default:
		return catalog.Int(min(int64(float64(count)*((x-low)/(high-low))), count-1) + 1), nil
	}
}
