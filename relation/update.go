package relation

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/middb/middb/catalog"
)

// Update changes the row of a primary key, or returns ErrRowNotFound. The row that change gets is its own; an error that it
// returns is returned.
func (t *Table) Update(primary []catalog.Value, change func(r *Row) error) error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.guarded(top, func() error { return t.updateBy(primary, change) })
}

// UpdateFields gives columns of the row of a primary key Go values, by name.
func (t *Table) UpdateFields(primary []catalog.Value, fields map[string]any) error {
	return t.Update(primary, func(r *Row) error {
		columns, values, err := r.shape.fields(fields)
		for i, at := range columns {
			r.values[at] = values[i]
		}
		return err
	})
}

// UpdateColumns gives columns of the row of a primary key other values, by their places. Inserted then returns the row.
func (t *Table) UpdateColumns(primary []catalog.Value, columns []int, values []catalog.Value) error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.updateColumns(primary, columns, values))
}

func (t *Table) updateColumns(primary []catalog.Value, columns []int, values []catalog.Value) error {
	if err := t.write(); err != nil {
		return err
	}
	k, err := t.shape.appendPrimary(nil, primary)
	if err != nil {
		return err
	}
	found, err := t.readOld(k)
	switch {
	case err != nil:
		return err
	case !found:
		return t.notFound(k)
	}
	return t.assign(k, columns, values)
}

// assign gives columns of t.old, the row of key k, other values.
func (t *Table) assign(k []byte, columns []int, values []catalog.Value) error {
	if len(columns) != len(values) {
		return fmt.Errorf("table %s: %w: there are %d columns and %d values", t.shape.Name, ErrArguments, len(columns), len(values))
	}
	t.row = append(t.row[:0], t.old...)
	for i, at := range columns {
		if at < 0 || at >= len(t.row) {
			return fmt.Errorf("table %s: %w: there is no column %d", t.shape.Name, ErrArguments, at)
		}
		t.row[at] = values[i]
	}
	return t.replace(k)
}

// A Modifier computes what becomes of a row.
type Modifier interface {
	// Modify returns the values that some columns of a row are to have, and reports whether it is to be changed at all. The row is
	// lent, the values may alias it. Modify does not use the table.
	Modify(row []catalog.Value) (values []catalog.Value, change bool, err error)
}

// Modify gives columns of the row of a primary key, by their places, the values that m computes of it. It reports whether it
// has: it has not if there is no such row. Inserted then returns the row. It costs less than a Get and an Update.
func (t *Table) Modify(primary []catalog.Value, columns []int, m Modifier) (changed bool, err error) {
	top, err := t.tables.begin()
	if err != nil {
		return false, err
	}
	changed, err = t.modify(primary, columns, m)
	return changed, t.tables.end(top, err)
}

func (t *Table) modify(primary []catalog.Value, columns []int, m Modifier) (changed bool, err error) {
	if err = t.ready(); err != nil {
		return false, err
	}
	if t.oldKey, err = t.shape.appendPrimary(t.oldKey[:0], primary); err != nil {
		return false, err
	}
	found, err := t.readOld(t.oldKey)
	if err != nil || !found {
		return false, err
	}
	values, change, err := m.Modify(t.old)
	if err != nil || !change {
		return false, err
	}
	if err = t.write(); err != nil {
		return false, err
	}
	return true, t.assign(t.oldKey, columns, values)
}

func (t *Table) updateBy(primary []catalog.Value, change func(r *Row) error) error {
	if err := t.write(); err != nil {
		return err
	}
	k, err := t.shape.appendPrimary(nil, primary)
	if err != nil {
		return err
	}
	return t.update(k, change)
}

// update changes the row of a key.
func (t *Table) update(k []byte, change func(r *Row) error) error {
	values, found, err := t.read(k)
	if err != nil {
		return err
	}
	if !found {
		return t.notFound(k)
	}
	row := Row{shape: t.shape, key: k, values: values, lent: true}
	if err := change(&row); err != nil {
		return err
	}
	if err := t.ready(); err != nil {
		return err
	}
	if row.shape != t.shape {
		return fmt.Errorf("table %s: %w: its schema was changed while a row was updated", t.shape.Name, ErrInUse)
	}
	// The change may have used the table, and so the memory.
	if found, err := t.readOld(k); err != nil || !found {
		return errors.Join(err, t.notFound(k))
	}
	t.row = append(t.row[:0], values...)
	return t.replace(k)
}

