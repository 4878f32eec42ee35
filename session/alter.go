package session

import (
	"slices"
	"strconv"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// alterTable runs ALTER TABLE.
func (x *changing) alterTable(st *ast.AlterTable) error {
	t, err := x.table(st.Table, st.IfExists)
	if err != nil || t == nil {
		return err
	}
	name := t.Name
	for i := range st.Changes {
		c := &st.Changes[i]
		if err := x.alter(name, c); err != nil {
			return err
		}
		if c.Kind == ast.RenameTable {
			name = c.To.Name
		}
	}
	return nil
}

// alter makes one change of a table.
func (x *changing) alter(table string, c *ast.Change) error {
	column := func(f func(*catalog.Table) (*catalog.Table, error)) error {
		if err := x.hasColumn(table, c.Name); err != nil {
			return err
		}
		return x.tables.Alter(table, f)
	}
	switch c.Kind {
	case ast.AddColumn:
		return x.addColumn(table, c)
	case ast.DropColumn:
		return x.dropColumn(table, c)
	case ast.RenameColumn:
		return x.renameColumn(table, c)
	case ast.AddConstraint:
		return x.addConstraint(table, c.Constraint)
	case ast.DropConstraint:
		return x.dropConstraint(table, c)
	case ast.RenameConstraint:
		return x.renameConstraint(table, c)
	case ast.RenameTable:
		if there, err := x.there(c.To.Name, c.To.At, false); there || err != nil {
			return err
		}
		return x.tables.Rename(table, c.To.Name)
	case ast.SetType:
		return x.setType(table, c)
	case ast.SetDefault:
		return column(func(t *catalog.Table) (*catalog.Table, error) { return t.SetDefault(c.Name.Name, c.Expr.String()) })
	case ast.DropDefault:
		return column(func(t *catalog.Table) (*catalog.Table, error) { return t.SetDefault(c.Name.Name, "") })
	case ast.SetNotNull:
		return column(func(t *catalog.Table) (*catalog.Table, error) { return t.SetNotNull(c.Name.Name) })
	case ast.DropNotNull:
		return column(func(t *catalog.Table) (*catalog.Table, error) { return t.DropNotNull(c.Name.Name) })
	case ast.AddIdentity:
		if err := plainIdentity(c.Constraint, false); err != nil {
			return err
		}
		return column(func(t *catalog.Table) (*catalog.Table, error) {
			return withIdentity(t, c.Name.Name, c.Constraint.Identity)
		})
	case ast.DropIdentity:
		return column(func(t *catalog.Table) (*catalog.Table, error) {
			return withIdentity(t, c.Name.Name, catalog.IdentityNone)
		})
	default:
		return sqlstate.New(sqlstate.NotSupported, c.At, "this change is not possible")
	}
}

func withIdentity(t *catalog.Table, column string, identity catalog.Identity) (*catalog.Table, error) {
	return changed(t, func(next *catalog.Table) {
		c, _, _ := next.Column(column)
		c.Identity = identity
		c.NotNull = c.NotNull || identity != catalog.IdentityNone
	})
}

// hasColumn returns an error if a table does not have a column.
func (x *changing) hasColumn(table string, n ast.Name) error {
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	if _, _, found := t.Column(n.Name); found {
		return nil
	}
	e := sqlstate.New(sqlstate.UndefinedColumn, n.At, "table %q has no column %q", table, n.Name)
	e.Table, e.Column = table, n.Name
	return e
}

func (x *changing) addColumn(table string, c *ast.Change) error {
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	if _, _, found := t.Column(c.Column.Name); found {
		if c.If {
			x.s.notice(sqlstate.DuplicateColumn, "there is a column "+strconv.Quote(c.Column.Name)+" already, which stays")
			return nil
		}
		e := sqlstate.New(sqlstate.DuplicateColumn, c.Column.At, "table %q has a column %q already", table, c.Column.Name)
		e.Table, e.Column = table, c.Column.Name
		return e
	}
	made, err := column(c.Column, false)
	if err != nil {
		return err
	}
	if err := x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.AddColumn(made) }); err != nil {
		return err
	}
	for i := range c.Column.Constraints {
		k := c.Column.Constraints[i]
		k.Columns = []ast.Name{{At: k.At, Name: c.Column.Name}}
		if k.Kind <= ast.ForeignKey {
			if err := x.addConstraint(table, &k); err != nil {
				return err
			}
		}
	}
	return nil
}

// names reports whether the text of a check names a column.
func names(check, column string) bool {
	tree, err := parser.Expression(check)
	found := false
	if err == nil {
		ast.Rewrite(tree, func(e ast.Expr) ast.Expr {
			if c, ok := e.(*ast.Column); ok && c.Name == column {
				found = true
			}
			return e
		})
	}
	return found
}

// dropColumn drops a column with the indexes, checks and foreign keys of the table that it is in.
func (x *changing) dropColumn(table string, c *ast.Change) error {
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	column, _, found := t.Column(c.Name.Name)
	if !found {
		if c.If {
			x.s.notice("00000", "there is no column "+strconv.Quote(c.Name.Name)+", which is left out")
			return nil
		}
		return x.hasColumn(table, c.Name)
	}
	id := column.ID
	if c.Cascade {
		if err := x.dropReferences(t, id); err != nil {
			return err
		}
	}
	return x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) {
		next, err := changed(t, func(next *catalog.Table) {
			next.Indexes = slices.DeleteFunc(next.Indexes, func(ix catalog.Index) bool {
				return slices.ContainsFunc(ix.Columns, func(k catalog.IndexColumn) bool { return k.Column == id })
			})
			next.ForeignKeys = slices.DeleteFunc(next.ForeignKeys, func(fk catalog.ForeignKey) bool { return slices.Contains(fk.Columns, id) })
			next.Checks = slices.DeleteFunc(next.Checks, func(k catalog.Check) bool { return names(k.Expr, c.Name.Name) })
		})
		if err != nil {
			return nil, err
		}
		return next.DropColumn(c.Name.Name)
	})
}

// dropReferences drops foreign keys of other tables to a column.
func (x *changing) dropReferences(t *catalog.Table, column uint16) error {
	list, err := x.tables.List()
	if err != nil {
		return err
	}
	for _, child := range list {
		for _, fk := range child.ForeignKeys {
			if fk.Parent != t.ID || !slices.Contains(fk.ParentColumns, column) {
				continue
			}
			err := x.tables.Alter(child.Name, func(t *catalog.Table) (*catalog.Table, error) { return t.DropConstraint(fk.Name) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *changing) renameColumn(table string, c *ast.Change) error {
	if err := x.hasColumn(table, c.Name); err != nil {
		return err
	}
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	if _, _, found := t.Column(c.To.Name); found {
		return sqlstate.New(sqlstate.DuplicateColumn, c.To.At, "table %q has a column %q already", table, c.To.Name)
	}
	return x.tables.RenameColumn(table, c.Name.Name, c.To.Name)
}

// addConstraint adds a constraint to a table. It is made as CREATE TABLE does, for a table of the same columns.
func (x *changing) addConstraint(table string, c *ast.Constraint) error {
	if c.Kind == ast.PrimaryKey {
		return x.tables.AddPrimaryKey(table, quotedNames(c.Columns)...)
	}
	if c.Kind == ast.NotNull {
		return x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.SetNotNull(c.Columns[0].Name) })
	}
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	b := catalog.NewTable(quoted(table))
	for i := range t.Columns {
		b.Column(quoted(t.Columns[i].Name), t.Columns[i].Type.String())
	}
	keys := 0
	if err = constrain(b, c, &keys); err != nil {
		return err
	}
	d, err := b.Build()
	if err != nil {
		return err
	}
	for i := range d.Table.Indexes {
		ix := &d.Table.Indexes[i]
		if ix.Name, err = freeName(t, ix.Name, c.Name != ""); err != nil {
			return err
		}
		for j := range ix.Columns { // of the same place
			_, at, _ := d.Table.ColumnByID(ix.Columns[j].Column)
			ix.Columns[j].Column = t.Columns[at].ID
		}
		if err = x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.AddIndex(*ix) }); err != nil {
			return err
		}
	}
	for _, k := range d.Table.Checks {
		if k.Name, err = freeName(t, k.Name, c.Name != ""); err != nil {
			return err
		}
		if err = x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.AddCheck(k) }); err != nil {
			return err
		}
	}
	for _, r := range d.References {
		if r.Name, err = freeName(t, r.Name, c.Name != ""); err != nil {
			return err
		}
		if err := x.tables.AddForeignKey(table, r); err != nil {
			return err
		}
	}
	return nil
}

