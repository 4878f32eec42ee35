package relation

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
)

// Insert inserts a row, of a value for every column in order. A NULL for an identity column is replaced by its next number.
func (t *Table) Insert(values ...catalog.Value) error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.insert(nil, values))
}

// InsertColumns inserts a row of values for some columns, which are given by their places. The others have their defaults.
func (t *Table) InsertColumns(columns []int, values []catalog.Value) error {
	if columns == nil {
		columns = []int{}
	}
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.insert(columns, values))
}

// InsertFields inserts a row of Go values for some columns, by name. The others have their defaults.
func (t *Table) InsertFields(fields map[string]any) error {
	if err := t.ready(); err != nil {
		return err
	}
	columns, values, err := t.shape.fields(fields)
	if err != nil {
		return err
	}
	return t.InsertColumns(columns, values)
}

// fields turns Go values by name into values by place, in order of the places.
func (s *shape) fields(fields map[string]any) (columns []int, values []catalog.Value, err error) {
	for name := range fields {
		at, err := s.place(name)
		if err != nil {
			return nil, nil, err
		}
		columns = append(columns, at)
	}
	slices.Sort(columns)
	for _, at := range columns {
		c := &s.Columns[at]
		v, err := catalog.From(c.Type, fields[c.Name])
		if err != nil {
			return nil, nil, catalog.At(err, s.Name, c.Name)
		}
		values = append(values, v)
	}
	return columns, values, nil
}

// Upsert inserts a row, or replaces all columns of the one that has its primary key.
func (t *Table) Upsert(values ...catalog.Value) error {
	top, err := t.tables.begin()
	if err != nil {
		return err
	}
	return t.tables.end(top, t.upsert(values))
}

func (t *Table) upsert(values []catalog.Value) error {
	if err := t.write(); err != nil {
		return err
	}
	if t.shape.hidden() || len(values) != len(t.shape.Columns) || anyNull(values, t.shape.primary) {
		return t.insert(nil, values)
	}
	primary := pick(values, placesOf(t.shape.primary))
	for i, c := range t.shape.primary {
		var err error
		if primary[i], err = t.shape.coerce(c.at, primary[i]); err != nil {
			return err
		}
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
		return t.insert(nil, values)
	}
	t.row = append(t.row[:0], values...)
	return t.replace(k)
}

// Inserted returns the row that was inserted last, with its defaults and numbers. It is valid until the table is used again.
func (t *Table) Inserted() Row { return Row{shape: t.shape, key: t.key, values: t.row, lent: true} }

func (t *Table) insert(columns []int, values []catalog.Value) error {
	if err := t.write(); err != nil {
		return err
	}
	number, err := t.complete(columns, values)
	if err != nil {
		return err
	}
	if err = t.check(); err != nil {
		return err
	}
	return t.insertCompleted(number)
}

// insertCompleted writes t.row, which is checked; number is what complete has returned.
func (t *Table) insertCompleted(number int64) (err error) {
	if t.key, err = t.newKey(t.key[:0], number); err != nil {
		return err
	}
	if !t.shape.hidden() {
		if err = t.vacant(t.key); err != nil {
			return err
		}
	}
	if err = t.store(t.key); err != nil {
		return err
	}
	for _, ix := range t.shape.indexes {
		var value []byte
		if t.entry, value, err = t.shape.AppendIndexKey(t.entry[:0], ix.Index, t.row, t.key); err != nil {
			return err
		}
		if err := t.addEntry(ix, t.entry, value, nil); err != nil {
			return err
		}
	}
	t.count(1)
	for i := range t.shape.foreign {
		if err := t.checkParent(i, t.row, t.key); err != nil {
			return err
		}
	}
	if t.shape.identity >= 0 && number == 0 {
		return t.passNumber()
	}
	return nil
}

