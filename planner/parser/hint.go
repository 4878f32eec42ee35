package parser

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// fail returns an error about a token.
func (p *parser) fail(code sqlstate.Code, t tok, message, hint string) error {
	return &sqlstate.Error{Code: code, At: t.at, Message: message, Hint: hint, Text: p.lex.src}
}

// unexpected returns the error for the token in front, where something else was expected.
func (p *parser) unexpected(expected string) error {
	if p.now.kind == invalid {
		return p.lex.err
	}
	where := "the end"
	if p.now.kind != end {
		where = quoteForMessage(p.source(p.now))
	}
	return p.fail(sqlstate.SyntaxError, p.now, "syntax error at "+where+": expected "+expected, p.hint(expected))
}

// source returns the text of the token in front.
func (p *parser) source(t tok) string {
	if t.at > p.lex.at {
		return ""
	}
	return p.lex.src[t.at:p.lex.at]
}

// quoteForMessage returns the beginning of the text in double quotes.
func quoteForMessage(s string) string {
	const most = 40
	if len(s) > most {
		n := most
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "..."
	}
	return `"` + strings.ToValidUTF8(s, "\uFFFD") + `"`
}

// hint returns what may help whoever wrote the token in front, where something else was expected.
func (p *parser) hint(expected string) string {
	before, open := p.readSoFar()
	reserved := p.now.kind == word && (p.now.keyword.Class() >= token.FunctionName || p.isWord(token.Values))
	switch {
	case open >= 0 && (p.now.kind == end || p.is(semicolon) || reserved && strings.HasPrefix(expected, ")")):
		return p.notClosed(open)
	case p.now.kind == symbol && p.now.symbol == other && p.source(p.now) == "^":
		return "for powers there is the function POWER(x, y)"
	case p.now.kind == symbol && p.now.symbol == other && p.source(p.now) == "`":
		return "names are quoted with double quotes"
	case p.is(equal) && p.lex.at-2 >= 0 && strings.HasSuffix(p.lex.src[:p.lex.at-1], "="):
		return "equality is tested with one ="
	case p.is(closeParen) && open < 0:
		return "no parenthesis is open here"
	}
	if h := misspelled(p.now, before, expected); h != "" {
		return h
	}
	switch {
	case before.kind == symbol && before.symbol == comma && (reserved || p.is(closeParen) || p.now.kind == end):
		return "the comma before it may be one too many"
	case reserved && (strings.HasPrefix(expected, "a") || strings.HasPrefix(expected, "the name")):
		return strings.ToUpper(p.now.text) + ` is a word of SQL; as a name it must be in double quotes: "` + p.now.text + `"`
	case p.beginsValue() && (strings.Contains(expected, "comma") || strings.HasPrefix(expected, "the end")):
		return "a comma or an operator may be missing before it"
	default:
		return ""
	}
}

// beginsValue reports whether an expression could begin with the token in front.
func (p *parser) beginsValue() bool {
	switch p.now.kind {
	case word, quotedName, integer, decimal, float, text, blob, parameter:
		return true
	default:
		return p.is(openParen)
	}
}

// readSoFar reads the statement again, up to the token in front. It returns the token before that, and where the innermost
// parenthesis is that is still open, or -1.
func (p *parser) readSoFar() (before tok, open int) {
	l := lexer{src: p.lex.src, at: p.start}
	var stack []int
	for {
		t := l.next()
		if t.at >= p.now.at || t.kind == invalid || t.kind == end {
			break
		}
		before = t
		switch {
		case t.kind != symbol:
		case t.symbol == openParen:
			stack = append(stack, t.at)
		case t.symbol == closeParen && len(stack) > 0:
			stack = stack[:len(stack)-1]
		}
	}
	if len(stack) == 0 {
		return before, -1
	}
	return before, stack[len(stack)-1]
}

// notClosed returns the hint for a parenthesis that is open at the end.
func (p *parser) notClosed(open int) string {
	e := sqlstate.Error{At: open, Text: p.lex.src}
	line, column := e.Position()
	if line == 1 {
		return fmt.Sprintf("the parenthesis in column %d is not closed", column)
	}
	return fmt.Sprintf("the parenthesis in line %d, column %d is not closed", line, column)
}

// clauses are words that begin parts of statements, and are easily taken for names if they are misspelled.
var clauses = strings.Fields(`SELECT FROM WHERE GROUP HAVING ORDER LIMIT OFFSET FETCH UNION EXCEPT INTERSECT JOIN INNER LEFT RIGHT
	FULL CROSS NATURAL USING VALUES SET RETURNING WINDOW DISTINCT PRIMARY UNIQUE REFERENCES DEFAULT CHECK CONSTRAINT BETWEEN LIKE DESC`)

// misspelled returns a hint if the token in front is nearly a word that was expected there, or it, or the one before it, is
// nearly one that begins a clause.
func misspelled(now, before tok, expected string) string {
	if now.kind == word && now.keyword == 0 {
		for _, e := range append(expectedWords(expected), clauses...) {
			if near(now.text, strings.ToLower(e)) {
				return "perhaps " + e + " was meant"
			}
		}
	}
	if before.kind == word && before.keyword == 0 {
		for _, c := range clauses {
			if near(before.text, strings.ToLower(c)) {
				return "perhaps " + c + " was meant instead of " + before.text
			}
		}
	}
	return ""
}

// expectedWords returns the words of SQL in a message: those in capitals.
func expectedWords(expected string) []string {
	var words []string
	for _, w := range strings.FieldsFunc(expected, func(r rune) bool { return r == ' ' || r == ',' }) {
		if len(w) > 1 && w[0] >= 'A' && w[0] <= 'Z' && strings.ToUpper(w) == w {
			words = append(words, w)
		}
	}
	return words
}

// near reports whether two different words differ in one letter, changed, added, removed or swapped with the next. Words of
// three letters and less are never near.
func near(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 3 || len(b) < 4 || len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
