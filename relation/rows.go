package relation

import (
	"bytes"
	"iter"

	"github.com/middb/middb/catalog"
)

// A Row is a row of a table, or some columns of it. One that Get returns is its caller's; one of a cursor is lent until the
// cursor moves, but for the values that Value and Lookup return.
type Row struct {
	shape   *shape
	columns []int // places of the values; nil: all
	key     []byte
	values  []catalog.Value
	lent    bool // texts are in memory of the cursor
}

// Values returns the values, in the order of the columns that were asked for, or of those of the table. Of a row that is lent
// they are, too: see Clone.
func (r Row) Values() []catalog.Value { return r.values }

// Columns returns the names of the columns of Values.
func (r Row) Columns() []string {
	switch {
	case r.shape == nil: // the zero Row
		return nil
	case r.columns == nil:
		return r.shape.names(everyColumn(r.shape.Table))
	default:
		return r.shape.names(r.columns)
	}
}

// Value returns the value of a column, which is its caller's; NULL if there is no such column, see Lookup.
func (r Row) Value(column string) catalog.Value {
	v, _ := r.Lookup(column)
	return v
}

// Lookup returns the value of a column, and whether the row has that column.
func (r Row) Lookup(column string) (catalog.Value, bool) {
	at, ok := r.at(column)
	switch {
	case !ok:
		return catalog.Null(), false
	case r.lent:
		return r.values[at].Clone(), true
	default:
		return r.values[at], true
	}
}

func (r Row) at(column string) (int, bool) {
	if r.shape == nil {
		return 0, false
	}
	_, place, found := r.shape.Column(column)
	if !found || r.columns == nil {
		return place, found
	}
	for i, at := range r.columns {
		if at == place {
			return i, true
		}
	}
	return 0, false
}

// Key returns the primary key, or the number by which a row is found that has none: what Get, Update and Delete take.
func (r Row) Key() []catalog.Value {
	if r.shape == nil {
		return nil
	}
	values, err := r.shape.keyValues(bytes.Clone(r.key))
	if err != nil {
		return nil // the row was found by it, and so it is one
	}
	return values
}

// Set gives a column a Go value, in a row that is being updated.
func (r *Row) Set(column string, value any) error {
	at, ok := r.at(column)
	if !ok {
		return &NameError{ErrNoColumn, r.shape.Name, column}
	}
	place := at
	if r.columns != nil {
		place = r.columns[at]
	}
	c := &r.shape.Columns[place]
	v, err := catalog.From(c.Type, value)
	if err != nil {
		return catalog.At(err, r.shape.Name, c.Name)
	}
	r.values[at] = v
	return nil
}

// Clone returns a copy that is its caller's.
func (r Row) Clone() Row {
	values := make([]catalog.Value, len(r.values))
	for i, v := range r.values {
		values[i] = v.Clone()
	}
	return Row{shape: r.shape, columns: r.columns, key: bytes.Clone(r.key), values: values}
}

// Rows is a cursor over rows. It shows the table as it was when the cursor was made. It is closed before the transaction
// ends.
type Rows struct {
	table *Table
	shape *shape
	index *index // nil: over the table
	it    Iterator
	begun bool
	ended bool
	left  int // how many may still come; below 0: any number
	err   error

	columns []int // nil: all
	decoder *catalog.RowDecoder
	covered *covered // the index has all that is asked for
	primary []byte   // of the row
	stored  []byte
	values  []catalog.Value
}

// Next moves to the next row, the first one at first. It reports whether there is one; if not, Err says whether that is
// because of an error.
func (r *Rows) Next() bool {
	if r.err != nil || r.left == 0 {
		return false
	}
	ok := false
	if r.begun {
		ok = r.it.Next()
	} else {
		r.begun = true
		ok = r.it.First()
	}
	if !ok {
		r.err, r.left = r.it.Err(), 0
		return false
	}
	r.left--
	r.err = r.load()
	return r.err == nil
}

// load makes the values of what the iterator is at.
func (r *Rows) load() (err error) {
	switch {
	case r.index == nil:
		r.primary = r.it.Key()
		r.values, err = r.decoder.Decode(r.values[:0], r.primary, r.it.Value())
	case r.covered != nil:
		r.values, r.primary, err = r.covered.decode(r.values[:0], r.it.Key(), r.it.Value())
	default:
		err = r.loadThroughIndex()
	}
	return err
}

func (r *Rows) loadThroughIndex() (err error) {
	ix := r.index
	if r.primary, err = r.shape.IndexEntryPrimaryKey(ix.Index, r.it.Key(), r.it.Value()); err != nil {
		return err
	}
	var found bool
	if r.stored, found, err = r.table.tables.txn.Get(r.shape.rows, r.stored[:0], r.primary); err != nil {
		return err
	}
	if !found {
		return r.shape.damaged(ix, r.it.Key(), "it has an entry for a row that is not there")
	}
	r.values, err = r.decoder.Decode(r.values[:0], r.primary, r.stored)
	return err
}

// Row returns the row, until the cursor moves.
func (r *Rows) Row() Row {
	return Row{shape: r.shape, columns: r.columns, key: r.primary, values: r.values, lent: true}
}

// Values returns the values of the row, until the cursor moves.
func (r *Rows) Values() []catalog.Value { return r.values }

// key returns the primary key of the row as it is stored, until the cursor moves.
func (r *Rows) key() []byte { return r.primary }

// IndexOnly reports whether the rows are read from the index alone.
func (r *Rows) IndexOnly() bool { return r.covered != nil }

// Err returns why the rows have come to an end too early, or nil.
func (r *Rows) Err() error { return r.err }

// Close ends the reading. It may be called again.
func (r *Rows) Close() error {
	r.left = 0
	if r.ended {
		return nil
	}
	r.ended = true
	return r.it.Close()
}

// All returns the rows that are left, and closes the cursor. An error comes last, with no row.
func (r *Rows) All() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for r.Next() {
			if !yield(r.Row(), nil) {
				_ = r.Close()
				return
			}
		}
		err := r.Err()
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			yield(Row{}, err)
		}
	}
}
