package parser

import (
	"fmt"
	"strings"

	"github.com/middb/middb/planner/ast"
)

// dump writes a tree as a Lisp would, without places: it knows nothing of precedence, so two trees are the same if their
// dumps are.
func dump(e ast.Expr) string {
	var d dumper
	d.expr(e)
	return d.String()
}

type dumper struct{ strings.Builder }

var (
	kinds = [...]string{"null", "true", "false", "int", "dec", "float", "text", "bytes", "date", "time"}
	signs = [...]string{"not", "neg", "pos"}
)

func (d *dumper) expr(e ast.Expr) {
	switch e := e.(type) {
	case nil:
		d.WriteString("-")
	case *ast.Literal:
		fmt.Fprintf(d, "%s%q", kinds[e.Kind], e.Text)
	case *ast.Column:
		fmt.Fprintf(d, "[%s.%s]", e.Table, e.Name)
	case *ast.Parameter:
		fmt.Fprintf(d, "$%d", e.Number)
	case *ast.Unary:
		d.list(signs[e.Sign], e.X)
	case *ast.Binary:
		d.list(e.Operator.String(), e.Left, e.Right)
	case *ast.Is:
		d.list(flag("not", e.Not)+"is-"+e.Truth.String(), e.X)
	case *ast.Between:
		d.list(flag("not", e.Not)+"between", e.X, e.Low, e.High)
	case *ast.In:
		d.list(flag("not", e.Not)+"in", append([]ast.Expr{e.X}, e.List...)...)
	case *ast.Like:
		d.list(flag("not", e.Not)+flag("ignorecase", e.IgnoreCase)+"like", e.X, e.Pattern, e.Escape)
	case *ast.Case:
		all := []ast.Expr{e.Operand, e.Else}
		for _, w := range e.Whens {
			all = append(all, w.Condition, w.Result)
		}
		d.list("case", all...)
	case *ast.Cast:
		d.list("cast "+e.Type.String(), e.X)
	case *ast.Call:
		d.list(flag("star", e.Star)+flag("distinct", e.Distinct)+e.Name, e.Args...)
	default:
		panic(fmt.Sprintf("no such node: %T", e))
	}
}

func flag(name string, set bool) string {
	if set {
		return name + "-"
	}
	return ""
}

func (d *dumper) list(head string, all ...ast.Expr) {
	d.WriteString("(" + head)
	for _, e := range all {
		d.WriteByte(' ')
		d.expr(e)
	}
	d.WriteByte(')')
}
