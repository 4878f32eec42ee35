package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// A nestedLoop pairs each row of the left side with all of the right one, which it keeps.
type nestedLoop struct {
	run    *run
	budget *budget
	holding
	joiner *joiner

	left, right Operator
	fixed       bool // the right side gives the same rows each time
	buffer      *rowBuffer
	read        bool // the buffer has the right side
	state       joinState
	ramp        ramp
	k, at       int // the next pair: of the rows of the batch, and of the buffer
}

func newNestedLoopJoin(b *builder, n *physical.NestedLoopJoin) (Operator, error) {
	left, err := b.build(n.Left)
	if err != nil {
		return nil, err
	}
	if n.Lateral {
		return newLateralJoin(b, n, left)
	}
	right, err := b.build(n.Right)
	if err != nil {
		return nil, err
	}
	o := &nestedLoop{
		run: b.run, budget: b.budget(n), left: left, right: right, fixed: b.fixed(n.Right),
		buffer: newRowBuffer(len(n.Right.Columns())), ramp: ramp{most: b.options.BatchRows},
	}
	o.holding = b.holding(o.budget)
	o.joiner, err = b.newJoiner(n.Kind, n.Left.Columns(), n.Right.Columns(), n.Output, n.On, n.Single, true)
	return o, err
}

// Next implements Operator.
func (o *nestedLoop) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		switch o.state {
		case toBuild:
			if err := o.fill(ctx); err != nil {
				return nil, err
			}
			o.joiner.begin(o.buffer)
			o.state = toProbe
		case toProbe:
			b, err := o.left.Next(ctx)
			if err != nil {
				return nil, err
			}
			if o.state = atRest; b != nil {
				o.joiner.start(b)
				o.k, o.at, o.state = 0, 0, inBatch
			}
		case inBatch:
			b, err := o.joiner.join(ctx, o, o.ramp.next())
			if b != nil || err != nil {
				return b, err
			}
			o.state = toProbe
		default:
			return o.joiner.unmatched(o.run.options.BatchRows), nil
		}
	}
}

// fill reads the right side.
func (o *nestedLoop) fill(ctx context.Context) error {
	for !o.read {
		b, err := o.right.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			o.read = true
			return nil
		}
		if err := o.buffer.append(b, nil); err != nil {
			return err
		}
		if !o.fits(o.buffer.bytes) {
			return o.run.tooMuch("the rows on the right side of a nested loop")
		}
	}
	return nil
}

// find implements pairs.
func (o *nestedLoop) find(_ context.Context, l, r []int32, most int) ([]int32, []int32, bool, error) {
	rows, n := o.joiner.rows, o.buffer.n
	for ; o.k < len(rows); o.k, o.at = o.k+1, 0 {
		end := min(n, o.at+most-len(l))
		i := rows[o.k]
		for ; o.at < end; o.at++ {
			l, r = append(l, i), append(r, int32(o.at))
		}
		if o.at < n {
			return l, r, true, nil
		}
	}
	return l, r, false, nil
}

// skip implements pairs.
func (o *nestedLoop) skip(row int32) {
	if o.k < len(o.joiner.rows) && o.joiner.rows[o.k] == row {
		o.k, o.at = o.k+1, 0
	}
}

// Reset implements Operator.
func (o *nestedLoop) Reset() {
	o.left.Reset()
	o.ramp.reset()
	o.state = toBuild
	if o.fixed && o.read {
		return
	}
	o.right.Reset()
	o.buffer.clear()
	o.budget.Release()
	o.read = false
}

// Close implements Operator.
func (o *nestedLoop) Close() error {
	o.budget.Release()
	return nil
}
