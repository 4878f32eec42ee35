package catalog

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A condition says how a column must compare with a value.
type condition struct {
	less, equal, greater bool
	value                Value
}

func (c *condition) allows(order int) bool {
	switch {
	case order < 0:
		return c.less
	case order > 0:
		return c.greater
	default:
		return c.equal
	}
}

// Where has Add leave out the rows whose column at a place, which need not be one that is decoded, does not compare with a
// value as one of less, equal and greater allows; those where it is NULL are left out always. It reports whether that can be:
// the value must be one of the type of the column, and that not in the primary key.
func (d *VectorDecoder) Where(place int, less, equal, greater bool, value Value) bool {
	t := d.rows.table
	if place < 0 || place >= len(t.Columns) {
		return false
	}
	c := &t.Columns[place]
	if value.kind != c.Type.Kind || value.kind == 0 || value.scale != c.Type.Scale || t.inPrimaryKey(c.ID) {
		return false
	}
	d.conditions = append(d.conditions, condition{less, equal, greater, value})
	var places []int
	if d.filters != nil {
		places = d.filters.columns
	}
	d.filters = t.NewRowDecoder(append(places, place))
	return true
}

// filter leaves those of the bodies, of which the first is at a row, that satisfy the conditions. It looks at nothing but the
// columns of these. What is damaged there satisfies them: who decodes it finds out.
func (d *VectorDecoder) filter(row int, width uint) {
	head, _ := uvarint(d.values[row])
	number := int(head >> widthBits)
	r := d.filters.layouts[number].Load()
	if r == nil {
		r = d.filters.make(number)
	}
	for i := range r.missing {
		m := &r.missing[i]
		if m.value.IsNull() || !d.conditions[m.out].allows(Compare(m.value, d.conditions[m.out].value)) {
			d.bodies = d.bodies[:0]
			return
		}
	}
	for i := range r.steps {
		s := &r.steps[i]
		c := &d.conditions[s.out]
		switch {
		case s.do == takeNumber && s.kind == Float64:
			d.filterFloats(s, c)
		case s.do == takeNumber:
			d.filterNumbers(s, c)
		case s.do == takeText:
			d.filterTexts(s, c, r, width)
		default:
			d.filterOthers(s, c)
		}
	}
}

func (d *VectorDecoder) filterNumbers(s *step, c *condition) {
	kept, want := d.bodies[:0], c.value.n
	for _, b := range d.bodies {
		n := int64(binary.LittleEndian.Uint64(b.data[s.at:]))
		if b.data[s.null]&s.mask == 0 && (n < want && c.less || n == want && c.equal || n > want && c.greater) {
			kept = append(kept, b)
		}
	}
	d.bodies = kept
}

func (d *VectorDecoder) filterFloats(s *step, c *condition) {
	kept, want := d.bodies[:0], c.value.float()
	for _, b := range d.bodies {
		f := math.Float64frombits(binary.LittleEndian.Uint64(b.data[s.at:]))
		if b.data[s.null]&s.mask == 0 && c.allows(compareFloats(f, want)) {
			kept = append(kept, b)
		}
	}
	d.bodies = kept
}

func (d *VectorDecoder) filterTexts(s *step, c *condition, r *recipe, width uint) {
	kept, want := d.bodies[:0], raw(c.value.s)
	base := r.ends + r.strings<<width
	for _, b := range d.bodies {
		if b.data[s.null]&s.mask != 0 {
			continue
		}
		start, end := 0, endOf(b.data[r.ends:], width, int(s.at))
		if s.at > 0 {
			start = endOf(b.data[r.ends:], width, int(s.at)-1)
		}
		damaged := uint(start) > uint(end) || uint(end) > uint(len(b.data)-base)
		if damaged || c.allows(bytes.Compare(b.data[base+start:base+end], want)) {
			kept = append(kept, b)
		}
	}
	d.bodies = kept
}

func (d *VectorDecoder) filterOthers(s *step, c *condition) {
	kept := d.bodies[:0]
	single := *s
	single.out = 0
	t := d.filters.table.Columns[d.filters.columns[s.out]].Type
	for _, b := range d.bodies {
		if b.data[s.null]&s.mask != 0 {
			continue
		}
		var v [1]Value
		if why := decodeOther(v[:], &single, t, b.data); why != "" || c.allows(Compare(v[0], c.value)) {
			kept = append(kept, b)
		}
	}
	d.bodies = kept
}
