package catalog

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// types has one of every kind at least, and more of those with parameters.
var types = []Type{
	{Kind: Int64},
	{Kind: Float64},
	{Kind: Bool},
	{Kind: Bytes},
	{Kind: Date},
	{Kind: Timestamp},
	{Kind: UUID},
	{Kind: JSON},
	{Kind: Decimal, Precision: 1},
	{Kind: Decimal, Precision: 10, Scale: 2},
	{Kind: Decimal, Precision: 18},
	{Kind: Decimal, Precision: 18, Scale: 18},
	{Kind: String},
	{Kind: String, Length: 1},
	{Kind: String, Length: 20},
}

// extremes returns values at the ends of what a type has, and around what is special.
func extremes(t Type) []Value {
	switch t.Kind {
	case Int64:
		return []Value{
			Int(math.MinInt64), Int(math.MinInt64 + 1), Int(-1 << 53), Int(-256), Int(-1), Int(0), Int(1), Int(255),
			Int(1<<53 + 1), Int(math.MaxInt64),
		}
	case Float64:
		return []Value{
			Float(math.Inf(-1)), Float(-math.MaxFloat64), Float(-1 << 63), Float(-1.5), Float(-math.SmallestNonzeroFloat64), Float(0),
			Float(math.SmallestNonzeroFloat64), Float(0.1), Float(1e-5), Float(1e15), Float(1 << 63), Float(math.MaxFloat64),
			Float(math.Inf(1)), Float(math.NaN()),
		}
	case Decimal:
		most := pow10[t.Precision] - 1
		return []Value{
			DecimalOf(-most, t.Scale), DecimalOf(-1, t.Scale), DecimalOf(0, t.Scale), DecimalOf(5, t.Scale),
			DecimalOf(most, t.Scale),
		}
	case Bool:
		return []Value{BoolOf(false), BoolOf(true)}
	case String:
		list := []Value{Str(""), Str("\x00"), Str("a"), Str("ä"), Str("\U0010ffff")}
		if t.Length != 1 {
			list = append(list, Str("\x00\x00\x01"), Str("a\x00"), Str("aa"), Str("ab "), Str("\x7f\x01"))
		}
		if t.Length == 0 {
			list = append(list, Str(strings.Repeat("x", 255)), Str(strings.Repeat("x", 256)), Str(strings.Repeat("y", 70000)))
		}
		return list
	case Bytes:
		return []Value{
			BytesOf(nil), BytesOf([]byte{0}), BytesOf([]byte{0, 0xff}), BytesOf([]byte{0xff}), BytesOf([]byte{0xff, 0xff, 0}),
			BytesOf([]byte{1}),
		}
	case Date:
		return []Value{DateOf(minDate), DateOf(-1), DateOf(0), DateOf(20000), DateOf(maxDate)}
	case Timestamp:
		return []Value{
			{kind: Timestamp, n: minMicros},
			{kind: Timestamp, n: -1},
			{kind: Timestamp},
			{kind: Timestamp, n: 1},
			{kind: Timestamp, n: maxMicros},
		}
	case UUID:
		return []Value{
			UUIDOf([16]byte{}), UUIDOf([16]byte{0: 1}), UUIDOf([16]byte([]byte("0123456789abcdef"))),
			UUIDOf([16]byte([]byte(strings.Repeat("\xff", 16)))),
		}
	default:
		return []Value{{kind: JSON, s: "{}"}, {kind: JSON, s: ` [1, "ä", null] `}, {kind: JSON, s: "0"}}
	}
}

// random returns a value of a type, often an extreme one, and sometimes NULL.
func random(r *rand.Rand, t Type) Value {
	switch r.IntN(8) {
	case 0:
		return Null()
	case 1, 2:
		list := extremes(t)
		return list[r.IntN(len(list))]
	}
	n := int64(r.Uint64()) >> r.IntN(64)
	switch t.Kind {
	case Int64:
		return Int(n)
	case Float64:
		return Float(float64(n) / float64(int(1)<<r.IntN(40)))
	case Decimal:
		return DecimalOf(n%pow10[t.Precision], t.Scale)
	case Bool:
		return BoolOf(n&1 == 1)
	case Date:
		return DateOf(n % maxDate / 5)
	case Timestamp:
		return Value{kind: Timestamp, n: n % maxMicros / 5}
	case UUID:
		return UUIDOf([16]byte(letters(r, 16)))
	case Bytes:
		return BytesOf(letters(r, r.IntN(10)))
	case JSON:
		return Value{kind: JSON, s: `"` + string(letters(r, r.IntN(10))) + `"`}
	default:
		most := 10
		if t.Length > 0 {
			most = min(most, int(t.Length))
		}
		return Str(string(letters(r, r.IntN(most+1))))
	}
}

// letters returns few different ones, so that many strings begin alike.
func letters(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abz"[r.IntN(3)]
	}
	return b
}

// equal reports whether values are the same, and not only equal as numbers.
func equal(a, b Value) bool { return a.kind == b.kind && a.scale == b.scale && Compare(a, b) == 0 }

// source returns a source of randomness for a seed, which failures must print.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// one returns the schema of a table with one column.
func one(t testing.TB, typ Type, options ...ColumnOption) *Table {
	t.Helper()
	d, err := NewTable("t").Column("v", typ.String(), options...).Build()
	if err != nil {
		t.Fatal(err)
	}
	return &d.Table
}
