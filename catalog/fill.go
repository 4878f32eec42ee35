package catalog

import (
	"encoding/binary"
	"math"
)

// RowIDPlace stands among the places of a VectorDecoder for the number by which a row is found that has no primary key.
const RowIDPlace = -1

// How many bytes of text are made room for at once, at first and later.
const (
	firstChunk = 256
	lastChunk  = 16 << 10
)

// A VectorDecoder takes columns out of stored rows as a RowDecoder does, but puts them into vectors, many rows at a time, and
// leaves rows out that do not satisfy conditions. It is for one goroutine.
type VectorDecoder struct {
	rows       *RowDecoder
	types      []Type
	keyed      bool // primary keys are looked at
	conditions []condition
	filters    *RowDecoder // of the columns of the conditions, in their order

	columns []*Vector
	most    int // rows that there is room for
	n       int // rows that there are

	// Of the rows that are being added:
	keys, values [][]byte
	bodies       []body
	nulls        [][]bool // of each column, for vectors to use
	chunk        []byte   // memory for texts, never written twice
	pieces       []piece
}

// A body is a row without its head. It fits its recipe.
type body struct {
	data []byte
	row  int // among those that are being added
}

// A piece is where a text is in its body.
type piece struct{ from, to uint32 }

// NewVectorDecoder returns a decoder of the columns at some places of t.Columns, or RowIDPlace, in that order.
func (t *Table) NewVectorDecoder(columns []int) *VectorDecoder {
	return t.NewRowDecoder(columns).Vectors()
}

// Vectors returns a decoder of the same columns into vectors.
func (d *RowDecoder) Vectors() *VectorDecoder {
	v := &VectorDecoder{rows: d, nulls: make([][]bool, len(d.columns)), keyed: len(d.keys) > 0}
	for _, at := range d.columns {
		switch {
		case at >= 0 && at < len(d.table.Columns):
			v.types = append(v.types, d.table.Columns[at].Type)
		case at == RowIDPlace && len(d.table.PrimaryKey) == 0:
			v.types, v.keyed = append(v.types, Type{Kind: Int64}), true
		default:
			v.types = append(v.types, Type{})
		}
	}
	return v
}

// Keyed reports whether Add looks at primary keys.
func (d *VectorDecoder) Keyed() bool { return d.keyed }

// Begin makes columns, one for each that is decoded, have room for so many rows.
func (d *VectorDecoder) Begin(columns []*Vector, most int) {
	d.columns, d.most, d.n = columns, most, 0
	for i, v := range columns {
		v.Reset(d.types[i].Kind, d.types[i].Scale, most)
	}
}

// Len returns how many rows were added since Begin.
func (d *VectorDecoder) Len() int { return d.n }

// End makes the columns as long as there are rows.
func (d *VectorDecoder) End() {
	for _, v := range d.columns {
		v.truncate(d.n)
	}
}

// truncate makes a vector shorter.
func (v *Vector) truncate(n int) {
	switch v.Kind {
	case 0:
	case Float64:
		v.Floats = v.Floats[:n]
	case String, Bytes, UUID, JSON:
		v.Texts = v.Texts[:n]
	default:
		v.Ints = v.Ints[:n]
	}
	if v.Nulls != nil {
		v.Nulls = v.Nulls[:n]
	}
}

// Add adds rows, as many as there are values, which must have room, but for those that do not satisfy the conditions. Keys are
// the primary keys; they may be nil unless Keyed. Texts are copied: they stay good for ever. Errors are those of
// RowDecoder.Decode; after one, nothing is to be read before the next Begin.
func (d *VectorDecoder) Add(keys, values [][]byte) error {
	d.keys, d.values = keys, values
	for from := 0; from < len(values); {
		r, width, to, err := d.open(from)
		if err != nil {
			return err
		}
		if len(d.conditions) > 0 {
			d.filter(from, width)
		}
		if len(d.bodies) > 0 {
			if err := d.fill(r, width); err != nil {
				return err
			}
		}
		from = to
	}
	return nil
}

// open checks the rows from one on that have the same layout and ends of the same width, and makes bodies of them.
func (d *VectorDecoder) open(from int) (r *recipe, width uint, to int, err error) {
	if cap(d.bodies) < len(d.values) {
		d.bodies = make([]body, 0, len(d.values))
	}
	bodies, head, size, text := d.bodies[:0], uint64(0), 0, 0
	for i := from; i < len(d.values); i++ {
		stored := d.values[i]
		if i == from || len(stored) == 0 || uint64(stored[0]) != head || size != 1 {
			h, n := uint64(0), 0
			if h, n = uvarint(stored); n == 0 || h>>widthBits >= uint64(len(d.rows.layouts)) || h&widthMask > maxWidth {
				return nil, 0, 0, d.fault(i)
			}
			if i > from && h != head {
				d.bodies = bodies
				return r, width, i, nil
			}
			if i == from {
				head, size, width = h, n, uint(h&widthMask)
				if r = d.rows.layouts[h>>widthBits].Load(); r == nil {
					r = d.rows.make(int(h >> widthBits))
				}
				text = r.ends + r.strings<<width
			}
		}
		data := stored[size:]
		if !r.fits(data, width, text) {
			return nil, 0, 0, d.fault(i)
		}
		bodies = append(bodies, body{data, i})
	}
	d.bodies = bodies
	return r, width, len(d.values), nil
}

