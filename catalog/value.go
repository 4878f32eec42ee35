package catalog

import (
	"math"
	"strings"
	"time"
	"unsafe"
)

// A Value is one SQL value; the zero Value is NULL. It does not change. Values are compared by Compare, and not by ==.
//
// What a Value holds is within the ranges of its type if it comes from From, Cast or Parse. Those that functions such as
// Int make hold what they are given, and Cast checks it.
type Value struct {
	kind  Kind
	scale uint8  // of a Decimal
	n     int64  // Int64, unscaled Decimal, bits of a Float64, 0 or 1 of a Bool, days of a Date, microseconds of a Timestamp or Interval
	s     string // String, Bytes, the 16 bytes of a UUID, JSON; months and days of an Interval, empty if both are 0
}

// Null returns NULL.
func Null() Value { return Value{} }

// Int returns an Int64.
func Int(n int64) Value { return Value{kind: Int64, n: n} }

// Float returns a Float64.
func Float(f float64) Value { return Value{kind: Float64, n: int64(math.Float64bits(f))} }

// DecimalOf returns unscaled / 10^scale. Of a scale above 18, the digits behind the 18th are cut off.
func DecimalOf(unscaled int64, scale uint8) Value {
	for ; scale > MaxPrecision; scale-- {
		unscaled /= 10
	}
	return Value{kind: Decimal, scale: scale, n: unscaled}
}

// BoolOf returns a Bool.
func BoolOf(b bool) Value {
	if b {
		return Value{kind: Bool, n: 1}
	}
	return Value{kind: Bool}
}

// Str returns a String, of text that should be UTF-8.
func Str(s string) Value { return Value{kind: String, s: s} }

// BytesOf returns Bytes: a copy of b.
func BytesOf(b []byte) Value { return Value{kind: Bytes, s: string(b)} }

// DateOf returns the Date so many days after 1970-01-01.
func DateOf(days int64) Value { return Value{kind: Date, n: days} }

// TimestampOf returns the Timestamp of t, without what is below a microsecond.
func TimestampOf(t time.Time) Value { return Value{kind: Timestamp, n: t.UnixMicro()} }

// UUIDOf returns a UUID.
func UUIDOf(u [16]byte) Value { return Value{kind: UUID, s: string(u[:])} }

// JSONOf returns JSON, if the text is that.
func JSONOf(text string) (Value, error) { return Parse(Type{Kind: JSON}, text) }

// Kind returns the kind of the value, 0 for NULL.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether the value is NULL.
func (v Value) IsNull() bool { return v.kind == 0 }

// AsInt returns the number of an Int64, the days of a Date or the microseconds of a Timestamp, and 0 of all others.
func (v Value) AsInt() int64 {
	switch v.kind {
	case Int64, Date, Timestamp:
		return v.n
	default:
		return 0
	}
}

// AsFloat returns the number of a Float64, or the nearest to that of an Int64 or a Decimal, and 0 of all others.
func (v Value) AsFloat() float64 {
	switch v.kind {
	case Int64:
		return float64(v.n)
	case Float64:
		return v.float()
	case Decimal:
		return decimalFloat(v.n, v.scale)
	default:
		return 0
	}
}

// float returns the number of a Float64.
func (v Value) float() float64 { return math.Float64frombits(uint64(v.n)) }

// AsBool returns whether the value is a Bool and true.
func (v Value) AsBool() bool { return v.kind == Bool && v.n != 0 }

// AsString returns the text of a String or JSON, and "" of all others.
func (v Value) AsString() string {
	if v.kind == String || v.kind == JSON {
		return v.s
	}
	return ""
}

// AsBytes returns a copy of Bytes, and nil of all others.
func (v Value) AsBytes() []byte {
	if v.kind != Bytes {
		return nil
	}
	return append(make([]byte, 0, len(v.s)), v.s...)
}

// AsTime returns the moment of a Timestamp, or midnight of a Date, in UTC, and the zero time of all others.
func (v Value) AsTime() time.Time {
	switch v.kind {
	case Timestamp:
		return time.UnixMicro(v.n).UTC()
	case Date:
		return time.Unix(v.n*daySeconds, 0).UTC()
	default:
		return time.Time{}
	}
}

// AsUUID returns the bytes of a UUID, and zeros of all others.
func (v Value) AsUUID() (u [16]byte) {
	if v.kind == UUID {
		copy(u[:], v.s)
	}
	return u
}

// AsDecimal returns the number of a Decimal or, with the scale 0, of an Int64, and 0 of all others.
func (v Value) AsDecimal() (unscaled int64, scale uint8) {
	switch v.kind {
	case Decimal:
		return v.n, v.scale
	case Int64:
		return v.n, 0
	default:
		return 0, 0
	}
}

// Any returns the value as Go has it: nil for NULL, int64, float64, bool, string, []byte, time.Time for times and dates,
// [16]byte, and a string for decimals, JSON and intervals.
func (v Value) Any() any {
	switch v.kind {
	case Int64:
		return v.n
	case Float64:
		return v.float()
	case Bool:
		return v.n != 0
	case String, JSON:
		return v.s
	case Bytes:
		return v.AsBytes()
	case Date, Timestamp:
		return v.AsTime()
	case UUID:
		return v.AsUUID()
	case Decimal, Interval:
		return v.String()
	default:
		return nil
	}
}

// Clone returns the value with memory of its own, for those who keep values that a RowDecoder has made.
func (v Value) Clone() Value {
	v.s = strings.Clone(v.s)
	return v
}

// raw returns the bytes of a string, which must not be changed.
func raw(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// alias returns bytes as a string, which is valid as long as they are and do not change.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
