package bind

import (
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A from binds a FROM.
type from struct {
	b      *binder
	around around    // the query's
	target *relation // of an UPDATE or DELETE, which it cannot name; nil: none
	tables int
	left   []*relation // what stands to the left of what is being bound, which LATERAL can name
}

// from returns what a FROM lists: its parts, and the join of them all. With no tables that is one row of no columns.
func (b *binder) from(list []ast.Table, a around, target *relation) ([]*relation, plan.Node, error) {
	f := &from{b: b, around: a, target: target}
	var all plan.Node
	for _, t := range list {
		r, err := f.table(t)
		if err != nil {
			return nil, nil, err
		}
		if err = f.addLeft(r); err != nil {
			return nil, nil, err
		}
		if all == nil {
			all = r.node
			continue
		}
		all = &plan.Join{Kind: plan.InnerJoin, Left: all, Right: r.node, Lateral: f.b.laterals > 0 && dependsOn(r.node, all)}
	}
	if all == nil {
		all = &plan.Rows{Rows: [][]*expr.Node{{}}}
	}
	return f.left, all, nil
}

// addLeft adds what the rest of the FROM can name.
func (f *from) addLeft(r *relation) error {
	for _, l := range f.left {
		if err := unique(l, r); err != nil {
			return err
		}
	}
	f.left = append(slices.Clip(f.left), r)
	return nil
}

// unique checks that two parts have no table of the same name.
func unique(l, r *relation) error {
	for _, s := range r.sources {
		if slices.ContainsFunc(l.sources, func(o *source) bool { return o.name == s.name && s.name != "" }) {
			return sqlstate.New(sqlstate.DuplicateAlias, s.at, "the table name %q is there twice", s.name).
				WithHint("give one of them another name: %s AS name", s.name)
		}
	}
	return nil
}

// table binds any part.
func (f *from) table(t ast.Table) (*relation, error) {
	if err := f.b.part(t.Place()); err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case *ast.Named:
		if f.tables++; f.tables > maxTables {
			return nil, sqlstate.New(sqlstate.TooComplex, t.At, "a FROM has more than %d tables", maxTables)
		}
		return f.named(t)
	case *ast.Derived:
		return f.derived(t)
	case *ast.Function:
		return f.function(t)
	case *ast.Join:
		return f.join(t)
	default:
		return nil, sqlstate.New(sqlstate.InternalError, t.Place(), "there is no such table: %T", t)
	}
}

// beside returns what a part of the FROM sees that is bound now.
func (f *from) beside(lateral bool) around {
	s := f.b.scope(f.around)
	if lateral {
		s.relations, s.lateral = f.left, true
	} else {
		s.hidden = slices.Clip(f.left)
	}
	if f.target != nil {
		s.hidden = append(s.hidden, f.target)
	}
	s.clause, s.beside = inFrom, true
	return s.within()
}

// named binds a table, a view or a query of a WITH.
func (f *from) named(t *ast.Named) (*relation, error) {
	name, at := t.Relation.Name, t.Relation.At
	if t.Relation.Schema == "" {
		if c, w := f.around.with.find(name); c != nil {
			r, err := f.b.common(c, w, f.around, at)
			if err != nil {
				return nil, err
			}
			return renamed(r, t.Alias, at)
		}
	}
	rel, err := f.b.catalog.Relation(t.Relation.Schema, name)
	if err != nil {
		return nil, err
	}
	if rel != nil {
		return renamed(f.b.scan(rel, name, at, false), t.Alias, at)
	}
	view, err := f.b.catalog.View(t.Relation.Schema, name)
	if err != nil {
		return nil, err
	}
	if view == nil {
		return nil, f.b.noTable(&t.Relation, f.around.with)
	}
	r, err := f.b.view(view, at)
	if err != nil {
		return nil, err
	}
	return renamed(r, t.Alias, at)
}

