package bind

import (
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A writing is a statement that writes rows of a table.
type writing struct {
	b      *binder
	with   *with
	around around
	rel    *plan.Relation
	table  *relation // the table's columns, under its alias
	source *plan.Query
}

// writing begins to bind a statement. With a key, the table's scan gives the hidden row id if it has no primary key.
func (b *binder) writing(t *ast.Named, tree *ast.With, key bool, rest ...any) (*writing, error) {
	w := &writing{b: b, around: b.top()}
	var err error
	if w.with, err = b.with(tree, w.around, rest...); err != nil {
		return nil, err
	}
	if w.with != nil {
		w.around.with = w.with
	}
	r := &t.Relation
	if r.Schema == "" {
		if c, _ := w.with.find(r.Name); c != nil {
			return nil, sqlstate.New(sqlstate.WrongObjectType, r.At, "%q is a query of the WITH and cannot be written", r.Name)
		}
	}
	if w.rel, err = b.catalog.Relation(r.Schema, r.Name); err != nil {
		return nil, err
	}
	if w.rel == nil {
		return nil, b.notWritten(r)
	}
	if w.rel.Virtual != nil {
		return nil, sqlstate.New(sqlstate.WrongObjectType, r.At, "the table %q cannot be written", r.Name)
	}
	w.table, err = renamed(b.scan(w.rel, r.Name, r.At, key), t.Alias, r.At)
	return w, err
}

// notWritten returns the error for what is no table.
func (b *binder) notWritten(r *ast.Relation) error {
	view, err := b.catalog.View(r.Schema, r.Name)
	switch {
	case err != nil:
		return err
	case view != nil:
		return sqlstate.New(sqlstate.WrongObjectType, r.At, "%q is a view and cannot be written", r.Name).
			WithHint("write the tables that it is made of")
	default:
		return b.noTable(r, nil)
	}
}

// place returns the place of a column in the table.
func (w *writing) place(n ast.Name) (int, error) {
	if _, at, ok := w.rel.Table.Column(n.Name); ok {
		return at, nil
	}
	var names []string
	for i := range w.rel.Table.Columns {
		names = append(names, w.rel.Table.Columns[i].Name)
	}
	err := sqlstate.New(sqlstate.UndefinedColumn, n.At, "table %q has no column %q", w.rel.Table.Name, n.Name)
	return 0, meant(err, n.Name, names)
}

// convert converts a value to the type of the column at a place.
func (w *writing) convert(n *expr.Node, place int) (*expr.Node, error) {
	c := &w.rel.Table.Columns[place]
	n, err := w.b.types.Assign(n, c.Type)
	if e, ok := err.(*sqlstate.Error); ok && e.Code == sqlstate.DatatypeMismatch { //nolint:errorlint // expr made it
		named := *e
		named.Message = fmt.Sprintf("column %q: %s", c.Name, e.Message)
		return nil, &named
	}
	return n, err
}

// finish sets what belongs to the whole statement.
func (w *writing) finish() []catalog.Type {
	types := w.b.declared.Types()
	w.source.Parameters, w.source.NextID, w.source.Tables = types, w.b.last+1, w.b.tables
	return types
}

// An assigned is a column that gets a value.
type assigned struct {
	at     int
	place  int
	value  *expr.Node
	preset bool // it gets its default
}

// assignments binds what SET lists. Queries that give several values are bound by several.
func (w *writing) assignments(s *scope, list []ast.Assignment, several func(q *ast.Subquery, columns int) ([]*expr.Node, error)) ([]assigned, error) {
	var all []assigned
	for i := range list {
		a := &list[i]
		places := make([]int, len(a.Columns))
		for j, n := range a.Columns {
			var err error
			if places[j], err = w.place(n); err != nil {
				return nil, err
			}
			for _, other := range all {
				if other.place == places[j] {
					return nil, sqlstate.New(sqlstate.SyntaxError, n.At, "column %q is set twice", n.Name)
				}
			}
			all = append(all, assigned{at: n.At, place: places[j]})
		}
		if err := w.assign(s, a, all[len(all)-len(places):], several); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// assign binds the values of an assignment.
func (w *writing) assign(s *scope, a *ast.Assignment, to []assigned, several func(*ast.Subquery, int) ([]*expr.Node, error)) error {
	list := []ast.Expr{a.Value}
	switch v := a.Value.(type) {
	case *ast.Row:
		if len(a.Columns) > 1 {
			list = v.List
		}
	case *ast.Subquery:
		if len(a.Columns) == 1 {
			break
		}
		values, err := several(v, len(to))
		if err != nil {
			return err
		}
		for i := range to {
			if to[i].value, err = w.convert(values[i], to[i].place); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) != len(to) {
		return sqlstate.New(sqlstate.SyntaxError, a.At, "%d columns are set, but there are %d values", len(to), len(list))
	}
	for i, e := range list {
		t := w.rel.Table.Columns[to[i].place].Type
		if _, ok := e.(*ast.Default); ok {
			to[i].preset, to[i].value = true, expr.Constant(catalog.Null(), t)
			continue
		}
		n, err := s.bind(inSet, e)
		if err != nil {
			return err
		}
		if to[i].value, err = w.convert(n, to[i].place); err != nil {
			return err
		}
	}
	return nil
}

// returning binds RETURNING. Others are the tables beside; the columns of theirs that it names are returned too.
func (w *writing) returning(list []ast.Item, others []*relation) (*plan.Returning, []plan.Column, error) {
	if len(list) == 0 {
		return nil, nil, nil
	}
	s := w.b.scope(w.apart(), append([]*relation{w.table}, others...)...)
	items, _, err := s.list(inReturning, list)
	if err != nil {
		return nil, nil, err
	}
	if err = w.b.settle(items); err != nil {
		return nil, nil, err
	}
	r := &plan.Returning{Columns: columnsOf(w.table.columns)}
	known := idsOf(r.Columns)
	var extra []plan.Column
	for i := range items {
		it := &items[i]
		for _, id := range it.expr.Columns() {
			if c := s.owns(id); c != nil && !known[id] {
				known[id] = true
				extra = append(extra, c.Column)
			}
		}
		c := plan.Column{ID: w.b.id(), Name: it.name, Type: it.expr.Type}
		if it.expr.Op == expr.OpColumn {
			if from := s.owns(it.expr.Column); from != nil {
				c.Table, c.NotNull = from.Table, from.NotNull
			}
		}
		r.Items = append(r.Items, plan.Item{Column: c, Expr: it.expr})
	}
	r.Columns, r.Extra = append(r.Columns, extra...), len(extra)
	return r, extra, nil
}

// keyColumns returns the columns that say which row is meant.
func (w *writing) keyColumns() []plan.Column {
	t := w.rel.Table
	if len(t.PrimaryKey) == 0 {
		scan, _ := w.table.node.(*plan.Scan)
		return scan.Output[len(scan.Output)-1:]
	}
	var key []plan.Column
	for _, k := range t.PrimaryKey {
		if _, at, ok := t.ColumnByID(k.Column); ok {
			key = append(key, w.table.columns[at].Column)
		}
	}
	return key
}

// beside joins the table with others that the statement lists, and filters.
func (w *writing) beside(list []ast.Table, where ast.Expr) (*scope, []*relation, plan.Node, error) {
	var others []*relation
	node := w.table.node
	if len(list) > 0 {
		var right plan.Node
		var err error
		if others, right, err = w.b.from(list, w.around, w.table); err != nil {
			return nil, nil, nil, err
		}
		for _, o := range others {
			if err = unique(w.table, o); err != nil {
				return nil, nil, nil, err
			}
		}
		node = &plan.Join{Kind: plan.InnerJoin, Left: node, Right: right}
	}
	s := w.b.scope(w.around, slices.Concat([]*relation{w.table}, others)...)
	node, err := s.filtered(node, where)
	return s, others, node, err
}
