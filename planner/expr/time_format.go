package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// timePatterns are what stands in a format for a part of a time; of two that begin alike the longer one comes first.
var timePatterns = []string{
	"SSSSS", "SSSS", "SS", "MI", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "HH24", "HH12", "HH",
	"A.M.", "P.M.", "AM", "PM", "Y,YYY", "YYYY", "YYY", "YY", "Y", "IYYY", "IYY", "IY", "IDDD", "ID", "IW", "I",
	"B.C.", "A.D.", "BC", "AD", "MONTH", "MON", "MM", "DAY", "DDD", "DD", "DY", "D", "WW", "W", "CC", "J", "Q", "RM",
	"TZH", "TZM", "TZ", "OF",
}

// A piece is one part of a format: a pattern, or text that stands for itself.
type piece struct {
	pattern string // in capitals; empty: text
	text    string // of the pattern as it was written
	bare    bool   // FM before it: without zeros and blanks that fill it up
	ordinal string // TH or th behind it, or empty
}

// timeFormat takes a format of TO_CHAR, TO_DATE and TO_TIMESTAMP apart.
func timeFormat(s string) []piece {
	var all []piece
	bare := false
	literal := func(text string) { all = append(all, piece{text: text}) }
	for s != "" {
		upper := strings.ToUpper(s[:min(len(s), 6)])
		switch {
		case strings.HasPrefix(upper, "FM"):
			bare, s = true, s[2:]
			continue
		case strings.HasPrefix(upper, "FX"), strings.HasPrefix(upper, "TM"):
			s = s[2:]
			continue
		case s[0] == '"':
			s = s[1:]
			for s != "" && s[0] != '"' {
				if s[0] == '\\' && len(s) > 1 {
					s = s[1:]
				}
				literal(s[:1])
				s = s[1:]
			}
			s = strings.TrimPrefix(s, `"`)
			continue
		case s[0] == '\\' && len(s) > 1 && s[1] == '"':
			literal(s[1:2])
			s = s[2:]
			continue
		}
		p := piece{}
		for _, pattern := range timePatterns {
			if strings.HasPrefix(upper, pattern) {
				p = piece{pattern: pattern, text: s[:len(pattern)], bare: bare}
				break
			}
		}
		bare = false
		if p.pattern == "" {
			literal(s[:1])
			s = s[1:]
			continue
		}
		s = s[len(p.text):]
		if strings.HasPrefix(s, "TH") || strings.HasPrefix(s, "th") {
			p.ordinal, s = s[:2], s[2:]
		}
		all = append(all, p)
	}
	return all
}

// toChar binds TO_CHAR of times, intervals and numbers.
func (b *Binder) toChar(c *call) (*Node, error) {
	x, err := b.settle(c.args[0], timestampType)
	if err != nil {
		return nil, err
	}
	format, err := b.settle(c.args[1], textType)
	switch {
	case err != nil:
		return nil, err
	case format.Type.Kind != catalog.String:
		return nil, wrongArgument(c, format, "TEXT as the format")
	}
	var of operation
	switch {
	case numeric(x.Type.Kind):
		of = numberToChar
	case moment(x.Type.Kind), x.Type.Kind == catalog.Interval:
		of = timeToChar
	default:
		return nil, wrongArgument(c, x, "a number or a time")
	}
	return foldCall(c, textType, binary(of), x, format), nil
}

func timeToChar(v, w catalog.Value) (catalog.Value, error) {
	var out []byte
	for _, p := range timeFormat(w.AsString()) {
		if p.pattern == "" {
			out = append(out, p.text...)
			continue
		}
		var s string
		if v.Kind() == catalog.Interval {
			var ok bool
			if s, ok = p.ofInterval(v); !ok {
				return catalog.Null(), sqlstate.New(sqlstate.InvalidDatetime, -1, "an INTERVAL cannot be printed as %s", p.pattern)
			}
		} else {
			s = p.ofTime(v.AsTime())
		}
		if p.ordinal != "" {
			s += ordinalOf(s, p.ordinal)
		}
		if out = append(out, s...); len(out) > maxTextBytes {
			return catalog.Null(), tooMuchText()
		}
	}
	return catalog.Str(string(out)), nil
}

// ordinalOf returns st, nd, rd or th, in capitals if like is.
func ordinalOf(number, like string) string {
	end := "th"
	last := number[max(0, len(number)-1):]
	if len(number) < 2 || number[len(number)-2] != '1' {
		end = map[string]string{"1": "st", "2": "nd", "3": "rd"}[last]
		if end == "" {
			end = "th"
		}
	}
	if like == "TH" {
		return strings.ToUpper(end)
	}
	return end
}

// digits returns a number with zeros up to a width.
func (p piece) digits(n, width int) string {
	if p.bare {
		width = 0
	}
	if n < 0 {
		return "-" + fmt.Sprintf("%0*d", width, -n)
	}
	return fmt.Sprintf("%0*d", width, n)
}

