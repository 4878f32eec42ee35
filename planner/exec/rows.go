package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
)

// A rowsOperator gives the rows of a physical.Rows.
type rowsOperator struct {
	env   *expr.Env
	rows  [][]*expr.Program
	batch catalog.Batch
	most  int
	at    int // the next row
}

func newRows(b *builder, n *physical.Rows) (Operator, error) {
	o := &rowsOperator{env: b.env(), most: b.options.BatchRows, rows: make([][]*expr.Program, len(n.Rows))}
	for range n.Output {
		o.batch.Columns = append(o.batch.Columns, &catalog.Vector{})
	}
	s := b.slots()
	for i, row := range n.Rows {
		o.rows[i] = make([]*expr.Program, len(row))
		for j, e := range row {
			var err error
			if o.rows[i][j], err = expr.Compile(e, s); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// Next implements Operator.
func (o *rowsOperator) Next(ctx context.Context) (*catalog.Batch, error) {
	n := min(o.most, len(o.rows)-o.at)
	if n == 0 {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for j, v := range o.batch.Columns {
		v.Reset(0, 0, n)
		for i := range n {
			x, err := o.rows[o.at+i][j].Eval(nil, o.env)
			if err != nil {
				return nil, err
			}
			v.Set(i, n, x)
		}
	}
	o.batch.Len, o.batch.Sel = n, nil
	o.at += n
	return &o.batch, nil
}

// Reset implements Operator.
func (o *rowsOperator) Reset() { o.at = 0 }

// Close implements Operator.
func (o *rowsOperator) Close() error { return nil }
