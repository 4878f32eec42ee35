package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A numberFormat is a format of TO_CHAR for numbers, taken apart.
type numberFormat struct {
	cells          []string // what is printed, one by one: digits 9 and 0, points, groups, signs and text
	before, after  int      // places before and behind the point
	firstZero      int      // the first place before the point, from the left, that is a 0; -1: none
	lastZero       int      // the last place behind the point that is a 0, counted from 1
	bare           bool     // FM
	signed         bool     // there is a sign that was placed: S, MI, SG or PR
	brackets       bool     // PR
	roman, science bool
	shift          int // places of V
}

var numberPatterns = []string{"EEEE", "FM", "PR", "MI", "PL", "SG", "RN", "TH", "th", ".", ",", "D", "G", "S", "L", "V", "9", "0"}

// parseNumberFormat takes a format apart.
func parseNumberFormat(s string) (*numberFormat, error) {
	f := &numberFormat{firstZero: -1}
	point, shifted := false, false
	for s != "" {
		if s[0] == '"' {
			text, rest, _ := strings.Cut(s[1:], `"`)
			f.cells, s = append(f.cells, `"`+text), rest
			continue
		}
		pattern, upper := `"`+s[:1], strings.ToUpper(s[:min(4, len(s))])
		for _, p := range numberPatterns {
			if strings.HasPrefix(s, p) || p != "th" && p != "TH" && strings.HasPrefix(upper, p) {
				pattern = p
				break
			}
		}
		s = s[len(strings.TrimPrefix(pattern, `"`)):]
		switch pattern {
		case "9", "0":
			switch {
			case shifted:
				f.shift++
				f.before++
			case point:
				f.after++
			default:
				f.before++
			}
			if pattern == "0" && !point && f.firstZero < 0 {
				f.firstZero = f.before - 1
			}
			if pattern == "0" && point {
				f.lastZero = f.after
			}
		case ".", "D":
			if point || shifted {
				return nil, badFormat("it has two points")
			}
			point, pattern = true, "."
		case ",", "G":
			pattern = ","
		case "V":
			if point || shifted {
				return nil, badFormat("V cannot stand with a point")
			}
			shifted = true
			continue
		case "FM":
			f.bare = true
			continue
		case "S", "MI", "SG":
			f.signed = true
		case "PR":
			f.signed, f.brackets = true, true
			continue
		case "RN":
			f.roman = true
			continue
		case "EEEE":
			f.science = true
			continue
		}
		f.cells = append(f.cells, pattern)
	}
	return f, nil
}

func badFormat(why string) error {
	return sqlstate.New(sqlstate.SyntaxError, -1, "the format of numbers is not possible: %s", why)
}

func numberToChar(v, w catalog.Value) (catalog.Value, error) {
	f, err := parseNumberFormat(w.AsString())
	if err != nil {
		return catalog.Null(), err
	}
	switch {
	case f.roman:
		return catalog.Str(f.romanNumber(v)), nil
	case f.science:
		return catalog.Str(f.scientific(v)), nil
	}
	digits, negative, fits := f.rounded(v)
	if !fits {
		return catalog.Str(f.print(strings.Repeat("#", f.before+f.after), negative)), nil
	}
	return catalog.Str(f.print(digits, negative)), nil
}

// rounded returns the digits of a number with as many places behind the point as the format has, and without the point;
// before it are as many as the format has, with zeros in front.
func (f *numberFormat) rounded(v catalog.Value) (digits string, negative, fits bool) {
	var text string
	switch v.Kind() {
	case catalog.Float64:
		x := v.AsFloat()
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "", false, false
		}
		text = fmt.Sprintf("%.*f", f.after, math.Abs(x)*math.Pow10(f.shift))
		negative = x < 0
	default:
		d := fixedOf(v)
		number := widen64(d.n)
		negative, number.negative = number.negative, false
		for range f.shift {
			number = number.ten()
		}
		scale := int(d.scale)
		for ; scale < f.after; scale++ {
			if number.hi > 1<<58 {
				return "", negative, false
			}
			number = number.ten()
		}
		if scale > f.after {
			unit := wide{lo: pow10[scale-f.after]}
			q, rest := number.divide(unit)
			if halfAway(false, rest, unit) {
				q = q.plus(wide{lo: 1})
			}
			number = q
		}
		text = number.String()
		if len(text) <= f.after {
			text = strings.Repeat("0", f.after+1-len(text)) + text
		}
		text = text[:len(text)-f.after] + "." + text[len(text)-f.after:]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if whole = strings.TrimLeft(whole, "0"); len(whole) > f.before {
		return "", negative, false
	}
	digits = strings.Repeat("0", f.before-len(whole)) + whole + fraction
	return digits, negative && strings.Trim(digits, "0") != "", true
}

