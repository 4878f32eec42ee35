package relation

import (
	"bytes"
	"errors"
	"slices"

	"github.com/middb/middb/catalog"
)

// refersTo returns the keys of the rows that have values in the columns of a foreign key, at most as many as limit unless
// that is 0. The transaction depends on that there are no others.
func (t *Table) refersTo(r reference, values []catalog.Value, limit int) (keys [][]byte, err error) {
	if err = t.ready(); err != nil {
		return nil, err
	}
	t.depend()
	if columns := leading(t.shape.primary, r.foreign.columns); columns != nil {
		prefix := t.referencePrefix(columns, r, values)
		err = t.eachDepended(t.shape.rows, prefix, func(k, _ []byte) bool {
			keys = append(keys, bytes.Clone(k))
			return limit == 0 || len(keys) < limit
		})
		return keys, err
	}
	for _, ix := range t.shape.indexes {
		columns := leading(ix.columns, r.foreign.columns)
		if columns == nil || ix.State != catalog.Ready {
			continue
		}
		var bad error
		err = t.eachDepended(ix.space, t.referencePrefix(columns, r, values), func(k, v []byte) bool {
			var primary []byte
			if primary, bad = t.shape.IndexEntryPrimaryKey(ix.Index, k, v); bad != nil {
				return false
			}
			keys = append(keys, bytes.Clone(primary))
			return limit == 0 || len(keys) < limit
		})
		if err == nil {
			err = bad
		}
		return keys, err
	}
	return t.refersToSlowly(r, values, limit)
}

// refersToSlowly is refersTo without an index: it reads all rows.
func (t *Table) refersToSlowly(r reference, values []catalog.Value, limit int) (keys [][]byte, err error) {
	decoder := t.shape.NewRowDecoder(r.foreign.columns)
	var row []catalog.Value
	var bad error
	err = t.eachDepended(t.shape.rows, nil, func(k, v []byte) bool {
		if row, bad = decoder.Decode(row[:0], k, v); bad != nil {
			return false
		}
		for i, want := range values {
			if row[i].IsNull() || catalog.Compare(row[i], want) != 0 {
				return true
			}
		}
		keys = append(keys, bytes.Clone(k))
		return limit == 0 || len(keys) < limit
	})
	if err == nil {
		err = bad
	}
	return keys, err
}

// leading returns the first columns of a key if they are exactly those of the places, else nil.
func leading(columns []keyColumn, places []int) []keyColumn {
	if len(columns) < len(places) {
		return nil
	}
	for _, c := range columns[:len(places)] {
		if !slices.Contains(places, c.at) {
			return nil
		}
	}
	return columns[:len(places)]
}

// referencePrefix returns what keys over the columns begin with in rows that refer to the values.
func (t *Table) referencePrefix(columns []keyColumn, r reference, values []catalog.Value) []byte {
	var prefix []byte
	for _, c := range columns {
		prefix = catalog.AppendKeyValue(prefix, values[slices.Index(r.foreign.columns, c.at)], c.order)
	}
	return prefix
}

// eachDepended calls f with the entries of a space whose keys begin with a prefix, until it returns false. The transaction
// depends on that there are no others.
func (t *Table) eachDepended(s Space, prefix []byte, f func(k, v []byte) bool) error {
	upper := behind(prefix)
	t.tables.txn.DependOnRange(s, prefix, upper)
	err := t.tables.each(s, Bounds{Lower: prefix, Upper: upper}, func(k, v []byte) error {
		if !f(k, v) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
