package relation

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// Tables are the tables as one transaction sees them. It is for the goroutine that has the transaction, and is made anew for
// every run of it.
type Tables struct {
	catalog *Catalog
	ctx     context.Context
	txn     Txn

	generation uint64 // counts what may have changed schemas in this transaction, from 0
	announced  uint64 // counts calls of change
	changes    bool   // schemas or named objects, perhaps
	versioned  Versioned
	handles    []*Table
	first      Table // the first of them
	statement  statement
	dropped    []uint32
	broken     error // why a statement could not be taken back

	sequences   expr.Sequences // of defaults; nil: plainSequences
	environment expr.Env       // of expressions
	asked       bool           // environment is made
}

// Table returns a table. What it returns stays good as long as the transaction lasts and the table is there.
func (t *Tables) Table(name string) (*Table, error) {
	id, err := t.lookup(name)
	if err != nil {
		return nil, err
	}
	if id == 0 {
		return nil, &NameError{Kind: ErrNoTable, Table: name}
	}
	return t.handle(id)
}

// Schema returns the schema of a table.
func (t *Tables) Schema(name string) (*catalog.Table, error) {
	h, err := t.Table(name)
	if err != nil {
		return nil, err
	}
	return h.shape.Table, nil
}

// List returns the schemas of all tables, by name.
func (t *Tables) List() ([]*catalog.Table, error) {
	var ids []uint32
	err := t.eachKey(namePrefix, func(_, v []byte) error {
		if len(v) != 4 {
			return &catalog.DamageError{What: "id of a table", Why: fmt.Sprintf("it has %d bytes", len(v))}
		}
		ids = append(ids, binary.BigEndian.Uint32(v))
		return nil
	})
	var out []*catalog.Table
	for _, id := range ids {
		h, handleErr := t.handle(id)
		if handleErr != nil {
			return nil, errors.Join(err, handleErr)
		}
		out = append(out, h.shape.Table)
	}
	return out, err
}

// Invalidate is called when somebody else has rolled the transaction back to a savepoint: schemas may be others now.
func (t *Tables) Invalidate() { t.generation++ }

// Err returns why a statement that failed could not be taken back, or nil. If there is an error, the transaction must not be
// committed: it may hold half a statement.
func (t *Tables) Err() error { return t.broken }

// lookup returns the id of a table, 0 if there is none of this name.
func (t *Tables) lookup(name string) (uint32, error) {
	k := t.recent()
	if k != nil {
		if id := k.names[name]; id != 0 {
			return id, nil
		}
	}
	id, err := number(t.txn, nameKey(name))
	if id != 0 && err == nil {
		t.remember(name, uint32(id), nil)
	}
	return uint32(id), err
}

// handle returns the table of an id.
func (t *Tables) handle(id uint32) (*Table, error) {
	for _, h := range t.handles {
		if h.id == id {
			return h, h.ready()
		}
	}
	h := &t.first
	if h.tables != nil {
		h = new(Table)
	}
	h.tables, h.id, h.generation = t, id, t.generation-1
	if err := h.ready(); err != nil {
		h.tables = nil
		return nil, err
	}
	t.handles = append(t.handles, h)
	return h, nil
}

// references returns the ids of the tables that have a foreign key to this one.
func (t *Tables) references(id uint32) ([]uint32, error) {
	k := idKey(referencesPrefix, id)
	v, found, err := t.txn.Get(catalogSpace, nil, k)
	if err != nil || !found {
		return nil, err
	}
	if len(v)%4 != 0 {
		return nil, &catalog.DamageError{What: "list of references", Why: fmt.Sprintf("it has %d bytes", len(v))}
	}
	out := make([]uint32, 0, len(v)/4)
	for ; len(v) > 0; v = v[4:] {
		out = append(out, binary.BigEndian.Uint32(v))
	}
	return out, nil
}

// setReference notes that the child has foreign keys to the parent, or that it has none any more. Who deletes or changes
// keys of the parent depends on this key.
func (t *Tables) setReference(parent, child uint32, present bool) error {
	ids, err := t.references(parent)
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id uint32) bool { return id == child })
	if present {
		ids = append(ids, child)
		slices.Sort(ids)
	}
	var v []byte
	for _, id := range ids {
		v = binary.BigEndian.AppendUint32(v, id)
	}
	return t.txn.Put(catalogSpace, idKey(referencesPrefix, parent), v)
}

// storedEstimate returns about how many rows a table has, without those of this transaction.
func (t *Tables) storedEstimate(id uint32) (int64, error) {
	return t.catalog.estimate(id, func() (uint64, error) { return number(t.txn, idKey(rowsPrefix, id)) })
}
