package expr

import (
	"fmt"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A frame is what one evaluation works on.
type frame struct {
	row []catalog.Value
	env *Env
}

// An evaluator computes the value of an expression.
type evaluator func(f frame) (catalog.Value, error)

// A bound is an expression with its type.
type bound struct {
	at        int
	typ       catalog.Type // without a Kind: still open, see settle
	eval      evaluator
	pure      bool           // it depends on nothing that Eval is given
	value     *catalog.Value // set if it is pure and could be computed
	parameter int            // number; 0: none
}

// open reports whether the type is not decided.
func (x *bound) open() bool { return x.typ.Kind == 0 }

// openText reports whether it is text in quotes, or was made of that, and no type was wanted of it yet.
func (x *bound) openText() bool { return x.open() && x.value != nil && !x.value.IsNull() }

// openNull reports whether it is always NULL, and no type was wanted of it yet.
func (x *bound) openNull() bool { return x.open() && x.parameter == 0 && !x.openText() }

// maxDepth limits trees that were not made by the parser, which has a lower limit.
const maxDepth = 20_000

// A binder binds one expression.
type binder struct {
	scope      *Scope
	columns    []int
	parameters []catalog.Type
	volatile   bool
	depth      int
}

// constant returns a bound that has one value.
func constant(at int, t catalog.Type, v catalog.Value) *bound {
	return &bound{at: at, typ: t, pure: true, value: &v, eval: func(frame) (catalog.Value, error) { return v, nil }}
}

// fold returns the bound of an evaluator, as a constant if all that it depends on are. What fails stays as it is and
// fails when, and if, it is evaluated.
func fold(at int, t catalog.Type, eval evaluator, operands ...*bound) *bound {
	x := &bound{at: at, typ: t, eval: eval, pure: true}
	for _, o := range operands {
		x.pure = x.pure && o.pure
	}
	if x.pure {
		if v, err := eval(frame{}); err == nil {
			return constant(at, t, v)
		}
	}
	return x
}

// bind binds any expression.
func (b *binder) bind(e ast.Expr) (*bound, error) {
	if b.depth++; b.depth > maxDepth {
		return nil, sqlstate.New(sqlstate.TooComplex, -1, "the expression is nested too deeply")
	}
	defer func() { b.depth-- }()
	switch e := e.(type) {
	case *ast.Literal:
		return b.literal(e)
	case *ast.Column:
		return b.column(e)
	case *ast.Parameter:
		return b.parameter(e)
	case *ast.Unary:
		return b.unary(e)
	case *ast.Binary:
		return b.binary(e)
	case *ast.Is:
		return b.is(e)
	case *ast.Between:
		return b.between(e)
	case *ast.In:
		return b.in(e)
	case *ast.Like:
		return b.like(e)
	case *ast.Case:
		return b.caseWhen(e)
	case *ast.Cast:
		return b.cast(e)
	case *ast.Call:
		return b.call(e)
	default:
		return nil, unsupported(e)
	}
}

// unsupported returns the error for an expression that only queries have.
func unsupported(e ast.Expr) error {
	var what string
	switch e := e.(type) {
	case *ast.Subquery, *ast.Exists, *ast.Quantified, *ast.In:
		what = "a query"
	case *ast.Row:
		what = "a row of several values"
	case *ast.Interval:
		what = "an interval"
	case *ast.Star:
		what = "*"
	case *ast.Default:
		what = "DEFAULT"
	case *ast.Binary:
		what = "the operator " + e.Operator.String()
	case *ast.Call:
		what = "a call with ORDER BY, FILTER or OVER"
	default:
		return sqlstate.New(sqlstate.InternalError, -1, "there is no such expression: %T", e)
	}
	return sqlstate.New(sqlstate.NotSupported, e.Place(), "%s is not supported here", what)
}

// bindAll binds expressions one after the other.
func (b *binder) bindAll(list ...ast.Expr) ([]*bound, error) {
	all := make([]*bound, len(list))
	for i, e := range list {
		x, err := b.bind(e)
		if err != nil {
			return nil, err
		}
		all[i] = x
	}
	return all, nil
}

// two binds two expressions.
func (b *binder) two(l, r ast.Expr) (x, y *bound, err error) {
	if x, err = b.bind(l); err != nil {
		return nil, nil, err
	}
	y, err = b.bind(r)
	return x, y, err
}

func (b *binder) binary(e *ast.Binary) (*bound, error) {
	if e.Operator > ast.Modulo {
		return nil, unsupported(e)
	}
	x, y, err := b.two(e.Left, e.Right)
	if err != nil {
		return nil, err
	}
	switch e.Operator {
	case ast.And, ast.Or:
		return b.andOr(e, x, y)
	case ast.Equal, ast.NotEqual, ast.Less, ast.LessEqual, ast.Greater, ast.GreaterEqual, ast.Distinct, ast.NotDistinct:
		return b.comparison(e, x, y)
	case ast.Concat:
		return b.concat(e.At, x, y)
	default:
		return b.arithmetic(e.At, e.Operator, x, y)
	}
}

// column looks a name up.
func (b *binder) column(e *ast.Column) (*bound, error) {
	found, tableKnown := -1, false
	for i := range b.scope.Columns {
		c := &b.scope.Columns[i]
		if e.Table != "" && c.Table != e.Table {
			continue
		}
		tableKnown = true
		if c.Name != e.Name {
			continue
		}
		if found >= 0 {
			return nil, sqlstate.New(sqlstate.AmbiguousColumn, e.At, "column %q is ambiguous", e.Name).
				WithHint("write the table before it: %s.%s", c.Table, e.Name)
		}
		found = i
	}
	switch {
	case e.Table != "" && !tableKnown:
		return nil, sqlstate.New(sqlstate.UndefinedTable, e.At, "there is no table %q here", e.Table)
	case found < 0:
		return nil, b.noColumn(e)
	}
	b.columns = append(b.columns, found)
	return &bound{at: e.At, typ: b.scope.Columns[found].Type, eval: func(f frame) (catalog.Value, error) {
		if found >= len(f.row) {
			return catalog.Null(), sqlstate.New(sqlstate.InternalError, e.At, "the row has no value for column %q", e.Name)
		}
		return f.row[found], nil
	}}, nil
}

// noColumn returns the error for a column that is not there, with the name that may have been meant.
func (b *binder) noColumn(e *ast.Column) error {
	err := sqlstate.New(sqlstate.UndefinedColumn, e.At, "there is no column %q", e.Name)
	best := max(1, len(e.Name)/3)
	for _, c := range b.scope.Columns {
		if e.Table != "" && c.Table != e.Table {
			continue
		}
		if d := distance(strings.ToLower(c.Name), strings.ToLower(e.Name), best); d <= best {
			best = d - 1
			err.Hint = fmt.Sprintf("perhaps column %q was meant", c.Name)
		}
	}
	return err
}

// distance returns how many letters must be changed, added or removed to make b of a; any number above most may stand
// for more than that.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// parameter returns a parameter, of the type that it got elsewhere if it did.
func (b *binder) parameter(e *ast.Parameter) (*bound, error) {
	if !b.scope.Parameters || e.Number < 1 || e.Number > 1<<16 {
		return nil, sqlstate.New(sqlstate.NoParameter, e.At, "there is no parameter $%d", e.Number).
			WithHint("parameters can stand in statements, but not in what is stored with a table")
	}
	for len(b.parameters) < e.Number {
		b.parameters = append(b.parameters, catalog.Type{})
	}
	x := &bound{at: e.At, parameter: e.Number}
	if t := b.parameters[e.Number-1]; t.Kind != 0 {
		b.decide(x, t)
	}
	return x, nil
}

// decide gives a parameter its type.
func (b *binder) decide(x *bound, t catalog.Type) {
	n, at := x.parameter, x.at
	if known := b.parameters[n-1]; known.Kind != 0 { // $1 = $1: the other one was decided meanwhile
		t = known
	}
	b.parameters[n-1], x.typ = t, t
	x.eval = func(f frame) (catalog.Value, error) {
		if f.env == nil || n > len(f.env.Parameters) {
			return catalog.Null(), sqlstate.New(sqlstate.NoParameter, at, "parameter $%d was given no value", n)
		}
		v := f.env.Parameters[n-1]
		if v.IsNull() || v.Kind() == t.Kind {
			return v, nil
		}
		return convertValue(v, t, at)
	}
}
