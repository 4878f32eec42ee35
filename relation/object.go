package relation

import (
	"bytes"
	"fmt"
	"slices"
)

// The kinds of objects whose names are those of tables too: a transaction that makes a table and one that makes a view of
// the same name conflict. Whoever keeps other objects chooses a kind of its own, without a slash.
const (
	ViewObject     = "view"
	SequenceObject = "sequence"
)

// tableLike are the kinds that share the names of tables.
var tableLike = [...]string{ViewObject, SequenceObject}

// An Object is something with a name that is kept beside the tables.
type Object struct {
	Name  string
	Value []byte
}

func objectKey(kind, name string) []byte { return []byte(objectPrefix + kind + "/" + name) }

// Object returns the value of an object, in memory of its caller.
func (t *Tables) Object(kind, name string) (value []byte, found bool, err error) {
	return t.txn.Get(catalogSpace, nil, objectKey(kind, name))
}

// PutObject stores an object, in place of one of the same kind and name if there is one. Two transactions that store or delete
// the same one conflict. The name of a view or a sequence must not be that of a table, or of the other kind.
func (t *Tables) PutObject(kind, name string, value []byte) error {
	if slices.Contains(tableLike[:], kind) {
		if err := t.unnamed(kind, name); err != nil {
			return err
		}
	}
	t.change()
	return t.txn.Put(catalogSpace, objectKey(kind, name), value)
}

// DeleteObject removes an object, if it is there.
func (t *Tables) DeleteObject(kind, name string) error {
	t.change()
	return t.txn.Delete(catalogSpace, objectKey(kind, name))
}

// Objects returns the objects of a kind, by name.
func (t *Tables) Objects(kind string) (list []Object, err error) {
	prefix := objectPrefix + kind + "/"
	err = t.eachKey(prefix, func(k, v []byte) error {
		list = append(list, Object{string(k[len(prefix):]), bytes.Clone(v)})
		return nil
	})
	return list, err
}

// unnamed checks that nothing has a name of what shares those of tables, but for an object of this kind, and has the
// transaction depend on that. An empty kind is that of tables.
func (t *Tables) unnamed(kind, name string) error {
	if kind != "" {
		id, err := t.lookup(name)
		if err != nil {
			return err
		}
		if id != 0 {
			return &NameError{Kind: ErrTableExists, Table: name}
		}
		t.txn.DependOn(catalogSpace, nameKey(name))
	}
	for _, other := range tableLike {
		if other == kind {
			continue
		}
		k := objectKey(other, name)
		_, found, err := t.txn.Get(catalogSpace, nil, k)
		if err != nil {
			return err
		}
		if found {
			return fmt.Errorf("there is a %s of this name: %w", other, &NameError{Kind: ErrTableExists, Table: name})
		}
		t.txn.DependOn(catalogSpace, k)
	}
	return nil
}

// Statistics returns what PutStatistics has stored of the table with an id, nil if there is nothing.
func (t *Tables) Statistics(id uint32) ([]byte, error) {
	v, _, err := t.txn.Get(catalogSpace, nil, idKey(statisticsPrefix, id))
	return v, err
}

// PutStatistics stores what somebody has found out about the rows of a table, in whatever form. It goes with the table. It
// does not conflict with who writes rows.
func (t *Tables) PutStatistics(table string, value []byte) error {
	h, err := t.Table(table)
	if err != nil {
		return err
	}
	h.depend()
	t.change()
	return t.txn.Put(catalogSpace, idKey(statisticsPrefix, h.id), value)
}
