package relation

import (
	"context"
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/plan"
)

// A cursor gives the rows of a scan in batches. It implements exec.Cursor.
type cursor struct {
	ctx     context.Context
	table   *Table
	shape   *shape
	index   *index // nil: over the table
	it      Iterator
	begun   bool
	ended   bool
	left    int // how many may still come; below 0: any number
	places  []int
	types   []catalog.Type
	hidden  bool // the row id is among the columns
	covered *covered
	decoder *catalog.RowDecoder
	stored  []byte
	values  []catalog.Value
}

// newCursor begins a scan.
func (t *Table) newCursor(ctx context.Context, r *exec.ScanRequest) (*cursor, error) {
	s := t.shape
	if err := s.checkPlaces(r.Columns); err != nil {
		return nil, err
	}
	c := &cursor{ctx: ctx, table: t, shape: s, left: -1, places: r.Columns}
	if r.Limit > 0 {
		c.left = r.Limit
	}
	for _, at := range r.Columns {
		if at == plan.HiddenRowID {
			c.hidden = true
			c.types = append(c.types, catalog.Type{Kind: catalog.Int64})
		} else {
			c.types = append(c.types, s.Columns[at].Type)
		}
	}
	columns, space := s.scanKey(), s.rows
	if r.Index != "" {
		ix, err := t.readyIndex(r.Index)
		if err != nil {
			return nil, err
		}
		c.index, columns, space = ix, ix.columns, ix.space
		c.covered = s.cover(ix, r.Columns)
	}
	if c.covered == nil {
		c.decoder = s.decoderOf(r.Columns)
	}
	bounds, err := s.boundsBy(s.appendTyped, columns, ScanOptions{
		Prefix: r.Prefix, Lower: r.Lower, Upper: r.Upper,
		LowerExclusive: r.LowerExclusive, UpperExclusive: r.UpperExclusive, Reverse: r.Reverse,
	})
	if err != nil {
		return nil, err
	}
	if c.it, err = t.tables.txn.Iterate(space, bounds); err != nil {
		return nil, err
	}
	return c, nil
}

// readyIndex returns an index that can be read.
func (t *Table) readyIndex(name string) (*index, error) {
	ix, err := t.shape.index(name)
	if err != nil {
		return nil, err
	}
	if ix.State != catalog.Ready {
		return nil, fmt.Errorf("%w: it is still being built", &NameError{ErrNoIndex, t.shape.Name, name})
	}
	return ix, nil
}

// Next implements exec.Cursor.
func (c *cursor) Next(b *catalog.Batch, most int) (bool, error) {
	if err := c.ctx.Err(); err != nil {
		return false, context.Cause(c.ctx)
	}
	if c.left >= 0 {
		most = min(most, c.left)
	}
	for i, v := range b.Columns {
		v.Reset(c.types[i].Kind, c.types[i].Scale, most)
	}
	n := 0
	for ; n < most && c.move(); n++ {
		if err := c.load(); err != nil {
			return false, err
		}
		for i, v := range b.Columns {
			v.Set(n, most, c.values[i].Clone())
		}
	}
	b.Sel, b.Len = nil, n
	if c.left >= 0 {
		c.left -= n
	}
	return n > 0, c.it.Err()
}

func (c *cursor) move() bool {
	if c.begun {
		return c.it.Next()
	}
	c.begun = true
	return c.it.First()
}

// load makes the values of what the iterator is at.
func (c *cursor) load() (err error) {
	primary := c.it.Key()
	stored := c.it.Value()
	switch {
	case c.covered != nil:
		c.values, primary, err = c.covered.decode(c.values[:0], primary, stored)
	case c.index != nil:
		if primary, err = c.shape.IndexEntryPrimaryKey(c.index.Index, primary, stored); err != nil {
			return err
		}
		var found bool
		if c.stored, found, err = c.table.tables.txn.Get(c.shape.rows, c.stored[:0], primary); err != nil {
			return err
		}
		if !found {
			return c.shape.damaged(c.index, c.it.Key(), "it has an entry for a row that is not there")
		}
		stored = c.stored
		fallthrough
	default:
		c.values, err = c.decoder.Decode(c.values[:0], primary, stored)
	}
	if err != nil || !c.hidden {
		return err
	}
	id, err := catalog.DecodeRowID(primary)
	for i, at := range c.places {
		if at == plan.HiddenRowID {
			c.values[i] = catalog.Int(id)
		}
	}
	return err
}

// Close implements exec.Cursor. It may be called again.
func (c *cursor) Close() error {
	if c.ended {
		return nil
	}
	c.ended = true
	return c.it.Close()
}
