package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/wal"
)

// ChangeKind says what a Change does.
type ChangeKind uint8

// The kinds of changes.
const (
	ChangePut         ChangeKind = iota + 1 // Key has Value, until Expires if that is not zero
	ChangeDelete                            // Key is gone
	ChangeDeleteRange                       // everything from Key, inclusive, to End, exclusive, is gone
	ChangeMerge                             // Value is merged into what Key has
)

// String returns the name of the kind.
func (k ChangeKind) String() string {
	switch k {
	case ChangePut:
		return "put"
	case ChangeDelete:
		return "delete"
	case ChangeDeleteRange:
		return "delete range"
	case ChangeMerge:
		return "merge"
	default:
		return fmt.Sprintf("change %d", uint8(k))
	}
}

// A Change is one operation of a commit. Its slices belong to whoever received it.
type Change struct {
	Seq     uint64 // sequence number of the operation
	Kind    ChangeKind
	Key     []byte
	Value   []byte    // of a put or merge
	End     []byte    // of a range delete
	Expires time.Time // of a put that expires; else zero
}

// A feedWindow is the part of the stored keys that a feed shows.
type feedWindow struct {
	lower, upper []byte // stored keys from lower, inclusive, to upper, exclusive; nil: no bound
}

// change makes a Change, but for its sequence number, of an operation on stored keys: for a range
// delete k is its start and v its end. It reports false if that does nothing within the window.
func (w *feedWindow) change(kind key.Kind, k, v []byte) (c Change, ok bool, err error) {
	end := k // the last key that it touches
	if kind == key.KindRangeDelete {
		end = v
	}
	if w.upper != nil && bytes.Compare(k, w.upper) >= 0 ||
		bytes.Compare(end, w.lower) < 0 || kind == key.KindRangeDelete && bytes.Equal(end, w.lower) {
		return c, false, nil
	}
	c.Key = w.userKey(k)
	switch kind {
	case key.KindDelete:
		c.Kind = ChangeDelete
		return c, true, nil
	case key.KindRangeDelete:
		c.Kind, c.End = ChangeDeleteRange, w.userKey(v)
		return c, true, nil
	case key.KindMerge:
		c.Kind = ChangeMerge
	case key.KindPutWithExpiry:
		if len(v) < expiryBytes {
			return c, false, fmt.Errorf("%w: a put with an expiry that is cut short", wal.ErrMalformed)
		}
		c.Kind, c.Expires = ChangePut, time.Unix(0, int64(binary.LittleEndian.Uint64(v)))
		v = v[expiryBytes:]
	case key.KindPut:
		c.Kind = ChangePut
	default:
		return c, false, fmt.Errorf("operation of kind %v: %w", kind, ErrNewerFormat)
	}
	c.Value = append([]byte{}, v...)
	return c, true, nil
}

// expiryBytes is the length of the expiry that a stored value begins with, in nanoseconds since 1970.
const expiryBytes = 8

// userKey returns a copy of a stored key as users know it.
func (*feedWindow) userKey(k []byte) []byte { return bytes.Clone(k) }
