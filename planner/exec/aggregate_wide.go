package exec

import (
	"math"
	"math/bits"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/sqlstate"
)

// wide is a whole number of 128 bits, in two's complement. Sums of integers fit, whatever their number.
type wide struct {
	hi int64
	lo uint64
}

func wideOf(n int64) wide { return wide{n >> 63, uint64(n)} }

// plus returns the sum.
func (w wide) plus(v wide) wide {
	lo, carry := bits.Add64(w.lo, v.lo, 0)
	return wide{w.hi + v.hi + int64(carry), lo}
}

// amount returns the amount, as a number without a sign, and whether w is negative.
func (w wide) amount() (hi, lo uint64, negative bool) {
	if w.hi >= 0 {
		return uint64(w.hi), w.lo, false
	}
	lo, borrow := bits.Sub64(0, w.lo, 0)
	hi, _ = bits.Sub64(0, uint64(w.hi), borrow)
	return hi, lo, true
}

// int64 returns the number if it fits.
func (w wide) int64() (int64, bool) {
	n := int64(w.lo)
	return n, w.hi == n>>63
}

// times returns w times 10^places if that fits.
func (w wide) times(places uint8) (wide, bool) {
	hi, lo, negative := w.amount()
	p := uint64(tens[places])
	carry, low := bits.Mul64(lo, p)
	over, high := bits.Mul64(hi, p)
	high, c := bits.Add64(high, carry, 0)
	if over != 0 || c != 0 || high > math.MaxInt64 {
		return wide{}, false
	}
	r := wide{int64(high), low}
	if negative {
		low, borrow := bits.Sub64(0, r.lo, 0)
		high, _ := bits.Sub64(0, uint64(r.hi), borrow)
		r = wide{int64(high), low}
	}
	return r, true
}

// maxUnscaled is the largest amount of a Decimal without its point.
const maxUnscaled = 999_999_999_999_999_999

// decimal returns w in units of 10^-scale as a Decimal, as expr rounds results that are too long.
func (w wide) decimal(scale uint8) (catalog.Value, error) {
	return expr.DecimalOf128(w.hi, w.lo, scale)
}

func tooManyDigits() error {
	return sqlstate.New(sqlstate.OutOfRange, -1, "the result has more than %d digits", catalog.MaxPrecision).
		WithHint("DECIMAL results are exact; ROUND what goes in, or compute in DOUBLE PRECISION")
}

// over returns w in units of 10^-scale divided by n, which is positive. It has as many places as PostgreSQL gives it, at
// least 16 significant digits, as far as there is room for them, and is rounded half away from zero.
func (w wide) over(n int64, scale uint8) (catalog.Value, error) {
	hi, lo, negative := w.amount()
	high, r := bits.Div64(0, hi, uint64(n))
	whole, rest := bits.Div64(r, lo, uint64(n)) // in units of 10^-scale, with high before it
	at, up := scale, false
	if high > 0 || whole > maxUnscaled {
		for ; at > 0 && (high > 0 || whole > maxUnscaled); at-- {
			var digit uint64
			high, digit = bits.Div64(0, high, 10)
			whole, digit = bits.Div64(digit, whole, 10)
			up = digit >= 5
		}
		if high > 0 {
			return catalog.Null(), tooManyDigits()
		}
	} else {
		places := quotientPlaces(hi, lo, scale, n)
		for ; at < places && whole <= maxUnscaled/10; at++ {
			carry, low := bits.Mul64(rest, 10)
			var digit uint64
			digit, rest = bits.Div64(carry, low, uint64(n))
			whole = whole*10 + digit
		}
		up = rest >= uint64(n)-rest
	}
	if up {
		whole++
	}
	v := wide{0, whole}
	if negative {
		v = wideOf(0).minus(v)
	}
	return v.decimal(at)
}

// minus returns the difference.
func (w wide) minus(v wide) wide {
	lo, borrow := bits.Sub64(w.lo, v.lo, 0)
	return wide{w.hi - v.hi - int64(borrow), lo}
}

// quotientPlaces returns how many places PostgreSQL computes of an amount in units of 10^-scale divided by n: so many that
// there are 16 significant digits, counted in groups of four, and no fewer than the amount has.
func quotientPlaces(hi, lo uint64, scale uint8, n int64) uint8 {
	const significant, group = 16, 4
	first, weight := leadingGroup(hi, lo, int(scale))
	divisor, divisorWeight := leadingGroup(0, uint64(n), 0)
	weight -= divisorWeight
	if first <= divisor {
		weight--
	}
	places := max(significant-weight*group, int(scale), 0)
	return uint8(min(places, catalog.MaxPrecision))
}

// leadingGroup returns the first group of four digits that is not 0 of an amount in units of 10^-scale, and which one it is:
// 0 for that before the point, 1 for the one before that, -1 for that behind the point.
func leadingGroup(hi, lo uint64, scale int) (first uint64, weight int) {
	if hi|lo == 0 {
		return 0, 0
	}
	// Zeros behind it make the places a multiple of four.
	pad := (4 - scale%4) % 4
	weight = -(scale + pad) / 4
	for hi > 0 || lo >= 10_000 {
		// The first step takes fewer digits off, instead of padding a number that has no room for it.
		unit := uint64(tens[4-pad])
		pad = 0
		var r uint64
		hi, r = bits.Div64(0, hi, unit)
		lo, _ = bits.Div64(r, lo, unit)
		weight++
	}
	if pad > 0 {
		lo *= uint64(tens[pad])
		if lo >= 10_000 {
			lo, weight = lo/10_000, weight+1
		}
	}
	return lo, weight
}
