package ast

func (s *AlterTable) print(p *printer) {
	p.WriteString("ALTER TABLE ")
	p.when(s.IfExists, "IF EXISTS ")
	s.Table.print(p)
	for i := range s.Changes {
		p.when(i > 0, ",")
		p.WriteByte(' ')
		s.Changes[i].print(p)
	}
}

func (c *Change) print(p *printer) {
	switch c.Kind {
	case AddColumn:
		p.WriteString("ADD COLUMN ")
		p.when(c.If, "IF NOT EXISTS ")
		c.Column.print(p)
	case AddConstraint:
		p.WriteString("ADD ")
		c.Constraint.print(p)
	case DropColumn, DropConstraint:
		p.WriteString(map[ChangeKind]string{DropColumn: "DROP COLUMN ", DropConstraint: "DROP CONSTRAINT "}[c.Kind])
		p.when(c.If, "IF EXISTS ")
		p.name(c.Name.Name)
		p.when(c.Cascade, " CASCADE")
	case RenameTable:
		p.WriteString("RENAME TO ")
		p.name(c.To.Name)
	case RenameColumn, RenameConstraint:
		p.WriteString(map[ChangeKind]string{RenameColumn: "RENAME COLUMN ", RenameConstraint: "RENAME CONSTRAINT "}[c.Kind])
		p.name(c.Name.Name)
		p.WriteString(" TO ")
		p.name(c.To.Name)
	default:
		p.WriteString("ALTER COLUMN ")
		p.name(c.Name.Name)
		c.printColumn(p)
	}
}

// printColumn prints what changes in a column.
func (c *Change) printColumn(p *printer) {
	switch c.Kind {
	case SetType:
		p.WriteString(" TYPE " + c.Type.String())
		p.clause(" USING ", c.Expr)
	case SetDefault:
		p.clause(" SET DEFAULT ", c.Expr)
	case DropDefault:
		p.WriteString(" DROP DEFAULT")
	case SetNotNull:
		p.WriteString(" SET NOT NULL")
	case DropNotNull:
		p.WriteString(" DROP NOT NULL")
	case AddIdentity:
		p.WriteString(" ADD ")
		c.Constraint.print(p)
	case DropIdentity:
		p.WriteString(" DROP IDENTITY")
		p.when(c.If, " IF EXISTS")
	default: // it is not about a column that there is
	}
}

func (s *AlterSequence) print(p *printer) {
	p.WriteString("ALTER SEQUENCE ")
	p.when(s.IfExists, "IF EXISTS ")
	s.Name.print(p)
	p.WriteByte(' ')
	s.Options.print(p)
}

func (s *Rename) print(p *printer) {
	p.WriteString("ALTER " + s.Kind.String() + " ")
	p.when(s.IfExists, "IF EXISTS ")
	s.Name.print(p)
	p.WriteString(" RENAME TO ")
	p.name(s.To.Name)
}

func (s *Drop) print(p *printer) {
	p.WriteString("DROP " + s.Kind.String() + " ")
	p.when(s.IfExists, "IF EXISTS ")
	p.relations(s.Names)
	p.when(s.Cascade, " CASCADE")
}

func (s *Reindex) print(p *printer) {
	p.WriteString("REINDEX")
	if s.Name != nil {
		p.WriteString(" " + s.Kind.String() + " ")
		s.Name.print(p)
	}
}
