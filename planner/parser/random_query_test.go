package parser

import "github.com/middb/middb/planner/ast"

// statementNames are more names for random trees: words that mean something in statements.
var statementNames = append([]string{
	"set", "values", "rows", "partition", "range", "recursive", "first", "nulls", "over", "filter", "if", "unbounded", "current",
	"day", "to", "exists", "row", "interval", "time", "local", "session", "savepoint", "csv", "only", "key", "materialized", "no",
	"all", "transaction", "replace", "index", "view",
}, names...)

func (r trees) ident() string { return pick(r, statementNames) }

func (r trees) named() ast.Name { return ast.Name{Name: r.ident()} }

// some returns from least to two more of what f makes, or nil.
func some[T any](r trees, least int, f func() T) []T {
	var all []T
	for range least + r.IntN(3) {
		all = append(all, f())
	}
	return all
}

// perhaps returns what f makes, or nothing.
func perhaps[T any](r trees, f func() T) (none T) {
	if r.maybe() {
		return f()
	}
	return none
}

func (r trees) relation() ast.Relation {
	rel := ast.Relation{Name: r.ident()}
	if r.IntN(5) == 0 {
		rel.Schema = r.ident()
	}
	return rel
}

func (r trees) alias() *ast.Alias {
	if r.maybe() {
		return nil
	}
	return &ast.Alias{Name: r.ident(), Columns: some(r, 0, r.named)}
}

func (r trees) query(depth int) *ast.Query {
	q := &ast.Query{Body: r.body(depth)}
	if r.IntN(5) == 0 {
		q.With = r.with(depth)
	}
	if r.IntN(3) == 0 {
		q.OrderBy = some(r, 1, func() ast.Order { return r.order(depth) })
	}
	if r.IntN(3) == 0 {
		q.Limit = r.tree(depth)
		q.Ties = r.IntN(3) == 0
	}
	if r.IntN(4) == 0 {
		q.Offset = r.tree(depth)
	}
	if inner, ok := q.Body.(*ast.Query); ok && bare(q) {
		return inner
	}
	return q
}

func (r trees) with(depth int) *ast.With {
	return &ast.With{Recursive: r.maybe(), Tables: some(r, 1, func() ast.Common {
		return ast.Common{
			Name: r.ident(), Columns: some(r, 0, r.named), Mode: ast.Materialization(r.IntN(3)), Query: r.query(max(depth-1, 0)),
		}
	})}
}

func (r trees) order(depth int) ast.Order {
	return ast.Order{Expr: r.tree(depth), Descending: r.maybe(), Nulls: ast.Nulls(r.IntN(3))}
}

func (r trees) body(depth int) ast.Body {
	switch k := r.IntN(10); {
	case depth > 0 && k < 3:
		return &ast.SetOperation{
			Kind: ast.SetOperator(r.IntN(3)), All: r.maybe(), Left: r.body(depth - 1), Right: r.body(depth - 1),
		}
	case depth > 0 && k == 3:
		return unwrapped(r.query(depth - 1))
	case k == 4:
		return &ast.Values{Rows: some(r, 1, func() []ast.Expr { return r.list(depth) })}
	default:
		return r.selection(depth)
	}
}

func (r trees) items(least, depth int) []ast.Item {
	return some(r, least, func() ast.Item {
		switch r.IntN(6) {
		case 0:
			return ast.Item{Expr: &ast.Star{}}
		case 1:
			return ast.Item{Expr: &ast.Star{Table: r.ident()}}
		case 2:
			return ast.Item{Expr: r.tree(depth), As: r.ident()}
		default:
			return ast.Item{Expr: r.tree(depth)}
		}
	})
}

func (r trees) selection(depth int) *ast.Select {
	s := &ast.Select{Items: r.items(1, depth), Distinct: r.IntN(4) == 0}
	if s.Distinct && r.maybe() {
		s.On = r.list(depth)
	}
	if r.IntN(4) > 0 {
		s.From = some(r, 1, func() ast.Table { return r.table(depth) })
	}
	s.Where = perhaps(r, func() ast.Expr { return r.tree(depth) })
	if r.IntN(3) == 0 {
		s.GroupBy = r.list(depth)
	}
	if r.IntN(4) == 0 {
		s.Having = r.tree(depth)
	}
	if r.IntN(5) == 0 {
		s.Windows = some(r, 1, func() ast.NamedWindow { return ast.NamedWindow{Name: r.ident(), Window: *r.window(depth)} })
	}
	return s
}

