package parser

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/planner/sqlstate"
)

// text reads 'text', from its first quote on. Two quotes stand for one.
func (l *lexer) text(start int) tok {
	s, ok := l.quoted('\'')
	if !ok {
		return l.fail(sqlstate.SyntaxError, start, "the text in quotes does not end", "two single quotes stand for one within text")
	}
	return l.checked(tok{kind: text, at: start, text: s})
}

func (l *lexer) quotedName() tok {
	start := l.at
	s, ok := l.quoted('"')
	switch {
	case !ok:
		return l.fail(sqlstate.SyntaxError, start, "the name in quotes does not end", "two double quotes stand for one within a name")
	case s == "":
		return l.fail(sqlstate.SyntaxError, start, "a name cannot be empty", "text stands in single quotes")
	}
	return l.checked(tok{kind: quotedName, at: start, text: s})
}

// quoted returns what is between two of the quote, doubled ones as one, and goes behind it.
func (l *lexer) quoted(quote byte) (string, bool) {
	from, doubled := l.at+1, false
	for i := from; ; i++ {
		n := strings.IndexByte(l.src[i:], quote)
		if n < 0 {
			return "", false
		}
		i += n
		if i+1 < len(l.src) && l.src[i+1] == quote {
			doubled = true
			i++
			continue
		}
		l.at = i + 1
		s := l.src[from:i]
		if doubled {
			q := string(quote)
			s = strings.ReplaceAll(s, q+q, q)
		}
		return s, true
	}
}

// checked returns the token if its text can be kept: it must be UTF-8 without zero bytes.
func (l *lexer) checked(t tok) tok {
	switch {
	case strings.IndexByte(t.text, 0) >= 0:
		return l.fail(sqlstate.BadCharacter, t.at, "text cannot have a zero byte", "bytes are written as X'00'")
	case !utf8.ValidString(t.text):
		return l.fail(sqlstate.BadCharacter, t.at, "the text is not valid UTF-8", "bytes are written as X'ff'")
	}
	return t
}

// blob reads X'6869', from the quote on.
func (l *lexer) blob(start int) tok {
	s, ok := l.quoted('\'')
	if !ok {
		return l.fail(sqlstate.SyntaxError, start, "the bytes in quotes do not end", "write two hexadecimal digits a byte: X'00ff'")
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return l.fail(sqlstate.InvalidText, start, "these are not bytes: "+quoteForMessage(s),
			"write two hexadecimal digits a byte: X'00ff'")
	}
	return tok{kind: blob, at: start, text: string(b)}
}

// escapedText reads E'text', in which backslashes have a meaning, from the quote on.
func (l *lexer) escapedText(start int) tok {
	var b strings.Builder
	for l.at++; l.at < len(l.src); {
		switch c := l.src[l.at]; {
		case c == '\'' && l.byteAt(1) == '\'':
			b.WriteByte(c)
			l.at += 2
		case c == '\'':
			l.at++
			return l.checked(tok{kind: text, at: start, text: b.String()})
		case c == '\\' && l.at+1 < len(l.src):
			if !l.escape(&b) {
				return tok{kind: invalid, at: l.err.At}
			}
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return l.fail(sqlstate.SyntaxError, start, "the text in quotes does not end", `within E'..', \' or '' stands for a quote`)
}

// escape reads a backslash and what belongs to it.
func (l *lexer) escape(b *strings.Builder) bool {
	at := l.at
	c := l.src[l.at+1]
	l.at += 2
	switch c {
	case 'b', 'f', 'n', 'r', 't':
		b.WriteByte(map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[c])
	case 'x':
		return l.escapedNumber(b, at, 16, 1, 2, false)
	case 'u':
		return l.escapedNumber(b, at, 16, 4, 4, true)
	case 'U':
		return l.escapedNumber(b, at, 16, 8, 8, true)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		l.at--
		return l.escapedNumber(b, at, 8, 1, 3, false)
	default:
		b.WriteByte(c)
	}
	return true
}

// escapedNumber reads from least to most digits, and writes the character, or the byte, that they are the number of.
func (l *lexer) escapedNumber(b *strings.Builder, at int, base rune, least, most int, character bool) bool {
	n, digits := rune(0), 0
	for digits < most && digit(l.byteAt(0)) < base {
		n = n*base + digit(l.byteAt(0))
		digits++
		l.at++
	}
	switch {
	case digits == 0 && !character: // \x without digits is an x
		b.WriteByte('x')
	case digits < least:
		l.fail(sqlstate.SyntaxError, at, "the escape needs more digits", `write \u with four hexadecimal digits, or \U with eight`)
		return false
	case !character:
		b.WriteByte(byte(n))
	case !utf8.ValidRune(n):
		l.fail(sqlstate.SyntaxError, at, "the escape is not the number of a character", "")
		return false
	default:
		b.WriteRune(n)
	}
	return true
}

// digit returns the value of a hexadecimal digit, or more than any if it is none.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	default:
		return 99
	}
}
