package parser

import (
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// The limits of what is read. They keep everything that goes through trees recursively from needing much stack.
const (
	maxDepth   = 2000   // calls of expression within each other; parentheses count, needed or not
	maxNesting = 1000   // of the tree, if it is printed with all the parentheses that it may need
	maxHeight  = 10_000 // of the tree; a + b + c + ... is a high one
)

// A size is how high and how nested a tree is.
type size struct{ height, nesting int }

// A parser reads tokens. Its methods leave p.now at the first token that they do not want.
type parser struct {
	lex   lexer
	now   tok
	depth int
	last  size // of the expression that was read last
	// Parameters are counted, or they have numbers, but not both.
	counted  int
	numbered bool
}

// Expression reads a text that is one expression. The error is an [*sqlstate.Error]. Safe for concurrent use.
func Expression(text string) (ast.Expr, error) {
	p := parser{lex: lexer{src: text}}
	p.advance()
	if p.now.kind == end {
		return nil, p.fail(sqlstate.SyntaxError, p.now, "there is no expression", "")
	}
	e, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.now.kind != end {
		return nil, p.unexpected("the end or an operator")
	}
	return e, nil
}

func (p *parser) advance() { p.now = p.lex.next() }

// peek returns the token behind p.now.
func (p *parser) peek() tok {
	ahead := p.lex
	return ahead.next()
}

// is reports whether the token in front is a symbol.
func (p *parser) is(s sign) bool { return p.now.kind == symbol && p.now.symbol == s }

// isWord reports whether the token in front is a keyword.
func (p *parser) isWord(k token.Keyword) bool { return p.now.kind == word && p.now.keyword == k }

// take goes on if the token in front is the symbol, and reports whether it was.
func (p *parser) take(s sign) bool {
	if !p.is(s) {
		return false
	}
	p.advance()
	return true
}

// takeWord goes on if the token in front is the keyword, and reports whether it was.
func (p *parser) takeWord(k token.Keyword) bool {
	if !p.isWord(k) {
		return false
	}
	p.advance()
	return true
}

// want takes a symbol, or fails; what says how to write it.
func (p *parser) want(s sign, what string) error {
	if !p.take(s) {
		return p.unexpected(what)
	}
	return nil
}

// wantWord takes a keyword, or fails.
func (p *parser) wantWord(k token.Keyword) error {
	if !p.takeWord(k) {
		return p.unexpected(strings.ToUpper(k.String()))
	}
	return nil
}

// fail returns an error about a token.
func (p *parser) fail(code sqlstate.Code, t tok, message, hint string) error {
	return &sqlstate.Error{Code: code, At: t.at, Message: message, Hint: hint, Text: p.lex.src}
}

// unexpected returns the error for the token in front, where something else was expected.
func (p *parser) unexpected(expected string) error {
	if p.now.kind == invalid {
		return p.lex.err
	}
	if p.now.kind == end {
		return p.fail(sqlstate.SyntaxError, p.now, "syntax error at the end: expected "+expected, "")
	}
	return p.fail(sqlstate.SyntaxError, p.now,
		"syntax error at "+quoteForMessage(p.source(p.now))+": expected "+expected, p.hint())
}

// source returns the text of the token in front.
func (p *parser) source(t tok) string {
	if t.at > p.lex.at {
		return ""
	}
	return p.lex.src[t.at:p.lex.at]
}

// hint returns what may help whoever wrote the token in front.
func (p *parser) hint() string {
	switch {
	case p.now.kind == word && p.now.keyword.Class() >= token.FunctionName:
		return strings.ToUpper(p.now.text) + ` is a word of SQL; as a name it must be in double quotes: "` + p.now.text + `"`
	case p.now.kind == symbol && p.now.symbol == other && p.source(p.now) == "^":
		return "for powers there is the function POWER(x, y)"
	case p.now.kind == symbol && p.now.symbol == other && p.source(p.now) == "`":
		return "names are quoted with double quotes"
	case p.is(equal) && p.lex.at-2 >= 0 && strings.HasSuffix(p.lex.src[:p.lex.at-1], "="):
		return "equality is tested with one ="
	default:
		return ""
	}
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
