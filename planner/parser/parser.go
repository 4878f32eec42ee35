package parser

import (
	"strings"

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
	start int // of the statement in the text
	depth int
	last  size // of the expression or query that was read last
	// within is the size of what the statement or query that is being read has in it so far.
	within size
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

// before reports whether the byte begins the token behind p.now.
func (p *parser) before(c byte) bool {
	for i := p.lex.at; i < len(p.lex.src); i++ {
		switch b := p.lex.src[i]; {
		case b == c:
			return true
		case b == '-', b == '/': // perhaps a comment
			next := p.peek()
			return next.at < len(p.lex.src) && p.lex.src[next.at] == c
		case b > ' ':
			return false
		}
	}
	return false
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
