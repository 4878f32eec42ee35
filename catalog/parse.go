package catalog

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Why text is refused.
const (
	whyRange  = "it is out of range"
	whyUTF8   = "it is not UTF-8"
	whyDigits = "it has more than %d digits before the point"
)

// Parse returns the value that text stands for, as SQL reads it: what String returns, and more.
//
//	BIGINT            digits with a sign
//	DOUBLE PRECISION  a number, NaN, Infinity, -inf
//	DECIMAL           a number; it is rounded half away from zero
//	BOOLEAN           true, t, yes, y, on, 1, and false, f, no, n, off, 0
//	BYTEA             \x and hexadecimal digits, or the bytes with a backslash as \\ and others as \ooo, octal
//	DATE              2026-01-02, 2026/1/2
//	TIMESTAMPTZ       2026-01-02 or with the time behind a space or T: 03:04, 03:04:05.678, and a zone: Z, +02, -03:30;
//	                  without one it is UTC
//	UUID              32 hexadecimal digits, with or without hyphens and braces
//	JSON              as it is
//	INTERVAL          as ParseInterval reads it without a unit
//
// Space around anything but text and bytes does not matter. Errors are of type *TypeError.
func Parse(t Type, text string) (Value, error) {
	v, why := parse(t, text)
	if why != "" {
		return Value{}, newTypeError(t, Str(text).given(), why)
	}
	return v, nil
}

// whyType is for text that stands for nothing of the type: the type that was expected says it all.
const whyType = " "

// parse returns the value, or why there is none.
func parse(t Type, text string) (v Value, why string) {
	s := strings.TrimSpace(text)
	switch t.Kind {
	case Int64:
		n, err := strconv.ParseInt(s, 10, 64)
		return Int(n), whyNumber(err)
	case Float64:
		if strings.ContainsAny(s, "xX_pP") {
			return v, whyType // Go's ways to write numbers
		}
		f, err := strconv.ParseFloat(s, 64)
		return Float(f), whyNumber(err)
	case Decimal:
		return readDecimal(s, t)
	case Bool:
		return readBool(s)
	case String:
		return checkText(t, text)
	case Bytes:
		return readBytes(text)
	case Date:
		return readDate(s)
	case Timestamp:
		return readTimestamp(s)
	case UUID:
		return readUUID(s)
	case JSON:
		switch {
		case !utf8.ValidString(text):
			return v, whyUTF8
		case !json.Valid(raw(text)):
			return v, "it is not JSON"
		}
		return Value{kind: JSON, s: text}, ""
	case Interval:
		return readInterval(text, "")
	default:
		return v, "there is no such type"
	}
}

func whyNumber(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, strconv.ErrRange):
		return whyRange
	default:
		return whyType
	}
}

func readDecimal(s string, t Type) (v Value, why string) {
	n, number, fit := parseDecimal(s, t.Scale)
	switch {
	case !number:
		return v, whyType
	case !fit || !fits(n, t.Precision):
		return v, fmt.Sprintf(whyDigits, t.Precision-t.Scale)
	}
	return DecimalOf(n, t.Scale), ""
}

func readBool(s string) (v Value, why string) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "on", "1":
		return BoolOf(true), ""
	case "false", "f", "no", "n", "off", "0":
		return BoolOf(false), ""
	default:
		return v, whyType
	}
}

// checkText checks the encoding and the length of text.
func checkText(t Type, s string) (v Value, why string) {
	if !utf8.ValidString(s) {
		return v, whyUTF8
	}
	if n := int(t.Length); n > 0 && len(s) > n {
		if have := utf8.RuneCountInString(s); have > n {
			return v, fmt.Sprintf("it has %d characters", have)
		}
	}
	return Str(s), ""
}

