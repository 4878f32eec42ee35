package catalog

import "slices"

// change returns a table of the next version, to which f has done something. It gets a layout of its own if its rows are
// stored in another way.
func (t *Table) change(f func(next *Table) error) (*Table, error) {
	next := &Table{
		ID: t.ID, Name: t.Name, Version: t.Version + 1, NextColumn: t.NextColumn,
		Columns:     slices.Clone(t.Columns),
		PrimaryKey:  t.PrimaryKey,
		Indexes:     slices.Clone(t.Indexes),
		ForeignKeys: slices.Clone(t.ForeignKeys),
		Checks:      slices.Clone(t.Checks),
		Layouts:     slices.Clone(t.Layouts),
	}
	if err := f(next); err != nil {
		return nil, err
	}
	if l := next.layout(); len(next.Layouts) == 0 || !next.Layouts[len(next.Layouts)-1].same(l) {
		next.Layouts = append(next.Layouts, l)
	}
	if err := next.Validate(); err != nil {
		return nil, err
	}
	return next.prepare(), nil
}

// changeColumn is change for one column.
func (t *Table) changeColumn(name string, f func(next *Table, c *Column) error) (*Table, error) {
	return t.change(func(next *Table) error {
		c, _, found := next.Column(name)
		if !found {
			return t.wrong(ErrUnknown, "there is no column %s", name)
		}
		return f(next, c)
	})
}

// AddColumn adds a column at the end; its ID is given here. Rows that were written before have its Missing value: if that
// is NULL and the column NOT NULL, the caller sees to it that there are none.
func (t *Table) AddColumn(c Column) (*Table, error) {
	return t.change(func(next *Table) error {
		if next.NextColumn == 1<<16-1 {
			return t.wrong(nil, "it has had 65,534 columns, and there are no more ids: copy it into a new one")
		}
		c.ID = next.NextColumn
		c.Missing = c.Missing.Clone()
		next.NextColumn++
		next.Columns = append(next.Columns, c)
		return nil
	})
}

// DropColumn drops a column that is in no key, index or foreign key. What checks say the caller looks at.
func (t *Table) DropColumn(name string) (*Table, error) {
	return t.changeColumn(name, func(next *Table, c *Column) error {
		if user := t.user(c.ID); user != "" {
			return t.wrong(ErrInUse, "column %s is in %s, which must be dropped before", name, user)
		}
		id := c.ID
		next.Columns = slices.DeleteFunc(next.Columns, func(o Column) bool { return o.ID == id })
		return nil
	})
}

// user names something that a column is in: a key, an index or a foreign key.
func (t *Table) user(id uint16) string {
	if t.inPrimaryKey(id) {
		return "the primary key"
	}
	for _, ix := range t.Indexes {
		if slices.ContainsFunc(ix.Columns, func(k IndexColumn) bool { return k.Column == id }) {
			return "index " + ix.Name
		}
	}
	for _, fk := range t.ForeignKeys {
		if slices.Contains(fk.Columns, id) || fk.Parent == t.ID && slices.Contains(fk.ParentColumns, id) {
			return "foreign key " + fk.Name
		}
	}
	return ""
}

// RenameColumn gives a column another name. The SQL text of checks, which may name it, the caller changes with SetCheck.
func (t *Table) RenameColumn(from, to string) (*Table, error) {
	return t.changeColumn(from, func(_ *Table, c *Column) error {
		c.Name = to
		return nil
	})
}

// RenameTable gives the table another name.
func (t *Table) RenameTable(to string) (*Table, error) {
	return t.change(func(next *Table) error {
		next.Name = to
		return nil
	})
}

// WidenType changes the type of a column so that what is stored need not change: to a longer VARCHAR or TEXT, to a
// DECIMAL with more digits on either side, from BIGINT or DECIMAL to DOUBLE PRECISION, and from BIGINT to DECIMAL. With
// the last the caller sees to it that all numbers fit: a row with one that does not counts as damaged. A column in a key
// or an index must remain stored as it is.
func (t *Table) WidenType(column string, to Type) (*Table, error) {
	return t.changeColumn(column, func(_ *Table, c *Column) error {
		user := t.user(c.ID)
		switch fault := to.fault(); {
		case fault != "":
			return t.wrong(nil, "column %s: %s", column, fault)
		case !to.widens(c.Type):
			return t.wrong(nil, "column %s: not all values of type %s are some of type %s", column, c.Type, to)
		case user != "" && !to.storedAs(c.Type):
			return t.wrong(ErrInUse, "column %s is in %s, where a %s is stored differently", column, user, to)
		}
		missing, err := Cast(c.Missing, to)
		if err != nil {
			return At(err, t.Name, column)
		}
		c.Type, c.Missing = to, missing
		return nil
	})
}

