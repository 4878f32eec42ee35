package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
	"unicode/utf8"
)

// From returns a Go value as one of type t. It is stricter than Cast: what a program has as text is no number, and what
// has a fraction no integer.
//
//	BIGINT            integers of all types, floats that are whole, json.Number
//	DOUBLE PRECISION  integers and floats, json.Number
//	DECIMAL           integers, floats, json.Number and text, rounded half away from zero
//	BOOLEAN           bool
//	TEXT, VARCHAR(n)  string, []byte
//	BYTEA             []byte, string: its bytes as they are
//	DATE              time.Time: its date in its own zone; text
//	TIMESTAMPTZ       time.Time: without what is below a microsecond; text
//	UUID              [16]byte, 16 bytes, text
//	JSON              json.RawMessage, []byte and string: JSON text
//
// nil is NULL, and so is a nil pointer; other pointers stand for what they point at, named types for those below them. A
// Value is cast. Errors are of type *TypeError.
func From(t Type, x any) (Value, error) {
	v, given, why := from(t, x)
	if why != "" {
		return Value{}, newTypeError(t, given, why)
	}
	return v, nil
}

// from returns the value, or what was given and why it is none.
func from(t Type, x any) (v Value, given, why string) {
	switch x := x.(type) {
	case nil:
		return Value{}, "", ""
	case Value:
		v, why = cast(x, t)
		return v, x.given(), why
	case json.Number:
		if !t.Kind.Numeric() {
			return v, "number " + shorten(string(x)), whyType
		}
		v, why = parse(t, string(x))
		return v, "number " + shorten(string(x)), why
	case time.Time:
		v, why = fromTime(t, x)
		return v, "time.Time " + x.Format(time.RFC3339Nano), why
	case [16]byte:
		return same(t, UUIDOf(x))
	case []byte:
		if x == nil {
			return Value{}, "", ""
		}
		return fromBytes(t, x)
	}
	return fromReflected(t, x)
}

// fromReflected is from for the types that differ by their kinds only.
func fromReflected(t Type, x any) (v Value, given, why string) {
	r := reflect.ValueOf(x)
	switch r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return Value{}, "", ""
		}
		return from(t, r.Elem().Interface())
	case reflect.Bool:
		return same(t, BoolOf(r.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fromNumber(t, Int(r.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if r.Uint() > math.MaxInt64 {
			return v, fmt.Sprintf("integer %d", r.Uint()), whyRange
		}
		return fromNumber(t, Int(int64(r.Uint())))
	case reflect.Float32, reflect.Float64:
		f := Float(r.Float())
		if n := r.Float(); t.Kind == Int64 && n == n && n != math.Trunc(n) {
			return v, f.given(), "it is no whole number"
		}
		return fromNumber(t, f)
	case reflect.String:
		return fromText(t, r.String())
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			if r.IsNil() {
				return Value{}, "", ""
			}
			return fromBytes(t, r.Bytes())
		}
	case reflect.Array:
		if u := reflect.TypeFor[[16]byte](); r.Type().ConvertibleTo(u) {
			return same(t, UUIDOf(r.Convert(u).Interface().([16]byte)))
		}
	default:
	}
	return v, fmt.Sprintf("a Go value of type %T", x), whyType
}

// same takes a value for a column of its kind only.
func same(t Type, v Value) (_ Value, given, why string) {
	if v.kind != t.Kind {
		return Value{}, v.given(), whyType
	}
	return v, "", ""
}

func fromNumber(t Type, v Value) (c Value, given, why string) {
	if !t.Kind.Numeric() {
		return c, v.given(), whyType
	}
	if c, why = cast(v, t); why != "" {
		given = v.given()
	}
	return c, given, why
}

func fromText(t Type, s string) (v Value, given, why string) {
	switch t.Kind {
	case Int64, Float64, Bool:
		why = whyType
	case Bytes:
		return Value{kind: Bytes, s: s}, "", ""
	default:
		v, why = parse(t, s)
	}
	if why != "" {
		given = Str(s).given()
	}
	return v, given, why
}

func fromBytes(t Type, b []byte) (v Value, given, why string) {
	switch {
	case t.Kind == Bytes:
		return BytesOf(b), "", ""
	case t.Kind == UUID && len(b) == 16:
		return UUIDOf([16]byte(b)), "", ""
	case (t.Kind == String || t.Kind == JSON || t.Kind == UUID) && utf8.Valid(b):
		return fromText(t, string(b))
	case t.Kind == String || t.Kind == JSON:
		return v, BytesOf(b).given(), whyUTF8
	default:
		return v, BytesOf(b).given(), whyType
	}
}

func fromTime(t Type, x time.Time) (v Value, why string) {
	year := x.UTC().Year()
	switch {
	case t.Kind != Date && t.Kind != Timestamp:
		return v, whyType
	case year < 0 || year > 10000: // far beyond, UnixMicro is not defined
		return v, "the years are 1 to 9999"
	case t.Kind == Timestamp:
		return checkMicros(x.UnixMicro())
	}
	y, m, d := x.Date()
	return checkDate(floorDiv(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix(), daySeconds))
}
