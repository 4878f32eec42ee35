package catalog

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// widthBits is how many bits of the head of a row say how wide its ends are: 1 << width bytes.
const (
	widthBits = 2
	widthMask = 1<<widthBits - 1
	maxWidth  = 2
)

// AppendRow appends what is stored of a row, whose values are in the order of t.Columns: all but those of the primary
// key. A value of another type than its column is a *TypeError; what else is forbidden, such as NULL, is not looked at.
// It allocates nothing if dst has room.
func (t *Table) AppendRow(dst []byte, row []Value) ([]byte, error) {
	if len(row) != len(t.Columns) {
		return dst, t.wrong(nil, "it has %d columns, and a row %d values", len(t.Columns), len(row))
	}
	p := t.current()
	s := &p.shape
	text := 0
	for i := range s.columns {
		place := p.places[i]
		if place < 0 {
			return dst, t.wrong(ErrUnknown, "there is no column with the id %d", s.columns[i].id)
		}
		v := &row[place]
		if v.kind != 0 && (v.kind != s.columns[i].kind || v.scale != s.columns[i].scale) {
			return dst, t.mismatch(place, *v)
		}
		if s.columns[i].kind.width() == 0 {
			text += len(v.s)
		}
	}
	if uint64(text) > math.MaxUint32 {
		return dst, t.wrong(nil, "a row of %d bytes cannot be stored", text)
	}
	width := uint(0)
	if s.strings > 0 {
		width = widthOf(text)
	}
	head, body := uint64(p.layouts-1)<<widthBits|uint64(width), s.ends+s.strings<<width+text
	dst = slices.Grow(dst, uvarintBytes(head)+body)
	dst = binary.AppendUvarint(dst, head)
	from := len(dst)
	dst = dst[:from+body]
	p.fill(dst[from:], row, width)
	return dst, nil
}

// widthOf returns how wide the ends of so many bytes are.
func widthOf(text int) uint {
	switch {
	case text <= math.MaxUint8:
		return 0
	case text <= math.MaxUint16:
		return 1
	default:
		return maxWidth
	}
}

// fill writes what is behind the head of a row.
func (p *plan) fill(body []byte, row []Value, width uint) {
	s := &p.shape
	clear(body[:s.ends])
	ends, text, end := body[s.ends:], body[s.ends+s.strings<<width:], 0
	for i := range s.columns {
		c, v := &s.columns[i], &row[p.places[i]]
		if v.kind == 0 {
			body[c.null] |= c.mask
		}
		switch c.kind {
		case String, Bytes, JSON:
			end += copy(text[end:], v.s)
			putEnd(ends, width, c.at, end)
		case UUID:
			copy(body[c.at:c.at+16], v.s)
		default:
			binary.LittleEndian.PutUint64(body[c.at:], uint64(v.n))
		}
	}
}

// putEnd writes the end of a string.
func putEnd(ends []byte, width uint, i, end int) {
	switch width {
	case 0:
		ends[i] = byte(end)
	case 1:
		binary.LittleEndian.PutUint16(ends[2*i:], uint16(end))
	default:
		binary.LittleEndian.PutUint32(ends[4*i:], uint32(end))
	}
}

// endOf reads what putEnd wrote.
func endOf(ends []byte, width uint, i int) int {
	switch width {
	case 0:
		return int(ends[i])
	case 1:
		return int(binary.LittleEndian.Uint16(ends[2*i:]))
	default:
		return int(binary.LittleEndian.Uint32(ends[4*i:]))
	}
}

// uvarint reads a number that is written with as few bytes as it can be. It returns 0 bytes if there is none.
func uvarint(b []byte) (n uint64, size int) {
	n, size = binary.Uvarint(b)
	if size <= 0 || size != uvarintBytes(n) {
		return 0, 0
	}
	return n, size
}

// uvarintBytes returns with how few bytes a number can be written.
func uvarintBytes(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }
