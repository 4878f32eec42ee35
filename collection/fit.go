package collection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// prepare makes the table of a model, or has the one that is there fit.
func (m *model) prepare(ctx context.Context, db *engine.DB, d *catalog.Definition) error {
	found, err := db.GetTable(d.Table.Name)
	if errors.Is(err, engine.ErrNoTable) {
		err = db.RegisterTable(ctx, d)
		if !errors.Is(err, engine.ErrTableExists) {
			return err
		}
		found, err = db.GetTable(d.Table.Name) // somebody was faster
	}
	if err != nil {
		return err
	}
	var parents []*catalog.Table
	if len(d.References) > 0 {
		if parents, err = db.ListTables(); err != nil {
			return err
		}
	}
	if err = m.fits(d, found, parents); err != nil {
		return err
	}
	if len(m.addable(d, found)) > 0 {
		if err = db.Update(ctx, func(txn *engine.Txn) error { return m.addColumns(txn, d) }); err != nil {
			return err
		}
	}
	return addIndexes(ctx, db, &d.Table, found)
}

// addable returns the fields whose columns are not there, and which the rows that there are can have.
func (m *model) addable(d *catalog.Definition, found *catalog.Table) (fields []int) {
	for i := range d.Table.Columns {
		if addable(&d.Table.Columns[i], found) {
			fields = append(fields, i)
		}
	}
	return fields
}

func addable(c *catalog.Column, to *catalog.Table) bool {
	_, _, there := to.Column(c.Name)
	return !there && c.Identity == catalog.IdentityNone && (!c.NotNull || c.Default != "")
}

// addColumns adds the columns that are missing, with their checks and foreign keys.
func (m *model) addColumns(txn *engine.Txn, d *catalog.Definition) error {
	tables, err := txn.Tables()
	if err != nil {
		return err
	}
	before, err := tables.Schema(d.Table.Name)
	if err != nil {
		return err
	}
	added := m.addable(d, before)
	err = tables.Alter(d.Table.Name, func(t *catalog.Table) (*catalog.Table, error) {
		for _, i := range added {
			if t, err = m.addColumn(t, d, i); err != nil {
				return nil, err
			}
		}
		return t, nil
	})
	for _, r := range d.References {
		isNew := slices.ContainsFunc(added, func(i int) bool { return d.Table.Columns[i].Name == r.Columns[0] })
		if err == nil && isNew {
			err = tables.AddForeignKey(d.Table.Name, r)
		}
	}
	return err
}

func (m *model) addColumn(t *catalog.Table, d *catalog.Definition, i int) (*catalog.Table, error) {
	t, err := t.AddColumn(d.Table.Columns[i])
	for _, text := range m.fields[i].checks {
		at := slices.IndexFunc(d.Table.Checks, func(c catalog.Check) bool { return c.Expr == text })
		if err == nil {
			t, err = addCheck(t, d.Table.Checks[at])
		}
	}
	return t, err
}

// addCheck adds a check under its name, or with a number behind that.
func addCheck(t *catalog.Table, c catalog.Check) (*catalog.Table, error) {
	name := c.Name
	for n := 1; ; n++ {
		next, err := t.AddCheck(c)
		if !errors.Is(err, catalog.ErrDuplicate) {
			return next, err
		}
		c.Name = fmt.Sprintf("%s%d", name, n)
	}
}

// fits says what of the table is not as the model wants it and cannot be added, or nil.
func (m *model) fits(d *catalog.Definition, found *catalog.Table, parents []*catalog.Table) error {
	for i := range m.fields {
		if err := m.fieldFits(&m.fields[i], &d.Table.Columns[i], found); err != nil {
			return err
		}
	}
	for _, c := range found.Columns {
		if _, _, ours := d.Table.Column(c.Name); !ours && c.NotNull && c.Default == "" && c.Identity == catalog.IdentityNone {
			return m.mismatch(found, c.Name, "no such column, or one that may be NULL or has a default", describe(&c),
				"add a field, or no row could be inserted")
		}
	}
	if want, have := describeKey(&d.Table, d.Table.PrimaryKey), describeKey(found, found.PrimaryKey); want != have {
		return m.mismatch(found, "", "the primary key "+want, have, "")
	}
	for _, r := range d.References {
		c, _, _ := d.Table.Column(r.Columns[0])
		if !addable(c, found) && !hasReference(found, r, parents) {
			return m.mismatch(found, c.Name, fmt.Sprintf("foreign key %s to table %s", r.Name, r.Parent), "none, or another",
				"drop it with AlterTable if it is there, and add it with Tables.AddForeignKey")
		}
	}
	for _, ix := range d.Table.Indexes {
		if have, ok := found.Index(ix.Name); ok {
			if expected, got := describeIndex(&d.Table, &ix), describeIndex(found, have); expected != got {
				return m.mismatch(found, "", "index "+ix.Name+" as "+expected, got, "drop it with DropIndex, and Open makes it anew")
			}
		}
	}
	return nil
}

