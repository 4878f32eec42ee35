package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
)

// A condition is a conjunction.
type condition struct {
	kernels []*expr.Kernel
	env     *expr.Env
	sel     [2][]int32
}

// apply returns the places of the rows of the batch for which all conditions are true; the list is not nil. It is valid until
// the next call. There is at least one condition.
func (c *condition) apply(b *catalog.Batch) ([]int32, error) {
	sel, old := b.Sel, b.Sel
	for i, k := range c.kernels {
		if c.sel[i%2] == nil {
			c.sel[i%2] = make([]int32, 0, b.Len) // not nil, which would be all rows
		}
		out, err := k.Select(b, c.env, c.sel[i%2][:0])
		c.sel[i%2] = out
		if err != nil {
			b.Sel = old
			return nil, err
		}
		if sel = out; len(sel) == 0 {
			b.Sel = old
			return []int32{}, nil // and not nil, which would be all rows
		}
		b.Sel = sel
	}
	b.Sel = old
	return sel, nil
}

// A filter leaves rows out.
type filter struct {
	input Operator
	when  condition
	batch catalog.Batch
}

func newFilter(b *builder, n *physical.Filter, input Operator) (Operator, error) {
	k, err := b.kernels(n.Conditions, n.Input.Columns())
	if err != nil {
		return nil, err
	}
	if len(k) == 0 {
		return &pass{input}, nil
	}
	return &filter{input: input, when: condition{kernels: k, env: b.env()}}, nil
}

// Next implements Operator.
func (f *filter) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		b, err := f.input.Next(ctx)
		if b == nil || err != nil {
			return nil, err
		}
		f.batch = *b
		if f.batch.Sel, err = f.when.apply(b); err != nil {
			return nil, err
		}
		if len(f.batch.Sel) > 0 {
			return &f.batch, nil
		}
	}
}

// Reset implements Operator.
func (f *filter) Reset() { f.input.Reset() }

// Close implements Operator.
func (f *filter) Close() error { return nil }

// A pass gives what its input gives.
type pass struct{ input Operator }

// Next implements Operator.
func (p *pass) Next(ctx context.Context) (*catalog.Batch, error) { return p.input.Next(ctx) }

// Reset implements Operator.
func (p *pass) Reset() { p.input.Reset() }

// Close implements Operator.
func (p *pass) Close() error { return nil }