// fault returns the error for a row that cannot be decoded.
func (d *VectorDecoder) fault(row int) error {
	var k []byte
	if d.keyed {
		k = d.keys[row]
	}
	if _, err := d.rows.Decode(nil, k, d.values[row]); err != nil {
		return err
	}
	if _, err := DecodeRowID(k); err != nil {
		return err
	}
	return &DamageError{Table: d.rows.table.Name, What: "row", Why: "it cannot be decoded"}
}

// fill adds the bodies.
func (d *VectorDecoder) fill(r *recipe, width uint) error {
	for i := range r.steps {
		s := &r.steps[i]
		bad := -1
		switch s.do {
		case takeNumber:
			d.numbers(s)
		case takeText:
			bad = d.texts(s, r, width)
		default:
			bad = d.others(s)
		}
		if bad >= 0 {
			return d.fault(d.bodies[bad].row)
		}
	}
	for i := range r.missing {
		m := &r.missing[i]
		if d.rows.columns[m.out] == RowIDPlace && d.types[m.out].Kind != 0 {
			continue
		}
		for j := range d.bodies {
			d.set(m.out, j, m.value)
		}
	}
	if d.keyed {
		if err := d.fillKeys(); err != nil {
			return err
		}
	}
	d.n += len(d.bodies)
	return nil
}

// null makes the value of a column NULL in the body at i.
func (d *VectorDecoder) null(out, i int) {
	v := d.columns[out]
	if v.Kind == 0 {
		return
	}
	if v.Nulls == nil {
		if cap(d.nulls[out]) < d.most {
			d.nulls[out] = make([]bool, d.most)
		}
		v.Nulls = d.nulls[out][:d.most]
		clear(v.Nulls)
	}
	v.Nulls[d.n+i] = true
}

// set gives a column a value, whose text stays good, in the body at i.
func (d *VectorDecoder) set(out, i int, x Value) {
	v := d.columns[out]
	switch {
	case x.kind == 0:
		d.null(out, i)
	case v.Kind == Float64:
		v.Floats[d.n+i] = x.float()
	case v.Kind.Textual():
		v.Texts[d.n+i] = x.s
	default:
		v.Ints[d.n+i] = x.n
	}
}

// numbers decodes a column that is stored as it is.
func (d *VectorDecoder) numbers(s *step) {
	v := d.columns[s.out]
	at, null, mask := int(s.at), int(s.null), s.mask
	nulls := false
	if v.Kind == Float64 {
		out := v.Floats[d.n:][:len(d.bodies)]
		for i := range d.bodies {
			b := d.bodies[i].data
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[at:]))
			nulls = nulls || b[null]&mask != 0
		}
	} else {
		out := v.Ints[d.n:][:len(d.bodies)]
		for i := range d.bodies {
			b := d.bodies[i].data
			out[i] = int64(binary.LittleEndian.Uint64(b[at:]))
			nulls = nulls || b[null]&mask != 0
		}
	}
	if !nulls {
		return
	}
	for i := range d.bodies {
		if d.bodies[i].data[null]&mask != 0 {
			d.null(int(s.out), i)
		}
	}
}

// room returns memory for so many bytes of text, empty.
func (d *VectorDecoder) room(n int) []byte {
	if cap(d.chunk)-len(d.chunk) < n {
		d.chunk = make([]byte, 0, max(n, min(max(2*cap(d.chunk), firstChunk), lastChunk)))
	}
	return d.chunk
}

// texts decodes a column of text. It returns which body is damaged, or -1.
func (d *VectorDecoder) texts(s *step, r *recipe, width uint) int {
	base, at, null, mask := r.ends+r.strings<<width, int(s.at), int(s.null), s.mask
	if cap(d.pieces) < len(d.bodies) {
		d.pieces = make([]piece, len(d.bodies), cap(d.bodies))
	}
	pieces := d.pieces[:len(d.bodies)]
	total := 0
	for i := range d.bodies {
		b := d.bodies[i].data
		if b[null]&mask != 0 {
			d.null(int(s.out), i)
			pieces[i] = piece{}
			continue
		}
		start, end := 0, endOf(b[r.ends:], width, at)
		if at > 0 {
			start = endOf(b[r.ends:], width, at-1)
		}
		if uint(start) > uint(end) || uint(end) > uint(len(b)-base) {
			return i
		}
		pieces[i] = piece{uint32(base + start), uint32(base + end)}
		total += end - start
	}
	chunk := d.room(total)
	out := d.columns[s.out].Texts[d.n:][:len(pieces)]
	for i := range pieces {
		from := len(chunk)
		chunk = append(chunk, d.bodies[i].data[pieces[i].from:pieces[i].to]...)
		out[i] = alias(chunk[from:])
	}
	d.chunk = chunk
	return -1
}

// others decodes what is less frequent. It returns which body is damaged, or -1.
func (d *VectorDecoder) others(s *step) int {
	var v [1]Value
	single := *s
	single.out = 0
	for i := range d.bodies {
		b := d.bodies[i].data
		if b[s.null]&s.mask != 0 {
			d.null(int(s.out), i)
			continue
		}
		if why := decodeOther(v[:], &single, d.types[s.out], b); why != "" {
			return i
		}
		if v[0].kind.Textual() {
			v[0].s = d.keep(raw(v[0].s))
		}
		d.set(int(s.out), i, v[0])
	}
	return -1
}

// keep returns a copy of a text.
func (d *VectorDecoder) keep(p []byte) string {
	chunk := d.room(len(p))
	from := len(chunk)
	d.chunk = append(chunk, p...)
	return alias(d.chunk[from:])
}
