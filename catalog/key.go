package catalog

import (
	"bytes"

	"github.com/middb/middb/key"
)

// Order returns how the column sorts.
func (k IndexColumn) Order() (o key.Order) {
	if k.Descending {
		o |= key.Descending
	}
	if k.NullsFirst {
		o |= key.NullsFirst
	}
	return o
}

// AppendKeyValue appends a value to a tuple, so that the bytes sort as Compare does with values of one type, and of one
// scale if they are decimals. JSON sorts as its text; no key has it.
func AppendKeyValue(dst []byte, v Value, o key.Order) []byte {
	switch v.kind {
	case 0:
		return key.AppendNull(dst, o)
	case Float64:
		return key.AppendFloat(dst, v.float(), o)
	case Bool:
		return key.AppendBool(dst, v.n != 0, o)
	case UUID:
		return key.AppendFixed(dst, raw(v.s), o)
	case String, Bytes, JSON:
		return key.AppendBytes(dst, raw(v.s), o)
	default:
		return key.AppendInt(dst, v.n, o)
	}
}

// DecodeKeyValue takes a value of type t off a tuple: what AppendKeyValue has appended, except that -0 is 0. Text may
// alias the tuple. Errors are of type *DamageError.
func DecodeKeyValue(tuple *key.Tuple, t Type, o key.Order) (Value, error) {
	v := takeValue(tuple, t, o)
	if tuple.Err() != nil {
		return Value{}, &DamageError{What: "key", Why: "this is no " + t.String()}
	}
	return v, nil
}

// takeValue is DecodeKeyValue, with the error left in the tuple.
func takeValue(tuple *key.Tuple, t Type, o key.Order) Value {
	if tuple.Null(o) {
		return Value{}
	}
	switch t.Kind {
	case Float64:
		return Float(tuple.Float(o))
	case Bool:
		return BoolOf(tuple.Bool(o))
	case UUID:
		return Value{kind: UUID, s: alias(tuple.Fixed(nil, 16, o))}
	case String, Bytes, JSON:
		return Value{kind: t.Kind, s: alias(tuple.View(o))}
	default:
		return Value{kind: t.Kind, scale: t.Scale, n: tuple.Int(o)}
	}
}

// AppendRowID appends the key of a row of a table that has no primary key.
func AppendRowID(dst []byte, id int64) []byte { return key.AppendInt(dst, id, 0) }

// DecodeRowID returns the row id of such a key.
func DecodeRowID(primaryKey []byte) (int64, error) {
	tuple := key.NewTuple(primaryKey)
	id := tuple.Int(0)
	if tuple.Err() != nil || len(tuple.Rest()) > 0 {
		return 0, &DamageError{What: "key", Why: "this is no row id"}
	}
	return id, nil
}

// AppendPrimaryKey appends the key of a row, whose values are in the order of t.Columns. Of a table without a primary key
// the rows are found by ids, which AppendRowID encodes. NULL and values of a wrong type are a *TypeError.
func (t *Table) AppendPrimaryKey(dst []byte, row []Value) ([]byte, error) {
	if len(t.PrimaryKey) == 0 {
		return dst, t.wrong(nil, "it has no primary key: its rows are found by ids")
	}
	from := len(dst)
	dst, null, err := t.appendKey(dst, t.PrimaryKey, row)
	if err == nil && null >= 0 {
		c := &t.Columns[null]
		err = &TypeError{Table: t.Name, Column: c.Name, Expected: c.Type, Given: "NULL", Why: "it is in the primary key"}
	}
	if err != nil {
		return dst[:from], err
	}
	return dst, nil
}