// replace puts t.row in the place of t.old, the row of key k.
func (t *Table) replace(k []byte) error {
	s := t.shape
	renumbered := t.renumbered()
	if renumbered {
		if _, err := t.identify(); err != nil {
			return err
		}
	}
	if err := t.check(); err != nil {
		return err
	}
	t.oldKey = append(t.oldKey[:0], k...)
	var err error
	if s.hidden() {
		t.key = append(t.key[:0], k...)
	} else if t.key, err = s.AppendPrimaryKey(t.key[:0], t.row); err != nil {
		return err
	}
	if !bytes.Equal(t.key, t.oldKey) {
		if err := t.vacant(t.key); err != nil {
			return err
		}
		if err := t.tables.txn.Delete(s.rows, t.oldKey); err != nil {
			return err
		}
	}
	if err := t.store(t.key); err != nil {
		return err
	}
	for _, ix := range s.indexes {
		if err := t.moveEntry(ix); err != nil {
			return err
		}
	}
	if err := t.leave(t.row); err != nil {
		return err
	}
	// A row without a parent, which the statement may still bring, is known by its key.
	orphan := len(t.tables.statement.orphans) > 0 && !bytes.Equal(t.key, t.oldKey)
	for i, f := range s.foreign {
		if orphan || differ(t.old, t.row, f.columns) {
			if err := t.checkParent(i, t.row, t.key); err != nil {
				return err
			}
		}
	}
	if renumbered {
		return t.passNumber()
	}
	return nil
}

// renumbered reports whether t.row has another number than t.old.
func (t *Table) renumbered() bool {
	at := t.shape.identity
	return at >= 0 && differ(t.old, t.row, []int{at}) && !t.row[at].IsNull()
}

// differ reports whether two rows differ in some columns.
func differ(a, b []catalog.Value, places []int) bool {
	for _, at := range places {
		if a[at].IsNull() != b[at].IsNull() || !a[at].IsNull() && catalog.Compare(a[at], b[at]) != 0 {
			return true
		}
	}
	return false
}

// moveEntry replaces the entry of t.old in an index by that of t.row.
func (t *Table) moveEntry(ix *index) error {
	s := t.shape
	var value, oldValue []byte
	var err error
	if t.oldEntry, oldValue, err = s.AppendIndexKey(t.oldEntry[:0], ix.Index, t.old, t.oldKey); err != nil {
		return err
	}
	if t.entry, value, err = s.AppendIndexKey(t.entry[:0], ix.Index, t.row, t.key); err != nil {
		return err
	}
	same := bytes.Equal(t.entry, t.oldEntry)
	if same && bytes.Equal(value, oldValue) {
		return nil
	}
	if !same {
		if err := t.removeEntry(ix, t.oldEntry, oldValue); err != nil {
			return err
		}
	}
	return t.addEntry(ix, t.entry, value, t.oldKey)
}

// removeEntry removes the entry of t.old, of key t.oldKey, from an index.
func (t *Table) removeEntry(ix *index, k, value []byte) error {
	txn := t.tables.txn
	if ix.State == catalog.Ready {
		return txn.Delete(ix.space, k)
	}
	if t.shape.fits(ix, k, value) != nil {
		return nil // the building will fail, or has not come to the row
	}
	if ix.Unique && !anyNull(t.old, ix.columns) {
		// The entry may be that of another row of the same values, if this one has not been reached yet. If it is not
		// this row's, it must not become so meanwhile.
		got, found, err := txn.Get(ix.space, t.parentData[:0], k)
		t.parentData = got
		if err != nil {
			return err
		}
		if !found || !bytes.Equal(got, t.oldKey) {
			txn.DependOn(ix.space, k)
			return nil
		}
	}
	return txn.Delete(ix.space, k)
}
