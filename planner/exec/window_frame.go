package exec

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// framePart is rows of a frame, from one to before another.
type framePart struct{ from, to int32 }

// frameFinder finds the frames of rows.
type frameFinder struct {
	plan.Frame
	start, end             *expr.Program // offsets
	startOffset, endOffset catalog.Value // what they are
	order                  int           // of RANGE with offsets: the column of ORDER BY in windowRows
	key                    plan.Key
	search                 rangeSearch
	list                   [3]framePart
}

// prepare compiles the offsets of a frame. One that was not given is from the first row to the last that is equal to the
// present one.
func (f *frameFinder) prepare(b *builder, frame plan.Frame, order []plan.Key, columns []plan.Column, need func(*expr.Node) int) error {
	if f.Frame = frame; frame.End.Kind == plan.UnboundedPreceding {
		f.Frame = plan.Frame{Unit: plan.FrameRange, End: plan.FrameBound{Kind: plan.CurrentRow}, Exclude: frame.Exclude}
	}
	var err error
	if f.start, err = b.constant(f.Start.Offset); err != nil {
		return err
	}
	if f.end, err = b.constant(f.End.Offset); err != nil {
		return err
	}
	if f.Unit != plan.FrameRange || f.start == nil && f.end == nil {
		return nil
	}
	if len(order) != 1 {
		return sqlstate.New(sqlstate.WindowingError, -1, "RANGE with an offset needs ORDER BY with one column")
	}
	f.key = order[0]
	for _, c := range columns {
		if c.ID == f.key.Column {
			f.order = need(expr.Column(c.ID, c.Type, c.Table, c.Name))
		}
	}
	return nil
}

// begin computes the offsets.
func (f *frameFinder) begin(d *windowRows, env *expr.Env) error {
	for _, o := range []struct {
		program *expr.Program
		node    *expr.Node
		to      *catalog.Value
		name    string
	}{{f.start, f.Start.Offset, &f.startOffset, "start"}, {f.end, f.End.Offset, &f.endOffset, "end"}} {
		if o.program == nil {
			continue
		}
		v, err := o.program.Eval(nil, env)
		switch {
		case err != nil:
			return err
		case v.IsNull():
			return sqlstate.New(sqlstate.NullNotAllowed, o.node.At, "the offset of the frame's %s must not be NULL", o.name)
		case negativeOffset(v):
			return sqlstate.New(sqlstate.FrameOffset, o.node.At, "the offset of the frame's %s must not be negative", o.name)
		}
		*o.to = v
	}
	if f.Unit == plan.FrameRange && (f.start != nil || f.end != nil) {
		return f.search.begin(f, d.columns[f.order])
	}
	return nil
}

func negativeOffset(v catalog.Value) bool {
	if v.Kind() == catalog.Interval {
		days, _ := v.IntervalSpan()
		return days < 0
	}
	return v.AsFloat() < 0 || math.IsNaN(v.AsFloat())
}

// find returns the frame of a row, before anything is excluded.
func (f *frameFinder) find(d *windowRows, p windowPartition, row int32) framePart {
	part := framePart{f.bound(d, p, row, &f.Start, f.startOffset, true), f.bound(d, p, row, &f.End, f.endOffset, false)}
	part.to = max(part.to, part.from)
	return part
}

// bound returns where a frame starts, or the row behind its end.
func (f *frameFinder) bound(d *windowRows, p windowPartition, row int32, b *plan.FrameBound, offset catalog.Value, start bool) int32 {
	switch b.Kind {
	case plan.UnboundedPreceding:
		return p.from
	case plan.UnboundedFollowing:
		return p.to
	case plan.CurrentRow:
		switch {
		case f.Unit == plan.FrameRows && start:
			return row
		case f.Unit == plan.FrameRows:
			return row + 1
		case start:
			return d.groups[d.group[row]]
		default:
			return d.groupEnd(d.group[row])
		}
	default:
	}
	if f.Unit == plan.FrameRange {
		return f.search.bound(d, p, row, b.Kind == plan.Following, start)
	}
	n := min(offset.AsInt(), math.MaxInt32)
	if b.Kind == plan.Preceding {
		n = -n
	}
	if f.Unit == plan.FrameRows {
		if !start {
			n++
		}
		return int32(min(max(int64(row)+n, int64(p.from)), int64(p.to)))
	}
	g := int64(d.group[row]) + n
	if !start {
		g++
	}
	first, last := int64(d.group[p.from]), int64(d.group[p.to-1])
	switch {
	case g < first:
		return p.from
	case g > last:
		return p.to
	default:
		return d.groups[g]
	}
}

// parts returns the frame of a row in up to three parts. It is valid until the next call.
func (f *frameFinder) parts(d *windowRows, p windowPartition, row int32) []framePart {
	part := f.find(d, p, row)
	f.list[0] = part
	if f.Exclude == plan.ExcludeNothing {
		return f.list[:1]
	}
	from, to := row, row+1
	if f.Exclude != plan.ExcludeCurrentRow {
		from, to = d.groups[d.group[row]], d.groupEnd(d.group[row])
	}
	n := 0
	put := func(from, to int32) {
		if from < to {
			f.list[n] = framePart{from, to}
			n++
		}
	}
	put(part.from, min(part.to, from))
	if f.Exclude == plan.ExcludeTies {
		put(max(part.from, row), min(part.to, row+1))
	}
	put(max(part.from, to), part.to)
	return f.list[:n]
}
