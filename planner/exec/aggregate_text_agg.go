package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// mostTextBytes is how long a text can get that is made of the rows of a group.
const mostTextBytes = 1 << 29

// joined is the text of a group so far.
type joined struct {
	text []byte
	seen bool
}

// joins is STRING_AGG, JSON_AGG and JSON_OBJECT_AGG, which put texts together.
type joins struct {
	groups []joined
	size   int64
	kind   catalog.Kind
	// append appends a row to the text of a group that has seen others, or has not.
	append      func(dst []byte, seen bool, args []*catalog.Vector, row int32) ([]byte, error)
	open, close string // around the whole
}

func (a *joins) grow(n int) { a.groups = grown(a.groups, n) }

func (a *joins) add(args []*catalog.Vector, rows, groups []int32) error {
	for i, g := range groups {
		s := &a.groups[g]
		before := cap(s.text)
		var err error
		if s.text, err = a.append(s.text, s.seen, args, rows[i]); err != nil {
			return err
		}
		s.seen = true
		a.size += int64(cap(s.text) - before)
		if len(s.text) > mostTextBytes {
			return sqlstate.New(sqlstate.TooLarge, -1, "the text of a group is longer than %s", bytesText(mostTextBytes))
		}
	}
	return nil
}

func (a *joins) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	if !s.seen {
		return catalog.Null(), nil
	}
	one := catalog.Vector{Kind: a.kind, Texts: []string{a.open + string(s.text) + a.close}}
	return one.Value(0), nil
}

func (a *joins) bytes() int64 { return 32*int64(cap(a.groups)) + a.size }

func (a *joins) reset() {
	clear(a.groups)
	a.groups, a.size = a.groups[:0], 0
}

// appendSeparated is STRING_AGG(text, separator).
func appendSeparated(dst []byte, seen bool, args []*catalog.Vector, row int32) ([]byte, error) {
	if seen && !args[1].IsNull(int(row)) {
		dst = append(dst, args[1].Texts[row]...)
	}
	return append(dst, args[0].Texts[row]...), nil
}

// appendElement is JSON_AGG(value).
func appendElement(dst []byte, seen bool, args []*catalog.Vector, row int32) ([]byte, error) {
	if seen {
		dst = append(dst, ", "...)
	}
	return appendJSON(dst, args[0].Value(int(row))), nil
}

// appendMember is JSON_OBJECT_AGG(name, value).
func appendMember(dst []byte, seen bool, args []*catalog.Vector, row int32) ([]byte, error) {
	if seen {
		dst = append(dst, ", "...)
	}
	name := args[0].Value(int(row))
	if name.IsNull() {
		return dst, sqlstate.New(sqlstate.InvalidParameter, -1, "the name of a member of a JSON object is NULL").
			WithHint("leave such rows out: FILTER (WHERE ... IS NOT NULL)")
	}
	dst = append(appendQuoted(dst, name.String()), " : "...)
	return appendJSON(dst, args[1].Value(int(row))), nil
}

// appendJSON appends a value as JSON has it.
func appendJSON(dst []byte, v catalog.Value) []byte {
	switch v.Kind() {
	case 0:
		return append(dst, "null"...)
	case catalog.Int64, catalog.Decimal, catalog.Bool, catalog.JSON:
		return append(dst, v.String()...)
	case catalog.Float64:
		if f := v.AsFloat(); f-f == 0 {
			return append(dst, v.String()...)
		}
	case catalog.Timestamp:
		text := []byte(v.String())
		for i, c := range text {
			if c == ' ' {
				text[i] = 'T'
			}
		}
		return append(append(append(dst, '"'), text...), `:00"`...)
	default:
	}
	return appendQuoted(dst, v.String())
}

// appendQuoted appends a text in quotes.
func appendQuoted(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"')
}