// String returns the digits of the amount.
func (w wide) String() string {
	if w.hi == 0 {
		return fmt.Sprint(w.lo)
	}
	q, rest := w.divide(wide{lo: pow10[19]})
	return q.String() + fmt.Sprintf("%019d", rest.lo)
}

// print lays the digits out.
func (f *numberFormat) print(digits string, negative bool) string {
	first := strings.IndexFunc(digits[:f.before], func(r rune) bool { return r != '0' }) // of those that are printed
	if first < 0 {
		first = f.before
	}
	if f.firstZero >= 0 {
		first = min(first, f.firstZero)
	}
	last := f.before + f.after // the digits behind the point that are printed
	if f.bare {
		last = f.before + len(strings.TrimRight(digits[f.before:], "0"))
		last = max(last, f.before+f.lastZero)
	}
	if first == f.before && last == f.before && f.before > 0 { // of 0 one is left
		first--
	}
	var out strings.Builder
	at, sign := 0, !f.signed // the sign that stands before the first digit is still to come
	floating := false        // S at the beginning moves to the first digit
	blank := func() { out.WriteString(f.blank()) }
	before := func() { // the first digit
		switch {
		case f.brackets && negative:
			out.WriteByte('<')
			f.brackets = false
		case f.brackets:
			blank()
			f.brackets = false
		case floating && negative, sign && negative:
			out.WriteByte('-')
		case floating:
			out.WriteByte('+')
		case sign:
			blank()
		}
		floating, sign = false, false
	}
	closing := f.brackets
	for i, c := range f.cells {
		switch c {
		case "9", "0":
			switch {
			case at < first:
				blank()
			case at < last:
				before()
				out.WriteByte(digits[at])
			case !f.bare:
				out.WriteByte(' ')
			}
			at++
		case ".":
			before()
			out.WriteByte('.')
		case ",":
			if at > first && at > 0 {
				out.WriteByte(',')
			} else {
				blank()
			}
		default:
			if c == "S" && i == 0 {
				floating = true
				continue
			}
			f.printOther(&out, c, digits, negative)
		}
	}
	if sign || floating {
		before()
	}
	if closing && negative {
		out.WriteByte('>')
	} else if closing {
		blank()
	}
	return out.String()
}

// blank returns what stands where nothing is.
func (f *numberFormat) blank() string {
	if f.bare {
		return ""
	}
	return " "
}

// printOther prints what is neither a digit nor between them.
func (f *numberFormat) printOther(out *strings.Builder, c, digits string, negative bool) {
	pick := func(minus, plus string) {
		s := plus
		if negative {
			s = minus
		}
		if f.bare {
			s = strings.TrimSpace(s)
		}
		out.WriteString(s)
	}
	switch c {
	case "S", "SG":
		pick("-", "+")
	case "MI":
		pick("-", " ")
	case "PL":
		pick(" ", "+")
	case "L":
		pick(" ", " ")
	case "TH", "th":
		if !negative && f.after == 0 {
			out.WriteString(ordinalOf(digits, c))
		}
	default:
		out.WriteString(strings.TrimPrefix(c, `"`))
	}
}

// scientific returns 1.23e+04, with as many places as the format has.
func (f *numberFormat) scientific(v catalog.Value) string {
	s := fmt.Sprintf("%.*e", f.after, v.AsFloat())
	if v.AsFloat() >= 0 {
		return " " + s
	}
	return s
}

// romanNumber returns a Roman number, of 15 characters.
func (f *numberFormat) romanNumber(v catalog.Value) string {
	n := int64(math.RoundToEven(v.AsFloat()))
	if !(v.AsFloat() >= 0.5 && v.AsFloat() < 3999.5) {
		return strings.Repeat("#", 15)
	}
	out := ""
	for _, part := range []struct {
		n     int64
		roman string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for ; n >= part.n; n -= part.n {
			out += part.roman
		}
	}
	if f.bare {
		return out
	}
	return fmt.Sprintf("%15s", out)
}
