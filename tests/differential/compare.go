package differential

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Normal returns the rows of an answer as texts that are equal for equal rows, whichever database printed them, in an order
// that does not depend on that of the answer. A nil value is NULL, numbers are compared as such.
func Normal(rows [][]any) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		values := make([]string, len(row))
		for j, v := range row {
			values[j] = normal(v)
		}
		all[i] = strings.Join(values, " | ")
	}
	slices.Sort(all)
	return all
}

func normal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return strconv.Quote(v)
	case []byte:
		return strconv.Quote(string(v))
	case bool:
		if v {
			return "1"
		}
		return "0"
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', 12, 64)
	default:
		return fmt.Sprint(v)
	}
}

// Differ says how two answers differ, in their first few rows, or nothing.
func Differ(one, other []string) string {
	if slices.Equal(one, other) {
		return ""
	}
	return fmt.Sprintf("one has %d rows more: %s\nthe other %d: %s", len(one)-len(other), without(one, other), len(other)-len(one), without(other, one))
}

// without returns some of the rows that one answer has and another does not.
func without(rows, others []string) string {
	left := map[string]int{}
	for _, o := range others {
		left[o]++
	}
	var more []string
	for _, r := range rows {
		if left[r]--; left[r] < 0 && len(more) < 5 {
			more = append(more, "("+r+")")
		}
	}
	return strings.Join(more, " ")
}
