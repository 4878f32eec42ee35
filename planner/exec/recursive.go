package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// A workTable is the rows that a recursive query has found last.
type workTable struct{ rows *rowStore }

// A recursive operator gives the rows of a physical.Recursive.
type recursive struct {
	run          *run
	base, step   Operator
	basePlaces   []int
	stepPlaces   []int
	work         *workTable
	found        *rowStore // since the step began
	seen         map[string]struct{}
	hold         holding // of seen
	encoder      keyEncoder
	commons      []*common // that depend on the work table
	state        joinState
	stepped      bool // the step was begun once
	batch, given catalog.Batch
	sel          []int32
	seenBytes    int64
	failed       error // of Reset
}

func newRecursive(b *builder, n *physical.Recursive) (Operator, error) {
	store := func() *rowStore { return b.newRowStore(b.budget(n), len(n.Output), "the rows of a recursive query") }
	r := &recursive{run: b.run, hold: b.holding(b.budget(n)), work: &workTable{store()}, found: store()}
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
			if err = r.failed; err != nil {
				break
			}
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
			if err := r.again(); err != nil {
				return nil, err
			}
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
func (r *recursive) again() error {
	r.state = toProbe
	r.work.rows, r.found = r.found, r.work.rows
	if err := r.found.clear(); err != nil {
		return err
	}
	if r.work.rows.count() == 0 {
		r.state = atEnd
		return nil
	}
	for _, c := range r.commons {
		c.forget()
	}
	if r.stepped {
		r.step.Reset()
	}
	r.stepped = true
	return nil
}

// keep keeps the rows of the batch for the next step, and leaves out those that were found before.
func (r *recursive) keep() error {
	if r.seen != nil {
		rows := selected(&r.batch)
		r.encoder.encode(r.batch.Columns, rows)
		sel := r.sel[:0]
		for k, i := range rows {
			if _, ok := r.seen[string(r.encoder.key(k))]; ok {
				continue
			}
			r.seen[string(r.encoder.key(k))] = struct{}{}
			r.seenBytes += int64(len(r.encoder.key(k)) + 48)
			sel = append(sel, i)
		}
		r.sel, r.batch.Sel = sel, sel
		if !r.hold.fits(r.seenBytes) {
			return r.run.tooMuch("the rows of a recursive query that may not be there twice")
		}
	}
	return r.found.add(&r.batch)
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
	r.failed = errors.Join(r.failed, r.work.rows.clear(), r.found.clear())
	r.hold.force(0)
	r.seenBytes, r.state = 0, toBuild
	if r.seen != nil {
		r.seen = map[string]struct{}{}
	}
}

// Close implements Operator.
func (r *recursive) Close() error {
	r.hold.force(0)
	return errors.Join(r.work.rows.clear(), r.found.clear())
}

// A workReader reads a workTable.
type workReader struct {
	work   *workTable
	reader storeReader
	most   int
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
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.reader.store == nil {
		w.reader.store = w.work.rows
	}
	return w.reader.next(w.most)
}

// Reset implements Operator.
func (w *workReader) Reset() { w.reader = storeReader{} }

// Close implements Operator.
func (w *workReader) Close() error { return nil }
