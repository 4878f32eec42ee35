package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A function gives the rows of a plan.Function.
type function struct {
	call   *plan.Function
	args   []*expr.Program
	env    *expr.Env
	values []catalog.Value // of args
	series rowSeries       // nil: it is not begun
	ramp   ramp
	number int64 // of the last row
	batch  catalog.Batch
	row    []catalog.Value
	ended  bool
}

// A rowSeries gives rows one after the other.
type rowSeries interface {
	// next appends the values of the next row to dst, or returns false at the end.
	next(dst []catalog.Value) ([]catalog.Value, bool, error)
}

// functions by name.
var functions = map[string]func(args []catalog.Value, at int) (rowSeries, error){
	"generate_series": newSeries, "json_each": newEach, "json_array_elements": newElements,
}

func newFunction(b *builder, n *physical.Function) (Operator, error) {
	if functions[n.Call.Name] == nil {
		return nil, sqlstate.New(sqlstate.InternalError, -1, "there is no function %s that gives rows", n.Call.Name)
	}
	f := &function{call: n.Call, env: b.env(), ramp: ramp{most: b.options.BatchRows}}
	f.batch.Columns = make([]*catalog.Vector, len(n.Output))
	for i := range f.batch.Columns {
		f.batch.Columns[i] = &catalog.Vector{}
	}
	for _, a := range n.Call.Args {
		p, err := b.constant(a)
		if err != nil {
			return nil, err
		}
		f.args = append(f.args, p)
	}
	return f, nil
}

// begin evaluates the arguments. If one is NULL there are no rows.
func (f *function) begin() (err error) {
	f.values, f.number, f.ended = f.values[:0], 0, false
	for _, a := range f.args {
		var v catalog.Value
		v, err = a.Eval(nil, f.env)
		if err != nil {
			return err
		}
		f.ended = f.ended || v.IsNull()
		f.values = append(f.values, v)
	}
	if f.ended {
		return nil
	}
	f.series, err = functions[f.call.Name](f.values, f.call.Args[0].At)
	return err
}

// Next implements Operator.
func (f *function) Next(ctx context.Context) (*catalog.Batch, error) {
	if f.series == nil && !f.ended {
		if err := f.begin(); err != nil {
			return nil, err
		}
	}
	if f.ended {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	most := f.ramp.next()
	for _, v := range f.batch.Columns {
		v.Reset(0, 0, most)
	}
	n := 0
	for ; n < most; n++ {
		row, some, err := f.series.next(f.row[:0])
		if err != nil {
			return nil, err
		}
		if !some {
			f.ended = true
			break
		}
		f.number++
		if f.row = row; f.call.Ordinality {
			f.row = append(f.row, catalog.Int(f.number))
		}
		for i, v := range f.batch.Columns {
			v.Set(n, most, f.row[i])
		}
	}
	if f.batch.Len, f.batch.Sel = n, nil; n == 0 {
		return nil, nil
	}
	return &f.batch, nil
}

// Reset implements Operator.
func (f *function) Reset() {
	f.series, f.ended = nil, false
	f.ramp.reset()
}

// Close implements Operator.
func (f *function) Close() error { return nil }
