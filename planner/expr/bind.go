package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// Open reports whether the type is not decided: of text in quotes, of a parameter, and of what is always NULL.
func (n *Node) Open() bool { return n.Type.Kind == 0 }

// openText reports whether it is text in quotes, or was made of that, and no type was wanted of it yet.
func (n *Node) openText() bool { return n.Open() && n.Op == OpConstant && !n.Value.IsNull() }

// openNull reports whether it is always NULL, and no type was wanted of it yet.
func (n *Node) openNull() bool { return n.Open() && n.Op != OpParameter && !n.openText() }

// maxDepth limits trees that were not made by the parser, which has a lower limit.
const maxDepth = 20_000

// A Resolver gives names their meaning on behalf of whoever binds a query.
type Resolver interface {
	// Column returns an OpColumn node, or an error, which should have a hint.
	Column(e *ast.Column) (*Node, error)
	// Special binds what only queries have: Subquery, Exists, In with a Query, Quantified, Row, aggregate and window calls,
	// and comparisons of a Row. If it returns nil and no error, the expression cannot stand there, and the Binder says so.
	Special(b *Binder, e ast.Expr) (*Node, error)
}

// Parameters are the types of $1, $2 and so on, as far as they are decided. All Binders of a statement share them.
type Parameters struct{ types []catalog.Type }

// NewParameters returns parameters of which some types are declared.
func NewParameters(declared ...catalog.Type) *Parameters { return &Parameters{slices.Clone(declared)} }

// Types returns the types. One that does not occur, or was not decided, has none. The caller must not change them.
func (p *Parameters) Types() []catalog.Type { return p.types }

// A Binder makes nodes of trees. It is for one goroutine at a time.
type Binder struct {
	text       string
	resolver   Resolver
	parameters *Parameters
	depth      int
}

// NewBinder returns one for trees that were read from a text. There can be parameters if p is not nil.
func NewBinder(text string, r Resolver, p *Parameters) *Binder {
	return &Binder{text: text, resolver: r, parameters: p}
}

// Bind binds an expression. Text in quotes, and a parameter, becomes TEXT if nothing wanted another type; what is always
// NULL stays open.
func (b *Binder) Bind(e ast.Expr) (*Node, error) {
	x, err := b.bind(e)
	if err == nil && !x.openNull() {
		x, err = b.settle(x, textType)
	}
	return x, inText(err, b.text)
}

// BindOpen binds an expression that may stay open.
func (b *Binder) BindOpen(e ast.Expr) (*Node, error) {
	x, err := b.bind(e)
	return x, inText(err, b.text)
}

// BindAs binds an expression whose values are to be stored as a type, as Assign does.
func (b *Binder) BindAs(e ast.Expr, t catalog.Type) (*Node, error) {
	x, err := b.bind(e)
	if err == nil {
		x, err = b.assign(x, t)
	}
	return x, inText(err, b.text)
}

// BindCondition binds an expression that must be BOOLEAN, on behalf of what: "the condition of WHERE".
func (b *Binder) BindCondition(e ast.Expr, what string) (*Node, error) {
	x, err := b.bind(e)
	if err == nil {
		x, err = b.boolean(x, what)
	}
	return x, inText(err, b.text)
}

// Assign converts an expression as SQL does for INSERT: numbers to numbers, everything to text, dates and timestamps to
// each other, and text in quotes to anything.
func (b *Binder) Assign(n *Node, t catalog.Type) (*Node, error) {
	x, err := b.assign(n, t)
	return x, inText(err, b.text)
}

// Unify converts expressions, in place, to the type that all have in common, and returns it. What says who needs that, for
// the error if there is none. If all are open they become text, or stay open if all are NULL.
func (b *Binder) Unify(what string, all []*Node) (catalog.Type, error) {
	t, err := b.unify(what, all)
	return t, inText(err, b.text)
}

// Settle gives an expression that is open the type t; others it returns as they are.
func (b *Binder) Settle(n *Node, t catalog.Type) (*Node, error) {
	x, err := b.settle(n, t)
	return x, inText(err, b.text)
}

// Compare binds a comparison of two expressions, with the conversions that it needs.
func (b *Binder) Compare(at int, o ast.Operator, x, y *Node) (*Node, error) {
	n, err := b.comparison(at, o, x, y)
	return n, inText(err, b.text)
}

