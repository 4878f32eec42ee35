package catalog

import (
	"bytes"

	"github.com/middb/middb/key"
)

// An EntryDecoder puts columns into vectors that the entries of an index have: those of the index and of the primary key. It is
// for one goroutine.
type EntryDecoder struct {
	into    VectorDecoder // memory and vectors
	table   *Table
	index   *Index
	columns []entryStep
	primary []entryStep
	ids     []int // where the row id goes
}

// An entryStep takes a column off the key of an entry.
type entryStep struct {
	typ   Type
	order key.Order
	out   []int
}

// NewEntryDecoder returns a decoder of the columns at some places of t.Columns, or RowIDPlace, in that order. It returns nil if the
// entries do not have them all.
func (t *Table) NewEntryDecoder(ix *Index, columns []int) *EntryDecoder {
	d := &EntryDecoder{table: t, index: ix}
	d.into.nulls = make([][]bool, len(columns))
	d.into.types = make([]Type, len(columns))
	missing := len(columns)
	given := make([]bool, len(columns))
	steps := func(key []IndexColumn) (list []entryStep) {
		for _, k := range key {
			c, at, found := t.ColumnByID(k.Column)
			if !found {
				return list
			}
			s := entryStep{typ: c.Type, order: k.Order()}
			for out, place := range columns {
				if place == at && !given[out] {
					given[out], d.into.types[out] = true, c.Type
					s.out = append(s.out, out)
					missing--
				}
			}
			list = append(list, s)
		}
		return list
	}
	d.columns, d.primary = steps(ix.Columns), steps(t.PrimaryKey)
	for out, place := range columns {
		if place == RowIDPlace && len(t.PrimaryKey) == 0 {
			d.into.types[out] = Type{Kind: Int64}
			d.ids = append(d.ids, out)
			missing--
		}
	}
	if missing > 0 || len(d.columns) < len(ix.Columns) {
		return nil
	}
	for n := len(d.primary); n > 0 && len(d.primary[n-1].out) == 0; n-- {
		d.primary = d.primary[:n-1]
	}
	return d
}

// Copy returns a decoder of the same columns.
func (d *EntryDecoder) Copy() *EntryDecoder {
	c := *d
	c.into.nulls = make([][]bool, len(d.into.nulls))
	return &c
}

// Begin makes columns, one for each that is decoded, have room for so many rows.
func (d *EntryDecoder) Begin(columns []*Vector, most int) { d.into.Begin(columns, most) }

// Len returns how many rows were added since Begin.
func (d *EntryDecoder) Len() int { return d.into.n }

// End makes the columns as long as there are rows.
func (d *EntryDecoder) End() { d.into.End() }

// Add adds rows, one for each entry, which must have room. Texts are copied. Errors are of type *DamageError; after one, nothing
// is to be read before the next Begin.
func (d *EntryDecoder) Add(keys, values [][]byte) error {
	for i, k := range keys {
		primary, ok := d.split(k, values[i])
		if ok && len(d.primary) > 0 {
			_, _, ok = d.take(primary, d.primary)
		}
		if ok && len(d.ids) > 0 {
			id, err := DecodeRowID(primary)
			ok = err == nil
			for _, out := range d.ids {
				d.into.columns[out].Ints[d.into.n] = id
			}
		}
		if !ok {
			return d.fault(k, values[i])
		}
		d.into.n++
	}
	return nil
}

// PrimaryKey is Table.IndexEntryPrimaryKey, of a decoder that has no columns.
func (d *EntryDecoder) PrimaryKey(k, v []byte) ([]byte, error) {
	if primary, ok := d.split(k, v); ok {
		return primary, nil
	}
	return nil, d.fault(k, v)
}

// split takes the columns of the index off an entry. It returns the primary key, and whether the entry is sound so far.
func (d *EntryDecoder) split(k, v []byte) (primary []byte, ok bool) {
	rest, null, ok := d.take(k, d.columns)
	switch {
	case !d.index.Unique:
		return rest, ok && len(v) == 0 && len(rest) > 0
	case !null:
		return v, ok && len(rest) == 0 && len(v) > 0
	default:
		return v, ok && len(v) > 0 && bytes.Equal(rest, v)
	}
}

// take takes columns off a key. It returns the rest, and whether one is NULL.
func (d *EntryDecoder) take(k []byte, steps []entryStep) (rest []byte, null, ok bool) {
	for i := range steps {
		s := &steps[i]
		if s.typ.Kind == Int64 && s.order == 0 {
			if n, size := key.LeadingInt(k); size > 0 {
				for _, out := range s.out {
					d.into.columns[out].Ints[d.into.n] = n
				}
				k = k[size:]
				continue
			}
		}
		tuple := key.NewTuple(k)
		v := takeValue(&tuple, s.typ, s.order)
		if tuple.Err() != nil {
			return nil, false, false
		}
		k, null = tuple.Rest(), null || v.kind == 0
		if len(s.out) > 0 && v.kind.Textual() {
			v.s = d.into.keep(raw(v.s))
		}
		for _, out := range s.out {
			d.into.set(out, 0, v)
		}
	}
	return k, null, true
}

// fault returns what is wrong with an entry.
func (d *EntryDecoder) fault(k, v []byte) error {
	primary, err := d.table.IndexEntryPrimaryKey(d.index, k, v)
	if err != nil {
		return err
	}
	tuple := key.NewTuple(primary)
	for _, s := range d.primary {
		takeValue(&tuple, s.typ, s.order)
	}
	why := "its primary key is none"
	return &DamageError{Table: d.table.Name, What: "entry of index " + d.index.Name, Offset: len(primary) - len(tuple.Rest()), Why: why}
}
