package literal

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Word is one argument of a command line.
type Word struct {
	Bytes  []byte // what the word means
	Raw    string // as it was typed, quotes included
	Quoted bool   // written in quotes, so it is never a flag or a command name by accident
}

// A SyntaxError says where a line cannot be read as words.
type SyntaxError struct {
	Column  int    // 1-based, in bytes
	Problem string // what is wrong and, where it helps, what to write instead
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Problem) }

// Split splits a line into its words. A line of blanks has none. The words own their bytes.
func Split(line []byte) ([]Word, error) {
	var words []Word
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		w, end, err := scanWord(line, i)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
		i = end
	}
}

// Parse returns the bytes that one plain word means: those after hex: or b64: decoded, any other
// text as it is.
func Parse(word string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(word, "hex:"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%s: not hexadecimal (two digits 0-9 a-f for each byte)", clip(word))
		}
		return b, nil
	}
	if text, ok := strings.CutPrefix(word, "b64:"); ok {
		b, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
		if err != nil || (strings.HasSuffix(text, "=") && len(text)%4 != 0) {
			return nil, fmt.Errorf("%s: not base64 (the standard alphabet: A-Z a-z 0-9 + /)", clip(word))
		}
		return b, nil
	}
	return []byte(word), nil
}

// scanWord reads the word that starts at line[i] and returns the offset after it.
func scanWord(line []byte, i int) (Word, int, error) {
	var value []byte
	var end int
	var err error
	switch line[i] {
	case '"':
		value, end, err = scanDouble(line, i)
	case '\'':
		value, end, err = scanSingle(line, i)
	default:
		end = i
		for end < len(line) && !isBlank(line[end]) {
			end++
		}
		raw := string(line[i:end])
		value, err = Parse(raw)
		if err != nil {
			return Word{}, 0, &SyntaxError{Column: i + 1, Problem: err.Error()}
		}
		return Word{Bytes: value, Raw: raw}, end, nil
	}
	if err != nil {
		return Word{}, 0, err
	}
	if end < len(line) && !isBlank(line[end]) {
		return Word{}, 0, &SyntaxError{Column: end + 1, Problem: "text right after a closing quote; put a blank between words"}
	}
	return Word{Bytes: value, Raw: string(line[i:end]), Quoted: true}, end, nil
}

// scanSingle reads the single-quoted word that starts at line[start].
func scanSingle(line []byte, start int) ([]byte, int, error) {
	for i := start + 1; i < len(line); i++ {
		if line[i] == '\'' {
			return append([]byte{}, line[start+1:i]...), i + 1, nil
		}
	}
	return nil, 0, &SyntaxError{Column: start + 1, Problem: "the quote ' is never closed"}
}

// scanDouble reads the double-quoted word that starts at line[start].
func scanDouble(line []byte, start int) ([]byte, int, error) {
	value := []byte{}
	for i := start + 1; i < len(line); {
		switch line[i] {
		case '"':
			return value, i + 1, nil
		case '\\':
			var n int
			var problem string
			value, n, problem = appendEscape(value, line[i+1:])
			if problem != "" {
				return nil, 0, &SyntaxError{Column: i + 1, Problem: problem}
			}
			i += 1 + n
		default:
			value = append(value, line[i])
			i++
		}
	}
	return nil, 0, &SyntaxError{Column: start + 1, Problem: `the quote " is never closed`}
}

// appendEscape appends what the escape after a backslash means, and returns its length in rest.
func appendEscape(dst, rest []byte) (out []byte, n int, problem string) {
	if len(rest) == 0 {
		return dst, 0, `the quote " is never closed`
	}
	switch c := rest[0]; c {
	case '"', '\\', '\'':
		return append(dst, c), 1, ""
	case 'n':
		return append(dst, '\n'), 1, ""
	case 'r':
		return append(dst, '\r'), 1, ""
	case 't':
		return append(dst, '\t'), 1, ""
	case '0':
		return append(dst, 0), 1, ""
	case 'x':
		v, ok := hexDigits(rest[1:], 2)
		if !ok {
			return dst, 0, `\x needs two hexadecimal digits`
		}
		return append(dst, byte(v)), 3, ""
	case 'u':
		v, ok := hexDigits(rest[1:], 4)
		if !ok || !utf8.ValidRune(rune(v)) {
			return dst, 0, `\u needs the four hexadecimal digits of a character`
		}
		return utf8.AppendRune(dst, rune(v)), 5, ""
	default:
		return dst, 0, fmt.Sprintf(`unknown escape \%s; write \\ for a backslash`, Show(rest[:1]))
	}
}

func hexDigits(p []byte, n int) (uint64, bool) {
	if len(p) < n {
		return 0, false
	}
	for _, c := range p[:n] {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(string(p[:n]), 16, 32)
	return v, err == nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// clip shortens a word for an error message.
func clip(word string) string {
	const most = 40
	if len(word) > most {
		return Show([]byte(word[:most])) + "…"
	}
	return Show([]byte(word))
}
