package wire

import (
	"encoding/binary"
	"math"
)

// The append functions append one msgpack value each, in its shortest form.

// AppendNil appends nil.
func AppendNil(dst []byte) []byte { return append(dst, 0xc0) }

// AppendBool appends a boolean.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0xc3)
	}
	return append(dst, 0xc2)
}

// AppendUint appends an integer that is not negative.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
	}
}

// AppendInt appends an integer.
func AppendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, 0xd0, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, 0xd1), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, 0xd2), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
	}
}

// AppendBin appends bytes.
func AppendBin(dst, v []byte) []byte { return append(AppendBinHead(dst, len(v)), v...) }

// AppendBinHead appends the head of n bytes, which the caller appends next.
func AppendBinHead(dst []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
}

// AppendStr appends a string.
func AppendStr(dst []byte, v string) []byte {
	n := len(v)
	switch {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, 0xd9, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xda), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xdb), uint32(n))
	}
	return append(dst, v...)
}

// AppendArray appends the head of an array of n values, which the caller appends next.
func AppendArray(dst []byte, n int) []byte {
	switch {
	case n < 16:
		return append(dst, 0x90|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xdd), uint32(n))
	}
}

// An elem is an element of a positional array.
type elem struct {
	kind Kind // KindNil, KindBin, KindStr, KindUint or KindBool
	b    []byte
	s    string
	n    uint64
}

func bin(b []byte) elem { return elem{kind: KindBin, b: b} }

// optional is bytes that may be nil.
func optional(b []byte) elem {
	if b == nil {
		return elem{kind: KindNil}
	}
	return bin(b)
}

func str(s string) elem { return elem{kind: KindStr, s: s} }

func num(n uint64) elem { return elem{kind: KindUint, n: n} }

func boolean(v bool) elem {
	e := elem{kind: KindBool}
	if v {
		e.n = 1
	}
	return e
}

// isDefault reports whether the element says what leaving it out would say.
func (e *elem) isDefault() bool {
	return len(e.s) == 0 && e.n == 0 && (e.kind != KindBin || e.b == nil)
}

// appendTuple appends an array of elements, without those at the end, beyond the first least, that have their
// default.
func appendTuple(dst []byte, least int, elems ...elem) []byte {
	n := len(elems)
	for n > least && elems[n-1].isDefault() {
		n--
	}
	dst = AppendArray(dst, n)
	for i := range elems[:n] {
		switch e := &elems[i]; e.kind {
		case KindBin:
			dst = AppendBin(dst, e.b)
		case KindStr:
			dst = AppendStr(dst, e.s)
		case KindUint:
			dst = AppendUint(dst, e.n)
		case KindBool:
			dst = AppendBool(dst, e.n == 1)
		default:
			dst = AppendNil(dst)
		}
	}
	return dst
}
