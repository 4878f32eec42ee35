package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// object reads TABLE, INDEX, VIEW or SEQUENCE.
func (p *parser) object() (ast.Object, error) {
	switch {
	case p.takeWord(token.Table):
		return ast.TableObject, nil
	case p.takeText("index"):
		return ast.IndexObject, nil
	case p.takeText("view"):
		return ast.ViewObject, nil
	case p.takeText("sequence"):
		return ast.SequenceObject, nil
	default:
		return 0, p.noObject("TABLE, INDEX, VIEW or SEQUENCE")
	}
}

// drop reads DROP.
func (p *parser) drop() (ast.Statement, error) {
	s := &ast.Drop{At: p.now.at}
	p.advance()
	var err error
	if s.Kind, err = p.object(); err != nil {
		return nil, err
	}
	if s.IfExists, err = p.ifExists(); err != nil {
		return nil, err
	}
	if s.Names, err = p.relations("a name"); err != nil {
		return nil, err
	}
	s.Cascade = p.cascade()
	return s, nil
}

// reindex reads REINDEX.
func (p *parser) reindex() (ast.Statement, error) {
	s := &ast.Reindex{At: p.now.at, Kind: ast.IndexObject}
	p.advance()
	named := p.takeText("index")
	if !named && p.takeWord(token.Table) {
		named, s.Kind = true, ast.TableObject
	}
	if !named && !p.isName() {
		return s, nil
	}
	r, err := p.relation("a name")
	s.Name = &r
	return s, err
}

// alter reads ALTER.
func (p *parser) alter() (ast.Statement, error) {
	at := p.now.at
	p.advance()
	kind, err := p.object()
	if err != nil {
		return nil, err
	}
	ifExists, err := p.ifExists()
	if err != nil {
		return nil, err
	}
	name, err := p.relation("a name")
	if err != nil {
		return nil, err
	}
	switch {
	case kind == ast.TableObject:
		return p.alterTable(&ast.AlterTable{At: at, IfExists: ifExists, Table: name})
	case kind == ast.SequenceObject && !p.isText("rename"):
		s := &ast.AlterSequence{At: at, IfExists: ifExists, Name: name}
		if err = p.sequenceOptions(&s.Options, true); err == nil && s.Options == (ast.SequenceOptions{}) {
			err = p.unexpected("an option of a sequence, or RENAME TO")
		}
		return s, err
	}
	s := &ast.Rename{At: at, Kind: kind, IfExists: ifExists, Name: name}
	if err = p.wantText("rename", "to"); err != nil {
		return nil, err
	}
	s.To, err = p.anyName("a new name")
	return s, err
}

// alterTable reads what to change in a table.
func (p *parser) alterTable(s *ast.AlterTable) (ast.Statement, error) {
	for {
		c := ast.Change{At: p.now.at}
		if err := p.change(&c); err != nil {
			return nil, err
		}
		s.Changes = append(s.Changes, c)
		renames := c.Kind == ast.RenameTable || c.Kind == ast.RenameColumn || c.Kind == ast.RenameConstraint
		switch {
		case renames && len(s.Changes) > 1:
			return nil, p.fail(sqlstate.SyntaxError, tok{at: c.At}, "RENAME stands alone in ALTER TABLE", "")
		case renames || !p.take(comma):
			return s, nil
		}
	}
}

// change reads one change.
func (p *parser) change(c *ast.Change) error {
	switch {
	case p.takeText("add"):
		return p.add(c)
	case p.takeText("drop"):
		return p.dropFrom(c)
	case p.takeText("rename"):
		return p.rename(c)
	case p.takeText("alter"):
		return p.alterColumn(c)
	default:
		return p.unexpected("ADD, DROP, ALTER or RENAME")
	}
}

// add reads a column or constraint.
func (p *parser) add(c *ast.Change) (err error) {
	if p.beginsTableConstraint() {
		c.Kind = ast.AddConstraint
		c.Constraint, err = p.tableConstraint()
		return err
	}
	p.takeWord(token.Column)
	if c.If, err = p.ifNotExists(); err != nil {
		return err
	}
	c.Column, err = p.tableColumn()
	return err
}

// dropFrom reads the column or constraint that goes.
func (p *parser) dropFrom(c *ast.Change) (err error) {
	c.Kind = ast.DropColumn
	if p.takeWord(token.Constraint) {
		c.Kind = ast.DropConstraint
	} else {
		p.takeWord(token.Column)
	}
	if c.If, err = p.ifExists(); err != nil {
		return err
	}
	if c.Name, err = p.anyName("a name"); err != nil {
		return err
	}
	c.Cascade = p.cascade()
	return nil
}

// rename reads what gets another name.
func (p *parser) rename(c *ast.Change) (err error) {
	switch {
	case p.takeWord(token.To):
		c.Kind = ast.RenameTable
		c.To, err = p.anyName("a new name")
		return err
	case p.takeWord(token.Constraint):
		c.Kind = ast.RenameConstraint
	default:
		c.Kind = ast.RenameColumn
		p.takeWord(token.Column)
	}
	if c.Name, err = p.anyName("a name"); err != nil {
		return err
	}
	if err = p.wantWord(token.To); err != nil {
		return err
	}
	c.To, err = p.anyName("a new name")
	return err
}

// alterColumn reads what changes in a column.
func (p *parser) alterColumn(c *ast.Change) (err error) {
	p.takeWord(token.Column)
	if c.Name, err = p.anyName("a column"); err != nil {
		return err
	}
	switch {
	case p.takeText("set"):
		return p.setInColumn(c)
	case p.takeText("type"):
		return p.newType(c)
	case p.takeText("drop"):
		return p.dropInColumn(c)
	case p.takeText("add"):
		c.Kind = ast.AddIdentity
		identity := &ast.Constraint{At: p.now.at}
		if !p.isText("generated") {
			return p.unexpected("GENERATED")
		}
		c.Constraint = identity
		if err = p.generated(identity); err == nil && identity.Kind != ast.Identity {
			return p.fail(sqlstate.SyntaxError, tok{at: identity.At}, "only an identity can be added to a column", "")
		}
		return err
	default:
		return p.unexpected("SET, DROP, ADD or TYPE")
	}
}

func (p *parser) setInColumn(c *ast.Change) (err error) {
	switch {
	case p.takeText("data"):
		if err = p.wantText("type"); err != nil {
			return err
		}
		return p.newType(c)
	case p.takeWord(token.Default):
		c.Kind = ast.SetDefault
		c.Expr, err = p.value()
		return err
	case p.isWord(token.Not):
		c.Kind = ast.SetNotNull
		return p.wantText("not", "null")
	default:
		return p.unexpected("DEFAULT, NOT NULL or DATA TYPE")
	}
}

func (p *parser) newType(c *ast.Change) (err error) {
	c.Kind = ast.SetType
	if c.Type, err = p.typeName(); err != nil {
		return err
	}
	return p.optional(token.Using, &c.Expr)
}

func (p *parser) dropInColumn(c *ast.Change) (err error) {
	switch {
	case p.takeWord(token.Default):
		c.Kind = ast.DropDefault
	case p.isWord(token.Not):
		c.Kind = ast.DropNotNull
		return p.wantText("not", "null")
	case p.takeText("identity"):
		c.Kind = ast.DropIdentity
		c.If, err = p.ifExists()
	default:
		err = p.unexpected("DEFAULT, NOT NULL or IDENTITY")
	}
	return err
}
