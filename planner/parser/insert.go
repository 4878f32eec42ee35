package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// insert reads INSERT or REPLACE.
func (p *parser) insert(with *ast.With) (ast.Statement, error) {
	s := &ast.Insert{At: p.now.at, With: with, Replace: p.isText("replace")}
	if with != nil {
		s.At = with.At
	}
	p.advance()
	if !s.Replace && p.takeWord(token.Or) {
		if !p.takeText("replace") {
			return nil, p.fail(sqlstate.NotSupported, p.now, "of INSERT OR ... there is only INSERT OR REPLACE", "write INSERT ... ON CONFLICT DO NOTHING")
		}
		s.Replace = true
	}
	if err := p.wantWord(token.Into); err != nil {
		return nil, err
	}
	if err := p.target(&s.Table, false); err != nil {
		return nil, err
	}
	if err := p.inserted(s); err != nil {
		return nil, err
	}
	var err error
	if p.isWord(token.On) {
		if s.Conflict, err = p.conflict(); err != nil {
			return nil, err
		}
	}
	s.Returning, err = p.returning()
	return s, err
}

// target reads the table that a statement changes. Its alias may need AS.
func (p *parser) target(t *ast.Named, bareAlias bool) (err error) {
	if t.Relation, err = p.relation("a table"); err != nil {
		return err
	}
	t.At = t.Relation.At
	at := p.now.at
	if !p.takeWord(token.As) && (!bareAlias || p.isText("set") || !p.isName()) {
		return nil
	}
	n, err := p.anyName("a name")
	t.Alias = &ast.Alias{At: at, Name: n.Name}
	return err
}

// inserted reads the columns and the rows.
func (p *parser) inserted(s *ast.Insert) (err error) {
	if p.is(openParen) && p.beginsNames() {
		if s.Columns, err = p.names("a column"); err != nil {
			return err
		}
	}
	if p.takeText("overriding") {
		switch {
		case p.takeText("system"):
			s.Override = ast.OverridingSystem
		case p.takeWord(token.User):
			s.Override = ast.OverridingUser
		default:
			return p.unexpected("SYSTEM or USER")
		}
		if err = p.wantText("value"); err != nil {
			return err
		}
	}
	if p.isWord(token.Default) && len(s.Columns) == 0 && s.Override == ast.OverridingNothing {
		return p.wantText("default", "values")
	}
	if !p.is(openParen) && !p.beginsQuery() {
		if len(s.Columns) > 0 {
			return p.unexpected("VALUES or SELECT")
		}
		return p.unexpected("VALUES, SELECT or DEFAULT VALUES")
	}
	s.Query, err = p.query()
	return err
}

// beginsNames reports whether the parenthesis in front is that of names and not that of a query.
func (p *parser) beginsNames() bool {
	ahead := *p
	ahead.advance()
	return !ahead.is(openParen) && !ahead.beginsQuery()
}

// conflict reads ON CONFLICT and what to do.
func (p *parser) conflict() (*ast.Conflict, error) {
	c := &ast.Conflict{At: p.now.at}
	p.advance()
	err := p.wantText("conflict")
	switch {
	case err != nil:
	case p.is(openParen):
		if c.Columns, err = p.indexColumns(); err == nil {
			err = p.optional(token.Where, &c.Only)
		}
	case p.takeWord(token.On):
		if err = p.wantWord(token.Constraint); err == nil {
			var n ast.Name
			n, err = p.anyName("the name of a constraint")
			c.Constraint = n.Name
		}
	}
	if err == nil {
		err = p.wantWord(token.Do)
	}
	if err != nil {
		return nil, err
	}
	return c, p.conflictAction(c)
}

// conflictAction reads NOTHING, or UPDATE SET and what follows.
func (p *parser) conflictAction(c *ast.Conflict) (err error) {
	if p.takeText("nothing") {
		return nil
	}
	if !p.isText("update") {
		return p.unexpected("NOTHING or UPDATE")
	}
	at := p.now
	p.advance()
	c.Update = true
	if c.Set, err = p.assignments(); err != nil {
		return err
	}
	if len(c.Columns) == 0 && c.Constraint == "" {
		return p.fail(sqlstate.SyntaxError, at, "ON CONFLICT DO UPDATE must say which columns conflict", "write ON CONFLICT (column) DO UPDATE")
	}
	return p.optional(token.Where, &c.Where)
}

// assignments reads SET and what follows.
func (p *parser) assignments() ([]ast.Assignment, error) {
	if err := p.wantText("set"); err != nil {
		return nil, err
	}
	list := make([]ast.Assignment, 0, 2)
	for {
		a := ast.Assignment{At: p.now.at}
		if err := p.assignment(&a); err != nil {
			return nil, err
		}
		if list = append(list, a); !p.take(comma) {
			return list, nil
		}
	}
}

// assignment reads one of them.
func (p *parser) assignment(a *ast.Assignment) (err error) {
	if p.is(openParen) {
		a.Columns, err = p.names("a column")
	} else {
		var n ast.Name
		n, err = p.anyName("a column")
		a.Columns = []ast.Name{n}
	}
	switch {
	case err != nil:
		return err
	case p.is(dot):
		return p.fail(sqlstate.SyntaxError, p.now, "columns that are set are named without their table", "")
	}
	if err = p.want(equal, "="); err != nil {
		return err
	}
	if len(a.Columns) == 1 {
		a.Value, err = p.valueOrDefault()
		return err
	}
	return p.assignedRow(a)
}

// assignedRow reads the values of several columns.
func (p *parser) assignedRow(a *ast.Assignment) (err error) {
	first := p.now
	p.takeWord(token.Row)
	if p.is(openParen) && p.beginsNames() { // as a row of VALUES, in which DEFAULT can be
		row := &ast.Row{At: first.at}
		p.advance()
		row.List, err = p.valuesRow(0)
		a.Value = row
		return err
	}
	a.Value, err = p.value()
	if _, ok := a.Value.(*ast.Subquery); err == nil && !ok {
		return p.fail(sqlstate.SyntaxError, first, "several columns get the values of a row or of a query in parentheses", "")
	}
	return err
}

// returning reads RETURNING and what follows, if it is there.
func (p *parser) returning() ([]ast.Item, error) {
	if !p.takeWord(token.Returning) {
		return nil, nil
	}
	return p.items()
}
