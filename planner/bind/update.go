package bind

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// Update binds an UPDATE. It returns the types of the parameters too.
func Update(s *ast.Update, o *Options) (*plan.Update, []catalog.Type, error) {
	b := newBinder(o)
	p, types, err := b.update(s)
	if err != nil {
		return nil, nil, b.inText(err)
	}
	return p, types, nil
}

func (b *binder) update(t *ast.Update) (*plan.Update, []catalog.Type, error) {
	w, err := b.writing(&t.Table, t.With, true, t.Set, t.From, t.Where, t.Returning)
	if err != nil {
		return nil, nil, err
	}
	s, others, node, err := w.beside(t.From, t.Where)
	if err != nil {
		return nil, nil, err
	}
	set, err := w.assignments(s, t.Set, func(q *ast.Subquery, columns int) (values []*expr.Node, err error) {
		node, values, err = s.joined(node, q, columns)
		return values, err
	})
	if err != nil {
		return nil, nil, err
	}
	u := &plan.Update{Table: w.rel.Table}
	var extra []plan.Column
	if u.Returning, extra, err = w.returning(t.Returning, others); err != nil {
		return nil, nil, err
	}
	p := b.project(node)
	output := slices.Concat(w.keyColumns(), columnsOf(w.table.columns))
	for i := range set {
		a := &set[i]
		u.Places, u.Default = append(u.Places, a.place), append(u.Default, a.preset)
		output = append(output, p.column(a.value, w.rel.Table.Columns[a.place].Name))
	}
	output = append(output, extra...)
	w.source = b.whole(w.with.commons(p.only(output)), output)
	u.Source = w.source
	return u, w.finish(), nil
}

// joined computes a query that gives several values beside each row, and returns the values. It is an error if it has two
// rows, and they are NULL if it has none.
func (s *scope) joined(n plan.Node, q *ast.Subquery, columns int) (plan.Node, []*expr.Node, error) {
	var r *result
	var output []plan.Column
	err := s.in(inSet, func() (err error) {
		r, output, err = s.subquery(q.Query, q.At, columns)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	values := make([]*expr.Node, len(output))
	for i := range output {
		values[i] = columnNode(&output[i], r.items[i].at)
	}
	return &plan.Join{Kind: plan.LeftJoin, Left: n, Right: r.node, Lateral: dependsOn(r.node, n), Single: true}, values, nil
}

// Delete binds a DELETE. It returns the types of the parameters too.
func Delete(s *ast.Delete, o *Options) (*plan.Delete, []catalog.Type, error) {
	b := newBinder(o)
	p, types, err := b.delete(s)
	if err != nil {
		return nil, nil, b.inText(err)
	}
	return p, types, nil
}

func (b *binder) delete(t *ast.Delete) (*plan.Delete, []catalog.Type, error) {
	w, err := b.writing(&t.Table, t.With, true, t.Using, t.Where, t.Returning)
	if err != nil {
		return nil, nil, err
	}
	_, others, node, err := w.beside(t.Using, t.Where)
	if err != nil {
		return nil, nil, err
	}
	d := &plan.Delete{Table: w.rel.Table}
	var extra []plan.Column
	if d.Returning, extra, err = w.returning(t.Returning, others); err != nil {
		return nil, nil, err
	}
	output := slices.Concat(w.keyColumns(), columnsOf(w.table.columns))
	output = append(output, extra...)
	w.source = b.whole(w.with.commons(node), output)
	d.Source = w.source
	return d, w.finish(), nil
}
