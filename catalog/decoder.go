package catalog

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/middb/middb/key"
)

// A RowDecoder takes some of the columns out of stored rows of a table, of whatever layout. Many goroutines may use it at
// once.
type RowDecoder struct {
	table   *Table
	columns []int     // places in table.Columns, in the order of the results
	keys    []keyStep // the columns of the primary key, up to the last that is asked for
	layouts []atomic.Pointer[recipe]
}

// A keyStep takes a column off the primary key.
type keyStep struct {
	column int
	order  key.Order
	out    []int // where in the results it goes
}

// A recipe says how rows of one layout are decoded. It is made when the first such row comes, and does not change.
type recipe struct {
	spare   uint8
	bitmap  int
	ends    int
	strings int
	steps   []step
	missing []constant
}

// A step decodes one column.
type step struct {
	do    action
	kind  Kind
	scale uint8
	mask  uint8
	null  uint32 // byte of the bitmap
	at    uint32 // offset of the slot, or which end
	out   uint32
}

// An action is how a column is stored.
type action uint8

const (
	takeNumber action = iota
	takeText
	takeBool
	takeUUID
	convert // a number that was stored with another type
)

// A constant is the value of a column that a layout does not have.
type constant struct {
	out   int
	value Value
}

// NewRowDecoder returns a decoder of the columns at some places of t.Columns, in that order. Places that do not exist are
// decoded as NULL.
func (t *Table) NewRowDecoder(columns []int) *RowDecoder {
	d := &RowDecoder{table: t, columns: slices.Clone(columns), layouts: make([]atomic.Pointer[recipe], len(t.Layouts))}
	p, last := t.current(), 0
	for i, k := range t.PrimaryKey {
		s := keyStep{column: p.place(k.Column), order: k.Order()}
		if s.column < 0 {
			break // the table is not valid, and its keys are NULL
		}
		for out, c := range columns {
			if c == s.column {
				s.out, last = append(s.out, out), i+1
			}
		}
		d.keys = append(d.keys, s)
	}
	d.keys = d.keys[:min(last, len(d.keys))]
	return d
}

// make works the recipe of a layout out.
func (d *RowDecoder) make(number int) *recipe {
	s := d.table.Layouts[number].shape()
	r := &recipe{spare: s.spare, bitmap: s.bitmap, ends: s.ends, strings: s.strings}
	slots := map[uint16]slot{}
	for _, c := range s.columns {
		slots[c.id] = c
	}
	for out, place := range d.columns {
		if place < 0 || place >= len(d.table.Columns) {
			r.missing = append(r.missing, constant{out, Value{}})
			continue
		}
		c := &d.table.Columns[place]
		if d.table.inPrimaryKey(c.ID) {
			if !slices.ContainsFunc(d.keys, func(k keyStep) bool { return k.column == place }) {
				r.missing = append(r.missing, constant{out, Value{}})
			}
			continue
		}
		stored, found := slots[c.ID]
		if !found {
			r.missing = append(r.missing, constant{out, c.Missing})
			continue
		}
		r.steps = append(r.steps, step{
			do: actionFor(stored, c.Type), kind: stored.kind, scale: stored.scale, mask: stored.mask,
			null: uint32(stored.null), at: uint32(stored.at), out: uint32(out),
		})
	}
	d.layouts[number].Store(r) // or another goroutine has made the same
	return r
}

// actionFor returns how a column is decoded that was stored so and now has type t.
func actionFor(stored slot, t Type) action {
	switch {
	case stored.kind != t.Kind || stored.scale != t.Scale:
		return convert
	case stored.kind.width() == 0:
		return takeText
	case stored.kind == Bool:
		return takeBool
	case stored.kind == UUID:
		return takeUUID
	default:
		return takeNumber
	}
}

// Decode appends to dst the values of the columns of a row. Columns that were dropped are passed over, those that were
// added later have their Missing values, and those with another type are converted. Text, bytes and UUIDs alias stored or
// primaryKey: they are valid as long as those are and do not change; Value.Clone makes them independent. The primary key
// is only looked at if one of its columns is asked for. That text is UTF-8, and numbers within the range of their type, was
// checked when they were written, and is not again. Errors are of type *DamageError.
func (d *RowDecoder) Decode(dst []Value, primaryKey, stored []byte) ([]Value, error) {
	from := len(dst)
	to := from + len(d.columns)
	if to > cap(dst) {
		dst = slices.Grow(dst, len(d.columns))
	}
	dst = dst[:to]
	out := dst[from:]
	if len(d.keys) > 0 {
		if err := d.decodeKey(out, primaryKey); err != nil {
			return dst[:from], err
		}
	}
	if err := d.decodeRow(out, stored); err != nil {
		return dst[:from], err
	}
	return dst, nil
}

