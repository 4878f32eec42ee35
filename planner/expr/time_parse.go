package expr

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// toTimestamp binds TO_TIMESTAMP(text, format), and TO_TIMESTAMP(seconds since 1970).
func (b *Binder) toTimestamp(c *call) (*Node, error) {
	if len(c.args) == 2 {
		return simple(timestampType, func(args []catalog.Value) (catalog.Value, error) {
			t, err := parseTime(args[0].AsString(), args[1].AsString())
			if err != nil {
				return catalog.Null(), err
			}
			return timestamp(t.UnixMicro())
		})(b, c)
	}
	return simple(timestampType, func(args []catalog.Value) (catalog.Value, error) {
		micros := math.RoundToEven(args[0].AsFloat() * 1e6)
		if !(math.Abs(micros) < math.MaxInt64) {
			return catalog.Null(), noTimestamp()
		}
		return timestamp(int64(micros))
	}, floatType)(b, c)
}

func toDate(args []catalog.Value) (catalog.Value, error) {
	t, err := parseTime(args[0].AsString(), args[1].AsString())
	if err != nil {
		return catalog.Null(), err
	}
	return checkedDate(t.Truncate(24*time.Hour).Unix() / secondsOfDay)
}

// A timeReader reads a time by a format.
type timeReader struct {
	rest                string
	year, month, day    int
	dayOfYear, julian   int
	hour, minute        int
	second, micros      int
	century             int
	afternoon, halves   bool // PM; the clock has twelve hours
	zoneHours, zoneMins int
}

// parseTime reads a text by a format, as PostgreSQL does: what separates parts in one may be anything else in the other.
func parseTime(text, format string) (time.Time, error) {
	r := timeReader{rest: text, month: 1, day: 1}
	pieces := timeFormat(format)
	for i, p := range pieces {
		if p.pattern == "" {
			r.separator(p.text)
			continue
		}
		r.rest = strings.TrimLeft(r.rest, " \t\n")
		if r.rest == "" {
			break
		}
		open := i+1 == len(pieces) || pieces[i+1].pattern == "" && !isWordCharacter(pieces[i+1].text)
		if err := r.read(p, open || p.bare); err != nil {
			return time.Time{}, err
		}
		if p.ordinal != "" {
			r.rest = r.rest[min(2, len(r.rest)):]
		}
	}
	return r.time()
}

