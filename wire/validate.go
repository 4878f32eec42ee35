package wire

import "encoding/binary"

// Limits of what [Validate] lets pass.
const (
	MaxDepth    = 32        // arrays and maps in one another
	MaxElements = 1_000_000 // values in a body, keys of maps included
)

// Validate checks that body is exactly one msgpack value that is safe to decode: lengths lie within the body,
// nesting and the number of values are bounded, keys of maps are strings, and there are no extension types. It
// neither recurses nor allocates. Every body that comes from a peer passes it before anything is decoded, because
// decoders, also the one that this package uses for maps, allocate what a length says and recurse as deep as a
// body nests. The error is an [Error] with ErrBadMessage, and says where.
func Validate(body []byte) error {
	var (
		left     [MaxDepth]int  // values still to come of each open container
		isMap    [MaxDepth]bool // where a key comes whenever an even number is left
		depth    int
		elements int
	)
	for at := 0; ; {
		// Containers that are complete close; the outermost one ends the body.
		for depth > 0 && left[depth-1] == 0 {
			depth--
		}
		if depth == 0 && elements > 0 {
			if at != len(body) {
				return Errorf(ErrBadMessage, "%d bytes after the end of the message, at byte %d", len(body)-at, at)
			}
			return nil
		}
		if elements++; elements > MaxElements {
			return Errorf(ErrBadMessage, "more than %d values", MaxElements)
		}
		h, ok := parseHead(body[at:])
		if !ok {
			return Errorf(ErrBadMessage, "an unknown or unfinished value at byte %d", at)
		}
		if depth > 0 {
			if isMap[depth-1] && left[depth-1]%2 == 0 && h.kind != KindStr {
				return Errorf(ErrBadMessage, "the key of a map is %v, not a string, at byte %d", h.kind, at)
			}
			left[depth-1]--
		}
		rest := len(body) - at - h.bytes
		at += h.bytes
		switch h.kind {
		case KindStr, KindBin:
			if h.n > rest {
				return Errorf(ErrBadMessage, "a length of %d at byte %d with %d bytes left", h.n, at-h.bytes, rest)
			}
			at += h.n
		case KindArray, KindMap:
			n := h.n
			if h.kind == KindMap {
				n *= 2
			}
			if n > rest { // each takes a byte at least
				return Errorf(ErrBadMessage, "%d values announced at byte %d with %d bytes left", n, at-h.bytes, rest)
			}
			if depth == MaxDepth {
				return Errorf(ErrBadMessage, "nested more than %d deep at byte %d", MaxDepth, at-h.bytes)
			}
			left[depth], isMap[depth] = n, h.kind == KindMap
			depth++
		default: // the head is all of it
		}
	}
}

// A Kind is what a msgpack value is.
type Kind uint8

// The kinds of values.
const (
	KindNone  Kind = iota // there is no value, or none that the protocol knows
	KindNil               // nothing
	KindBool              // true or false
	KindUint              // an integer that is not negative
	KindInt               // a negative integer
	KindFloat             // a number with 32 or 64 bits
	KindStr               // UTF-8 text, by promise of the sender
	KindBin               // bytes
	KindArray             // values
	KindMap               // values under strings
)

var kindNames = [...]string{
	"nothing", "nil", "a boolean", "an unsigned integer", "a negative integer", "a float", "a string", "bytes", "an array", "a map",
}

// String returns the kind with its article.
func (k Kind) String() string { return kindNames[k] }

// A head is the first bytes of a value: all of it, but for the bytes of strings and the values of containers.
type head struct {
	kind  Kind
	bytes int    // length of the head
	n     int    // bytes of a string, values of an array, pairs of a map; a boolean as 0 or 1
	bits  uint64 // of a number: its bits; integers sign-extended
}

// headBytes has how long the heads from 0xc0 to 0xdf are; 0: not known.
var headBytes = [32]uint8{
	1, 0, 1, 1, 2, 3, 5, 0, 0, 0, 5, 9, 2, 3, 5, 9,
	2, 3, 5, 9, 0, 0, 0, 0, 0, 2, 3, 5, 3, 5, 3, 5,
}

// parseHead reads the head of the value that b begins with. It reports false if there is no whole head, or one of a type
// that the protocol does not use.
func parseHead(b []byte) (head, bool) {
	if len(b) == 0 {
		return head{}, false
	}
	c := b[0]
	switch {
	case c < 0x80:
		return head{kind: KindUint, bytes: 1, bits: uint64(c)}, true
	case c < 0x90:
		return head{kind: KindMap, bytes: 1, n: int(c & 0x0f)}, true
	case c < 0xa0:
		return head{kind: KindArray, bytes: 1, n: int(c & 0x0f)}, true
	case c < 0xc0:
		return head{kind: KindStr, bytes: 1, n: int(c & 0x1f)}, true
	case c >= 0xe0:
		return head{kind: KindInt, bytes: 1, bits: uint64(int64(int8(c)))}, true
	}
	size := int(headBytes[c-0xc0])
	if size == 0 || len(b) < size {
		return head{}, false
	}
	var x uint64
	switch size {
	case 2:
		x = uint64(b[1])
	case 3:
		x = uint64(binary.BigEndian.Uint16(b[1:]))
	case 5:
		x = uint64(binary.BigEndian.Uint32(b[1:]))
	case 9:
		x = binary.BigEndian.Uint64(b[1:])
	}
	h := head{bytes: size, n: int(x), bits: x}
	switch c {
	case 0xc0:
		h.kind = KindNil
	case 0xc2, 0xc3:
		h.kind, h.n = KindBool, int(c-0xc2)
	case 0xc4, 0xc5, 0xc6:
		h.kind = KindBin
	case 0xca, 0xcb:
		h.kind = KindFloat
	case 0xcc, 0xcd, 0xce, 0xcf:
		h.kind = KindUint
	case 0xd0, 0xd1, 0xd2, 0xd3:
		shift := 64 - 8*(size-1)
		h.bits = uint64(int64(x<<shift) >> shift)
		h.kind = KindUint
		if int64(h.bits) < 0 {
			h.kind = KindInt
		}
	case 0xd9, 0xda, 0xdb:
		h.kind = KindStr
	case 0xdc, 0xdd:
		h.kind = KindArray
	case 0xde, 0xdf:
		h.kind = KindMap
	}
	return h, true
}
