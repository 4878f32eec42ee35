package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
)

// A nestedLoop pairs each row of the left side with all of the right one, which it keeps. What does not fit into memory goes
// to a file, which is then read again, part by part: for each row of the left side, as rows come in the order of that side,
// or for each batch where the joiner decides about all rows of a batch at once.
type nestedLoop struct {
	run    *run
	joiner *joiner

	left, right Operator
	fixed       bool // the right side gives the same rows each time
	store       *rowStore
	read        bool // the store has the right side
	state       joinState
	ramp        ramp
	k, at       int   // the next pair: of the rows that are probed with, and of the part
	failed      error // of Reset

	// Of a right side with a file:
	part   *rowBuffer // rows of it, or all of it if there is no file
	from   int        // what of the right side is before the part
	loaded bool       // the part is there, and was not joined yet with all that is probed with
	reader storeReader
	probe  *catalog.Batch // what is left of a batch of the left side
	rest   []int32        // its rows
	one    catalog.Batch  // one of them
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
		run: b.run, left: left, right: right, fixed: b.fixed(n.Right), ramp: ramp{most: b.options.BatchRows},
		store: b.newRowStore(b.budget(n), len(n.Right.Columns()), "the rows on the right side of a nested loop"),
	}
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
			o.state = toProbe
		case toProbe:
			if err := o.start(ctx); err != nil {
				return nil, err
			}
		case inBatch:
			b, err := o.joiner.join(ctx, o, o.ramp.next())
			if b != nil || err != nil {
				return b, err
			}
			o.state = toProbe
		default:
			b := o.joiner.unmatched(o.run.options.BatchRows)
			if b != nil || o.store.file == nil || !o.joiner.keepBuild {
				return b, nil
			}
			if some, err := o.load(); !some || err != nil {
				return nil, err
			}
		}
	}
}

// fill reads the right side.
func (o *nestedLoop) fill(ctx context.Context) error {
	if o.failed != nil {
		return o.failed
	}
	for !o.read {
		b, err := o.right.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			o.read = true
			break
		}
		if err := o.store.add(b); err != nil {
			return err
		}
	}
	if o.part = o.store.rows; o.store.file != nil {
		o.part = newRowBuffer(len(o.part.columns))
	}
	o.joiner.beginParts(o.part, o.store.count())
	return nil
}

// start begins to probe with the next batch of the left side, or, if the right side has a file, with its next row.
func (o *nestedLoop) start(ctx context.Context) error {
	if len(o.rest) == 0 {
		b, err := o.left.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			o.state = atRest
			o.rewind()
			return nil
		}
		o.probe, o.rest = b, selected(b)
	}
	if o.store.file == nil || o.joiner.leftRows() {
		o.joiner.start(o.probe)
		o.rest = nil
	} else {
		o.one = catalog.Batch{Columns: o.probe.Columns, Len: o.probe.Len, Sel: o.rest[:1:1]}
		o.joiner.start(&o.one)
		o.rest = o.rest[1:]
	}
	o.rewind()
	o.k, o.at, o.state = 0, 0, inBatch
	return nil
}

// rewind has the next part be the first one.
func (o *nestedLoop) rewind() {
	if o.store.file == nil {
		return
	}
	o.reader = storeReader{store: o.store}
	o.part.clear()
	o.from, o.loaded = 0, false
	o.joiner.part(o.part, 0)
}

// load reads the next part from memory or the file, at least one batch. It returns false at the end.
func (o *nestedLoop) load() (bool, error) {
	o.from += o.part.n
	o.part.clear()
	for o.part.n == 0 || o.part.bytes < o.store.hold.least {
		b, err := o.reader.next(o.run.options.BatchRows)
		if err != nil {
			return false, err
		}
		if b == nil {
			break
		}
		if err := o.part.append(b, nil); err != nil {
			return false, err
		}
	}
	o.joiner.part(o.part, o.from)
	o.k, o.at, o.loaded = 0, 0, o.part.n > 0
	return o.loaded, nil
}

// find implements pairs.
func (o *nestedLoop) find(_ context.Context, l, r []int32, most int) ([]int32, []int32, bool, error) {
	if o.store.file != nil && !o.loaded {
		if some, err := o.load(); !some || err != nil {
			return l, r, false, err
		}
	}
	rows, n := o.joiner.rows, o.part.n
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
	o.loaded = false
	return l, r, o.store.file != nil, nil
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
	o.state, o.rest = toBuild, nil
	if o.fixed && o.read {
		return
	}
	o.right.Reset()
	o.failed = errors.Join(o.failed, o.store.clear())
	o.read = false
}

// Close implements Operator.
func (o *nestedLoop) Close() error {
	return o.store.clear()
}
