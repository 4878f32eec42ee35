package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// A virtualScan reads a table whose rows are computed, all at once.
type virtualScan struct {
	node  *physical.Scan
	when  condition
	rows  [][]catalog.Value
	begun bool
	at    int
	most  int
	batch catalog.Batch
	out   catalog.Batch
}

func newVirtualScan(b *builder, n *physical.Scan) (Operator, error) {
	s := &virtualScan{node: n, most: b.options.BatchRows}
	for range n.Places {
		s.batch.Columns = append(s.batch.Columns, &catalog.Vector{})
	}
	k, err := b.kernels(n.Filter, n.Output)
	s.when = condition{kernels: k, env: b.env()}
	return s, err
}

// Next implements Operator.
func (s *virtualScan) Next(ctx context.Context) (_ *catalog.Batch, err error) {
	if !s.begun {
		if s.rows, err = s.node.Relation.Virtual(); err != nil {
			return nil, err
		}
		s.begun = true
	}
	for s.at < len(s.rows) {
		if err = ctx.Err(); err != nil {
			return nil, err
		}
		s.load(min(s.most, len(s.rows)-s.at))
		s.out = s.batch
		if len(s.when.kernels) > 0 {
			if s.out.Sel, err = s.when.apply(&s.batch); err != nil {
				return nil, err
			}
		}
		if s.out.Rows() > 0 {
			return &s.out, nil
		}
	}
	return nil, nil
}

// load fills the batch with the next rows.
func (s *virtualScan) load(n int) {
	for j, at := range s.node.Places {
		v := s.batch.Columns[j]
		v.Reset(0, 0, n)
		for i := range n {
			x := catalog.Int(int64(s.at + i))
			if at >= 0 {
				x = s.rows[s.at+i][at]
			}
			v.Set(i, n, x)
		}
	}
	s.batch.Len, s.batch.Sel = n, nil
	s.at += n
}

// Reset implements Operator.
func (s *virtualScan) Reset() { s.at = 0 }

// Close implements Operator.
func (s *virtualScan) Close() error { return nil }
