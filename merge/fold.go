package merge

import (
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

// Combine returns the entry that says what older and then newer say. The result's value is one of theirs, or
// is appended to dst.
func (o *Operators) Combine(dst []byte, older, newer Entry) Entry {
	if !newer.incomplete() {
		return newer
	}
	return o.Fold(dst, []Entry{newer, older})
}

// Fold returns the entry that says what entries of one key say together: newest first, all but the last
// incomplete merges. The result's value is one of theirs, or is appended to dst.
func (o *Operators) Fold(dst []byte, entries []Entry) Entry {
	if len(entries) == 1 {
		return entries[0]
	}
	var items []item
	for i := len(entries) - 1; i >= 0; i-- {
		var err error
		if items, err = appendEntry(items, entries[i]); err != nil {
			return entries[i] // damage: whoever reads it is told
		}
	}
	return pack(dst, o.reduce(items))
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

// reduce folds neighbours in place, as far as they can be.
func (o *Operators) reduce(items []item) []item {
	out := items[:1]
	for _, next := range items[1:] {
		if out[0].typ == itemGivenUp {
			break
		}
		last := &out[len(out)-1]
		if merged, ok := o.pair(*last, next); ok {
			*last = merged
		} else {
			out = append(out, next)
		}
	}
	return out
}

// pair folds an operand into the item before it.
func (o *Operators) pair(last, next item) (item, bool) {
	switch {
	case last.typ == itemNothing:
		return item{typ: itemValue, content: next.content}, o.registered(next.name)
	case last.typ == itemExpiring, last.typ == itemOperand && string(last.name) != string(next.name):
		return item{}, false
	case len(last.content)+len(next.content) > 2*key.MaxValueBytes:
		return item{typ: itemGivenUp}, true
	}
	v, err := o.apply(nil, next.name, last.content, next.content)
	switch {
	case err != nil:
		return item{}, false
	case len(v) > key.MaxValueBytes:
		return item{typ: itemGivenUp}, true
	}
	return item{typ: last.typ, name: last.name, content: v}, true
}

// registered reports whether an operator is; a value is not made with one that is unknown.
func (o *Operators) registered(name []byte) bool {
	_, err := o.find(name)
	return err == nil
}

// pack makes an entry of reduced items.
func pack(dst []byte, items []item) Entry {
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
	n := len(dst)
	dst = appendItems(dst, items)
	if len(dst)-n > key.MaxStoredValueBytes {
		dst = append(dst[:n], itemGivenUp)
	}
	return Entry{key.KindMerge, dst[n:len(dst):len(dst)]}
}

// Finish returns the entry as a compaction at time now, in nanoseconds since 1970, should keep it: what has
// expired is a delete. With bottom set nothing older than it exists. The result's value is that of e, or
// is appended to dst.
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
		return pack(dst, o.reduce(items))
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
	var value []byte
	present := false
	switch first := items[0]; first.typ {
	case itemGivenUp:
		return dst, false, fmt.Errorf("%w: the value grew beyond %d bytes", ErrOperator, key.MaxValueBytes)
	case itemValue:
		value, present = first.content, true
	case itemExpiring:
		expiry, v, _ := key.SplitExpiring(first.content)
		value, present = v, expiry > now
	}
	if items[0].typ != itemOperand {
		items = items[1:]
	}
	for _, it := range items {
		if !present {
			if _, err := o.find(it.name); err != nil {
				return dst, false, err
			}
			value, present = it.content, true
			continue
		}
		if value, err = o.apply(nil, it.name, value, it.content); err != nil {
			return dst, false, err
		}
		if len(value) > key.MaxValueBytes {
			return dst, false, fmt.Errorf("%w: the value grew beyond %d bytes", ErrOperator, key.MaxValueBytes)
		}
	}
	return append(dst, value...), present, nil
}