// complete fills t.row from values of some columns, or of all if columns is nil. It returns the number that was given to the
// row, if one was.
func (t *Table) complete(columns []int, values []catalog.Value) (number int64, err error) {
	s := t.shape
	all := columns == nil
	if want := len(columns); all && len(values) != len(s.Columns) || !all && len(values) != want {
		if all {
			want = len(s.Columns)
		}
		return 0, fmt.Errorf("table %s: %w: there are %d columns and %d values", s.Name, ErrArguments, want, len(values))
	}
	if all {
		t.row = append(t.row[:0], values...)
	} else if err := t.completeRest(columns, values); err != nil {
		return 0, err
	}
	if s.identity >= 0 {
		return t.identify()
	}
	return 0, nil
}

// completeRest fills t.row from values of some columns and the defaults of the others.
func (t *Table) completeRest(columns []int, values []catalog.Value) error {
	s := t.shape
	t.row = append(t.row[:0], make([]catalog.Value, len(s.Columns))...)
	t.given = append(t.given[:0], make([]bool, len(s.Columns))...)
	for i, at := range columns {
		if at < 0 || at >= len(s.Columns) || t.given[at] {
			return fmt.Errorf("table %s: %w: column %d is not there, or is given twice", s.Name, ErrArguments, at)
		}
		t.row[at], t.given[at] = values[i], true
	}
	for i, e := range s.defaults {
		if t.given[i] || e == nil {
			continue
		}
		v, err := t.tables.evaluate(e, nil)
		if err != nil {
			return fmt.Errorf("table %s, default of column %s: %w", s.Name, s.Columns[i].Name, err)
		}
		t.row[i] = v
	}
	return nil
}

// identify gives the row its number, unless it has one.
func (t *Table) identify() (number int64, err error) {
	s := t.shape
	c := &s.Columns[s.identity]
	v := t.row[s.identity]
	switch {
	case v.IsNull():
		number, err = t.nextNumber()
		t.row[s.identity] = catalog.Int(number)
	case c.Identity == catalog.IdentityAlways && !t.takeGiven:
		err = &ConstraintError{Kind: ErrIdentity, Table: s.Name, Columns: []string{c.Name}, Values: []catalog.Value{v.Clone()}}
	}
	return number, err
}

func (t *Table) nextNumber() (int64, error) {
	number, err := t.sequence.next(t.tables.ctx, t.tables.catalog.db)
	if err != nil {
		return 0, fmt.Errorf("table %s: %w", t.shape.Name, err)
	}
	return number, nil
}

// passNumber moves the sequence on behind the number that t.row was given. It comes last, as nothing moves the sequence back
// if the row is refused.
func (t *Table) passNumber() error {
	return t.sequence.moveOn(t.tables.ctx, t.tables.catalog.db, t.row[t.shape.identity].AsInt())
}

// check makes the values of t.row ones of the types of their columns, and checks what concerns the row alone.
func (t *Table) check() error {
	s := t.shape
	for i, v := range t.row {
		if v.IsNull() {
			if s.notNull[i] {
				return &ConstraintError{
					Kind: ErrNotNull, Table: s.Name, Columns: []string{s.Columns[i].Name}, Values: []catalog.Value{v},
				}
			}
			continue
		}
		if !s.simple[i] || v.Kind() != s.Columns[i].Type.Kind {
			var err error
			if v, err = s.coerce(i, v); err != nil {
				return err
			}
			t.row[i] = v
		}
		if v.Kind() == catalog.Float64 && v.AsFloat() == 0 {
			t.row[i] = catalog.Float(0) // keys have no -0, and a row must be the same from an index
		}
	}
	return t.tables.checkRow(s, t.row, s.checks)
}

// checkRow has a row checked by the checks of a table, or by some of them and nil for the others.
func (t *Tables) checkRow(s *shape, row []catalog.Value, checks []expression) error {
	for i, e := range checks {
		if e == nil {
			continue
		}
		v, err := t.evaluate(e, row)
		if err != nil {
			return fmt.Errorf("table %s, check %s: %w", s.Name, s.Checks[i].Name, err)
		}
		if v.IsNull() || v.AsBool() {
			continue
		}
		all := everyColumn(s.Table)
		return &ConstraintError{
			Kind: ErrCheck, Table: s.Name, Constraint: s.Checks[i].Name, Columns: s.names(all), Values: pick(row, all),
			Why: fmt.Sprintf("%s is false for (%s)", s.Checks[i].Expr, formatValues(row)),
		}
	}
	return nil
}

