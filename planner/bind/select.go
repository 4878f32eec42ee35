package bind

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A selection is a SELECT that is being bound.
type selection struct {
	b      *binder
	tree   *ast.Select
	tail   *tail
	scope  *scope
	node   plan.Node // of what was bound so far
	items  []item
	trees  []ast.Expr // of items; nil for those of a *
	having *expr.Node
	keys   []key
	groups []key
	on     []key
}

// A key is an expression that sorts or groups: one of the items, or another one.
type key struct {
	at    int
	order *ast.Order // of ORDER BY
	item  int        // -1: expr
	expr  *expr.Node
}

// selection binds a SELECT with the tail of its query. Parts are bound in the order in which PostgreSQL does it, so that
// parameters get the same types.
func (b *binder) selection(tree *ast.Select, a around, t *tail) (*result, error) {
	if err := b.part(tree.At); err != nil {
		return nil, err
	}
	relations, node, err := b.from(tree.From, a, nil)
	if err != nil {
		return nil, err
	}
	x := &selection{b: b, tree: tree, tail: t, scope: b.scope(a, relations...), node: node}
	x.scope.definitions = tree.Windows
	t.scope = x.scope
	for _, step := range []func() error{x.list, x.where, x.bindHaving, x.orderBy, x.groupBy, x.distinctOn, x.group, x.windows} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	switch {
	case len(tree.On) > 0:
		return x.distinctOnOutput()
	case tree.Distinct:
		return x.distinctOutput()
	case len(x.keys) > 0:
		return x.sortedOutput()
	default:
		r := &result{node: x.node, items: x.items}
		return r, t.limit(r)
	}
}

// list binds the list of items.
func (x *selection) list() error {
	var err error
	x.items, x.trees, err = x.scope.list(inItems, x.tree.Items)
	return err
}

// list binds items and puts columns in the place of stars.
func (s *scope) list(c clause, list []ast.Item) (items []item, trees []ast.Expr, err error) {
	for i := range list {
		it := &list[i]
		if star, ok := it.Expr.(*ast.Star); ok {
			columns, err := s.star(star)
			if err != nil {
				return nil, nil, err
			}
			for _, col := range columns {
				items = append(items, item{at: star.At, name: col.Name, expr: columnNode(&col.Column, star.At)})
				trees = append(trees, nil)
			}
			continue
		}
		n, err := s.bind(c, it.Expr)
		if err == nil && n.Op != expr.OpConstant && n.Op != expr.OpParameter { // a CASE of NULLs: only values stay open
			n, err = s.types.Settle(n, textType)
		}
		if err != nil {
			return nil, nil, err
		}
		name := it.As
		if name == "" {
			name = outputName(it.Expr)
		}
		items = append(items, item{at: it.At, name: name, expr: n})
		trees = append(trees, it.Expr)
	}
	at := 0
	if len(list) > 0 {
		at = list[0].At
	}
	return items, trees, tooWide(len(items), at)
}

// star returns the columns that * or table.* stands for.
func (s *scope) star(e *ast.Star) ([]*column, error) {
	if e.Table != "" {
		for at := s; at != nil; at = at.around.outer {
			src := at.source(e.Table)
			if src == nil {
				continue
			}
			if at != s {
				for _, c := range src.columns {
					at.seen(c.ID, e.At)
				}
			}
			return src.columns, nil
		}
		return nil, s.noColumn(&ast.Column{At: e.At, Table: e.Table})
	}
	var all []*column
	for _, r := range s.relations {
		all = append(all, r.columns...)
	}
	if len(s.relations) == 0 {
		return nil, sqlstate.New(sqlstate.SyntaxError, e.At, "* needs a FROM that says whose columns are meant")
	}
	return all, nil
}

// where binds WHERE.
func (x *selection) where() (err error) {
	x.node, err = x.scope.filtered(x.node, x.tree.Where)
	return err
}

// filtered returns the rows of a node for which a WHERE is true.
func (s *scope) filtered(n plan.Node, where ast.Expr) (plan.Node, error) {
	if where == nil {
		return n, nil
	}
	c, err := s.condition(inWhere, where)
	if err != nil {
		return nil, err
	}
	all := conditions(c)
	if len(all) == 0 {
		return n, nil
	}
	return &plan.Filter{Input: n, Conditions: all}, nil
}

