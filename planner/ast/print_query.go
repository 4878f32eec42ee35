package ast

func (q *Query) print(p *printer) {
	q.With.print(p)
	p.body(q.Body, false)
	p.orderBy(" ORDER BY ", q.OrderBy)
	if q.Ties {
		q.printTies(p)
		return
	}
	p.clause(" LIMIT ", q.Limit)
	p.clause(" OFFSET ", q.Offset)
}

// printTies prints the limit as FETCH FIRST, which must follow OFFSET.
func (q *Query) printTies(p *printer) {
	p.clause(" OFFSET ", q.Offset)
	p.WriteString(" FETCH FIRST ")
	p.constant(q.Limit)
	p.WriteString(" ROWS WITH TIES")
}

func (w *With) print(p *printer) {
	if w == nil {
		return
	}
	p.WriteString("WITH ")
	p.when(w.Recursive, "RECURSIVE ")
	for i := range w.Tables {
		p.when(i > 0, ", ")
		w.Tables[i].print(p)
	}
	p.WriteByte(' ')
}

func (c *Common) print(p *printer) {
	p.name(c.Name)
	p.when(len(c.Columns) > 0, " ")
	p.names(c.Columns)
	p.WriteString([...]string{" AS (", " AS MATERIALIZED (", " AS NOT MATERIALIZED ("}[c.Mode])
	c.Query.print(p)
	p.WriteByte(')')
}

// body prints a body, in parentheses if it is a query, or if it must be.
func (p *printer) body(b Body, parentheses bool) {
	if _, query := b.(*Query); query {
		parentheses = true
	}
	p.when(parentheses, "(")
	b.print(p)
	p.when(parentheses, ")")
}

func (o *SetOperation) print(p *printer) {
	left, ok := o.Left.(*SetOperation)
	p.body(o.Left, ok && o.Kind.Tight() && !left.Kind.Tight())
	p.WriteString(" " + o.Kind.String() + " ")
	p.when(o.All, "ALL ")
	right, ok := o.Right.(*SetOperation)
	p.body(o.Right, ok && (o.Kind.Tight() || !right.Kind.Tight()))
}

func (v *Values) print(p *printer) {
	p.WriteString("VALUES ")
	for i, row := range v.Rows {
		p.WriteString([2]string{"(", ", ("}[min(i, 1)])
		p.list(row)
		p.WriteByte(')')
	}
}

func (s *Select) print(p *printer) {
	p.WriteString("SELECT")
	p.when(s.Distinct, " DISTINCT")
	if len(s.On) > 0 {
		p.WriteString(" ON (")
		p.list(s.On)
		p.WriteByte(')')
	}
	p.items(" ", s.Items)
	p.tables(" FROM ", s.From)
	p.clause(" WHERE ", s.Where)
	if len(s.GroupBy) > 0 {
		p.WriteString(" GROUP BY ")
		p.list(s.GroupBy)
	}
	p.clause(" HAVING ", s.Having)
	for i := range s.Windows {
		p.WriteString([2]string{" WINDOW ", ", "}[min(i, 1)])
		p.name(s.Windows[i].Name)
		p.WriteString(" AS ")
		s.Windows[i].Window.print(p)
	}
}

// items prints columns of a result behind the words, if there are any.
func (p *printer) items(words string, list []Item) {
	for i := range list {
		p.WriteString([2]string{words, ", "}[min(i, 1)])
		list[i].Expr.print(p)
		if list[i].As != "" {
			p.WriteString(" AS ")
			p.name(list[i].As)
		}
	}
}

// orderBy prints what to sort by behind the words, if there is anything.
func (p *printer) orderBy(words string, list []Order) {
	for i := range list {
		p.WriteString([2]string{words, ", "}[min(i, 1)])
		list[i].Expr.print(p)
		p.direction(list[i].Descending, list[i].Nulls)
	}
}

func (p *printer) direction(descending bool, nulls Nulls) {
	p.when(descending, " DESC")
	p.WriteString([...]string{"", " NULLS FIRST", " NULLS LAST"}[nulls])
}

// tables prints tables behind the words, if there are any.
func (p *printer) tables(words string, list []Table) {
	for i, t := range list {
		p.WriteString([2]string{words, ", "}[min(i, 1)])
		t.print(p)
	}
}

func (a *Alias) print(p *printer) {
	if a != nil {
		p.WriteString(" AS ")
		p.name(a.Name)
		p.when(len(a.Columns) > 0, " ")
		p.names(a.Columns)
	}
}

func (t *Named) print(p *printer) {
	t.Relation.print(p)
	t.Alias.print(p)
}

func (t *Derived) print(p *printer) {
	p.when(t.Lateral, "LATERAL ")
	p.WriteByte('(')
	t.Query.print(p)
	p.WriteByte(')')
	t.Alias.print(p)
}

func (t *Function) print(p *printer) {
	p.when(t.Lateral, "LATERAL ")
	t.Call.print(p)
	p.when(t.Ordinality, " WITH ORDINALITY")
	t.Alias.print(p)
}

func (t *Join) print(p *printer) {
	p.when(t.Alias != nil, "(")
	t.Left.print(p)
	p.WriteByte(' ')
	p.when(t.Natural, "NATURAL ")
	p.WriteString(t.Kind.String() + " ")
	right, ok := t.Right.(*Join)
	parentheses := ok && right.Alias == nil
	p.when(parentheses, "(")
	t.Right.print(p)
	p.when(parentheses, ")")
	p.clause(" ON ", t.On)
	p.when(len(t.Using) > 0, " USING ")
	p.names(t.Using)
	p.when(t.Alias != nil, ")")
	t.Alias.print(p)
}
