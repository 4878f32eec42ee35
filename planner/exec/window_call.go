package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// windowCall is a window function of a query, or an aggregate function over frames.
type windowCall struct {
	name   string
	typ    catalog.Type
	args   []int // in windowRows
	frame  frameFinder
	rank   func(c *windowCall, d *windowRows, p windowPartition) error // of functions that have no frame
	value  bool                                                        // FIRST_VALUE, LAST_VALUE, NTH_VALUE
	over   *windowAggregate                                            // of aggregates
	filter int                                                         // in windowRows; negative: none
	result catalog.Vector
	total  int // how many rows there are
	// Of the partition of which compute has seen a piece.
	rowsBefore, groupsBefore int64
}

// windowReach is how far the rows that a function looks at may be behind the present one.
type windowReach uint8

const (
	reachesNothing   windowReach = iota // there are none
	reachesPeers                        // they are equal to it in ORDER BY
	reachesPartition                    // they are anywhere in its partition
)

// reach returns how far the function looks.
func (c *windowCall) reach(order []plan.Key) windowReach {
	f := &c.frame.Frame
	switch {
	case c.name == "row_number":
		return reachesNothing
	case len(order) > 0 && (c.name == "rank" || c.name == "dense_rank"):
		return reachesPeers
	case c.over == nil, f.Start.Kind != plan.UnboundedPreceding, f.End.Kind != plan.CurrentRow, f.Exclude != plan.ExcludeNothing:
		return reachesPartition
	case f.Unit == plan.FrameRows:
		return reachesNothing
	case len(order) > 0:
		return reachesPeers
	default:
		return reachesPartition
	}
}

// windowPartition is the rows of a partition, from one to before another.
type windowPartition struct{ from, to int32 }

// set sets the result of a row.
func (c *windowCall) set(row int32, v catalog.Value) { c.result.Set(int(row), c.total, v) }

// newWindowCall compiles a function over rows of columns. Need returns where an expression will be in windowRows.
func newWindowCall(b *builder, f *plan.WindowFunction, order []plan.Key, columns []plan.Column, need func(*expr.Node) int) (*windowCall, error) {
	c := &windowCall{name: f.Function, typ: f.Column.Type, filter: -1}
	for _, a := range f.Args {
		c.args = append(c.args, need(a))
	}
	if f.Filter != nil {
		c.filter = need(f.Filter)
	}
	if c.rank = rankings[f.Function]; c.rank != nil {
		return c, nil
	}
	switch f.Function {
	case "first_value", "last_value", "nth_value":
		c.value = true
	default:
		if f.Distinct || len(f.OrderBy) > 0 {
			return nil, sqlstate.New(sqlstate.NotSupported, -1, "%s with OVER has neither DISTINCT nor ORDER BY among its arguments", f.Function).
				WithHint("group the rows in a subquery first")
		}
		acc, nulls, err := newAccumulator(&f.Aggregation)
		if err != nil {
			return nil, err
		}
		c.over = &windowAggregate{acc: acc, nulls: nulls}
	}
	return c, c.frame.prepare(b, f.Frame, order, columns, need)
}

// compute computes the results of all rows.
func (c *windowCall) compute(ctx context.Context, d *windowRows, env *expr.Env) error {
	c.total = d.n
	c.result.Reset(c.typ.Kind, c.typ.Scale, d.n)
	if c.rank == nil {
		if err := c.frame.begin(d, env); err != nil {
			return err
		}
	}
	if c.over != nil {
		c.over.begin(c, d)
	}
	for i, from := range d.partitions {
		if i > 0 || !d.continued {
			c.rowsBefore, c.groupsBefore = 0, 0
		}
		p := windowPartition{from, int32(d.n)}
		if i+1 < len(d.partitions) {
			p.to = d.partitions[i+1]
		}
		err := ctx.Err()
		switch {
		case err != nil:
		case c.rank != nil:
			err = c.rank(c, d, p)
		case c.value:
			err = c.values(ctx, d, p)
		default:
			err = c.over.compute(ctx, c, d, p)
		}
		if err != nil {
			return err
		}
		c.rowsBefore += int64(p.to - p.from)
		c.groupsBefore += int64(d.group[p.to-1]-d.group[p.from]) + 1
	}
	return nil
}

// forget gives back what the function keeps.
func (c *windowCall) forget() error {
	c.result = catalog.Vector{}
	if c.over != nil {
		c.over.acc.reset()
		c.over.rows, c.over.before = nil, nil
	}
	return nil
}

// canceled returns the error of a context, at some of the rows.
func canceled(ctx context.Context, row int32) error {
	if row%256 != 0 {
		return nil
	}
	return ctx.Err()
}

// values computes FIRST_VALUE, LAST_VALUE and NTH_VALUE.
func (c *windowCall) values(ctx context.Context, d *windowRows, p windowPartition) error {
	v := d.columns[c.args[0]]
	for row := p.from; row < p.to; row++ {
		if err := canceled(ctx, row); err != nil {
			return err
		}
		parts := c.frame.parts(d, p, row)
		n := int64(1)
		if c.name == "nth_value" {
			nth := d.columns[c.args[1]]
			if nth.IsNull(int(row)) {
				c.set(row, catalog.Null())
				continue
			}
			if n = nth.Ints[row]; n <= 0 {
				return sqlstate.New(sqlstate.NthValue, -1, "the number of a row for nth_value must be greater than zero")
			}
		}
		at := int32(-1)
		for _, part := range parts {
			size := int64(part.to - part.from)
			switch {
			case size <= 0:
				continue
			case c.name == "last_value":
				at = part.to - 1
				continue
			case n <= size:
				at = part.from + int32(n-1)
			}
			if n -= size; n <= 0 {
				break
			}
		}
		if at < 0 {
			c.set(row, catalog.Null())
		} else {
			c.set(row, v.Value(int(at)))
		}
	}
	return nil
}
