package session

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// indexOf returns the table that has an index of a name, and the index; nil if there is none. Names of indexes are those of
// one schema, whatever their tables.
func (x *changing) indexOf(name string) (*catalog.Table, *catalog.Index, error) {
	list, err := x.tables.List()
	if err != nil {
		return nil, nil, err
	}
	for _, t := range list {
		if ix, found := t.Index(name); found {
			return t, ix, nil
		}
	}
	return nil, nil, nil
}

// createIndex runs CREATE INDEX within a transaction.
func (x *changing) createIndex(st *ast.CreateIndex) error {
	t, d, err := x.indexDefinition(st)
	if err != nil || t == nil {
		return err
	}
	err = x.tables.CreateIndex(t.Name, d)
	if errors.Is(err, relation.ErrTooManyRows) {
		return sqlstate.New(sqlstate.TooLarge, st.At, "%v", err).
			WithHint("run CREATE INDEX outside of a transaction: then it is built in steps, while others write")
	}
	return err
}

// indexDefinition returns what CREATE INDEX wants, and its table; that is nil if there is nothing to do.
func (x *changing) indexDefinition(st *ast.CreateIndex) (t *catalog.Table, d relation.IndexDefinition, err error) {
	if t, err = x.table(st.Table, false); err != nil {
		return nil, d, err
	}
	if st.Where != nil {
		return nil, d, sqlstate.New(sqlstate.NotSupported, st.Where.Place(), "an index is always of all rows").
			WithHint("leave WHERE away")
	}
	d = relation.IndexDefinition{Name: st.Name, Unique: st.Unique, Using: st.Method}
	base := t.Name
	for _, c := range st.Columns {
		e, ok := c.Expr.(*ast.Column)
		if !ok {
			return nil, d, sqlstate.New(sqlstate.NotSupported, c.At, "an index is of columns, not of expressions").
				WithHint("add a column that has the value")
		}
		if _, _, found := t.Column(e.Name); !found {
			err := sqlstate.New(sqlstate.UndefinedColumn, e.At, "table %q has no column %q", t.Name, e.Name)
			err.Table, err.Column = t.Name, e.Name
			return nil, d, err
		}
		d.Columns = append(d.Columns, sorted(e.Name, c))
		base += "_" + e.Name
	}
	if d.Name == "" {
		d.Name, err = x.freshIndexName(base)
		return t, d, err
	}
	there, err := x.indexThere(st)
	if there || err != nil {
		return nil, d, err
	}
	return t, d, nil
}

// indexThere reports whether there is an index of the name already, which is an error unless that is optional.
func (x *changing) indexThere(st *ast.CreateIndex) (bool, error) {
	kind, err := x.kindOf(st.Name)
	if err != nil || kind == "" {
		return false, err
	}
	if st.IfNotExists && kind == "index" {
		x.s.notice(sqlstate.DuplicateTable, "there is an index "+strconv.Quote(st.Name)+" already, which stays")
		return true, nil
	}
	return false, sqlstate.New(sqlstate.DuplicateTable, st.At, "there is %s %q already", article(kind), st.Name)
}

// sorted returns a column as an IndexDefinition has it.
func sorted(name string, c ast.IndexColumn) string {
	spec := quoted(name)
	if c.Descending {
		spec += " DESC"
	}
	switch c.Nulls {
	case ast.NullsFirst:
		spec += " NULLS FIRST"
	case ast.NullsLast:
		spec += " NULLS LAST"
	default:
	}
	return spec
}

// freshIndexName returns a name that nothing has.
func (x *changing) freshIndexName(base string) (string, error) {
	base = base[:min(len(base), 100)]
	for i := 0; ; i++ {
		name := base + "_idx"
		if i > 0 {
			name += strconv.Itoa(i)
		}
		if kind, err := x.kindOf(name); err != nil || kind == "" {
			return name, err
		}
	}
}

// buildIndex runs CREATE INDEX outside of a transaction, in steps, while others write.
func (s *Session) buildIndex(ctx context.Context, st *ast.CreateIndex) error {
	var t *catalog.Table
	var d relation.IndexDefinition
	err := s.read(ctx, func(tables *relation.Tables) (err error) {
		t, d, err = (&changing{s: s, ctx: ctx, tables: tables}).indexDefinition(st)
		return err
	})
	if err != nil || t == nil {
		return err
	}
	return s.db.BuildIndex(ctx, t.Name, d)
}

// dropIndex drops an index, whatever its table.
func (x *changing) dropIndex(r ast.Relation, optional bool) error {
	name, err := x.name(r)
	if err != nil {
		return err
	}
	t, _, err := x.indexOf(name)
	if err != nil {
		return err
	}
	if t == nil {
		return x.missing("index", r, optional)
	}
	return x.tables.DropIndex(t.Name, name)
}

// renameIndex gives an index another name.
func (x *changing) renameIndex(st *ast.Rename) error {
	t, _, err := x.indexOf(st.Name.Name)
	if err != nil {
		return err
	}
	if t == nil {
		return x.missing("index", st.Name, st.IfExists)
	}
	if kind, err := x.kindOf(st.To.Name); err != nil {
		return err
	} else if kind != "" {
		return sqlstate.New(sqlstate.DuplicateTable, st.To.At, "there is %s %q already", article(kind), st.To.Name)
	}
	return x.tables.Alter(t.Name, func(t *catalog.Table) (*catalog.Table, error) {
		return changed(t, func(next *catalog.Table) {
			ix, _ := next.Index(st.Name.Name)
			ix.Name = st.To.Name
		})
	})
}

// changed returns a table of the next version to which f has done something that is no matter of columns.
func changed(t *catalog.Table, f func(next *catalog.Table)) (*catalog.Table, error) {
	next, err := t.RenameTable(t.Name) // a copy
	if err != nil {
		return nil, err
	}
	next.ForeignKeys, next.Checks = slices.Clone(next.ForeignKeys), slices.Clone(next.Checks)
	f(next)
	return next, next.Validate()
}