// SetDefault changes the default of a column to an SQL expression, or to none if it is empty.
func (t *Table) SetDefault(column, sql string) (*Table, error) {
	return t.changeColumn(column, func(_ *Table, c *Column) error {
		c.Default = sql
		return nil
	})
}

// SetNotNull forbids NULL in a column. The caller has seen that there is none.
func (t *Table) SetNotNull(column string) (*Table, error) {
	return t.changeColumn(column, func(_ *Table, c *Column) error {
		c.NotNull = true
		return nil
	})
}

// DropNotNull allows NULL in a column that is not in the primary key.
func (t *Table) DropNotNull(column string) (*Table, error) {
	return t.changeColumn(column, func(_ *Table, c *Column) error {
		c.NotNull = false
		return nil
	})
}

// AddIndex adds an index, with the id and the state that it has.
func (t *Table) AddIndex(ix Index) (*Table, error) {
	return t.change(func(next *Table) error {
		ix.Columns = slices.Clone(ix.Columns)
		next.Indexes = append(next.Indexes, ix)
		return nil
	})
}

// DropIndex drops an index. Whether foreign keys of other tables need it the caller looks at.
func (t *Table) DropIndex(name string) (*Table, error) {
	return t.change(func(next *Table) error {
		if _, found := t.Index(name); !found {
			return t.wrong(ErrUnknown, "there is no index %s", name)
		}
		next.Indexes = slices.DeleteFunc(next.Indexes, func(ix Index) bool { return ix.Name == name })
		return nil
	})
}

// SetIndexState changes the state of an index.
func (t *Table) SetIndexState(name string, state State) (*Table, error) {
	return t.change(func(next *Table) error {
		ix, found := next.Index(name)
		if !found {
			return t.wrong(ErrUnknown, "there is no index %s", name)
		}
		ix.State = state
		return nil
	})
}

// AddCheck adds a check. The caller has seen that it holds for all rows.
func (t *Table) AddCheck(c Check) (*Table, error) {
	return t.change(func(next *Table) error {
		next.Checks = append(next.Checks, c)
		return nil
	})
}

// SetCheck gives a check another expression.
func (t *Table) SetCheck(name, expr string) (*Table, error) {
	return t.change(func(next *Table) error {
		i := slices.IndexFunc(next.Checks, func(c Check) bool { return c.Name == name })
		if i < 0 {
			return t.wrong(ErrUnknown, "there is no check %s", name)
		}
		next.Checks[i].Expr = expr
		return nil
	})
}

// AddForeignKey adds a foreign key. The caller has seen that it holds for all rows.
func (t *Table) AddForeignKey(fk ForeignKey) (*Table, error) {
	return t.change(func(next *Table) error {
		fk.Columns, fk.ParentColumns = slices.Clone(fk.Columns), slices.Clone(fk.ParentColumns)
		next.ForeignKeys = append(next.ForeignKeys, fk)
		return nil
	})
}

// DropConstraint drops a check or a foreign key. Indexes are dropped by DropIndex, those of unique constraints too.
func (t *Table) DropConstraint(name string) (*Table, error) {
	return t.change(func(next *Table) error {
		next.Checks = slices.DeleteFunc(next.Checks, func(c Check) bool { return c.Name == name })
		next.ForeignKeys = slices.DeleteFunc(next.ForeignKeys, func(fk ForeignKey) bool { return fk.Name == name })
		if len(next.Checks) == len(t.Checks) && len(next.ForeignKeys) == len(t.ForeignKeys) {
			if _, found := t.Index(name); found {
				return t.wrong(ErrUnknown, "%s is an index, not a check or a foreign key: drop it with DropIndex", name)
			}
			return t.wrong(ErrUnknown, "there is no check or foreign key %s", name)
		}
		return nil
	})
}
