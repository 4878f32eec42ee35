package expr

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// AppendJSON appends a value as JSON, as TO_JSON has it: numbers and booleans as they are, JSON as its text, NULL as null,
// times as ISO 8601 has them, and everything else as text in quotes.
func AppendJSON(dst []byte, v catalog.Value) []byte {
	switch v.Kind() {
	case 0:
		return append(dst, "null"...)
	case catalog.Int64, catalog.Decimal, catalog.Bool, catalog.JSON:
		return v.AppendText(dst)
	case catalog.Float64:
		if f := v.AsFloat(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return v.AppendText(dst)
		}
	case catalog.Timestamp:
		return v.AsTime().AppendFormat(dst, `"2006-01-02T15:04:05.999999+00:00"`)
	default:
	}
	return appendQuoted(dst, v.String())
}

// appendQuoted appends a text in the quotes of JSON.
func appendQuoted(dst []byte, s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // it never is
		return append(dst, "null"...)
	}
	text := strings.TrimSuffix(b.String(), "\n")
	text = strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text)
	return append(dst, text...)
}

// builtJSON returns the value of text that was made.
func builtJSON(text []byte) (catalog.Value, error) {
	if len(text) > maxTextBytes {
		return catalog.Null(), tooMuchText()
	}
	v, err := catalog.JSONOf(string(text))
	if err != nil {
		return v, sqlstate.New(sqlstate.BadCharacter, -1, "the text cannot be in JSON: it is not UTF-8")
	}
	return v, nil
}

// toJSON binds TO_JSON, of anything.
func (b *Binder) toJSON(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	return foldCall(c, jsonType, unary(func(v catalog.Value) (catalog.Value, error) {
		return builtJSON(AppendJSON(nil, v))
	}), c.args...), nil
}

// jsonBuild binds JSON_BUILD_ARRAY and JSON_BUILD_OBJECT, which takes names and values by turns.
func (b *Binder) jsonBuild(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	colon := " : " // as PostgreSQL writes what it does not keep as a tree
	if strings.HasPrefix(c.name, "jsonb") {
		colon = ": "
	}
	if strings.HasSuffix(c.name, "array") {
		return foldCall(c, jsonType, each(func(args []catalog.Value) (catalog.Value, error) {
			text := []byte{'['}
			for i, v := range args {
				text = AppendJSON(append(text, ", "[:2*min(i, 1)]...), v)
			}
			return builtJSON(append(text, ']'))
		}), c.args...), nil
	}
	if len(c.args)%2 != 0 {
		return nil, sqlstate.New(sqlstate.InvalidParameter, c.at, "%s takes names and values by turns: the last name has no value", c.name)
	}
	return foldCall(c, jsonType, each(func(args []catalog.Value) (catalog.Value, error) {
		text := []byte{'{'}
		for i := 0; i < len(args); i += 2 {
			if args[i].IsNull() {
				return catalog.Null(), sqlstate.New(sqlstate.NullNotAllowed, -1, "NULL cannot be a name in JSON")
			}
			text = appendQuoted(append(text, ", "[:2*min(i, 1)]...), args[i].String())
			text = AppendJSON(append(text, colon...), args[i+1])
		}
		return builtJSON(append(text, '}'))
	}), c.args...), nil
}

// jsonStripNulls takes members out of objects that are null, at all depths, and space with them.
func jsonStripNulls(args []catalog.Value) (catalog.Value, error) {
	return catalog.JSONOf(string(stripNulls(nil, jsonTrim(args[0].AsString()))))
}

func stripNulls(dst []byte, text string) []byte {
	switch text[0] {
	case '{':
		dst = append(dst, '{')
		first := true
		for key, value := range jsonMembers(text) {
			if value == "null" {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = stripNulls(append(append(dst, key...), ':'), value)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, value := range jsonElements(text) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = stripNulls(dst, value)
		}
		return append(dst, ']')
	default:
		return append(dst, text...)
	}
}