func (x *selection) bindHaving() (err error) {
	if x.tree.Having != nil {
		x.having, err = x.scope.condition(inHaving, x.tree.Having)
	}
	return err
}

// sortedOutput returns what is selected, sorted. With a LIMIT, only what sorts is computed before it.
func (x *selection) sortedOutput() (*result, error) {
	p := x.b.project(x.node)
	keys, all, err := x.project(p, x.keys)
	if err != nil {
		return nil, err
	}
	input := p.passing
	if !x.tail.limits() {
		all = append(all, p.closed(x.items)...)
		input = func() plan.Node { return p.only(all) }
	}
	r := &result{node: &plan.Sort{Input: input(), Keys: keys}, items: x.items}
	return r, x.tail.limit(r)
}

// project makes columns of keys. Items that are keys become these columns.
func (x *selection) project(p *projection, list []key) (keys []plan.Key, columns []plan.Column, err error) {
	for i := range list {
		k := &list[i]
		var c plan.Column
		if k.item >= 0 {
			if err = x.b.settle(x.items[k.item : k.item+1]); err != nil {
				return nil, nil, err
			}
			it := &x.items[k.item]
			c = p.column(it.expr, it.name)
			it.expr = columnNode(&c, it.at)
		} else {
			c = p.column(k.expr, "")
		}
		columns = append(columns, c)
		if k.order == nil {
			err = hashable(c.Type, k.at, "DISTINCT ON")
		} else {
			keys, err = addKey(keys, c.ID, c.Type, k.order)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return keys, columns, nil
}

// distinctOutput returns what is selected, each row once.
func (x *selection) distinctOutput() (*result, error) {
	r := &result{node: x.node, items: x.items}
	if err := x.b.settle(r.items); err != nil {
		return nil, err
	}
	p := x.b.project(r.node)
	columns := make([]plan.Column, len(r.items))
	for i := range r.items {
		it := &r.items[i]
		if err := hashable(it.expr.Type, it.at, "DISTINCT"); err != nil {
			return nil, err
		}
		columns[i] = p.column(it.expr, it.name)
		it.expr = columnNode(&columns[i], it.at)
	}
	r.node = &plan.Distinct{Input: p.exactly(columns)}
	var keys []plan.Key
	var err error
	for i := range x.keys {
		k := &x.keys[i]
		c := &columns[k.item]
		if keys, err = addKey(keys, c.ID, c.Type, k.order); err != nil {
			return nil, err
		}
	}
	if len(keys) > 0 {
		r.node = &plan.Sort{Input: r.node, Keys: keys}
	}
	return r, x.tail.limit(r)
}

// distinctOnOutput returns the first of all rows that have the same values for DISTINCT ON.
func (x *selection) distinctOnOutput() (*result, error) {
	p := x.b.project(x.node)
	_, on, err := x.project(p, x.on)
	if err != nil {
		return nil, err
	}
	keys, all, err := x.project(p, x.keys)
	if err != nil {
		return nil, err
	}
	ids := idsOf(on)
	missing := len(ids)
	for i := range keys {
		switch {
		case missing == 0:
		case !ids[keys[i].Column]:
			return nil, sqlstate.New(sqlstate.InvalidColumnReference, x.on[0].at, "what DISTINCT ON lists must be what ORDER BY begins with")
		default:
			missing--
		}
	}
	all = append(all, p.closed(x.items)...)
	r := &result{node: p.only(append(all, on...)), items: x.items}
	if len(keys) > 0 {
		r.node = &plan.Sort{Input: r.node, Keys: keys}
	}
	r.node = &plan.Distinct{Input: r.node, On: sorted(ids)}
	if x.tail.query.Ties {
		return nil, sqlstate.New(sqlstate.NotSupported, x.tail.query.Limit.Place(), "WITH TIES is not supported with DISTINCT ON").
			WithHint("put the DISTINCT ON into FROM")
	}
	return r, x.tail.limit(r)
}
