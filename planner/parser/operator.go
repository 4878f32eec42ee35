package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// expression reads an expression that holds together at least so tightly.
func (p *parser) expression(least ast.Precedence) (ast.Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.tooComplex(p.now.at)
	}
	e, err := p.prefix()
	for err == nil {
		precedence := p.infix()
		if precedence == 0 || precedence < least {
			break
		}
		e, err = p.postfix(e, precedence)
	}
	p.depth--
	return e, err
}

func (p *parser) tooComplex(at int) error {
	return p.fail(sqlstate.TooComplex, tok{at: at}, "the expression is nested too deeply",
		"take it apart; for many values use IN (...)")
}

// above returns the size of a tree whose children have these sizes.
func above(children ...size) size {
	var s size
	for _, c := range children {
		s.height, s.nesting = max(s.height, c.height), max(s.nesting, c.nesting)
	}
	return size{s.height + 1, s.nesting + 2}
}

// larger returns a size that is not below either.
func larger(s, t size) size {
	return size{max(s.height, t.height), max(s.nesting, t.nesting)}
}

// grown keeps the size of the expression that was just read.
func (p *parser) grown(e ast.Expr, s size) (ast.Expr, error) {
	if p.last = s; s.height > maxHeight || s.nesting > maxNesting {
		return nil, p.tooComplex(e.Place())
	}
	return e, nil
}

// binary maps the symbols that stand between two expressions to operators.
var binary = [other + 1]struct {
	operator   ast.Operator
	precedence ast.Precedence
}{
	plus:         {ast.Add, ast.PrecedenceAdd},
	minus:        {ast.Subtract, ast.PrecedenceAdd},
	star:         {ast.Multiply, ast.PrecedenceMultiply},
	slash:        {ast.Divide, ast.PrecedenceMultiply},
	percent:      {ast.Modulo, ast.PrecedenceMultiply},
	equal:        {ast.Equal, ast.PrecedenceCompare},
	notEqual:     {ast.NotEqual, ast.PrecedenceCompare},
	less:         {ast.Less, ast.PrecedenceCompare},
	lessEqual:    {ast.LessEqual, ast.PrecedenceCompare},
	greater:      {ast.Greater, ast.PrecedenceCompare},
	greaterEqual: {ast.GreaterEqual, ast.PrecedenceCompare},
	concat:       {ast.Concat, ast.PrecedenceOther},

	arrow:         {ast.Field, ast.PrecedenceOther},
	arrowText:     {ast.FieldText, ast.PrecedenceOther},
	hashArrow:     {ast.Path, ast.PrecedenceOther},
	hashArrowText: {ast.PathText, ast.PrecedenceOther},
	contains:      {ast.Contains, ast.PrecedenceOther},
	containedIn:   {ast.ContainedIn, ast.PrecedenceOther},
}

// infix returns how tightly the token in front binds what was read before it, or 0 if it does not go on with that.
func (p *parser) infix() ast.Precedence {
	switch p.now.kind {
	case symbol:
		if p.now.symbol == doubleColon {
			return ast.PrecedenceCast
		}
		return binary[p.now.symbol].precedence
	case word:
		return p.infixWord()
	case parameter:
		if p.now.text == "" { // between two expressions ? is an operator
			return ast.PrecedenceOther
		}
		return 0
	default:
		return 0
	}
}

// infixWord returns that of the keyword in front.
func (p *parser) infixWord() ast.Precedence {
	switch p.now.keyword {
	case token.Or:
		return ast.PrecedenceOr
	case token.And:
		return ast.PrecedenceAnd
	case token.Is, token.Isnull, token.Notnull:
		return ast.PrecedenceIs
	case token.Between, token.In, token.Like, token.Ilike, token.Similar:
		return ast.PrecedenceLike
	case token.Not:
		switch p.peek().keyword {
		case token.Between, token.In, token.Like, token.Ilike, token.Similar:
			return ast.PrecedenceLike
		case token.Null:
			return ast.PrecedenceIs
		default:
			return 0
		}
	default:
		return 0
	}
}