// freeName returns a name that no constraint of a table has: the one that was given, or else one like it.
func freeName(t *catalog.Table, name string, given bool) (string, error) {
	for i := 0; ; i++ {
		try := name
		if i > 0 {
			try += strconv.Itoa(i)
		}
		if constraintKind(t, try) == "" {
			return try, nil
		}
		if given {
			e := sqlstate.New(sqlstate.DuplicateObject, -1, "table %q has a constraint %q already", t.Name, name)
			e.Table, e.Constraint = t.Name, name
			return "", e
		}
	}
}

// constraintKind returns what has a name in a table, or "".
func constraintKind(t *catalog.Table, name string) string {
	if _, found := t.Index(name); found {
		return "index"
	}
	if slices.ContainsFunc(t.Checks, func(c catalog.Check) bool { return c.Name == name }) {
		return "check"
	}
	if slices.ContainsFunc(t.ForeignKeys, func(fk catalog.ForeignKey) bool { return fk.Name == name }) {
		return "foreign key"
	}
	return ""
}

// noConstraint returns the error for a constraint that is not there.
func noConstraint(table string, n ast.Name) error {
	e := sqlstate.New(sqlstate.UndefinedObject, n.At, "table %q has no constraint %q", table, n.Name)
	e.Table, e.Constraint = table, n.Name
	return e
}

func (x *changing) dropConstraint(table string, c *ast.Change) error {
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	switch constraintKind(t, c.Name.Name) {
	case "index":
		return x.tables.DropIndex(table, c.Name.Name)
	case "":
		if c.If {
			x.s.notice("00000", "there is no constraint "+strconv.Quote(c.Name.Name)+", which is left out")
			return nil
		}
		if c.Name.Name == table+"_pkey" && len(t.PrimaryKey) > 0 {
			return sqlstate.New(sqlstate.NotSupported, c.Name.At, "a primary key cannot be dropped").
				WithHint("copy the table into a new one with CREATE TABLE ... AS")
		}
		return noConstraint(table, c.Name)
	default:
		return x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.DropConstraint(c.Name.Name) })
	}
}

func (x *changing) renameConstraint(table string, c *ast.Change) error {
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	if constraintKind(t, c.Name.Name) == "" {
		return noConstraint(table, c.Name)
	}
	if _, err := freeName(t, c.To.Name, true); err != nil {
		return err
	}
	return x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) {
		return changed(t, func(next *catalog.Table) {
			for i := range next.Indexes {
				replaceName(&next.Indexes[i].Name, c)
			}
			for i := range next.Checks {
				replaceName(&next.Checks[i].Name, c)
			}
			for i := range next.ForeignKeys {
				replaceName(&next.ForeignKeys[i].Name, c)
			}
		})
	})
}

func replaceName(name *string, c *ast.Change) {
	if *name == c.Name.Name {
		*name = c.To.Name
	}
}

func (x *changing) setType(table string, c *ast.Change) error {
	if err := x.hasColumn(table, c.Name); err != nil {
		return err
	}
	t, err := x.tables.Schema(table)
	if err != nil {
		return err
	}
	column, _, _ := t.Column(c.Name.Name)
	if column.Type == c.Type && c.Expr == nil {
		return nil
	}
	if c.Expr == nil {
		if _, err := t.WidenType(c.Name.Name, c.Type); err == nil {
			return x.tables.Alter(table, func(t *catalog.Table) (*catalog.Table, error) { return t.WidenType(c.Name.Name, c.Type) })
		}
	}
	return sqlstate.New(sqlstate.NotSupported, c.At, "values of column %q would have to be rewritten as %s", c.Name.Name, c.Type).
		WithHint("add a column of that type, fill it with UPDATE, drop the old one and rename the new one")
}

// rename runs ALTER of what is no table ... RENAME TO.
func (x *changing) rename(st *ast.Rename) error {
	if _, err := x.name(st.Name); err != nil {
		return err
	}
	switch st.Kind {
	case ast.IndexObject:
		return x.renameIndex(st)
	case ast.ViewObject:
		return x.renameObject(st, relation.ViewObject)
	case ast.SequenceObject:
		return x.renameObject(st, relation.SequenceObject)
	default:
	}
	return sqlstate.New(sqlstate.NotSupported, st.At, "a %s cannot be renamed", st.Kind)
}
