package relation

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
)

// mostRows is how many rows a table may have to be written anew, or to get an index, within a transaction.
const mostRows = 20_000

// Alter changes the schema of a table as the methods of catalog.Table do. What is asked of rows then is checked for those
// that there are: NOT NULL, checks, foreign keys, unique indexes. New indexes have the id 0; they are filled here.
func (t *Tables) Alter(name string, change func(*catalog.Table) (*catalog.Table, error)) error {
	return t.schemaStatement(func() error {
		h, err := t.Table(name)
		if err != nil {
			return err
		}
		next, err := change(h.shape.Table)
		if err != nil || next == h.shape.Table {
			return err
		}
		if next == nil {
			return fmt.Errorf("alter table %s: %w: the function has returned no schema", name, ErrArguments)
		}
		return t.alter(h, next, alterOptions{state: catalog.Ready})
	})
}

// alterOptions say how a schema is changed.
type alterOptions struct {
	state      catalog.State // of new indexes; they are filled if it is Ready
	checksHold bool          // the checks say the same as before
	building   bool          // indexes may get another state
}

// An alteration is a change of a schema: what it asks of the rows that there are.
type alteration struct {
	tables   *Tables
	old, new *shape
	places   []int // in rows of the old schema, of the columns of the new one; -1: it is new

	notNull []int
	checks  []expression // nil for those that were there
	foreign []int
	indexes []*index // to be filled
	rewrite bool     // rows have other keys
	numbers bool     // the sequence must be moved on
	limit   int      // of rows; 0: any number
}

// alter gives a table another schema. New indexes get ids.
func (t *Tables) alter(h *Table, next *catalog.Table, o alterOptions) error {
	if next.ID != h.id {
		return fmt.Errorf("%w: table %s is number %d, and the schema that was made of it is of number %d",
			catalog.ErrSchema, h.shape.Name, h.id, next.ID)
	}
	t.change()
	a := &alteration{tables: t, old: h.shape}
	if err := a.prepare(next, o); err != nil {
		return err
	}
	if err := t.rename(a.old, a.new); err != nil {
		return err
	}
	if err := t.txn.Put(catalogSpace, a.new.key, a.new.encoded); err != nil {
		return err
	}
	t.generation++
	for _, ix := range a.old.indexes {
		if !slices.ContainsFunc(a.new.indexes, func(o *index) bool { return o.ID == ix.ID }) {
			if err := t.txn.Drop(ix.space); err != nil {
				return err
			}
		}
	}
	if err := t.relate(a.old, a.new); err != nil {
		return err
	}
	return a.run()
}

// prepare makes the new schema and finds out what it asks of rows.
func (a *alteration) prepare(next *catalog.Table, o alterOptions) error {
	changed := *next
	next = &changed
	next.Indexes, next.Columns = slices.Clone(next.Indexes), slices.Clone(next.Columns)
	var added []uint32
	for i := range next.Indexes {
		ix := &next.Indexes[i]
		if ix.ID != 0 {
			if err := a.keepIndex(next, ix, o); err != nil {
				return err
			}
			continue
		}
		ids, err := a.tables.newIDs(1)
		if err != nil {
			return err
		}
		ix.ID, ix.State = ids(), o.state
		added = append(added, ix.ID)
	}
	if err := a.fillMissing(next); err != nil {
		return err
	}
	if err := next.Validate(); err != nil {
		return err
	}
	if err := a.keepChecks(next); err != nil {
		return err
	}
	var err error
	if a.new, err = newShape(next.Encode()); err != nil {
		return err
	}
	for i := range a.new.Columns {
		_, at, _ := a.old.ColumnByID(a.new.Columns[i].ID)
		a.places = append(a.places, at)
		if a.new.notNull[i] && (at < 0 || !a.old.notNull[at]) {
			a.notNull = append(a.notNull, i)
		}
	}
	a.rewrite = !slices.Equal(a.old.PrimaryKey, a.new.PrimaryKey)
	for _, ix := range a.new.indexes {
		if a.rewrite && ix.State == catalog.Building {
			return fmt.Errorf("table %s: %w: index %s is being built", a.new.Name, ErrInUse, ix.Name)
		}
		if ix.State == catalog.Ready && (a.rewrite || slices.Contains(added, ix.ID)) {
			a.indexes = append(a.indexes, ix)
		}
	}
	a.compare()
	if o.checksHold {
		clear(a.checks)
	}
	return nil
}

// keepIndex refuses an index with an id that is not as it was: only one without an id is filled.
func (a *alteration) keepIndex(next *catalog.Table, ix *catalog.Index, o alterOptions) error {
	at := slices.IndexFunc(a.old.Indexes, func(was catalog.Index) bool { return was.ID == ix.ID })
	if at < 0 {
		return fmt.Errorf("table %s: %w: index %s is new and has the id %d; it gets one if that is 0",
			next.Name, catalog.ErrSchema, ix.Name, ix.ID)
	}
	was := &a.old.Indexes[at]
	if ix.Unique != was.Unique || ix.Using != was.Using || !slices.Equal(ix.Columns, was.Columns) ||
		ix.State != was.State && !o.building {
		return fmt.Errorf("table %s: %w: index %s is another one than before; drop it and create it again",
			next.Name, catalog.ErrSchema, ix.Name)
	}
	return nil
}

