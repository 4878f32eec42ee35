package relation

import (
	"bytes"
	"fmt"

	"github.com/middb/middb/catalog"
)

// Delete deletes the row of a primary key, or returns ErrRowNotFound.
func (t *Table) Delete(primary ...catalog.Value) error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.deleteBy(primary))
}

func (t *Table) deleteBy(primary []catalog.Value) error {
	if err := t.write(); err != nil {
		return err
	}
	k, err := t.shape.appendPrimary(nil, primary)
	if err != nil {
		return err
	}
	found, err := t.remove(k)
	if err == nil && !found {
		err = t.notFound(k)
	}
	return err
}

// DeleteWhere deletes the rows of a range of the primary key for which where is true, all if it is nil. It returns how many.
// Rows that go with them, by foreign keys, are not counted.
func (t *Table) DeleteWhere(o ScanOptions, where func(Row) (bool, error)) (int, error) {
	top, err := t.tables.begin()
	if err != nil {
		return 0, err
	}
	n := 0
	err = t.tables.guarded(top, func() error { return t.deleteWhere(o, where, &n) })
	if err != nil {
		n = 0
	}
	return n, err
}

func (t *Table) deleteWhere(o ScanOptions, where func(Row) (bool, error), n *int) (err error) {
	if err = t.write(); err != nil {
		return err
	}
	limit := o.Limit
	o.Limit = 0
	rows, err := t.Scan(o)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for (limit <= 0 || *n < limit) && rows.Next() {
		if where != nil {
			if yes, err := where(rows.Row()); err != nil {
				return err
			} else if !yes {
				continue
			}
		}
		found, err := t.remove(rows.key())
		if err != nil {
			return err
		}
		if found {
			*n++
		}
	}
	return rows.Err()
}

// Truncate deletes all rows at once, whatever their number. No other table may have a foreign key to this one.
func (t *Table) Truncate() error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.truncate())
}

func (t *Table) truncate() error {
	if err := t.write(); err != nil {
		return err
	}
	children, err := t.referring()
	if err != nil {
		return err
	}
	for _, r := range children {
		if r.child != t {
			return fmt.Errorf("table %s: %w: table %s has a foreign key to it; delete the rows instead", t.shape.Name, ErrInUse, r.child.shape.Name)
		}
	}
	// What is to be done because of rows of before is done while they are there.
	if err = t.tables.settle(); err != nil {
		return err
	}
	n, err := t.Estimate()
	if err != nil {
		return err
	}
	for _, ix := range t.shape.indexes {
		if err = t.tables.txn.Clear(ix.space); err != nil {
			return err
		}
	}
	t.count(-int64(n))
	return t.tables.txn.Clear(t.shape.rows)
}

// remove deletes the row of a key, if it is there.
func (t *Table) remove(k []byte) (found bool, err error) {
	if found, err = t.readOld(k); err != nil || !found {
		return false, err
	}
	t.oldKey = append(t.oldKey[:0], k...)
	if err = t.tables.txn.Delete(t.shape.rows, t.oldKey); err != nil {
		return false, err
	}
	for _, ix := range t.shape.indexes {
		var value []byte
		if t.oldEntry, value, err = t.shape.AppendIndexKey(t.oldEntry[:0], ix.Index, t.old, t.oldKey); err != nil {
			return false, err
		}
		if err := t.removeEntry(ix, t.oldEntry, value); err != nil {
			return false, err
		}
	}
	t.count(-1)
	return true, t.leave(nil)
}

// leave notes that t.old is gone, or has become row: rows that refer to it are dealt with at the end of the statement.
func (t *Table) leave(row []catalog.Value) error {
	children, err := t.referring()
	if err != nil {
		return err
	}
	for _, r := range children {
		if anyNullAt(t.old, r.parentPlaces) || row != nil && !differ(t.old, row, r.parentPlaces) {
			continue
		}
		gone := removal{parent: t, reference: r, from: pick(t.old, r.parentPlaces)}
		if row != nil {
			gone.to = pick(row, r.parentPlaces)
		}
		t.tables.statement.removed = append(t.tables.statement.removed, gone)
	}
	return nil
}

func anyNullAt(row []catalog.Value, places []int) bool {
	for _, at := range places {
		if row[at].IsNull() {
			return true
		}
	}
	return false
}

// deleteWithParent deletes the row of a key that refers to values which are gone, if it still does.
func (t *Table) deleteWithParent(k []byte, r reference, from []catalog.Value) error {
	if still, err := t.stillRefers(k, r, from); err != nil || !still {
		return err
	}
	_, err := t.remove(k)
	return err
}

// changeWithParent gives the row of a key that refers to values which are gone others, or NULL, if it still does.
func (t *Table) changeWithParent(k []byte, r reference, from, to []catalog.Value) error {
	if still, err := t.stillRefers(k, r, from); err != nil || !still {
		return err
	}
	t.row = append(t.row[:0], t.old...)
	for i, at := range r.foreign.columns {
		t.row[at] = catalog.Null()
		if to != nil {
			t.row[at] = to[i]
		}
	}
	return t.replace(bytes.Clone(k))
}

// stillRefers reads the row of a key into t.old and reports whether it has these values in the columns of a foreign key.
func (t *Table) stillRefers(k []byte, r reference, from []catalog.Value) (bool, error) {
	if err := t.write(); err != nil {
		return false, err
	}
	found, err := t.readOld(k)
	if err != nil || !found {
		return false, err
	}
	for i, at := range r.foreign.columns {
		if t.old[at].IsNull() || catalog.Compare(t.old[at], from[i]) != 0 {
			return false, nil
		}
	}
	return true, nil
}
