package wal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/key"
)

var (
	// ErrMalformed is matched by the errors of DecodeOp for bytes that are no operation. A caller
	// that knows the file and the offset turns it into a corruption error; Recover does so with
	// what its callback returns.
	ErrMalformed = errors.New("malformed operation")
	// ErrNewerFormat is matched when a file or an operation has a version or a kind that this
	// version of middb does not know. The bytes are whole: a newer middb wrote them.
	ErrNewerFormat = errors.New("written by a newer version of middb")
)

// AppendPut appends the operation "k has value v" to dst. It allocates only when dst must grow.
func AppendPut(dst, k, v []byte) []byte {
	dst = append(dst, byte(key.KindPut))
	dst = binary.AppendUvarint(dst, uint64(len(k)))
	dst = append(dst, k...)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}

// AppendDelete appends the operation "k is gone" to dst. It allocates only when dst must grow.
func AppendDelete(dst, k []byte) []byte {
	dst = append(dst, byte(key.KindDelete))
	dst = binary.AppendUvarint(dst, uint64(len(k)))
	return append(dst, k...)
}

// DecodeOp takes the first operation off p: its kind, its key, its value (nil unless it is a put)
// and the bytes that follow it. Everything returned aliases p. Bytes that are no operation give an
// error that matches ErrMalformed, a kind from the future one that matches ErrNewerFormat.
func DecodeOp(p []byte) (kind key.Kind, k, v, rest []byte, err error) {
	if len(p) < 2 {
		return 0, nil, nil, nil, fmt.Errorf("%w: %d bytes left", ErrMalformed, len(p))
	}
	kind = key.Kind(p[0])
	if !kind.Known() {
		return kind, nil, nil, nil, fmt.Errorf("operation of kind %v: %w", kind, ErrNewerFormat)
	}
	k, rest, ok := cutBytes(p[1:])
	if !ok || len(k) == 0 || len(k) > key.MaxKeyBytes {
		return kind, nil, nil, nil, fmt.Errorf("%w: bad key length in %v", ErrMalformed, kind)
	}
	if kind == key.KindDelete {
		return kind, k, nil, rest, nil
	}
	v, rest, ok = cutBytes(rest)
	if !ok || len(v) > key.MaxValueBytes {
		return kind, nil, nil, nil, fmt.Errorf("%w: bad value length in %v", ErrMalformed, kind)
	}
	return kind, k, v, rest, nil
}

// cutBytes takes a length and that many bytes off p.
func cutBytes(p []byte) (b, rest []byte, ok bool) {
	if len(p) > 0 && p[0] < 0x80 { // most lengths have one byte
		n := int(p[0])
		if n > len(p)-1 {
			return nil, nil, false
		}
		return p[1 : 1+n : 1+n], p[1+n:], true
	}
	n, w := binary.Uvarint(p)
	if w <= 0 || n > uint64(len(p)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return p[w:end:end], p[end:], true
}