// fillMissing gives new columns the value that their default has now, for the rows that there are.
func (a *alteration) fillMissing(next *catalog.Table) error {
	for i := range next.Columns {
		c := &next.Columns[i]
		_, _, found := a.old.ColumnByID(c.ID)
		if found || c.Default == "" || !c.Missing.IsNull() {
			continue
		}
		e, err := compileDefault(c)
		if err != nil {
			return fmt.Errorf("table %s, default of column %s: %w", next.Name, c.Name, err)
		}
		v, err := a.tables.evaluate(e, nil)
		if err != nil {
			return fmt.Errorf("table %s, default of column %s: %w", next.Name, c.Name, err)
		}
		if v, err = catalog.Cast(v, c.Type); err != nil {
			return catalog.At(err, next.Name, c.Name)
		}
		c.Missing = v.Clone()
	}
	return nil
}

// keepChecks refuses to drop a column, or to give it another name, that is in a check which stays as it is: its text would
// mean nothing, or another column that has the name now.
func (a *alteration) keepChecks(next *catalog.Table) error {
	for i, c := range a.old.Checks {
		if !slices.Contains(next.Checks, c) {
			continue
		}
		for _, at := range a.old.checks[i].Columns() {
			column := &a.old.Columns[at]
			switch now, _, found := next.ColumnByID(column.ID); {
			case !found:
				return fmt.Errorf("table %s: %w: column %s is in check %s, which must be dropped before",
					next.Name, ErrInUse, column.Name, c.Name)
			case now.Name != column.Name:
				return fmt.Errorf("table %s: %w: column %s is in check %s; Tables.RenameColumn renames it there too",
					next.Name, ErrInUse, column.Name, c.Name)
			}
		}
	}
	return nil
}

// compare finds the checks, foreign keys and identities that are new. A check also is if a column in it has another type:
// a half of 3 is 1, and a half of 3.0 is not.
func (a *alteration) compare() {
	a.checks = make([]expression, len(a.new.checks))
	for i, c := range a.new.Checks {
		retyped := slices.ContainsFunc(a.new.checks[i].Columns(), func(at int) bool {
			was := a.places[at]
			return was >= 0 && !sameNumber(a.old.Columns[was].Type, a.new.Columns[at].Type)
		})
		if retyped || !slices.Contains(a.old.Checks, c) {
			a.checks[i] = a.new.checks[i]
		}
	}
	for i, f := range a.new.foreign {
		if !slices.ContainsFunc(a.old.foreign, func(o *foreignKey) bool { return sameForeignKey(o, f) }) {
			a.foreign = append(a.foreign, i)
		}
	}
	a.numbers = a.new.identity >= 0 && (a.old.identity < 0 ||
		a.old.Columns[a.old.identity].ID != a.new.Columns[a.new.identity].ID)
	if a.rewrite || len(a.indexes) > 0 {
		a.limit = mostRows
	}
}

// sameNumber reports whether expressions compute the same with values of two types, one of which is wider.
func sameNumber(a, b catalog.Type) bool {
	return a.Kind == b.Kind && a.Precision == b.Precision && a.Scale == b.Scale
}

func sameForeignKey(a, b *foreignKey) bool {
	return a.Parent == b.Parent && slices.Equal(a.Columns, b.Columns) && slices.Equal(a.ParentColumns, b.ParentColumns)
}

// rename moves the name of a table.
func (t *Tables) rename(old, new *shape) error {
	if old.Name == new.Name {
		return nil
	}
	if id, err := t.lookup(new.Name); err != nil {
		return err
	} else if id != 0 {
		return &NameError{Kind: ErrTableExists, Table: new.Name}
	}
	if err := t.unnamed("", new.Name); err != nil {
		return err
	}
	if err := t.txn.Delete(catalogSpace, nameKey(old.Name)); err != nil {
		return err
	}
	return t.txn.Put(catalogSpace, nameKey(new.Name), binary.BigEndian.AppendUint32(nil, new.ID))
}

// relate has parents know of the foreign keys of a schema that has changed, and checks that those of others can still
// refer to it.
func (t *Tables) relate(old, new *shape) error {
	for _, f := range old.foreign {
		if !slices.ContainsFunc(new.foreign, func(o *foreignKey) bool { return o.Parent == f.Parent }) {
			if err := t.setReference(f.Parent, new.ID, false); err != nil {
				return err
			}
		}
	}
	for _, f := range new.foreign {
		if slices.ContainsFunc(old.foreign, func(o *foreignKey) bool {
			return o.Name == f.Name && sameForeignKey(o, f) && o.OnDelete == f.OnDelete && o.OnUpdate == f.OnUpdate
		}) {
			continue
		}
		if err := t.join(new, f); err != nil {
			return err
		}
	}
	ids, err := t.references(new.ID)
	if err != nil {
		return err
	}
	t.txn.DependOn(catalogSpace, idKey(referencesPrefix, new.ID))
	for _, id := range ids {
		child, err := t.handle(id)
		if err != nil {
			return err
		}
		for _, f := range child.shape.foreign {
			if f.Parent != new.ID {
				continue
			}
			if _, err := bindParent(child.shape, new, f); err != nil {
				return fmt.Errorf("table %s: %w: %w", new.Name, ErrInUse, err)
			}
		}
	}
	return nil
}

