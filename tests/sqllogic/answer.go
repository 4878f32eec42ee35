package sqllogic

import (
	"crypto/md5" //nolint:gosec // the corpus has MD5 sums
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
)

// answer prints rows as the record has them: value by value, sorted as it says.
func answer(r *Record, rows [][]catalog.Value) ([]string, error) {
	printed := make([][]string, len(rows))
	for i, row := range rows {
		if len(row) != len(r.Types) {
			return nil, fmt.Errorf("the query has %d columns, the record %d", len(row), len(r.Types))
		}
		printed[i] = make([]string, len(row))
		for j, v := range row {
			printed[i][j] = show(v, r.Types[j])
		}
	}
	if r.Sort == RowSort {
		slices.SortStableFunc(printed, slices.Compare)
	}
	values := slices.Concat(printed...)
	if r.Sort == ValueSort {
		slices.Sort(values)
	}
	return values, nil
}

// show prints a value as a type of a record.
func show(v catalog.Value, as byte) string {
	switch {
	case v.IsNull():
		return "NULL"
	case as == 'I':
		return integer(v)
	case as == 'R':
		return strconv.FormatFloat(real(v), 'f', 3, 64)
	default:
		return printable(v.String())
	}
}

func integer(v catalog.Value) string {
	switch v.Kind() {
	case catalog.Int64:
		return strconv.FormatInt(v.AsInt(), 10)
	case catalog.Bool:
		if v.AsBool() {
			return "1"
		}
		return "0"
	case catalog.Decimal:
		n, scale := v.AsDecimal()
		for ; scale > 0; scale-- {
			n /= 10
		}
		return strconv.FormatInt(n, 10)
	case catalog.Float64:
		return strconv.FormatInt(int64(v.AsFloat()), 10)
	default:
		return strconv.FormatInt(leading(v.String()), 10)
	}
}

// real returns a number as a float.
func real(v catalog.Value) float64 {
	if v.Kind().Numeric() {
		return v.AsFloat()
	}
	f, _ := strconv.ParseFloat(v.String(), 64)
	return f
}

// leading returns the number at the beginning of a text, or 0, as the C function atoi does.
func leading(s string) int64 {
	s = strings.TrimLeft(s, " ")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return n
}

func printable(s string) string {
	if s == "" {
		return "(empty)"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '@'
		}
		return r
	}, s)
}

// digest returns how the corpus writes many values.
func digest(values []string) string {
	sum := md5.New() //nolint:gosec // the corpus has MD5 sums
	for _, v := range values {
		sum.Write([]byte(v))
		sum.Write([]byte{'\n'})
	}
	return fmt.Sprintf("%d values hashing to %s", len(values), hex.EncodeToString(sum.Sum(nil)))
}

// check returns what is wrong with an answer, or nothing.
func check(r *Record, got []string) string {
	switch {
	case r.Want == nil:
		return ""
	case len(r.Want) == 1 && strings.Contains(r.Want[0], " values hashing to "):
		if d := digest(got); d != r.Want[0] {
			return fmt.Sprintf("want %s\ngot  %s: %s", r.Want[0], d, preview(got))
		}
	case !slices.Equal(got, r.Want):
		return fmt.Sprintf("want %s\ngot  %s", preview(r.Want), preview(got))
	}
	return ""
}

// preview shows the first values.
func preview(values []string) string {
	const most = 12
	if len(values) > most {
		return fmt.Sprintf("%s ... (%d values)", strings.Join(values[:most], " | "), len(values))
	}
	return strings.Join(values, " | ")
}
