package relation

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
)

// A target is where the row that a foreign key means is found: under the key of these columns of the child, in a space of
// the parent, its rows or a unique index.
type target struct {
	parent  *Table
	space   Space
	columns []keyColumn
}

// A reference is a foreign key of another table, or of the same, to this one.
type reference struct {
	child        *Table
	foreign      *foreignKey
	number       int   // of the foreign key in the child
	parentPlaces []int // of its columns in the parent
}

// A removal is values of a parent that are gone, or have become others.
type removal struct {
	parent *Table
	reference
	from, to []catalog.Value // to is nil if the row was deleted
}

// deletes reports whether the children are deleted.
func (r *removal) deletes() bool { return r.to == nil && r.foreign.OnDelete == catalog.Cascade }

// action returns what becomes of the children.
func (r *removal) action() catalog.Action {
	if r.to == nil {
		return r.foreign.OnDelete
	}
	return r.foreign.OnUpdate
}

// An orphan is a row whose parent was not there when it was written. It may come before the statement ends.
type orphan struct {
	child   *Table
	foreign int
	key     []byte
	values  []catalog.Value
}

// bindParent finds where the rows that a foreign key means are found: by the primary key of the parent, or by a unique index.
func bindParent(child, parent *shape, f *foreignKey) (target, error) {
	wrong := func(why string) (target, error) {
		return target{}, fmt.Errorf("%w: table %s, foreign key %s to table %s: %s", catalog.ErrSchema, child.Name, f.Name, parent.Name, why)
	}
	places, err := parent.places(f.ParentColumns)
	if err != nil {
		return target{}, err
	}
	if len(places) != len(f.columns) || len(places) == 0 {
		return wrong("it has another number of columns than it refers to")
	}
	for i, at := range f.columns {
		if a, b := child.Columns[at].Type, parent.Columns[places[i]].Type; !sameKey(a, b) {
			return wrong(fmt.Sprintf("column %s is a %s, column %s of the parent a %s", child.Columns[at].Name, a,
				parent.Columns[places[i]].Name, b))
		}
	}
	if columns, ok := through(parent.primary, places, f.columns); ok {
		return target{space: parent.rows, columns: columns}, nil
	}
	for _, ix := range parent.indexes {
		if ix.Unique && ix.State == catalog.Ready {
			if columns, ok := through(ix.columns, places, f.columns); ok {
				return target{space: ix.space, columns: columns}, nil
			}
		}
	}
	return wrong("the columns of the parent are neither its primary key nor a unique index that is ready")
}

// through turns a key over exactly the places into one over the columns that stand for them.
func through(columns []keyColumn, places, stand []int) ([]keyColumn, bool) {
	if len(columns) != len(places) {
		return nil, false
	}
	out := slices.Clone(columns)
	for i, c := range columns {
		at := slices.Index(places, c.at)
		if at < 0 {
			return nil, false
		}
		out[i].at = stand[at]
	}
	return out, true
}

// appendRowKey appends the key that the columns make of a row, or reports that one is NULL.
func appendRowKey(dst []byte, columns []keyColumn, row []catalog.Value) (k []byte, complete bool) {
	for _, c := range columns {
		if row[c.at].IsNull() {
			return dst, false
		}
		dst = catalog.AppendKeyValue(dst, row[c.at], c.order)
	}
	return dst, true
}

// parent returns where the rows of foreign key number i are found.
func (t *Table) parent(i int) (*target, error) {
	p := &t.parents[i]
	if p.parent != nil {
		return p, nil
	}
	f := t.shape.foreign[i]
	h, err := t.tables.handle(f.Parent)
	if err != nil {
		return nil, err
	}
	if *p, err = bindParent(t.shape, h.shape, f); err != nil {
		return nil, err
	}
	p.parent = h
	return p, nil
}

// checkParent checks foreign key number i of a row that was written under key k. If there is no parent the check is
// repeated at the end of the statement.
func (t *Table) checkParent(i int, row []catalog.Value, k []byte) error {
	found, err := t.hasParent(i, row)
	if err != nil || found {
		return err
	}
	t.tables.statement.orphans = append(t.tables.statement.orphans,
		orphan{t, i, bytes.Clone(k), pick(row, t.shape.foreign[i].columns)})
	return nil
}

// hasParent reports whether foreign key number i of a row holds. The transaction depends on the parent: on the one key that
// its deletion would write.
func (t *Table) hasParent(i int, row []catalog.Value) (bool, error) {
	p, err := t.parent(i)
	if err != nil {
		return false, err
	}
	k, complete := appendRowKey(t.parentKey[:0], p.columns, row)
	t.parentKey = k
	if !complete {
		return true, nil
	}
	p.parent.depend()
	t.tables.txn.DependOn(p.space, k)
	var found bool
	t.parentData, found, err = t.tables.txn.Get(p.space, t.parentData[:0], k)
	return found, err
}

