package expr

import (
	"math"
	"math/big"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

func power10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

var digits18 = power10(18)

// decimalDatum returns n / 10^scale.
func decimalDatum(n *big.Int, scale int) datum {
	return datum{num: new(big.Rat).SetFrac(n, power10(scale)), scale: scale}
}

// floatDatum returns the DOUBLE PRECISION next to a fraction.
func floatDatum(x *big.Rat) datum {
	f, _ := x.Float64()
	return datum{num: new(big.Rat).SetFloat64(f)}
}

// truncated returns the whole part of |x| * 10^places, and whether something was cut off.
func truncated(x *big.Rat, places int) (n *big.Int, rest *big.Rat) {
	scaled := new(big.Rat).Mul(new(big.Rat).Abs(x), new(big.Rat).SetInt(power10(places)))
	n = new(big.Int).Quo(scaled.Num(), scaled.Denom())
	return n, scaled.Sub(scaled, new(big.Rat).SetInt(n))
}

// half is one half.
var half = big.NewRat(1, 2)

// exactly returns a fraction as a DECIMAL of so many places; fewer, if only zeros are lost and they must be. It may be
// rounded to these places, if that was asked for.
func exactly(x *big.Rat, places int, round bool) (datum, sqlstate.Code) {
	n, rest := truncated(x, places)
	if rest.Sign() != 0 && !round {
		panic("not exact: " + x.String())
	}
	if rest.Cmp(half) >= 0 {
		n.Add(n, big.NewInt(1))
	}
	ten := big.NewInt(10)
	for places > 0 && (n.Cmp(digits18) >= 0 || places > 18) && new(big.Int).Rem(n, ten).Sign() == 0 {
		n.Quo(n, ten)
		places--
	}
	for places > 6 && (n.Cmp(digits18) >= 0 || places > 18) { // it must be rounded
		places--
		if n, rest = truncated(x, places); rest.Cmp(half) >= 0 {
			n.Add(n, big.NewInt(1))
		}
	}
	if n.Cmp(digits18) >= 0 || places > 18 || n.Sign() == 0 && x.Sign() != 0 && !round {
		return null, sqlstate.OutOfRange
	}
	if x.Sign() < 0 {
		n.Neg(n)
	}
	return decimalDatum(n, places), ""
}

// whole returns a fraction that must be a BIGINT.
func wholeDatum(x *big.Rat) (datum, sqlstate.Code) {
	if !x.Num().IsInt64() {
		return null, sqlstate.OutOfRange
	}
	return datum{num: x}, ""
}

// nearest returns the DOUBLE PRECISION next to a result, which must not be lost at either end.
func nearest(x *big.Rat) (datum, sqlstate.Code) {
	f, _ := x.Float64()
	if math.IsInf(f, 0) || f == 0 && x.Sign() != 0 {
		return null, sqlstate.OutOfRange
	}
	return datum{num: new(big.Rat).SetFloat64(f)}, ""
}

// quotient returns x / y without its fraction.
func quotient(x, y *big.Rat) *big.Rat {
	q := new(big.Rat).Quo(x, y)
	return new(big.Rat).SetInt(new(big.Int).Quo(q.Num(), q.Denom()))
}

// calculate computes x o y as numbers of kind k, to which both were converted but for their scale.
func calculate(o byte, k catalog.Kind, x, y datum) (datum, sqlstate.Code) {
	r := new(big.Rat)
	places := max(x.scale, y.scale)
	switch o {
	case '+':
		r.Add(x.num, y.num)
	case '-':
		r.Sub(x.num, y.num)
	case '*':
		r.Mul(x.num, y.num)
		places = x.scale + y.scale
	case '/':
		if y.num.Sign() == 0 {
			return null, sqlstate.DivisionByZero
		}
		if k == catalog.Int64 {
			return wholeDatum(quotient(x.num, y.num))
		}
		r.Quo(x.num, y.num)
		if k == catalog.Decimal {
			return divided(r, max(places, quotientDigits(x, y)))
		}
	case '%':
		if y.num.Sign() == 0 {
			return null, sqlstate.DivisionByZero
		}
		r.Sub(x.num, r.Mul(y.num, quotient(x.num, y.num)))
	}
	switch k {
	case catalog.Int64:
		return wholeDatum(r)
	case catalog.Decimal:
		return exactly(r, places, false)
	default:
		// A sum of tiny numbers is exact, and only a true zero is 0.
		return nearest(r)
	}
}

// quotientDigits returns how many places PostgreSQL gives a quotient: 16 digits behind the place where its first digit of
// base 10,000 should be.
func quotientDigits(x, y datum) int {
	first := func(d datum) (power int, digit int64) {
		a := new(big.Rat).Abs(d.num)
		if a.Sign() == 0 {
			return 0, 0
		}
		base := big.NewRat(10_000, 1)
		for a.Cmp(base) >= 0 {
			a.Quo(a, base)
			power++
		}
		for a.Cmp(big.NewRat(1, 1)) < 0 {
			a.Mul(a, base)
			power--
		}
		return power, new(big.Int).Quo(a.Num(), a.Denom()).Int64()
	}
	xPower, xDigit := first(x)
	yPower, yDigit := first(y)
	power := xPower - yPower
	if xDigit <= yDigit {
		power--
	}
	return min(max(16-4*power, 0), 18)
}

// divided returns a quotient with as many places as there is room for.
func divided(q *big.Rat, places int) (datum, sqlstate.Code) {
	for ; places >= 0; places-- {
		if n, _ := truncated(q, places); n.Cmp(digits18) < 0 {
			return exactly(q, places, true)
		}
	}
	return null, sqlstate.OutOfRange
}

func (o *oracle) number(k catalog.Kind, depth int) term {
	switch o.IntN(10) {
	case 0, 1, 2, 3, 4:
		return o.arithmetic(k, depth)
	case 5:
		return strictly(k, func(a []datum) (datum, sqlstate.Code) {
			return signed(new(big.Rat).Neg(a[0].num), a[0], k)
		}, "- %s", o.term(k, depth))
	case 6:
		return strictly(k, func(a []datum) (datum, sqlstate.Code) {
			return signed(new(big.Rat).Abs(a[0].num), a[0], k)
		}, "ABS(%s)", o.term(k, depth))
	case 7:
		return o.converted(k, depth)
	case 8:
		return o.rounded(k, depth)
	default:
		if k == catalog.Int64 {
			return o.measured(depth)
		}
		return strictly(k, func(a []datum) (datum, sqlstate.Code) {
			return datum{num: big.NewRat(int64(a[0].num.Sign()), 1)}, ""
		}, "SIGN(%s)", o.term(k, depth))
	}
}

// signed returns x, which is d with another sign.
func signed(x *big.Rat, d datum, k catalog.Kind) (datum, sqlstate.Code) {
	if k == catalog.Int64 {
		return wholeDatum(x)
	}
	return datum{num: x, scale: d.scale}, ""
}

func (o *oracle) arithmetic(k catalog.Kind, depth int) term {
	args := o.related(k, 2, depth)
	ops := "+-*/%"
	if k == catalog.Float64 {
		ops = "+-*/"
	}
	op := ops[o.IntN(len(ops))]
	format := "%s " + string(op) + " %s"
	switch {
	case op == '%' && o.IntN(2) == 0:
		format = "MOD(%s, %s)"
	case op == '%':
		format = "%s %% %s"
	}
	return strictly(k, func(a []datum) (datum, sqlstate.Code) {
		for i := range a {
			if k == catalog.Float64 {
				a[i] = floatDatum(a[i].num)
			}
		}
		return calculate(op, k, a[0], a[1])
	}, format, args...)
}

// converted returns a CAST of another kind.
func (o *oracle) converted(k catalog.Kind, depth int) term {
	from := choose(o, catalog.Int64, catalog.Decimal, catalog.Bool)
	if from == catalog.Bool && k != catalog.Int64 {
		from = catalog.Int64
	}
	return strictly(k, func(a []datum) (datum, sqlstate.Code) {
		switch {
		case from == catalog.Bool && a[0].truth:
			return datum{num: big.NewRat(1, 1)}, ""
		case from == catalog.Bool:
			return datum{num: new(big.Rat)}, ""
		case k == catalog.Float64:
			return floatDatum(a[0].num), ""
		case k == catalog.Int64:
			d, _ := exactlyBig(a[0].num, 0)
			return wholeDatum(d)
		default:
			d, n := exactlyBig(a[0].num, 4)
			if new(big.Int).Abs(n).Cmp(digits18) >= 0 {
				return null, sqlstate.OutOfRange
			}
			return datum{num: d, scale: 4}, ""
		}
	}, "CAST(%s AS "+kindNames[k]+")", o.term(from, depth))
}

// exactlyBig rounds half away from zero, and returns the units too.
func exactlyBig(x *big.Rat, places int) (*big.Rat, *big.Int) {
	n, rest := truncated(x, places)
	if rest.Cmp(half) >= 0 {
		n.Add(n, big.NewInt(1))
	}
	if x.Sign() < 0 {
		n.Neg(n)
	}
	return new(big.Rat).SetFrac(n, power10(places)), n
}

// rounded returns one of the functions that round.
func (o *oracle) rounded(k catalog.Kind, depth int) term {
	x := o.term(k, depth)
	switch {
	case k == catalog.Decimal && o.IntN(2) == 0:
		places := o.IntN(24) - 4
		return strictly(k, func(a []datum) (datum, sqlstate.Code) {
			if places < 0 {
				unit := new(big.Rat).SetInt(power10(-places))
				n, _ := exactlyBig(new(big.Rat).Quo(a[0].num, unit), 0)
				return exactly(n.Mul(n, unit), 0, false)
			}
			rounded, _ := exactlyBig(a[0].num, min(places, 18))
			return exactly(rounded, min(places, 18), false)
		}, "ROUND(%s, "+big.NewInt(int64(places)).String()+")", x)
	case k == catalog.Int64:
		return strictly(k, func(a []datum) (datum, sqlstate.Code) { return a[0], "" }, choose(o, "ROUND", "FLOOR", "CEIL")+"(%s)", x)
	}
	name := choose(o, "FLOOR", "CEIL")
	return strictly(k, func(a []datum) (datum, sqlstate.Code) {
		n := new(big.Int).Div(a[0].num.Num(), a[0].num.Denom()) // towards minus infinity: the denominator is positive
		if name == "CEIL" && !a[0].num.IsInt() {
			n.Add(n, big.NewInt(1))
		}
		r := new(big.Rat).SetInt(n)
		if k == catalog.Float64 {
			return floatDatum(r), ""
		}
		return exactly(r, 0, false)
	}, name+"(%s)", x)
}

// compareData compares values of one kind, or numbers after they were made so.
func compareData(v, w datum, k catalog.Kind) int {
	switch k {
	case catalog.Bool:
		return boolNumber(v.truth) - boolNumber(w.truth)
	case catalog.String:
		for i := 0; ; i++ {
			switch {
			case i == len(v.text) || i == len(w.text):
				return len(v.text) - len(w.text)
			case v.text[i] != w.text[i]:
				return int(v.text[i]) - int(w.text[i])
			}
		}
	case catalog.Float64:
		return floatDatum(v.num).num.Cmp(floatDatum(w.num).num)
	default:
		return v.num.Cmp(w.num)
	}
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}
