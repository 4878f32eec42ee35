package expr

import (
	"math/bits"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// The limits of DECIMAL.
const (
	maxDigits         = catalog.MaxPrecision
	maxUnscaled       = 999_999_999_999_999_999
	minQuotientPlaces = 6
)

var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// A wide is a whole number with a sign and 128 bits. Products of two numbers of DECIMAL fit, and sums after they were
// given the same scale: all are below 10^37.
type wide struct {
	negative bool
	hi, lo   uint64
}

func widen64(n int64) wide {
	if n < 0 {
		return wide{negative: true, lo: -uint64(n)}
	}
	return wide{lo: uint64(n)}
}

// times returns w * n, for a w of 64 bits.
func (w wide) times(n uint64) wide {
	hi, lo := bits.Mul64(w.lo, n)
	return wide{w.negative, hi, lo}
}

// ten returns w * 10.
func (w wide) ten() wide {
	hi, lo := bits.Mul64(w.lo, 10)
	return wide{w.negative, w.hi*10 + hi, lo}
}

// less compares the amounts.
func (w wide) less(v wide) bool { return w.hi < v.hi || w.hi == v.hi && w.lo < v.lo }

func (w wide) zero() bool { return w.hi|w.lo == 0 }

// plus returns the sum.
func (w wide) plus(v wide) wide {
	if w.negative == v.negative {
		lo, carry := bits.Add64(w.lo, v.lo, 0)
		return wide{w.negative, w.hi + v.hi + carry, lo}
	}
	if w.less(v) {
		w, v = v, w
	}
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	return wide{w.negative, w.hi - v.hi - borrow, lo}
}

// divide returns the quotient of the amounts, towards zero, with the sign that it has, and the rest with the sign of w.
// v is not 0.
func (w wide) divide(v wide) (quotient, rest wide) {
	quotient.negative, rest.negative = w.negative != v.negative, w.negative
	if v.hi == 0 {
		var r uint64
		quotient.hi, r = bits.Div64(0, w.hi, v.lo)
		quotient.lo, rest.lo = bits.Div64(r, w.lo, v.lo)
		return quotient, rest
	}
	// The quotient has less than 64 bits: one after the other, from where the highest ones of both meet.
	rest.hi, rest.lo = w.hi, w.lo
	for shift := bits.LeadingZeros64(v.hi) - min(bits.LeadingZeros64(w.hi), bits.LeadingZeros64(v.hi)); shift >= 0; shift-- {
		d := wide{rest.negative, v.hi<<shift | v.lo>>(64-shift), v.lo << shift}
		if !rest.less(d) {
			d.negative = !d.negative
			negative := rest.negative
			rest = rest.plus(d)
			rest.negative = negative
			quotient.lo |= 1 << shift
		}
	}
	return quotient, rest
}

// A fixed is a number with places behind the point.
type fixed struct {
	n     int64
	scale uint8
}

// fixedOf returns a BIGINT or DECIMAL.
func fixedOf(v catalog.Value) fixed {
	if v.Kind() == catalog.Decimal {
		n, scale := v.AsDecimal()
		return fixed{n, min(scale, maxDigits)}
	}
	return fixed{v.AsInt(), 0}
}

// align returns both numbers in units of the smaller of the two.
func align(a, b fixed) (x, y wide, scale uint8) {
	scale = max(a.scale, b.scale)
	return widen64(a.n).times(pow10[scale-a.scale]), widen64(b.n).times(pow10[scale-b.scale]), scale
}

// narrow returns the DECIMAL of a number in units of 10^-scale, exactly or not at all.
func narrow(w wide, scale uint8) (catalog.Value, error) {
	limit, ten := wide{lo: maxUnscaled}, wide{lo: 10}
	for scale > 0 && (limit.less(w) || scale > maxDigits) {
		q, r := w.divide(ten)
		if !r.zero() {
			break
		}
		w, scale = q, scale-1
	}
	if limit.less(w) || scale > maxDigits {
		return catalog.Null(), tooLong()
	}
	n := int64(w.lo)
	if w.negative {
		n = -n
	}
	return catalog.DecimalOf(n, scale), nil
}

func tooLong() error {
	return sqlstate.New(sqlstate.OutOfRange, -1, "the result has more than %d digits", maxDigits).
		WithHint("DECIMAL results are exact; ROUND what goes in, or compute in DOUBLE PRECISION")
}

func divisionByZero() error { return sqlstate.New(sqlstate.DivisionByZero, -1, "division by zero") }

func addDecimals(v, w catalog.Value) (catalog.Value, error) {
	x, y, scale := align(fixedOf(v), fixedOf(w))
	return narrow(x.plus(y), scale)
}

func subtractDecimals(v, w catalog.Value) (catalog.Value, error) {
	x, y, scale := align(fixedOf(v), fixedOf(w))
	y.negative = !y.negative
	return narrow(x.plus(y), scale)
}

func multiplyDecimals(v, w catalog.Value) (catalog.Value, error) {
	a, b := fixedOf(v), fixedOf(w)
	product := widen64(a.n)
	factor := widen64(b.n)
	negative := product.negative != factor.negative
	product = product.times(factor.lo)
	product.negative = negative
	return narrow(product, a.scale+b.scale)
}

func moduloDecimals(v, w catalog.Value) (catalog.Value, error) {
	x, y, scale := align(fixedOf(v), fixedOf(w))
	if y.zero() {
		return catalog.Null(), divisionByZero()
	}
	_, rest := x.divide(y)
	return narrow(rest, scale)
}

// divideDecimals computes as many places as there should be and is room for, and rounds by what is left.
func divideDecimals(v, w catalog.Value) (catalog.Value, error) {
	x, y, scale := align(fixedOf(v), fixedOf(w))
	if y.zero() {
		return catalog.Null(), divisionByZero()
	}
	q, rest := x.divide(y)
	if (wide{lo: maxUnscaled}).less(q) {
		return catalog.Null(), tooLong()
	}
	places, n := max(scale, minQuotientPlaces), q.lo
	at := uint8(0)
	for ; at < places && n <= maxUnscaled/10; at++ {
		var digit wide
		digit, rest = rest.ten().divide(y)
		n = n*10 + digit.lo
	}
	if twice := rest.plus(rest); !twice.less(y) {
		n++
	}
	return narrow(wide{q.negative, 0, n}, at)
}

// roundDecimal rounds to places behind the point, or before it if they are negative, half away from zero.
func roundDecimal(v catalog.Value, places int64, toward rounding) (catalog.Value, error) {
	a := fixedOf(v)
	places = min(max(places, -maxDigits-1), maxDigits)
	w := widen64(a.n)
	if places >= int64(a.scale) {
		return narrow(w.times(pow10[places-int64(a.scale)]), uint8(places))
	}
	drop := int64(a.scale) - places
	if drop >= int64(len(pow10)) { // more than there are
		drop = int64(len(pow10)) - 1
	}
	unit := wide{lo: pow10[drop]}
	q, rest := w.divide(unit)
	if toward(w.negative, rest, unit) {
		q.lo++
	}
	if places < 0 {
		q = wide{q.negative, 0, q.lo}.times(pow10[-places])
	}
	return narrow(q, uint8(max(places, 0)))
}

// A rounding says whether a number is rounded away from zero, by what would be cut off of a unit.
type rounding func(negative bool, rest, unit wide) bool

func halfAway(_ bool, rest, unit wide) bool { return !rest.plus(rest).less(unit) }

func towardZero(bool, wide, wide) bool { return false }

func down(negative bool, rest, _ wide) bool { return negative && !rest.zero() }

func up(negative bool, rest, _ wide) bool { return !negative && !rest.zero() }
