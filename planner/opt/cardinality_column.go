package opt

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// against returns which part of the rows satisfies a comparison of a column, of which nothing may be known, with something.
func (e *estimator) against(k *column, op expr.Op, y *expr.Node) float64 {
	nulls, distinct := defaultNull, 0.0
	if k != nil {
		nulls, distinct = k.nulls, k.distinct
	}
	known := y.Op == expr.OpConstant
	if known && y.Value.IsNull() {
		switch op {
		case expr.OpNotDistinct:
			return nulls
		case expr.OpDistinct:
			return 1 - nulls
		default:
			return 0
		}
	}
	equal := defaultEqual
	if distinct > 0 {
		equal = (1 - nulls) / max(1, distinct)
	}
	if k != nil && k.statistics != nil && known {
		equal = k.equalTo(y.Value)
	}
	switch op {
	case expr.OpEqual, expr.OpNotDistinct:
		return equal
	case expr.OpNotEqual:
		return max(0, 1-nulls-equal)
	case expr.OpDistinct:
		return max(0, 1-equal)
	default:
	}
	if k == nil || k.statistics == nil || !known || len(k.statistics.Bounds)+len(k.statistics.Common) == 0 {
		return defaultRange
	}
	return k.range_(op, y.Value)
}

// equalTo returns which part of the rows has a value.
func (k *column) equalTo(v catalog.Value) float64 {
	s := k.statistics
	rest := 1 - s.Nulls
	for i, c := range s.Common {
		if catalog.Compare(c, v) == 0 {
			return s.Frequency[i]
		}
		rest -= s.Frequency[i]
	}
	others := max(1, k.distinct-float64(len(s.Common)))
	equal := max(0, rest) / others
	if n := len(s.Bounds); n > 0 && (catalog.Compare(v, s.Bounds[0]) < 0 || catalog.Compare(v, s.Bounds[n-1]) > 0) {
		return equal / 10 // unless it came after the table was analyzed
	}
	if len(s.Common) > 0 {
		equal = min(equal, s.Frequency[len(s.Frequency)-1]) // or it would be among them
	}
	return equal
}

// range_ returns which part of the rows is below or above a value.
func (k *column) range_(op expr.Op, v catalog.Value) float64 {
	s := k.statistics
	below, equal, common := 0.0, 0.0, 0.0
	for i, c := range s.Common {
		common += s.Frequency[i]
		switch o := catalog.Compare(c, v); {
		case o < 0:
			below += s.Frequency[i]
		case o == 0:
			equal = s.Frequency[i]
		}
	}
	rest := max(0, 1-s.Nulls-common)
	below += rest * histogramBelow(s.Bounds, v)
	if equal == 0 && len(s.Common) == 0 {
		equal = k.equalTo(v)
	}
	all := 1 - s.Nulls
	switch op {
	case expr.OpLess:
		return clamp(below, all)
	case expr.OpLessEqual:
		return clamp(below+equal, all)
	case expr.OpGreater:
		return clamp(all-below-equal, all)
	default:
		return clamp(all-below, all)
	}
}

// clamp keeps a part of rows away from nothing: statistics are of a sample.
func clamp(part, all float64) float64 { return min(all, max(part, 1e-4)) }

// histogramBelow returns which part of the values of a histogram is below v.
func histogramBelow(bounds []catalog.Value, v catalog.Value) float64 {
	n := len(bounds)
	if n < 2 {
		return 0.5
	}
	at := sort.Search(n, func(i int) bool { return catalog.Compare(bounds[i], v) >= 0 }) // the first that is not below
	switch at {
	case 0:
		return 0
	case n:
		return 1
	}
	within := position(bounds[at-1], bounds[at], v)
	return (float64(at-1) + within) / float64(n-1)
}

