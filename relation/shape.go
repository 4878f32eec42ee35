package relation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// A shape is a schema made ready for use. It does not change; transactions share it.
type shape struct {
	*catalog.Table
	encoded  []byte
	key      []byte // of the schema in the catalog
	rows     Space
	decoder  *catalog.RowDecoder // of all columns
	readings readings
	primary  []keyColumn // empty: a hidden row id
	indexes  []*index
	foreign  []*foreignKey
	checks   []expression
	// By column:
	defaults []expression // nil: NULL
	notNull  []bool
	simple   []bool // a value of the kind needs no cast
	identity int    // the identity column, or -1
}

// A keyColumn is a column of a key: its place in the table, its type there, and how it sorts.
type keyColumn struct {
	at    int
	typ   catalog.Type
	order key.Order
}

// An index is one of a shape.
type index struct {
	*catalog.Index
	space   Space
	columns []keyColumn
}

// A foreignKey is one of a shape.
type foreignKey struct {
	*catalog.ForeignKey
	columns []int // places of its columns
}

// newShape decodes a schema, which it keeps.
func newShape(encoded []byte) (*shape, error) {
	table, err := catalog.DecodeTable(encoded)
	if err != nil {
		return nil, err
	}
	s := &shape{
		Table: table, encoded: encoded, key: idKey(tablePrefix, table.ID), rows: Space{ID: table.ID}, identity: -1,
		decoder:  table.NewRowDecoder(everyColumn(table)),
		defaults: make([]expression, len(table.Columns)),
		notNull:  make([]bool, len(table.Columns)),
		simple:   make([]bool, len(table.Columns)),
	}
	if s.primary, err = s.keyColumns(table.PrimaryKey); err != nil {
		return nil, err
	}
	for i := range table.Columns {
		if err = s.addColumn(i); err != nil {
			return nil, err
		}
	}
	for _, c := range s.primary {
		s.notNull[c.at] = true
	}
	for i := range table.Indexes {
		ix := &index{Index: &table.Indexes[i]}
		ix.space = Space{ID: ix.ID, Tree: ix.Using == catalog.BTree}
		if ix.columns, err = s.keyColumns(ix.Columns); err != nil {
			return nil, err
		}
		s.indexes = append(s.indexes, ix)
	}
	for i := range table.ForeignKeys {
		f := &foreignKey{ForeignKey: &table.ForeignKeys[i]}
		if f.columns, err = s.places(f.Columns); err != nil {
			return nil, err
		}
		s.foreign = append(s.foreign, f)
	}
	for _, c := range table.Checks {
		e, err := compileCheck(table, c.Expr)
		if err != nil {
			return nil, fmt.Errorf("table %s, check %s: %w", table.Name, c.Name, err)
		}
		s.checks = append(s.checks, e)
	}
	return s, nil
}

func (s *shape) addColumn(i int) error {
	c := &s.Columns[i]
	s.notNull[i] = c.NotNull
	switch c.Type.Kind {
	case catalog.Int64, catalog.Float64, catalog.Bool, catalog.Bytes, catalog.UUID:
		s.simple[i] = true // others have a range, a length, or must be UTF-8
	default:
	}
	if c.Identity != catalog.IdentityNone {
		if c.Type.Kind != catalog.Int64 || s.identity >= 0 {
			return fmt.Errorf("%w: table %s, column %s: a table has at most one identity column, which is a BIGINT",
				catalog.ErrSchema, s.Name, c.Name)
		}
		s.notNull[i], s.identity = true, i
	}
	if c.Default != "" {
		e, err := compileDefault(c)
		if err != nil {
			return fmt.Errorf("table %s, default of column %s: %w", s.Name, c.Name, err)
		}
		s.defaults[i] = e
	}
	return nil
}

func (s *shape) keyColumns(columns []catalog.IndexColumn) ([]keyColumn, error) {
	var out []keyColumn
	for _, c := range columns {
		column, at, found := s.ColumnByID(c.Column)
		if !found {
			return nil, fmt.Errorf("%w: table %s has a key over column number %d, which is not there", catalog.ErrSchema, s.Name, c.Column)
		}
		k := keyColumn{at: at, typ: column.Type}
		if c.Descending {
			k.order |= key.Descending
		}
		if c.NullsFirst {
			k.order |= key.NullsFirst
		}
		out = append(out, k)
	}
	return out, nil
}

// places returns where the columns with these ids are.
func (s *shape) places(ids []uint16) ([]int, error) {
	out := make([]int, len(ids))
	for i, id := range ids {
		_, at, found := s.ColumnByID(id)
		if !found {
			return nil, fmt.Errorf("%w: table %s has no column number %d", catalog.ErrSchema, s.Name, id)
		}
		out[i] = at
	}
	return out, nil
}

func (s *shape) hidden() bool { return len(s.primary) == 0 }

// index returns the index of a name.
func (s *shape) index(name string) (*index, error) {
	if i := slices.IndexFunc(s.indexes, func(ix *index) bool { return ix.Name == name }); i >= 0 {
		return s.indexes[i], nil
	}
	return nil, &NameError{ErrNoIndex, s.Name, name}
}

