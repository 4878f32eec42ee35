package relation

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// A Finding is something in a table that Verify has found to be wrong.
type Finding struct {
	Table   string
	Index   string // empty: it is about the row
	Key     []byte // of the row, or of the entry
	Problem string
}

// String prints the finding for people.
func (f Finding) String() string {
	where := "table " + f.Table
	if f.Index != "" {
		where += ", index " + f.Index
	}
	return fmt.Sprintf("%s, key %s: %s", where, key.Format(f.Key), f.Problem)
}

// Verify looks at every row and every entry of a table: that rows decode and satisfy NOT NULL, checks and foreign keys, that
// each has its entries in all indexes, and that these have no others. It reports what is wrong until report returns false.
// An error means that it could not go on. It needs no memory for what it has seen.
func (t *Tables) Verify(ctx context.Context, table string, report func(Finding) (goOn bool)) error {
	h, err := t.Table(table)
	if err != nil {
		return err
	}
	v := &verification{ctx: ctx, tables: t, table: h, shape: h.shape, report: report}
	err = v.rows()
	for i := 0; err == nil && i < len(v.shape.indexes); i++ {
		err = v.index(v.shape.indexes[i])
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// A verification is a Verify under way.
type verification struct {
	ctx    context.Context
	tables *Tables
	table  *Table
	shape  *shape
	report func(Finding) bool
	seen   int

	row           []catalog.Value
	entry, stored []byte
}

// found reports a problem.
func (v *verification) found(ix *index, k []byte, format string, args ...any) error {
	f := Finding{Table: v.shape.Name, Key: bytes.Clone(k), Problem: fmt.Sprintf(format, args...)}
	if ix != nil {
		f.Index = ix.Name
	}
	if !v.report(f) {
		return errEnough
	}
	return nil
}

// step is called for every row and entry.
func (v *verification) step() error {
	if v.seen++; v.seen%256 == 0 {
		return v.ctx.Err()
	}
	return nil
}

// rows looks at all rows and looks their entries up.
func (v *verification) rows() error {
	return v.tables.each(v.shape.rows, Bounds{}, func(k, stored []byte) error {
		if err := v.step(); err != nil {
			return err
		}
		var err error
		if v.row, err = v.shape.decoder.Decode(v.row[:0], k, stored); err != nil {
			return v.found(nil, k, "%v", err)
		}
		if err := v.checkRow(k); err != nil {
			return err
		}
		for _, ix := range v.shape.indexes {
			if ix.State != catalog.Ready {
				continue
			}
			if err := v.lookUp(ix, k); err != nil {
				return err
			}
		}
		return v.checkParents(k)
	})
}

// checkRow looks at the values of a row, and whether the row is under the key that they make.
func (v *verification) checkRow(k []byte) error {
	s := v.shape
	for i, x := range v.row {
		c := &s.Columns[i]
		switch {
		case x.IsNull() && s.notNull[i]:
			if err := v.found(nil, k, "column %s is NULL and may not be", c.Name); err != nil {
				return err
			}
		case x.IsNull():
		default:
			if got, err := catalog.Cast(x, c.Type); err != nil || catalog.Compare(got, x) != 0 {
				if err := v.found(nil, k, "column %s: %s is no %s", c.Name, x, c.Type); err != nil {
					return err
				}
			}
		}
	}
	err := v.tables.checkRow(s, v.row, s.checks)
	if err != nil {
		err = v.found(nil, k, "%v", err)
	}
	if err != nil || s.hidden() {
		return err
	}
	if v.entry, err = s.AppendPrimaryKey(v.entry[:0], v.row); err != nil || !bytes.Equal(v.entry, k) {
		return v.found(nil, k, "the row is not under its primary key")
	}
	return nil
}

// lookUp looks for the entry of a row.
func (v *verification) lookUp(ix *index, k []byte) error {
	entry, value, err := v.shape.AppendIndexKey(v.entry[:0], ix.Index, v.row, k)
	if err != nil {
		return v.found(ix, k, "the row has no entry: %v", err)
	}
	v.entry = entry
	got, found, err := v.tables.txn.Get(ix.space, v.stored[:0], entry)
	v.stored = got
	switch {
	case err != nil:
		return err
	case !found:
		return v.found(ix, entry, "the entry of row %s is missing", key.Format(k))
	case !bytes.Equal(got, value):
		return v.found(ix, entry, "the entry of row %s has the value %s", key.Format(k), key.Format(got))
	}
	return nil
}

// checkParents looks for the rows that a row refers to.
func (v *verification) checkParents(k []byte) error {
	for i, f := range v.shape.foreign {
		found, err := v.table.hasParent(i, v.row)
		switch {
		case errors.Is(err, catalog.ErrSchema) || errors.Is(err, ErrNoTable):
			err = v.found(nil, k, "foreign key %s: %v", f.Name, err)
		case err == nil && !found:
			err = v.found(nil, k, "%v", v.table.noParent(f, pick(v.row, f.columns)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// index looks at all entries of an index: each must be that of its row. One that is being built may lack some.
func (v *verification) index(ix *index) error {
	return v.tables.each(ix.space, Bounds{}, func(k, value []byte) error {
		if err := v.step(); err != nil {
			return err
		}
		primary, err := v.shape.IndexEntryPrimaryKey(ix.Index, k, value)
		if err != nil {
			return v.found(ix, k, "%v", err)
		}
		stored, found, err := v.tables.txn.Get(v.shape.rows, v.stored[:0], primary)
		v.stored = stored
		if err != nil {
			return err
		}
		if !found {
			return v.found(ix, k, "there is no row %s", key.Format(primary))
		}
		if v.row, err = v.shape.decoder.Decode(v.row[:0], primary, stored); err != nil {
			return v.found(ix, k, "row %s: %v", key.Format(primary), err)
		}
		entry, want, err := v.shape.AppendIndexKey(v.entry[:0], ix.Index, v.row, primary)
		if err != nil {
			return v.found(ix, k, "row %s has no entry: %v", key.Format(primary), err)
		}
		if v.entry = entry; !bytes.Equal(entry, k) || !bytes.Equal(want, value) {
			return v.found(ix, k, "row %s has the entry %s", key.Format(primary), key.Format(entry))
		}
		return nil
	})
}
