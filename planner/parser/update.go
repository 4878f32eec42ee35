package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// update reads UPDATE.
func (p *parser) update(with *ast.With) (ast.Statement, error) {
	s := &ast.Update{At: p.now.at, With: with}
	if with != nil {
		s.At = with.At
	}
	p.advance()
	err := p.target(&s.Table, true)
	if err != nil {
		return nil, err
	}
	if s.Set, err = p.assignments(); err != nil {
		return nil, err
	}
	if p.takeWord(token.From) {
		if s.From, err = p.tables(); err != nil {
			return nil, err
		}
	}
	if err = p.optional(token.Where, &s.Where); err != nil {
		return nil, err
	}
	s.Returning, err = p.returning()
	return s, err
}

// remove reads DELETE.
func (p *parser) remove(with *ast.With) (ast.Statement, error) {
	s := &ast.Delete{At: p.now.at, With: with}
	if with != nil {
		s.At = with.At
	}
	p.advance()
	err := p.wantWord(token.From)
	if err != nil {
		return nil, err
	}
	if err = p.target(&s.Table, true); err != nil {
		return nil, err
	}
	if p.takeWord(token.Using) {
		if s.Using, err = p.tables(); err != nil {
			return nil, err
		}
	}
	if err = p.optional(token.Where, &s.Where); err != nil {
		return nil, err
	}
	s.Returning, err = p.returning()
	return s, err
}

// truncate reads TRUNCATE.
func (p *parser) truncate() (ast.Statement, error) {
	s := &ast.Truncate{At: p.now.at}
	p.advance()
	p.takeWord(token.Table)
	var err error
	if s.Tables, err = p.relations("a table"); err != nil {
		return nil, err
	}
	switch {
	case p.takeText("restart"):
		s.RestartIdentity = true
		err = p.wantText("identity")
	case p.takeText("continue"):
		err = p.wantText("identity")
	}
	if err != nil {
		return nil, err
	}
	s.Cascade = p.cascade()
	return s, nil
}

// copyTable reads COPY.
func (p *parser) copyTable() (ast.Statement, error) {
	s := &ast.Copy{At: p.now.at}
	p.advance()
	if err := p.copied(s); err != nil {
		return nil, err
	}
	switch {
	case s.Query == nil && p.takeWord(token.From):
		s.From = true
	case p.takeWord(token.To):
	case s.Query != nil:
		return nil, p.unexpected("TO")
	default:
		return nil, p.unexpected("FROM or TO")
	}
	if err := p.copyFile(s); err != nil {
		return nil, err
	}
	var err error
	s.Options, err = p.copyOptions()
	return s, err
}

// copied reads the table or the query.
func (p *parser) copied(s *ast.Copy) (err error) {
	if p.take(openParen) {
		if s.Query, err = p.query(); err != nil {
			return err
		}
		return p.want(closeParen, ")")
	}
	r, err := p.relation("a table, or a query in parentheses")
	if err != nil {
		return err
	}
	s.Table = &r
	s.Columns, err = p.optionalNames("a column")
	return err
}

// copyFile reads the file.
func (p *parser) copyFile(s *ast.Copy) error {
	switch {
	case p.now.kind == text && p.now.text != "":
		s.File = p.now.text
	case p.isText("stdin") && s.From, p.isText("stdout") && !s.From:
	case p.isText("program"):
		return p.fail(sqlstate.NotSupported, p.now, "COPY runs no programs", "")
	case s.From:
		return p.unexpected("a file in single quotes or STDIN")
	default:
		return p.unexpected("a file in single quotes or STDOUT")
	}
	p.advance()
	return nil
}

// copyOptions reads [WITH] (name value, ...), or the same in PostgreSQL's old way.
func (p *parser) copyOptions() ([]ast.Option, error) {
	p.takeWord(token.With)
	if !p.take(openParen) {
		return p.oldCopyOptions()
	}
	var list []ast.Option
	for {
		o := ast.Option{At: p.now.at, Name: p.now.text}
		if p.now.kind != word && p.now.kind != quotedName {
			return nil, p.unexpected("an option, such as FORMAT csv")
		}
		p.advance()
		if err := p.optionValue(&o); err != nil {
			return nil, err
		}
		if list = append(list, o); !p.take(comma) {
			return list, p.want(closeParen, ") or a comma")
		}
	}
}

// optionValue reads the value of an option, if it has one.
func (p *parser) optionValue(o *ast.Option) (err error) {
	switch p.now.kind {
	case word, quotedName, text, integer, decimal, float:
		o.Text, o.Value = true, p.now.text
		p.advance()
	default:
		if p.is(openParen) {
			o.Names, err = p.names("a column")
			return err
		}
		o.Star = p.take(star)
	}
	return nil
}

// oldCopyOptions reads CSV HEADER DELIMITER ';' and the like.
func (p *parser) oldCopyOptions() ([]ast.Option, error) {
	var list []ast.Option
	for p.now.kind == word {
		o := ast.Option{At: p.now.at, Name: p.now.text}
		switch p.now.text {
		case "csv", "binary":
			o.Name, o.Text, o.Value = "format", true, p.now.text
			p.advance()
		case "header":
			p.advance()
		case "delimiter", "null", "quote", "escape", "encoding":
			p.advance()
			p.takeWord(token.As)
			if p.now.kind != text {
				return nil, p.unexpected("a text in single quotes")
			}
			o.Text, o.Value = true, p.now.text
			p.advance()
		case "where":
			return nil, p.fail(sqlstate.NotSupported, p.now, "COPY with WHERE is not supported", "")
		default:
			return nil, p.unexpected("an option of COPY, in parentheses")
		}
		list = append(list, o)
	}
	return list, nil
}