// place returns where a column is.
func (s *shape) place(name string) (int, error) {
	if _, at, found := s.Column(name); found {
		return at, nil
	}
	return 0, &NameError{ErrNoColumn, s.Name, name}
}

// names returns the names of columns.
func (s *shape) names(places []int) []string {
	out := make([]string, len(places))
	for i, at := range places {
		out[i] = s.Columns[at].Name
	}
	return out
}

// placesOf returns where the columns of a key are.
func placesOf(columns []keyColumn) []int {
	out := make([]int, len(columns))
	for i, c := range columns {
		out[i] = c.at
	}
	return out
}

// pick returns some values of a row, as copies.
func pick(row []catalog.Value, places []int) []catalog.Value {
	out := make([]catalog.Value, len(places))
	for i, at := range places {
		out[i] = row[at].Clone()
	}
	return out
}

func anyNull(row []catalog.Value, columns []keyColumn) bool {
	for _, c := range columns {
		if row[c.at].IsNull() {
			return true
		}
	}
	return false
}

// appendKey appends the key that values of the key columns are found by: values of all of them or of the first ones.
func (s *shape) appendKey(dst []byte, columns []keyColumn, values []catalog.Value) ([]byte, error) {
	if len(values) > len(columns) {
		return dst, fmt.Errorf("table %s: %w: the key has %d columns, given are %d", s.Name, ErrArguments, len(columns), len(values))
	}
	for i, v := range values {
		c := columns[i]
		if !v.IsNull() {
			given := v
			var err error
			if v, err = s.coerce(c.at, v); err != nil {
				return dst, err
			}
			if !exact(given, v) {
				column := &s.Columns[c.at]
				return dst, &catalog.TypeError{
					Table: s.Name, Column: column.Name, Expected: column.Type,
					Given: strings.ToLower(given.Kind().String()) + " " + given.String(),
					Why:   "no row has it, and what rows are found by is not rounded",
				}
			}
		}
		dst = catalog.AppendKeyValue(dst, v, c.order)
	}
	return dst, nil
}

// exact reports whether a value is the same as one of another type, rather than a rounded one. Text is what it reads as.
func exact(v, cast catalog.Value) bool {
	switch from, to := v.Kind(), cast.Kind(); {
	case from.Numeric() && to.Numeric():
		return catalog.Compare(v, cast) == 0
	case from == to, from == catalog.String, to == catalog.String:
		return true
	default:
		back, err := catalog.Cast(cast, catalog.Type{Kind: from})
		return err == nil && catalog.Compare(v, back) == 0
	}
}

// appendPrimary appends the key of the row that values are the primary key of.
func (s *shape) appendPrimary(dst []byte, values []catalog.Value) ([]byte, error) {
	if s.hidden() {
		if len(values) != 1 || values[0].Kind() != catalog.Int64 {
			return dst, fmt.Errorf("table %s: %w: it has no primary key, its rows are found by one number", s.Name, ErrArguments)
		}
		return catalog.AppendRowID(dst, values[0].AsInt()), nil
	}
	if len(values) != len(s.primary) {
		return dst, fmt.Errorf("table %s: %w: the primary key has %d columns, given are %d",
			s.Name, ErrArguments, len(s.primary), len(values))
	}
	return s.appendKey(dst, s.primary, values)
}

// keyValues returns the values of a primary key, as copies.
func (s *shape) keyValues(primaryKey []byte) ([]catalog.Value, error) {
	if s.hidden() {
		id, err := catalog.DecodeRowID(primaryKey)
		return []catalog.Value{catalog.Int(id)}, err
	}
	return s.decodeKey(nil, s.primary, primaryKey)
}

// decodeKey appends the values that a key begins with.
func (s *shape) decodeKey(dst []catalog.Value, columns []keyColumn, k []byte) ([]catalog.Value, error) {
	tuple := key.NewTuple(k)
	for _, c := range columns {
		v, err := catalog.DecodeKeyValue(&tuple, c.typ, c.order)
		if err != nil {
			name := "row id"
			if c.at >= 0 {
				name = s.Columns[c.at].Name
			}
			return dst, fmt.Errorf("table %s, column %s: the key %s: %w", s.Name, name, key.Format(k), err)
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// coerce makes a value that is not NULL one of the type of a column.
func (s *shape) coerce(at int, v catalog.Value) (catalog.Value, error) {
	c := &s.Columns[at]
	if s.simple[at] && v.Kind() == c.Type.Kind {
		return v, nil
	}
	v, err := catalog.Cast(v, c.Type)
	if err != nil {
		return v, catalog.At(err, s.Name, c.Name)
	}
	return v, nil
}

// sameKey reports whether values of two types have the same bytes in keys.
func sameKey(a, b catalog.Type) bool {
	return a.Kind == b.Kind && (a.Kind != catalog.Decimal || a.Scale == b.Scale)
}
