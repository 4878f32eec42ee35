package ast

import (
	"strconv"

	"github.com/middb/middb/catalog"
)

func (s *CreateTable) print(p *printer) {
	p.WriteString("CREATE ")
	p.when(s.Temporary, "TEMPORARY ")
	p.WriteString("TABLE ")
	p.when(s.IfNotExists, "IF NOT EXISTS ")
	s.Table.print(p)
	if s.As != nil {
		p.when(len(s.Names) > 0, " ")
		p.names(s.Names)
		p.WriteString(" AS ")
		s.As.print(p)
		p.when(s.NoData, " WITH NO DATA")
		return
	}
	p.WriteString(" (")
	for i := range s.Columns {
		p.when(i > 0, ", ")
		s.Columns[i].print(p)
	}
	for i := range s.Constraints {
		p.when(i+len(s.Columns) > 0, ", ")
		s.Constraints[i].print(p)
	}
	p.WriteByte(')')
}

func (c *TableColumn) print(p *printer) {
	p.name(c.Name)
	p.WriteString(" " + c.Type.String())
	for i := range c.Constraints {
		p.WriteByte(' ')
		c.Constraints[i].print(p)
	}
}

func (c *Constraint) print(p *printer) {
	if c.Name != "" {
		p.WriteString("CONSTRAINT ")
		p.name(c.Name)
		p.WriteByte(' ')
	}
	p.WriteString([...]string{
		"PRIMARY KEY", "UNIQUE", "CHECK", "", "NOT NULL", "NULL", "DEFAULT ", "GENERATED ALWAYS AS", "GENERATED",
	}[c.Kind])
	switch c.Kind {
	case PrimaryKey, Unique:
		p.when(len(c.Columns) > 0, " ")
		p.names(c.Columns)
	case Check, Generated:
		p.clause(" (", c.Expr)
		p.WriteByte(')')
		p.when(c.Kind == Generated, " STORED")
	case ForeignKey:
		p.when(len(c.Columns) > 0, "FOREIGN KEY ")
		p.names(c.Columns)
		p.when(len(c.Columns) > 0, " ")
		c.References.print(p)
	case DefaultValue:
		p.operand(c.Expr, PrecedenceOther) // PostgreSQL reads no IN or LIKE there without parentheses
	case Identity:
		p.identity(c)
	case NotNull, Nullable:
	}
	p.when(c.Deferrable, " DEFERRABLE")
	p.when(c.Deferred, " INITIALLY DEFERRED")
}

func (p *printer) identity(c *Constraint) {
	p.WriteString(map[catalog.Identity]string{
		catalog.IdentityAlways: " ALWAYS", catalog.IdentityByDefault: " BY DEFAULT",
	}[c.Identity])
	p.WriteString(" AS IDENTITY")
	if c.Sequence != (SequenceOptions{}) {
		p.WriteString(" (")
		c.Sequence.print(p)
		p.WriteByte(')')
	}
}

func (r *Reference) print(p *printer) {
	p.WriteString("REFERENCES ")
	r.Table.print(p)
	p.when(len(r.Columns) > 0, " ")
	p.names(r.Columns)
	p.action(" ON DELETE ", r.OnDelete)
	p.action(" ON UPDATE ", r.OnUpdate)
}

func (p *printer) action(words string, a catalog.Action) {
	if a != catalog.Restrict {
		p.WriteString(words + map[catalog.Action]string{catalog.Cascade: "CASCADE", catalog.SetNull: "SET NULL"}[a])
	}
}

func (s *CreateIndex) print(p *printer) {
	p.WriteString("CREATE ")
	p.when(s.Unique, "UNIQUE ")
	p.WriteString("INDEX ")
	p.when(s.IfNotExists, "IF NOT EXISTS ")
	if s.Name != "" {
		p.name(s.Name)
		p.WriteByte(' ')
	}
	p.WriteString("ON ")
	s.Table.print(p)
	p.when(s.Method == catalog.LSM, " USING lsm")
	p.WriteByte(' ')
	p.indexColumns(s.Columns)
	p.clause(" WHERE ", s.Where)
}

// indexColumns prints columns in parentheses, and expressions each in its own.
func (p *printer) indexColumns(list []IndexColumn) {
	for i := range list {
		p.WriteString([2]string{"(", ", "}[min(i, 1)])
		if c, ok := list[i].Expr.(*Column); ok && c.Table == "" {
			p.name(c.Name)
		} else {
			p.clause("(", list[i].Expr)
			p.WriteByte(')')
		}
		p.direction(list[i].Descending, list[i].Nulls)
	}
	p.WriteByte(')')
}

func (s *CreateView) print(p *printer) {
	p.WriteString("CREATE ")
	p.when(s.Replace, "OR REPLACE ")
	p.when(s.Temporary, "TEMPORARY ")
	p.WriteString("VIEW ")
	p.when(s.IfNotExists, "IF NOT EXISTS ")
	s.Name.print(p)
	p.when(len(s.Columns) > 0, " ")
	p.names(s.Columns)
	p.WriteString(" AS ")
	s.Query.print(p)
}

func (s *CreateSequence) print(p *printer) {
	p.WriteString("CREATE SEQUENCE ")
	p.when(s.IfNotExists, "IF NOT EXISTS ")
	s.Name.print(p)
	p.when(s.Options != SequenceOptions{}, " ")
	s.Options.print(p)
}

func (o *SequenceOptions) print(p *printer) {
	space := ""
	number := func(words string, n *int64) {
		if n != nil {
			p.WriteString(space + words + " " + strconv.FormatInt(*n, 10))
			space = " "
		}
	}
	flag := func(set bool, words string) {
		if set {
			p.WriteString(space + words)
			space = " "
		}
	}
	number("INCREMENT BY", o.Increment)
	number("MINVALUE", o.Min)
	flag(o.NoMin, "NO MINVALUE")
	number("MAXVALUE", o.Max)
	flag(o.NoMax, "NO MAXVALUE")
	number("START WITH", o.Start)
	number("CACHE", o.Cache)
	flag(o.Cycle, "CYCLE")
	flag(o.NoCycle, "NO CYCLE")
	number("RESTART WITH", o.RestartWith)
	flag(o.Restart && o.RestartWith == nil, "RESTART")
}
