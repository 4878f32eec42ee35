package exec

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// window adds the results of window functions to its rows. It reads some partitions at a time, all of their rows; or, if the
// functions look at no rows behind those that are equal to the present one, or behind that, pieces of partitions. What the
// functions need of these stays in memory; the rows themselves go to a temporary file if there are too many.
type window struct {
	input     Operator
	run       *run
	env       *expr.Env
	hold      holding
	calls     []*windowCall
	reach     windowReach
	stops     boundary // where a piece may end; not used if it may anywhere
	partition keyEncoder
	order     keyEncoder
	args      []argument // what functions need of each row, in the order of data.columns

	pending   *catalog.Batch
	pendingAt int
	begun     bool
	ended     bool
	giving    bool
	data      windowRows
	rows      *rowBuffer
	file      *spillFile // of rows; nil: they are in memory
	reader    *spillReader
	at        int // the next row to be given
	batch     catalog.Batch
	view      catalog.Batch // of rows
	views     []*catalog.Vector
	scratch   catalog.Batch
	from      []int // of each column of the output: one of the input, or a function behind these
	all       []*catalog.Vector

	lastPartition, lastOrder []byte // keys of the row before
}

// windowRows is what functions know of the rows of some partitions.
type windowRows struct {
	*rowBuffer         // their arguments
	partitions []int32 // where each begins
	continued  bool    // the first one began with rows that are no longer here
	groups     []int32 // where each group of rows begins that are equal in ORDER BY
	group      []int32 // which one of groups a row is in
}

func (d *windowRows) clear() {
	d.rowBuffer.clear()
	d.partitions, d.groups, d.group = d.partitions[:0], d.groups[:0], d.group[:0]
}

func newWindow(b *builder, n *physical.Window, input Operator) (Operator, error) {
	columns := n.Input.Columns()
	w := &window{input: input, run: b.run, env: b.env(), hold: b.holding(b.budget(n)), rows: newRowBuffer(len(columns))}
	places, err := placesOf(columns, n.PartitionBy)
	if err != nil {
		return nil, err
	}
	for _, at := range places {
		w.partition.keys = append(w.partition.keys, sortKey{place: at})
	}
	if w.order.keys, err = sortKeys(columns, n.OrderBy); err != nil {
		return nil, err
	}
	var needed []*expr.Node
	need := func(e *expr.Node) int {
		for i, other := range needed {
			if other == e || e.Op == expr.OpColumn && other.Op == expr.OpColumn && other.Column == e.Column {
				return i
			}
		}
		needed = append(needed, e)
		return len(needed) - 1
	}
	for i := range n.Functions {
		var c *windowCall
		if c, err = newWindowCall(b, &n.Functions[i], n.OrderBy, columns, need); err != nil {
			return nil, err
		}
		w.calls = append(w.calls, c)
		w.reach = max(w.reach, c.reach(n.OrderBy))
	}
	w.stops.encoder.keys = w.partition.keys
	if w.reach == reachesPeers {
		w.stops.encoder.keys = slices.Concat(w.partition.keys, w.order.keys)
	}
	if w.args, err = b.arguments(needed, columns); err != nil {
		return nil, err
	}
	w.data.rowBuffer = newRowBuffer(len(needed))
	w.views = newVectors(len(w.calls))
	for _, c := range n.Columns() {
		at := slices.IndexFunc(columns, func(in plan.Column) bool { return in.ID == c.ID })
		if at < 0 {
			at = slices.IndexFunc(n.Functions, func(f plan.WindowFunction) bool { return f.Column.ID == c.ID })
			if at < 0 {
				return nil, sqlstate.New(sqlstate.InternalError, -1, "a window does not compute column %d", c.ID)
			}
			at += len(columns)
		}
		w.from = append(w.from, at)
	}
	return w, nil
}

// Next implements Operator.
func (w *window) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		if w.giving {
			b, err := w.give()
			if b != nil || err != nil {
				return b, err
			}
			if err := w.clear(); err != nil {
				return nil, err
			}
		}
		if w.ended {
			return nil, nil
		}
		if err := w.read(ctx); err != nil {
			return nil, err
		}
		if w.data.n == 0 {
			continue
		}
		for _, c := range w.calls {
			if err := c.compute(ctx, &w.data, w.env); err != nil {
				return nil, err
			}
		}
		w.giving = true
		if w.file != nil {
			if err := w.file.finish(); err != nil {
				return nil, err
			}
			w.reader = w.file.reader(len(w.rows.columns))
		}
	}
}

