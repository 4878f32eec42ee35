package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// argument is an expression over batches: a column of them, or one that is computed.
type argument struct {
	place  int
	kernel *expr.Kernel // nil: the column at place
}

// arguments compiles expressions over batches of columns.
func (b *builder) arguments(list []*expr.Node, columns []plan.Column) ([]argument, error) {
	s := b.slots(columns)
	all := make([]argument, len(list))
	for i, n := range list {
		if at, ok := s.Columns[n.Column]; ok && n.Op == expr.OpColumn {
			all[i].place = at
			continue
		}
		var err error
		if all[i].kernel, err = expr.NewKernel(n, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// eval returns the values of the rows of a batch, at their places.
func (a *argument) eval(b *catalog.Batch, env *expr.Env) (*catalog.Vector, error) {
	if a.kernel == nil {
		return b.Columns[a.place], nil
	}
	return a.kernel.Eval(b, env)
}

// aggregateCall is an aggregate function of a query with its arguments.
type aggregateCall struct {
	accumulator
	args   []argument
	filter *expr.Kernel // nil: none
	nulls  bool         // it sees rows in which an argument is NULL
	env    *expr.Env
	unique *uniqueRows // of DISTINCT; nil: all rows
	sorted *sorter     // of ORDER BY; nil: rows in any order
	places []int       // of the keys of ORDER BY in batches

	batch        catalog.Batch
	values       []*catalog.Vector
	kept         []int32 // rows
	keptGroups   []int32
	sel          []int32
	numbers      catalog.Vector // groups, as a column
	compact      *output
	wide         []*catalog.Vector
	uniqueGroups []int32
}

// newAggregateCall compiles a function over batches of columns. Owner is whose budgets it asks for.
func newAggregateCall(b *builder, a *plan.Aggregation, columns []plan.Column, budgets func() *budget) (*aggregateCall, error) {
	acc, nulls, err := newAccumulator(a)
	if err != nil {
		return nil, err
	}
	c := &aggregateCall{accumulator: acc, nulls: nulls, env: b.env()}
	if c.args, err = b.arguments(a.Args, columns); err != nil {
		return nil, err
	}
	if a.Filter != nil {
		if c.filter, err = expr.NewKernel(a.Filter, b.slots(columns)); err != nil {
			return nil, err
		}
	}
	c.values = make([]*catalog.Vector, len(a.Args))
	if a.Distinct && len(a.Args) > 0 {
		places, types := []int{0}, []catalog.Type{{Kind: catalog.Int64}}
		for i, x := range a.Args {
			places, types = append(places, i+1), append(types, x.Type)
		}
		c.unique = newUniqueRows(b, budgets(), "the values of a DISTINCT aggregate", places, types, 1+len(a.Args)+len(a.OrderBy))
	}
	if len(a.OrderBy) == 0 && (!a.Distinct || !ordersMatter(a.Function)) {
		c.prepare(len(a.Args))
		return c, nil
	}
	keys, err := sortKeys(columns, a.OrderBy)
	if err != nil {
		return nil, err
	}
	all := []sortKey{{}}
	for i, k := range keys {
		c.places = append(c.places, k.place)
		all = append(all, sortKey{1 + len(a.Args) + i, k.order})
	}
	if len(keys) == 0 { // values that were sorted to find those that are equal stay so
		all = append(all, sortKey{place: 1})
	}
	c.sorted = newSorter(b, budgets(), all, 1+len(a.Args)+len(keys), "the rows of an aggregate with ORDER BY")
	c.prepare(len(a.Args) + len(keys))
	return c, nil
}

// prepare makes room for rows with their groups in front of so many columns.
func (c *aggregateCall) prepare(columns int) {
	if c.unique == nil && c.sorted == nil {
		return
	}
	c.compact = newOutput(columns)
	c.wide = append([]*catalog.Vector{&c.numbers}, c.compact.batch.Columns...)
}

// see has groups see rows of a batch: groups[i] that at rows[i].
func (c *aggregateCall) see(b *catalog.Batch, rows, groups []int32) error {
	var err error
	if c.filter != nil {
		if rows, groups, err = c.filtered(b, rows, groups); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	c.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: rows}
	if len(rows) == b.Len {
		c.batch.Sel = nil
	}
	for i := range c.args {
		if c.values[i], err = c.args[i].eval(&c.batch, c.env); err != nil {
			return err
		}
	}
	if !c.nulls {
		rows, groups = c.notNull(rows, groups)
	}
	if c.unique == nil && c.sorted == nil {
		return c.add(c.values, rows, groups)
	}
	return c.later(b, rows, groups)
}

// filtered returns the rows for which the filter is true, and their groups.
func (c *aggregateCall) filtered(b *catalog.Batch, rows, groups []int32) (r, g []int32, err error) {
	c.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: rows}
	if c.sel, err = c.filter.Select(&c.batch, c.env, c.sel[:0]); err != nil {
		return nil, nil, err
	}
	c.uniqueGroups = extend(c.uniqueGroups[:0], len(c.sel))
	at := 0
	for i, row := range c.sel {
		for rows[at] != row {
			at++
		}
		c.uniqueGroups[i] = groups[at]
	}
	return c.sel, c.uniqueGroups, nil
}

// notNull returns the rows in which no argument that matters is NULL, and their groups.
func (c *aggregateCall) notNull(rows, groups []int32) (r, g []int32) {
	if len(c.values) == 0 {
		return rows, groups
	}
	v := c.values[0]
	if v.Kind == 0 {
		return nil, nil
	}
	if v.Nulls == nil {
		return rows, groups
	}
	c.kept, c.keptGroups = extend(c.kept[:0], len(rows)), extend(c.keptGroups[:0], len(rows))
	n := 0
	for i, row := range rows {
		c.kept[n], c.keptGroups[n] = row, groups[i]
		if !v.Nulls[row] {
			n++
		}
	}
	return c.kept[:n], c.keptGroups[:n]
}

// later keeps rows that are to be sorted, or of which some may be equal.
func (c *aggregateCall) later(b *catalog.Batch, rows, groups []int32) error {
	columns := c.values[:len(c.values):len(c.values)]
	for _, at := range c.places {
		columns = append(columns, b.Columns[at])
	}
	compact := c.compact.gather(columns, rows)
	c.numbers.Reset(catalog.Int64, 0, len(rows))
	for i, g := range groups {
		c.numbers.Ints[i] = int64(g)
	}
	all := ascending(compact.Len)
	if c.unique != nil {
		var err error
		if all, err = c.unique.add(c.wide, all); err != nil {
			return err
		}
	}
	return c.pass(c.wide, all)
}

// pass gives rows with their groups to the sorter, or to the accumulator.
func (c *aggregateCall) pass(columns []*catalog.Vector, rows []int32) error {
	if c.sorted != nil {
		return c.sorted.add(columns, rows)
	}
	return c.addNumbered(columns, rows)
}

// addNumbered gives rows with their groups in the first column to the accumulator.
func (c *aggregateCall) addNumbered(columns []*catalog.Vector, rows []int32) error {
	c.keptGroups = extend(c.keptGroups[:0], len(rows))
	for i, row := range rows {
		c.keptGroups[i] = int32(columns[0].Ints[row])
	}
	return c.add(columns[1:], rows, c.keptGroups)
}

// finish has the accumulator see what was kept. Then it has the results.
func (c *aggregateCall) finish(ctx context.Context) error {
	if c.unique != nil {
		for {
			b, rows, err := c.unique.rest(ctx)
			if err != nil {
				return err
			}
			if b == nil {
				break
			}
			if err := c.pass(b.Columns, rows); err != nil {
				return err
			}
		}
	}
	if c.sorted == nil {
		return nil
	}
	if err := c.sorted.finish(ctx); err != nil {
		return err
	}
	for {
		b, err := c.sorted.next(ctx, DefaultBatchRows)
		if b == nil || err != nil {
			return err
		}
		if err := c.addNumbered(b.Columns, rowsOf(b)); err != nil {
			return err
		}
	}
}

// clear forgets all groups.
func (c *aggregateCall) clear() error {
	c.reset()
	var err error
	if c.unique != nil {
		err = c.unique.reset()
	}
	if c.sorted != nil {
		if gone := c.sorted.reset(); err == nil {
			err = gone
		}
	}
	return err
}