// newKey appends the primary key of t.row. A row that is found by a hidden id gets number, or if that is 0 another one.
func (t *Table) newKey(dst []byte, number int64) ([]byte, error) {
	if !t.shape.hidden() {
		return t.shape.AppendPrimaryKey(dst, t.row)
	}
	if number == 0 {
		var err error
		if number, err = t.nextNumber(); err != nil {
			return dst, err
		}
	}
	return catalog.AppendRowID(dst, number), nil
}

// vacant checks that there is no row of a primary key.
func (t *Table) vacant(k []byte) error {
	var found bool
	var err error
	t.value, found, err = t.tables.txn.Get(t.shape.rows, t.value[:0], k)
	if err != nil || !found {
		return err
	}
	places := placesOf(t.shape.primary)
	return &ConstraintError{
		Kind: ErrUnique, Table: t.shape.Name, Constraint: "primary key",
		Columns: t.shape.names(places), Values: pick(t.row, places),
	}
}

// store writes t.row.
func (t *Table) store(k []byte) error {
	var err error
	if t.value, err = t.shape.AppendRow(t.value[:0], t.row); err != nil {
		return err
	}
	return t.tables.txn.Put(t.shape.rows, k, t.value)
}

// addEntry adds an entry for t.row to an index. In a unique one it may take the place of one of the row of key own.
func (t *Table) addEntry(ix *index, k, value, own []byte) error {
	if err := t.shape.fits(ix, k, value); err != nil {
		return err
	}
	if ix.Unique && !anyNull(t.row, ix.columns) {
		// While the index is being built, an entry that is there is right: its row and it were written by one transaction.
		var found bool
		var err error
		t.parentData, found, err = t.tables.txn.Get(ix.space, t.parentData[:0], k)
		if err != nil {
			return err
		}
		if found && !bytes.Equal(t.parentData, own) {
			return t.shape.notUnique(ix, t.row, t.parentData, nil)
		}
	}
	return t.tables.txn.Put(ix.space, k, value)
}

// notUnique returns the error of a row that has the values of another one, and perhaps keys of its own.
func (s *shape) notUnique(ix *index, row []catalog.Value, keys ...[]byte) error {
	places := placesOf(ix.columns)
	e := &ConstraintError{
		Kind: ErrUnique, Table: s.Name, Constraint: ix.Name, Columns: s.names(places), Values: pick(row, places),
	}
	for _, k := range keys {
		if k == nil {
			continue
		}
		values, err := s.keyValues(bytes.Clone(k))
		if err != nil {
			return fmt.Errorf("table %s, index %s: %w: the entry has no key of a row: %w", s.Name, ix.Name, ErrIndexDamaged, err)
		}
		e.Keys = append(e.Keys, values)
	}
	return e
}

// An EntryError says which value is too long for an index. It matches ErrEntryTooLong.
type EntryError struct {
	Table, Index string
	Columns      []string
	Bytes        int // of the entry
}

// Error implements error.
func (e *EntryError) Error() string {
	return fmt.Sprintf("table %s, index %s over %v: %v: the entry has %d bytes, a B+Tree takes %d; "+
		"create the index with USING lsm for longer ones", e.Table, e.Index, e.Columns, ErrEntryTooLong, e.Bytes, MaxTreeEntry)
}

// Is makes an EntryError match ErrEntryTooLong.
func (*EntryError) Is(target error) bool { return target == ErrEntryTooLong }

// fits checks that an entry is not too long for an index.
func (s *shape) fits(ix *index, k, value []byte) error {
	if n := len(k) + len(value); ix.space.Tree && n > MaxTreeEntry {
		return &EntryError{s.Name, ix.Name, s.names(placesOf(ix.columns)), n}
	}
	return nil
}
