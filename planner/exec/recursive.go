package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// A workTable is the rows that a recursive query has found last.
type workTable struct{ rows *rowBuffer }

// A recursive operator gives the rows of a physical.Recursive.
type recursive struct {
	run          *run
	budget       *budget
	base, step   Operator
	basePlaces   []int
	stepPlaces   []int
	work         *workTable
	found        *rowBuffer // since the step began
	seen         map[string]struct{}
	encoder      keyEncoder
	commons      []*common // that depend on the work table
	state        joinState
	stepped      bool // the step was begun once
	batch, given catalog.Batch
	sel          []int32
	seenBytes    int64
}

func newRecursive(b *builder, n *physical.Recursive) (Operator, error) {
	r := &recursive{run: b.run, budget: b.budget(n), work: &workTable{newRowBuffer(len(n.Output))}, found: newRowBuffer(len(n.Output))}
	if !n.All {
		r.seen = map[string]struct{}{}
		r.encoder.keys = make([]sortKey, len(n.Output))
		for i := range r.encoder.keys {
			r.encoder.keys[i].place = i
		}
	}
	var err error
	if r.base, err = b.build(n.Base); err != nil {
		return nil, err
	}
	if r.basePlaces, err = placesOf(n.Base.Columns(), n.BaseColumns); err != nil {
		return nil, err
	}
	before := b.work[n.Number]
	b.work[n.Number] = r.work
	if r.step, err = b.build(n.Step); err != nil {
		return nil, err
	}
	b.work[n.Number] = before
	r.stepPlaces, err = placesOf(n.Step.Columns(), n.StepColumns)
	for _, c := range b.commons {
		if c.root != nil && b.readsWork(c.node.Root, n.Number) {
			r.commons = append(r.commons, c)
		}
	}
	return r, err
}

// Next implements Operator.
func (r *recursive) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		var b *catalog.Batch
		var err error
		switch r.state {
		case toBuild:
			if b, err = r.base.Next(ctx); b != nil {
				choose(&r.batch, b, r.basePlaces)
			}
		case toProbe:
			if b, err = r.step.Next(ctx); b != nil {
				choose(&r.batch, b, r.stepPlaces)
			}
		default:
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if b == nil {
			r.again()
			continue
		}
		if err := r.keep(); err != nil {
			return nil, err
		}
		if r.batch.Rows() > 0 {
			r.given = r.batch
			return &r.given, nil
		}
	}
}

// again begins the step with the rows that were found, if there are any.
func (r *recursive) again() {
	r.state = toProbe
	r.work.rows, r.found = r.found, r.work.rows
	r.found.clear()
	r.budget.Release()
	r.budget.Force(r.work.rows.bytes + r.seenBytes)
	if r.work.rows.n == 0 {
		r.state = atEnd
		return
	}
	for _, c := range r.commons {
		c.forget()
	}
	if r.stepped {
		r.step.Reset()
	}
	r.stepped = true
}

// keep keeps the rows of the batch for the next step, and leaves out those that were found before.
func (r *recursive) keep() error {
	bytes := int64(0)
	if r.seen != nil {
		rows := selected(&r.batch)
		r.encoder.encode(r.batch.Columns, rows)
		sel := r.sel[:0]
		for k, i := range rows {
			if _, ok := r.seen[string(r.encoder.key(k))]; ok {
				continue
			}
			r.seen[string(r.encoder.key(k))] = struct{}{}
			bytes += int64(len(r.encoder.key(k)) + 48)
			sel = append(sel, i)
		}
		r.sel, r.batch.Sel = sel, sel
		r.seenBytes += bytes
	}
	before := r.found.bytes
	if err := r.found.append(&r.batch, nil); err != nil {
		return err
	}
	if r.budget.Grow(bytes+r.found.bytes-before) != nil {
		return r.run.tooMuch("the rows of a recursive query")
	}
	return nil
}

// Reset implements Operator.
func (r *recursive) Reset() {
	r.base.Reset()
	if r.stepped {
		r.step.Reset()
		r.stepped = false
	}
	for _, c := range r.commons {
		c.forget()
	}
	r.work.rows.clear()
	r.found.clear()
	r.budget.Release()
	r.seenBytes, r.state = 0, toBuild
	if r.seen != nil {
		r.seen = map[string]struct{}{}
	}
}

// Close implements Operator.
func (r *recursive) Close() error {
	r.budget.Release()
	return nil
}

// A workReader reads a workTable.
type workReader struct {
	work  *workTable
	at    int
	most  int
	batch catalog.Batch
}

func newWorkTable(b *builder, n *physical.WorkTable) (Operator, error) {
	w := b.work[n.Number]
	if w == nil {
		return nil, b.missing("recursive query", n.Number)
	}
	return &workReader{work: w, most: b.options.BatchRows}, nil
}

func (b *builder) missing(what string, number int) error {
	return sqlstate.New(sqlstate.InternalError, -1, "the plan has no %s with the number %d", what, number)
}

// Next implements Operator.
func (w *workReader) Next(ctx context.Context) (*catalog.Batch, error) {
	n := min(w.most, w.work.rows.n-w.at)
	if err := ctx.Err(); err != nil || n <= 0 {
		return nil, err
	}
	w.work.rows.view(&w.batch, w.at, w.at+n)
	w.at += n
	return &w.batch, nil
}

// Reset implements Operator.
func (w *workReader) Reset() { w.at = 0 }

// Close implements Operator.
func (w *workReader) Close() error { return nil }
