package bind

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// conflict binds ON CONFLICT.
func (w *writing) conflict(t *ast.Conflict) (*plan.Conflict, error) {
	c := &plan.Conflict{Nothing: !t.Update}
	if err := w.arbiter(t, c); err != nil || !t.Update {
		return c, err
	}
	excluded := &source{at: t.At, name: "excluded"}
	for _, col := range w.table.columns {
		with := *col
		with.ID, with.Table = w.b.id(), excluded.name
		excluded.columns = append(excluded.columns, &with)
	}
	other := &relation{sources: []*source{excluded}, columns: excluded.columns}
	if err := unique(w.table, other); err != nil {
		return nil, err
	}
	c.Old, c.Excluded = columnsOf(w.table.columns), columnsOf(excluded.columns)
	s := w.b.scope(w.apart(), w.table, other)
	set, err := w.assignments(s, t.Set, func(q *ast.Subquery, columns int) ([]*expr.Node, error) {
		return s.columnsOf(q, columns)
	})
	if err != nil {
		return nil, err
	}
	for i := range set {
		a := &set[i]
		if a.preset {
			if a.value, err = w.defaultOf(a); err != nil {
				return nil, err
			}
		}
		c.Set = append(c.Set, plan.Assignment{Place: a.place, Value: a.value})
	}
	if t.Where != nil {
		c.Where, err = s.condition(inWhere, t.Where)
	}
	return c, err
}

// apart returns what an expression sees that is computed apart from the source: queries of the WITH take the place of
// their names.
func (w *writing) apart() around {
	a := w.around
	if w.with != nil {
		apart := *w.with
		apart.apart = true
		a.with = &apart
	}
	return a
}

// columnsOf returns the values of the columns of a query, each as a query of its own.
func (s *scope) columnsOf(q *ast.Subquery, columns int) ([]*expr.Node, error) {
	values := make([]*expr.Node, columns)
	for i := range values {
		r, output, err := s.subquery(q.Query, q.At, columns)
		if err != nil {
			return nil, err
		}
		values[i] = scalarNode(q.At, r.node, &output[i], q.Query.String())
	}
	return values, nil
}

// defaultOf returns the default of a column as an expression.
func (w *writing) defaultOf(a *assigned) (*expr.Node, error) {
	c := &w.rel.Table.Columns[a.place]
	switch {
	case c.Identity != catalog.IdentityNone:
		return nil, sqlstate.New(sqlstate.NotSupported, a.at, "column %q gets its numbers from a sequence, and ON CONFLICT cannot give it the next one", c.Name)
	case c.Default == "":
		return a.value, nil
	}
	tree, err := parser.Expression(c.Default)
	if err != nil {
		return nil, err
	}
	return expr.NewBinder(c.Default, w.b.scope(around{}), nil).BindAs(tree, c.Type)
}

// arbiter finds the unique index or the primary key in which rows may meet.
func (w *writing) arbiter(t *ast.Conflict, c *plan.Conflict) error {
	table := w.rel.Table
	if t.Constraint != "" {
		if ix, ok := table.Index(t.Constraint); ok && ix.Unique {
			c.Index = ix.Name
			return nil
		}
		if t.Constraint == table.Name+"_pkey" && len(table.PrimaryKey) > 0 {
			return nil
		}
		return sqlstate.New(sqlstate.UndefinedObject, t.At, "table %q has no unique constraint %q", table.Name, t.Constraint)
	}
	if len(t.Columns) == 0 {
		c.Any = true
		return nil
	}
	var ids []uint16
	for i := range t.Columns {
		col, ok := t.Columns[i].Expr.(*ast.Column)
		if !ok || col.Table != "" {
			return sqlstate.New(sqlstate.InvalidColumnReference, t.Columns[i].At, "ON CONFLICT lists columns only")
		}
		place, err := w.place(ast.Name{At: col.At, Name: col.Name})
		if err != nil {
			return err
		}
		ids = append(ids, table.Columns[place].ID)
	}
	if t.Only != nil {
		if _, err := w.b.scope(w.around, w.table).condition(inConflict, t.Only); err != nil {
			return err
		}
	}
	if sameColumns(table.PrimaryKey, ids) {
		return nil
	}
	for i := range table.Indexes {
		if ix := &table.Indexes[i]; ix.Unique && sameColumns(ix.Columns, ids) {
			c.Index = ix.Name
			return nil
		}
	}
	return sqlstate.New(sqlstate.InvalidColumnReference, t.At, "there is no primary key and no unique index of exactly the columns that ON CONFLICT lists")
}

// sameColumns reports whether a key is of these columns, in any order.
func sameColumns(key []catalog.IndexColumn, ids []uint16) bool {
	of := make([]uint16, len(key))
	for i := range key {
		of[i] = key[i].Column
	}
	slices.Sort(of)
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return len(of) > 0 && slices.Equal(slices.Compact(of), slices.Compact(ids))
}