// hasReference reports whether a table has a foreign key of this name over the same column to the same one.
func hasReference(t *catalog.Table, r catalog.Reference, parents []*catalog.Table) bool {
	i := slices.IndexFunc(parents, func(p *catalog.Table) bool { return p.Name == r.Parent })
	if i < 0 {
		return false
	}
	want, err := t.ForeignKey(r, parents[i])
	return err == nil && slices.ContainsFunc(t.ForeignKeys, func(fk catalog.ForeignKey) bool {
		return fk.Name == want.Name && fk.OnDelete == want.OnDelete && fk.Parent == want.Parent &&
			slices.Equal(fk.Columns, want.Columns) && slices.Equal(fk.ParentColumns, want.ParentColumns)
	})
}

func (m *model) fieldFits(f *field, want *catalog.Column, found *catalog.Table) error {
	fail := func(expected, foundText, hint string) error {
		return &MismatchError{found.Name, f.name, want.Name, expected, foundText, hint}
	}
	have, _, ok := found.Column(want.Name)
	switch {
	case addable(want, found):
		return nil
	case !ok:
		return fail(describe(want), "no column", "one that is NOT NULL can only be added with a default: give it one, or make the field a pointer")
	case f.typ != "" && have.Type != want.Type:
		return fail(describe(want), describe(have), "change the tag, or the table with AlterTable and WidenType")
	case !f.codec.fits(have.Type.Kind):
		return fail(describe(want), describe(have), "")
	case want.NotNull && !have.NotNull:
		return fail(describe(want), describe(have), "make the field a pointer, or the column NOT NULL with AlterTable and SetNotNull")
	case f.identity != (have.Identity != catalog.IdentityNone):
		return fail(describe(want), describe(have), "")
	case f.defaultSQL != "" && have.Default != f.defaultSQL:
		return fail(describe(want), describe(have), "change it with AlterTable and SetDefault")
	}
	for _, text := range f.checks {
		if !slices.ContainsFunc(found.Checks, func(c catalog.Check) bool { return c.Expr == text }) {
			return fail("CHECK ("+text+")", "none of that text", "add it with AlterTable and AddCheck")
		}
	}
	return nil
}

func (m *model) mismatch(t *catalog.Table, column, expected, found, hint string) error {
	return &MismatchError{t.Name, m.typ.String(), column, expected, found, hint}
}

// addIndexes builds the indexes that are missing.
func addIndexes(ctx context.Context, db *engine.DB, want, found *catalog.Table) error {
	for _, ix := range want.Indexes {
		if _, ok := found.Index(ix.Name); ok {
			continue
		}
		err := db.CreateIndex(ctx, found.Name, engine.IndexDefinition{
			Name: quote(ix.Name), Columns: keyNames(want, ix.Columns), Unique: ix.Unique, Using: ix.Using,
		}, nil)
		if err != nil && !errors.Is(err, relation.ErrIndexExists) { // somebody was faster
			return err
		}
	}
	return nil
}

// describe prints a column as SQL does.
func describe(c *catalog.Column) string {
	s := c.Type.String()
	if c.Identity != catalog.IdentityNone {
		s += " IDENTITY"
	}
	if c.NotNull {
		s += " NOT NULL"
	}
	if c.Default != "" {
		s += " DEFAULT " + c.Default
	}
	return s
}

func describeIndex(t *catalog.Table, ix *catalog.Index) string {
	s := describeKey(t, ix.Columns)
	if ix.Unique {
		s = "UNIQUE " + s
	}
	if ix.Using == catalog.LSM {
		s += " USING lsm"
	}
	return s
}

func describeKey(t *catalog.Table, columns []catalog.IndexColumn) string {
	return "(" + strings.Join(keyNames(t, columns), ", ") + ")"
}

// keyNames returns the columns of a key as they are given to a builder.
func keyNames(t *catalog.Table, columns []catalog.IndexColumn) (out []string) {
	for _, k := range columns {
		c, _, ok := t.ColumnByID(k.Column)
		if !ok {
			continue // Validate has seen that there is none
		}
		s := quote(c.Name)
		if k.Descending {
			s += " DESC"
		}
		switch {
		case k.NullsFirst && !k.Descending:
			s += " NULLS FIRST"
		case !k.NullsFirst && k.Descending:
			s += " NULLS LAST"
		}
		out = append(out, s)
	}
	return out
}

// quote puts a name in quotes if it would be read in another way.
func quote(name string) string {
	if strings.ToLower(name) == name && !strings.ContainsAny(name, ` ,"`) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
