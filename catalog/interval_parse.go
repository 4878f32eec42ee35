package catalog

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// ParseInterval returns the Interval that a text stands for: numbers with units (1 year 2 mons 3 days), hours, minutes and
// seconds (04:05:06.7), years and months (1-2), ISO 8601 (P1Y2M3DT4H5M6.7S), each part with a sign if it needs one, and ago
// at the end, which exchanges all signs. The unit is what SQL has behind the text, such as DAY or YEAR TO MONTH in any case,
// or empty: the last of its words is that of a number without one, which has seconds otherwise, and what is smaller is cut
// off. Errors are of type *TypeError.
func ParseInterval(text, unit string) (Value, error) {
	v, why := readInterval(text, unit)
	if why != "" {
		return Value{}, newTypeError(Type{Kind: Interval}, Str(text).given(), why)
	}
	return v, nil
}

// A span is an Interval that is being read.
type span struct{ months, days, micros *big.Rat }

// A unit is so many months, days and microseconds; only one of them is not 0.
type unit struct{ months, days, micros int64 }

var unitNames = func() map[string]unit {
	m := make(map[string]unit)
	for names, u := range map[string]unit{
		"y yr yrs year years":                            {months: 12},
		"mon mons month months":                          {months: 1},
		"dec decs decade decades":                        {months: 120},
		"c cent century centuries":                       {months: 1200},
		"mil mils millennium millennia":                  {months: 12000},
		"w week weeks":                                   {days: 7},
		"d day days":                                     {days: 1},
		"h hr hrs hour hours":                            {micros: 3600e6},
		"m min mins minute minutes":                      {micros: 60e6},
		"s sec secs second seconds":                      {micros: 1e6},
		"ms msec msecs msecond millisecond milliseconds": {micros: 1e3},
		"us usec usecs usecond microsecond microseconds": {micros: 1},
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = u
		}
	}
	return m
}()

// add adds n units. Fractions of months become days, of 30 a month, and those of days microseconds.
func (s *span) add(n *big.Rat, u unit) {
	scaled := func(by int64) *big.Rat { return new(big.Rat).Mul(n, new(big.Rat).SetInt64(by)) }
	switch {
	case u.months == 1:
		whole, rest := splitRat(n)
		s.months.Add(s.months, whole)
		s.add(rest.Mul(rest, big.NewRat(30, 1)), unit{days: 1})
	case u.months > 1: // a fraction of a year has whole months
		s.months.Add(s.months, roundRat(scaled(u.months)))
	case u.days > 0:
		whole, rest := splitRat(scaled(u.days))
		s.days.Add(s.days, whole)
		s.micros.Add(s.micros, rest.Mul(rest, new(big.Rat).SetInt64(dayMicros)))
	default:
		s.micros.Add(s.micros, scaled(u.micros))
	}
}

// splitRat returns the whole part of a number, towards zero, and what is left.
func splitRat(x *big.Rat) (whole, rest *big.Rat) {
	whole = new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
	return whole, new(big.Rat).Sub(x, whole)
}

// roundRat rounds half away from zero.
func roundRat(x *big.Rat) *big.Rat {
	half := big.NewRat(int64(x.Sign()), 2)
	whole, _ := splitRat(half.Add(half, x))
	return whole
}

// value returns the Interval.
func (s *span) value(negate bool) (v Value, why string) {
	parts := [3]int64{}
	for i, x := range []*big.Rat{s.months, s.days, s.micros} {
		if x = roundRat(x); negate {
			x.Neg(x)
		}
		if !x.Num().IsInt64() {
			return v, whyRange
		}
		parts[i] = x.Num().Int64()
	}
	if parts[0] != int64(int32(parts[0])) || parts[1] != int64(int32(parts[1])) {
		return v, whyRange
	}
	return IntervalOf(int32(parts[0]), int32(parts[1]), parts[2]), ""
}

func readInterval(text, units string) (v Value, why string) {
	text = strings.ToLower(strings.TrimSpace(text))
	s := &span{new(big.Rat), new(big.Rat), new(big.Rat)}
	if len(text) > 200 {
		return v, whyType
	}
	if rest, is := strings.CutPrefix(text, "p"); is {
		if !s.iso(rest) {
			return v, whyType
		}
		return s.value(false)
	}
	words := strings.Fields(strings.ToLower(units))
	text = strings.TrimSpace(strings.TrimPrefix(text, "@"))
	text, ago := strings.CutSuffix(text, "ago")
	if !s.parts(text, words) {
		return v, whyType
	}
	v, why = s.value(ago)
	if why == "" && len(words) > 0 {
		v = v.cutBelow(words[len(words)-1])
	}
	return v, why
}

