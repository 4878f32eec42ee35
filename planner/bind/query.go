package bind

import (
	"slices"
	"strconv"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// query binds a query.
func (b *binder) query(q *ast.Query, a around) (*result, error) {
	if err := b.enter(q.At); err != nil {
		return nil, err
	}
	defer b.leave()
	w, err := b.with(q.With, a, q.Body, q.OrderBy)
	if err != nil {
		return nil, err
	}
	if w != nil {
		a.with = w
	}
	r, err := b.body(q, a)
	if err != nil {
		return nil, err
	}
	b.columns(r, w)
	r.node = w.commons(r.node)
	return r, nil
}

// body binds what a query is but for its WITH.
func (b *binder) body(q *ast.Query, a around) (*result, error) {
	t := &tail{b: b, around: a, query: q}
	if s, ok := q.Body.(*ast.Select); ok {
		return b.selection(s, a, t)
	}
	r, err := b.operand(q.Body, a)
	if err != nil {
		return nil, err
	}
	if len(q.OrderBy) > 0 {
		if err = t.sortOutput(r); err != nil {
			return nil, err
		}
	}
	return r, t.limit(r)
}

// operand binds a query without its tail: what UNION joins, or the whole.
func (b *binder) operand(body ast.Body, a around) (*result, error) {
	switch body := body.(type) {
	case *ast.Select:
		return b.selection(body, a, &tail{b: b, around: a, query: &ast.Query{At: body.At}})
	case *ast.Values:
		return b.values(body, a)
	case *ast.SetOperation:
		return b.operation(body, a)
	case *ast.Query:
		return b.query(body, a)
	default:
		return nil, sqlstate.New(sqlstate.InternalError, body.Place(), "there is no such query: %T", body)
	}
}

// values binds VALUES as a query.
func (b *binder) values(v *ast.Values, a around) (*result, error) {
	s := b.scope(a)
	width := len(v.Rows[0])
	if err := tooWide(width, v.At); err != nil {
		return nil, err
	}
	n := &plan.Rows{Rows: make([][]*expr.Node, len(v.Rows))}
	for i, row := range v.Rows {
		if len(row) != width {
			return nil, sqlstate.New(sqlstate.SyntaxError, row[0].Place(), "the rows of VALUES have different lengths: %d and %d", width, len(row))
		}
		n.Rows[i] = make([]*expr.Node, width)
		for j, e := range row {
			var err error
			if n.Rows[i][j], err = s.bind(inValues, e); err != nil {
				return nil, err
			}
		}
	}
	r := &result{node: n}
	column := make([]*expr.Node, len(v.Rows))
	for j := range width {
		for i := range n.Rows {
			column[i] = n.Rows[i][j]
		}
		open := openValue(column)
		t, err := b.types.Unify("VALUES", column)
		if err != nil {
			return nil, err
		}
		if t.Kind == 0 {
			t = textType
		}
		c := plan.Column{ID: b.id(), Name: columnName(j), Type: t, NotNull: true}
		for i := range n.Rows {
			if n.Rows[i][j], err = b.types.Settle(column[i], t); err != nil {
				return nil, err
			}
			c.NotNull = c.NotNull && column[i].Op == expr.OpConstant && !column[i].Value.IsNull()
		}
		n.Output = append(n.Output, c)
		value := columnNode(&c, v.At)
		if open != nil {
			value = open
		}
		r.items = append(r.items, item{at: v.Rows[0][j].Place(), name: c.Name, expr: value})
	}
	return r, nil
}

// openValue returns the value of a column that has one row, if its type is open, and puts NULL in its place: INSERT ...
// VALUES and UNION may want any type of it.
func openValue(column []*expr.Node) *expr.Node {
	if len(column) != 1 || !column[0].Open() || column[0].Op != expr.OpConstant && column[0].Op != expr.OpParameter {
		return nil
	}
	open := column[0]
	column[0] = expr.Constant(catalog.Null(), textType)
	return open
}

func columnName(place int) string { return "column" + strconv.Itoa(place+1) }

// operation binds UNION and its like.
func (b *binder) operation(o *ast.SetOperation, a around) (*result, error) {
	if err := b.part(o.At); err != nil {
		return nil, err
	}
	l, err := b.operand(o.Left, a)
	if err != nil {
		return nil, err
	}
	r, err := b.operand(o.Right, a)
	if err != nil {
		return nil, err
	}
	if len(l.items) != len(r.items) {
		at := o.At
		if len(r.items) > 0 {
			at = r.items[0].at
		}
		return nil, sqlstate.New(sqlstate.SyntaxError, at, "the queries of %s have %d and %d columns", o.Kind, len(l.items), len(r.items))
	}
	for i := range l.items {
		both := []*expr.Node{l.items[i].expr, r.items[i].expr}
		if _, err = b.types.Unify(o.Kind.String(), both); err != nil {
			return nil, err
		}
		l.items[i].expr, r.items[i].expr = both[0], both[1]
	}
	return b.combine(o, l, r)
}

// combine makes the operation of queries whose columns have the same types.
func (b *binder) combine(o *ast.SetOperation, l, r *result) (*result, error) {
	left, err := b.close(l)
	if err != nil {
		return nil, err
	}
	right, err := b.close(r)
	if err != nil {
		return nil, err
	}
	n := &plan.SetOperation{Kind: plan.SetKind(o.Kind), All: o.All, Left: l.node, Right: r.node}
	result := &result{node: n}
	for i := range left {
		c := plan.Column{ID: b.id(), Name: left[i].Name, Type: unified(left[i].Type, right[i].Type)}
		switch o.Kind {
		case ast.Union:
			c.NotNull = left[i].NotNull && right[i].NotNull
		case ast.Except:
			c.NotNull = left[i].NotNull
		default:
			c.NotNull = left[i].NotNull || right[i].NotNull
		}
		if !o.All || o.Kind != ast.Union {
			if err := hashable(c.Type, l.items[i].at, o.Kind.String()); err != nil {
				return nil, err
			}
		}
		n.LeftColumns = append(n.LeftColumns, left[i].ID)
		n.RightColumns = append(n.RightColumns, right[i].ID)
		n.Output = append(n.Output, c)
		result.items = append(result.items, item{at: l.items[i].at, name: c.Name, expr: columnNode(&c, l.items[i].at)})
	}
	return result, nil
}

// unified returns the type of values of both types, which are of one kind.
func unified(l, r catalog.Type) catalog.Type {
	if l == r {
		return l
	}
	return catalog.Type{Kind: l.Kind}
}

// hashable checks that values of a type can be compared for equality.
func hashable(t catalog.Type, at int, what string) error {
	if t.Kind == catalog.JSON {
		return sqlstate.New(sqlstate.UndefinedFunction, at, "%s must compare values, and those of JSON cannot be", what).
			WithHint("convert them: CAST(... AS TEXT)")
	}
	return nil
}

func tooWide(columns, at int) error {
	if columns > maxColumns {
		return sqlstate.New(sqlstate.TooManyColumns, at, "there are %d columns, and %d is the most", columns, maxColumns)
	}
	return nil
}

// A tail is what a query has behind its body.
type tail struct {
	b      *binder
	around around
	query  *ast.Query
	scope  *scope // of the SELECT; nil: it is none
}

// limits reports whether it has a LIMIT or OFFSET.
func (t *tail) limits() bool { return t.query.Limit != nil || t.query.Offset != nil }

// sortOutput sorts a result whose order can be given by its names and places only.
func (t *tail) sortOutput(r *result) error {
	for _, o := range t.query.OrderBy {
		i, err := outputItem(r.items, nil, o.Expr, "ORDER BY")
		switch {
		case err != nil:
			return err
		case i < 0:
			return sqlstate.New(sqlstate.NotSupported, o.Expr.Place(), "the result of UNION and the like is sorted by names or places of its columns only").
				WithHint("put it into FROM: SELECT ... FROM (... UNION ...) AS name ORDER BY ...")
		}
	}
	output, err := t.b.close(r)
	if err != nil {
		return err
	}
	n := &plan.Sort{Input: r.node}
	for _, o := range t.query.OrderBy {
		i, err := outputItem(r.items, nil, o.Expr, "ORDER BY")
		if err != nil {
			return err
		}
		if n.Keys, err = addKey(n.Keys, output[i].ID, output[i].Type, &o); err != nil {
			return err
		}
	}
	r.node = n
	return nil
}

// addKey adds a key to sort by, unless it is there already.
func addKey(keys []plan.Key, id expr.ColumnID, t catalog.Type, o *ast.Order) ([]plan.Key, error) {
	if err := hashable(t, o.Expr.Place(), "ORDER BY"); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(keys, func(k plan.Key) bool { return k.Column == id }) {
		return keys, nil
	}
	return append(keys, plan.Key{Column: id, Descending: o.Descending, NullsFirst: nullsFirst(o)}), nil
}

// nullsFirst reports whether NULLs come first: they are the greatest values, unless it is said.
func nullsFirst(o *ast.Order) bool {
	return o.Nulls == ast.NullsFirst || o.Nulls == ast.NullsGreatest && o.Descending
}

// limit adds what LIMIT and OFFSET say.
func (t *tail) limit(r *result) error {
	q := t.query
	if q.Limit == nil && q.Offset == nil {
		return nil
	}
	n := &plan.Limit{Input: r.node, Ties: q.Ties}
	var err error
	if n.Count, err = t.number(q.Limit, "LIMIT"); err != nil {
		return err
	}
	if n.Offset, err = t.number(q.Offset, "OFFSET"); err != nil {
		return err
	}
	if q.Ties {
		sort, ok := r.node.(*plan.Sort)
		if !ok {
			return sqlstate.New(sqlstate.SyntaxError, q.Limit.Place(), "WITH TIES needs an ORDER BY")
		}
		n.Keys = sort.Keys
	}
	if n.Count != nil || n.Offset != nil {
		r.node = n
	}
	return nil
}

// number binds how many rows there are to be; nil if all.
func (t *tail) number(e ast.Expr, what string) (*expr.Node, error) {
	if e == nil {
		return nil, nil
	}
	s := t.scope
	if s == nil {
		s = t.b.scope(t.around)
	}
	n, err := s.bind(clause{name: what}, e)
	if err != nil {
		return nil, err
	}
	n.Walk(func(x *expr.Node) bool {
		switch {
		case x.Op == expr.OpColumn:
			err = sqlstate.New(sqlstate.InvalidColumnReference, x.At, "%s cannot name columns", what)
		case x.Sub != nil:
			err = sqlstate.New(sqlstate.NotSupported, x.At, "%s cannot have queries in it", what).
				WithHint("compute the number first and give it as a parameter")
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if n, err = s.types.Assign(n, intType); err != nil {
		return nil, err
	}
	if n.Op == expr.OpConstant && n.Value.IsNull() { // as if it was not there
		return nil, nil
	}
	return n, nil
}
