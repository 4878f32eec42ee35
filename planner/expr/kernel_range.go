package expr

import (
	"math"

	"github.com/middb/middb/catalog"
)

// All values of a kind that int64 or float64 holds have a position: a uint64 whose order is theirs. A comparison with a
// constant says that the position is within a range, or in a circle without one, and that is one subtraction and one
// comparison without a jump, whatever the operator.

// A span is the positions from first to last; where first is greater, those from first up and those up to last.
type span struct {
	first, last uint64
	none        bool
}

var everything = span{0, math.MaxUint64, false}

// spanOf returns the positions of what compares so with a value that has the positions from low to high.
func spanOf(op Op, low, high uint64) span {
	switch op {
	case OpEqual:
		return span{low, high, false}
	case OpNotEqual:
		return span{low, high, false}.complement()
	case OpLess:
		return span{0, low - 1, low == 0}
	case OpLessEqual:
		return span{0, high, false}
	case OpGreater:
		return span{high + 1, math.MaxUint64, high == math.MaxUint64}
	default:
		return span{low, math.MaxUint64, false}
	}
}

// complement returns all other positions.
func (s span) complement() span {
	switch {
	case s.none:
		return everything
	case s.last+1 == s.first:
		return span{none: true}
	default:
		return span{s.last + 1, s.first - 1, false}
	}
}

// and returns the common positions of two ranges, neither of which goes around.
func (s span) and(t span) span {
	r := span{max(s.first, t.first), min(s.last, t.last), s.none || t.none}
	r.none = r.none || r.first > r.last
	return r
}

const signBit = 1 << 63

// intPosition returns the position of an int64.
func intPosition(n int64) uint64 { return uint64(n) ^ signBit }

// The bits of floats are in order, but for those of negative ones, which order turns around.
func floatKey(f float64) uint64 {
	b := int64(math.Float64bits(f))
	return uint64(b ^ int64(uint64(b>>63)>>1))
}

var (
	leastFloat = floatKey(math.Inf(-1))                 // from where positions count, so that NaNs of both signs are at the end
	firstNaN   = floatKey(math.Inf(1)) + 1 - leastFloat // positions from here on are equal
)

// floatPosition returns the greatest position of what is equal to a float64.
func floatPosition(f float64) uint64 { return min(floatKey(f+0)-leastFloat, firstNaN) } // -0 + 0 is 0

// floatPositions returns the positions of what is equal to a float64.
func floatPositions(f float64) (low, high uint64) {
	switch {
	case f != f:
		return firstNaN, math.MaxUint64
	case f == 0:
		return floatKey(math.Copysign(0, -1)) - leastFloat, floatKey(0) - leastFloat
	default:
		p := floatKey(f) - leastFloat
		return p, p
	}
}

// spanFor returns the positions of the values of a vector that compare so with a scalar that is not NULL, and whether the
// vector has positions in which that can be said. Then they are all of one scale.
func spanFor(op Op, v *catalog.Vector, c catalog.Value) (span, bool) {
	switch {
	case v.Kind == catalog.Float64 && c.Kind() == catalog.Float64:
		low, high := floatPositions(c.AsFloat())
		return spanOf(op, low, high), true
	case v.Kind == catalog.Bool && c.Kind() == catalog.Bool:
		p := intPosition(0)
		if c.AsBool() {
			p = intPosition(1)
		}
		return spanOf(op, p, p), true
	case v.Kind == c.Kind() && (v.Kind == catalog.Int64 || moment(v.Kind)):
		p := intPosition(c.AsInt())
		return spanOf(op, p, p), true
	case v.Scales == nil && exact(v.Kind) && exact(c.Kind()):
		n, scale := c.AsDecimal()
		return scaledSpan(op, n, scale, v.Scale*isDecimal(v.Kind)), true
	default:
		return span{}, false
	}
}

func exact(k catalog.Kind) bool { return k == catalog.Int64 || k == catalog.Decimal }

func isDecimal(k catalog.Kind) uint8 {
	if k == catalog.Decimal {
		return 1
	}
	return 0
}

// scaledSpan returns the positions of numbers in units of 10^-to that compare so with n / 10^scale.
func scaledSpan(op Op, n int64, scale, to uint8) span {
	switch {
	case scale < to:
		unit := int64(pow10[min(to-scale, maxDigits)])
		m := n * unit
		if m/unit != n { // beyond all of them
			less := op == OpLess || op == OpLessEqual
			if op == OpNotEqual || op != OpEqual && less == (n > 0) {
				return everything
			}
			return span{none: true}
		}
		n = m
	case scale > to:
		unit := int64(pow10[min(scale-to, maxDigits)])
		if n%unit != 0 {
			return spanAround(op, n, unit)
		}
		n /= unit
	}
	p := intPosition(n)
	return spanOf(op, p, p)
}

// spanAround is scaledSpan for a constant n / unit between two numbers.
func spanAround(op Op, n, unit int64) span {
	below := n / unit
	if n < 0 {
		below--
	}
	p := intPosition(below)
	switch op {
	case OpEqual:
		return span{none: true}
	case OpNotEqual:
		return everything
	case OpLess, OpLessEqual:
		return span{0, p, false}
	default:
		return span{p + 1, math.MaxUint64, false}
	}
}

// within appends the places at which values of a vector are within a span.
func (s span) within(v *catalog.Vector, in input, dst []int32) []int32 {
	if s.none {
		return dst
	}
	if v.Kind == catalog.Float64 {
		return floatsWithin(dst, v.Floats, in, s.first+leastFloat, s.last-s.first)
	}
	return intsWithin(dst, v.Ints, in, int64(s.first^signBit), s.last-s.first)
}

func intsWithin(dst []int32, values []int64, in input, first int64, width uint64) []int32 {
	dst, k := room(dst, len(in.sel))
	if in.dense {
		for i, x := range values[:in.n] {
			dst[k] = int32(i)
			if uint64(x-first) <= width {
				k++
			}
		}
		return dst[:k]
	}
	for _, i := range in.sel {
		dst[k] = i
		if uint64(values[i]-first) <= width {
			k++
		}
	}
	return dst[:k]
}

func floatsWithin(dst []int32, values []float64, in input, first, width uint64) []int32 {
	dst, k := room(dst, len(in.sel))
	if in.dense {
		for i, x := range values[:in.n] {
			dst[k] = int32(i)
			if floatKey(x)-first <= width {
				k++
			}
		}
		return dst[:k]
	}
	for _, i := range in.sel {
		dst[k] = i
		if floatKey(values[i])-first <= width {
			k++
		}
	}
	return dst[:k]
}
