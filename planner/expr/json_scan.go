package expr

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
)

// What is here reads text that is known to be JSON, since values of that type were checked when they were made. Of other
// text it makes something, but neither panics nor runs on.

const jsonSpace = " \t\r\n"

// jsonTrim takes space off both ends. It returns null of an empty text.
func jsonTrim(text string) string {
	if text = strings.Trim(text, jsonSpace); text == "" {
		return "null"
	}
	return text
}

// jsonEnd returns how long the value is with which the text begins.
func jsonEnd(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += jsonQuoted(text[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth == 0 { // a number or a word
				for i < len(text) && !strings.ContainsRune(",:}]"+jsonSpace, rune(text[i])) {
					i++
				}
				return max(i, 1)
			}
			continue
		}
		if depth <= 0 {
			return i + 1
		}
	}
	return len(text)
}

// jsonQuoted returns how long the quoted text is with which the text begins.
func jsonQuoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// jsonNext returns the value with which the text begins, and what is behind it and the space around it.
func jsonNext(text string) (value, rest string) {
	text = strings.TrimLeft(text, jsonSpace)
	if text == "" {
		return "null", ""
	}
	end := jsonEnd(text)
	return text[:end], strings.TrimLeft(text[end:], jsonSpace)
}

// jsonElements returns the values of an array.
func jsonElements(text string) []string {
	rest := strings.Trim(text[1:len(text)-min(1, len(text)-1)], jsonSpace)
	var list []string
	for rest != "" {
		var value string
		value, rest = jsonNext(rest)
		list = append(list, value)
		rest = strings.TrimPrefix(rest, ",")
	}
	return list
}

// jsonMembers iterates over the members of an object: names in their quotes, and values.
func jsonMembers(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		rest := strings.Trim(text[1:len(text)-min(1, len(text)-1)], jsonSpace)
		for rest != "" {
			var key, value string
			key, rest = jsonNext(rest)
			value, rest = jsonNext(strings.TrimPrefix(rest, ":"))
			if !yield(key, value) {
				return
			}
			rest = strings.TrimPrefix(rest, ",")
		}
	}
}

// jsonString returns the text that is in quotes.
func jsonString(quoted string) string {
	if !strings.Contains(quoted, `\`) && len(quoted) >= 2 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if json.Unmarshal([]byte(quoted), &s) != nil {
		return quoted
	}
	return s
}

// jsonContains reports whether one JSON contains another: an object all members of the other one, an array all elements
// in any order, each of which contains its counterpart; others must be equal. At the top, an array contains a value too.
func jsonContains(text, part string, top bool) bool {
	text, part = jsonTrim(text), jsonTrim(part)
	switch {
	case text[0] == '{' && part[0] == '{':
		for key, value := range jsonMembers(part) {
			found, ok := jsonMember(text, jsonString(key))
			if !ok || !jsonContains(found, value, false) {
				return false
			}
		}
		return true
	case text[0] == '[' && part[0] == '[':
		return jsonContainsAll(jsonElements(text), jsonElements(part))
	case text[0] == '[' && top && part[0] != '{':
		return jsonContainsAll(jsonElements(text), []string{part})
	default:
		return jsonEqualScalars(text, part)
	}
}

func jsonContainsAll(list, parts []string) bool {
	for _, part := range parts {
		if !slices.ContainsFunc(list, func(x string) bool { return jsonContains(x, part, false) }) {
			return false
		}
	}
	return true
}

// jsonEqualScalars compares what is neither an object nor an array. Numbers are compared by what they are.
func jsonEqualScalars(x, y string) bool {
	numeric := func(c byte) bool { return c == '-' || c >= '0' && c <= '9' }
	switch {
	case x[0] == '"' && y[0] == '"':
		return jsonString(x) == jsonString(y)
	case numeric(x[0]) && numeric(y[0]):
		return jsonNumber(x) == jsonNumber(y)
	default:
		return x == y && x[0] != '{' && x[0] != '['
	}
}

// A canonical number is its digits, without zeros at either end, and of which power of ten the last one is.
type canonical struct {
	negative bool
	digits   string
	power    int64
}

func jsonNumber(s string) canonical {
	var c canonical
	s, c.negative = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exponent := json.Number(strings.TrimPrefix(s[i+1:], "+"))
		c.power, _ = exponent.Int64()
		s = s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	c.power -= int64(len(fraction))
	c.digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(c.digits, "0")
	c.power += int64(len(c.digits) - len(trimmed))
	if c.digits = trimmed; trimmed == "" {
		return canonical{}
	}
	return c
}
