package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A fetchJoin gets the partners of each row of the left side, which a fetcher finds. Rows come in the order of that side.
type fetchJoin struct {
	run     *run
	joiner  *joiner
	left    Operator
	fetcher fetcher
	buffer  *rowBuffer // what was fetched for the pairs that are being joined
	wide    func(dst, b *catalog.Batch) error
	batch   catalog.Batch
	open    bool // the fetcher has more of the row
	k       int  // which row that is, or the next one
	inBatch bool
	ramp    ramp
	failed  error // of skip or Reset
}

// A fetcher finds the rows that may be partners of a row.
type fetcher interface {
	// open begins with the row at i of a batch.
	open(ctx context.Context, b *catalog.Batch, i int32) error
	// fetch appends the next rows to a buffer, about as many as most. It returns false if there are no more.
	fetch(ctx context.Context, into *rowBuffer, most int) (bool, error)
	// stop ends what open has begun, if there is more or not.
	stop() error
	// close gives back what is kept for other rows.
	close() error
}

// Next implements Operator.
func (f *fetchJoin) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		if f.inBatch {
			b, err := f.joiner.join(ctx, f, f.ramp.next())
			if b != nil || err != nil {
				return b, err
			}
			f.inBatch = false
		}
		b, err := f.left.Next(ctx)
		if b == nil || err != nil {
			return nil, err
		}
		if err := f.wide(&f.batch, b); err != nil {
			return nil, err
		}
		f.joiner.begin(f.buffer)
		f.joiner.start(&f.batch)
		f.k, f.open, f.inBatch = 0, false, true
	}
}

// find implements pairs.
func (f *fetchJoin) find(ctx context.Context, l, r []int32, most int) ([]int32, []int32, bool, error) {
	if f.failed != nil {
		return l, r, false, f.failed
	}
	rows := f.joiner.rows
	f.buffer.clear()
	for f.k < len(rows) {
		if f.buffer.n >= most {
			return l, r, true, nil
		}
		if !f.open {
			if err := f.fetcher.open(ctx, &f.batch, rows[f.k]); err != nil {
				return l, r, false, err
			}
			f.open = true
		}
		from := f.buffer.n
		more, err := f.fetcher.fetch(ctx, f.buffer, most-from)
		if err != nil {
			return l, r, false, err
		}
		for at := from; at < f.buffer.n; at++ {
			l, r = append(l, rows[f.k]), append(r, int32(at))
		}
		if !more {
			if err := f.stop(); err != nil {
				return l, r, false, err
			}
		}
	}
	return l, r, false, nil
}

// stop ends with a row.
func (f *fetchJoin) stop() error {
	f.open = false
	f.k++
	return f.fetcher.stop()
}

// skip implements pairs. A row that is not skipped costs time only.
func (f *fetchJoin) skip(row int32) {
	if f.open && f.joiner.rows[f.k] == row {
		f.failed = f.stop()
	}
}

// Reset implements Operator.
func (f *fetchJoin) Reset() {
	f.left.Reset()
	f.failed = errors.Join(f.failed, f.fetcher.stop())
	f.inBatch, f.open = false, false
	f.ramp.reset()
}

// Close implements Operator.
func (f *fetchJoin) Close() error { return errors.Join(f.fetcher.stop(), f.fetcher.close()) }

// A lateral is the fetcher of a join whose right side names columns of the left one.
type lateral struct {
	right  Operator
	env    *expr.Env
	around *expr.Env // of the join
	width  int       // columns of the left side
	fresh  bool      // right was not read since it began
}

func newLateralJoin(b *builder, n *physical.NestedLoopJoin, left Operator) (Operator, error) {
	columns := n.Left.Columns()
	inner := &scope{outer: map[expr.ColumnID]int{}, env: &expr.Env{}}
	*inner.env = *b.env()
	for id, at := range b.scope.outer {
		inner.outer[id] = at + len(columns)
	}
	for i, c := range columns {
		inner.outer[c.ID] = i
	}
	right, err := b.within(inner).build(n.Right)
	if err != nil {
		return nil, err
	}
	f := &fetchJoin{
		run: b.run, left: left, buffer: newRowBuffer(len(n.Right.Columns())), ramp: ramp{most: b.options.BatchRows},
		fetcher: &lateral{right: right, env: inner.env, around: b.env(), width: len(columns), fresh: true},
		wide:    func(dst, b *catalog.Batch) error { *dst = *b; return nil },
	}
	if n.Kind == plan.FullJoin {
		return nil, b.unknown(n)
	}
	f.joiner, err = b.newJoiner(n.Kind, columns, n.Right.Columns(), n.Output, n.On, n.Single, true)
	return f, err
}

func (l *lateral) open(_ context.Context, b *catalog.Batch, i int32) error {
	kept := l.env.Outer[:0]
	*l.env = *l.around
	for _, v := range b.Columns[:l.width] {
		kept = append(kept, v.Value(int(i)))
	}
	l.env.Outer = append(kept, l.around.Outer...)
	if !l.fresh {
		l.right.Reset()
	}
	l.fresh = false
	return nil
}

func (l *lateral) fetch(ctx context.Context, into *rowBuffer, _ int) (bool, error) {
	b, err := l.right.Next(ctx)
	if b == nil || err != nil {
		return false, err
	}
	return true, into.append(b, nil)
}

func (l *lateral) stop() error { return nil }

func (l *lateral) close() error { return nil }
