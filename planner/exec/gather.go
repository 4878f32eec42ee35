package exec

import "github.com/middb/middb/catalog"

// A column is a Vector of an operator's own, which it fills again and again.
type column struct {
	catalog.Vector
	nulls  []bool
	scales []uint8
}

// gather makes the column one of the values of src at from, where a negative number gives NULL. If at is not nil, the values
// go to those places of n and what else is in the column means nothing; otherwise n is len(from).
func (c *column) gather(src *catalog.Vector, at, from []int32, n int, missing bool) {
	c.Reset(src.Kind, src.Scale, n)
	if src.Kind == 0 {
		return
	}
	if missing || src.Nulls != nil {
		c.nulls = sized(c.nulls, n)
		c.Nulls = c.nulls
		gatherNulls(c.Nulls, src.Nulls, at, from)
	}
	if src.Scales != nil {
		c.scales = sized(c.scales, n)
		c.Scales = c.scales
		gatherSome(c.Scales, src.Scales, at, from, missing)
	}
	switch class(src.Kind) {
	case ofInts:
		gatherSome(c.Ints, src.Ints, at, from, missing)
	case ofFloats:
		gatherSome(c.Floats, src.Floats, at, from, missing)
	case ofTexts:
		gatherSome(c.Texts, src.Texts, at, from, missing)
	case ofNothing:
	case ofBoth:
		gatherSome(c.Ints, src.Ints, at, from, missing)
		gatherSome(c.Texts, src.Texts, at, from, missing)
	}
}

func sized[E any](s []E, n int) []E {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]E, n, max(n, 2*cap(s)))
}

func gatherNulls(dst, src []bool, at, from []int32) {
	for k, f := range from {
		i := int32(k)
		if at != nil {
			i = at[k]
		}
		dst[i] = f < 0 || src != nil && src[f]
	}
}

func gatherSome[E any](dst, src []E, at, from []int32, missing bool) {
	switch {
	case missing:
		for k, f := range from {
			if f < 0 {
				continue
			}
			if at != nil {
				dst[at[k]] = src[f]
			} else {
				dst[k] = src[f]
			}
		}
	case at != nil:
		for k, f := range from {
			dst[at[k]] = src[f]
		}
	default:
		dst = dst[:len(from)]
		for k, f := range from {
			dst[k] = src[f]
		}
	}
}

// nullVector is a column in which everything is NULL.
var nullVector = &catalog.Vector{}

// A vectorClass says which slices of a Vector are used.
type vectorClass uint8

const (
	ofNothing vectorClass = iota // all are NULL
	ofInts
	ofFloats
	ofTexts
	ofBoth // Ints and Texts
)

func class(k catalog.Kind) vectorClass {
	switch k {
	case 0:
		return ofNothing
	case catalog.Float64:
		return ofFloats
	case catalog.String, catalog.Bytes, catalog.UUID, catalog.JSON:
		return ofTexts
	case catalog.Interval:
		return ofBoth
	default:
		return ofInts
	}
}
