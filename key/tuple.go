package key

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// An Order says how an element of a tuple sorts. The zero Order is ascending, with NULL behind all values.
type Order uint8

// The bits of an Order.
const (
	Descending Order = 1 << iota
	NullsFirst
)

// A tuple is what a row is found by: values one after the other, each encoded so that comparing the bytes of two tuples
// with bytes.Compare compares their values in turn, and so that no value is the beginning of another one's bytes.
//
//	NULL      01 if it comes first, fe if it comes last
//	integer   80+n and the n bytes that it needs, big-endian, n from 0 to 8; if it is negative, 7f-n and the n bytes that
//	          its complement needs, inverted
//	boolean   80 false, 81 true
//	float     80 and its 8 bytes, big-endian, inverted if it is negative, else with the first bit set; -0 is 0, and NaN,
//	          of which there is one, is above all others
//	bytes     80, the bytes with 00 as 00 ff, and 00 01
//	fixed     80 and the bytes, of which all values have as many
//
// In a descending element all bytes but those of NULL are inverted. Times, decimals of one scale and the like are stored
// as integers.
const (
	nullFirst = 0x01
	nullLast  = 0xfe
	value     = 0x80

	escape     = 0x00
	escaped    = 0xff
	terminator = 0x01
)

// ErrTuple is returned for bytes that are not a tuple of the elements that were asked for.
var ErrTuple = errors.New("the key is no tuple of these types")

// AppendNull appends NULL.
func AppendNull(dst []byte, o Order) []byte {
	if o&NullsFirst != 0 {
		return append(dst, nullFirst)
	}
	return append(dst, nullLast)
}

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64, o Order) []byte {
	from := len(dst)
	magnitude := uint64(v)
	if v < 0 {
		magnitude = ^magnitude
	}
	n := (bits.Len64(magnitude) + 7) / 8
	lead := byte(value + n)
	if v < 0 {
		lead = byte(value - 1 - n)
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(v))
	dst = append(append(dst, lead), b[8-n:]...)
	return turn(dst, from, o)
}

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool, o Order) []byte {
	b := byte(value)
	if v {
		b++
	}
	return turn(append(dst, b), len(dst), o)
}

// AppendFloat appends a floating-point number.
func AppendFloat(dst []byte, v float64, o Order) []byte {
	u := math.Float64bits(v)
	switch {
	case v == 0:
		u = 1 << 63
	case v != v:
		u = math.MaxUint64
	case u>>63 == 1:
		u = ^u
	default:
		u |= 1 << 63
	}
	return turn(binary.BigEndian.AppendUint64(append(dst, value), u), len(dst), o)
}

// AppendBytes appends a string of any length.
func AppendBytes(dst, v []byte, o Order) []byte {
	from := len(dst)
	dst = append(dst, value)
	for _, b := range v {
		if dst = append(dst, b); b == escape {
			dst = append(dst, escaped)
		}
	}
	return turn(append(dst, escape, terminator), from, o)
}

// AppendFixed appends bytes of a length that is always the same.
func AppendFixed(dst, v []byte, o Order) []byte {
	return turn(append(append(dst, value), v...), len(dst), o)
}