// bind binds any expression.
func (b *Binder) bind(e ast.Expr) (*Node, error) {
	if b.depth++; b.depth > maxDepth {
		return nil, sqlstate.New(sqlstate.TooComplex, -1, "the expression is nested too deeply")
	}
	defer func() { b.depth-- }()
	switch e := e.(type) {
	case *ast.Literal:
		return b.literal(e)
	case *ast.Column:
		return b.resolver.Column(e)
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
		_, row := e.X.(*ast.Row)
		if e.Query != nil || row {
			return b.special(e)
		}
		return b.in(e)
	case *ast.Like:
		return b.like(e)
	case *ast.Case:
		return b.caseWhen(e)
	case *ast.Cast:
		return b.cast(e)
	case *ast.Call:
		return b.call(e)
	case *ast.Interval:
		return interval(e)
	default:
		return b.special(e)
	}
}

// special asks the resolver.
func (b *Binder) special(e ast.Expr) (*Node, error) {
	x, err := b.resolver.Special(b, e)
	if err == nil && x == nil {
		if c, ok := e.(*ast.Binary); ok && isRow(c.Left) {
			e = c.Left
		} else if ok && isRow(c.Right) {
			e = c.Right
		}
		err = unsupported(e)
	}
	return x, err
}

// unsupported returns the error for an expression that only queries have.
func unsupported(e ast.Expr) error {
	var what string
	switch e := e.(type) {
	case *ast.Subquery, *ast.Exists, *ast.Quantified, *ast.In:
		what = "a query"
	case *ast.Row:
		what = "a row of several values"
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
func (b *Binder) bindAll(list ...ast.Expr) ([]*Node, error) {
	all := make([]*Node, len(list))
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
func (b *Binder) two(l, r ast.Expr) (x, y *Node, err error) {
	if x, err = b.bind(l); err != nil {
		return nil, nil, err
	}
	y, err = b.bind(r)
	return x, y, err
}

func (b *Binder) binary(e *ast.Binary) (*Node, error) {
	if e.Operator > ast.Modulo {
		return b.jsonOperator(e)
	}
	if _, compares := comparisons[e.Operator]; compares && (isRow(e.Left) || isRow(e.Right)) {
		return b.special(e)
	}
	if e.Operator == ast.And || e.Operator == ast.Or {
		return b.andOr(e)
	}
	x, y, err := b.two(e.Left, e.Right)
	if err != nil {
		return nil, err
	}
	switch e.Operator {
	case ast.Equal, ast.NotEqual, ast.Less, ast.LessEqual, ast.Greater, ast.GreaterEqual, ast.Distinct, ast.NotDistinct:
		return b.comparison(e.At, e.Operator, x, y)
	case ast.Concat:
		return b.concat(e.At, x, y)
	default:
		return b.arithmetic(e.At, e.Operator, x, y)
	}
}

func isRow(e ast.Expr) bool {
	_, ok := e.(*ast.Row)
	return ok
}

// parameter returns a parameter, of the type that it got elsewhere if it did.
func (b *Binder) parameter(e *ast.Parameter) (*Node, error) {
	if b.parameters == nil || e.Number < 1 || e.Number > 1<<16 {
		return nil, sqlstate.New(sqlstate.NoParameter, e.At, "there is no parameter $%d", e.Number).
			WithHint("parameters can stand in statements, but not in what is stored with a table")
	}
	p := b.parameters
	for len(p.types) < e.Number {
		p.types = append(p.types, catalog.Type{})
	}
	return &Node{Op: OpParameter, At: e.At, Number: e.Number, Type: p.types[e.Number-1]}, nil
}

// decide gives a parameter its type.
func (b *Binder) decide(x *Node, t catalog.Type) *Node {
	types := b.parameters.types
	if known := types[x.Number-1]; known.Kind != 0 { // $1 = $1: the other one was decided meanwhile
		t = known
	}
	types[x.Number-1] = t
	return x.retyped(t)
}

// parameterEval returns the evaluator of a parameter.
func parameterEval(x *Node) evaluator {
	n, at, t := x.Number, x.At, x.Type
	return func(f frame) (catalog.Value, error) {
		if f.env == nil || n > len(f.env.Parameters) {
			return catalog.Null(), sqlstate.New(sqlstate.NoParameter, at, "parameter $%d was given no value", n)
		}
		v := f.env.Parameters[n-1]
		if v.IsNull() || v.Kind() == t.Kind || t.Kind == 0 {
			return v, nil
		}
		return convertValue(v, t, at)
	}
}
