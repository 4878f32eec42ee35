package bind

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// Insert binds an INSERT or REPLACE. It returns the types of the parameters too.
func Insert(s *ast.Insert, o *Options) (*plan.Insert, []catalog.Type, error) {
	b := newBinder(o)
	p, types, err := b.insert(s)
	if err != nil {
		return nil, nil, b.inText(err)
	}
	return p, types, nil
}

func (b *binder) insert(s *ast.Insert) (*plan.Insert, []catalog.Type, error) {
	w, err := b.writing(&s.Table, s.With, false, s.Query, s.Conflict, s.Returning)
	if err != nil {
		return nil, nil, err
	}
	p := &plan.Insert{Table: w.rel.Table, System: s.Override == ast.OverridingUser, Given: s.Override == ast.OverridingSystem}
	if p.Places, err = w.places(s.Columns); err != nil {
		return nil, nil, err
	}
	r, err := w.inserted(s, p)
	if err != nil {
		return nil, nil, err
	}
	b.columns(r, w.with)
	r.node = w.with.commons(r.node)
	if w.source, err = b.finish(r); err != nil {
		return nil, nil, err
	}
	p.Source = w.source
	switch {
	case s.Replace && s.Conflict != nil:
		return nil, nil, sqlstate.New(sqlstate.SyntaxError, s.Conflict.At, "REPLACE has no ON CONFLICT")
	case s.Replace:
		p.Conflict = &plan.Conflict{Any: true, Replace: true}
	case s.Conflict != nil:
		if p.Conflict, err = w.conflict(s.Conflict); err != nil {
			return nil, nil, err
		}
	}
	if p.Returning, _, err = w.returning(s.Returning, nil); err != nil {
		return nil, nil, err
	}
	return p, w.finish(), nil
}

// places returns the places of the columns that are listed; nil if none are.
func (w *writing) places(names []ast.Name) ([]int, error) {
	var places []int
	for _, n := range names {
		at, err := w.place(n)
		if err != nil {
			return nil, err
		}
		if slices.Contains(places, at) {
			return nil, sqlstate.New(sqlstate.DuplicateColumn, n.At, "column %q is listed twice", n.Name)
		}
		places = append(places, at)
	}
	return places, nil
}

// inserted binds the rows.
func (w *writing) inserted(s *ast.Insert, p *plan.Insert) (*result, error) {
	if s.Query == nil {
		return &result{node: &plan.Rows{Rows: [][]*expr.Node{{}}}}, nil
	}
	q := s.Query
	if v, ok := q.Body.(*ast.Values); ok && q.With == nil && len(q.OrderBy) == 0 && q.Limit == nil && q.Offset == nil {
		return w.insertedValues(s, v, p)
	}
	r, err := w.b.query(q, w.around)
	if err != nil {
		return nil, err
	}
	at := q.At
	if len(r.items) > 0 {
		at = r.items[min(len(r.items)-1, w.width(p))].at
	}
	if err = w.fit(s, p, len(r.items), at); err != nil {
		return nil, err
	}
	for i := range r.items {
		it := &r.items[i]
		if it.expr, err = w.convert(it.expr, p.Places[i]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// width returns how many values there can be.
func (w *writing) width(p *plan.Insert) int {
	if p.Places != nil {
		return len(p.Places)
	}
	return len(w.rel.Table.Columns)
}

// fit checks how many values there are, and sets the places if none were given: then there may be fewer.
func (w *writing) fit(s *ast.Insert, p *plan.Insert, values, at int) error {
	switch width := w.width(p); {
	case values > width:
		return sqlstate.New(sqlstate.SyntaxError, at, "there are more values than columns: %d and %d", values, width)
	case values < width && p.Places != nil:
		return sqlstate.New(sqlstate.SyntaxError, s.Columns[values].At, "there are more columns than values: %d and %d", width, values)
	}
	if p.Places == nil {
		for i := range values {
			p.Places = append(p.Places, i)
		}
	}
	return nil
}

// insertedValues binds VALUES, in which DEFAULT may be. Every value is converted by itself.
func (w *writing) insertedValues(s *ast.Insert, v *ast.Values, p *plan.Insert) (*result, error) {
	sc := w.b.scope(w.around)
	n := &plan.Rows{}
	var defaults [][]bool
	some := false
	for i, row := range v.Rows {
		if i > 0 && len(row) != len(p.Places) {
			return nil, sqlstate.New(sqlstate.SyntaxError, row[0].Place(), "the rows of VALUES have different lengths: %d and %d", len(p.Places), len(row))
		}
		if i == 0 {
			if err := w.fit(s, p, len(row), row[min(len(row)-1, w.width(p))].Place()); err != nil {
				return nil, err
			}
		}
		values, preset := make([]*expr.Node, len(row)), make([]bool, len(row))
		for j, e := range row {
			t := w.rel.Table.Columns[p.Places[j]].Type
			if _, ok := e.(*ast.Default); ok {
				some, preset[j], values[j] = true, true, expr.Constant(catalog.Null(), t)
				continue
			}
			x, err := sc.bind(inValues, e)
			if err != nil {
				return nil, err
			}
			if values[j], err = w.convert(x, p.Places[j]); err != nil {
				return nil, err
			}
		}
		n.Rows, defaults = append(n.Rows, values), append(defaults, preset)
	}
	if some {
		p.Defaults = defaults
	}
	r := &result{node: n}
	for j, place := range p.Places {
		c := &w.rel.Table.Columns[place]
		n.Output = append(n.Output, plan.Column{ID: w.b.id(), Name: c.Name, Type: c.Type})
		r.items = append(r.items, item{at: v.At, name: c.Name, expr: columnNode(&n.Output[j], v.At)})
	}
	return r, nil
}
