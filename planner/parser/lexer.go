package parser

import (
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// A kind says what a token is.
type kind uint8

const (
	invalid    kind = iota // the lexer has an error; no rule of the grammar wants it
	end                    // of the text
	word                   // a name, or a keyword
	quotedName             // a name in quotes
	integer
	decimal
	float
	text
	blob
	parameter // its text is the number, or empty for ?
	symbol
)

// A tok is a token.
type tok struct {
	kind    kind
	symbol  sign          // of a symbol
	keyword token.Keyword // of a word that is one
	at      int           // where it begins
	text    string        // a name as it folds, the digits of a number, what quotes contain
}

// A sign is an operator or a punctuation mark.
type sign uint8

const (
	_ sign = iota
	openParen
	closeParen
	openBracket
	closeBracket
	comma
	dot
	semicolon
	colon
	plus
	minus
	star
	slash
	percent
	equal
	notEqual
	less
	lessEqual
	greater
	greaterEqual
	concat
	doubleColon
	arrow         // ->
	arrowText     // ->>
	hashArrow     // #>
	hashArrowText // #>>
	contains      // @>
	containedIn   // <@
	other         // what PostgreSQL may know as an operator, but middb does not
)

// A lexer cuts a text into tokens. It can be copied, to come back to where it was.
type lexer struct {
	src string
	at  int
	err *sqlstate.Error
}

// next returns the next token. After one that is invalid, l.err says why.
func (l *lexer) next() tok {
	if !l.skipBlanks() {
		return tok{at: l.err.At}
	}
	if l.at >= len(l.src) {
		return tok{kind: end, at: len(l.src)}
	}
	start := l.at
	switch c := l.src[start]; {
	case token.StartsName(c):
		if l.byteAt(1) == '\'' {
			return l.prefixed(start, c)
		}
		return l.word()
	case c >= '0' && c <= '9', c == '.' && isDigit(l.byteAt(1)):
		return l.number()
	case c == '\'':
		return l.text(start)
	case c == '"':
		return l.quotedName()
	case c == '$':
		return l.dollar()
	case c == '?':
		l.at++
		return tok{kind: parameter, at: start}
	default:
		return l.symbol()
	}
}

// prefixed reads a text with a letter before its quote, which may mean something.
func (l *lexer) prefixed(start int, letter byte) tok {
	l.at++
	switch letter | 0x20 {
	case 'e':
		return l.escapedText(start)
	case 'n': // the same as without it
		return l.text(start)
	case 'x':
		return l.blob(start)
	default:
		l.at = start
		return l.word()
	}
}

// byteAt returns the byte n behind the present one, or 0.
func (l *lexer) byteAt(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// fail keeps an error about a place, and returns the token that stands for it.
func (l *lexer) fail(code sqlstate.Code, at int, message, hint string) tok {
	if l.err == nil {
		l.err = &sqlstate.Error{Code: code, At: at, Message: message, Hint: hint, Text: l.src}
	}
	l.at = len(l.src)
	return tok{kind: invalid, at: at}
}

// skipBlanks goes on to the next token, and reports whether there is no error before it.
func (l *lexer) skipBlanks() bool {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c > ' ' && c != '-' && c != '/':
			return l.err == nil
		case c == ' ', c == '\n', c == '\t', c == '\r', c == '\f', c == '\v':
			l.at++
		case c == '-' && l.byteAt(1) == '-':
			if i := strings.IndexByte(l.src[l.at:], '\n'); i >= 0 {
				l.at += i + 1
			} else {
				l.at = len(l.src)
			}
		case c == '/' && l.byteAt(1) == '*':
			if !l.skipComment() {
				return false
			}
		default:
			return true
		}
	}
	return l.err == nil
}

// skipComment goes behind a comment, which may have others in it.
func (l *lexer) skipComment() bool {
	start, depth := l.at, 0
	for l.at < len(l.src) {
		switch {
		case l.src[l.at] == '/' && l.byteAt(1) == '*':
			depth++
			l.at += 2
		case l.src[l.at] == '*' && l.byteAt(1) == '/':
			l.at += 2
			if depth--; depth == 0 {
				return true
			}
		default:
			l.at++
		}
	}
	l.fail(sqlstate.SyntaxError, start, "the comment does not end", "end it with */; a comment in a comment needs its own")
	return false
}

// What bytes of names are.
const (
	nameByte    = 1 << iota
	upperByte   // a capital of ASCII
	foreignByte // not of ASCII
)

