package parser

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
)

func (r trees) indexColumn(depth int) ast.IndexColumn {
	return ast.IndexColumn{Expr: r.tree(depth), Descending: r.maybe(), Nulls: ast.Nulls(r.IntN(3))}
}

func (r trees) number() *int64 {
	if r.maybe() {
		return nil
	}
	n := r.Int64() - r.Int64()
	return &n
}

func (r trees) sequence() ast.SequenceOptions {
	o := ast.SequenceOptions{Increment: r.number(), Min: r.number(), Max: r.number(), Start: r.number(), Cache: r.number()}
	o.NoMin, o.NoMax = o.Min == nil && r.maybe(), o.Max == nil && r.maybe()
	o.Cycle = r.maybe()
	o.NoCycle = !o.Cycle && r.maybe()
	return o
}

func (r trees) sqlType() catalog.Type {
	t, err := catalog.ParseType(pick(r, types))
	if err != nil {
		panic(err)
	}
	return t
}

// constraint makes one of a column, or of a table if it has columns.
func (r trees) constraint(depth int, ofTable bool) ast.Constraint {
	kinds := int(ast.Identity) + 1
	if ofTable {
		kinds = int(ast.ForeignKey) + 1
	}
	c := ast.Constraint{Kind: ast.ConstraintKind(r.IntN(kinds)), Name: perhaps(r, r.ident)}
	if ofTable && c.Kind != ast.Check {
		c.Columns = some(r, 1, r.named)
	}
	switch c.Kind {
	case ast.Check, ast.DefaultValue, ast.Generated:
		c.Expr = r.tree(depth)
	case ast.ForeignKey:
		c.References = &ast.Reference{
			Table: r.relation(), Columns: some(r, 0, r.named), OnDelete: catalog.Action(r.IntN(3)), OnUpdate: catalog.Action(r.IntN(3)),
		}
	case ast.Identity:
		c.Identity = catalog.Identity(1 + r.IntN(2))
		c.Sequence = perhaps(r, r.sequence)
	default:
	}
	if c.Kind != ast.Generated && c.Kind != ast.Identity && r.IntN(4) == 0 {
		c.Deferrable, c.Deferred = true, r.maybe()
	}
	return c
}

func (r trees) tableColumn(depth int) ast.TableColumn {
	return ast.TableColumn{
		Name: r.ident(), Type: r.sqlType(), Constraints: some(r, 0, func() ast.Constraint { return r.constraint(depth, false) }),
	}
}

func (r trees) creation(depth int) ast.Statement {
	switch r.IntN(5) {
	case 0:
		s := &ast.CreateTable{Temporary: r.maybe(), IfNotExists: r.maybe(), Table: r.relation()}
		s.As, s.Names, s.NoData = r.query(depth), some(r, 0, r.named), r.maybe()
		return s
	case 1:
		s := &ast.CreateTable{IfNotExists: r.maybe(), Table: r.relation()}
		s.Columns = some(r, 0, func() ast.TableColumn { return r.tableColumn(depth) })
		s.Constraints = some(r, 0, func() ast.Constraint { return r.constraint(depth, true) })
		return s
	case 2:
		name := perhaps(r, r.ident)
		return &ast.CreateIndex{
			Unique: r.maybe(), IfNotExists: name != "" && r.maybe(), Name: name, Table: r.relation(), Method: catalog.Method(r.IntN(2)),
			Columns: some(r, 1, func() ast.IndexColumn { return r.indexColumn(depth) }),
			Where:   perhaps(r, func() ast.Expr { return r.tree(depth) }),
		}
	case 3:
		return &ast.CreateView{
			Replace: r.maybe(), Temporary: r.maybe(), IfNotExists: r.maybe(), Name: r.relation(), Columns: some(r, 0, r.named),
			Query: r.query(depth),
		}
	default:
		return &ast.CreateSequence{IfNotExists: r.maybe(), Name: r.relation(), Options: r.sequence()}
	}
}

func (r trees) change(depth int) ast.Change {
	c := ast.Change{Kind: ast.ChangeKind(r.IntN(int(ast.DropIdentity) + 1))}
	switch c.Kind {
	case ast.RenameColumn, ast.RenameConstraint, ast.RenameTable:
		c.Kind = ast.DropNotNull
	default:
	}
	switch c.Kind {
	case ast.AddColumn:
		column := r.tableColumn(depth)
		c.Column, c.If = &column, r.maybe()
		return c
	case ast.AddConstraint:
		constraint := r.constraint(depth, true)
		c.Constraint = &constraint
		return c
	default:
	}
	c.Name = r.named()
	switch c.Kind {
	case ast.DropColumn, ast.DropConstraint:
		c.If, c.Cascade = r.maybe(), r.maybe()
	case ast.SetType:
		c.Type = r.sqlType()
		c.Expr = perhaps(r, func() ast.Expr { return r.tree(depth) })
	case ast.SetDefault:
		c.Expr = r.tree(depth)
	case ast.AddIdentity:
		c.Constraint = &ast.Constraint{Kind: ast.Identity, Identity: catalog.Identity(1 + r.IntN(2)), Sequence: r.sequence()}
	case ast.DropIdentity:
		c.If = r.maybe()
	default:
	}
	return c
}

func (r trees) alteration(depth int) ast.Statement {
	switch r.IntN(5) {
	case 0:
		kind := pick(r, []ast.ChangeKind{ast.RenameTable, ast.RenameColumn, ast.RenameConstraint})
		c := ast.Change{Kind: kind, To: r.named()}
		if kind != ast.RenameTable {
			c.Name = r.named()
		}
		return &ast.AlterTable{IfExists: r.maybe(), Table: r.relation(), Changes: []ast.Change{c}}
	case 1:
		kind := pick(r, []ast.Object{ast.IndexObject, ast.ViewObject, ast.SequenceObject})
		return &ast.Rename{Kind: kind, IfExists: r.maybe(), Name: r.relation(), To: r.named()}
	case 2:
		o := r.sequence()
		o.Restart, o.RestartWith = true, r.number()
		return &ast.AlterSequence{IfExists: r.maybe(), Name: r.relation(), Options: o}
	default:
		return &ast.AlterTable{
			IfExists: r.maybe(), Table: r.relation(), Changes: some(r, 1, func() ast.Change { return r.change(depth) }),
		}
	}
}
