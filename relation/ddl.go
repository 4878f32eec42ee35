package relation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
)

// lastID is the last id that can be given.
const lastID = 1<<32 - 1

// schemaStatement runs f, which changes schemas, as a statement. Rows that were written before are settled first, by the
// schemas of then.
func (t *Tables) schemaStatement(f func() error) error {
	t.change()
	top, err := t.begin()
	if err != nil {
		return err
	}
	return t.guarded(top, func() error {
		err := t.settle()
		if err == nil {
			err = f()
			t.generation++
		}
		return err
	})
}

// Create creates a table.
func (t *Tables) Create(d *catalog.Definition) error {
	if d == nil {
		return fmt.Errorf("create table: %w: there is no definition", ErrArguments)
	}
	return t.schemaStatement(func() error { return t.create(d) })
}

func (t *Tables) create(d *catalog.Definition) error {
	name := d.Table.Name
	if id, err := t.lookup(name); err != nil {
		return err
	} else if id != 0 {
		return &NameError{Kind: ErrTableExists, Table: name}
	}
	if err := t.unnamed("", name); err != nil {
		return err
	}
	ids, err := t.newIDs(1 + len(d.Table.Indexes))
	if err != nil {
		return err
	}
	table, err := d.Resolve(ids(), ids, t.Schema)
	if err != nil {
		return err
	}
	s, err := newShape(table.Encode())
	if err != nil {
		return err
	}
	if err := t.txn.Put(catalogSpace, nameKey(name), binary.BigEndian.AppendUint32(nil, table.ID)); err != nil {
		return err
	}
	if err := t.txn.Put(catalogSpace, s.key, s.encoded); err != nil {
		return err
	}
	for _, f := range s.foreign {
		if err := t.join(s, f); err != nil {
			return err
		}
	}
	return nil
}

// join checks that a foreign key can refer to its parent, and has the parent know of the child.
func (t *Tables) join(child *shape, f *foreignKey) error {
	parent := child
	if f.Parent != child.ID {
		h, err := t.handle(f.Parent)
		if err != nil {
			return err
		}
		h.depend()
		parent = h.shape
	}
	if _, err := bindParent(child, parent, f); err != nil {
		return err
	}
	return t.setReference(f.Parent, child.ID, true)
}

// newIDs takes n ids. What it returns gives one after the other.
func (t *Tables) newIDs(n int) (next func() uint32, err error) {
	id, err := number(t.txn, []byte(nextIDKey))
	if err != nil {
		return nil, err
	}
	id = max(id, uint64(CatalogSpace)+1)
	if id+uint64(n) > lastID {
		return nil, fmt.Errorf("%w: there are no more ids for tables and indexes", ErrExhausted)
	}
	if n > 0 {
		if err := t.txn.Put(catalogSpace, []byte(nextIDKey), binary.BigEndian.AppendUint32(nil, uint32(id)+uint32(n))); err != nil {
			return nil, err
		}
	}
	return func() uint32 {
		id++
		return uint32(id - 1)
	}, nil
}

// Drop drops a table that no other one refers to.
func (t *Tables) Drop(name string) error {
	return t.schemaStatement(func() error { return t.drop(name) })
}

func (t *Tables) drop(name string) error {
	h, err := t.Table(name)
	if err != nil {
		return err
	}
	s := h.shape
	ids, err := t.references(s.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == s.ID {
			continue
		}
		var child *Table
		if child, err = t.handle(id); err != nil {
			return err
		}
		return fmt.Errorf("table %s: %w: table %s has a foreign key to it; drop that first", name, ErrInUse, child.shape.Name)
	}
	for _, f := range s.foreign {
		if f.Parent != s.ID {
			err = errors.Join(err, t.setReference(f.Parent, s.ID, false))
		}
	}
	for _, ix := range s.indexes {
		err = errors.Join(err, t.txn.Drop(ix.space))
	}
	err = errors.Join(err, t.txn.Drop(s.rows))
	for _, k := range [][]byte{
		nameKey(name), s.key, idKey(referencesPrefix, s.ID), idKey(statisticsPrefix, s.ID),
	} {
		err = errors.Join(err, t.txn.Delete(catalogSpace, k))
	}
	t.dropped = append(t.dropped, s.ID)
	return err
}

