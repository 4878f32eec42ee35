package exec

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/middb/middb/catalog"
)

// Temporary files are records, each of which is a batch. No program but the one that wrote a file reads it.
//
//	offset  size  field
//	     0     4  CRC-32C of every byte that follows
//	     4     4  payload length
//	     8        payload: the number of rows (4 bytes), and for each column
//	              kind (1), scale (1), flags (1): 1 = some are NULL, 2 = each has a scale
//	              a byte for each row that is 1 if it is NULL, if some are
//	              the scale of each row, if each has one
//	              8 bytes for each row, of numbers
//	              4 bytes for each row, the length of its text, and the texts, of kinds with texts
//
// Integers are little-endian.
const (
	spillHeaderBytes = 8
	spillNulls       = 1
	spillScales      = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord appends the record of the rows of some columns.
func appendRecord(dst []byte, columns []*catalog.Vector, rows []int32) []byte {
	from := len(dst)
	dst = append(dst, make([]byte, spillHeaderBytes)...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(rows)))
	for _, v := range columns {
		dst = appendColumn(dst, v, rows)
	}
	binary.LittleEndian.PutUint32(dst[from+4:], uint32(len(dst)-from-spillHeaderBytes))
	binary.LittleEndian.PutUint32(dst[from:], crc32.Checksum(dst[from+4:], castagnoli))
	return dst
}

func appendColumn(dst []byte, v *catalog.Vector, rows []int32) []byte {
	flags := byte(0)
	if v.Nulls != nil && v.Kind != 0 {
		flags |= spillNulls
	}
	if v.Scales != nil {
		flags |= spillScales
	}
	dst = append(dst, byte(v.Kind), v.Scale, flags)
	if flags&spillNulls != 0 {
		for _, i := range rows {
			if v.Nulls[i] {
				dst = append(dst, 1)
			} else {
				dst = append(dst, 0)
			}
		}
	}
	if flags&spillScales != 0 {
		for _, i := range rows {
			dst = append(dst, v.Scales[i])
		}
	}
	if v.Kind == catalog.Float64 {
		for _, i := range rows {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Floats[i]))
		}
	}
	if withInts(v.Kind) {
		for _, i := range rows {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v.Ints[i]))
		}
	}
	if withTexts(v.Kind) {
		dst = appendTexts(dst, v, rows)
	}
	return dst
}

// appendTexts appends texts, those of NULLs as if they were empty.
func appendTexts(dst []byte, v *catalog.Vector, rows []int32) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, 4*len(rows))...)
	for _, i := range rows {
		s := ""
		if v.Nulls == nil || !v.Nulls[i] {
			s = v.Texts[i]
		}
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(s)))
		dst = append(dst, s...)
		at += 4
	}
	return dst
}

// recordDecoder takes the payload of a record apart. After the first thing that is missing it is bad.
type recordDecoder struct {
	rest []byte
	bad  bool
}

func (d *recordDecoder) take(n int) []byte {
	if d.bad || n < 0 || n > len(d.rest) {
		d.bad = true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// batch fills the columns of b with the rows of the record. It returns false if it is none.
func (d *recordDecoder) batch(b *catalog.Batch) bool {
	head := d.take(4)
	if d.bad {
		return false
	}
	b.Len, b.Sel = int(binary.LittleEndian.Uint32(head)), nil
	for _, v := range b.Columns {
		d.column(v, b.Len)
	}
	return !d.bad && len(d.rest) == 0
}

func (d *recordDecoder) column(v *catalog.Vector, n int) {
	head := d.take(3)
	if d.bad || n > len(d.rest) && head[0] != 0 {
		d.bad = true
		return
	}
	nulls, scales := v.Nulls, v.Scales
	v.Reset(catalog.Kind(head[0]), head[1], n)
	if head[2]&spillNulls != 0 {
		v.Nulls = extend(nulls[:0], n)
		for i, b := range d.take(n) {
			v.Nulls[i] = b != 0
		}
	}
	if head[2]&spillScales != 0 {
		v.Scales = extend(scales[:0], n)
		copy(v.Scales, d.take(n))
	}
	if v.Kind == catalog.Float64 {
		b := d.take(8 * n)
		for i := range len(b) / 8 {
			v.Floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	if withInts(v.Kind) {
		b := d.take(8 * n)
		for i := range len(b) / 8 {
			v.Ints[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	if withTexts(v.Kind) {
		d.texts(v.Texts, n)
	}
}

// texts copies texts, all of them at once, because they stay good when the record no longer does.
func (d *recordDecoder) texts(texts []string, n int) {
	lengths := d.take(4 * n)
	sum := 0
	for i := range len(lengths) / 4 {
		sum += int(binary.LittleEndian.Uint32(lengths[4*i:]))
	}
	all := string(d.take(sum))
	if d.bad {
		return
	}
	for i := range texts {
		m := int(binary.LittleEndian.Uint32(lengths[4*i:]))
		texts[i], all = all[:m], all[m:]
	}
}

func withInts(k catalog.Kind) bool { return class(k) == ofInts || class(k) == ofBoth }

func withTexts(k catalog.Kind) bool { return class(k) == ofTexts || class(k) == ofBoth }
