package merge

import (
	"errors"
	"fmt"

	"github.com/middb/middb/key"
)

// An Entry is what a source says of a key, without the key: a kind that is key.Kind.Point, and the stored
// value.
type Entry struct {
	Kind  key.Kind
	Value []byte
}

// incomplete reports whether older entries matter.
func (e Entry) incomplete() bool { return e.Kind == key.KindMerge && !Complete(e.Value) }

// Combine returns the entry that says what older and then newer say. Its value is one of theirs or else new,
// for which it uses the room behind the end of dst.
func (o *Operators) Combine(dst []byte, older, newer Entry) Entry {
	if !newer.incomplete() {
		return newer
	}
	return o.Fold(dst, []Entry{newer, older})
}

// Fold returns the entry that says what entries of one key say together: newest first, all but the last
// incomplete merges. Its value is as that of Combine.
func (o *Operators) Fold(dst []byte, entries []Entry) Entry {
	if len(entries) == 1 {
		return entries[0]
	}
	var few [8]item
	items := few[:0]
	for i := len(entries) - 1; i >= 0; i-- {
		var err error
		if items, err = appendEntry(items, entries[i]); err != nil {
			return entries[i] // damage: whoever reads it is told
		}
	}
	r := reduction{ops: o, room: dst[len(dst):]}
	return r.pack(r.reduce(items))
}

// appendEntry appends an entry as items.
func appendEntry(items []item, e Entry) ([]item, error) {
	switch e.Kind {
	case key.KindMerge:
		return parse(items, e.Value)
	case key.KindPut:
		return append(items, item{typ: itemValue, content: e.Value}), nil
	case key.KindPutWithExpiry:
		return append(items, item{typ: itemExpiring, content: e.Value}), nil
	default:
		return append(items, item{typ: itemNothing}), nil
	}
}

// A reduction folds items.
type reduction struct {
	ops  *Operators
	room []byte // memory for what comes out, empty
}

// reduce folds neighbours in place, as far as they can be. It folds each half first, so that a value
// that grows is not copied for each operand.
func (r *reduction) reduce(items []item) []item {
	if len(items) < 2 {
		return items
	}
	left, right := r.reduce(items[:len(items)/2]), r.reduce(items[len(items)/2:])
	last := &left[len(left)-1]
	for len(right) > 0 {
		merged, err := r.pair(*last, right[0])
		if err != nil {
			break
		}
		*last, right = merged, right[1:]
		if merged.typ == itemGivenUp {
			items[0] = merged // whatever comes before and after it
			return items[:1]
		}
	}
	return append(left, right...)
}

var errApart = errors.New("the two stay apart")

// pair folds an operand into the item before it. The error says why it cannot be.
func (r *reduction) pair(last, next item) (item, error) {
	switch {
	case last.typ == itemGivenUp || next.typ == itemGivenUp:
		return item{typ: itemGivenUp}, nil
	case last.typ == itemExpiring, last.typ == itemOperand && string(last.name) != string(next.name):
		return item{}, errApart
	}
	op, err := r.ops.find(next.name)
	if err != nil {
		return item{}, err
	}
	if last.typ == itemNothing {
		return item{typ: itemValue, content: next.content}, nil
	}
	v, err := op.Merge(r.room, last.content, next.content)
	if err != nil {
		return item{}, fmt.Errorf("%w: operator %q: %w", ErrOperator, next.name, err)
	}
	if len(v) > r.ops.limit() {
		return item{typ: itemGivenUp}, nil
	}
	if len(v) <= cap(r.room) {
		r.room = r.room[len(v):len(v):cap(r.room)]
	}
	return item{typ: last.typ, name: last.name, content: v[:len(v):len(v)]}, nil
}

// pack makes an entry of reduced items.
func (r *reduction) pack(items []item) Entry {
	if len(items) == 1 {
		switch items[0].typ {
		case itemNothing:
			return Entry{Kind: key.KindDelete}
		case itemValue:
			return Entry{key.KindPut, items[0].content}
		case itemExpiring:
			return Entry{key.KindPutWithExpiry, items[0].content}
		}
	}
	list := appendItems(r.room, items)
	if len(list) > r.ops.limit()+listBytes {
		list = append(list[:0], itemGivenUp)
	}
	return Entry{key.KindMerge, list[:len(list):len(list)]}
}

// Finish returns the entry as a compaction at time now, in nanoseconds since 1970, should keep it: what has
// expired is a delete. With bottom set nothing older than it exists. Its value is as that of Combine.
func (o *Operators) Finish(dst []byte, e Entry, now int64, bottom bool) Entry {
	switch e.Kind {
	case key.KindPutWithExpiry:
		if expired(e.Value, now) {
			return Entry{Kind: key.KindDelete}
		}
	case key.KindMerge:
		items, err := parse(nil, e.Value)
		if err != nil {
			return e
		}
		switch {
		case items[0].typ == itemExpiring && expired(items[0].content, now):
			items[0] = item{typ: itemNothing}
		case bottom && items[0].typ == itemOperand:
			items = append([]item{{typ: itemNothing}}, items...)
		default:
			return e
		}
		r := reduction{ops: o, room: dst[len(dst):]}
		return r.pack(r.reduce(items))
	default:
	}
	return e
}

// expired reports whether a stored value with expiry is gone at time now.
func expired(stored []byte, now int64) bool {
	expiry, _, ok := key.SplitExpiring(stored)
	return ok && expiry <= now
}

// Resolve returns what a user sees at time now of an entry that nothing older exists beside: whether there is
// a value, which is appended to dst.
func (o *Operators) Resolve(dst []byte, e Entry, now int64) (v []byte, present bool, err error) {
	switch e.Kind {
	case key.KindPut:
		return append(dst, e.Value...), true, nil
	case key.KindPutWithExpiry:
		expiry, v, ok := key.SplitExpiring(e.Value)
		if !ok {
			return dst, false, fmt.Errorf("%w: a value of %d bytes has no expiry", ErrMalformed, len(e.Value))
		}
		if expiry <= now {
			return dst, false, nil
		}
		return append(dst, v...), true, nil
	case key.KindMerge:
		return o.resolveList(dst, e.Value, now)
	default:
		return dst, false, nil
	}
}

func (o *Operators) resolveList(dst, list []byte, now int64) ([]byte, bool, error) {
	items, err := parse(nil, list)
	if err != nil {
		return dst, false, err
	}
	switch first := &items[0]; {
	case first.typ == itemOperand:
		items = append([]item{{typ: itemNothing}}, items...)
	case first.typ == itemExpiring && expired(first.content, now):
		*first = item{typ: itemNothing}
	case first.typ == itemExpiring:
		_, v, _ := key.SplitExpiring(first.content)
		*first = item{typ: itemValue, content: v}
	}
	r := reduction{ops: o}
	for items = r.reduce(items); len(items) > 1; items = items[1:] {
		if items[1], err = r.pair(items[0], items[1]); err != nil {
			return dst, false, err
		}
	}
	switch items[0].typ {
	case itemGivenUp:
		return dst, false, fmt.Errorf("%w: the value grew beyond %d bytes", ErrOperator, o.limit())
	case itemNothing:
		return dst, false, nil
	default:
		return append(dst, items[0].content...), true, nil
	}
}