// cutBelow leaves out what is smaller than a unit.
func (v Value) cutBelow(unit string) Value {
	months, days, micros := v.AsInterval()
	switch unit {
	case "year":
		return IntervalOf(months/12*12, 0, 0)
	case "month":
		return IntervalOf(months, 0, 0)
	case "day":
		return IntervalOf(months, days, 0)
	case "hour", "minute":
		return IntervalOf(months, days, micros-micros%unitNames[unit].micros)
	default:
		return v
	}
}

// parts reads numbers with units, one after the other.
func (s *span) parts(text string, words []string) bool {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return false
	}
	for i := 0; i < len(fields); i++ {
		number, name := splitUnit(fields[i])
		switch {
		case strings.Contains(number, ":"):
			if name != "" || !s.clock(number, words) {
				return false
			}
			continue
		case strings.LastIndexAny(number, "-") > 0:
			if name != "" || !s.yearMonth(number) {
				return false
			}
			continue
		case name == "" && i+1 < len(fields) && isLetter(fields[i+1][0]):
			i++
			name = fields[i]
		}
		for { // 1h30m
			rest := strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz")
			u, ok := unitNames[strings.TrimSuffix(name, rest)]
			if name == "" {
				u, ok = bareUnit(words), true
			}
			n, isNumber := readRat(number)
			if !ok || !isNumber {
				return false
			}
			s.add(n, u)
			if rest == "" {
				break
			}
			if number, name = splitUnit(rest); name == "" || number == "" {
				return false
			}
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// splitUnit returns a number, or what has colons, and the letters behind it.
func splitUnit(field string) (number, name string) {
	for i := range len(field) {
		if isLetter(field[i]) {
			return field[:i], field[i:]
		}
	}
	return field, ""
}

// bareUnit returns the unit of a number without one.
func bareUnit(words []string) unit {
	if len(words) == 0 {
		return unitNames["second"]
	}
	return unitNames[words[len(words)-1]]
}

// readRat reads digits with a sign and a point.
func readRat(s string) (*big.Rat, bool) {
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || strings.Trim(digits, "0123456789.") != "" || strings.Count(digits, ".") > 1 || strings.Trim(digits, ".") == "" {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// clock reads hours, minutes and seconds: 04:05:06.7 or 04:05, which is minutes and seconds if the unit says so.
func (s *span) clock(text string, words []string) bool {
	sign := int64(1)
	switch text[0] {
	case '-':
		sign, text = -1, text[1:]
	case '+':
		text = text[1:]
	}
	parts := strings.Split(text, ":")
	units := []string{"hour", "minute", "second"}
	if len(parts) == 2 && len(words) == 3 && words[0] == "minute" || len(parts) == 2 && strings.Contains(parts[1], ".") {
		units = units[1:]
	}
	if len(parts) > len(units) {
		return false
	}
	for i, part := range parts {
		n, ok := readRat(part)
		last := units[i] == "second"
		if !ok || strings.ContainsAny(part, "+-") || !n.IsInt() && !last || i > 0 && n.Cmp(big.NewRat(60, 1)) >= 0 {
			return false
		}
		s.add(n.Mul(n, big.NewRat(sign, 1)), unitNames[units[i]])
	}
	return true
}

// yearMonth reads 1-2.
func (s *span) yearMonth(text string) bool {
	sign := int64(1)
	if text[0] == '-' || text[0] == '+' {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	y, m, _ := strings.Cut(text, "-")
	years, err := strconv.ParseUint(y, 10, 31)
	months, err2 := strconv.ParseUint(m, 10, 31)
	if err != nil || err2 != nil || months > 11 || years > math.MaxInt32/12 {
		return false
	}
	s.add(big.NewRat(sign*int64(years*12+months), 1), unit{months: 1})
	return true
}

// iso reads what is behind the P: 1Y2M3W4DT5H6M7.8S.
func (s *span) iso(text string) bool {
	if text == "" || strings.HasSuffix(text, "t") {
		return false
	}
	days, clock, _ := strings.Cut(text, "t")
	for i, part := range []string{days, clock} {
		allowed := [2]string{"ymwd", "hms"}[i]
		for part != "" {
			at := strings.IndexAny(part, allowed)
			if at < 0 {
				return false
			}
			n, ok := readRat(part[:at])
			if !ok {
				return false
			}
			name := part[at : at+1]
			if i == 0 && name == "m" {
				name = "mon"
			}
			s.add(n, unitNames[name])
			part = part[at+1:]
		}
	}
	return true
}
