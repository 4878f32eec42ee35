package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
)

// A project computes columns, and passes on without copying those that are there.
type project struct {
	input   Operator
	env     *expr.Env
	places  []int          // of each column in the input; negative: it is computed
	kernels []*expr.Kernel // of those that are
	batch   catalog.Batch
}

func newProject(b *builder, n *physical.Project, input Operator) (Operator, error) {
	p := &project{input: input, env: b.env()}
	s := b.slots(n.Input.Columns())
	for i := range n.Items {
		e := n.Items[i].Expr
		at, here := s.Columns[e.Column]
		if e.Op == expr.OpColumn && here {
			p.places, p.kernels = append(p.places, at), append(p.kernels, nil)
			continue
		}
		k, err := expr.NewKernel(e, s)
		if err != nil {
			return nil, err
		}
		p.places, p.kernels = append(p.places, -1), append(p.kernels, k)
	}
	p.batch.Columns = make([]*catalog.Vector, len(n.Items))
	return p, nil
}

// Next implements Operator.
func (p *project) Next(ctx context.Context) (*catalog.Batch, error) {
	b, err := p.input.Next(ctx)
	if b == nil || err != nil {
		return nil, err
	}
	for i, at := range p.places {
		if at >= 0 {
			p.batch.Columns[i] = b.Columns[at]
		} else if p.batch.Columns[i], err = p.kernels[i].Eval(b, p.env); err != nil {
			return nil, err
		}
	}
	p.batch.Len, p.batch.Sel = b.Len, b.Sel
	return &p.batch, nil
}

// Reset implements Operator.
func (p *project) Reset() { p.input.Reset() }

// Close implements Operator.
func (p *project) Close() error { return nil }
