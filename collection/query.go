package collection

import (
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// Bounds say which rows are read and how. The zero value is all rows in the order of the key.
type Bounds struct {
	// Prefix has the first columns of the key be these.
	Prefix Key
	// Lower and Upper are bounds for the columns behind Prefix, for one or several, and belong to what they bound unless
	// they are exclusive. They follow the order of the key: in a descending column Lower is the greatest value. NULL, nil,
	// is a bound like another, and comes last unless the key says otherwise.
	Lower, Upper                   Key
	LowerExclusive, UpperExclusive bool
	Reverse                        bool
	Limit                          int // how many rows at most; 0: any number
}

// All yields all rows in the order of the primary key.
//
// This and the methods below read one moment, which is that of the transaction or, in none, the beginning of the loop; what
// the loop writes it does not see. An error comes last, with a zero row. The rows can be gone over again, as they are then.
func (c *Collection[T]) All() iter.Seq2[T, error] { return c.Scan(Bounds{}) }

// Scan yields rows in the order of the primary key.
func (c *Collection[T]) Scan(o Bounds) iter.Seq2[T, error] {
	return c.rows("scan", o, func(s *catalog.Table) ([]catalog.IndexColumn, error) { return s.PrimaryKey, nil },
		func(t *relation.Table, s engine.ScanOptions) (*relation.Rows, error) { return t.Scan(s) })
}

// By yields the rows that have these values in the first columns of an index, in its order.
func (c *Collection[T]) By(index string, values ...any) iter.Seq2[T, error] {
	return c.Range(index, Bounds{Prefix: flat(values)})
}

// Range yields rows in the order of an index.
func (c *Collection[T]) Range(index string, o Bounds) iter.Seq2[T, error] {
	return c.rows("range over "+index, o, func(s *catalog.Table) ([]catalog.IndexColumn, error) {
		ix, ok := s.Index(index)
		if !ok {
			return nil, &relation.NameError{Kind: relation.ErrNoIndex, Table: s.Name, Name: index}
		}
		return ix.Columns, nil
	}, func(t *relation.Table, s engine.ScanOptions) (*relation.Rows, error) { return t.ScanIndex(index, s) })
}

// rows yields what a cursor over a key returns.
func (c *Collection[T]) rows(
	what string, o Bounds, key func(*catalog.Table) ([]catalog.IndexColumn, error),
	open func(*relation.Table, engine.ScanOptions) (*relation.Rows, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stopped := false
		err := c.run(what, c.db.View, func(t *relation.Table, b *binding) error {
			columns, err := key(b.schema)
			if err != nil {
				return err
			}
			options, err := b.options(columns, o)
			if err != nil {
				return err
			}
			rows, err := open(t, options)
			if err != nil {
				return err
			}
			stopped, err = each(b, rows, yield)
			return err
		})
		if err != nil && !stopped {
			var none T
			yield(none, err)
		}
	}
}

// each yields the rows of a cursor and closes it. It reports whether yield wants no more.
func each[T any](b *binding, rows *relation.Rows, yield func(T, error) bool) (stopped bool, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	var row, zero T
	fields := reflect.ValueOf(&row).Elem()
	for rows.Next() {
		row = zero // nothing of the last row, which is its owner's, is used again
		if err := b.decode(fields, rows.Values()); err != nil {
			return false, err
		}
		if !yield(row, nil) {
			return true, nil
		}
	}
	return false, rows.Err()
}

// options returns what a cursor over a key needs.
func (b *binding) options(columns []catalog.IndexColumn, o Bounds) (s engine.ScanOptions, err error) {
	s = engine.ScanOptions{
		Places: b.places, Reverse: o.Reverse, Limit: o.Limit,
		LowerExclusive: o.LowerExclusive, UpperExclusive: o.UpperExclusive,
	}
	if s.Prefix, err = b.key(columns, o.Prefix); err != nil {
		return s, fmt.Errorf("prefix: %w", err)
	}
	rest := columns[len(o.Prefix):]
	if s.Lower, err = b.key(rest, o.Lower); err != nil {
		return s, fmt.Errorf("lower bound: %w", err)
	}
	if s.Upper, err = b.key(rest, o.Upper); err != nil {
		return s, fmt.Errorf("upper bound: %w", err)
	}
	return s, nil
}
