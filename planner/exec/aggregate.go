package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// aggregate groups rows, in a hash table. When that takes too much memory, it takes no new groups in: rows of others go to
// temporary files, which are grouped one after the other when the groups of the table were given. Of an input that is sorted
// by groups it gives some of these whenever there are enough.
type aggregate struct {
	input   Operator
	run     *run
	hold    holding
	table   *groupTable
	keys    *rowBuffer // the first row of each group: the columns by which they are grouped
	calls   []*aggregateCall
	columns int      // of input
	sorted  boundary // without keys: the input is not sorted
	groups  int      // how many columns groups have
	from    []int    // of each column of the output: a column of keys, or a call behind them

	started, giving, ended bool
	at                     int // the next group to be given
	pending                *catalog.Batch
	pendingAt              int
	parts                  *partitions
	level                  int
	todo                   []part
	current                part
	batch                  catalog.Batch
	results                []column
	views                  []*catalog.Vector // of keys
	rows, list             []int32
}

func newHashAggregate(b *builder, n *physical.HashAggregate, input Operator) (Operator, error) {
	return newAggregate(b, n, input, n.Groups, n.Aggregates)
}

func newSortAggregate(b *builder, n *physical.SortAggregate, input Operator) (Operator, error) {
	a, err := newAggregate(b, n, input, n.Groups, n.Aggregates)
	if err != nil {
		return nil, err
	}
	a.sorted.byGroups = true
	for _, at := range a.table.places {
		a.sorted.encoder.keys = append(a.sorted.encoder.keys, sortKey{place: at})
	}
	return a, nil
}

func newAggregate(b *builder, n physical.Node, input Operator, groups []expr.ColumnID, calls []plan.Aggregation) (*aggregate, error) {
	columns := n.Inputs()[0].Columns()
	if groups == nil {
		groups = []expr.ColumnID{}
	}
	places, types, err := keyPlaces(columns, groups)
	if err != nil {
		return nil, err
	}
	a := &aggregate{
		input: input, run: b.run, hold: b.holding(b.budget(n)), table: newGroupTable(places, types),
		keys: newRowBuffer(len(places)), columns: len(columns), groups: len(places),
		results: make([]column, len(calls)), views: newVectors(len(places)),
	}
	for i := range calls {
		c, err := newAggregateCall(b, &calls[i], columns, func() *budget { return b.budget(n) })
		if err != nil {
			return nil, err
		}
		a.calls = append(a.calls, c)
	}
	for _, c := range n.Columns() {
		at := -1
		for i, id := range groups {
			if id == c.ID {
				at = i
			}
		}
		for i := range calls {
			if calls[i].Column.ID == c.ID {
				at = len(groups) + i
				a.results[i].Kind, a.results[i].Scale = calls[i].Column.Type.Kind, calls[i].Column.Type.Scale
			}
		}
		if at < 0 {
			return nil, sqlstate.New(sqlstate.InternalError, -1, "an aggregate does not compute column %d", c.ID)
		}
		a.from = append(a.from, at)
	}
	a.batch.Columns = make([]*catalog.Vector, len(a.from))
	return a, nil
}

// Next implements Operator.
func (a *aggregate) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		if a.giving {
			if a.at < a.table.groups {
				return a.give(min(a.run.options.BatchRows, a.table.groups-a.at))
			}
			if err := a.clear(); err != nil {
				return nil, err
			}
		}
		more, err := a.read(ctx)
		if err != nil || !more {
			return nil, err
		}
		for _, c := range a.calls {
			if err := c.finish(ctx); err != nil {
				return nil, err
			}
		}
		a.giving = true
	}
}

// give returns the next n groups.
func (a *aggregate) give(n int) (*catalog.Batch, error) {
	for i, c := range a.calls {
		v := &a.results[i].Vector
		v.Reset(v.Kind, v.Scale, n)
		for j := range n {
			x, err := c.value(int32(a.at + j))
			if err != nil {
				return nil, err
			}
			v.Set(j, n, x)
		}
	}
	for i, from := range a.from {
		if from >= a.groups {
			a.batch.Columns[i] = &a.results[from-a.groups].Vector
			continue
		}
		viewVector(a.views[from], a.keys.columns[from], a.at, a.at+n)
		a.batch.Columns[i] = a.views[from]
	}
	a.batch.Len = n
	a.at += n
	return &a.batch, nil
}

// clear forgets the groups.
func (a *aggregate) clear() error {
	a.table.reset()
	a.keys.clear()
	a.giving, a.at = false, 0
	var err error
	for _, c := range a.calls {
		err = errors.Join(err, c.clear())
	}
	a.hold.force(0)
	return err
}