// postfix reads what follows an expression: the token in front, which has the precedence, and its operands.
func (p *parser) postfix(left ast.Expr, precedence ast.Precedence) (ast.Expr, error) {
	operator := p.now
	switch operator.kind {
	case parameter:
		return p.binary(left, ast.HasKey, precedence)
	case symbol:
		if operator.symbol == doubleColon {
			return p.castSuffix(left)
		}
		return p.binary(left, binary[operator.symbol].operator, precedence)
	default:
		return p.postfixWord(left, precedence)
	}
}

// postfixWord reads what follows an expression, if it begins with a word.
func (p *parser) postfixWord(left ast.Expr, precedence ast.Precedence) (ast.Expr, error) {
	operator := p.now
	switch operator.keyword {
	case token.Or:
		return p.binary(left, ast.Or, precedence)
	case token.And:
		return p.binary(left, ast.And, precedence)
	case token.Is:
		return p.test(left)
	case token.Isnull, token.Notnull:
		p.advance()
		return p.grown(&ast.Is{At: operator.at, X: left, Not: operator.keyword == token.Notnull}, above(p.last))
	case token.Not:
		p.advance()
		if p.takeWord(token.Null) { // NOT NULL, as SQLite has it
			return p.grown(&ast.Is{At: operator.at, X: left, Not: true}, above(p.last))
		}
		return p.likeSuffix(left, true, operator.at)
	default:
		return p.likeSuffix(left, false, operator.at)
	}
}

// likeSuffix reads BETWEEN, IN or LIKE, before which there may have been NOT.
func (p *parser) likeSuffix(left ast.Expr, not bool, at int) (ast.Expr, error) {
	switch p.now.keyword {
	case token.Between:
		return p.between(left, not, at)
	case token.In:
		return p.in(left, not, at)
	case token.Similar:
		return nil, p.fail(sqlstate.NotSupported, p.now, "SIMILAR TO is not supported", "use LIKE")
	default:
		return p.like(left, not, at)
	}
}

// binary reads an operator and what is on its right.
func (p *parser) binary(left ast.Expr, o ast.Operator, precedence ast.Precedence) (ast.Expr, error) {
	operator, before := p.now, p.last
	p.advance()
	if p.isWord(token.Any) || p.isWord(token.Some) || p.isWord(token.All) {
		return p.quantified(left, o, operator.at)
	}
	right, err := p.expression(precedence + 1)
	if err != nil {
		return nil, err
	}
	s := above(before, p.last)
	if b, ok := left.(*ast.Binary); ok && b.Operator.Precedence() == precedence && o.Chains() {
		s.nesting = max(before.nesting, p.last.nesting+2) // the left side needs no parentheses
	}
	if !o.Chains() && p.infix() == precedence {
		return nil, p.chained(o)
	}
	return p.grown(&ast.Binary{At: operator.at, Operator: o, Left: left, Right: right}, s)
}

// chained returns the error for a < b < c.
func (p *parser) chained(o ast.Operator) error {
	return p.fail(sqlstate.SyntaxError, p.now,
		"syntax error at "+quoteForMessage(p.source(p.now))+": comparisons do not chain",
		"join two with AND, or put one, such as that with "+o.String()+", in parentheses")
}

// test reads IS and what it tests for.
func (p *parser) test(left ast.Expr) (ast.Expr, error) {
	at := p.now.at
	p.advance()
	not := p.takeWord(token.Not)
	e := &ast.Is{At: at, X: left, Not: not}
	switch p.now.keyword {
	case token.Null:
		e.Truth = ast.IsNull
	case token.True:
		e.Truth = ast.IsTrue
	case token.False:
		e.Truth = ast.IsFalse
	case token.Unknown:
		e.Truth = ast.IsUnknown
	case token.Distinct:
		return p.distinct(left, not, at)
	default:
		return nil, p.unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
	}
	p.advance()
	return p.grown(e, above(p.last))
}

