package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/middb/middb/tests/environment"
)

func TestValueHas32Bytes(t *testing.T) {
	if n := unsafe.Sizeof(Value{}); n != 32 {
		t.Errorf("%d", n)
	}
}

func TestZeroValueIsNull(t *testing.T) {
	var v Value
	if !v.IsNull() || v.Kind() != 0 || v.Any() != nil || v.String() != "NULL" || v != Null() {
		t.Errorf("%#v", v)
	}
}

// Every value survives its text, what Go has for it, a row and a key.
func TestValuesSurviveEveryForm(t *testing.T) {
	for seed := range environment.Seeds(t, 50) {
		r := source(seed)
		for _, typ := range types {
			table := one(t, typ)
			for _, v := range append(extremes(typ), random(r, typ), random(r, typ)) {
				check := func(form string, got Value, err error) {
					if err != nil || !equal(got, v) {
						t.Fatalf("MIDDB_SEED=%d: %s %.60q %s: %.60q, %v", seed, typ, v, form, got, err)
					}
				}
				if !v.IsNull() {
					got, err := Parse(typ, v.String())
					check("parsed", got, err)
				}
				got, err := From(typ, v.Any())
				check("from Go", got, err)
				got, err = Cast(v, typ)
				check("cast", got, err)
				check("cloned", v.Clone(), nil)
				if typ.Kind != JSON && !v.IsNull() {
					text, err := Cast(v, Type{Kind: String})
					if err != nil {
						t.Fatal(err)
					}
					if typ.Kind != String && typ.Kind != Bytes {
						got, err = Cast(text, typ)
						check("cast from text", got, err)
					}
				}
				stored, err := table.AppendRow(nil, []Value{v})
				if err != nil {
					t.Fatal(err)
				}
				row, err := table.NewRowDecoder([]int{0}).Decode(nil, nil, stored)
				if err != nil {
					t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
				}
				check("stored", row[0], err)
			}
		}
	}
}

func TestWrongAccessorsReturnZeros(t *testing.T) {
	for _, typ := range types {
		v := extremes(typ)[len(extremes(typ))-1]
		if v.AsBool() != (typ.Kind == Bool) || (v.AsString() != "") != (typ.Kind == String || typ.Kind == JSON) ||
			(v.AsBytes() != nil) != (typ.Kind == Bytes) || v.AsTime().IsZero() == (typ.Kind == Date || typ.Kind == Timestamp) ||
			(v.AsUUID() != [16]byte{}) != (typ.Kind == UUID) || (v.AsFloat() != 0) != typ.Kind.Numeric() ||
			(v.AsInt() != 0) != (typ.Kind == Int64 || typ.Kind == Date || typ.Kind == Timestamp) {
			t.Errorf("%s", typ)
		}
		if n, _ := v.AsDecimal(); (n != 0) != (typ.Kind == Decimal || typ.Kind == Int64) {
			t.Errorf("%s: decimal %d", typ, n)
		}
	}
	for _, v := range []Value{DateOf(math.MaxInt64), DateOf(math.MinInt64), {kind: Timestamp, n: math.MinInt64}, DecimalOf(math.MinInt64, 255)} {
		_, _ = v.String(), v.Any() // whatever they are
		for _, typ := range types {
			_, _ = Cast(v, typ)
		}
	}
}

