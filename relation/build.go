package relation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
)

// How many rows one transaction of a building takes: the most at first, fewer after a conflict.
const (
	mostBatchRows  = 10_000
	leastBatchRows = 16
)

// BuildIndex adds an index to a table that is written meanwhile. It is committed as Building first, so that all who write
// rows from then on keep it up to date, which is certain as they depend on the schema; then rows are entered in batches, each
// by a transaction that depends on the rows which it has read; then it is committed as Ready, and only then used. If two rows
// have the same values in a unique index, the error names both. On an error, or when ctx ends, the index is dropped.
//
// Progress may be nil. It is told after each batch how many rows are done, of about how many.
func (c *Catalog) BuildIndex(ctx context.Context, table string, d IndexDefinition, progress func(done, total uint64)) error {
	b := &building{catalog: c, limit: c.batch}
	if err := b.begin(ctx, table, d); err != nil {
		return err
	}
	return b.run(ctx, table, progress)
}

// RebuildIndex makes an index anew from the rows of its table. It is for tools that restore rows and not the entries of
// indexes, in a database that nobody else uses. If the index cannot be made it is dropped, as by BuildIndex.
func (c *Catalog) RebuildIndex(ctx context.Context, table, name string) error {
	b := &building{catalog: c, limit: c.batch, name: name}
	err := c.db.Update(ctx, func(txn Txn) error {
		h, err := c.Tables(ctx, txn).Table(table)
		if err != nil {
			return err
		}
		ix, err := h.shape.index(name)
		if err != nil {
			return err
		}
		b.table, b.id = h.shape.ID, ix.ID
		return txn.Clear(ix.space)
	})
	if err == nil {
		err = b.change(ctx, func(s *catalog.Table) (*catalog.Table, error) { return s.SetIndexState(b.name, catalog.Building) })
	}
	if err != nil {
		return fmt.Errorf("make index %s of table %s anew: %w", name, table, err)
	}
	return b.run(ctx, table, nil)
}

// run fills the index, and commits it as Ready or drops it.
func (b *building) run(ctx context.Context, table string, progress func(done, total uint64)) error {
	err := b.fill(ctx, progress)
	if err == nil {
		err = b.finish(ctx)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("build index %s of table %s: %w", b.name, table, err)
	if dropErr := b.drop(context.WithoutCancel(ctx)); dropErr != nil {
		b.catalog.leave(b)
		err = errors.Join(err, fmt.Errorf("drop what was built of it, which is tried again when the next transaction begins: %w", dropErr))
	}
	return err
}

// leave notes a building that has failed and whose index could not be dropped.
func (c *Catalog) leave(b *building) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, b)
	c.untidy.Store(true)
}

// Tidy drops indexes whose building has failed and that could not be dropped then, if there are any: until that is done they
// are kept up to date like others, and unique ones refuse rows. What cannot be dropped is left for the next call.
func (c *Catalog) Tidy(ctx context.Context) {
	if !c.untidy.Swap(false) {
		return
	}
	c.mu.Lock()
	left := c.left
	c.left = nil
	c.mu.Unlock()
	for _, b := range left {
		if err := b.drop(ctx); err != nil {
			c.leave(b)
		}
	}
}

// A building is an index that is being built.
type building struct {
	catalog *Catalog
	table   uint32
	id      uint32
	name    string
	limit   int // of rows of the last batch
	total   uint64
	done    uint64
	next    []byte // the key of the row that comes next; nil: the first
	entries []entry
	memory  []byte
}

// An entry is one that is to be written. Its slices are parts of the memory of the building.
type entry struct{ key, value, primary []byte }

// begin commits the index as Building.
func (b *building) begin(ctx context.Context, table string, d IndexDefinition) error {
	return b.catalog.db.Update(ctx, func(txn Txn) error {
		t := b.catalog.Tables(ctx, txn)
		h, err := t.Table(table)
		if err != nil {
			return err
		}
		ix, err := d.index(h.shape.Table)
		if err != nil {
			return err
		}
		next, err := h.shape.AddIndex(ix)
		if err != nil {
			return err
		}
		if b.total, err = h.Estimate(); err != nil {
			return err
		}
		if err = t.schemaStatement(func() error { return t.alter(h, next, alterOptions{state: catalog.Building}) }); err != nil {
			return err
		}
		s, err := t.Schema(table)
		if err != nil {
			return err
		}
		added, _ := s.Index(ix.Name)
		b.table, b.id, b.name = s.ID, added.ID, ix.Name
		return nil
	})
}

// open returns the table and the index in a transaction.
func (b *building) open(ctx context.Context, txn Txn) (*Table, *index, error) {
	h, err := b.catalog.Tables(ctx, txn).handle(b.table)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(h.shape.indexes, func(ix *index) bool { return ix.ID == b.id })
	if i < 0 {
		return nil, nil, fmt.Errorf("%w: somebody has dropped it", &NameError{ErrNoIndex, h.shape.Name, b.name})
	}
	return h, h.shape.indexes[i], nil
}