// An IndexDefinition is an index before it has an id. A column is "name", "name DESC" or "name ASC NULLS FIRST", as in
// catalog.Builder.
type IndexDefinition struct {
	Name    string
	Columns []string
	Unique  bool
	Using   catalog.Method
}

// index makes an index of a definition, without an id.
func (d IndexDefinition) index(t *catalog.Table) (catalog.Index, error) {
	// The builder reads columns; a table of the same columns has it look them up.
	b := catalog.NewTable(quoted(t.Name))
	for _, c := range t.Columns {
		b.Column(quoted(c.Name), c.Type.String())
	}
	if d.Unique {
		b.UniqueIndex(d.Name, d.Columns...)
	} else {
		b.Index(d.Name, d.Columns...)
	}
	built, err := b.Using(d.Using).Build()
	if err != nil {
		return catalog.Index{}, err
	}
	ix := built.Table.Indexes[0]
	for i, k := range ix.Columns {
		_, at, _ := built.Table.ColumnByID(k.Column)
		ix.Columns[i].Column = t.Columns[at].ID
	}
	if _, found := t.Index(ix.Name); found {
		return ix, &NameError{ErrIndexExists, t.Name, ix.Name}
	}
	return ix, nil
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// CreateIndex adds an index to a table of few rows, within the transaction. Large ones it refuses with ErrTooManyRows; see
// Catalog.BuildIndex.
func (t *Tables) CreateIndex(table string, d IndexDefinition) error {
	return t.Alter(table, func(s *catalog.Table) (*catalog.Table, error) {
		ix, err := d.index(s)
		if err != nil {
			return nil, err
		}
		return s.AddIndex(ix)
	})
}

// DropIndex drops an index that no foreign key needs.
func (t *Tables) DropIndex(table, name string) error {
	return t.Alter(table, func(s *catalog.Table) (*catalog.Table, error) {
		if _, found := s.Index(name); !found {
			return nil, &NameError{ErrNoIndex, s.Name, name}
		}
		return s.DropIndex(name)
	})
}

// AddForeignKey adds a foreign key to a table. All rows must satisfy it.
func (t *Tables) AddForeignKey(table string, r catalog.Reference) error {
	return t.Alter(table, func(s *catalog.Table) (*catalog.Table, error) {
		parent := s
		if r.Parent != s.Name {
			var err error
			if parent, err = t.Schema(r.Parent); err != nil {
				return nil, err
			}
		}
		f, err := s.ForeignKey(r, parent)
		if err != nil {
			return nil, err
		}
		return s.AddForeignKey(f)
	})
}

// AddPrimaryKey makes columns of a table that has no primary key one, if it has few rows; see CreateIndex. All rows are
// written anew.
func (t *Tables) AddPrimaryKey(table string, columns ...string) error {
	return t.Alter(table, func(s *catalog.Table) (*catalog.Table, error) {
		if len(s.PrimaryKey) > 0 {
			return nil, fmt.Errorf("%w: table %s has a primary key", catalog.ErrDuplicate, s.Name)
		}
		ix, err := IndexDefinition{Name: "primary key", Columns: columns}.index(s)
		if err != nil {
			return nil, err
		}
		next, err := s.RenameTable(s.Name) // a copy, of the next version
		if err != nil {
			return nil, err
		}
		next.PrimaryKey = ix.Columns
		stored := slices.Clone(next.Layouts[len(next.Layouts)-1].Columns)
		for _, k := range ix.Columns {
			c, _, _ := next.ColumnByID(k.Column)
			c.NotNull = true
			stored = slices.DeleteFunc(stored, func(s catalog.StoredColumn) bool { return s.ID == k.Column })
		}
		next.Layouts = []catalog.Layout{{Columns: stored}}
		return next, nil
	})
}
