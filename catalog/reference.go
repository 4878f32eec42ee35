package catalog

import "slices"

// Resolve makes a table of the definition: with an id, with ids for its indexes from nextID, and with its foreign keys.
// Their parents are looked up by parent, unless they are the table itself. The definition stays as it is.
func (d *Definition) Resolve(
	id uint32, nextID func() uint32, parent func(name string) (*Table, error),
) (*Table, error) {
	t := d.Table
	t.ID, t.Indexes, t.ForeignKeys = id, slices.Clone(t.Indexes), nil
	for i := range t.Indexes {
		t.Indexes[i].ID = nextID()
	}
	for _, r := range d.References {
		to := &t
		if r.Parent != t.Name {
			var err error
			if to, err = parent(r.Parent); err != nil {
				return nil, err
			}
		}
		fk, err := t.ForeignKey(r, to)
		if err != nil {
			return nil, err
		}
		t.ForeignKeys = append(t.ForeignKeys, fk)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	return t.prepare(), nil
}

// ForeignKey returns the foreign key of t that a reference to a table stands for. What it refers to must be the primary
// key or the columns of a unique index, in any order, and be stored in keys as the columns are that refer to it.
func (t *Table) ForeignKey(r Reference, parent *Table) (ForeignKey, error) {
	fk := ForeignKey{Name: r.Name, Parent: parent.ID, OnDelete: r.OnDelete, OnUpdate: r.OnUpdate}
	for _, name := range r.Columns {
		c, _, found := t.Column(name)
		if !found {
			return fk, t.wrong(ErrUnknown, "foreign key %s: there is no column %s", r.Name, name)
		}
		fk.Columns = append(fk.Columns, c.ID)
	}
	for _, name := range r.ParentColumns {
		c, _, found := parent.Column(name)
		if !found {
			return fk, t.wrong(ErrUnknown, "foreign key %s: table %s has no column %s", r.Name, parent.Name, name)
		}
		fk.ParentColumns = append(fk.ParentColumns, c.ID)
	}
	if len(r.ParentColumns) == 0 {
		for _, k := range parent.PrimaryKey {
			fk.ParentColumns = append(fk.ParentColumns, k.Column)
		}
	}
	if len(fk.Columns) != len(fk.ParentColumns) {
		return fk, t.wrong(nil, "foreign key %s: %d columns cannot refer to %d of table %s",
			r.Name, len(fk.Columns), len(fk.ParentColumns), parent.Name)
	}
	for i := range fk.Columns {
		c, _, _ := t.ColumnByID(fk.Columns[i])
		p, _, _ := parent.ColumnByID(fk.ParentColumns[i])
		if !c.Type.storedAs(p.Type) {
			return fk, t.wrong(nil, "foreign key %s: column %s is a %s, and %s of table %s a %s",
				r.Name, c.Name, c.Type, p.Name, parent.Name, p.Type)
		}
	}
	if !parent.hasUnique(fk.ParentColumns) {
		return fk, t.wrong(nil, "foreign key %s: these columns are not the primary key of table %s, nor those of a unique index",
			r.Name, parent.Name)
	}
	return fk, nil
}

// hasUnique reports whether no two rows have the same values in some columns, because of a key of just these.
func (t *Table) hasUnique(columns []uint16) bool {
	are := func(k []IndexColumn) bool {
		return len(k) > 0 && len(k) == len(columns) && !slices.ContainsFunc(k, func(c IndexColumn) bool {
			return !slices.Contains(columns, c.Column)
		})
	}
	return are(t.PrimaryKey) || slices.ContainsFunc(t.Indexes, func(ix Index) bool { return ix.Unique && are(ix.Columns) })
}