// word returns a word in the case of the pattern, with blanks up to a width.
func (p piece) word(s string, width int) string {
	switch {
	case p.text == strings.ToUpper(p.text):
		s = strings.ToUpper(s)
	case p.text == strings.ToLower(p.text):
		s = strings.ToLower(s)
	}
	if p.bare {
		width = 0
	}
	return fmt.Sprintf("%-*s", width, s)
}

// half returns AM or PM as the pattern has it.
func (p piece) half(hour int) string {
	s := "AM"
	if hour%24 >= 12 {
		s = "PM"
	}
	if strings.Contains(p.text, ".") {
		s = s[:1] + "." + s[1:] + "."
	}
	return p.word(s, 0)
}

// ofClock returns the parts that times and intervals have in the same way, or nothing.
func (p piece) ofClock(hour, minute, second, micros int) (string, bool) {
	switch p.pattern {
	case "HH24":
		return p.digits(hour, 2), true
	case "HH12", "HH":
		if hour%12 == 0 {
			return "12", true
		}
		return p.digits(hour%12, 2), true
	case "MI":
		return p.digits(minute, 2), true
	case "SS":
		return p.digits(second, 2), true
	case "MS":
		return p.digits(micros/1000, 3), true
	case "US":
		return p.digits(micros, 6), true
	case "SSSS", "SSSSS":
		return p.digits((hour*60+minute)*60+second, 0), true
	case "AM", "PM", "A.M.", "P.M.":
		return p.half(hour), true
	default:
		if places, is := strings.CutPrefix(p.pattern, "FF"); is {
			return fmt.Sprintf("%06d", micros)[:int(places[0]-'0')], true
		}
		return "", false
	}
}

var romanMonths = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// ofTime returns what the pattern stands for.
func (p piece) ofTime(t time.Time) string {
	if s, ok := p.ofClock(t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000); ok {
		return s
	}
	isoYear, isoWeek := t.ISOWeek()
	year, weekday := t.Year(), int(t.Weekday()+6)%7+1
	if p.pattern[0] == 'I' {
		year = isoYear
	}
	switch p.pattern {
	case "Y,YYY":
		return fmt.Sprintf("%d,%03d", year/1000, year%1000)
	case "YYYY", "IYYY":
		return p.digits(year, 4)
	case "YYY", "IYY":
		return p.digits(year%1000, 3)
	case "YY", "IY":
		return p.digits(year%100, 2)
	case "Y", "I":
		return p.digits(year%10, 1)
	case "MONTH":
		return p.word(t.Month().String(), 9)
	case "MON":
		return p.word(t.Month().String()[:3], 0)
	case "MM":
		return p.digits(int(t.Month()), 2)
	case "DAY":
		return p.word(t.Weekday().String(), 9)
	case "DY":
		return p.word(t.Weekday().String()[:3], 0)
	case "DDD":
		return p.digits(t.YearDay(), 3)
	case "IDDD":
		return p.digits((isoWeek-1)*7+weekday, 3)
	case "DD":
		return p.digits(t.Day(), 2)
	case "D":
		return p.digits(int(t.Weekday())+1, 1)
	case "ID":
		return p.digits(weekday, 1)
	case "W":
		return p.digits((t.Day()-1)/7+1, 1)
	case "WW":
		return p.digits((t.YearDay()-1)/7+1, 2)
	case "IW":
		return p.digits(isoWeek, 2)
	case "CC":
		return p.digits((year+99)/100, 2)
	case "J":
		day, _ := julian(t.Truncate(24 * time.Hour))
		return strconv.FormatInt(day, 10)
	case "Q":
		return p.digits(int(t.Month()-1)/3+1, 1)
	case "RM":
		return p.word(romanMonths[t.Month()-1], 4)
	default:
		return p.ofZone()
	}
}

// ofZone returns what the pattern stands for whatever the time is: it is UTC, and our era.
func (p piece) ofZone() string {
	switch p.pattern {
	case "TZ":
		return p.word("UTC", 0)
	case "TZM":
		return "00"
	case "TZH", "OF":
		return "+00"
	case "A.D.", "B.C.":
		return p.word("A.D.", 0)
	default: // AD, BC
		return p.word("AD", 0)
	}
}

// ofInterval returns what the pattern stands for, if intervals have that.
func (p piece) ofInterval(v catalog.Value) (string, bool) {
	months, days, micros := v.AsInterval()
	seconds := micros / 1_000_000
	if s, ok := p.ofClock(int(seconds/3600), int(seconds/60%60), int(seconds%60), int(micros%1_000_000)); ok {
		return s, true
	}
	switch p.pattern {
	case "YYYY":
		return p.digits(int(months/12), 4), true
	case "YYY":
		return p.digits(int(months/12%1000), 3), true
	case "YY":
		return p.digits(int(months/12%100), 2), true
	case "Y":
		return p.digits(int(months/12%10), 1), true
	case "MM":
		return p.digits(int(months%12), 2), true
	case "DD":
		return p.digits(int(days), 2), true
	case "DDD":
		return p.digits(int(months)*30+int(days), 3), true
	default:
		return "", false
	}
}