func readBytes(s string) (v Value, why string) {
	if digits, is := strings.CutPrefix(s, `\x`); is {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return v, "behind \\x must be pairs of hexadecimal digits"
		}
		return Value{kind: Bytes, s: string(b)}, ""
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b = append(b, s[i])
		case strings.HasPrefix(s[i+1:], `\`):
			b = append(b, '\\')
			i++
		default:
			octal, err := strconv.ParseUint(s[i+1:min(i+4, len(s))], 8, 8)
			if err != nil || i+4 > len(s) {
				return v, `behind a backslash must be another one, or three octal digits`
			}
			b = append(b, byte(octal))
			i += 3
		}
	}
	return Value{kind: Bytes, s: string(b)}, ""
}

func readUUID(s string) (v Value, why string) {
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
		s = s[1 : len(s)-1]
	}
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return v, whyType
		}
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 16 {
		return v, whyType
	}
	return Value{kind: UUID, s: string(b)}, ""
}

// Dates are those of the years 1 to 9999.
const (
	minDate    = -719162
	maxDate    = 2932896
	daySeconds = 24 * 60 * 60
	dayMicros  = daySeconds * 1e6
	minMicros  = minDate * dayMicros
	maxMicros  = (maxDate+1)*dayMicros - 1
)

// plainDate returns a text that begins with a date so that it does as String has it: 2026/1/2 is 2026-01-02.
func plainDate(s string) string {
	if len(s) < 8 || s[4] != '/' {
		return s
	}
	parts := strings.SplitN(s, "/", 3)
	if len(parts) < 3 {
		return s
	}
	end := strings.IndexFunc(parts[2], func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(parts[2])
	}
	day, rest := parts[2][:end], parts[2][end:]
	two := func(n string) string { return strings.Repeat("0", max(2-len(n), 0)) + n }
	if len(parts[0]) != 4 || parts[1] == "" || day == "" {
		return s
	}
	return parts[0] + "-" + two(parts[1]) + "-" + two(day) + rest
}

func readDate(s string) (v Value, why string) {
	t, err := time.Parse("2006-01-02", plainDate(s))
	if err != nil {
		return v, whyTime(err)
	}
	return checkDate(t.Unix() / daySeconds)
}

// whyTime tells a day or hour that there is not from what is no time at all.
func whyTime(err error) string {
	var e *time.ParseError
	if errors.As(err, &e) && strings.HasSuffix(e.Message, "out of range") {
		return whyRange
	}
	return whyType
}

func checkDate(days int64) (v Value, why string) {
	if days < minDate || days > maxDate {
		return v, "the years are 1 to 9999"
	}
	return DateOf(days), ""
}

func checkMicros(n int64) (v Value, why string) {
	if n < minMicros || n > maxMicros {
		return v, "the years are 1 to 9999"
	}
	return Value{kind: Timestamp, n: n}, ""
}

// readTimestamp takes the zone off the end, and then the time.
func readTimestamp(s string) (v Value, why string) {
	s = plainDate(s)
	if len(s) > 10 && (s[10] == 'T' || s[10] == 't') {
		s = s[:10] + " " + s[11:]
	}
	if len(s) <= 10 {
		if v, why = readDate(s); why != "" {
			return v, why
		}
		return checkMicros(v.n * dayMicros)
	}
	s, offset, ok := cutZone(s)
	if !ok {
		return v, whyType
	}
	layout := "2006-01-02 15:04:05"
	if strings.Count(s, ":") == 1 {
		layout = "2006-01-02 15:04"
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return v, whyTime(err)
	}
	t = t.Add(500 * time.Nanosecond) // to the nearest microsecond
	return checkMicros(t.UnixMicro() - offset*1e6)
}

// cutZone returns a timestamp without its zone, and how many seconds that is ahead of UTC.
func cutZone(s string) (rest string, offset int64, ok bool) {
	if rest, is := strings.CutSuffix(strings.ToUpper(s), "Z"); is {
		return strings.TrimSpace(rest), 0, true
	}
	if rest, is := strings.CutSuffix(strings.ToUpper(s), "UTC"); is {
		return strings.TrimSpace(rest), 0, true
	}
	i := strings.LastIndexAny(s, "+-")
	if i < 11 {
		return s, 0, true
	}
	parts := strings.Split(s[i+1:], ":")
	if len(parts) == 1 && len(parts[0]) == 4 {
		parts = []string{parts[0][:2], parts[0][2:]} // +0530
	}
	for at, unit := range []int64{3600, 60, 1} {
		if at >= len(parts) {
			break
		}
		n, err := strconv.ParseUint(parts[at], 10, 8)
		if err != nil || len(parts[at]) > 2 || n > 59 {
			return s, 0, false
		}
		offset += int64(n) * unit
	}
	if len(parts) > 3 || offset > 16*3600 {
		return s, 0, false
	}
	if s[i] == '-' {
		offset = -offset
	}
	return strings.TrimSpace(s[:i]), offset, true
}
