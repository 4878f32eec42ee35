package exec

import (
	"bytes"
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// hashDistinct gives the first of the rows that are equal in some columns. As long as its memory suffices they come at once
// and in the order of its input.
type hashDistinct struct {
	input Operator
	rows  *uniqueRows
	ended bool
	batch catalog.Batch
}

func newHashDistinct(b *builder, n *physical.HashDistinct, input Operator) (Operator, error) {
	columns := n.Input.Columns()
	places, types, err := keyPlaces(columns, n.On)
	if err != nil {
		return nil, err
	}
	return &hashDistinct{
		input: input, rows: newUniqueRows(b, b.budget(n), "the rows of a DISTINCT", places, types, len(columns)),
	}, nil
}

// keyPlaces returns where columns stand and their types; those of all columns if ids is nil.
func keyPlaces(columns []plan.Column, ids []expr.ColumnID) ([]int, []catalog.Type, error) {
	if ids == nil {
		ids = idsOf(columns)
	}
	places, err := placesOf(columns, ids)
	if err != nil {
		return nil, nil, err
	}
	types := make([]catalog.Type, len(places))
	for i, at := range places {
		types[i] = columns[at].Type
	}
	return places, types, nil
}

// Next implements Operator.
func (d *hashDistinct) Next(ctx context.Context) (*catalog.Batch, error) {
	for !d.ended {
		b, err := d.input.Next(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			d.ended = true
			break
		}
		fresh, err := d.rows.add(b.Columns, rowsOf(b))
		if err != nil {
			return nil, err
		}
		if len(fresh) > 0 {
			d.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: fresh}
			return &d.batch, nil
		}
	}
	b, fresh, err := d.rows.rest(ctx)
	if b == nil || err != nil {
		return nil, err
	}
	d.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: fresh}
	return &d.batch, nil
}

// Reset implements Operator.
func (d *hashDistinct) Reset() {
	d.input.Reset()
	d.ended = false
	_ = d.rows.reset() // Close says if a file cannot be removed
}

// Close implements Operator.
func (d *hashDistinct) Close() error { return d.rows.reset() }

// sortDistinct gives the first of the rows that are equal in columns by which the input is sorted.
type sortDistinct struct {
	input   Operator
	encoder keyEncoder
	known   bool
	last    []byte
	sel     []int32
	batch   catalog.Batch
}

func newSortDistinct(_ *builder, n *physical.SortDistinct, input Operator) (Operator, error) {
	places, _, err := keyPlaces(n.Input.Columns(), n.On)
	if err != nil {
		return nil, err
	}
	keys := make([]sortKey, len(places))
	for i, at := range places {
		keys[i].place = at
	}
	return &sortDistinct{input: input, encoder: keyEncoder{keys: keys}}, nil
}

// Next implements Operator.
func (d *sortDistinct) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		b, err := d.input.Next(ctx)
		if b == nil || err != nil {
			return nil, err
		}
		rows := rowsOf(b)
		d.encoder.encode(b.Columns, rows)
		d.sel = d.sel[:0]
		for i, row := range rows {
			if k := d.encoder.key(i); !d.known || !bytes.Equal(k, d.last) {
				d.known, d.last = true, append(d.last[:0], k...)
				d.sel = append(d.sel, row)
			}
		}
		if len(d.sel) > 0 {
			d.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: d.sel}
			return &d.batch, nil
		}
	}
}

// Reset implements Operator.
func (d *sortDistinct) Reset() {
	d.input.Reset()
	d.known = false
}

// Close implements Operator.
func (d *sortDistinct) Close() error { return nil }
