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
	significantDigits = 16 // of a quotient
	minPlaces         = 6  // behind the point, to which results are rounded rather than refused
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

// narrow returns the DECIMAL of a number in units of 10^-scale: exactly, if zeros at the end of the fraction make room
// enough, else rounded half away from zero to as many places as there is room for, of which at least minPlaces must be.
func narrow(w wide, scale uint8) (catalog.Value, error) {
	limit, ten := wide{lo: maxUnscaled}, wide{lo: 10}
	if limit.less(w) || scale > maxDigits {
		exact, places := w, scale
		for places > 0 && (limit.less(exact) || places > maxDigits) {
			q, r := exact.divide(ten)
			if !r.zero() {
				return narrowRounded(w, scale)
			}
			exact, places = q, places-1
		}
		w, scale = exact, places
	}
	if limit.less(w) {
		return catalog.Null(), tooLong()
	}
	n := int64(w.lo)
	if w.negative {
		n = -n
	}
	return catalog.DecimalOf(n, scale), nil
}

// narrowRounded is narrow for what must be rounded.
func narrowRounded(w wide, scale uint8) (catalog.Value, error) {
	if scale <= minPlaces {
		return catalog.Null(), tooLong()
	}
	drop := min(scale-minPlaces, uint8(len(pow10)-1)) // more digits than that behind the point no operation has
	for cut := max(int(scale)-maxDigits, 1); cut <= int(drop); cut++ {
		unit := wide{lo: pow10[cut]}
		q, rest := w.divide(unit)
		if halfAway(w.negative, rest, unit) {
			q = q.plus(wide{negative: q.negative, lo: 1})
		}
		if !(wide{lo: maxUnscaled}).less(q) {
			if q.zero() {
				break // nothing would be left of it
			}
			return narrow(q, scale-uint8(cut))
		}
	}
	return catalog.Null(), tooLong()
}

func tooLong() error {
	return sqlstate.New(sqlstate.OutOfRange, -1, "the result has more than %d digits", maxDigits).
		WithHint("ROUND what goes in, or compute in DOUBLE PRECISION")
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
	a, b := fixedOf(v), fixedOf(w)
	x, y, _ := align(a, b)
	if y.zero() {
		return catalog.Null(), divisionByZero()
	}
	return divideWide(x, y, quotientPlaces(widen64(a.n), a.scale, widen64(b.n), b.scale))
}

// divideWide returns a quotient with so many places, or as many as there is room for.
func divideWide(x, y wide, places uint8) (catalog.Value, error) {
	q, rest := x.divide(y)
	if (wide{lo: maxUnscaled}).less(q) {
		return catalog.Null(), tooLong()
	}
	n, at := q.lo, uint8(0)
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

// quotientPlaces returns how many places a quotient has, if there is room: as in PostgreSQL, so many that there are at
// least 16 digits that count, by an estimate of where the first of them is, and no fewer than the operands have.
// PostgreSQL computes in digits of base 10,000, and its estimate too.
func quotientPlaces(x wide, xScale uint8, y wide, yScale uint8) uint8 {
	xPlace, xDigit := leading(x, xScale)
	yPlace, yDigit := leading(y, yScale)
	place := xPlace - yPlace
	if xDigit <= yDigit {
		place--
	}
	return uint8(min(max(significantDigits-4*place, int(xScale), int(yScale)), maxDigits))
}

// leading returns the first digit of base 10,000 of a number in units of 10^-scale, and of which power it is.
func leading(w wide, scale uint8) (place int, digit uint64) {
	if w.zero() {
		return 0, 0
	}
	place = -(int(scale)+3)/4 - 1
	for range (4 - scale%4) % 4 { // to units of a power of 10,000
		w = w.ten()
	}
	base := wide{lo: 10_000}
	for !w.zero() {
		var rest wide
		w, rest = w.divide(base)
		digit = rest.lo
		place++
	}
	return place, digit
}

// DecimalOf128 returns the DECIMAL of n / 10^scale, where n is a number of 128 bits in two's complement: what SUM has added
// up. It is an error if there are more than 18 digits, as with every result.
func DecimalOf128(hi int64, lo uint64, scale uint8) (catalog.Value, error) {
	return narrow(wideOf128(hi, lo), scale)
}

// Average returns the DECIMAL n / 10^scale / count, where n is a number of 128 bits in two's complement, with as many
// places as a division gives. Count is not 0.
func Average(hi int64, lo uint64, scale uint8, count int64) (catalog.Value, error) {
	const most = 1 << 50 // in the upper half: there must be room to multiply, and no average comes close to it
	sum, n := wideOf128(hi, lo), widen64(count)
	if sum.hi >= most {
		return catalog.Null(), tooLong()
	}
	places := quotientPlaces(sum, scale, n, 0)
	for range scale { // the sum in units of 10^-scale
		if n = n.ten(); n.hi >= most {
			return catalog.Null(), tooLong()
		}
	}
	return divideWide(sum, n, places)
}

func wideOf128(hi int64, lo uint64) wide {
	w := wide{negative: hi < 0, hi: uint64(hi), lo: lo}
	if w.negative {
		w.hi, w.lo = ^w.hi, -w.lo
		if w.lo == 0 {
			w.hi++
		}
	}
	return w
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
