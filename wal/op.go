package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
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

// AppendPut appends the operation "k has value v" to dst. Like all that append operations, it
// allocates only when dst must grow.
func AppendPut(dst, k, v []byte) []byte {
	return appendBytes(appendBytes(append(dst, byte(key.KindPut)), k), v)
}

// AppendPutWithExpiry appends the operation "k has value v until expiry", in nanoseconds since 1970.
func AppendPutWithExpiry(dst, k []byte, expiry int64, v []byte) []byte {
	dst = appendBytes(append(dst, byte(key.KindPutWithExpiry)), k)
	dst = binary.AppendUvarint(dst, uint64(key.ExpiringBytes(len(v))))
	return key.AppendExpiring(dst, expiry, v)
}

// AppendDelete appends the operation "k is gone".
func AppendDelete(dst, k []byte) []byte {
	return appendBytes(append(dst, byte(key.KindDelete)), k)
}

// AppendTreePut appends the operation "k has value v in its B+Tree".
func AppendTreePut(dst, k, v []byte) []byte {
	return appendBytes(appendBytes(append(dst, byte(key.KindTreePut)), k), v)
}

// AppendTreeDelete appends the operation "k is gone from its B+Tree".
func AppendTreeDelete(dst, k []byte) []byte {
	return appendBytes(append(dst, byte(key.KindTreeDelete)), k)
}

// AppendTreeClear appends the operation "the B+Tree all of whose keys begin with prefix is empty".
func AppendTreeClear(dst, prefix []byte) []byte {
	return appendBytes(append(dst, byte(key.KindTreeClear)), prefix)
}

// AppendRangeDelete appends the operation "all keys from start, inclusive, to end, exclusive, are gone".
// It requires start < end.
func AppendRangeDelete(dst, start, end []byte) []byte {
	return appendBytes(appendBytes(append(dst, byte(key.KindRangeDelete)), start), end)
}

// AppendMerge appends the operation "the value of k changes by the merge list". See package merge.
func AppendMerge(dst, k, list []byte) []byte {
	return appendBytes(appendBytes(append(dst, byte(key.KindMerge)), k), list)
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// DecodeOp takes the first operation off p: its kind, its key, its value and the bytes that follow it.
// The value is nil in a delete and in a clear, the end of a range delete whose start is the key, and otherwise what
// an entry of the kind stores: with the expiry, or a merge list. Everything returned aliases p. Bytes that
// are no operation give an error that matches ErrMalformed, a kind from the future one that matches
// ErrNewerFormat.
func DecodeOp(p []byte) (kind key.Kind, k, v, rest []byte, err error) {
	if len(p) < 2 {
		return 0, nil, nil, nil, fmt.Errorf("%w: %d bytes left", ErrMalformed, len(p))
	}
	kind = key.Kind(p[0])
	if !kind.Known() {
		return kind, nil, nil, nil, fmt.Errorf("operation of kind %v: %w", kind, ErrNewerFormat)
	}
	k, rest, ok := cutBytes(p[1:])
	if !ok || len(k) == 0 || len(k) > key.MaxStoredKeyBytes {
		return kind, nil, nil, nil, fmt.Errorf("%w: bad key length in %v", ErrMalformed, kind)
	}
	if kind == key.KindDelete || kind == key.KindTreeDelete || kind == key.KindTreeClear {
		return kind, k, nil, rest, nil
	}
	v, rest, ok = cutBytes(rest)
	if !ok || len(v) > key.MaxStoredValueBytes {
		return kind, nil, nil, nil, fmt.Errorf("%w: bad value length in %v", ErrMalformed, kind)
	}
	if kind != key.KindPut && kind != key.KindTreePut {
		if err := checkValue(kind, k, v); err != nil {
			return kind, nil, nil, nil, fmt.Errorf("%w: %w in %v", ErrMalformed, err, kind)
		}
	}
	return kind, k, v, rest, nil
}

// checkValue verifies the value of an operation that is no put.
func checkValue(kind key.Kind, k, v []byte) error {
	switch kind {
	case key.KindRangeDelete:
		if bytes.Compare(k, v) >= 0 || len(v) > key.MaxStoredKeyBytes {
			return errors.New("bad end")
		}
	case key.KindPutWithExpiry:
		if _, _, ok := key.SplitExpiring(v); !ok {
			return errors.New("no expiry")
		}
	case key.KindMerge:
		return merge.CheckList(v)
	default:
	}
	return nil
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
