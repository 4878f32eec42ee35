package merge

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/middb/middb/key"
)

// Types of items. On disk; never renumber.
const (
	itemNothing  = 0
	itemValue    = 1
	itemExpiring = 2
	itemOperand  = 3
	itemGivenUp  = 4
)

// An item is a part of a merge list. Its slices alias the list or memory of its own.
type item struct {
	typ     byte
	name    []byte // of an operand's operator
	content []byte
}

// Complete reports whether a merge list says all about its key, so that older entries do not matter.
func Complete(list []byte) bool { return len(list) > 0 && list[0] != itemOperand }

// AppendOperand appends the merge list of a single operand: what a user writes. The name must be that of a
// registered operator.
func AppendOperand(dst []byte, operator string, operand []byte) []byte {
	return appendItem(dst, item{itemOperand, []byte(operator), operand})
}

// Operand takes the merge list of a single operand apart. The operand aliases the list.
func Operand(list []byte) (operator string, operand []byte, err error) {
	items, err := parse(nil, list)
	if err != nil {
		return "", nil, err
	}
	if len(items) != 1 || items[0].typ != itemOperand {
		return "", nil, fmt.Errorf("%w: it is not one operand", ErrMalformed)
	}
	return string(items[0].name), items[0].content, nil
}

func appendItem(dst []byte, it item) []byte {
	dst = append(dst, it.typ)
	switch it.typ {
	case itemNothing, itemGivenUp:
		return dst
	case itemOperand:
		dst = append(append(dst, byte(len(it.name))), it.name...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(it.content)))
	return append(dst, it.content...)
}

func appendItems(dst []byte, items []item) []byte {
	for _, it := range items {
		dst = appendItem(dst, it)
	}
	return dst
}

// Format prints a merge list for people: its base, if it has one, and its operands, long ones cut short.
func Format(list []byte) string {
	const most = 8
	items, err := parse(nil, list)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for i, it := range items {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(items)-most))
			break
		}
		parts = append(parts, it.String())
	}
	return strings.Join(parts, ", ")
}

// String prints what an entry says, for people, long values cut short.
func (e Entry) String() string {
	switch e.Kind {
	case key.KindMerge:
		return Format(e.Value)
	case key.KindPutWithExpiry:
		return item{typ: itemExpiring, content: e.Value}.String()
	case key.KindPut:
		return quote(e.Value)
	default:
		return "nothing"
	}
}

// String prints an item.
func (it item) String() string {
	switch it.typ {
	case itemNothing:
		return "nothing"
	case itemGivenUp:
		return "given up"
	case itemExpiring:
		expiry, v, _ := key.SplitExpiring(it.content)
		return quote(v) + " until " + key.FormatTime(expiry)
	case itemOperand:
		if n, err := Count(it.content); err == nil && string(it.name) == Counter {
			return fmt.Sprintf("%s %+d", Counter, n)
		}
		return key.Format(it.name) + " " + quote(it.content)
	default:
		return quote(it.content)
	}
}

// quote prints bytes, the first of them if they are many.
func quote(b []byte) string {
	const most = 64
	if len(b) <= most {
		return `"` + key.Format(b) + `"`
	}
	return `"` + key.Format(b[:most]) + `..."`
}

// CheckList verifies that bytes are a merge list.
func CheckList(list []byte) error {
	_, err := parse(nil, list)
	return err
}

// parse appends the items of a list to dst.
func parse(dst []item, list []byte) ([]item, error) {
	if len(list) == 0 {
		return dst, fmt.Errorf("%w: it is empty", ErrMalformed)
	}
	for first := true; len(list) > 0; first = false {
		it := item{typ: list[0]}
		rest := list[1:]
		if it.typ > itemGivenUp || it.typ != itemOperand && !first {
			return dst, fmt.Errorf("%w: item of type %d", ErrMalformed, it.typ)
		}
		if it.typ == itemOperand {
			if len(rest) == 0 || rest[0] == 0 || int(rest[0]) >= len(rest) {
				return dst, fmt.Errorf("%w: bad operator name", ErrMalformed)
			}
			n := 1 + int(rest[0])
			it.name, rest = rest[1:n], rest[n:]
		}
		if it.typ != itemNothing && it.typ != itemGivenUp {
			n, w := binary.Uvarint(rest)
			if w <= 0 || n > uint64(len(rest)-w) {
				return dst, fmt.Errorf("%w: bad length", ErrMalformed)
			}
			it.content, rest = rest[w:w+int(n):w+int(n)], rest[w+int(n):]
		}
		if _, _, ok := key.SplitExpiring(it.content); it.typ == itemExpiring && !ok {
			return dst, fmt.Errorf("%w: bad expiry", ErrMalformed)
		}
		dst = append(dst, it)
		list = rest
	}
	return dst, nil
}

// Expiry returns when what an entry says of its key changes by itself, in nanoseconds since 1970: when its value
// is gone but for what was merged into it. It is 0 if that never happens.
func Expiry(e Entry) int64 {
	stored := e.Value
	if e.Kind == key.KindMerge {
		items, err := parse(nil, e.Value)
		if err != nil || items[0].typ != itemExpiring {
			return 0
		}
		stored = items[0].content
	} else if e.Kind != key.KindPutWithExpiry {
		return 0
	}
	expiry, _, _ := key.SplitExpiring(stored)
	return expiry
}
