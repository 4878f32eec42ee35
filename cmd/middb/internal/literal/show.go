package literal

import (
	"unicode"
	"unicode/utf8"
)

// Show returns b for people; see [AppendShown].
func Show(b []byte) string { return string(AppendShown(nil, b)) }

// AppendShown appends b as tools print it. Text in which every character can be printed is
// appended as it is, quotes and backslashes included. Otherwise the result is b's escaped form:
// put between double quotes it is a [Word] that means b. It never holds a tab or a line end.
func AppendShown(dst, b []byte) []byte {
	if printable(b) {
		return append(dst, b...)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\\' || r == '"':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case unicode.IsPrint(r) && (r != utf8.RuneError || n > 1):
			dst = append(dst, b[:n]...)
		default:
			for _, c := range b[:n] {
				dst = append(dst, '\\', 'x', hexDigit(c>>4), hexDigit(c&15))
			}
		}
		b = b[n:]
	}
	return dst
}

func printable(b []byte) bool {
	for len(b) > 0 {
		if c := b[0]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return false
			}
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if !unicode.IsPrint(r) || (r == utf8.RuneError && n == 1) {
			return false
		}
		b = b[n:]
	}
	return true
}

func hexDigit(v byte) byte { return "0123456789abcdef"[v] }
