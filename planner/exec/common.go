package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// A common is the rows of a physical.Common. They are computed as far as one of those that read them asks for them, and
// kept for the others: a recursive query need not end if nobody reads it to its end.
type common struct {
	node   *physical.Common
	root   Operator
	places []int
	store  *rowStore
	batch  catalog.Batch
	begun  bool  // something was read of root
	read   bool  // everything was
	stale  bool  // root must begin again
	failed error // the first one
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
	c.store = b.newRowStore(b.budget(c.node.Root), len(c.node.Columns), "the rows of a query in WITH")
	c.places, err = placesOf(c.node.Root.Columns(), c.node.Columns)
	return c, err
}

// more computes some more rows. It returns false if there are none.
func (c *common) more(ctx context.Context) (bool, error) {
	if c.read || c.failed != nil {
		return false, c.failed
	}
	if c.stale {
		c.stale = false
		c.root.Reset()
	}
	c.begun = true
	b, err := c.root.Next(ctx)
	if err == nil && b != nil {
		choose(&c.batch, b, c.places)
		err = c.store.add(&c.batch)
	}
	c.failed, c.read = err, b == nil
	return b != nil, err
}

// forget has the rows be computed again.
func (c *common) forget() {
	if !c.begun {
		return
	}
	c.failed = c.store.clear()
	c.begun, c.read, c.stale = false, false, true
}

// close gives back what is kept.
func (c *common) close() error {
	if c.store == nil {
		return nil
	}
	return c.store.clear()
}

// A reference reads a common.
type reference struct {
	common *common
	reader storeReader
	most   int
}

func newReference(b *builder, n *physical.Reference) (Operator, error) {
	c, err := b.common(n.Number)
	if err != nil {
		return nil, err
	}
	return &reference{common: c, reader: storeReader{store: c.store}, most: b.options.BatchRows}, nil
}

// Next implements Operator.
func (r *reference) Next(ctx context.Context) (*catalog.Batch, error) {
	if err := errors.Join(ctx.Err(), r.common.failed); err != nil {
		return nil, err
	}
	for {
		b, err := r.reader.next(r.most)
		if b != nil || err != nil {
			return b, err
		}
		if some, err := r.common.more(ctx); !some || err != nil {
			return nil, err
		}
	}
}

// Reset implements Operator.
func (r *reference) Reset() { r.reader.reset() }

// Close implements Operator.
func (r *reference) Close() error { return nil }
