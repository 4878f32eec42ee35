package relation

import (
	"fmt"

	"github.com/middb/middb/catalog"
)

// A Table reads and writes the rows of a table in a transaction.
type Table struct {
	tables     *Tables
	id         uint32
	generation uint64
	shape      *shape
	sequence   *sequence
	parents    []target // of the foreign keys, as far as they are known
	children   []reference
	knows      bool // children
	depends    bool // on the schema
	writes     bool
	takeGiven  bool  // InsertOptions.Given
	added      int64 // rows, by statements that have succeeded
	adding     int64 // by the statement under way

	// Memory that is used again. No callback runs while it is in use.
	row, old              []catalog.Value
	given                 []bool
	key, oldKey           []byte
	stored, value         []byte
	entry, oldEntry       []byte
	parentKey, parentData []byte
}

// ready has the table be as its schema is now.
func (t *Table) ready() error {
	if t.generation == t.tables.generation {
		return nil
	}
	if k := t.tables.recent(); k != nil && k.shapes[t.id] != nil {
		t.become(k.shapes[t.id])
		return nil
	}
	k := idKey(tablePrefix, t.id)
	encoded, found, err := t.tables.txn.Get(catalogSpace, nil, k)
	if err != nil {
		return err
	}
	if !found {
		name := fmt.Sprintf("number %d", t.id)
		if t.shape != nil {
			name = t.shape.Name
		}
		return &NameError{Kind: ErrNoTable, Table: name}
	}
	s, err := t.tables.catalog.shape(t.id, encoded)
	if err != nil {
		return err
	}
	t.tables.remember("", t.id, s)
	t.become(s)
	return nil
}

// become gives the table the schema that the transaction sees.
func (t *Table) become(s *shape) {
	t.shape = s
	t.parents = append(t.parents[:0], make([]target, len(s.foreign))...)
	t.children, t.knows = nil, false
	t.generation = t.tables.generation
}

func everyColumn(t *catalog.Table) []int {
	out := make([]int, len(t.Columns))
	for i := range out {
		out[i] = i
	}
	return out
}

// depend has the transaction depend on the schema: what it writes, or relies on, is right as long as that stays.
func (t *Table) depend() {
	if !t.depends {
		t.depends = true
		t.tables.txn.DependOn(catalogSpace, t.shape.key)
	}
}

// write prepares the table for a statement that writes rows.
func (t *Table) write() error {
	if err := t.ready(); err != nil {
		return err
	}
	t.depend()
	if t.writes {
		return nil
	}
	if _, err := t.tables.storedEstimate(t.id); err != nil {
		return err
	}
	if t.sequence == nil {
		t.sequence = t.tables.catalog.sequence(t.id)
	}
	t.writes = true
	return nil
}

// Schema returns the schema of the table.
func (t *Table) Schema() *catalog.Table { return t.shape.Table }

// Get returns the row of a primary key, or ErrRowNotFound.
func (t *Table) Get(primary ...catalog.Value) (Row, error) {
	if err := t.ready(); err != nil {
		return Row{}, err
	}
	k, err := t.shape.appendPrimary(nil, primary)
	if err != nil {
		return Row{}, err
	}
	values, found, err := t.read(k)
	if err != nil {
		return Row{}, err
	}
	if !found {
		return Row{}, t.notFound(k)
	}
	return Row{shape: t.shape, key: k, values: values}, nil
}

// read returns the values of the row of a key, in memory of their own.
func (t *Table) read(k []byte) (row []catalog.Value, found bool, err error) {
	stored, found, err := t.tables.txn.Get(t.shape.rows, nil, k)
	if err != nil || !found {
		return nil, false, err
	}
	row, err = t.shape.decoder.Decode(make([]catalog.Value, 0, len(t.shape.Columns)), k, stored)
	return row, true, err
}

// readOld reads the row of a key into t.old. Its values are valid until the next row is read so.
func (t *Table) readOld(k []byte) (found bool, err error) {
	t.stored, found, err = t.tables.txn.Get(t.shape.rows, t.stored[:0], k)
	if err != nil || !found {
		return false, err
	}
	t.old, err = t.shape.decoder.Decode(t.old[:0], k, t.stored)
	return true, err
}

// A RowError says which row is not there. It matches ErrRowNotFound.
type RowError struct {
	Table string
	Key   []catalog.Value
}

// Error implements error.
func (e *RowError) Error() string {
	return fmt.Sprintf("table %s, key (%s): %v", e.Table, formatValues(e.Key), ErrRowNotFound)
}

// Is makes a RowError match ErrRowNotFound.
func (*RowError) Is(target error) bool { return target == ErrRowNotFound }

func (t *Table) notFound(k []byte) error {
	values, err := t.shape.keyValues(k)
	if err != nil {
		return err
	}
	return &RowError{t.shape.Name, values}
}

// Count counts the rows, by going over their keys.
func (t *Table) Count() (uint64, error) {
	if err := t.ready(); err != nil {
		return 0, err
	}
	n := int64(0)
	err := t.tables.each(t.shape.rows, Bounds{KeysOnly: true}, func(_, _ []byte) error {
		n++
		return nil
	})
	if err == nil {
		t.tables.catalog.setEstimate(t.id, n-t.added-t.adding)
	}
	return uint64(n), err
}

// Estimate returns about how many rows there are, at once. It is counted from what is committed, without regard for what
// this transaction sees; what a crash has cut off since Catalog.SaveEstimates is missing until the next Count.
func (t *Table) Estimate() (uint64, error) {
	n, err := t.tables.storedEstimate(t.id)
	return uint64(max(n+t.added+t.adding, 0)), err
}

func (t *Table) count(delta int64) {
	if t.adding == 0 {
		t.tables.statement.touched = append(t.tables.statement.touched, t)
	}
	t.adding += delta
}
