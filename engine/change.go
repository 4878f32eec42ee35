package engine

import (
	"bytes"
	"fmt"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
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
	Seq      uint64 // sequence number of the operation
	Kind     ChangeKind
	Key      []byte    // of a range delete its lower bound, inclusive; nil: it has none
	Value    []byte    // of a put, or the operand of a merge
	End      []byte    // of a range delete its upper bound, exclusive; nil: it has none
	Operator string    // of a merge
	Expires  time.Time // of a put that expires; else zero
}

// A feedWindow is the part of a keyspace that a feed shows.
type feedWindow struct {
	space        *space
	lower, upper []byte // stored keys from lower, inclusive, to upper, exclusive
}

// newFeedWindow returns the window of the keys of a space with a prefix.
func newFeedWindow(s *space, prefix []byte) feedWindow {
	lower, upper := s.bounds(prefix, key.Successor(prefix))
	return feedWindow{s, lower, upper}
}

// shows reports whether an operation on stored keys does anything within the window.
func (w *feedWindow) shows(kind key.Kind, k, v []byte) bool {
	if kind == key.KindRangeDelete {
		return bytes.Compare(k, w.upper) < 0 && bytes.Compare(v, w.lower) > 0
	}
	return bytes.Compare(k, w.lower) >= 0 && bytes.Compare(k, w.upper) < 0
}

// change makes a Change, but for its sequence number, of an operation on stored keys: for a range
// delete k is its start and v its end. It reports false if that does nothing within the window.
func (w *feedWindow) change(kind key.Kind, k, v []byte) (c Change, ok bool, err error) {
	if !w.shows(kind, k, v) {
		return c, false, nil
	}
	switch kind {
	case key.KindDelete:
		c.Kind = ChangeDelete
	case key.KindPut:
		c.Kind = ChangePut
	case key.KindPutWithExpiry:
		expiry, value, _ := key.SplitExpiring(v)
		c.Kind, c.Expires, v = ChangePut, time.Unix(0, expiry), value
	case key.KindMerge:
		c.Kind = ChangeMerge
		if c.Operator, v, err = merge.Operand(v); err != nil {
			return c, false, err
		}
	case key.KindRangeDelete:
		c.Kind = ChangeDeleteRange
		if bytes.Compare(k, w.space.lower) > 0 {
			c.Key = w.userKey(k)
		}
		if bytes.Compare(v, w.space.upper) < 0 {
			c.End = w.userKey(v)
		}
		return c, true, nil
	default:
		return c, false, fmt.Errorf("operation of kind %v: %w", kind, ErrNewerFormat)
	}
	c.Key = w.userKey(k)
	if kind != key.KindDelete {
		c.Value = append([]byte{}, v...)
	}
	return c, true, nil
}

// userKey returns a copy of a stored key as users know it.
func (w *feedWindow) userKey(k []byte) []byte { return bytes.Clone(w.space.user(k)) }
