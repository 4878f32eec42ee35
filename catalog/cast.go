package catalog

import (
	"fmt"
	"math"
	"strconv"
)

// Cast returns the value as one of type t, as a cast or an assignment of SQL does. NULL stays NULL.
//
//	to BIGINT, DOUBLE PRECISION, DECIMAL  numbers, rounded half away from zero; BIGINT of booleans too: 0 or 1
//	to BOOLEAN                            integers: whether they are not 0
//	to TEXT and VARCHAR(n)                everything; what is longer than n is refused and not cut off
//	to DATE                               the day of a timestamp in UTC
//	to TIMESTAMPTZ                        midnight of a date in UTC
//	to anything                           text, as Parse reads it
//
// Errors, for other pairs of types and for what is out of range, are of type *TypeError.
func Cast(v Value, t Type) (Value, error) {
	c, why := cast(v, t)
	if why != "" {
		return Value{}, newTypeError(t, v.given(), why)
	}
	return c, nil
}

// cast returns the value, or why there is none.
func cast(v Value, t Type) (c Value, why string) {
	switch {
	case v.kind == 0:
		return v, ""
	case v.kind == String && t.Kind != String:
		return parse(t, v.s)
	}
	switch t.Kind {
	case Int64:
		return castInt(v)
	case Float64:
		if v.kind.Numeric() {
			return Float(v.AsFloat()), ""
		}
	case Decimal:
		return castDecimal(v, t)
	case Bool:
		if v.kind == Bool || v.kind == Int64 {
			return BoolOf(v.n != 0), ""
		}
	case String:
		return checkText(t, v.String())
	case Date:
		switch v.kind {
		case Date:
			return checkDate(v.n)
		case Timestamp:
			return checkDate(floorDiv(v.n, dayMicros))
		default:
		}
	case Timestamp:
		switch {
		case v.kind == Timestamp:
			return checkMicros(v.n)
		case v.kind == Date && v.n >= minDate && v.n <= maxDate:
			return checkMicros(v.n * dayMicros)
		case v.kind == Date:
			return checkDate(v.n)
		}
	case JSON, Bytes, UUID, Interval:
		if v.kind == t.Kind {
			return v, ""
		}
	}
	return c, whyType
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func castInt(v Value) (c Value, why string) {
	switch v.kind {
	case Int64, Bool:
		return Int(v.n), ""
	case Decimal:
		n, _ := rescale(v.n, v.scale, 0)
		return Int(n), ""
	case Float64:
		f := math.Round(v.float()) // half away from zero
		if !(f >= -1<<63 && f < 1<<63) {
			return c, whyRange
		}
		return Int(int64(f)), ""
	default:
		return c, whyType
	}
}

func castDecimal(v Value, t Type) (c Value, why string) {
	var n int64
	var ok bool
	switch v.kind {
	case Int64, Decimal:
		n, ok = rescale(v.n, v.scale, t.Scale)
	case Float64:
		f := v.float()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return c, "it is not a number that a DECIMAL can be"
		}
		n, _, ok = parseDecimal(strconv.FormatFloat(f, 'e', -1, 64), t.Scale)
	default:
		return c, whyType
	}
	if !ok || !fits(n, t.Precision) {
		return c, fmt.Sprintf(whyDigits, t.Precision-t.Scale)
	}
	return DecimalOf(n, t.Scale), ""
}
