package exec

import (
	"github.com/middb/middb/catalog"
)

// fastGrowth is up to how many elements slices become twice as long when they grow.
const fastGrowth = 1 << 16

// extend returns the slice with room for n elements, all of which it has; what those behind its length are is not said.
func extend[E any](s []E, n int) []E {
	if cap(s) >= n {
		return s[:n]
	}
	more := cap(s)
	if more > fastGrowth {
		more /= 2
	}
	longer := make([]E, n, max(n, cap(s)+more))
	copy(longer, s)
	return longer
}

// iota32 is the places of a batch without a selection.
var iota32 = func() []int32 {
	all := make([]int32, 4096)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}()

// rowsOf returns the places of the rows of a batch. The caller must not change them.
func rowsOf(b *catalog.Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return ascending(b.Len)
}

// ascending returns the numbers from 0 to n. The caller must not change them.
func ascending(n int) []int32 {
	if n <= len(iota32) {
		return iota32[:n]
	}
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// scaleAt returns the scale of the Decimal at i.
func scaleAt(v *catalog.Vector, i int32) uint8 {
	if v.Scales != nil {
		return v.Scales[i]
	}
	return v.Scale
}

// addRows copies rows: those at places in the columns.
func (b *rowBuffer) addRows(columns []*catalog.Vector, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	return b.append(&catalog.Batch{Columns: columns, Len: int(rows[len(rows)-1]) + 1, Sel: rows}, nil)
}

// keep leaves the rows at places and no others, in that order.
func (b *rowBuffer) keep(rows []int32) error {
	kept := newRowBuffer(len(b.columns))
	err := kept.addRows(b.columns, rows)
	*b = *kept
	return err
}

// output is a batch of an operator's own.
type output struct {
	columns []column
	batch   catalog.Batch
}

// newOutput returns one of so many columns.
func newOutput(columns int) *output {
	o := &output{columns: make([]column, columns)}
	o.batch.Columns = make([]*catalog.Vector, columns)
	for i := range o.columns {
		o.batch.Columns[i] = &o.columns[i].Vector
	}
	return o
}

// gather makes the batch the rows at places of the columns, and returns it.
func (o *output) gather(columns []*catalog.Vector, rows []int32) *catalog.Batch {
	for i := range o.columns {
		o.columns[i].gather(columns[i], nil, rows, len(rows), false)
	}
	o.batch.Len, o.batch.Sel = len(rows), nil
	return &o.batch
}
