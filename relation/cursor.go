package relation

import (
	"context"
	"fmt"
	"sync"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/expr"
)

// A cursor gives the rows of a scan in batches: as many entries as the storage has at hand go into vectors at once. It
// implements exec.Cursor.
type cursor struct {
	ctx     context.Context
	table   *Table
	index   *index // nil: over the table
	it      Iterator
	batches BatchIterator
	*buffers
	left  int // how many rows may still come; below 0: any number
	ended bool

	rows    *catalog.VectorDecoder // of rows, unless the index has all that is asked for
	covered *catalog.EntryDecoder  // of entries of the index
	finder  *catalog.EntryDecoder  // of the primary keys of entries
}

// buffers are memory of a cursor, which others use again.
type buffers struct {
	entries iterator.Entries
	fetched fetched
}

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

// fetched are rows that entries of an index have led to.
type fetched struct {
	keys, values [][]byte
	memory       []byte
	peak         int // rows that there were at most
}

// release forgets the rows.
func (f *fetched) release() {
	clear(f.keys[:f.peak])
	clear(f.values[:f.peak])
	f.keys, f.values, f.peak = f.keys[:0], f.values[:0], 0
	if cap(f.memory) > keptFetched {
		f.memory = nil
	}
}

// keptFetched is how many bytes of memory for rows are kept for reuse.
const keptFetched = 256 << 10

// A filler puts rows into vectors.
type filler interface {
	Begin(columns []*catalog.Vector, most int)
	Len() int
	End()
}

// newCursor begins a scan.
func (t *Table) newCursor(ctx context.Context, r *exec.ScanRequest) (*cursor, error) {
	s := t.shape
	if err := s.checkPlaces(r.Columns); err != nil {
		return nil, err
	}
	c := &cursor{ctx: ctx, table: t, left: -1}
	columns, space := s.scanKey(), s.rows
	if r.Index != "" {
		ix, err := t.readyIndex(r.Index)
		if err != nil {
			return nil, err
		}
		c.index, columns, space = ix, ix.columns, ix.space
	}
	reading := s.readings.of(s, c.index, r.Columns)
	c.finder = reading.finder
	if reading.entries != nil {
		c.covered = reading.entries.Copy()
	}
	filtered := len(r.Simple) == 0
	if c.covered == nil {
		c.rows = reading.rows.Vectors()
		filtered = c.where(r)
	}
	if r.Limit > 0 && filtered {
		c.left = r.Limit
	}
	bounds, err := s.boundsBy(s.appendTyped, columns, ScanOptions{
		Prefix: r.Prefix, Lower: r.Lower, Upper: r.Upper,
		LowerExclusive: r.LowerExclusive, UpperExclusive: r.UpperExclusive, Reverse: r.Reverse,
	})
	if err != nil {
		return nil, err
	}
	bounds.Again = r.Again
	bounds.KeysOnly = c.index == nil && len(r.Columns) == 0 && len(r.Simple) == 0
	if c.it, err = t.tables.txn.Iterate(space, bounds); err != nil {
		return nil, err
	}
	c.buffers = bufferPool.Get().(*buffers)
	c.entries.Keyless = c.index == nil && !c.rows.Keyed()
	if c.batches, _ = c.it.(BatchIterator); c.batches == nil {
		c.batches = &single{Iterator: c.it}
	}
	if bounds.KeysOnly {
		c.rows = nil
	}
	return c, nil
}

// Restart implements exec.Restarter.
func (c *cursor) Restart(r *exec.ScanRequest) (bool, error) {
	it, ok := c.it.(Rebounder)
	if !ok || c.ended || r.Limit > 0 {
		return false, nil
	}
	columns := c.table.shape.scanKey()
	if c.index != nil {
		columns = c.index.columns
	}
	bounds, err := c.table.shape.boundsBy(c.table.shape.appendTyped, columns, ScanOptions{
		Prefix: r.Prefix, Lower: r.Lower, Upper: r.Upper, LowerExclusive: r.LowerExclusive, UpperExclusive: r.UpperExclusive,
	})
	if err != nil {
		return false, err
	}
	c.left = -1
	return it.Rebound(bounds.Lower, bounds.Upper), nil
}

