package session

import (
	"errors"
	"slices"
	"strconv"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// drop runs DROP.
func (x *changing) drop(st *ast.Drop) error {
	switch st.Kind {
	case ast.TableObject:
		return x.dropTables(st)
	case ast.IndexObject:
		for _, r := range st.Names {
			if err := x.dropIndex(r, st.IfExists); err != nil {
				return err
			}
		}
		return nil
	case ast.ViewObject:
		return x.dropObjects(st, relation.ViewObject)
	case ast.SequenceObject:
		return x.dropObjects(st, relation.SequenceObject)
	default:
		return sqlstate.New(sqlstate.NotSupported, st.At, "there is no %s", st.Kind)
	}
}

// missing is what becomes of a name that is not there.
func (x *changing) missing(kind string, r ast.Relation, optional bool) error {
	if optional {
		x.s.notice("00000", "there is no "+kind+" "+strconv.Quote(r.Name)+", which is left out")
		return nil
	}
	code := sqlstate.UndefinedTable
	if kind == "index" {
		code = sqlstate.UndefinedObject
	}
	e := sqlstate.New(code, r.At, "there is no %s %q", kind, r.Name)
	e.Table = r.Name
	return e
}

// dropTables drops tables together: those that refer to each other too.
func (x *changing) dropTables(st *ast.Drop) error {
	var dropped []*catalog.Table
	for _, r := range st.Names {
		t, err := x.table(r, st.IfExists)
		if err != nil {
			return err
		}
		if t != nil && !slices.ContainsFunc(dropped, func(o *catalog.Table) bool { return o.ID == t.ID }) {
			dropped = append(dropped, t)
		}
	}
	for _, t := range dropped {
		if err := x.unrefer(t, dropped, st.Cascade); err != nil {
			return err
		}
	}
	for _, t := range dropped {
		if err := x.tables.Drop(t.Name); err != nil {
			if errors.Is(err, relation.ErrInUse) {
				e := sqlstate.New(sqlstate.StillDepended, st.At, "%v", err).
					WithHint("DROP TABLE ... CASCADE drops foreign keys to it too")
				e.Table, e.Cause = t.Name, err
				return e
			}
			return err
		}
	}
	return nil
}

// unrefer drops foreign keys to a table: those of tables that are dropped too, and with all those of others.
func (x *changing) unrefer(t *catalog.Table, dropped []*catalog.Table, all bool) error {
	list, err := x.tables.List()
	if err != nil {
		return err
	}
	for _, child := range list {
		among := slices.ContainsFunc(dropped, func(o *catalog.Table) bool { return o.ID == child.ID })
		if child.ID == t.ID || !all && !among {
			continue
		}
		for _, fk := range child.ForeignKeys {
			if fk.Parent != t.ID {
				continue
			}
			if !among {
				x.s.notice("00000", "foreign key "+fk.Name+" of table "+child.Name+" is dropped too")
			}
			err := x.tables.Alter(child.Name, func(t *catalog.Table) (*catalog.Table, error) { return t.DropConstraint(fk.Name) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// truncate runs TRUNCATE.
func (x *changing) truncate(st *ast.Truncate) error {
	if st.RestartIdentity {
		return sqlstate.New(sqlstate.NotSupported, st.At, "numbers that were given once are not given again").
			WithHint("leave RESTART IDENTITY away, or drop the table and create it again")
	}
	var list []*catalog.Table
	for _, r := range st.Tables {
		t, err := x.table(r, false)
		if err != nil {
			return err
		}
		list = append(list, t)
	}
	all, err := x.tables.List()
	if err != nil {
		return err
	}
	for i := 0; i < len(list); i++ {
		for _, child := range all {
			refers := slices.ContainsFunc(child.ForeignKeys, func(fk catalog.ForeignKey) bool { return fk.Parent == list[i].ID })
			if !refers || slices.ContainsFunc(list, func(o *catalog.Table) bool { return o.ID == child.ID }) {
				continue
			}
			if !st.Cascade {
				e := sqlstate.New(sqlstate.NotSupported, st.At, "table %q cannot be truncated: table %q has a foreign key to it",
					list[i].Name, child.Name).WithHint("truncate both in one statement, or use TRUNCATE ... CASCADE")
				e.Table = list[i].Name
				return e
			}
			list = append(list, child)
		}
	}
	for len(list) > 0 {
		// Those that others of the list refer to come last; a circle is begun anywhere, and checked at the end of the statement.
		at := max(0, slices.IndexFunc(list, func(t *catalog.Table) bool { return !referred(t, list) }))
		t := list[at]
		list = slices.Delete(list, at, at+1)
		if err := x.empty(t, referred(t, all)); err != nil {
			return err
		}
	}
	return nil
}

// referred reports whether another table of a list has a foreign key to t.
func referred(t *catalog.Table, list []*catalog.Table) bool {
	return slices.ContainsFunc(list, func(child *catalog.Table) bool {
		return child.ID != t.ID && slices.ContainsFunc(child.ForeignKeys, func(fk catalog.ForeignKey) bool { return fk.Parent == t.ID })
	})
}

// empty deletes all rows of a table: at once, or one by one if rows of others may refer to them.
func (x *changing) empty(t *catalog.Table, oneByOne bool) error {
	h, err := x.tables.Table(t.Name)
	if err != nil {
		return err
	}
	if oneByOne {
		_, err = h.DeleteWhere(relation.ScanOptions{}, nil)
		return err
	}
	return h.Truncate()
}
