package ast

func (s *Insert) print(p *printer) {
	s.With.print(p)
	p.WriteString(map[bool]string{false: "INSERT INTO ", true: "REPLACE INTO "}[s.Replace])
	s.Table.print(p)
	p.when(len(s.Columns) > 0, " ")
	p.names(s.Columns)
	p.WriteString([...]string{"", " OVERRIDING SYSTEM VALUE", " OVERRIDING USER VALUE"}[s.Override])
	if s.Query == nil {
		p.WriteString(" DEFAULT VALUES")
	} else {
		p.WriteByte(' ')
		s.Query.print(p)
	}
	s.Conflict.print(p)
	p.items(" RETURNING ", s.Returning)
}

func (c *Conflict) print(p *printer) {
	if c == nil {
		return
	}
	p.WriteString(" ON CONFLICT")
	if len(c.Columns) > 0 {
		p.WriteByte(' ')
		p.indexColumns(c.Columns)
		p.clause(" WHERE ", c.Only)
	}
	if c.Constraint != "" {
		p.WriteString(" ON CONSTRAINT ")
		p.name(c.Constraint)
	}
	if !c.Update {
		p.WriteString(" DO NOTHING")
		return
	}
	p.WriteString(" DO UPDATE")
	p.assignments(c.Set)
	p.clause(" WHERE ", c.Where)
}

func (p *printer) assignments(list []Assignment) {
	for i := range list {
		p.WriteString([2]string{" SET ", ", "}[min(i, 1)])
		if columns := list[i].Columns; len(columns) == 1 {
			p.name(columns[0].Name)
		} else {
			p.names(columns)
		}
		p.clause(" = ", list[i].Value)
	}
}

func (s *Update) print(p *printer) {
	s.With.print(p)
	p.WriteString("UPDATE ")
	s.Table.print(p)
	p.assignments(s.Set)
	p.tables(" FROM ", s.From)
	p.clause(" WHERE ", s.Where)
	p.items(" RETURNING ", s.Returning)
}

func (s *Delete) print(p *printer) {
	s.With.print(p)
	p.WriteString("DELETE FROM ")
	s.Table.print(p)
	p.tables(" USING ", s.Using)
	p.clause(" WHERE ", s.Where)
	p.items(" RETURNING ", s.Returning)
}

func (s *Truncate) print(p *printer) {
	p.WriteString("TRUNCATE TABLE ")
	p.relations(s.Tables)
	p.when(s.RestartIdentity, " RESTART IDENTITY")
	p.when(s.Cascade, " CASCADE")
}

func (s *Copy) print(p *printer) {
	p.WriteString("COPY ")
	if s.Query != nil {
		p.WriteByte('(')
		s.Query.print(p)
		p.WriteByte(')')
	} else {
		s.Table.print(p)
		p.when(len(s.Columns) > 0, " ")
		p.names(s.Columns)
	}
	p.WriteString(map[bool]string{false: " TO ", true: " FROM "}[s.From])
	switch {
	case s.File != "":
		p.text(s.File)
	case s.From:
		p.WriteString("STDIN")
	default:
		p.WriteString("STDOUT")
	}
	for i := range s.Options {
		p.WriteString([2]string{" WITH (", ", "}[min(i, 1)])
		s.Options[i].print(p)
	}
	p.when(len(s.Options) > 0, ")")
}

func (o *Option) print(p *printer) {
	p.name(o.Name)
	switch {
	case o.Star:
		p.WriteString(" *")
	case len(o.Names) > 0:
		p.WriteByte(' ')
		p.names(o.Names)
	case o.Text:
		p.WriteByte(' ')
		p.text(o.Value)
	}
}