// turn inverts what was appended behind the first bytes, if the order is descending.
func turn(dst []byte, from int, o Order) []byte {
	if o&Descending != 0 {
		for i := from; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// A Tuple is what is left of an encoded tuple. Its methods take an element off, of the type and order that it was
// appended with. After the first that does not fit Err is ErrTuple, and they return zeros.
type Tuple struct {
	rest []byte
	bad  bool
}

// NewTuple returns the elements of an encoded tuple, which stays the caller's.
func NewTuple(b []byte) Tuple { return Tuple{rest: b} }

// Rest returns what is left.
func (t *Tuple) Rest() []byte { return t.rest }

// Err returns ErrTuple if an element was not what was asked for.
func (t *Tuple) Err() error {
	if t.bad {
		return ErrTuple
	}
	return nil
}

// Null takes off a NULL, if one comes next, and reports whether it has.
func (t *Tuple) Null(o Order) bool {
	null := byte(nullLast)
	if o&NullsFirst != 0 {
		null = nullFirst
	}
	if len(t.rest) > 0 && !t.bad && t.rest[0] == null {
		t.rest = t.rest[1:]
		return true
	}
	return false
}

// take takes off n bytes. They are not turned yet.
func (t *Tuple) take(n int) []byte {
	if t.bad || len(t.rest) < n {
		t.bad, t.rest = true, nil
		return nil
	}
	b := t.rest[:n]
	t.rest = t.rest[n:]
	return b
}

// next takes off a byte.
func (t *Tuple) next(o Order) byte {
	b := t.take(1)
	if b == nil {
		return 0
	}
	if o&Descending != 0 {
		return ^b[0]
	}
	return b[0]
}

// lead takes off the first byte of an element that must begin with value.
func (t *Tuple) lead(o Order) { t.check(t.next(o) == value) }

func (t *Tuple) check(ok bool) {
	if !ok {
		t.bad, t.rest = true, nil
	}
}

// Int takes off an integer.
func (t *Tuple) Int(o Order) int64 {
	lead := int(t.next(o))
	n, u := lead-value, uint64(0)
	if lead < value {
		n, u = value-1-lead, math.MaxUint64
	}
	if n < 0 || n > 8 {
		t.check(false)
		return 0
	}
	invert := byte(0)
	if o&Descending != 0 {
		invert = 0xff
	}
	for _, b := range t.take(n) {
		u = u<<8 | uint64(b^invert)
	}
	v := int64(u)
	magnitude := u
	if lead < value {
		magnitude = ^u
	}
	t.check((v < 0) == (lead < value) && (bits.Len64(magnitude)+7)/8 == n) // else another encoding is the right one
	if t.bad {
		return 0
	}
	return v
}

// LeadingInt returns the integer, ascending and not negative, that an encoded tuple begins with, and how many bytes it has; 0 if
// there is none. It is Tuple.Int for what most keys begin with.
func LeadingInt(b []byte) (v int64, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	n := int(b[0]) - value
	if uint(n) > 8 || n >= len(b) {
		return 0, 0
	}
	for _, c := range b[1 : 1+n] {
		v = v<<8 | int64(c)
	}
	if v < 0 || n > 0 && b[1] == 0 {
		return 0, 0
	}
	return v, 1 + n
}

// Bool takes off a boolean.
func (t *Tuple) Bool(o Order) bool {
	b := t.next(o)
	t.check(b == value || b == value+1)
	return b == value+1
}

// Float takes off a floating-point number.
func (t *Tuple) Float(o Order) float64 {
	t.lead(o)
	var u uint64
	for range 8 {
		u = u<<8 | uint64(t.next(o))
	}
	switch {
	case t.bad:
		return 0
	case u == math.MaxUint64:
		return math.NaN()
	case u>>63 == 1:
		u &^= 1 << 63
	default:
		u = ^u
	}
	v := math.Float64frombits(u)
	t.check(v == v && u != 1<<63)
	return v
}

// Bytes takes off a string, and appends it to dst.
func (t *Tuple) Bytes(dst []byte, o Order) []byte {
	t.lead(o)
	for !t.bad {
		b := t.next(o)
		if b != escape {
			dst = append(dst, b)
			continue
		}
		switch t.next(o) {
		case escaped:
			dst = append(dst, escape)
		case terminator:
			return dst
		default:
			t.check(false)
		}
	}
	return dst
}

// View is Bytes without a copy, if the string ascends and has no zero byte: what it returns is then a part of the tuple.
func (t *Tuple) View(o Order) []byte {
	if o&Descending == 0 && len(t.rest) > 0 && t.rest[0] == value {
		n := 1 + bytes.IndexByte(t.rest[1:], escape)
		if n > 0 && n+1 < len(t.rest) && t.rest[n+1] == terminator {
			v := t.rest[1:n:n]
			t.rest = t.rest[n+2:]
			return v
		}
	}
	return t.Bytes(nil, o)
}

// Fixed takes off bytes of a known length, and appends them to dst.
func (t *Tuple) Fixed(dst []byte, n int, o Order) []byte {
	t.lead(o)
	from := len(dst)
	return turn(append(dst, t.take(n)...), from, o)
}
