package collection

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
)

// A codec turns fields of a Go type into values of columns and back.
type codec struct {
	sql   string         // type of the column, unless the tag has another one
	kinds []catalog.Kind // of columns that it can be used with
	// nullable says that the Go type has a nil, which is NULL.
	nullable bool
	encode   func(f reflect.Value, t catalog.Type) (catalog.Value, error)
	// decode sets a field to a value that is not NULL, in memory of its own.
	decode func(f reflect.Value, v catalog.Value) error
}

// fits reports whether columns of a kind can be used.
func (c *codec) fits(k catalog.Kind) bool { return slices.Contains(c.kinds, k) }

var (
	integers = &codec{sql: "BIGINT", kinds: []catalog.Kind{catalog.Int64}, encode: encodeAny, decode: decodeInt}
	unsigned = &codec{sql: "BIGINT", kinds: []catalog.Kind{catalog.Int64}, encode: encodeAny, decode: decodeUint}
	floats   = &codec{sql: "DOUBLE PRECISION", kinds: []catalog.Kind{catalog.Float64}, encode: encodeAny, decode: decodeFloat}
	booleans = &codec{
		sql: "BOOLEAN", kinds: []catalog.Kind{catalog.Bool}, encode: encodeAny,
		decode: func(f reflect.Value, v catalog.Value) error {
			f.SetBool(v.AsBool())
			return nil
		},
	}
	texts = &codec{
		sql: "TEXT", kinds: textKinds, encode: encodeAny,
		decode: func(f reflect.Value, v catalog.Value) error {
			f.SetString(strings.Clone(v.String()))
			return nil
		},
	}
	marshalled = &codec{sql: "TEXT", kinds: textKinds, encode: encodeMarshaled, decode: decodeMarshaled}
	bytesCodec = &codec{
		sql: "BYTEA", kinds: []catalog.Kind{catalog.Bytes, catalog.JSON}, nullable: true, encode: encodeAny, decode: decodeBytes,
	}
	documents = &codec{sql: "JSON", kinds: []catalog.Kind{catalog.JSON}, nullable: true, encode: encodeAny, decode: decodeBytes}
	moments   = &codec{
		sql: "TIMESTAMPTZ", kinds: []catalog.Kind{catalog.Timestamp, catalog.Date}, encode: encodeAny,
		decode: func(f reflect.Value, v catalog.Value) error {
			f.Set(reflect.ValueOf(v.AsTime()).Convert(f.Type()))
			return nil
		},
	}
	uuids = &codec{
		sql: "UUID", kinds: []catalog.Kind{catalog.UUID}, encode: encodeAny,
		decode: func(f reflect.Value, v catalog.Value) error {
			f.Set(reflect.ValueOf(v.AsUUID()).Convert(f.Type()))
			return nil
		},
	}

	textKinds = []catalog.Kind{catalog.String, catalog.Decimal, catalog.Date, catalog.Timestamp, catalog.UUID, catalog.JSON}
)

// codecOf returns the codec of a type that is no pointer, nil if it has none.
func codecOf(t reflect.Type) *codec {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return moments
	case t == reflect.TypeFor[json.RawMessage]():
		return documents
	case t.ConvertibleTo(reflect.TypeFor[[16]byte]()) && t.Kind() == reflect.Array:
		return uuids
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return marshalled
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return integers
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned
	case reflect.Float32, reflect.Float64:
		return floats
	case reflect.Bool:
		return booleans
	case reflect.String:
		return texts
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return bytesCodec
		}
	default:
	}
	return nil
}

func encodeAny(f reflect.Value, t catalog.Type) (catalog.Value, error) {
	if f.CanInt() && t.Kind == catalog.Int64 {
		return catalog.Int(f.Int()), nil
	}
	return catalog.From(t, f.Interface())
}

func encodeMarshaled(f reflect.Value, t catalog.Type) (catalog.Value, error) {
	text, err := f.Addr().Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return catalog.Null(), err
	}
	return catalog.From(t, string(text))
}

func decodeMarshaled(f reflect.Value, v catalog.Value) error {
	return f.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(v.String()))
}

func decodeInt(f reflect.Value, v catalog.Value) error {
	if n := v.AsInt(); f.OverflowInt(n) {
		return fmt.Errorf("%d is out of the range of %v", n, f.Type())
	}
	f.SetInt(v.AsInt())
	return nil
}

func decodeUint(f reflect.Value, v catalog.Value) error {
	if n := v.AsInt(); n < 0 || f.OverflowUint(uint64(n)) {
		return fmt.Errorf("%d is out of the range of %v", n, f.Type())
	}
	f.SetUint(uint64(v.AsInt()))
	return nil
}

func decodeFloat(f reflect.Value, v catalog.Value) error {
	if f.OverflowFloat(v.AsFloat()) {
		return fmt.Errorf("%v is out of the range of %v", v.AsFloat(), f.Type())
	}
	f.SetFloat(v.AsFloat())
	return nil
}

func decodeBytes(f reflect.Value, v catalog.Value) error {
	if v.Kind() == catalog.JSON {
		f.SetBytes([]byte(v.AsString()))
	} else {
		f.SetBytes(v.AsBytes())
	}
	return nil
}