func (r trees) window(depth int) *ast.Window {
	w := &ast.Window{}
	if r.maybe() {
		w.Base = r.ident()
	}
	if r.maybe() {
		w.PartitionBy = r.list(depth)
	}
	if r.maybe() {
		w.OrderBy = some(r, 1, func() ast.Order { return r.order(depth) })
	}
	if r.maybe() {
		f := &ast.Frame{Unit: ast.FrameUnit(r.IntN(3)), Exclude: ast.Exclusion(r.IntN(4))}
		f.Start.Kind = ast.BoundKind(r.IntN(int(ast.UnboundedFollowing)))
		f.End.Kind = max(f.Start.Kind, ast.Preceding) + ast.BoundKind(r.IntN(int(ast.UnboundedFollowing-max(f.Start.Kind, ast.Preceding))+1))
		for _, b := range []*ast.Bound{&f.Start, &f.End} {
			if b.Kind == ast.Preceding || b.Kind == ast.Following {
				b.Offset = r.tree(depth)
			}
		}
		w.Frame = f
	}
	return w
}

func (r trees) call(depth int) *ast.Call {
	return &ast.Call{Name: pick(r, []string{"f", "left", "Trim", "generate_series", "values", "extract"}), Args: r.list(depth)}
}

func (r trees) table(depth int) ast.Table {
	switch k := r.IntN(6); {
	case depth == 0 || k < 2:
		return &ast.Named{Relation: r.relation(), Alias: r.alias()}
	case k == 2:
		return &ast.Derived{Lateral: r.maybe(), Query: r.query(depth - 1), Alias: r.alias()}
	case k == 3:
		return &ast.Function{Lateral: r.maybe(), Call: r.call(depth - 1), Ordinality: r.maybe(), Alias: r.alias()}
	default:
		j := &ast.Join{Kind: ast.JoinKind(r.IntN(5)), Left: r.table(depth - 1), Right: r.table(depth - 1), Alias: r.alias()}
		switch {
		case j.Kind == ast.Cross:
		case r.IntN(4) == 0:
			j.Natural = true
		case r.maybe():
			j.Using = some(r, 1, r.named)
		default:
			j.On = r.tree(depth)
		}
		return j
	}
}

// queryExpression makes an expression with a query or a window in it, or another one that only statements have.
func (r trees) queryExpression(depth int) ast.Expr {
	switch r.IntN(8) {
	case 0:
		return &ast.Subquery{Query: r.query(depth)}
	case 1:
		return &ast.Exists{Query: r.query(depth)}
	case 2:
		return &ast.In{X: r.tree(depth), Query: r.query(depth), Not: r.maybe()}
	case 3:
		o := ast.Equal + ast.Operator(r.IntN(int(ast.GreaterEqual-ast.Equal)+1))
		return &ast.Quantified{X: r.tree(depth), Operator: o, All: r.maybe(), Query: r.query(depth)}
	case 4:
		return &ast.Row{List: some(r, 0, func() ast.Expr { return r.tree(depth) })}
	case 5:
		return &ast.Interval{Text: pick(r, texts), Unit: pick(r, []string{"", "DAY", "YEAR", "YEAR TO MONTH", "HOUR TO SECOND"})}
	default:
		c := r.call(depth)
		c.Distinct = r.IntN(3) == 0
		if r.maybe() {
			c.OrderBy = some(r, 1, func() ast.Order { return r.order(depth) })
		}
		c.Filter = perhaps(r, func() ast.Expr { return r.tree(depth) })
		if r.maybe() {
			c.Over = r.window(depth)
			if r.IntN(3) == 0 {
				c.Over = &ast.Window{Base: r.ident(), Bare: true}
			}
		}
		return c
	}
}
