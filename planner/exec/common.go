package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// A common is the rows of a physical.Common, which are computed when they are first wanted.
type common struct {
	run    *run
	node   *physical.Common
	budget *budget
	root   Operator
	places []int
	rows   *rowBuffer
	file   *spillFile // what did not fit into rows; it comes behind them
	read   bool       // everything was
	stale  bool       // root must begin again
	failed error
}

// common returns what a number stands for, with its operators.
func (b *builder) common(number int) (*common, error) {
	c := b.commons[number]
	if c == nil {
		return nil, b.missing("query in WITH", number)
	}
	if c.root != nil {
		return c, nil
	}
	env := b.options.Env
	var err error
	if c.root, err = b.within(&scope{env: &env}).build(c.node.Root); err != nil {
		return nil, err
	}
	c.run, c.budget = b.run, b.budget(c.node.Root)
	c.rows = newRowBuffer(len(c.node.Columns))
	c.places, err = placesOf(c.node.Root.Columns(), c.node.Columns)
	return c, err
}

// fill computes the rows, if that was not done.
func (c *common) fill(ctx context.Context) error {
	if c.stale {
		c.stale = false
		c.root.Reset()
	}
	var some catalog.Batch
	for !c.read && c.failed == nil {
		b, err := c.root.Next(ctx)
		switch {
		case err != nil:
		case b == nil:
			c.read = true
			if c.file != nil {
				err = c.file.finish()
			}
		default:
			choose(&some, b, c.places)
			err = c.keep(&some)
		}
		c.failed = err
	}
	return c.failed
}

// keep keeps rows in memory, or in a file when that is full.
func (c *common) keep(b *catalog.Batch) (err error) {
	if c.file == nil {
		if c.budget.Grow(batchBytes(b, nil)) == nil {
			return c.rows.append(b, nil)
		}
		if c.file, err = c.run.newSpillFile(c.budget, "the rows of a query in WITH"); err != nil {
			return err
		}
	}
	return c.file.write(b.Columns, selected(b))
}

// forget has the rows be computed again.
func (c *common) forget() {
	if c.root == nil || !c.read && c.failed == nil {
		return
	}
	c.failed = c.file.close()
	c.file, c.read, c.stale = nil, false, true
	c.rows.clear()
	c.budget.Release()
}

// close gives back what is kept.
func (c *common) close() error {
	if c.budget != nil {
		c.budget.Release()
	}
	return c.file.close()
}

// A reference reads a common.
type reference struct {
	common *common
	at     int // of its rows
	reader *spillReader
	batch  catalog.Batch
	most   int
}

func newReference(b *builder, n *physical.Reference) (Operator, error) {
	c, err := b.common(n.Number)
	if err != nil {
		return nil, err
	}
	return &reference{common: c, most: b.options.BatchRows}, nil
}

// Next implements Operator.
func (r *reference) Next(ctx context.Context) (*catalog.Batch, error) {
	if err := errors.Join(ctx.Err(), r.common.fill(ctx)); err != nil {
		return nil, err
	}
	rows := r.common.rows
	if n := min(r.most, rows.n-r.at); n > 0 {
		rows.view(&r.batch, r.at, r.at+n)
		r.at += n
		return &r.batch, nil
	}
	if r.common.file == nil {
		return nil, nil
	}
	if r.reader == nil {
		r.reader = r.common.file.reader(len(rows.columns))
	}
	return r.reader.next()
}

// Reset implements Operator.
func (r *reference) Reset() { r.at, r.reader = 0, nil }

// Close implements Operator.
func (r *reference) Close() error { return nil }
