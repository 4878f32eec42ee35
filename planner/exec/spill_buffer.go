package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A rowBuffer keeps rows, column by column, each column in one piece: rows are found by their number.
type rowBuffer struct {
	columns []*catalog.Vector
	n       int
	bytes   int64 // about what it takes
}

func newRowBuffer(columns int) *rowBuffer { return &rowBuffer{columns: newVectors(columns)} }

// newVectors returns so many vectors that are empty.
func newVectors(n int) []*catalog.Vector {
	all, space := make([]*catalog.Vector, n), make([]catalog.Vector, n)
	for i := range all {
		all[i] = &space[i]
	}
	return all
}

// append copies the rows of a batch, of which it takes the columns at places; all if places is nil.
func (b *rowBuffer) append(batch *catalog.Batch, places []int) error {
	for i, dst := range b.columns {
		at := i
		if places != nil {
			at = places[i]
		}
		if err := appendVector(dst, b.n, batch.Columns[at], batch.Sel, batch.Len); err != nil {
			return err
		}
	}
	b.n += batch.Rows()
	b.bytes += batchBytes(batch, places)
	return nil
}

// view makes a batch of rows of the buffer, without copying them.
func (b *rowBuffer) view(dst *catalog.Batch, from, to int) {
	for len(dst.Columns) < len(b.columns) {
		dst.Columns = append(dst.Columns, &catalog.Vector{})
	}
	dst.Columns, dst.Len, dst.Sel = dst.Columns[:len(b.columns)], to-from, nil
	for i, v := range b.columns {
		viewVector(dst.Columns[i], v, from, to)
	}
}

func viewVector(dst, src *catalog.Vector, from, to int) {
	*dst = catalog.Vector{Kind: src.Kind, Scale: src.Scale}
	if src.Nulls != nil {
		dst.Nulls = src.Nulls[from:to:to]
	}
	if src.Scales != nil {
		dst.Scales = src.Scales[from:to:to]
	}
	switch class(src.Kind) {
	case ofInts:
		dst.Ints = src.Ints[from:to:to]
	case ofFloats:
		dst.Floats = src.Floats[from:to:to]
	case ofTexts:
		dst.Texts = src.Texts[from:to:to]
	case ofBoth:
		dst.Ints, dst.Texts = src.Ints[from:to:to], src.Texts[from:to:to]
	default:
	}
}

// clear forgets all rows and keeps the memory for others.
func (b *rowBuffer) clear() {
	for _, v := range b.columns {
		clear(v.Texts)
		*v = catalog.Vector{Ints: v.Ints[:0], Floats: v.Floats[:0], Texts: v.Texts[:0]}
	}
	b.n, b.bytes = 0, 0
}

// appendVector appends the values of src at sel, or the first length of them if sel is nil, to dst, which has n.
func appendVector(dst *catalog.Vector, n int, src *catalog.Vector, sel []int32, length int) error {
	more := length
	if sel != nil {
		more = len(sel)
	}
	if more == 0 {
		return nil
	}
	switch {
	case src.Kind == 0 && dst.Kind == 0:
		return nil
	case src.Kind == 0:
		extendNulls(dst, n)
		for range more {
			dst.Nulls = append(dst.Nulls, true)
		}
		extendZeros(dst, n+more)
		return nil
	case dst.Kind == 0:
		dst.Kind, dst.Scale, dst.Scales = src.Kind, src.Scale, nil
		if n > 0 {
			extendZeros(dst, n)
			dst.Nulls = make([]bool, n)
			for i := range dst.Nulls {
				dst.Nulls[i] = true
			}
		}
	case dst.Kind != src.Kind:
		return sqlstate.New(sqlstate.InternalError, -1, "a column has values of %v and of %v", dst.Kind, src.Kind)
	}
	appendNulls(dst, n, src, sel, more)
	appendScales(dst, n, src, sel, more)
	switch class(src.Kind) {
	case ofInts:
		dst.Ints = appendSome(dst.Ints, src.Ints, sel, length)
	case ofFloats:
		dst.Floats = appendSome(dst.Floats, src.Floats, sel, length)
	case ofTexts:
		dst.Texts = appendSome(dst.Texts, src.Texts, sel, length)
	case ofBoth:
		dst.Ints = appendSome(dst.Ints, src.Ints, sel, length)
		dst.Texts = appendSome(dst.Texts, src.Texts, sel, length)
	default:
	}
	return nil
}

func appendSome[E any](dst, src []E, sel []int32, length int) []E {
	if sel == nil {
		return append(dst, src[:length]...)
	}
	n := len(dst)
	dst = extend(dst, n+len(sel))
	to := dst[n:]
	for i, from := range sel {
		to[i] = src[from]
	}
	return dst
}

func appendNulls(dst *catalog.Vector, n int, src *catalog.Vector, sel []int32, more int) {
	if src.Nulls == nil && dst.Nulls == nil {
		return
	}
	extendNulls(dst, n)
	if src.Nulls == nil {
		dst.Nulls = grown(dst.Nulls, n+more)
		return
	}
	dst.Nulls = appendSome(dst.Nulls, src.Nulls, sel, more)
}

func appendScales(dst *catalog.Vector, n int, src *catalog.Vector, sel []int32, more int) {
	if src.Kind != catalog.Decimal || src.Scales == nil && dst.Scales == nil && src.Scale == dst.Scale {
		return
	}
	for len(dst.Scales) < n {
		dst.Scales = append(dst.Scales, dst.Scale)
	}
	if src.Scales != nil {
		dst.Scales = appendSome(dst.Scales, src.Scales, sel, more)
		return
	}
	for range more {
		dst.Scales = append(dst.Scales, src.Scale)
	}
}

// extendNulls has Nulls be of n values, those that are new not NULL.
func extendNulls(v *catalog.Vector, n int) { v.Nulls = grown(v.Nulls, n) }

// extendZeros appends values that mean nothing until there are n.
func extendZeros(v *catalog.Vector, n int) {
	switch class(v.Kind) {
	case ofInts:
		v.Ints = grown(v.Ints, n)
	case ofFloats:
		v.Floats = grown(v.Floats, n)
	case ofTexts:
		v.Texts = grown(v.Texts, n)
	case ofBoth:
		v.Ints, v.Texts = grown(v.Ints, n), grown(v.Texts, n)
	default:
	}
	if v.Scales != nil {
		for len(v.Scales) < n {
			v.Scales = append(v.Scales, v.Scale)
		}
	}
}

// batchBytes returns about how many bytes a copy of the rows takes.
func batchBytes(b *catalog.Batch, places []int) int64 {
	total, rows := int64(0), int64(b.Rows())
	if places == nil {
		for _, v := range b.Columns {
			total += vectorBytes(v, b.Sel, b.Len, rows)
		}
		return total
	}
	for _, at := range places {
		total += vectorBytes(b.Columns[at], b.Sel, b.Len, rows)
	}
	return total
}

func vectorBytes(v *catalog.Vector, sel []int32, length int, rows int64) (n int64) {
	if v.Nulls != nil {
		n += rows
	}
	if v.Scales != nil {
		n += rows
	}
	switch class(v.Kind) {
	case ofNothing:
		return n
	case ofInts, ofFloats:
		return n + 8*rows
	case ofBoth:
		n += 8 * rows
	default:
	}
	n += 16 * rows
	if sel == nil {
		for _, s := range v.Texts[:length] {
			n += int64(len(s))
		}
		return n
	}
	for _, i := range sel {
		n += int64(len(v.Texts[i]))
	}
	return n
}
