package exec

import (
	"context"
	"errors"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// DefaultBatchRows is how many rows a batch has at most. The first batches of a scan are smaller, so that little is read
// in vain where few rows are wanted.
const (
	DefaultBatchRows = 1024
	firstBatchRows   = 32
)

// Rows are the rows of a query that is being run, for one goroutine at a time.
type Rows struct {
	run    *run
	root   Operator
	places []int // of q.Output in the batches of root
	batch  catalog.Batch
	err    error // the first one
	closed bool
}

// A run is what all operators of a query share.
type run struct {
	query   *physical.Query
	options Options
	ctx     context.Context // of the Next that is under way, for subqueries in expressions
	memory  account
	opened  []Operator                // all there are, in the order in which they were made
	records map[physical.Node]*record // if Options.Measure
	files   int                       // how many temporary files there have been
	commons map[int]*common           // by number
	work    map[int]*workTable        // of the recursive query that is being built
	// subplans has the queries in expressions.
	subplans map[*physical.Subquery]*subplan
}

// Run begins a query, which Rows.Close ends. Nothing is read before the first Next. The plan stays the caller's, and can
// be run many times at once; errors are of what the plan says.
func Run(q *physical.Query, o *Options) (*Rows, error) {
	r := &run{query: q, options: *o, ctx: context.Background(), records: map[physical.Node]*record{}}
	if r.options.Memory <= 0 {
		r.options.Memory = DefaultMemory
	}
	if r.options.BatchRows <= 0 {
		r.options.BatchRows = DefaultBatchRows
	}
	r.memory.limit = r.options.Memory
	r.subplans = map[*physical.Subquery]*subplan{}
	r.commons, r.work = map[int]*common{}, map[int]*workTable{}
	for _, c := range q.Commons {
		r.commons[c.Number] = &common{node: c}
	}
	rows := &Rows{run: r}
	env := r.options.Env
	b := &builder{run: r, scope: &scope{env: &env}}
	var err error
	if rows.root, err = b.build(q.Root); err == nil {
		rows.places, err = placesOf(q.Root.Columns(), idsOf(q.Output))
	}
	if err != nil {
		return nil, errors.Join(r.inText(err), rows.Close())
	}
	return rows, nil
}

// Next returns the next rows, at least one, or nil at the end; the columns are those of Query.Output. The batch is valid
// until the next call. After an error there is nothing more.
func (r *Rows) Next(ctx context.Context) (*catalog.Batch, error) {
	if r.err != nil || r.closed {
		return nil, r.err
	}
	r.run.ctx = ctx
	b, err := r.root.Next(ctx)
	if err != nil {
		r.err = r.run.inText(err)
		return nil, r.err
	}
	if b == nil {
		return nil, nil
	}
	r.batch.Len, r.batch.Sel = b.Len, b.Sel
	r.batch.Columns = r.batch.Columns[:0]
	for _, at := range r.places {
		r.batch.Columns = append(r.batch.Columns, b.Columns[at])
	}
	return &r.batch, nil
}

// Close ends the query, wherever it is, and removes its temporary files. Closing twice does nothing.
func (r *Rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var all error
	for i := len(r.run.opened) - 1; i >= 0; i-- {
		all = errors.Join(all, r.run.opened[i].Close())
	}
	for _, c := range r.run.commons {
		all = errors.Join(all, c.close())
	}
	for _, p := range r.run.subplans {
		p.kept.Release()
		if p.rows != nil {
			all = errors.Join(all, p.rows.file.close())
		}
	}
	return all
}

// A Measure is what an operator has done, all its inputs included in Time.
type Measure struct {
	Rows, Batches int64
	Loops         int64         // how often it began
	Time          time.Duration // 0 if Options have no clock
	Memory        int64         // bytes that it kept at most
	Spilled       int64         // bytes that it wrote to temporary files
}

// Measured returns what the operator of a node has done so far, if Options.Measure had it noted and it was reached.
func (r *Rows) Measured(n physical.Node) (Measure, bool) {
	rec, ok := r.run.records[n]
	if !ok {
		return Measure{}, false
	}
	m := rec.measure
	for _, b := range rec.budgets {
		m.Memory, m.Spilled = m.Memory+b.peak, m.Spilled+b.spilled
	}
	return m, true
}

// A record is what is noted of a node, of which a subquery may have several operators.
type record struct {
	measure Measure
	budgets []*budget
}

func (r *run) record(n physical.Node) *record {
	rec := r.records[n]
	if rec == nil {
		rec = &record{}
		r.records[n] = rec
	}
	return rec
}

// A measured operator notes what another one does.
type measured struct {
	Operator
	record *record
	clock  func() time.Time
	fresh  bool // nothing was asked of it since it began
}

// Next implements Operator.
func (m *measured) Next(ctx context.Context) (*catalog.Batch, error) {
	if m.fresh {
		m.fresh = false
		m.record.measure.Loops++
	}
	var start time.Time
	if m.clock != nil {
		start = m.clock()
	}
	b, err := m.Operator.Next(ctx)
	if m.clock != nil {
		m.record.measure.Time += m.clock().Sub(start)
	}
	if b != nil {
		m.record.measure.Batches++
		m.record.measure.Rows += int64(b.Rows())
	}
	return b, err
}

// Reset implements Operator.
func (m *measured) Reset() {
	m.fresh = true
	m.Operator.Reset()
}

// unwrapped returns the operator itself.
func unwrapped(o Operator) Operator {
	if m, ok := o.(*measured); ok {
		return m.Operator
	}
	return o
}

// inText fills in the text of an error's place.
func (r *run) inText(err error) error {
	var e *sqlstate.Error
	if errors.As(err, &e) && r.query.Text != "" && e.At >= 0 {
		return e.In(r.query.Text)
	}
	return err
}

// A scope is a query or a part of one that sees the same columns around it.
type scope struct {
	outer map[expr.ColumnID]int // places in env.Outer
	env   *expr.Env
}