// distinct reads DISTINCT FROM and what follows it.
func (p *parser) distinct(left ast.Expr, not bool, at int) (ast.Expr, error) {
	p.advance()
	if !p.isWord(token.From) {
		return nil, p.unexpected("FROM")
	}
	o := ast.Distinct
	if not {
		o = ast.NotDistinct
	}
	e, err := p.binary(left, o, ast.PrecedenceIs)
	if b, ok := e.(*ast.Binary); ok {
		b.At = at
	}
	return e, err
}

func (p *parser) between(left ast.Expr, not bool, at int) (ast.Expr, error) {
	e, sizes := &ast.Between{At: at, X: left, Not: not}, [3]size{p.last}
	p.advance()
	if p.isWord(token.Symmetric) {
		return nil, p.fail(sqlstate.NotSupported, p.now, "BETWEEN SYMMETRIC is not supported", "use LEAST and GREATEST")
	}
	var err error
	if e.Low, err = p.expression(ast.PrecedenceOther); err != nil {
		return nil, err
	}
	sizes[1] = p.last
	if err = p.wantWord(token.And); err != nil {
		return nil, err
	}
	if e.High, err = p.expression(ast.PrecedenceOther); err != nil {
		return nil, err
	}
	sizes[2] = p.last
	return p.likeEnd(e, above(sizes[:]...))
}

// likeEnd ends an expression behind which none of its precedence can follow.
func (p *parser) likeEnd(e ast.Expr, s size) (ast.Expr, error) {
	if p.infix() == ast.PrecedenceLike {
		return nil, p.fail(sqlstate.SyntaxError, p.now,
			"syntax error at "+quoteForMessage(p.source(p.now))+": it cannot follow BETWEEN or LIKE without parentheses", "")
	}
	return p.grown(e, s)
}

func (p *parser) in(left ast.Expr, not bool, at int) (ast.Expr, error) {
	before := p.last
	p.advance()
	if err := p.want(openParen, "( and a list of values"); err != nil {
		return nil, err
	}
	if p.beginsQuery() {
		return p.inQuery(left, before, not, at)
	}
	list, s, err := p.several()
	if err == nil && len(list) == 1 {
		list[0], err = p.continued(list[0])
		s = larger(s, p.last)
	}
	if err == nil {
		err = p.want(closeParen, ") or a comma")
	}
	if err != nil {
		return nil, err
	}
	if q, ok := list[0].(*ast.Subquery); ok && len(list) == 1 { // its parentheses were doubled
		return p.grown(&ast.In{At: at, X: left, Query: q.Query, Not: not}, above(before, s))
	}
	return p.grown(&ast.In{At: at, X: left, List: list, Not: not}, above(before, s))
}

// list reads expressions with commas between them, and the parenthesis behind them.
func (p *parser) list() ([]ast.Expr, size, error) {
	list, s, err := p.several()
	if err != nil {
		return nil, s, err
	}
	return list, s, p.want(closeParen, ") or a comma")
}

// several reads expressions with commas between them.
func (p *parser) several() ([]ast.Expr, size, error) {
	var list []ast.Expr
	var most size
	for {
		e, err := p.expression(0)
		if err != nil {
			return nil, most, err
		}
		list = append(list, e)
		most = larger(most, p.last)
		if !p.take(comma) {
			return list, most, nil
		}
	}
}

func (p *parser) like(left ast.Expr, not bool, at int) (ast.Expr, error) {
	e, sizes := &ast.Like{At: at, X: left, Not: not, IgnoreCase: p.now.keyword == token.Ilike}, [3]size{p.last}
	p.advance()
	var err error
	if e.Pattern, err = p.expression(ast.PrecedenceOther); err != nil {
		return nil, err
	}
	sizes[1] = p.last
	if p.takeWord(token.Escape) {
		if e.Escape, err = p.expression(ast.PrecedenceOther); err != nil {
			return nil, err
		}
		sizes[2] = p.last
	}
	return p.likeEnd(e, above(sizes[:]...))
}
