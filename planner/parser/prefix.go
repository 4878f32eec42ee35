package parser

import (
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// maxParameter is the highest number of a parameter, that of PostgreSQL's protocol.
const maxParameter = 65535

// prefix reads an expression up to the first operator behind it.
func (p *parser) prefix() (ast.Expr, error) {
	switch t := p.now; t.kind {
	case integer:
		return p.literal(ast.Integer)
	case decimal:
		return p.literal(ast.Decimal)
	case float:
		return p.literal(ast.Float)
	case text:
		return p.literal(ast.Text)
	case blob:
		return p.literal(ast.Bytes)
	case parameter:
		return p.parameter()
	case quotedName:
		return p.name()
	case word:
		return p.word()
	case symbol:
		switch t.symbol {
		case openParen:
			return p.parentheses()
		case minus:
			return p.sign(ast.Minus, ast.PrecedenceSign)
		case plus:
			return p.sign(ast.Plus, ast.PrecedenceSign)
		default:
			return nil, p.unexpected("an expression")
		}
	default:
		return nil, p.unexpected("an expression")
	}
}

func (p *parser) literal(k ast.Kind) (ast.Expr, error) {
	e := &ast.Literal{At: p.now.at, Kind: k, Text: p.now.text}
	p.advance()
	p.last = size{}
	return e, nil
}

// constant returns a literal that is a word.
func (p *parser) constant(k ast.Kind) (ast.Expr, error) {
	p.now.text = ""
	return p.literal(k)
}

func (p *parser) parameter() (ast.Expr, error) {
	t := p.now
	n := p.counted + 1
	if t.text == "" {
		p.counted = n
	} else {
		var err error
		n, err = strconv.Atoi(t.text)
		if err != nil || n < 1 {
			n = maxParameter + 1
		}
		p.numbered = true
	}
	switch {
	case n > maxParameter:
		return nil, p.fail(sqlstate.NoParameter, t, "there is no parameter "+p.source(t), "parameters are $1 to $65535")
	case p.counted > 0 && p.numbered:
		return nil, p.fail(sqlstate.SyntaxError, t, "parameters are either all ? or all $1, $2, ...", "")
	}
	p.advance()
	p.last = size{}
	return &ast.Parameter{At: t.at, Number: n}, nil
}

func (p *parser) sign(s ast.Sign, precedence ast.Precedence) (ast.Expr, error) {
	at := p.now.at
	p.advance()
	x, err := p.expression(precedence)
	if err != nil {
		return nil, err
	}
	return p.grown(&ast.Unary{At: at, Sign: s, X: x}, above(p.last))
}

// parentheses reads what is in them: an expression, a row of several, or a query.
func (p *parser) parentheses() (ast.Expr, error) {
	at := p.now.at
	p.advance()
	if p.beginsQuery() {
		return p.subquery(at)
	}
	e, err := p.expression(0)
	if err == nil {
		e, err = p.continued(e)
	}
	if err != nil {
		return nil, err
	}
	if p.is(comma) {
		return p.row(at, e)
	}
	return e, p.want(closeParen, ")")
}

// word reads what begins with a word that is not in quotes.
func (p *parser) word() (ast.Expr, error) {
	switch t := p.now; t.keyword {
	case 0:
		return p.name()
	case token.Null:
		return p.constant(ast.Null)
	case token.True:
		return p.constant(ast.True)
	case token.False:
		return p.constant(ast.False)
	case token.Not:
		return p.sign(ast.Not, ast.PrecedenceNot)
	case token.Case:
		return p.caseWhen()
	case token.Cast:
		return p.cast()
	case token.CurrentDate, token.CurrentTimestamp:
		p.advance()
		p.last = size{}
		return &ast.Call{At: t.at, Name: t.text}, nil
	case token.Select:
		return nil, p.fail(sqlstate.SyntaxError, t, "a query within an expression must be in parentheses", "")
	case token.Array:
		return nil, p.fail(sqlstate.NotSupported, t, "arrays are not supported", "")
	default:
		return p.keywordName()
	}
}

// keywordName reads a name that is a keyword, or what begins with one and looks like a name.
func (p *parser) keywordName() (ast.Expr, error) {
	t, next := p.now, p.peek()
	call := next.kind == symbol && next.symbol == openParen
	class := t.keyword.Class()
	switch k := t.keyword; {
	case k == token.Date, k == token.Timestamp:
		return p.moment()
	case k == token.Interval && next.kind == text:
		return p.interval()
	case k == token.Exists && call:
		return p.exists()
	case k == token.Row && call:
		p.advance()
		return p.row(t.at, nil)
	case call && (k == token.Extract || k == token.Position || k == token.Substring || k == token.Trim):
		return p.wordyCall(t)
	case class == token.Reserved, class == token.FunctionName && !call, class == token.ColumnName && call:
		return nil, p.unexpected("an expression")
	default:
		return p.name()
	}
}

// moment reads DATE '...' or TIMESTAMP '...', or a column of that name.
func (p *parser) moment() (ast.Expr, error) {
	t, k := p.now, ast.Date
	if t.keyword == token.Timestamp {
		k = ast.Timestamp
		if ahead := p.peek(); ahead.keyword == token.With {
			p.advance()
			if err := p.timeZone(); err != nil {
				return nil, err
			}
			if p.now.kind != text {
				return nil, p.unexpected("a time in single quotes")
			}
			p.now.at = t.at
			return p.literal(k)
		}
	}
	if p.peek().kind != text {
		return p.name()
	}
	p.advance()
	p.now.at = t.at
	return p.literal(k)
}

// timeZone reads WITH TIME ZONE.
func (p *parser) timeZone() error {
	p.advance()
	for _, w := range []string{"time", "zone"} {
		if p.now.kind != word || p.now.text != w {
			return p.unexpected("TIME ZONE")
		}
		p.advance()
	}
	return nil
}

// caseWhen reads CASE ... END.
func (p *parser) caseWhen() (ast.Expr, error) {
	e := &ast.Case{At: p.now.at}
	p.advance()
	var most size
	read := func(into *ast.Expr) (err error) {
		*into, err = p.expression(0)
		most = larger(most, p.last)
		return err
	}
	if !p.isWord(token.When) {
		if err := read(&e.Operand); err != nil {
			return nil, err
		}
	}
	for p.takeWord(token.When) {
		var w ast.When
		if err := read(&w.Condition); err != nil {
			return nil, err
		}
		if err := p.wantWord(token.Then); err != nil {
			return nil, err
		}
		if err := read(&w.Result); err != nil {
			return nil, err
		}
		e.Whens = append(e.Whens, w)
	}
	if len(e.Whens) == 0 {
		return nil, p.unexpected("WHEN")
	}
	if p.takeWord(token.Else) {
		if err := read(&e.Else); err != nil {
			return nil, err
		}
	}
	if err := p.wantWord(token.End); err != nil {
		return nil, err
	}
	return p.grown(e, above(most))
}

// cast reads CAST(x AS type).
func (p *parser) cast() (ast.Expr, error) {
	e := &ast.Cast{At: p.now.at}
	p.advance()
	err := p.want(openParen, "(")
	if err != nil {
		return nil, err
	}
	if e.X, err = p.expression(0); err != nil {
		return nil, err
	}
	inner := p.last
	if err = p.wantWord(token.As); err != nil {
		return nil, err
	}
	if e.Type, err = p.castType(); err != nil {
		return nil, err
	}
	if err = p.want(closeParen, ")"); err != nil {
		return nil, err
	}
	return p.grown(e, above(inner))
}

// castSuffix reads ::type.
func (p *parser) castSuffix(x ast.Expr) (ast.Expr, error) {
	at := p.now.at
	p.advance()
	t, err := p.castType()
	if err != nil {
		return nil, err
	}
	return p.grown(&ast.Cast{At: at, X: x, Type: t}, above(p.last))
}

// castType reads a type, which may be one that no column has.
func (p *parser) castType() (catalog.Type, error) {
	if p.now.kind == word && p.now.keyword == token.Interval {
		p.advance()
		return catalog.Type{Kind: catalog.Interval}, nil
	}
	return p.typeName()
}

// typeName reads a type: a word, or those that belong together, and numbers in parentheses.
func (p *parser) typeName() (catalog.Type, error) {
	first := p.now
	if first.kind != word {
		return catalog.Type{}, p.unexpected("a type")
	}
	if first.keyword == token.Interval {
		return catalog.Type{}, p.fail(sqlstate.NotSupported, first, "INTERVAL is no type of columns", "an interval is written INTERVAL '1 day'")
	}
	p.advance()
	var b strings.Builder
	b.WriteString(first.text)
	follow := func(words ...string) {
		for _, w := range words {
			if p.now.kind == word && p.now.text == w {
				b.WriteString(" " + w)
				p.advance()
			}
		}
	}
	follow(map[string]string{"double": "precision", "character": "varying", "char": "varying"}[first.text])
	if p.is(openParen) {
		if err := p.typeNumbers(&b); err != nil {
			return catalog.Type{}, err
		}
	}
	if first.text == "timestamp" || first.text == "time" {
		if p.isWord(token.With) || p.now.kind == word && p.now.text == "without" {
			follow(p.now.text, "time", "zone")
		}
	}
	if p.is(openBracket) {
		return catalog.Type{}, p.fail(sqlstate.NotSupported, p.now, "arrays are not supported", "")
	}
	t, err := catalog.ParseType(b.String())
	if err != nil {
		return t, p.badType(first, b.String(), err)
	}
	return t, nil
}

// badType returns the error for a type that there is not, or not with these numbers.
func (p *parser) badType(first tok, name string, err error) error {
	code, message := sqlstate.InvalidParameter, strings.TrimPrefix(err.Error(), catalog.ErrSchema.Error()+": ")
	word, _, _ := strings.Cut(name, "(")
	if _, unknown := catalog.ParseType(word); unknown != nil {
		code, message = sqlstate.UndefinedType, "there is no type "+quoteForMessage(word)
	}
	return &sqlstate.Error{Code: code, At: first.at, Message: message, Text: p.lex.src, Cause: err}
}

// typeNumbers reads what a type has in parentheses, and adds it to the text.
func (p *parser) typeNumbers(b *strings.Builder) error {
	b.WriteByte('(')
	for {
		p.advance()
		if p.now.kind != integer {
			return p.unexpected("a number")
		}
		b.WriteString(p.now.text)
		p.advance()
		if !p.is(comma) {
			break
		}
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return p.want(closeParen, ") or a comma")
}