// nameBytes says of each byte what it is in a name without quotes, or 0 if it cannot be in one.
var nameBytes = func() (table [256]byte) {
	for i := range table {
		c := byte(i)
		if token.ContinuesName(c) {
			table[i] = nameByte
		}
		if c >= 'A' && c <= 'Z' {
			table[i] |= upperByte
		}
		if c >= utf8.RuneSelf {
			table[i] |= foreignByte
		}
	}
	return table
}()

func (l *lexer) word() tok {
	start, seen := l.at, byte(0)
	for l.at < len(l.src) {
		c := nameBytes[l.src[l.at]]
		if c == 0 {
			break
		}
		seen |= c
		l.at++
	}
	t := tok{kind: word, at: start, text: l.src[start:l.at]}
	if seen&upperByte != 0 {
		t.text, t.keyword = token.Fold(t.text)
	} else {
		t.keyword = token.Lookup(t.text)
	}
	if seen&foreignByte != 0 {
		return l.checked(t)
	}
	return t
}

func (l *lexer) symbol() tok {
	t := tok{kind: symbol, at: l.at}
	n := 2
	switch pair := l.src[l.at:min(l.at+2, len(l.src))]; pair {
	case "||":
		t.symbol = concat
	case "::":
		t.symbol = doubleColon
	case "<>", "!=":
		t.symbol = notEqual
	case "<=":
		t.symbol = lessEqual
	case ">=":
		t.symbol = greaterEqual
	case "->", "#>":
		t.symbol, n = l.arrow(pair[0])
	case "@>":
		t.symbol = contains
	case "<@":
		t.symbol = containedIn
	default:
		t.symbol, n = single[pair[0]], 1
	}
	if t.symbol == 0 {
		r, size := utf8.DecodeRuneInString(l.src[l.at:])
		if r == utf8.RuneError && size <= 1 {
			return l.fail(sqlstate.BadCharacter, l.at, "the text is not valid UTF-8", "")
		}
		return l.fail(sqlstate.SyntaxError, l.at, "the character "+quoteForMessage(string(r))+" has no meaning in SQL", "")
	}
	l.at += n
	return t
}

// arrow returns which one begins with the byte, and how long it is.
func (l *lexer) arrow(first byte) (sign, int) {
	text := l.byteAt(2) == '>'
	switch {
	case first == '-' && text:
		return arrowText, 3
	case first == '-':
		return arrow, 2
	case text:
		return hashArrowText, 3
	default:
		return hashArrow, 2
	}
}

var single = [256]sign{
	'(': openParen, ')': closeParen, '[': openBracket, ']': closeBracket, ',': comma, '.': dot, ';': semicolon, ':': colon,
	'+': plus, '-': minus, '*': star, '/': slash, '%': percent, '=': equal, '<': less, '>': greater,
	'^': other, '~': other, '!': other, '@': other, '#': other, '&': other, '|': other, '`': other,
}

// number reads digits, a point and an exponent.
func (l *lexer) number() tok {
	start, k := l.at, integer
	l.digits()
	if l.byteAt(0) == '.' && !token.StartsName(l.byteAt(1)) || l.byteAt(0) == '.' && isExponent(l.src[l.at+1:]) {
		k = decimal
		l.at++
		l.digits()
	}
	if isExponent(l.src[l.at:]) {
		k = float
		l.at += 2
		l.digits()
	}
	if c := l.byteAt(0); token.ContinuesName(c) {
		return l.fail(sqlstate.SyntaxError, start, "the number "+quoteForMessage(l.src[start:l.at+1])+" goes on with a letter",
			"put a blank between a number and a word; a name that begins with a digit must be in double quotes")
	}
	return tok{kind: k, at: start, text: l.src[start:l.at]}
}

func (l *lexer) digits() {
	for isDigit(l.byteAt(0)) {
		l.at++
	}
}

// isExponent reports whether the text begins with the exponent of a number.
func isExponent(s string) bool {
	if len(s) < 2 || s[0]|0x20 != 'e' {
		return false
	}
	if s[1] == '+' || s[1] == '-' {
		return len(s) > 2 && isDigit(s[2])
	}
	return isDigit(s[1])
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// dollar reads a parameter, $1.
func (l *lexer) dollar() tok {
	start := l.at
	l.at++
	l.digits()
	if l.at == start+1 {
		return l.fail(sqlstate.SyntaxError, start, "$ must be followed by the number of a parameter",
			"write text in single quotes; $$ does not quote here")
	}
	if token.ContinuesName(l.byteAt(0)) {
		return l.fail(sqlstate.SyntaxError, start, "the parameter "+l.src[start:l.at]+" goes on with a letter",
			"put a blank behind it")
	}
	return tok{kind: parameter, at: start, text: l.src[start+1 : l.at]}
}