func isWordCharacter(s string) bool {
	c := s[0]
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// separator takes one character off, if it is like that of the format.
func (r *timeReader) separator(s string) {
	if isWordCharacter(s) {
		r.rest = r.rest[min(1, len(r.rest)):]
		return
	}
	r.rest = strings.TrimLeft(r.rest, " \t\n")
	if s[0] != ' ' && r.rest != "" && !isWordCharacter(r.rest) && r.rest[0] != '+' {
		r.rest = r.rest[1:]
	}
}

// number reads digits, no more than there should be unless open.
func (r *timeReader) number(p piece, width int, open bool) (int, error) {
	most := width
	if open {
		most = 9
	}
	n := 0
	for n < len(r.rest) && n < most && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	if n == 0 {
		return 0, r.invalid(p)
	}
	v, _ := strconv.Atoi(r.rest[:n])
	r.rest = r.rest[n:]
	return v, nil
}

func (r *timeReader) invalid(p piece) error {
	return sqlstate.New(sqlstate.InvalidDatetime, -1, "%q is not what %s stands for", shorten(r.rest), p.pattern)
}

// word reads one of some words in any case, or their first letters, and returns its place.
func (r *timeReader) word(p piece, words []string, letters int) (int, error) {
	for i, w := range words {
		if letters > 0 {
			w = w[:min(letters, len(w))]
		}
		if len(r.rest) >= len(w) && strings.EqualFold(r.rest[:len(w)], w) {
			r.rest = r.rest[len(w):]
			return i, nil
		}
	}
	return 0, r.invalid(p)
}

var monthNames, dayNames = func() (m, d []string) {
	for i := time.January; i <= time.December; i++ {
		m = append(m, i.String())
	}
	for i := time.Sunday; i <= time.Saturday; i++ {
		d = append(d, i.String())
	}
	return m, d
}()

// timeWidths are how many digits patterns have that are numbers.
var timeWidths = map[string]int{
	"YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "MM": 2, "DD": 2, "DDD": 3, "HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SS": 2,
	"SSSS": 5, "SSSSS": 5, "J": 7, "Q": 1, "D": 1, "ID": 1, "W": 1, "WW": 2, "CC": 2,
}

// read reads what a pattern stands for.
func (r *timeReader) read(p piece, open bool) (err error) {
	if width, is := timeWidths[p.pattern]; is {
		var n int
		if n, err = r.number(p, width, open); err == nil {
			r.set(p.pattern, n)
		}
		return err
	}
	if p.pattern == "MS" || p.pattern == "US" || p.pattern[0] == 'F' {
		return r.fraction(p)
	}
	switch p.pattern {
	case "MONTH", "MON":
		letters := 0
		if p.pattern == "MON" {
			letters = 3
		}
		r.month, err = r.word(p, monthNames, letters)
		r.month++
	case "RM":
		r.month, err = r.word(p, []string{"VIII", "VII", "VI", "IV", "IX", "III", "II", "XII", "XI", "I", "V", "X"}, 0)
		r.month = [...]int{8, 7, 6, 4, 9, 3, 2, 12, 11, 1, 5, 10}[r.month]
	case "DAY":
		_, err = r.word(p, dayNames, 0)
	case "DY":
		_, err = r.word(p, dayNames, 3)
	case "AM", "PM", "A.M.", "P.M.":
		var which int
		which, err = r.word(p, []string{"A.M.", "P.M.", "AM", "PM"}, 0)
		r.halves, r.afternoon = true, which%2 == 1
	case "AD", "A.D.":
		_, err = r.word(p, []string{"A.D.", "AD"}, 0)
	case "Y,YYY":
		err = r.thousands(p)
	case "TZH", "OF":
		err = r.zone(p)
	case "TZM":
		r.zoneMins, err = r.number(p, 2, false)
	default:
		return sqlstate.New(sqlstate.NotSupported, -1, "the pattern %s is not supported for reading", p.pattern)
	}
	return err
}

// set keeps a number.
func (r *timeReader) set(pattern string, n int) {
	switch pattern {
	case "YYYY":
		r.year = n
	case "YYY", "YY", "Y":
		switch { // years of few digits are near 2020
		case n < 70:
			n += 2000
		case n < 100:
			n += 1900
		case n < 520:
			n += 2000
		case n < 1000:
			n += 1000
		}
		r.year = n
	case "MM":
		r.month = n
	case "DD":
		r.day = n
	case "DDD":
		r.dayOfYear = n
	case "HH24":
		r.hour = n
	case "HH12", "HH":
		r.hour, r.halves = n, true
	case "MI":
		r.minute = n
	case "SS":
		r.second = n
	case "SSSS", "SSSSS":
		r.hour, r.minute, r.second = n/3600, n/60%60, n%60
	case "J":
		r.julian = n
	case "CC":
		r.century = n
	default: // days of the week and quarters say nothing
	}
}

// thousands reads 2,026.
func (r *timeReader) thousands(p piece) error {
	n, err := r.number(p, 3, false)
	if err != nil || !strings.HasPrefix(r.rest, ",") {
		return r.invalid(p)
	}
	r.rest = r.rest[1:]
	low, err := r.number(p, 3, false)
	r.year = n*1000 + low
	return err
}

// fraction reads a fraction of a second.
func (r *timeReader) fraction(p piece) error {
	width := map[string]int{"MS": 3, "US": 6}[p.pattern]
	if width == 0 {
		width = int(p.pattern[2] - '0')
	}
	before := len(r.rest)
	n, err := r.number(p, width, false)
	for i := before - len(r.rest); i < 6; i++ {
		n *= 10
	}
	r.micros = n
	return err
}

// zone reads hours, and perhaps minutes, that a time is ahead of UTC.
func (r *timeReader) zone(p piece) error {
	sign := 1
	if r.rest[0] == '-' || r.rest[0] == '+' {
		if r.rest[0] == '-' {
			sign = -1
		}
		r.rest = r.rest[1:]
	}
	n, err := r.number(p, 2, false)
	r.zoneHours = sign * n
	if err == nil && p.pattern == "OF" && strings.HasPrefix(r.rest, ":") {
		r.rest = r.rest[1:]
		r.zoneMins, err = r.number(p, 2, false)
	}
	if sign < 0 {
		r.zoneMins = -r.zoneMins
	}
	return err
}

// time returns the time that was read.
func (r *timeReader) time() (time.Time, error) {
	no := func() (time.Time, error) {
		return time.Time{}, sqlstate.New(sqlstate.DatetimeOverflow, -1, "there is no time %04d-%02d-%02d %02d:%02d:%02d",
			r.year, r.month, r.day, r.hour, r.minute, r.second)
	}
	if r.century > 0 {
		r.year = (r.century-1)*100 + r.year%100
		if r.year%100 == 0 {
			r.year++
		}
	}
	hour := r.hour
	if r.halves {
		if hour < 1 || hour > 12 {
			return no()
		}
		if hour %= 12; r.afternoon {
			hour += 12
		}
	}
	if hour > 24 || r.minute > 59 || r.second > 60 || r.year < 1 && r.julian == 0 || r.year > 9999 || r.julian > 5_373_484 || r.month < 1 || r.month > 12 {
		return no()
	}
	date := time.Date(r.year, time.Month(r.month), r.day, 0, 0, 0, 0, time.UTC)
	switch {
	case r.julian > 0:
		date = time.Unix((int64(r.julian)-2440588)*secondsOfDay, 0).UTC()
	case r.dayOfYear > 0:
		date = time.Date(r.year, 1, r.dayOfYear, 0, 0, 0, 0, time.UTC)
		if date.Year() != r.year {
			return no()
		}
	case r.day < 1 || r.day > daysIn(r.year, time.Month(r.month)):
		return no()
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(r.minute)*time.Minute + time.Duration(r.second)*time.Second
	zone := time.Duration(r.zoneHours)*time.Hour + time.Duration(r.zoneMins)*time.Minute
	return date.Add(clock + time.Duration(r.micros)*time.Microsecond - zone), nil
}