// where has the decoder leave rows out. It reports whether all conditions are looked at.
func (c *cursor) where(r *exec.ScanRequest) bool {
	all := true
	for _, s := range r.Simple {
		if s.Column < 0 || s.Column >= len(r.Columns) {
			all = false
			continue
		}
		less, equal, greater := false, false, false
		switch s.Op {
		case expr.OpEqual:
			equal = true
		case expr.OpNotEqual:
			less, greater = true, true
		case expr.OpLess:
			less = true
		case expr.OpLessEqual:
			less, equal = true, true
		case expr.OpGreater:
			greater = true
		case expr.OpGreaterEqual:
			equal, greater = true, true
		default:
			all = false
			continue
		}
		all = c.rows.Where(r.Columns[s.Column], less, equal, greater, s.Value) && all
	}
	return all
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
	if c.ended {
		return false, nil
	}
	if c.left >= 0 {
		most = min(most, c.left)
	}
	var err error
	n := 0
	switch {
	case c.covered != nil:
		n, err = c.fill(c.covered, b, most, c.addEntries)
	case c.rows != nil:
		n, err = c.fill(c.rows, b, most, c.addRows)
	default:
		n, err = c.fill(&counted{}, b, most, nil)
	}
	if err != nil {
		return false, err
	}
	b.Sel, b.Len = nil, n
	if c.left >= 0 {
		c.left -= n
	}
	return n > 0, nil
}

// fill fills a batch by what add adds of entries.
func (c *cursor) fill(f filler, b *catalog.Batch, most int, add func() error) (int, error) {
	f.Begin(b.Columns, most)
	for f.Len() < most {
		if c.ctx.Err() != nil {
			return 0, context.Cause(c.ctx)
		}
		if !c.batches.NextBatch(&c.entries, most-f.Len()) {
			if err := c.it.Err(); err != nil {
				return 0, err
			}
			break
		}
		if add == nil {
			f.(*counted).n += c.entries.Len()
		} else if err := add(); err != nil {
			return 0, err
		}
	}
	f.End()
	return f.Len(), nil
}

// counted counts rows of which nothing is asked for.
type counted struct{ n int }

func (*counted) Begin([]*catalog.Vector, int) {}
func (c *counted) Len() int                   { return c.n }
func (*counted) End()                         {}

func (c *cursor) addEntries() error { return c.covered.Add(c.entries.Keys, c.entries.Values) }

func (c *cursor) addRows() error {
	if c.index == nil {
		return c.rows.Add(c.entries.Keys, c.entries.Values)
	}
	f := &c.fetched
	f.keys, f.values, f.memory = f.keys[:0], f.values[:0], f.memory[:0]
	for i, k := range c.entries.Keys {
		if err := c.fetch(k, c.entries.Values[i]); err != nil {
			return err
		}
	}
	f.peak = max(f.peak, len(f.keys))
	return c.rows.Add(f.keys, f.values)
}

// fetch reads the row of an entry of the index.
func (c *cursor) fetch(k, v []byte) error {
	f, s := &c.fetched, c.table.shape
	primary, err := c.finder.PrimaryKey(k, v)
	if err != nil {
		return err
	}
	used := len(f.memory)
	stored, found, err := c.table.tables.txn.Get(s.rows, f.memory[used:], primary)
	if err != nil {
		return err
	}
	if !found {
		return s.damaged(c.index, k, "it has an entry for a row that is not there")
	}
	if cap(f.memory)-used >= len(stored) {
		f.memory = f.memory[:used+len(stored)] // it is there, unless somebody has allocated more than there is need for
	} else {
		f.memory = make([]byte, 0, min(max(2*cap(f.memory), 4<<10), 128<<10)) // what is in the old one stays
	}
	f.keys, f.values = append(f.keys, primary), append(f.values, stored)
	return nil
}

// Close implements exec.Cursor. It may be called again.
func (c *cursor) Close() error {
	if c.ended {
		return nil
	}
	c.ended = true
	c.entries.Release()
	c.fetched.release()
	bufferPool.Put(c.buffers)
	c.buffers = nil
	return c.it.Close()
}

// A single gives the entries of an iterator one at a time.
type single struct {
	Iterator
	begun bool
}

// NextBatch implements BatchIterator.
func (s *single) NextBatch(e *iterator.Entries, _ int) bool {
	e.Reset()
	if s.begun && !s.Next() || !s.begun && !s.First() {
		return false
	}
	s.begun = true
	e.Add(s.Key(), s.Value())
	return true
}