// referring returns the foreign keys that refer to the table. The transaction depends on that there are no others.
func (t *Table) referring() ([]reference, error) {
	if t.knows {
		return t.children, nil
	}
	t.tables.txn.DependOn(catalogSpace, idKey(referencesPrefix, t.id))
	ids, err := t.tables.references(t.id)
	if err != nil {
		return nil, err
	}
	var out []reference
	for _, id := range ids {
		child, err := t.tables.handle(id)
		if err != nil {
			return nil, err
		}
		for i, f := range child.shape.foreign {
			if f.Parent != t.id {
				continue
			}
			places, err := t.shape.places(f.ParentColumns)
			if err != nil {
				return nil, err
			}
			out = append(out, reference{child, f, i, places})
		}
	}
	t.children, t.knows = out, true
	return out, nil
}

// settle does what the statement has left to do: first rows are deleted with their parents, then others get the values of
// their parents or NULL. When all that has come to an end, nothing may refer to what is gone.
func (t *Tables) settle() error {
	s := &t.statement
	for {
		r := s.nextRemoval()
		if r == nil {
			break
		}
		if err := follow(*r); err != nil {
			return err
		}
	}
	for i := range s.removed {
		if err := t.checkRemoved(&s.removed[i]); err != nil {
			return err
		}
	}
	for _, o := range s.orphans {
		if err := t.checkOrphan(o); err != nil {
			return err
		}
	}
	s.removed, s.orphans, s.deletions, s.changes = s.removed[:0], s.orphans[:0], 0, 0
	return nil
}

// nextRemoval returns a removal whose children are still to be dealt with, or nil. Deletions come first: what they delete
// need not be changed.
func (s *statement) nextRemoval() *removal {
	for s.deletions < len(s.removed) {
		r := &s.removed[s.deletions]
		s.deletions++
		if r.deletes() {
			return r
		}
	}
	for s.changes < len(s.removed) {
		r := &s.removed[s.changes]
		s.changes++
		if !r.deletes() && r.action() != catalog.Restrict {
			return r
		}
	}
	return nil
}

// follow deletes or changes the rows that refer to what is gone.
func follow(r removal) error {
	keys, err := r.child.refersTo(r.reference, r.from, 0)
	if err != nil {
		return err
	}
	for _, k := range keys {
		switch {
		case r.action() == catalog.SetNull:
			err = r.child.changeWithParent(k, r.reference, r.from, nil)
		case r.to == nil:
			err = r.child.deleteWithParent(k, r.reference, r.from)
		default:
			err = r.child.changeWithParent(k, r.reference, r.from, r.to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkRemoved checks that no row refers to what is gone, unless another row has the values now.
func (t *Tables) checkRemoved(r *removal) error {
	keys, err := r.child.refersTo(r.reference, r.from, 1)
	if err != nil || len(keys) == 0 {
		return err
	}
	row := make([]catalog.Value, len(r.child.shape.Columns))
	for i, at := range r.foreign.columns {
		row[at] = r.from[i]
	}
	again, err := r.child.hasParent(r.number, row)
	if err != nil || again {
		return err
	}
	child, err := r.child.shape.keyValues(keys[0])
	if err != nil {
		return err
	}
	return &ConstraintError{
		Kind: ErrForeignKey, Table: r.parent.shape.Name, Constraint: r.foreign.Name, Columns: r.parent.shape.names(r.parentPlaces),
		Values: r.from, Other: r.child.shape.Name,
		Why: fmt.Sprintf("row (%s) of table %s refers to it", formatValues(child), r.child.shape.Name),
	}
}

// checkOrphan checks that a row has its parent now, if it still refers to it.
func (t *Tables) checkOrphan(o orphan) error {
	f := o.child.shape.foreign[o.foreign]
	found, err := o.child.readOld(o.key)
	if err != nil || !found {
		return err
	}
	for i, at := range f.columns {
		if o.child.old[at].IsNull() || catalog.Compare(o.child.old[at], o.values[i]) != 0 {
			return nil // what it has become was checked by itself
		}
	}
	if found, err := o.child.hasParent(o.foreign, o.child.old); err != nil || found {
		return err
	}
	return o.child.noParent(f, o.values)
}

// noParent returns the error of a row without a parent.
func (t *Table) noParent(f *foreignKey, values []catalog.Value) error {
	parent := fmt.Sprintf("number %d", f.Parent)
	if h, err := t.tables.handle(f.Parent); err == nil {
		parent = h.shape.Name
	}
	return &ConstraintError{
		Kind: ErrForeignKey, Table: t.shape.Name, Constraint: f.Name, Columns: t.shape.names(f.columns), Values: values,
		Other: parent, Why: fmt.Sprintf("table %s has no such row", parent),
	}
}