// run checks and changes the rows that there are, as far as the change asks for it.
func (a *alteration) run() error {
	asked := a.rewrite || a.numbers || len(a.notNull)+len(a.foreign)+len(a.indexes) > 0
	for _, c := range a.checks {
		asked = asked || c != nil
	}
	for i := range a.new.Columns {
		asked = asked || a.tightened(i)
	}
	if !asked {
		return nil
	}
	t := a.tables
	h, err := t.handle(a.new.ID)
	if err != nil {
		return err
	}
	if err = h.write(); err != nil {
		return err
	}
	// What is found to hold must hold for what others write meanwhile, and they do not know of it.
	t.txn.DependOnRange(a.old.rows, nil, nil)
	spaces := []Space{}
	if a.rewrite {
		spaces = append(spaces, a.old.rows)
		for _, ix := range a.indexes {
			spaces = append(spaces, ix.space)
		}
	}
	// The iterator goes on showing the rows of before.
	it, err := t.txn.Iterate(a.old.rows, Bounds{})
	if err != nil {
		return err
	}
	for _, s := range spaces {
		if err == nil {
			err = t.txn.Clear(s)
		}
	}
	if err == nil {
		err = a.eachRow(h, it)
	}
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	return err
}

// tightened reports whether values of a column must be looked at because its type was changed so that stored ones may not
// fit: whole numbers that become decimals.
func (a *alteration) tightened(i int) bool {
	at := a.places[i]
	return at >= 0 && a.new.Columns[i].Type.Kind == catalog.Decimal && a.old.Columns[at].Type.Kind == catalog.Int64
}

func (a *alteration) eachRow(h *Table, it Iterator) error {
	decoder := a.old.NewRowDecoder(everyColumn(a.old.Table))
	var row []catalog.Value
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if n++; a.limit > 0 && n > a.limit {
			instead := "build the index with DB.CreateIndex"
			if a.rewrite {
				instead = "copy them into a new table"
			}
			return fmt.Errorf("table %s: %w: there are more than %d; %s", a.new.Name, ErrTooManyRows, a.limit, instead)
		}
		var err error
		if row, err = decoder.Decode(row[:0], it.Key(), it.Value()); err != nil {
			return err
		}
		if err := a.eachColumn(h, row); err != nil {
			return err
		}
		h.key = append(h.key[:0], it.Key()...)
		if err := a.rowWithKey(h); err != nil {
			return err
		}
	}
	return it.Err()
}

// eachColumn makes h.row of a row of the old schema.
func (a *alteration) eachColumn(h *Table, row []catalog.Value) error {
	h.row = h.row[:0]
	for i, at := range a.places {
		c := &a.new.Columns[i]
		v := c.Missing
		if at >= 0 {
			v = row[at]
		}
		if !v.IsNull() {
			var err error
			if v, err = a.new.coerce(i, v); err != nil {
				return err
			}
		}
		h.row = append(h.row, v)
	}
	return nil
}

// rowWithKey checks h.row, whose key was h.key, and adds what is to be added.
func (a *alteration) rowWithKey(h *Table) error {
	for _, i := range a.notNull {
		if h.row[i].IsNull() {
			e := &ConstraintError{Kind: ErrNotNull, Table: a.new.Name, Columns: a.new.names([]int{i}), Values: []catalog.Value{{}}}
			if k, err := a.old.keyValues(bytes.Clone(h.key)); err == nil {
				e.Keys = [][]catalog.Value{k}
			}
			return e
		}
	}
	if err := a.tables.checkRow(a.new, h.row, a.checks); err != nil {
		return err
	}
	if a.numbers {
		if err := h.sequence.moveOn(a.tables.ctx, a.tables.catalog.db, h.row[a.new.identity].AsInt()); err != nil {
			return err
		}
	}
	if a.rewrite {
		if err := a.moveRow(h); err != nil {
			return err
		}
	}
	for _, ix := range a.indexes {
		k, value, err := a.new.AppendIndexKey(h.entry[:0], ix.Index, h.row, h.key)
		if err != nil {
			return err
		}
		h.entry = k
		if err := h.addEntry(ix, k, value, nil); err != nil {
			return err
		}
	}
	for _, i := range a.foreign {
		if err := h.checkParent(i, h.row, h.key); err != nil {
			return err
		}
	}
	return nil
}

// moveRow writes h.row under its new key.
func (a *alteration) moveRow(h *Table) (err error) {
	if a.new.hidden() {
		return fmt.Errorf("%w: table %s: a primary key cannot be dropped; copy the table into a new one", catalog.ErrSchema, a.new.Name)
	}
	if h.key, err = a.new.AppendPrimaryKey(h.key[:0], h.row); err != nil {
		return err
	}
	if err := h.vacant(h.key); err != nil {
		return err
	}
	return h.store(h.key)
}
