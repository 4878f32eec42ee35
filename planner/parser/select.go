package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// selectBody reads SELECT up to its WINDOW.
func (p *parser) selectBody() (ast.Body, error) {
	s := &ast.Select{At: p.now.at}
	p.advance()
	err := p.distinctOn(s)
	if err == nil && !p.isWord(token.From) {
		s.Items, err = p.items()
	}
	if err != nil {
		return nil, err
	}
	if p.isWord(token.Into) {
		return nil, p.fail(sqlstate.NotSupported, p.now, "SELECT INTO is not supported", "write CREATE TABLE name AS SELECT ...")
	}
	if p.takeWord(token.From) {
		if s.From, err = p.tables(); err != nil {
			return nil, err
		}
	}
	if err = p.optional(token.Where, &s.Where); err != nil {
		return nil, err
	}
	return s, p.grouping(s)
}

// grouping reads GROUP BY, HAVING and WINDOW.
func (p *parser) grouping(s *ast.Select) (err error) {
	if p.takeWord(token.Group) {
		if err = p.wantText("by"); err != nil {
			return err
		}
		if s.GroupBy, err = p.values(); err != nil {
			return err
		}
	}
	if err = p.optional(token.Having, &s.Having); err != nil {
		return err
	}
	if p.takeWord(token.Window) {
		s.Windows, err = p.namedWindows()
	}
	return err
}

// distinctOn reads DISTINCT [ON (...)] or ALL.
func (p *parser) distinctOn(s *ast.Select) error {
	if !p.takeWord(token.Distinct) {
		p.takeWord(token.All)
		return nil
	}
	s.Distinct = true
	if !p.takeWord(token.On) {
		return nil
	}
	err := p.want(openParen, "(")
	if err != nil {
		return err
	}
	if s.On, err = p.values(); err != nil {
		return err
	}
	return p.want(closeParen, ") or a comma")
}

// items reads the columns of a result.
func (p *parser) items() ([]ast.Item, error) {
	list := make([]ast.Item, 0, 4)
	for {
		i := ast.Item{At: p.now.at}
		err := p.item(&i)
		if err != nil {
			return nil, err
		}
		if list = append(list, i); !p.take(comma) {
			return list, nil
		}
	}
}

// item reads one column.
func (p *parser) item(i *ast.Item) (err error) {
	if i.Expr = p.star(); i.Expr != nil {
		return nil
	}
	if i.Expr, err = p.value(); err != nil {
		return err
	}
	switch {
	case p.takeWord(token.As):
		if p.now.kind != word && p.now.kind != quotedName {
			return p.unexpected("a name")
		}
	case !p.isLabel():
		return nil
	}
	i.As = p.now.text
	p.advance()
	return nil
}

// star reads * or table.*, or returns nil.
func (p *parser) star() ast.Expr {
	at := p.now.at
	switch {
	case p.take(star):
		return &ast.Star{At: at}
	case !p.isName() || !p.before('.'):
		return nil
	}
	ahead := p.lex
	if t := ahead.next(); t.kind != symbol || t.symbol != dot { // .5
		return nil
	}
	if t := ahead.next(); t.kind != symbol || t.symbol != star {
		return nil
	}
	e := &ast.Star{At: at, Table: p.now.text}
	p.lex = ahead
	p.advance()
	return e
}

// isLabel reports whether the token in front names the expression before it, without AS.
func (p *parser) isLabel() bool {
	if p.now.kind != word {
		return p.now.kind == quotedName
	}
	switch p.now.keyword {
	case 0:
		switch p.now.text { // those of PostgreSQL that follow types, intervals and functions
		case "day", "hour", "minute", "month", "second", "year", "precision", "varying", "without", "char", "character":
			return false
		default:
			return true
		}
	case token.Over, token.Filter, token.Within:
		return false
	default:
		return p.now.keyword.Class() <= token.ColumnName
	}
}

// orderBy reads ORDER BY and what follows it.
func (p *parser) orderBy() ([]ast.Order, error) {
	p.advance()
	if err := p.wantText("by"); err != nil {
		return nil, err
	}
	var list []ast.Order
	for {
		o := ast.Order{At: p.now.at}
		var err error
		if o.Expr, err = p.value(); err != nil {
			return nil, err
		}
		if o.Descending, o.Nulls, err = p.direction(); err != nil {
			return nil, err
		}
		if list = append(list, o); !p.take(comma) {
			return list, nil
		}
	}
}

// direction reads [ASC | DESC] [NULLS FIRST | LAST].
func (p *parser) direction() (descending bool, nulls ast.Nulls, err error) {
	if !p.takeWord(token.Asc) {
		descending = p.takeWord(token.Desc)
	}
	if !p.takeText("nulls") {
		return descending, ast.NullsGreatest, nil
	}
	switch {
	case p.takeText("first"):
		return descending, ast.NullsFirst, nil
	case p.takeText("last"):
		return descending, ast.NullsLast, nil
	default:
		return descending, nulls, p.unexpected("FIRST or LAST")
	}
}
