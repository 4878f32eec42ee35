package catalog

import (
	"cmp"
	"strings"
)

// Compare returns a negative number if a sorts before b, 0 if they are equal and a positive one if it sorts behind. NULL
// is above all values and equal to itself. Numbers of all kinds compare by what they are, exactly; NaN is above the other
// numbers. Text compares by its bytes, and intervals as if months had 30 days. Values of kinds that do not compare sort by kind.
func Compare(a, b Value) int {
	if a.kind == b.kind {
		switch a.kind {
		case Int64, Bool, Date, Timestamp:
			return compare(a.n, b.n)
		case Float64:
			return compareFloats(a.float(), b.float())
		case Decimal:
			return compareDecimals(a.n, a.scale, b.n, b.scale)
		case Interval:
			return compareIntervals(a, b)
		default:
			return strings.Compare(a.s, b.s)
		}
	}
	switch {
	case a.kind == 0:
		return 1
	case b.kind == 0:
		return -1
	case !a.kind.Numeric() || !b.kind.Numeric():
		return compare(a.kind, b.kind)
	case b.kind == Float64:
		return compareDecimalFloat(a.n, a.scale, b.float())
	case a.kind == Float64:
		return -compareDecimalFloat(b.n, b.scale, a.float())
	default:
		return compareDecimals(a.n, a.scale, b.n, b.scale)
	}
}

func compare[T cmp.Ordered](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// compareFloats puts NaN above all others.
func compareFloats(a, b float64) int {
	switch {
	case a != a && b != b:
		return 0
	case a != a:
		return 1
	case b != b:
		return -1
	default:
		return compare(a, b)
	}
}