// read reads partitions until there are enough rows, or all.
func (w *window) read(ctx context.Context) error {
	for {
		if w.pending == nil {
			b, err := w.input.Next(ctx)
			if err != nil {
				return err
			}
			if b == nil {
				w.ended = true
				return nil
			}
			w.pending, w.pendingAt = b, 0
		}
		b := w.pending
		rows := rowsOf(b)[w.pendingAt:]
		n, enough := len(rows), w.reach == reachesNothing
		if !enough && len(w.stops.encoder.keys) > 0 {
			n, enough = w.stops.find(b.Columns, rows, w.run.options.BatchRows)
		}
		if w.pendingAt += n; n == len(rows) {
			w.pending = nil
		}
		if n > 0 {
			if err := w.add(b, rows[:n]); err != nil {
				return err
			}
		}
		if enough {
			w.stops.begin()
			return nil
		}
	}
}

// add keeps rows of a batch, which are of one partition or several.
func (w *window) add(b *catalog.Batch, rows []int32) error {
	w.scratch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: rows}
	for i := range w.args {
		v, err := w.args[i].eval(&w.scratch, w.env)
		if err == nil {
			err = appendVector(w.data.columns[i], w.data.n, v, rows, b.Len)
		}
		if err != nil {
			return err
		}
		w.data.bytes += vectorBytes(v, rows, b.Len, int64(len(rows)))
	}
	w.divide(b.Columns, rows)
	w.data.n += len(rows)
	if w.file != nil {
		w.hold.force(w.bytes())
		return w.file.write(b.Columns, rows)
	}
	if err := w.rows.addRows(b.Columns, rows); err != nil {
		return err
	}
	if w.hold.fits(w.bytes()) {
		return nil
	}
	return w.spill()
}

// bytes estimates what is kept: what functions need and their results too.
func (w *window) bytes() int64 {
	return w.rows.bytes + w.data.bytes + int64(w.data.n)*int64(12+16*len(w.calls))
}

// spill writes the rows to a file, as those that are still to come.
func (w *window) spill() (err error) {
	if w.file, err = w.run.newSpillFile(w.hold.budget, "the rows of a window"); err != nil {
		return err
	}
	size := w.run.options.BatchRows
	all := ascending(w.rows.n)
	for from := 0; from < len(all); from += size {
		if err := w.file.write(w.rows.columns, all[from:min(from+size, len(all))]); err != nil {
			return err
		}
	}
	w.rows = newRowBuffer(len(w.rows.columns))
	w.hold.force(w.bytes())
	return nil
}

// divide notes where partitions and groups begin among rows.
func (w *window) divide(columns []*catalog.Vector, rows []int32) {
	d := &w.data
	w.partition.encode(columns, rows)
	w.order.encode(columns, rows)
	for i := range rows {
		at := int32(d.n + i)
		k := w.partition.key(i)
		begins := !w.begun || !bytes.Equal(k, w.lastPartition)
		if begins {
			w.begun, w.lastPartition = true, append(w.lastPartition[:0], k...)
		}
		if at == 0 {
			d.continued = !begins
		}
		if begins || at == 0 {
			d.partitions = append(d.partitions, at)
		}
		if k = w.order.key(i); begins || at == 0 || !bytes.Equal(k, w.lastOrder) {
			w.lastOrder = append(w.lastOrder[:0], k...)
			d.groups = append(d.groups, at)
		}
		d.group = append(d.group, int32(len(d.groups)-1))
	}
}

// give returns the next rows with the results, or nil at the end.
func (w *window) give() (*catalog.Batch, error) {
	if w.at >= w.data.n {
		return nil, nil
	}
	n := min(w.run.options.BatchRows, w.data.n-w.at)
	w.all = w.all[:0]
	if w.reader != nil {
		b, err := w.reader.next()
		if b == nil || err != nil {
			return nil, err
		}
		n, w.all = b.Len, append(w.all, b.Columns...)
	} else {
		w.rows.view(&w.view, w.at, w.at+n)
		w.all = append(w.all, w.view.Columns...)
	}
	for i, c := range w.calls {
		viewVector(w.views[i], &c.result, w.at, w.at+n)
		w.all = append(w.all, w.views[i])
	}
	w.batch.Columns = w.batch.Columns[:0]
	for _, from := range w.from {
		w.batch.Columns = append(w.batch.Columns, w.all[from])
	}
	w.batch.Len = n
	w.at += n
	return &w.batch, nil
}

// clear forgets the rows.
func (w *window) clear() error {
	w.giving, w.at = false, 0
	w.data.clear()
	w.rows.clear()
	err := w.file.close()
	w.file, w.reader = nil, nil
	w.hold.force(0)
	return err
}

// forget has it begin again.
func (w *window) forget() error {
	err := w.clear()
	w.pending, w.ended = nil, false
	w.stops.begin()
	w.stops.known, w.begun = false, false
	for _, c := range w.calls {
		err = errors.Join(err, c.forget())
	}
	return err
}

// Reset implements Operator.
func (w *window) Reset() {
	w.input.Reset()
	_ = w.forget() // Close says if a file cannot be removed
}

// Close implements Operator.
func (w *window) Close() error { return w.forget() }
