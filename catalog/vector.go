package catalog

import "slices"

// A Batch is some rows, column by column.
type Batch struct {
	Columns []*Vector
	Len     int     // how many values each column has
	Sel     []int32 // which of them are rows of the batch, ascending; nil: all
}

// Rows returns how many rows the batch has.
func (b *Batch) Rows() int {
	if b.Sel != nil {
		return len(b.Sel)
	}
	return b.Len
}

// A Vector is the values of a column in a Batch, all of one kind. Whoever fills it may use its slices again for the next
// batch; the texts that are in it stay good.
type Vector struct {
	Kind   Kind    // of the values; 0: all are NULL
	Scale  uint8   // of Decimals, unless there are Scales
	Nulls  []bool  // which values are NULL; nil: none. Their numbers and texts mean nothing
	Ints   []int64 // of Int64, Decimal, Bool, Date, Timestamp and Interval: what Value keeps of them
	Floats []float64
	Texts  []string // of String, Bytes, UUID, JSON and Interval
	Scales []uint8  // of Decimals that do not all have the same
}

// Reset makes the vector one of n values of a kind, none of them NULL. What they are is not said.
func (v *Vector) Reset(k Kind, scale uint8, n int) {
	v.Kind, v.Scale, v.Nulls, v.Scales = k, scale, nil, nil
	switch k {
	case 0:
	case Float64:
		v.Floats = resize(v.Floats, n)
	case String, Bytes, UUID, JSON:
		v.Texts = resize(v.Texts, n)
	case Interval:
		v.Texts = resize(v.Texts, n)
		v.Ints = resize(v.Ints, n)
	default:
		v.Ints = resize(v.Ints, n)
	}
}

func resize[E any](s []E, n int) []E {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]E, n, max(n, 2*cap(s)))
}

// IsNull reports whether the value at i is NULL.
func (v *Vector) IsNull(i int) bool { return v.Kind == 0 || v.Nulls != nil && v.Nulls[i] }

// SetNull makes the value at i of n NULL.
func (v *Vector) SetNull(i, n int) {
	if v.Kind == 0 {
		return
	}
	if v.Nulls == nil {
		v.Nulls = make([]bool, n)
	}
	v.Nulls[i] = true
}

// Value returns the value at i.
func (v *Vector) Value(i int) Value {
	if v.IsNull(i) {
		return Value{}
	}
	switch v.Kind {
	case Float64:
		return Float(v.Floats[i])
	case String, Bytes, UUID, JSON:
		return Value{kind: v.Kind, s: v.Texts[i]}
	case Interval:
		return Value{kind: Interval, n: v.Ints[i], s: v.Texts[i]}
	case Decimal:
		return Value{kind: Decimal, scale: v.scaleOf(i), n: v.Ints[i]}
	default:
		return Value{kind: v.Kind, n: v.Ints[i]}
	}
}

func (v *Vector) scaleOf(i int) uint8 {
	if v.Scales != nil {
		return v.Scales[i]
	}
	return v.Scale
}

// Set puts a value at i of n, which must be NULL or of the kind of the vector. A vector of no kind takes that of its first
// value that is not NULL; then those before it are NULL.
func (v *Vector) Set(i, n int, x Value) {
	if x.kind == 0 {
		v.SetNull(i, n)
		return
	}
	if v.Kind == 0 {
		v.Reset(x.kind, x.scale, n)
		v.Nulls = make([]bool, n)
		for j := range i {
			v.Nulls[j] = true
		}
	}
	if v.Nulls != nil {
		v.Nulls[i] = false
	}
	switch v.Kind {
	case Float64:
		v.Floats[i] = x.float()
	case String, Bytes, UUID, JSON:
		v.Texts[i] = x.s
	case Interval:
		v.Ints[i], v.Texts[i] = x.n, x.s
	case Decimal:
		v.Ints[i] = x.n
		v.setScale(i, n, x.scale)
	default:
		v.Ints[i] = x.n
	}
}

// setScale notes the scale of a Decimal.
func (v *Vector) setScale(i, n int, scale uint8) {
	if v.Scales == nil {
		if scale == v.Scale {
			return
		}
		v.Scales = slices.Repeat([]uint8{v.Scale}, n)
	}
	v.Scales[i] = scale
}
