package ast

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/middb/middb/planner/token"
)

// A printer collects the text of a tree.
type printer struct{ strings.Builder }

func toString(n node) string {
	var p printer
	n.print(&p)
	return p.String()
}

// when writes the words if they are meant.
func (p *printer) when(meant bool, words string) {
	if meant {
		p.WriteString(words)
	}
}

// clause writes the words and the expression, if there is one.
func (p *printer) clause(words string, e Expr) {
	if e != nil {
		p.WriteString(words)
		e.print(p)
	}
}

// name writes the name of a column or table.
func (p *printer) name(name string) { p.WriteString(token.QuoteColumn(name)) }

// names writes names with commas between them, in parentheses, and nothing if there are none.
func (p *printer) names(list []Name) {
	for i, n := range list {
		p.WriteString([2]string{"(", ", "}[min(i, 1)])
		p.name(n.Name)
	}
	p.when(len(list) > 0, ")")
}

func (r *Relation) print(p *printer) {
	if r.Schema != "" {
		p.name(r.Schema)
		p.WriteByte('.')
	}
	p.name(r.Name)
}

// relations writes tables with commas between them.
func (p *printer) relations(list []Relation) {
	for i := range list {
		p.when(i > 0, ", ")
		list[i].print(p)
	}
}

// operand prints an expression, in parentheses if it holds less tightly than it must.
func (p *printer) operand(e Expr, least Precedence) {
	if e.precedence() >= least {
		e.print(p)
		return
	}
	p.WriteByte('(')
	e.print(p)
	p.WriteByte(')')
}

func (p *printer) list(all []Expr) {
	for i, e := range all {
		if i > 0 {
			p.WriteString(", ")
		}
		e.print(p)
	}
}

func (p *printer) not(not bool) {
	if not {
		p.WriteString("NOT ")
	}
}

func (p *printer) text(s string) {
	p.WriteString("'" + strings.ReplaceAll(s, "'", "''") + "'")
}

func (e *Literal) print(p *printer) {
	switch e.Kind {
	case Null:
		p.WriteString("NULL")
	case True:
		p.WriteString("TRUE")
	case False:
		p.WriteString("FALSE")
	case Text:
		p.text(e.Text)
	case Bytes:
		p.WriteString("X'" + hex.EncodeToString([]byte(e.Text)) + "'")
	case Date:
		p.WriteString("DATE ")
		p.text(e.Text)
	case Timestamp:
		p.WriteString("TIMESTAMP ")
		p.text(e.Text)
	default:
		p.WriteString(e.Text)
	}
}

func (e *Column) print(p *printer) {
	if e.Table != "" {
		p.WriteString(token.QuoteColumn(e.Table) + ".")
	}
	p.WriteString(token.QuoteColumn(e.Name))
}

func (e *Parameter) print(p *printer) { p.WriteString("$" + strconv.Itoa(e.Number)) }

func (e *Unary) print(p *printer) {
	switch e.Sign {
	case Not:
		p.WriteString("NOT ")
	case Plus:
		p.WriteByte('+')
	default:
		p.WriteByte('-')
		if below, ok := e.X.(*Unary); ok && below.Sign == Minus { // -- would begin a comment
			p.WriteByte(' ')
		}
	}
	p.operand(e.X, e.Sign.Precedence())
}

func (e *Binary) print(p *printer) {
	least := e.Operator.Precedence()
	left := least
	if !e.Operator.Chains() {
		left, least = PrecedenceOther, PrecedenceLike
	}
	p.operand(e.Left, left)
	p.WriteString(" " + e.Operator.String() + " ")
	p.operand(e.Right, least+1)
}

func (e *Is) print(p *printer) {
	p.operand(e.X, PrecedenceOther)
	p.WriteString(" IS ")
	p.not(e.Not)
	p.WriteString(e.Truth.String())
}

func (e *Between) print(p *printer) {
	p.operand(e.X, PrecedenceOther)
	p.WriteByte(' ')
	p.not(e.Not)
	p.WriteString("BETWEEN ")
	p.operand(e.Low, PrecedenceOther)
	p.WriteString(" AND ")
	p.operand(e.High, PrecedenceOther)
}

func (e *In) print(p *printer) {
	p.operand(e.X, PrecedenceOther)
	p.WriteByte(' ')
	p.not(e.Not)
	p.WriteString("IN (")
	if e.Query != nil {
		e.Query.print(p)
	}
	p.list(e.List)
	p.WriteByte(')')
}

func (e *Like) print(p *printer) {
	p.operand(e.X, PrecedenceOther)
	p.WriteByte(' ')
	p.not(e.Not)
	if e.IgnoreCase {
		p.WriteByte('I')
	}
	p.WriteString("LIKE ")
	p.operand(e.Pattern, PrecedenceOther)
	if e.Escape != nil {
		p.WriteString(" ESCAPE ")
		p.operand(e.Escape, PrecedenceOther)
	}
}

func (e *Case) print(p *printer) {
	p.WriteString("CASE")
	if e.Operand != nil {
		p.WriteByte(' ')
		e.Operand.print(p)
	}
	for _, w := range e.Whens {
		p.WriteString(" WHEN ")
		w.Condition.print(p)
		p.WriteString(" THEN ")
		w.Result.print(p)
	}
	if e.Else != nil {
		p.WriteString(" ELSE ")
		e.Else.print(p)
	}
	p.WriteString(" END")
}

func (e *Cast) print(p *printer) {
	p.WriteString("CAST(")
	e.X.print(p)
	p.WriteString(" AS " + e.Type.String() + ")")
}

func (e *Call) print(p *printer) {
	switch {
	case len(e.Args) == 0 && e.Filter == nil && e.Over == nil && (e.Name == "current_date" || e.Name == "current_timestamp"):
		p.WriteString(strings.ToUpper(e.Name))
		return
	case e.Name == "extract" && e.printExtract(p):
		return
	}
	p.WriteString(token.QuoteFunction(e.Name))
	p.WriteByte('(')
	if e.Star {
		p.WriteByte('*')
	}
	if e.Distinct {
		p.WriteString("DISTINCT ")
	}
	p.list(e.Args)
	p.orderBy(" ORDER BY ", e.OrderBy)
	p.WriteByte(')')
	e.printTail(p)
}

// printTail prints what is behind the parentheses.
func (e *Call) printTail(p *printer) {
	if e.Filter != nil {
		p.clause(" FILTER (WHERE ", e.Filter)
		p.WriteByte(')')
	}
	if e.Over != nil {
		p.WriteString(" OVER ")
		e.Over.print(p)
	}
}

// printExtract prints the call as EXTRACT(YEAR FROM x), if it is one.
func (e *Call) printExtract(p *printer) bool {
	if len(e.Args) != 2 || e.Distinct || e.OrderBy != nil || e.Filter != nil || e.Over != nil {
		return false
	}
	field, ok := e.Args[0].(*Literal)
	if !ok || field.Kind != Text {
		return false
	}
	p.WriteString("EXTRACT(")
	if token.QuoteColumn(field.Text) == field.Text {
		p.WriteString(field.Text)
	} else {
		p.text(field.Text)
	}
	p.WriteString(" FROM ")
	e.Args[1].print(p)
	p.WriteByte(')')
	return true
}
