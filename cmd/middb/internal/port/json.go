package port

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// appendArray appends the JSON array of the fields.
func appendArray(dst []byte, fields [][]byte) []byte {
	dst = append(dst, '[')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, f)
	}
	return append(dst, ']')
}

// appendObject appends the JSON object of names, each already encoded, and fields.
func appendObject(dst []byte, names [][]byte, fields [][]byte) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, names[i]...)
		dst = append(dst, ':')
		dst = appendString(dst, f)
	}
	return append(dst, '}')
}

// appendString appends s, which is UTF-8, as a JSON string. Only what must be is escaped.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i, c := range s {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

var errNotUTF8 = errors.New("not UTF-8")

// A member is one field of a JSON object or, with no name, one element of an array.
type member struct {
	name string
	raw  json.RawMessage
}

// errNotRow says that a value is neither an object nor an array.
var errNotRow = errors.New("not a JSON object or array")

// parseMembers returns the members of the one JSON object or array in text, in order, and whether
// it is an object. Two members of one name are an error.
func parseMembers(text []byte) (members []member, object bool, err error) {
	if !utf8.Valid(text) {
		return nil, false, errNotUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	first, err := dec.Token()
	if err != nil {
		return nil, false, jsonError(err)
	}
	open, _ := first.(json.Delim)
	if object = open == '{'; !object && open != '[' {
		return nil, false, errNotRow
	}
	for dec.More() {
		var m member
		if object {
			name, err := dec.Token()
			if err != nil {
				return nil, true, jsonError(err)
			}
			m.name, _ = name.(string)
		}
		if err := dec.Decode(&m.raw); err != nil {
			return nil, object, jsonError(err)
		}
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, object, jsonError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, object, errors.New("not JSON: more text after the value")
	}
	if object {
		if err := checkNames(members); err != nil {
			return nil, true, err
		}
	}
	return members, object, nil
}

func checkNames(members []member) error {
	seen := make(map[string]struct{}, len(members))
	for _, m := range members {
		if _, dup := seen[m.name]; dup {
			return fmt.Errorf("two fields named %q", m.name)
		}
		seen[m.name] = struct{}{}
	}
	return nil
}

func jsonError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not JSON: it ends too early")
	}
	return fmt.Errorf("not JSON: %w", err)
}

// text returns what a member is in a csv or tsv cell.
func (m member) text() ([]byte, error) {
	switch m.raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(m.raw, &s); err != nil {
			return nil, jsonError(err)
		}
		return []byte(s), nil
	case 'n': // null
		return nil, nil
	case '{', '[':
		var out bytes.Buffer
		if err := json.Compact(&out, m.raw); err != nil {
			return nil, jsonError(err)
		}
		return out.Bytes(), nil
	default: // true, false, a number
		return m.raw, nil
	}
}