func TestTextOutput(t *testing.T) {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, v := range map[string]Value{
		"1": Int(1), "-9223372036854775808": Int(math.MinInt64), "1.5": Float(1.5), "-0": Float(math.Copysign(0, -1)),
		"1e+15": Float(1e15), "100000000000000": Float(1e14), "1e-05": Float(1e-5), "0.0001": Float(1e-4),
		"NaN": Float(math.NaN()), "-Infinity": Float(math.Inf(-1)), "Infinity": Float(math.Inf(1)), "1e+300": Float(1e300),
		"-0.05": DecimalOf(-5, 2), "12.30": DecimalOf(1230, 2), "7": DecimalOf(7, 0),
		"-9.223372036854775808": DecimalOf(math.MinInt64, 18), "true": BoolOf(true), "false": BoolOf(false), "abc": Str("abc"),
		`\x00ff`: BytesOf([]byte{0, 255}), "2026-01-02": DateOf(20455), "0001-01-01": DateOf(minDate), "9999-12-31": DateOf(maxDate),
		"2026-01-02 03:04:05+00":               TimestampOf(moment),
		"2026-01-02 03:04:05.12+00":            TimestampOf(moment.Add(120 * time.Millisecond)),
		"1969-12-31 23:59:59.999999+00":        {kind: Timestamp, n: -1},
		"30313233-3435-3637-3839-616263646566": UUIDOf([16]byte([]byte("0123456789abcdef"))),
		`{"a": 1}`:                             {kind: JSON, s: `{"a": 1}`},
	} {
		if got := v.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParse(t *testing.T) {
	const refused = "refused"
	for _, c := range []struct{ sql, text, want string }{
		{"BIGINT", " 12\n", "12"},
		{"BIGINT", "+5", "5"},
		{"BIGINT", "9223372036854775808", refused},
		{"BIGINT", "1.0", refused},
		{"BIGINT", "", refused},
		{"BIGINT", "0x10", refused},
		{"BIGINT", "1_000", refused},
		{"FLOAT", "1e3", "1000"},
		{"FLOAT", "inf", "Infinity"},
		{"FLOAT", "-INFINITY", "-Infinity"},
		{"FLOAT", "nan", "NaN"},
		{"FLOAT", "1e400", refused},
		{"FLOAT", "0x1p4", refused},
		{"FLOAT", "1_0", refused},
		{"DECIMAL(4,2)", "1.005", "1.01"},
		{"DECIMAL(4,2)", "-1.005", "-1.01"},
		{"DECIMAL(4,2)", "1.0049999", "1.00"},
		{"DECIMAL(4,2)", "99.994", "99.99"},
		{"DECIMAL(4,2)", "99.995", refused},
		{"DECIMAL(4,2)", ".5", "0.50"},
		{"DECIMAL(4,2)", "5.", "5.00"},
		{"DECIMAL(4,2)", ".", refused},
		{"DECIMAL(4,2)", "1e1", "10.00"},
		{"DECIMAL(4,2)", "123e-3", "0.12"},
		{"DECIMAL(4,2)", "5e-3", "0.01"},
		{"DECIMAL(4,2)", "4e-3", "0.00"},
		{"DECIMAL(4,2)", "1e-20000", "0.00"},
		{"DECIMAL(4,2)", "1e20000", refused},
		{"DECIMAL(4,2)", "0e20000", "0.00"},
		{"DECIMAL(4,2)", "1e99999", refused},
		{"DECIMAL(4,2)", "1.2.3", refused},
		{"DECIMAL(4,2)", "1a2", refused},
		{"DECIMAL(4,2)", "NaN", refused},
		{"DECIMAL(18,0)", "999999999999999999", "999999999999999999"},
		{"DECIMAL(18,0)", "9999999999999999999", refused},
		{"DECIMAL(18,0)", "99999999999999999999999", refused},
		{"DECIMAL(18,18)", "0.9999999999999999995", refused},
		{"DECIMAL(18,18)", "0.9999999999999999994", "0.999999999999999999"},
		{"DECIMAL(4,2)", "000000000000000000000000012.3", "12.30"},
		{"DECIMAL(4,2)", "--1", refused},
		{"BOOL", "T", "true"},
		{"BOOL", "off", "false"},
		{"BOOL", "1", "true"},
		{"BOOL", "2", refused},
		{"VARCHAR(2)", "äö", "äö"},
		{"VARCHAR(2)", "abc", refused},
		{"VARCHAR(2)", " a", " a"},
		{"TEXT", "\xff", refused},
		{"BYTEA", `\x0aFF`, `\x0aff`},
		{"BYTEA", `a\\b\001`, `\x615c6201`},
		{"BYTEA", `\x1`, refused},
		{"BYTEA", `\9`, refused},
		{"BYTEA", `\400`, refused},
		{"BYTEA", `\07`, refused},
		{"BYTEA", "ä", `\xc3a4`},
		{"BYTEA", `a\`, refused},
		{"DATE", "2024-02-29", "2024-02-29"},
		{"DATE", "2023-02-29", refused},
		{"DATE", "0000-12-31", refused},
		{"DATE", "9999-12-31", "9999-12-31"},
		{"DATE", "2024-1-1", refused},
		{"DATE", "10000-01-01", refused},
		{"TIMESTAMP", "2026-01-02", "2026-01-02 00:00:00+00"},
		{"TIMESTAMP", "2026-01-02 03:04", "2026-01-02 03:04:00+00"},
		{"TIMESTAMP", "2026/1/2", "2026-01-02 00:00:00+00"},
		{"TIMESTAMP", "2026/11/2T03:04:05Z", "2026-11-02 03:04:05+00"},
		{"DATE", "2026/1/12", "2026-01-12"},
		{"TIMESTAMP", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00"},
		{"TIMESTAMP", "2026-01-02 03:04:05.5+02", "2026-01-02 01:04:05.5+00"},
		{"TIMESTAMP", "2026-01-02 03:04:05-03:30", "2026-01-02 06:34:05+00"},
		{"TIMESTAMP", "2026-01-02 03:04:05 +0530", "2026-01-01 21:34:05+00"},
		{"TIMESTAMP", "2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05+00"},
		{"TIMESTAMP", "2026-01-02 03:04:05.1234565", "2026-01-02 03:04:05.123457+00"},
		{"TIMESTAMP", "2026-01-02 24:00:00", refused},
		{"TIMESTAMP", "2026-01-02 03:04:05+99", refused},
		{"TIMESTAMP", "2026-01-02 03:04:05+1:2:3:4", refused},
		{"TIMESTAMP", "2026-01-02 03", refused},
		{"TIMESTAMP", "0001-01-01 00:00:00+01", refused},
		{"TIMESTAMP", "9999-12-31 23:59:59.9999999", refused},
		{"UUID", "{00112233-4455-6677-8899-AABBCCDDEEFF}", "00112233-4455-6677-8899-aabbccddeeff"},
		{"UUID", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"},
		{"UUID", "0011223344556677-8899-aabbccddeeff", refused},
		{"UUID", "", refused},
		{"UUID", "{}", refused},
		{"UUID", "00112233-4455-6677-8899-aabbccddee-f", refused},
		{"JSON", `{"a":[1,2]}`, `{"a":[1,2]}`},
		{"JSON", `{a:1}`, refused},
		{"JSON", "", refused},
		{"JSON", "\"\xff\"", refused},
	} {
		typ, err := ParseType(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Parse(typ, c.text)
		if c.want == refused {
			if !errors.Is(err, ErrType) {
				t.Errorf("%s %q: %v, %v", c.sql, c.text, v, err)
			}
		} else if err != nil || v.String() != c.want {
			t.Errorf("%s %q: %v, %v, want %s", c.sql, c.text, v, err, c.want)
		}
	}
}

func TestCast(t *testing.T) {
	const refused = "refused"
	for _, c := range []struct {
		v         Value
		sql, want string
	}{
		{Float(0.5), "BIGINT", "1"},
		{Float(-0.5), "BIGINT", "-1"},
		{Float(2.5), "BIGINT", "3"},
		{Float(1 << 63), "BIGINT", refused},
		{Float(-1 << 63), "BIGINT", "-9223372036854775808"},
		{Float(math.NaN()), "BIGINT", refused},
		{DecimalOf(249, 2), "BIGINT", "2"},
		{DecimalOf(250, 2), "BIGINT", "3"},
		{DecimalOf(-250, 2), "BIGINT", "-3"},
		{DecimalOf(math.MaxInt64, 18), "BIGINT", "9"},
		{BoolOf(true), "BIGINT", "1"},
		{Str(" 7 "), "BIGINT", "7"},
		{DateOf(1), "BIGINT", refused},
		{Int(3), "DOUBLE", "3"},
		{DecimalOf(1, 1), "DOUBLE", "0.1"},
		{DecimalOf(999999999999999999, 18), "DOUBLE", "1"},
		{DecimalOf(123456789012345678, 5), "DOUBLE", "1234567890123.4568"},
		{BoolOf(true), "DOUBLE", refused},
		{Int(12), "DECIMAL(4,2)", "12.00"},
		{Int(100), "DECIMAL(4,2)", refused},
		{Int(math.MaxInt64), "DECIMAL(18,18)", refused},
		{Int(math.MinInt64), "DECIMAL(18,1)", refused},
		{DecimalOf(12345, 3), "DECIMAL(4,2)", "12.35"},
		{DecimalOf(-12345, 3), "DECIMAL(4,2)", "-12.35"},
		{DecimalOf(12344, 3), "DECIMAL(4,2)", "12.34"},
		{DecimalOf(99995, 3), "DECIMAL(4,2)", refused},
		{Float(0.1), "DECIMAL(4,2)", "0.10"},
		{Float(1.005), "DECIMAL(4,2)", "1.01"},
		{Float(1e300), "DECIMAL(4,2)", refused},
		{Float(math.Inf(1)), "DECIMAL(4,2)", refused},
		{Int(2), "BOOLEAN", "true"},
		{Float(1), "BOOLEAN", refused},
		{Str("no"), "BOOLEAN", "false"},
		{Int(123), "VARCHAR(2)", refused},
		{Int(12), "VARCHAR(2)", "12"},
		{Str("abc"), "VARCHAR(2)", refused},
		{BoolOf(true), "TEXT", "true"},
		{Value{kind: Timestamp, n: -1}, "DATE", "1969-12-31"},
		{DateOf(1), "TIMESTAMP", "1970-01-02 00:00:00+00"},
		{DateOf(math.MaxInt64), "TIMESTAMP", refused},
		{Int(1), "DATE", refused},
		{Str("{}"), "JSON", "{}"},
		{Int(1), "JSON", refused},
		{Null(), "UUID", "NULL"},
		{Int(1), "UUID", refused},
	} {
		typ, err := ParseType(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Cast(c.v, typ)
		if c.want == refused {
			if !errors.Is(err, ErrType) {
				t.Errorf("%s as %s: %v, %v", c.v, c.sql, v, err)
			}
		} else if err != nil || v.String() != c.want || !v.IsNull() && v.Kind() != typ.Kind {
			t.Errorf("%s as %s: %v, %v, want %s", c.v, c.sql, v, err, c.want)
		}
	}
}

func TestFromGoValues(t *testing.T) {
	type age int32
	type name string
	type id [16]byte
	type blob []byte
	const refused = "refused"
	seven, text, missing := 7, "x", (*int)(nil)
	pointer := &seven
	east := time.FixedZone("east", 3*3600)
	for _, c := range []struct {
		sql  string
		x    any
		want string
	}{
		{"INT", int8(-1), "-1"},
		{"INT", uint64(math.MaxInt64), "9223372036854775807"},
		{"INT", uint64(1 << 63), refused},
		{"INT", age(4), "4"},
		{"INT", 2.0, "2"},
		{"INT", 2.5, refused},
		{"INT", float32(3), "3"},
		{"INT", math.Inf(1), refused},
		{"INT", math.NaN(), refused},
		{"INT", 1e300, refused},
		{"INT", "12", refused},
		{"INT", json.Number("12"), "12"},
		{"INT", json.Number("1.5"), refused},
		{"INT", true, refused},
		{"INT", &seven, "7"},
		{"INT", &pointer, "7"},
		{"INT", missing, "NULL"},
		{"INT", nil, "NULL"},
		{"INT", struct{}{}, refused},
		{"INT", []int{1}, refused},
		{"INT", Int(3), "3"},
		{"INT", Str("4"), "4"},
		{"INT", time.Unix(0, 0), refused},
		{"DOUBLE", 1, "1"},
		{"DOUBLE", float32(0.5), "0.5"},
		{"DOUBLE", "1", refused},
		{"DOUBLE", json.Number("1e2"), "100"},
		{"DECIMAL(4,2)", "1.5", "1.50"},
		{"DECIMAL(4,2)", 1.5, "1.50"},
		{"DECIMAL(4,2)", 3, "3.00"},
		{"DECIMAL(4,2)", 300, refused},
		{"BOOL", true, "true"},
		{"BOOL", 1, refused},
		{"BOOL", "true", refused},
		{"TEXT", name("n"), "n"},
		{"TEXT", &text, "x"},
		{"TEXT", []byte("b"), "b"},
		{"TEXT", []byte{0xff}, refused},
		{"TEXT", 1, refused},
		{"TEXT", json.Number("1"), refused},
		{"VARCHAR(1)", "xy", refused},
		{"TEXT", [16]byte{}, refused},
		{"BYTEA", []byte{1}, `\x01`},
		{"BYTEA", blob{1}, `\x01`},
		{"BYTEA", blob(nil), "NULL"},
		{"BYTEA", []byte(nil), "NULL"},
		{"BYTEA", "ab", `\x6162`},
		{"BYTEA", 1, refused},
		{"DATE", time.Date(2026, 1, 2, 1, 0, 0, 0, east), "2026-01-02"},
		{"DATE", "2026-01-02", "2026-01-02"},
		{"DATE", 1, refused},
		{"TIMESTAMP", time.Date(2026, 1, 2, 1, 0, 0, 1999, east), "2026-01-01 22:00:00.000001+00"},
		{"TIMESTAMP", time.Time{}, "0001-01-01 00:00:00+00"},
		{"TIMESTAMP", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), refused},
		{"TIMESTAMP", time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), refused},
		{"DATE", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), refused},
		{"UUID", [16]byte{}, "00000000-0000-0000-0000-000000000000"},
		{"UUID", id{15: 1}, "00000000-0000-0000-0000-000000000001"},
		{"UUID", "00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"},
		{"UUID", []byte("0123456789abcdef"), "30313233-3435-3637-3839-616263646566"},
		{"UUID", []byte("x"), refused},
		{"UUID", [4]byte{}, refused},
		{"JSON", json.RawMessage(`{}`), "{}"},
		{"JSON", `[1]`, "[1]"},
		{"JSON", map[string]int{}, refused},
		{"JSON", []byte(`x`), refused},
		{"JSON", json.RawMessage{0xff}, refused},
	} {
		typ, err := ParseType(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		v, err := From(typ, c.x)
		if c.want == refused {
			if !errors.Is(err, ErrType) {
				t.Errorf("%s from %T %v: %v, %v", c.sql, c.x, c.x, v, err)
			}
		} else if err != nil || v.String() != c.want {
			t.Errorf("%s from %T %v: %v, %v, want %s", c.sql, c.x, c.x, v, err, c.want)
		}
	}
}

func TestTypeErrorsSayWhereAndWhat(t *testing.T) {
	typ := Type{Kind: Int64}
	_, err := From(typ, "abc")
	if got, want := At(err, "users", "age").Error(), `table users, column age: expected BIGINT, given text "abc"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := At(fmt.Errorf("insert: %w", err), "other", "column").Error(); !strings.Contains(got, "users") {
		t.Errorf("the first place was lost: %s", got)
	}
	for want, give := range map[string]func() error{
		`expected VARCHAR(2), given text "abc": it has 3 characters`: func() error {
			_, err := Parse(Type{Kind: String, Length: 2}, "abc")
			return err
		},
		`expected BIGINT, given integer 9223372036854775808: it is out of range`: func() error {
			_, err := From(typ, uint64(1<<63))
			return err
		},
		`expected BIGINT, given float 1.5: it is no whole number`: func() error { _, err := From(typ, 1.5); return err },
		`expected BIGINT, given a Go value of type []int`:         func() error { _, err := From(typ, []int{}); return err },
		`expected DECIMAL(4,2), given integer 100: it has more than 2 digits before the point`: func() error {
			_, err := Cast(Int(100), Type{Kind: Decimal, Precision: 4, Scale: 2})
			return err
		},
		`table t, column v: expected BIGINT, given boolean true`: func() error {
			_, err := one(t, typ).AppendRow(nil, []Value{BoolOf(true)})
			return err
		},
	} {
		if err := give(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	var e *TypeError
	if _, err := Parse(typ, strings.Repeat("long", 1000)); !errors.As(err, &e) || len(e.Given) > 100 {
		t.Errorf("%v", err)
	}
}

// rational returns what a number is, exactly.
func rational(v Value) *big.Rat {
	switch v.kind {
	case Float64:
		return new(big.Rat).SetFloat64(v.float())
	default:
		n, scale := v.AsDecimal()
		return new(big.Rat).SetFrac(big.NewInt(n), big.NewInt(pow10[scale]))
	}
}

func TestNumbersCompareExactly(t *testing.T) {
	for seed := range environment.Seeds(t, 3) {
		r := source(seed)
		var numbers []Value
		for _, typ := range types {
			if typ.Kind.Numeric() {
				numbers = append(numbers, extremes(typ)...)
				for range 12 {
					numbers = append(numbers, random(r, typ))
				}
			}
		}
		for range 100 { // those that are close to each other
			d := DecimalOf(int64(r.Uint64())>>r.IntN(64), uint8(r.IntN(19)))
			f := d.AsFloat()
			numbers = append(numbers, d, Float(f), Float(math.Nextafter(f, math.Inf(1))), DecimalOf(d.n/10, d.scale-min(d.scale, 1)))
		}
		for _, a := range numbers {
			for _, b := range numbers {
				if a.IsNull() || b.IsNull() || math.IsNaN(a.AsFloat()) || math.IsNaN(b.AsFloat()) ||
					math.IsInf(a.AsFloat(), 0) || math.IsInf(b.AsFloat(), 0) {
					continue
				}
				if got, want := Compare(a, b), rational(a).Cmp(rational(b)); got != want {
					t.Fatalf("MIDDB_SEED=%d: Compare(%s, %s) of kinds %s, %s: %d, want %d", seed, a, b, a.kind, b.kind, got, want)
				}
			}
		}
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	var all []Value
	for _, typ := range types {
		list := extremes(typ)
		all = append(all, list[:min(4, len(list))]...)
	}
	all = append(all, Null(), Float(math.NaN()), Float(math.Inf(1)), Float(math.Inf(-1)), Float(math.Copysign(0, -1)))
	for _, a := range all {
		for _, b := range all {
			if Compare(a, b) != -Compare(b, a) {
				t.Fatalf("%s and %s", a, b)
			}
			for _, c := range all {
				if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
					t.Fatalf("%s, %s, %s", a, b, c)
				}
			}
		}
	}
	if Compare(Null(), Float(math.NaN())) != 1 || Compare(Float(math.NaN()), Float(math.Inf(1))) != 1 ||
		Compare(Float(math.NaN()), Int(math.MaxInt64)) != 1 || Compare(Null(), Null()) != 0 {
		t.Error("NULL is above NaN, and that above all numbers")
	}
}