// decodeKey fills in what comes from the primary key.
func (d *RowDecoder) decodeKey(out []Value, primaryKey []byte) error {
	tuple := key.NewTuple(primaryKey)
	for i := range d.keys {
		s := &d.keys[i]
		at := len(primaryKey) - len(tuple.Rest())
		c := &d.table.Columns[s.column]
		v := takeValue(&tuple, c.Type, s.order)
		if tuple.Err() != nil {
			return &DamageError{
				Table: d.table.Name, Column: c.Name, What: "key", Offset: at, Why: "this is no " + c.Type.String(),
			}
		}
		for _, o := range s.out {
			out[o] = v
		}
	}
	return nil
}

// decodeRow fills in what comes from the stored row.
func (d *RowDecoder) decodeRow(out []Value, stored []byte) error {
	if len(stored) == 0 {
		return d.damage(-1, 0, "it is empty")
	}
	head, size := uint64(stored[0]), 1
	if head >= 0x80 {
		if head, size = uvarint(stored); size == 0 {
			return d.damage(-1, 0, "it begins with no number")
		}
	}
	body := stored[size:]
	number, width := head>>widthBits, uint(head&widthMask)
	if number >= uint64(len(d.layouts)) || width > maxWidth {
		return d.damage(-1, 0, fmt.Sprintf("there are %d layouts, and this is number %d, with ends of width %d",
			len(d.layouts), number, width))
	}
	r := d.layouts[number].Load()
	if r == nil {
		r = d.make(int(number))
	}
	text := r.ends + r.strings<<width
	if !r.fits(body, width, text) {
		return d.damage(-1, size, r.fault(body, width, text))
	}
	for i := range r.steps {
		s := &r.steps[i]
		v := &out[s.out]
		if body[s.null]&s.mask != 0 {
			*v = Value{}
			continue
		}
		switch s.do {
		case takeNumber:
			v.kind, v.scale, v.n, v.s = s.kind, s.scale, int64(binary.LittleEndian.Uint64(body[s.at:])), ""
		case takeText:
			start, end := 0, endOf(body[r.ends:], width, int(s.at))
			if s.at > 0 {
				start = endOf(body[r.ends:], width, int(s.at)-1)
			}
			if uint(start) > uint(end) || uint(end) > uint(len(body)-text) { // ends of 4 bytes may be negative where int has 32 bits
				return d.damage(int(s.out), size+r.ends+int(s.at)<<width, fmt.Sprintf("it goes from %d to %d of %d bytes",
					start, end, len(body)-text))
			}
			v.kind, v.scale, v.n, v.s = s.kind, 0, 0, alias(body[text+start:text+end])
		default:
			if why := decodeOther(out, s, d.table.Columns[d.columns[s.out]].Type, body); why != "" {
				return d.damage(int(s.out), size+int(s.at), why)
			}
		}
	}
	for i := range r.missing {
		out[r.missing[i].out] = r.missing[i].value
	}
	return nil
}

// fits reports whether what all columns share is right: the length of the row, and the unused bits.
func (r *recipe) fits(body []byte, width uint, text int) bool {
	if len(body) < text || r.spare != 0 && body[r.bitmap-1]&r.spare != 0 {
		return false
	}
	if r.strings == 0 {
		return len(body) == text && width == 0
	}
	if width == 0 {
		return text+int(body[text-1]) == len(body) // the last end is before the text
	}
	return text+endOf(body[r.ends:], width, r.strings-1) == len(body)
}

// fault says why a row does not fit.
func (r *recipe) fault(body []byte, width uint, text int) string {
	switch {
	case len(body) < text:
		return "it is cut off"
	case r.spare != 0 && body[r.bitmap-1]&r.spare != 0:
		return "columns are NULL that it does not have"
	case r.strings == 0:
		return "something follows its columns"
	default:
		return fmt.Sprintf("its text has %d bytes and should have %d", len(body)-text, endOf(body[r.ends:], width, r.strings-1))
	}
}

// decodeOther decodes what is less frequent, of a column of type t. It returns why it cannot be.
func decodeOther(out []Value, s *step, t Type, body []byte) string {
	n := int64(binary.LittleEndian.Uint64(body[s.at:]))
	switch s.do {
	case takeBool:
		if n != 0 && n != 1 {
			return fmt.Sprintf("%d is no boolean", n)
		}
		out[s.out] = Value{kind: Bool, n: n}
	case takeUUID:
		out[s.out] = Value{kind: UUID, s: alias(body[s.at : s.at+16])}
	default:
		v, why := cast(Value{kind: s.kind, scale: s.scale, n: n}, t)
		if why != "" {
			return fmt.Sprintf("what was stored does not become a %s: %s", t, why)
		}
		out[s.out] = v
	}
	return ""
}

// damage returns the error for a damaged row, in the column that is to come out at a place, or -1.
func (d *RowDecoder) damage(out, offset int, why string) error {
	e := &DamageError{Table: d.table.Name, What: "row", Offset: min(offset, math.MaxInt32), Why: why}
	if out >= 0 {
		e.Column = d.table.Columns[d.columns[out]].Name
	}
	return e
}