// read groups rows until groups can be given. It returns false at the end.
func (a *aggregate) read(ctx context.Context) (bool, error) {
	if !a.ended {
		if !a.started && a.groups == 0 {
			a.begin()
		}
		a.started = true
		if err := a.readInput(ctx); err != nil {
			return false, err
		}
	} else if more, err := a.readPart(ctx); err != nil || !more {
		return false, err
	}
	if a.parts != nil {
		more, err := a.parts.finish()
		a.todo = append(a.todo, more...)
		if err != nil {
			return false, err
		}
		a.parts = nil
	}
	return a.table.groups > 0 || len(a.todo) > 0, nil
}

// begin makes the only group that there is, even of no rows.
func (a *aggregate) begin() {
	a.table.groups = 1
	for _, c := range a.calls {
		c.grow(1)
	}
}

// readInput reads the input to its end or, if it is sorted, until there are enough groups.
func (a *aggregate) readInput(ctx context.Context) error {
	for {
		if a.pending == nil {
			b, err := a.input.Next(ctx)
			if err != nil {
				return err
			}
			if b == nil {
				a.ended = true
				return nil
			}
			a.pending, a.pendingAt = b, 0
		}
		b := a.pending
		rows := rowsOf(b)[a.pendingAt:]
		n, enough := len(rows), false
		if len(a.sorted.encoder.keys) > 0 {
			n, enough = a.sorted.find(b.Columns, rows, a.run.options.BatchRows)
		}
		if n == len(rows) {
			a.pending = nil
		}
		a.pendingAt += n
		if err := a.see(b, rows[:n]); err != nil {
			return err
		}
		if enough {
			a.sorted.begin()
			return nil
		}
	}
}

// readPart groups the rows of the next temporary file. It returns false if there is none.
func (a *aggregate) readPart(ctx context.Context) (bool, error) {
	if len(a.todo) == 0 {
		return false, nil
	}
	last := len(a.todo) - 1
	a.current, a.todo = a.todo[last], a.todo[:last]
	a.level = a.current.level
	reader := a.current.file.reader(a.columns)
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		b, err := reader.next()
		if err == nil && b != nil {
			err = a.see(b, rowsOf(b))
		}
		if err != nil {
			return false, err
		}
		if b == nil {
			return true, a.current.file.close()
		}
	}
}

// see groups rows of a batch.
func (a *aggregate) see(b *catalog.Batch, rows []int32) error {
	groups, fresh, err := a.table.find(b.Columns, rows)
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		if err = a.keep(b, fresh); err != nil {
			return err
		}
	}
	if a.table.frozen {
		if rows, groups, err = a.known(b, rows, groups); err != nil {
			return err
		}
	}
	for _, c := range a.calls {
		if err := c.see(b, rows, groups); err != nil {
			return err
		}
	}
	if n := a.bytes(); !a.hold.fits(n) && !a.table.frozen && a.groups > 0 && len(a.sorted.encoder.keys) == 0 {
		a.table.frozen = true
		a.parts = newPartitions(a.run, a.hold.budget, "the groups of an aggregate", a.table.places, a.columns, a.level)
	}
	return nil
}

// keep makes groups of which rows are the first.
func (a *aggregate) keep(b *catalog.Batch, rows []int32) error {
	for _, c := range a.calls {
		c.grow(a.table.groups)
	}
	some := catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: rows}
	return a.keys.append(&some, a.table.places)
}

// known returns the rows whose groups are in the table. The others go to temporary files.
func (a *aggregate) known(b *catalog.Batch, rows, groups []int32) (r, g []int32, err error) {
	a.rows, a.list = a.rows[:0], a.list[:0]
	n := 0
	for i, group := range groups {
		if group == noGroup {
			a.rows = append(a.rows, rows[i])
		}
	}
	if len(a.rows) == 0 {
		return rows, groups, nil
	}
	if err := a.parts.add(b.Columns, a.rows); err != nil {
		return nil, nil, err
	}
	a.rows = a.rows[:0]
	for i, group := range groups {
		if group != noGroup {
			a.rows, a.list = append(a.rows, rows[i]), append(a.list, group)
			n++
		}
	}
	return a.rows[:n], a.list[:n], nil
}

// bytes estimates the memory of the groups.
func (a *aggregate) bytes() int64 {
	n := a.table.bytes() + a.keys.bytes
	for _, c := range a.calls {
		n += c.bytes()
	}
	return n
}

// Reset implements Operator.
func (a *aggregate) Reset() {
	a.input.Reset()
	_ = a.forget() // Close says if a file cannot be removed
}

// forget has it begin again.
func (a *aggregate) forget() error {
	err := errors.Join(a.clear(), a.parts.close(), closeParts(a.todo), a.current.file.close())
	a.parts, a.todo, a.current, a.level = nil, nil, part{}, 0
	a.started, a.ended, a.pending = false, false, nil
	a.sorted.begin()
	a.sorted.known = false
	return err
}

// Close implements Operator.
func (a *aggregate) Close() error { return a.forget() }
