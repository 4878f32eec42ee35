package parser

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
)

// dump writes a tree as a Lisp would, without places: it knows nothing of precedence, so two trees are the same if their
// dumps are.
func dump(e ast.Expr) string {
	var d dumper
	d.expr(e)
	return d.String()
}

// dumpStatement writes a statement in the same way: its types and fields, but for those that are zero.
func dumpStatement(s ast.Statement) string {
	var d dumper
	d.any(reflect.ValueOf(s))
	return d.String()
}

// any writes whatever trees are made of.
func (d *dumper) any(v reflect.Value) {
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case catalog.Type:
			d.WriteString(x.String())
			return
		case ast.Expr:
			d.expr(x)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		d.any(v.Elem())
	case reflect.Struct:
		d.fields(v)
	case reflect.Slice:
		d.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				d.WriteByte(' ')
			}
			d.any(v.Index(i))
		}
		d.WriteByte(']')
	case reflect.String:
		fmt.Fprintf(d, "%q", v.String())
	default:
		fmt.Fprint(d, v.Interface())
	}
}

func (d *dumper) fields(v reflect.Value) {
	d.WriteString("(" + v.Type().Name())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Name == "At" || v.Field(i).IsZero() {
			continue
		}
		var field dumper
		field.any(v.Field(i))
		if s := field.String(); f.Type.Kind() != reflect.Struct || s != "("+f.Type.Name()+")" { // it has a place only
			d.WriteString(" " + f.Name + "=" + s)
		}
	}
	d.WriteByte(')')
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
		d.list(marked("not", e.Not)+"is-"+e.Truth.String(), e.X)
	case *ast.Between:
		d.list(marked("not", e.Not)+"between", e.X, e.Low, e.High)
	case *ast.In:
		if e.Query != nil {
			d.fields(reflect.ValueOf(*e))
			return
		}
		d.list(marked("not", e.Not)+"in", append([]ast.Expr{e.X}, e.List...)...)
	case *ast.Like:
		d.list(marked("not", e.Not)+marked("ignorecase", e.IgnoreCase)+"like", e.X, e.Pattern, e.Escape)
	case *ast.Case:
		all := []ast.Expr{e.Operand, e.Else}
		for _, w := range e.Whens {
			all = append(all, w.Condition, w.Result)
		}
		d.list("case", all...)
	case *ast.Cast:
		d.list("cast "+e.Type.String(), e.X)
	case *ast.Call:
		if e.OrderBy != nil || e.Filter != nil || e.Over != nil {
			d.fields(reflect.ValueOf(*e))
			return
		}
		d.list(marked("star", e.Star)+marked("distinct", e.Distinct)+e.Name, e.Args...)
	case *ast.Row:
		d.list("row", e.List...)
	default:
		d.fields(reflect.ValueOf(e).Elem())
	}
}

func marked(name string, set bool) string {
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
