package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/token"
)

// infix are the operations that stand between their operands.
var infix = map[Op]string{
	OpAnd: "AND", OpOr: "OR", OpEqual: "=", OpNotEqual: "<>", OpLess: "<", OpLessEqual: "<=", OpGreater: ">",
	OpGreaterEqual: ">=", OpDistinct: "IS DISTINCT FROM", OpNotDistinct: "IS NOT DISTINCT FROM",
	OpAdd: "+", OpSubtract: "-", OpMultiply: "*", OpDivide: "/", OpModulo: "%", OpConcat: "||",
}

// String returns the expression for people, as EXPLAIN shows it: operands that have operators are in parentheses.
func (n *Node) String() string { return (&printer{}).text(n) }

// Key returns a text that two nodes have in common if, and only if, they are the same expression of the same columns.
// Places in the text do not count.
func (n *Node) Key() string { return (&printer{exact: true}).text(n) }

// Equal reports whether both are the same expression. Two that are equal can differ in value if they are Volatile.
func (n *Node) Equal(m *Node) bool { return n == m || n.Op == m.Op && n.Key() == m.Key() }

// A printer writes nodes.
type printer struct {
	strings.Builder
	exact bool // for Key: everything is told
}

func (p *printer) text(n *Node) string {
	p.node(n)
	return p.Builder.String()
}

// list writes expressions with something between them.
func (p *printer) list(list []*Node, between string, write func(*Node)) {
	for i, x := range list {
		if i > 0 {
			p.WriteString(between)
		}
		write(x)
	}
}

// operand writes an expression, in parentheses if it has an operator.
func (p *printer) operand(n *Node) {
	switch n.Op {
	case OpConstant, OpColumn, OpParameter, OpCoalesce, OpCast, OpExtract, OpSubquery, OpExists:
		p.node(n)
		return
	case OpCall:
		if !symbolic(n.Name) {
			p.node(n)
			return
		}
	default:
	}
	p.WriteByte('(')
	p.node(n)
	p.WriteByte(')')
}

// symbolic reports whether a function is written as an operator.
func symbolic(name string) bool { return name != "" && strings.Trim(name, "+-*/%|<>@#?~^&") == "" }

func (p *printer) not(not bool, words string) {
	if not {
		p.WriteString(words)
	}
}

func (p *printer) node(n *Node) {
	if p.exact {
		fmt.Fprintf(p, "%d:%d.%d.%d.%d", n.Op, n.Type.Kind, n.Type.Precision, n.Type.Scale, n.Type.Length)
	}
	switch n.Op {
	case OpConstant:
		p.constant(n)
	case OpColumn:
		p.column(n)
	case OpParameter:
		p.WriteString("$" + strconv.Itoa(n.Number))
	case OpNot:
		p.WriteString("NOT ")
		p.operand(n.Args[0])
	case OpNegate:
		p.WriteString("-")
		p.operand(n.Args[0])
	case OpIsNull, OpIsTrue, OpIsFalse:
		p.operand(n.Args[0])
		p.WriteString(" IS ")
		p.not(n.Not, "NOT ")
		p.WriteString([...]string{"NULL", "TRUE", "FALSE"}[n.Op-OpIsNull])
	case OpSubquery, OpExists, OpAny, OpAll:
		p.subquery(n)
	case OpCall, OpCoalesce, OpExtract, OpCast:
		p.call(n)
	case OpCase:
		p.caseWhen(n)
	case OpBetween, OpIn, OpLike, OpILike:
		p.test(n)
	default:
		p.list(n.Args, " "+infix[n.Op]+" ", p.operand)
	}
}

// test writes what may have a NOT before its word.
func (p *printer) test(n *Node) {
	p.operand(n.Args[0])
	p.not(n.Not, " NOT")
	switch n.Op {
	case OpBetween:
		p.WriteString(" BETWEEN ")
		p.list(n.Args[1:], " AND ", p.operand)
	case OpIn:
		p.WriteString(" IN (")
		p.list(n.Args[1:], ", ", p.node)
		p.WriteByte(')')
	default:
		p.WriteString(map[Op]string{OpLike: " LIKE ", OpILike: " ILIKE "}[n.Op])
		p.list(n.Args[1:], " ESCAPE ", p.operand)
	}
}

func (p *printer) constant(n *Node) {
	v := n.Value
	text := "'" + strings.ReplaceAll(v.String(), "'", "''") + "'"
	if p.exact {
		fmt.Fprintf(p, "%d", v.Kind()) // 1 and 1.0, 'a' of TEXT and of BYTEA
	}
	switch v.Kind() {
	case catalog.Int64, catalog.Decimal, catalog.Float64, catalog.Bool, 0:
		p.WriteString(v.String())
	case catalog.String:
		p.WriteString(text)
	default:
		p.WriteString(v.Kind().String() + " " + text)
	}
}

func (p *printer) column(n *Node) {
	if p.exact {
		p.WriteString("#" + strconv.Itoa(int(n.Column)))
		return
	}
	if n.Table != "" {
		p.WriteString(token.QuoteColumn(n.Table) + ".")
	}
	p.WriteString(token.QuoteColumn(n.Name))
}

func (p *printer) subquery(n *Node) {
	text := "?"
	if n.Sub != nil {
		text = n.Sub.String()
	}
	if p.exact {
		text = fmt.Sprintf("%p", n.Sub)
	}
	switch n.Op {
	case OpSubquery:
		p.WriteString("(" + text + ")")
		return
	case OpExists:
		p.not(n.Not, "NOT ")
		p.WriteString("EXISTS (" + text + ")")
		return
	default:
	}
	p.not(n.Not, "NOT ")
	if len(n.Args) == 1 {
		p.operand(n.Args[0])
	} else {
		p.WriteByte('(')
		p.list(n.Args, ", ", p.node)
		p.WriteByte(')')
	}
	word := " ANY"
	if n.Op == OpAll {
		word = " ALL"
	}
	p.WriteString(" " + infix[n.Operator] + word + " (" + text + ")")
}

// call writes a function, or an operator that is one.
func (p *printer) call(n *Node) {
	switch {
	case n.Op == OpCast:
		p.WriteString("CAST(")
		p.node(n.Args[0])
		p.WriteString(" AS " + nameOf(n.Type) + ")")
		p.not(p.exact && n.Name != "", n.Name)
		return
	case symbolic(n.Name) && len(n.Args) == 1:
		p.WriteString(n.Name)
		p.operand(n.Args[0])
		return
	case symbolic(n.Name) && len(n.Args) == 2:
		p.list(n.Args, " "+n.Name+" ", p.operand)
		return
	case n.Op == OpCoalesce:
		p.WriteString("coalesce")
	case n.Op == OpExtract:
		p.WriteString("extract('" + n.Name + "', ")
		p.node(n.Args[0])
		p.WriteByte(')')
		return
	default:
		p.WriteString(n.Name)
	}
	p.WriteByte('(')
	p.list(n.Args, ", ", p.node)
	p.WriteByte(')')
}

func (p *printer) caseWhen(n *Node) {
	p.WriteString("CASE")
	last := len(n.Args) - 1
	for i := 0; i < last; i += 2 {
		p.WriteString(" WHEN ")
		p.node(n.Args[i])
		p.WriteString(" THEN ")
		p.node(n.Args[i+1])
	}
	p.WriteString(" ELSE ")
	p.node(n.Args[last])
	p.WriteString(" END")
}