// appendKey appends the values of columns. It returns the place of one that is NULL, or -1.
func (t *Table) appendKey(dst []byte, columns []IndexColumn, row []Value) (_ []byte, null int, err error) {
	null = -1
	if len(row) != len(t.Columns) {
		return dst, null, t.wrong(nil, "it has %d columns, and a row %d values", len(t.Columns), len(row))
	}
	p := t.current()
	for _, k := range columns {
		i := p.place(k.Column)
		if i < 0 {
			return dst, null, t.wrong(ErrUnknown, "there is no column with the id %d", k.Column)
		}
		switch v := &row[i]; {
		case v.kind == 0:
			null = i
		case v.kind != t.Columns[i].Type.Kind || v.scale != t.Columns[i].Type.Scale:
			return dst, null, t.mismatch(i, *v)
		}
		dst = AppendKeyValue(dst, row[i], k.Order())
	}
	return dst, null, nil
}

// mismatch returns the error for a value that does not have the type of column i.
func (t *Table) mismatch(i int, v Value) error {
	return &TypeError{Table: t.Name, Column: t.Columns[i].Name, Expected: t.Columns[i].Type, Given: v.given()}
}

// AppendIndexKey appends to dst the key of the entry that an index of the table has for a row, and returns it with the
// value of the entry, which is nothing or primaryKey. Entries of a unique index have the primary key as value, so that two
// rows with the same values want the same key. All others have it at the end of the key; so do those of a unique index in
// which something is NULL, which equals nothing.
func (t *Table) AppendIndexKey(dst []byte, ix *Index, row []Value, primaryKey []byte) (k, value []byte, err error) {
	from := len(dst)
	k, null, err := t.appendKey(dst, ix.Columns, row)
	switch {
	case err != nil:
		return k[:from], nil, err
	case !ix.Unique:
		return append(k, primaryKey...), nil, nil
	case null >= 0:
		return append(k, primaryKey...), primaryKey, nil
	default:
		return k, primaryKey, nil
	}
}

// IndexEntryPrimaryKey returns the primary key of the row that an entry of an index is for: a part of the key or the
// value. Errors are of type *DamageError.
func (t *Table) IndexEntryPrimaryKey(ix *Index, k, value []byte) ([]byte, error) {
	rest, _, null, err := t.splitEntry(nil, ix, k)
	if err != nil {
		return nil, err
	}
	why := ""
	switch {
	case !ix.Unique && len(value) > 0:
		why = "an index that is not unique has entries without values"
	case !ix.Unique && len(rest) == 0, ix.Unique && len(value) == 0:
		why = "there is no primary key"
	case ix.Unique && !null && len(rest) > 0:
		why = "something follows the values"
	case ix.Unique && null && !bytes.Equal(rest, value):
		why = "key and value have different primary keys"
	case ix.Unique:
		return value, nil
	default:
		return rest, nil
	}
	return nil, &DamageError{Table: t.Name, What: "entry of index " + ix.Name, Offset: len(k) - len(rest), Why: why}
}

// IndexEntryValues appends to dst the values of the columns of an index that the key of an entry has. They may alias it.
// Errors are of type *DamageError.
func (t *Table) IndexEntryValues(dst []Value, ix *Index, k []byte) ([]Value, error) {
	_, values, _, err := t.splitEntry(dst, ix, k)
	return values, err
}

// splitEntry takes the values off the key of an entry, and appends them to dst. It reports whether one is NULL.
func (t *Table) splitEntry(dst []Value, ix *Index, k []byte) (rest []byte, values []Value, null bool, err error) {
	from := len(dst)
	p, tuple := t.current(), key.NewTuple(k)
	for _, c := range ix.Columns {
		i := p.place(c.Column)
		if i < 0 {
			return nil, dst[:from], false, t.wrong(ErrUnknown, "there is no column with the id %d", c.Column)
		}
		at := len(k) - len(tuple.Rest())
		v := takeValue(&tuple, t.Columns[i].Type, c.Order())
		if tuple.Err() != nil {
			return nil, dst[:from], false, &DamageError{
				Table: t.Name, Column: t.Columns[i].Name, What: "entry of index " + ix.Name, Offset: at,
				Why: "this is no " + t.Columns[i].Type.String(),
			}
		}
		null = null || v.IsNull()
		dst = append(dst, v)
	}
	return tuple.Rest(), dst, null, nil
}
