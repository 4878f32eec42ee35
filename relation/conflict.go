package relation

import (
	"bytes"
	"fmt"

	"github.com/middb/middb/catalog"
)

// InsertOptions say how a row is inserted by InsertWith. The zero value is what InsertColumns does.
type InsertOptions struct {
	// Given has values for a column that is GENERATED ALWAYS be taken.
	Given bool
	// Unless has a row with the same values in the way be no error: in the index of the name Index, or in the primary key if
	// that is empty; or, with Any, in whatever is unique.
	Unless, Any bool
	Index       string
}

// InsertWith inserts a row of values for some columns, of all if columns is nil. If one is in the way that may be, nothing is
// written and its key is returned: what Update and Delete take. Inserted then returns the row that was to be.
func (t *Table) InsertWith(columns []int, values []catalog.Value, o InsertOptions) (inTheWay []catalog.Value, err error) {
	top, err := t.tables.begin()
	if err != nil {
		return nil, err
	}
	t.takeGiven = o.Given
	defer func() { t.takeGiven = false }()
	if !o.Unless {
		return nil, t.tables.end(top, t.insert(columns, values))
	}
	inTheWay, err = t.insertUnless(columns, values, o)
	return inTheWay, t.tables.end(top, err)
}

func (t *Table) insertUnless(columns []int, values []catalog.Value, o InsertOptions) (inTheWay []catalog.Value, err error) {
	if err = t.write(); err != nil {
		return nil, err
	}
	number, err := t.complete(columns, values)
	if err != nil {
		return nil, err
	}
	if err = t.check(); err != nil {
		return nil, err
	}
	if k, err := t.obstacle(o); err != nil || k != nil {
		return k, err
	}
	return nil, t.insertCompleted(number)
}

// obstacle returns the key of a row that has the values of t.row in something unique, or nil.
func (t *Table) obstacle(o InsertOptions) ([]catalog.Value, error) {
	s := t.shape
	var err error
	if !s.hidden() && (o.Any || o.Index == "") {
		if t.key, err = s.AppendPrimaryKey(t.key[:0], t.row); err != nil {
			return nil, err
		}
		var found bool
		if t.value, found, err = t.tables.txn.Get(s.rows, t.value[:0], t.key); err != nil {
			return nil, err
		}
		if found {
			return s.keyValues(bytes.Clone(t.key))
		}
	}
	for _, ix := range s.indexes {
		if !ix.Unique || !o.Any && ix.Name != o.Index || anyNull(t.row, ix.columns) {
			continue
		}
		if t.entry, _, err = s.AppendIndexKey(t.entry[:0], ix.Index, t.row, t.key); err != nil {
			return nil, err
		}
		var found bool
		if t.parentData, found, err = t.tables.txn.Get(ix.space, t.parentData[:0], t.entry); err != nil {
			return nil, err
		}
		if found {
			return s.keyValues(bytes.Clone(t.parentData))
		}
	}
	return nil, nil
}

// Default returns the value that a column has in a row that is inserted without one: of an identity column, the next number.
func (t *Table) Default(column int) (catalog.Value, error) {
	if err := t.write(); err != nil {
		return catalog.Null(), err
	}
	s := t.shape
	switch {
	case column < 0 || column >= len(s.Columns):
		return catalog.Null(), fmt.Errorf("table %s: %w: there is no column %d", s.Name, ErrArguments, column)
	case column == s.identity:
		n, err := t.nextNumber()
		return catalog.Int(n), err
	case s.defaults[column] == nil:
		return catalog.Null(), nil
	}
	v, err := t.tables.evaluate(s.defaults[column], nil)
	if err != nil {
		return v, fmt.Errorf("table %s, default of column %s: %w", s.Name, s.Columns[column].Name, err)
	}
	return v, nil
}