// fill enters all rows.
func (b *building) fill(ctx context.Context, progress func(done, total uint64)) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var rows int
		var last []byte
		// It runs again after a conflict, with fewer rows; a success has the next batch be larger.
		limit := min(4*b.limit, 2*b.catalog.batch)
		err := b.catalog.db.Update(ctx, func(txn Txn) (err error) {
			limit = max(limit/2, min(leastBatchRows, b.catalog.batch))
			rows, last, err = b.batch(ctx, txn, limit)
			return err
		})
		if err != nil {
			return err
		}
		b.limit = limit
		if more = rows == limit; more {
			b.next = append(last, 0)
		}
		b.done += uint64(rows)
		if progress != nil {
			progress(b.done, max(b.done, b.total))
		}
	}
	return nil
}

// batch enters rows from b.next on, as many as limit at most. It returns how many, and the key of the last.
func (b *building) batch(ctx context.Context, txn Txn, limit int) (rows int, last []byte, err error) {
	h, ix, err := b.open(ctx, txn)
	if err != nil {
		return 0, nil, err
	}
	h.depend()
	if rows, last, err = b.read(h, ix, limit); err != nil {
		return 0, nil, err
	}
	var upper []byte
	if rows == limit {
		upper = append(bytes.Clone(last), 0)
	}
	txn.DependOnRange(h.shape.rows, b.next, upper)
	slices.SortFunc(b.entries, func(x, y entry) int { return bytes.Compare(x.key, y.key) })
	for i, e := range b.entries {
		if i > 0 && bytes.Equal(b.entries[i-1].key, e.key) {
			return 0, nil, b.double(h.shape, ix, e.key, b.entries[i-1].primary, e.primary)
		}
		if ix.Unique {
			v, found, err := txn.Get(ix.space, h.value[:0], e.key)
			h.value = v
			switch {
			case err != nil:
				return 0, nil, err
			case found && !bytes.Equal(v, e.value):
				return 0, nil, b.double(h.shape, ix, e.key, v, e.primary)
			}
		}
		if err := txn.Put(ix.space, e.key, e.value); err != nil {
			return 0, nil, err
		}
	}
	return rows, last, nil
}

// read makes the entries of rows.
func (b *building) read(h *Table, ix *index, limit int) (rows int, last []byte, err error) {
	b.entries, b.memory = b.entries[:0], b.memory[:0]
	s := h.shape
	decoder := s.NewRowDecoder(placesOf(ix.columns))
	var values []catalog.Value
	row := make([]catalog.Value, len(s.Columns))
	err = h.tables.each(s.rows, Bounds{Lower: b.next}, func(k, v []byte) error {
		if rows == limit {
			return errEnough
		}
		if values, err = decoder.Decode(values[:0], k, v); err != nil {
			return err
		}
		for i, c := range ix.columns {
			row[c.at] = values[i]
		}
		rows++
		last = append(last[:0], k...)
		return b.add(s, ix, row, k)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return rows, last, err
}

var errEnough = errors.New("this is enough")

// add adds the entry of a row.
func (b *building) add(s *shape, ix *index, row []catalog.Value, primary []byte) error {
	k, value, err := s.AppendIndexKey(b.memory[len(b.memory):], ix.Index, row, primary)
	if err != nil {
		return err
	}
	if err := s.fits(ix, k, value); err != nil {
		return err
	}
	keep := func(p []byte) []byte {
		if cap(b.memory)-len(b.memory) < len(p) {
			b.memory = make([]byte, 0, max(min(2*cap(b.memory), 1<<20), 1<<12, len(p)))
		}
		b.memory = append(b.memory, p...)
		return b.memory[len(b.memory)-len(p):]
	}
	e := entry{key: keep(k), primary: keep(primary)}
	if len(value) > 0 {
		e.value = e.primary
	}
	b.entries = append(b.entries, e)
	return nil
}

// double returns the error of two rows that want the same entry.
func (b *building) double(s *shape, ix *index, k, one, other []byte) error {
	values, err := s.IndexEntryValues(nil, ix.Index, k)
	if err != nil {
		return err
	}
	row := make([]catalog.Value, len(s.Columns))
	for i, c := range ix.columns {
		row[c.at] = values[i]
	}
	return s.notUnique(ix, row, one, other)
}

// finish commits the index as Ready.
func (b *building) finish(ctx context.Context) error {
	return b.change(ctx, func(s *catalog.Table) (*catalog.Table, error) { return s.SetIndexState(b.name, catalog.Ready) })
}

// drop drops the index, if it is still there.
func (b *building) drop(ctx context.Context) error {
	err := b.change(ctx, func(s *catalog.Table) (*catalog.Table, error) { return s.DropIndex(b.name) })
	if errors.Is(err, ErrNoTable) || errors.Is(err, ErrNoIndex) {
		return nil
	}
	return err
}

// change changes the schema of the table.
func (b *building) change(ctx context.Context, change func(*catalog.Table) (*catalog.Table, error)) error {
	return b.catalog.db.Update(ctx, func(txn Txn) error {
		h, ix, err := b.open(ctx, txn)
		if err != nil {
			return err
		}
		b.name = ix.Name
		return h.tables.schemaStatement(func() error {
			next, err := change(h.shape.Table)
			if err != nil {
				return err
			}
			return h.tables.alter(h, next, alterOptions{state: catalog.Ready, building: true})
		})
	})
}