// noTable returns the error for a table that is not there.
func (b *binder) noTable(r *ast.Relation, w *with) error {
	name := r.Name
	if r.Schema != "" {
		name = r.Schema + "." + name
	}
	err := sqlstate.New(sqlstate.UndefinedTable, r.At, "there is no table %q", name)
	if w.declares(r) {
		return err.WithHint("a query of a WITH can be named behind it; WITH RECURSIVE lets it name itself")
	}
	names := w.names()
	if l, ok := b.catalog.(Lister); ok {
		names = append(names, l.Names()...)
	}
	return meant(err, name, names)
}

// scan returns the columns of a table. With a key, they include the hidden row id if there is no primary key, as the last one.
func (b *binder) scan(rel *plan.Relation, name string, at int, key bool) *relation {
	b.depend(rel)
	n := &plan.Scan{Relation: rel, Alias: name}
	src := &source{at: at, name: name, relation: rel}
	for i := range rel.Table.Columns {
		c := &rel.Table.Columns[i]
		src.columns = append(src.columns, &column{plan.Column{ID: b.id(), Table: name, Name: c.Name, Type: c.Type, NotNull: notNull(rel, i)}})
		n.Output = append(n.Output, src.columns[i].Column)
		n.Places = append(n.Places, i)
	}
	if key && len(rel.Table.PrimaryKey) == 0 {
		n.Output = append(n.Output, plan.Column{ID: b.id(), Table: name, Name: "rowid", Type: intType, NotNull: true})
		n.Places = append(n.Places, plan.HiddenRowID)
	}
	return &relation{node: n, sources: []*source{src}, columns: src.columns}
}

// notNull reports whether a column of a table is never NULL.
func notNull(rel *plan.Relation, place int) bool {
	c := &rel.Table.Columns[place]
	if c.NotNull {
		return true
	}
	for _, k := range rel.Table.PrimaryKey {
		if k.Column == c.ID {
			return true
		}
	}
	return false
}

// relation returns the columns of a result as those of a table.
func (b *binder) relation(r *result, name string, at int) (*relation, error) {
	output, err := b.close(r)
	if err != nil {
		return nil, err
	}
	src := &source{at: at, name: name}
	for _, c := range output {
		c.Table = name
		src.columns = append(src.columns, &column{c})
	}
	return &relation{node: r.node, sources: []*source{src}, columns: src.columns}, nil
}

// derived binds a query in parentheses.
func (f *from) derived(t *ast.Derived) (*relation, error) {
	r, err := f.b.query(t.Query, f.beside(t.Lateral))
	if err != nil {
		return nil, err
	}
	rel, err := f.b.relation(r, "", t.At)
	if err != nil {
		return nil, err
	}
	return renamed(rel, t.Alias, t.At)
}

// renamed gives a part its alias, with the names of columns that it has. Without, it keeps its name, and tables in it can
// still be named.
func renamed(r *relation, a *ast.Alias, at int) (*relation, error) {
	if a == nil {
		for _, s := range r.sources {
			s.at = at
		}
		return r, nil
	}
	if len(a.Columns) > len(r.columns) {
		extra := a.Columns[len(r.columns)]
		return nil, sqlstate.New(sqlstate.InvalidColumnReference, extra.At, "table %q has fewer columns (%d) than there are names (%d)", a.Name, len(r.columns), len(a.Columns))
	}
	src := &source{at: a.At, name: a.Name}
	if len(r.sources) == 1 {
		src.relation = r.sources[0].relation
	}
	for i, c := range r.columns {
		with := *c
		with.Table = a.Name
		if i < len(a.Columns) {
			with.Name = a.Columns[i].Name
		}
		src.columns = append(src.columns, &with)
	}
	if scan, ok := r.node.(*plan.Scan); ok {
		named := *scan
		named.Alias = a.Name
		named.Output = slices.Clone(scan.Output)
		for i := range named.Output {
			named.Output[i].Table = a.Name
		}
		r.node = &named
	}
	return &relation{node: r.node, sources: []*source{src}, columns: src.columns}, nil
}
