package parser

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// name reads a column, a function with its arguments, or a type with text: uuid '...'.
func (p *parser) name() (ast.Expr, error) {
	t := p.now
	p.advance()
	switch {
	case p.is(openParen):
		return p.call(t)
	case p.is(dot):
		return p.qualified(t)
	case p.now.kind == text && t.kind == word:
		return p.typedText(t)
	}
	p.last = size{}
	return &ast.Column{At: t.at, Name: t.text}, nil
}

// qualified reads the column of a table, whose name was read.
func (p *parser) qualified(table tok) (ast.Expr, error) {
	p.advance()
	column := p.now
	if column.kind != word && column.kind != quotedName {
		return nil, p.unexpected("the name of a column")
	}
	p.advance()
	if p.is(dot) || p.is(openParen) {
		return nil, p.fail(sqlstate.NotSupported, table, "schemas are not supported", "write only the table and the column")
	}
	p.last = size{}
	return &ast.Column{At: table.at, Table: table.text, Name: column.text}, nil
}

// typedText reads the text behind the name of a type.
func (p *parser) typedText(name tok) (ast.Expr, error) {
	t, err := catalog.ParseType(name.text)
	if err != nil {
		return nil, p.unexpected("an operator")
	}
	x, err := p.literal(ast.Text)
	if err != nil {
		return nil, err
	}
	return p.grown(&ast.Cast{At: name.at, X: x, Type: t}, above(p.last))
}

// call reads the arguments of a function.
func (p *parser) call(name tok) (ast.Expr, error) {
	e := &ast.Call{At: name.at, Name: name.text}
	p.advance()
	p.last = size{}
	switch {
	case p.take(closeParen):
		return p.callTail(e, size{})
	case p.take(star):
		e.Star = true
		if err := p.want(closeParen, ")"); err != nil {
			return nil, err
		}
		return p.callTail(e, size{})
	}
	if e.Distinct = p.takeWord(token.Distinct); !e.Distinct {
		p.takeWord(token.All)
	}
	list, s, err := p.several()
	if err != nil {
		return nil, err
	}
	e.Args = list
	if p.isWord(token.Order) {
		outer := p.within
		p.within = s
		if e.OrderBy, err = p.orderBy(); err != nil {
			return nil, err
		}
		s, p.within = p.within, outer
	}
	if err := p.want(closeParen, ") or a comma"); err != nil {
		return nil, err
	}
	return p.callTail(e, s)
}

// wordyCall reads a function that may have words between its arguments.
func (p *parser) wordyCall(name tok) (ast.Expr, error) {
	p.advance()
	p.advance()
	switch name.keyword {
	case token.Extract:
		return p.extract(name)
	case token.Position:
		return p.position(name)
	case token.Substring:
		return p.substring(name)
	default:
		return p.trim(name)
	}
}

// argument reads one more argument of the call, whose sizes so far are in s.
func (p *parser) argument(e *ast.Call, s *size, least ast.Precedence) error {
	x, err := p.expression(least)
	if err != nil {
		return err
	}
	e.Args = append(e.Args, x)
	*s = larger(*s, p.last)
	return nil
}

// close reads the parenthesis behind the last argument.
func (p *parser) close(e *ast.Call, s size) (ast.Expr, error) {
	if err := p.want(closeParen, ") or a comma"); err != nil {
		return nil, err
	}
	return p.grown(e, above(s))
}

// extract reads EXTRACT(field FROM x).
func (p *parser) extract(name tok) (ast.Expr, error) {
	field := p.now
	if field.kind != word && field.kind != text && field.kind != quotedName {
		return nil, p.unexpected("a field, such as YEAR")
	}
	p.advance()
	if err := p.wantWord(token.From); err != nil {
		return nil, err
	}
	e := &ast.Call{At: name.at, Name: name.text}
	e.Args = []ast.Expr{&ast.Literal{At: field.at, Kind: ast.Text, Text: field.text}}
	var s size
	if err := p.argument(e, &s, 0); err != nil {
		return nil, err
	}
	return p.close(e, s)
}

// position reads POSITION(a IN b), which is strpos(b, a).
func (p *parser) position(name tok) (ast.Expr, error) {
	e, s := &ast.Call{At: name.at, Name: "strpos"}, size{}
	if err := p.argument(e, &s, ast.PrecedenceOther); err != nil {
		return nil, err
	}
	if err := p.wantWord(token.In); err != nil {
		return nil, err
	}
	if err := p.argument(e, &s, ast.PrecedenceOther); err != nil {
		return nil, err
	}
	e.Args[0], e.Args[1] = e.Args[1], e.Args[0]
	return p.close(e, s)
}

// substring reads SUBSTRING(x FROM start FOR length), or with commas.
func (p *parser) substring(name tok) (ast.Expr, error) {
	e, s := &ast.Call{At: name.at, Name: "substr"}, size{}
	if err := p.argument(e, &s, 0); err != nil {
		return nil, err
	}
	separators := []func() bool{
		func() bool { return p.take(comma) || p.takeWord(token.From) },
		func() bool { return p.take(comma) || p.takeWord(token.For) },
	}
	if p.isWord(token.For) {
		e.Args = append(e.Args, &ast.Literal{At: p.now.at, Kind: ast.Integer, Text: "1"})
		separators = separators[1:]
	}
	for _, separated := range separators {
		if !separated() {
			break
		}
		if err := p.argument(e, &s, 0); err != nil {
			return nil, err
		}
	}
	return p.close(e, s)
}

// trim reads TRIM([BOTH | LEADING | TRAILING] [characters FROM] x), or with a comma: btrim, ltrim or rtrim.
func (p *parser) trim(name tok) (ast.Expr, error) {
	e, s := &ast.Call{At: name.at, Name: "btrim"}, size{}
	switch {
	case p.takeWord(token.Leading):
		e.Name = "ltrim"
	case p.takeWord(token.Trailing):
		e.Name = "rtrim"
	default:
		p.takeWord(token.Both)
	}
	p.takeWord(token.From)
	if err := p.argument(e, &s, 0); err != nil {
		return nil, err
	}
	swap := p.isWord(token.From)
	if swap || p.is(comma) {
		p.advance()
		if err := p.argument(e, &s, 0); err != nil {
			return nil, err
		}
	}
	if swap {
		e.Args[0], e.Args[1] = e.Args[1], e.Args[0]
	}
	return p.close(e, s)
}
