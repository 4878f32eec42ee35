package exec

import (
	"math"
	"unsafe"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// sortKey says how a column sorts.
type sortKey struct {
	place int // of the column in batches
	order key.Order
}

// appendKey appends the value at i so that the bytes sort as catalog.Compare does. Values that are equal have equal bytes,
// and no value is the beginning of another one, whatever scales Decimals have.
func appendKey(dst []byte, v *catalog.Vector, i int32, o key.Order) []byte {
	if v.Kind == 0 || v.Nulls != nil && v.Nulls[i] {
		return key.AppendNull(dst, o)
	}
	switch v.Kind {
	case catalog.Float64:
		return key.AppendFloat(dst, v.Floats[i], o)
	case catalog.Decimal:
		whole, fraction := splitDecimal(v.Ints[i], scaleAt(v, i))
		return key.AppendInt(key.AppendInt(dst, whole, o), fraction, o)
	case catalog.String, catalog.Bytes, catalog.JSON:
		return key.AppendBytes(dst, bytesOf(v.Texts[i]), o)
	case catalog.UUID:
		return key.AppendFixed(dst, bytesOf(v.Texts[i]), o)
	case catalog.Interval:
		return appendIntervalKey(dst, v.Value(int(i)), o)
	default:
		return key.AppendInt(dst, v.Ints[i], o)
	}
}

// bytesOf returns the bytes of a text, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// tens has the tens of ten that an int64 can hold.
var tens = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// splitDecimal returns the whole number below a Decimal or equal to it, and how many units of 10^-18 it is above that.
func splitDecimal(n int64, scale uint8) (whole, fraction int64) {
	if scale == 0 {
		return n, 0
	}
	p := tens[scale]
	whole, fraction = n/p, n%p
	if fraction < 0 {
		whole, fraction = whole-1, fraction+p
	}
	return whole, fraction * tens[18-scale]
}

// word returns a number that sorts as the value at i does among those that are not NULL, if it has one: values of 8 bytes
// do, and Decimals of one scale.
func wordOf(v *catalog.Vector, i int32, descending bool) uint64 {
	var u uint64
	if v.Kind == catalog.Float64 {
		u = floatWord(v.Floats[i])
	} else {
		u = uint64(v.Ints[i]) ^ 1<<63
	}
	if descending {
		u = ^u
	}
	return u
}

func floatWord(f float64) uint64 {
	u := math.Float64bits(f)
	switch {
	case f == 0:
		return 1 << 63
	case f != f:
		return math.MaxUint64
	case u>>63 == 1:
		return ^u
	default:
		return u | 1<<63
	}
}

// hasWords reports whether the values of a vector have words that compare with each other.
func hasWords(v *catalog.Vector) bool {
	switch v.Kind {
	case 0, catalog.String, catalog.Bytes, catalog.UUID, catalog.JSON, catalog.Interval:
		return false
	case catalog.Decimal:
		return v.Scales == nil
	default:
		return true
	}
}

// keyEncoder makes the keys of the rows of batches. Its keys are valid until the next call of encode.
type keyEncoder struct {
	keys  []sortKey
	bytes []byte
	ends  []int
}

// encode makes the keys of rows.
func (e *keyEncoder) encode(columns []*catalog.Vector, rows []int32) {
	e.bytes, e.ends = e.bytes[:0], e.ends[:0]
	for _, row := range rows {
		for _, k := range e.keys {
			e.bytes = appendKey(e.bytes, columns[k.place], row, k.order)
		}
		e.ends = append(e.ends, len(e.bytes))
	}
}

// key returns the key of the i-th of the rows.
func (e *keyEncoder) key(i int) []byte {
	from := 0
	if i > 0 {
		from = e.ends[i-1]
	}
	return e.bytes[from:e.ends[i]]
}

// hash returns a hash of the key of the i-th of the rows.
func (e *keyEncoder) hash(i int) uint64 { return hashBytes(e.key(i)) }
