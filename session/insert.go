package session

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/opt"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/relation"
)

// values are the rows of a VALUES without queries: they are computed one by one, without operators.
type values struct {
	text string
	rows [][]*expr.Program
}

// single reports whether there is one row.
func (v *values) single() bool { return v != nil && len(v.rows) == 1 }

// each calls f with the rows.
func (v *values) each(x *execution, f func(row []catalog.Value) error) (err error) {
	for i := range v.rows {
		row, err := v.row(x, i)
		if err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

// row returns a row, in memory of the execution.
func (v *values) row(x *execution, i int) ([]catalog.Value, error) {
	x.row = x.row[:0]
	for _, p := range v.rows[i] {
		value, err := p.Eval(nil, &x.env)
		if err != nil {
			return nil, inText(err, v.text)
		}
		x.row = append(x.row, value)
	}
	return x.row, nil
}

// valuesOf returns the values that a query is, or nil if it is something else.
func valuesOf(q *plan.Query) *values {
	items := map[expr.ColumnID]*expr.Node{}
	root := q.Root
	if p, ok := root.(*plan.Project); ok {
		for _, i := range p.Items {
			items[i.Column.ID] = i.Expr
		}
		root = p.Input
	}
	rows, ok := root.(*plan.Rows)
	if !ok {
		return nil
	}
	places := map[expr.ColumnID]int{}
	for i, c := range rows.Output {
		places[c.ID] = i
	}
	v := &values{text: q.Text}
	for _, row := range rows.Rows {
		list := make([]*expr.Node, 0, len(q.Output))
		for _, c := range q.Output {
			n := items[c.ID]
			if n == nil || n.Op == expr.OpColumn {
				id := c.ID
				if n != nil {
					id = n.Column
				}
				at, found := places[id]
				if !found {
					return nil
				}
				n = row[at]
			}
			if len(n.Columns()) > 0 { // of the row, in a Project that computes
				return nil
			}
			list = append(list, n)
		}
		programs, err := compile(list, nil)
		if err != nil || programs == nil {
			return nil
		}
		v.rows = append(v.rows, programs)
	}
	return v
}

// An insertion writes the rows of an INSERT.
type insertion struct {
	*plan.Insert
	places    []int // of the values that count; nil: all columns of the table, in order
	from      []int // which values of the source they are; nil: all
	buffered  bool  // the source reads the table, and so is read before rows are written
	options   relation.InsertOptions
	set       *computation // of Conflict.Set; its columns are those of the old row and of the new one
	where     *computation // of Conflict.Where
	returning *computation
}

func (s *Session) planInsert(p *planned, tree *ast.Insert, o *bind.Options) error {
	n, parameters, err := bind.Insert(tree, o)
	if err != nil {
		return err
	}
	p.parameters = parameters
	w := &insertion{Insert: n, places: n.Places, options: relation.InsertOptions{Given: n.Given}}
	p.tables = append(p.tables, n.Source.Tables...)
	if !p.slow {
		p.reader.values = valuesOf(n.Source)
	}
	if p.reader.values == nil {
		if p.reader.query, err = opt.Optimize(n.Source, s.settings.planner.options()); err != nil {
			return err
		}
		w.buffered = readsTable(n.Source.Root, n.Table)
	}
	if n.System {
		w.leaveOut()
	}
	if w.from == nil && n.Defaults == nil && len(w.places) == len(n.Table.Columns) && ascending(w.places) {
		w.places = nil
	} else if w.places == nil {
		w.places = []int{}
	}
	if c := n.Conflict; c != nil {
		w.options.Unless, w.options.Any, w.options.Index = true, c.Any, c.Index
		columns := slices.Concat(c.Old, c.Excluded)
		var values []plan.Item
		for _, a := range c.Set {
			values = append(values, plan.Item{Expr: a.Value})
		}
		w.set = newComputation(n.Source.Text, columns, values)
		if c.Where != nil {
			w.where = newComputation(n.Source.Text, columns, []plan.Item{{Expr: c.Where}})
		}
	}
	w.returning = returningOf(n.Source.Text, n.Returning)
	p.columns = w.returning.output()
	p.write = w
	return nil
}

func ascending(places []int) bool {
	for i, at := range places {
		if at != i {
			return false
		}
	}
	return true
}

// leaveOut leaves values of identity columns out, which are those of the sequence.
func (w *insertion) leaveOut() {
	w.places, w.from = []int{}, []int{}
	for i, at := range w.Places {
		if w.Table.Columns[at].Identity == catalog.IdentityNone {
			w.places, w.from = append(w.places, at), append(w.from, i)
		}
	}
}

// readsTable reports whether a plan, or a query in it, reads a table.
func readsTable(n plan.Node, t *catalog.Table) bool {
	found := false
	walkPlan(n, func(n plan.Node) {
		if s, ok := n.(*plan.Scan); ok && s.Relation.Table.ID == t.ID {
			found = true
		}
	})
	return found
}

func (w *insertion) target() *catalog.Table { return w.Table }

func (w *insertion) run(x *execution) (n int64, err error) {
	table, err := x.table(w.Table)
	if err != nil {
		return 0, err
	}
	if v := x.plan.reader.values; v.single() {
		return w.runSingle(x, table, v)
	}
	return w.runAll(x, table)
}

// runSingle inserts the only row.
func (w *insertion) runSingle(x *execution, table *relation.Table, v *values) (n int64, err error) {
	row, err := v.row(x, 0)
	if err != nil {
		return 0, err
	}
	var defaults []bool
	if w.Defaults != nil {
		defaults = w.Defaults[0]
	}
	written, err := w.insert(x, table, row, defaults)
	if written {
		n = 1
	}
	return n, err
}

func (w *insertion) runAll(x *execution, table *relation.Table) (n int64, err error) {
	i := -1
	insert := func(row []catalog.Value) error {
		i++
		var defaults []bool
		if w.Defaults != nil {
			defaults = w.Defaults[i]
		}
		written, e := w.insert(x, table, row, defaults)
		if written {
			n++
		}
		return e
	}
	if w.buffered {
		return n, x.buffered(insert, &n)
	}
	err = x.each(insert)
	return n, err
}

// buffered calls f with the rows once all of them were read.
func (x *execution) buffered(f func(row []catalog.Value) error, _ *int64) error {
	var rows [][]catalog.Value
	if err := x.each(func(row []catalog.Value) error {
		rows = append(rows, slices.Clone(row))
		return nil
	}); err != nil {
		return err
	}
	for _, row := range rows {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return nil
}

// insert inserts a row, and reports whether one was written.
func (w *insertion) insert(x *execution, table *relation.Table, row []catalog.Value, defaults []bool) (bool, error) {
	places, values := w.places, row
	if w.from != nil {
		values = nil
		for _, i := range w.from {
			values = append(values, row[i])
		}
	}
	if defaults != nil {
		places, values = []int{}, nil
		for i, at := range w.Places {
			if !defaults[i] && (w.from == nil || slices.Contains(w.from, i)) {
				places, values = append(places, at), append(values, row[i])
			}
		}
	}
	var inTheWay []catalog.Value
	var err error
	if w.options == (relation.InsertOptions{}) {
		if places == nil {
			err = table.Insert(values...)
		} else {
			err = table.InsertColumns(places, values)
		}
	} else {
		inTheWay, err = table.InsertWith(places, values, w.options)
	}
	if err != nil {
		return false, err
	}
	if inTheWay != nil {
		if done, err := w.resolve(x, table, inTheWay); !done || err != nil {
			return false, err
		}
	}
	if w.returning == nil {
		return true, nil
	}
	return true, w.returning.add(x, table.Inserted().Values, nil)
}

// resolve does what ON CONFLICT says. It reports whether a row was written.
func (w *insertion) resolve(x *execution, table *relation.Table, key []catalog.Value) (bool, error) {
	c := w.Conflict
	if c.Nothing {
		return false, nil
	}
	excluded := table.Inserted().Clone().Values()
	if c.Replace {
		o := relation.InsertOptions{Unless: true, Any: true, Given: true}
		for key != nil {
			if err := table.Delete(key...); err != nil {
				return false, err
			}
			var err error
			if key, err = table.InsertWith(nil, excluded, o); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	old, err := table.Get(key...)
	if err != nil {
		return false, err
	}
	both := slices.Concat(old.Values(), excluded)
	if w.where != nil {
		v, e := w.where.compute(x, both)
		if e != nil || !v[0].AsBool() {
			return false, e
		}
	}
	values, err := w.set.compute(x, both)
	if err != nil {
		return false, err
	}
	places := make([]int, len(c.Set))
	for i, a := range c.Set {
		places[i] = a.Place
	}
	return true, table.UpdateColumns(key, places, values)
}
