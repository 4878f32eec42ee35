package relation

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
)

// ScanOptions say which rows are read, in what order, and what of them. The zero value is all of all rows, in the order of
// the key.
type ScanOptions struct {
	Columns []string // nil: all
	Places  []int    // of the columns, instead of their names; nil: all
	// Prefix has the first columns of the key be these.
	Prefix []catalog.Value
	// Lower and Upper are bounds for the columns of the key behind Prefix, for one or several, in the order of the key:
	// what comes first in a descending column is the greatest value. NULL is a bound like another; it comes where the
	// key sorts it, so that the numbers above 5 are those between 5 and NULL, both exclusive.
	Lower, Upper                   []catalog.Value
	LowerExclusive, UpperExclusive bool
	Reverse                        bool
	Limit                          int // how many rows at most; 0: any number
}

// Scan reads rows in the order of the primary key, or of the numbers by which rows are found that have none.
func (t *Table) Scan(o ScanOptions) (*Rows, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	r, err := t.newRows(o)
	if err != nil {
		return nil, err
	}
	bounds, err := t.shape.bounds(t.shape.scanKey(), o)
	if err != nil {
		return nil, err
	}
	r.decoder = t.shape.decoderOf(r.columns)
	if r.it, err = t.tables.txn.Iterate(t.shape.rows, bounds); err != nil {
		return nil, err
	}
	return r, nil
}

// ScanIndex reads rows in the order of an index, from the index alone if it has all columns that are asked for. Rows whose
// columns of the index are equal come in the order of the primary key.
func (t *Table) ScanIndex(name string, o ScanOptions) (*Rows, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	ix, err := t.shape.index(name)
	if err != nil {
		return nil, err
	}
	if ix.State != catalog.Ready {
		return nil, fmt.Errorf("%w: it is still being built", &NameError{ErrNoIndex, t.shape.Name, name})
	}
	r, err := t.newRows(o)
	if err != nil {
		return nil, err
	}
	bounds, err := t.shape.bounds(ix.columns, o)
	if err != nil {
		return nil, err
	}
	r.index = ix
	if from := t.shape.cover(ix, r.columns); from != nil {
		r.covered = &covered{shape: t.shape, index: ix, from: from}
	} else {
		r.decoder = t.shape.decoderOf(r.columns)
	}
	if r.it, err = t.tables.txn.Iterate(ix.space, bounds); err != nil {
		return nil, err
	}
	return r, nil
}

// decoderOf returns a decoder of columns, of all if they are nil.
func (s *shape) decoderOf(columns []int) *catalog.RowDecoder {
	if columns == nil {
		return s.decoder
	}
	return s.readings.of(s, nil, columns).rows
}

// newRows returns a cursor without what it reads.
func (t *Table) newRows(o ScanOptions) (*Rows, error) {
	r := &Rows{table: t, shape: t.shape, left: -1, columns: o.Places}
	if o.Limit > 0 {
		r.left = o.Limit
	}
	for _, at := range o.Places {
		if at < 0 || at >= len(t.shape.Columns) {
			return nil, fmt.Errorf("table %s: %w: there is no column %d", t.shape.Name, ErrArguments, at)
		}
	}
	if o.Columns == nil {
		return r, nil
	}
	r.columns = make([]int, len(o.Columns))
	for i, name := range o.Columns {
		var err error
		if r.columns[i], err = t.shape.place(name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// scanKey returns the columns of the key of the rows; a hidden id is one of its own.
func (s *shape) scanKey() []keyColumn {
	if s.hidden() {
		return []keyColumn{{at: -1, typ: catalog.Type{Kind: catalog.Int64}}}
	}
	return s.primary
}

// bounds turns options into bounds of keys over columns.
func (s *shape) bounds(columns []keyColumn, o ScanOptions) (Bounds, error) {
	return s.boundsBy(s.appendKey, columns, o)
}

// An appender appends values of the first columns of a key.
type appender func(dst []byte, columns []keyColumn, values []catalog.Value) ([]byte, error)

func (s *shape) boundsBy(encode appender, columns []keyColumn, o ScanOptions) (Bounds, error) {
	prefix, err := s.appendBound(encode, nil, columns, o.Prefix)
	if err != nil {
		return Bounds{}, err
	}
	rest := columns[min(len(o.Prefix), len(columns)):]
	out := Bounds{Reverse: o.Reverse}
	if len(prefix) > 0 {
		out.Lower, out.Upper = prefix, behind(prefix)
	}
	if len(o.Lower) > 0 {
		lower, err := s.appendBound(encode, slices.Clone(prefix), rest, o.Lower)
		if err != nil {
			return Bounds{}, err
		}
		if out.Lower = lower; o.LowerExclusive {
			out.Lower = behind(lower)
		}
	}
	if len(o.Upper) > 0 {
		upper, err := s.appendBound(encode, slices.Clone(prefix), rest, o.Upper)
		if err != nil {
			return Bounds{}, err
		}
		if out.Upper = upper; !o.UpperExclusive {
			out.Upper = behind(upper)
		}
	}
	if out.Upper != nil && bytes.Compare(out.Lower, out.Upper) > 0 {
		out.Upper = out.Lower // there is nothing between bounds that contradict each other
	}
	return out, nil
}

// appendBound appends values of the first columns of a key.
func (s *shape) appendBound(encode appender, dst []byte, columns []keyColumn, values []catalog.Value) ([]byte, error) {
	if len(columns) == 1 && columns[0].at < 0 {
		for i, v := range values {
			if i > 0 || v.Kind() != catalog.Int64 {
				return dst, fmt.Errorf("table %s: %w: its rows are found by one number", s.Name, ErrArguments)
			}
			dst = catalog.AppendRowID(dst, v.AsInt())
		}
		return dst, nil
	}
	return encode(dst, columns, values)
}

// covered decodes rows from entries of an index alone.
type covered struct {
	shape *shape
	index *index
	// Of each column that is asked for: which one it is of the index and the primary key, taken together.
	from []int
	all  []catalog.Value
}

// cover returns, of each of the columns, which one it is of the index and the primary key, taken together; nil if they do not
// have them all.
func (s *shape) cover(ix *index, columns []int) []int {
	if columns == nil {
		columns = everyColumn(s.Table)
	}
	have := append(placesOf(ix.columns), placesOf(s.scanKey())...)
	from := make([]int, len(columns))
	for i, at := range columns {
		if from[i] = slices.Index(have, at); from[i] < 0 {
			return nil
		}
	}
	return from
}

func (c *covered) decode(dst []catalog.Value, k, v []byte) (row []catalog.Value, primary []byte, err error) {
	if primary, err = c.shape.IndexEntryPrimaryKey(c.index.Index, k, v); err != nil {
		return dst, nil, err
	}
	if c.all, err = c.shape.decodeKey(c.all[:0], c.index.columns, k); err != nil {
		return dst, nil, err
	}
	if c.all, err = c.shape.decodeKey(c.all, c.shape.scanKey(), primary); err != nil {
		return dst, nil, err
	}
	for _, i := range c.from {
		dst = append(dst, c.all[i])
	}
	return dst, primary, nil
}

// damaged returns the error of an entry that does not agree with the table.
func (s *shape) damaged(ix *index, k []byte, why string) error {
	return fmt.Errorf("table %s, index %s, entry %s: %w: %s; drop the index and create it again",
		s.Name, ix.Name, key.Format(k), ErrIndexDamaged, why)
}
