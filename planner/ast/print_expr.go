package ast

import "github.com/middb/middb/planner/token"

func (e *Subquery) print(p *printer) {
	p.WriteByte('(')
	e.Query.print(p)
	p.WriteByte(')')
}

func (e *Exists) print(p *printer) {
	p.WriteString("EXISTS (")
	e.Query.print(p)
	p.WriteByte(')')
}

func (e *Quantified) print(p *printer) {
	p.operand(e.X, PrecedenceOther)
	p.WriteString(" " + e.Operator.String())
	p.WriteString(map[bool]string{false: " ANY (", true: " ALL ("}[e.All])
	e.Query.print(p)
	p.WriteByte(')')
}

func (e *Row) print(p *printer) {
	p.when(len(e.List) < 2, "ROW")
	p.WriteByte('(')
	p.list(e.List)
	p.WriteByte(')')
}

func (e *Interval) print(p *printer) {
	p.WriteString("INTERVAL ")
	p.text(e.Text)
	if e.Unit != "" {
		p.WriteString(" " + e.Unit)
	}
}

func (e *Star) print(p *printer) {
	if e.Table != "" {
		p.name(e.Table)
		p.WriteByte('.')
	}
	p.WriteByte('*')
}

func (e *Default) print(p *printer) { p.WriteString("DEFAULT") }

func (w *Window) print(p *printer) {
	if w.Bare {
		p.name(w.Base)
		return
	}
	p.WriteByte('(')
	space := ""
	if w.Base != "" {
		p.windowName(w.Base)
		space = " "
	}
	for i, e := range w.PartitionBy {
		p.WriteString([2]string{space + "PARTITION BY ", ", "}[min(i, 1)])
		e.print(p)
		space = " "
	}
	p.orderBy(space+"ORDER BY ", w.OrderBy)
	if w.Frame != nil {
		p.when(space != "" || len(w.OrderBy) > 0, " ")
		w.Frame.print(p)
	}
	p.WriteByte(')')
}

// windowName prints the name of a window where the parts of a new one could begin.
func (p *printer) windowName(name string) {
	switch name {
	case "partition", "rows", "range", "groups":
		p.WriteString(`"` + name + `"`)
	default:
		p.WriteString(token.QuoteColumn(name))
	}
}

func (f *Frame) print(p *printer) {
	p.WriteString(f.Unit.String() + " BETWEEN ")
	f.Start.print(p)
	p.WriteString(" AND ")
	f.End.print(p)
	p.WriteString([...]string{"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"}[f.Exclude])
}

func (b *Bound) print(p *printer) {
	switch b.Kind {
	case UnboundedPreceding:
		p.WriteString("UNBOUNDED PRECEDING")
	case CurrentRow:
		p.WriteString("CURRENT ROW")
	case UnboundedFollowing:
		p.WriteString("UNBOUNDED FOLLOWING")
	default:
		p.constant(b.Offset)
		p.WriteString(map[BoundKind]string{Preceding: " PRECEDING", Following: " FOLLOWING"}[b.Kind])
	}
}

// constant prints what should be one. What is none is in parentheses, so that no word of it is taken for one of those around
// it, such as UNBOUNDED or ROWS.
func (p *printer) constant(e Expr) {
	switch e.(type) {
	case *Literal, *Parameter, *Interval:
		e.print(p)
	default:
		p.WriteByte('(')
		e.print(p)
		p.WriteByte(')')
	}
}
