package exec

import (
	"math"
	"time"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
)

// A fit says where a value lies among those that a column can have. If it is exact, below is the value. Otherwise below is
// the greatest value of the column that is less, and above the least one that is greater; NULL: there is none. If it is
// loose, what compares as equal to the value lies between below and above, both included, where NULL is no bound.
type fit struct {
	below, above catalog.Value
	exact, loose bool
}

func exactly(v catalog.Value) fit { return fit{below: v, above: v, exact: true} }

// fitting returns the fit of a value that is not NULL among those of a type. Values that do not compare are loose between
// nothing.
func fitting(v catalog.Value, t catalog.Type) fit {
	switch {
	case t.Kind == catalog.String && v.Kind() == catalog.String:
		return fitText(v, t)
	case t.Kind == catalog.Float64 && v.Kind().Numeric():
		return fitFloat(v)
	case t.Kind == catalog.Decimal && v.Kind() == catalog.Float64:
		return fitScaled(v.AsFloat(), t)
	case t.Kind == catalog.Decimal && v.Kind().Numeric():
		return fitDecimal(v, t)
	case t.Kind == v.Kind():
		return exactly(v)
	case t.Kind == catalog.Int64 && v.Kind() == catalog.Float64:
		return fitInt(v.AsFloat())
	case t.Kind == catalog.Int64 && v.Kind() == catalog.Decimal:
		n, scale := v.AsDecimal()
		q, whole := divided(n, powers[scale])
		return between(catalog.Int(q), catalog.Int(q+1), whole)
	case t.Kind == catalog.Date && v.Kind() == catalog.Timestamp:
		q, whole := divided(v.AsInt(), dayMicros)
		return between(catalog.DateOf(q), catalog.DateOf(q+1), whole)
	case t.Kind == catalog.Timestamp && v.Kind() == catalog.Date:
		return fitMidnight(v)
	default:
		return fit{loose: true}
	}
}

func between(below, above catalog.Value, whole bool) fit {
	if whole {
		return exactly(below)
	}
	return fit{below: below, above: above}
}

const dayMicros = 24 * 60 * 60 * 1_000_000

// powers has the powers of ten that an int64 has.
var powers = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// divided returns n/by, rounded down, and whether nothing was lost.
func divided(n, by int64) (q int64, whole bool) {
	q = n / by
	if n%by == 0 {
		return q, true
	}
	if n < 0 {
		q--
	}
	return q, false
}

// fitText has texts that are too long lie at their beginning, which is less; what is between both cannot be stored.
func fitText(v catalog.Value, t catalog.Type) fit {
	s, n := v.AsString(), 0
	if t.Length == 0 || len(s) <= int(t.Length) {
		return exactly(v)
	}
	for i := range s {
		if n == int(t.Length) {
			begin := catalog.Str(s[:i])
			return fit{below: begin, above: begin, loose: true}
		}
		n++
	}
	if !utf8.ValidString(s) {
		return fit{loose: true}
	}
	return exactly(v)
}

// exactInts is the number up to which all integers are float64s.
const exactInts = 1 << 53

// fitFloat allows for what is lost when a number becomes a float64.
func fitFloat(v catalog.Value) fit {
	f := v.AsFloat()
	switch {
	case f == 0:
		return exactly(catalog.Float(0)) // -0 is stored as 0
	case v.Kind() == catalog.Float64, f == math.Trunc(f) && math.Abs(f) < exactInts && v.Kind() == catalog.Int64:
		return exactly(catalog.Float(f))
	default:
		return fit{
			below: catalog.Float(math.Nextafter(f, math.Inf(-1))), above: catalog.Float(math.Nextafter(f, math.Inf(1))), loose: true,
		}
	}
}

// fitInt allows for integers that become the same float64 where they are compared with one.
func fitInt(f float64) fit {
	const slack = 2048
	switch {
	case math.IsNaN(f) || f >= math.MaxInt64+2.0*slack:
		return fit{below: catalog.Int(math.MaxInt64)}
	case f <= math.MinInt64-2.0*slack:
		return fit{above: catalog.Int(math.MinInt64)}
	case math.Abs(f) < exactInts:
		q := math.Floor(f)
		return between(catalog.Int(int64(q)), catalog.Int(int64(q)+1), q == f)
	default:
		return fit{below: catalog.Int(clamped(f - slack)), above: catalog.Int(clamped(f + slack)), loose: true}
	}
}

// clamped returns f as an int64, the nearest if there is none.
func clamped(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}

// fitScaled is fitInt for units of decimals.
func fitScaled(f float64, t catalog.Type) fit {
	most := powers[t.Precision] - 1
	if t.Precision == 0 {
		most = powers[catalog.MaxPrecision] - 1
	}
	units := f * float64(powers[t.Scale])
	slack := math.Abs(units)/(1<<50) + 2
	decimal := func(n int64) catalog.Value { return catalog.DecimalOf(n, t.Scale) }
	switch {
	case math.IsNaN(units) || units-slack > float64(most):
		return fit{below: decimal(most)}
	case units+slack < -float64(most):
		return fit{above: decimal(-most)}
	default:
		return fit{
			below: decimal(max(clamped(units-slack), -most)), above: decimal(min(clamped(units+slack), most)), loose: true,
		}
	}
}

// fitDecimal gives a number the scale of a type.
func fitDecimal(v catalog.Value, t catalog.Type) fit {
	most := powers[t.Precision] - 1
	if t.Precision == 0 {
		most = powers[catalog.MaxPrecision] - 1
	}
	n, scale := v.AsDecimal()
	decimal := func(n int64) catalog.Value { return catalog.DecimalOf(n, t.Scale) }
	whole := true
	var below int64
	if scale > t.Scale {
		below, whole = divided(n, powers[scale-t.Scale])
	} else if by := powers[t.Scale-scale]; n > most/by {
		below = most + 1
	} else if n < -(most / by) {
		below = -most - 1
	} else {
		below = n * by
	}
	switch {
	case below > most:
		return fit{below: decimal(most)}
	case below < -most-1, below == -most-1 && whole:
		return fit{above: decimal(-most)}
	case below < -most:
		return fit{above: decimal(-most)}
	case below == most && !whole:
		return fit{below: decimal(most)}
	default:
		return between(decimal(below), decimal(below+1), whole)
	}
}

// fitMidnight returns the fit of a date among timestamps.
func fitMidnight(v catalog.Value) fit {
	timestamp := func(n int64) catalog.Value { return catalog.TimestampOf(time.UnixMicro(n)) }
	switch d := v.AsInt(); {
	case d > math.MaxInt64/dayMicros:
		return fit{below: timestamp(math.MaxInt64)}
	case d < math.MinInt64/dayMicros:
		return fit{above: timestamp(math.MinInt64)}
	default:
		return exactly(timestamp(d * dayMicros))
	}
}