// position returns where between two values a third one is: 0 to 1.
func position(low, high, v catalog.Value) float64 {
	l, h, x := number(low), number(high), number(v)
	if low.Kind() == catalog.String && high.Kind() == catalog.String && v.Kind() == catalog.String {
		l, h, x = textNumbers(low.AsString(), high.AsString(), v.AsString())
	}
	if !(h > l) {
		return 0.5
	}
	return min(1, max(0, (x-l)/(h-l)))
}

// number returns a value as a number that grows with it.
func number(v catalog.Value) float64 {
	switch v.Kind() {
	case catalog.Date, catalog.Timestamp:
		return float64(v.AsInt())
	case catalog.Bool:
		if v.AsBool() {
			return 1
		}
		return 0
	default:
		return v.AsFloat()
	}
}

// textNumbers returns texts as numbers, without what all of them begin with.
func textNumbers(texts ...string) (l, h, x float64) {
	common := texts[0]
	for _, t := range texts[1:] {
		for !strings.HasPrefix(t, common) {
			common = common[:len(common)-1]
		}
	}
	var numbers [3]float64
	for i, t := range texts {
		scale := 1.0
		for _, c := range []byte(t[len(common):min(len(t), len(common)+6)]) {
			scale /= 256
			numbers[i] += scale * float64(c)
		}
	}
	return numbers[0], numbers[1], numbers[2]
}

// like returns which part of the rows is like a pattern: those that begin as it does, and fewer for each letter that follows.
func (e *estimator) like(n *expr.Node) float64 {
	k, pattern := e.columnOf(n.Args[0]), n.Args[1]
	if pattern.Op != expr.OpConstant || len(n.Args) > 2 {
		return defaultLike
	}
	prefix, exact := likePrefix(pattern.Value.AsString())
	if exact {
		return e.against(k, expr.OpEqual, expr.Constant(catalog.Str(prefix), pattern.Type))
	}
	part := 1.0
	if prefix != "" {
		part = defaultLike
		if k != nil && k.statistics != nil && len(k.statistics.Bounds) > 1 {
			part = k.range_(expr.OpGreaterEqual, catalog.Str(prefix))
			if above, ok := abovePrefix(prefix); ok {
				part = max(1e-4, part+k.range_(expr.OpLess, catalog.Str(above))-(1-k.nulls))
			}
			part = max(part, k.begins(prefix))
		}
	}
	rest := strings.Trim(pattern.Value.AsString()[min(len(prefix), len(pattern.Value.AsString())):], "%")
	for range min(len(rest), 8) {
		part *= 0.6
	}
	return part
}

// begins returns about which part of the values begins with a prefix, by those bounds of the histogram that do. Between two
// bounds, texts are not spread as evenly as numbers: few of the letters that could follow do.
func (k *column) begins(prefix string) float64 {
	s := k.statistics
	count := -0.5
	for _, b := range s.Bounds {
		if b.Kind() == catalog.String && strings.HasPrefix(b.AsString(), prefix) {
			count++
		}
	}
	rest := 1 - s.Nulls
	for _, f := range s.Frequency {
		rest -= f
	}
	return max(0, rest) * max(0, count) / float64(len(s.Bounds))
}

// likePrefix returns what all texts begin with that are like a pattern, whose escape is a backslash. It reports whether
// only that text itself is.
func likePrefix(pattern string) (prefix string, exact bool) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '%', '_':
			return b.String(), false
		case '\\':
			if i++; i == len(pattern) {
				return b.String(), false
			}
			b.WriteByte(pattern[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// abovePrefix returns the least text above all that begin with a prefix, of which there may be none.
func abovePrefix(prefix string) (string, bool) {
	r := []rune(prefix)
	for i := len(r) - 1; i >= 0; i-- {
		switch {
		case r[i] == 0xd7ff: // no text has what follows
			return string(r[:i]) + "\ue000", true
		case r[i] < utf8.MaxRune:
			return string(append(r[:i:i], r[i]+1)), true
		}
	}
	return "", false
}
