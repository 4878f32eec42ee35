package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// windowAggregate computes an aggregate function over frames. Frames that begin where those before do only see the rows
// that come in; of others, a tree of blocks has what the blocks have seen if the function can do with that, and else all rows
// are seen again.
type windowAggregate struct {
	acc    accumulator
	nulls  bool
	args   []*catalog.Vector
	rows   []int32 // those that the function sees
	before []int32 // how many of these come before a row
	zeros  []int32
	tree   blockTree
	last   []framePart // the frame of the value
	value  catalog.Value
}

// begin looks which rows the function sees.
func (a *windowAggregate) begin(c *windowCall, d *windowRows) {
	a.args = a.args[:0]
	for _, at := range c.args {
		a.args = append(a.args, d.columns[at])
	}
	a.rows, a.before = a.rows[:0], extend(a.before[:0], d.n+1)
	for row := range d.n {
		a.before[row] = int32(len(a.rows))
		if c.filter >= 0 && !d.columns[c.filter].Value(row).AsBool() {
			continue
		}
		if !a.nulls && len(a.args) > 0 && a.args[0].IsNull(row) {
			continue
		}
		a.rows = append(a.rows, int32(row))
	}
	a.before[d.n] = int32(len(a.rows))
	a.zeros = grown(a.zeros, len(a.rows))
}

// add has a group see those of the rows that it is to see.
func (a *windowAggregate) add(part framePart) error {
	from, to := a.before[part.from], a.before[part.to]
	if from >= to {
		return nil
	}
	return a.acc.add(a.args, a.rows[from:to], a.zeros[:to-from])
}

// compute computes the results of a partition.
func (a *windowAggregate) compute(ctx context.Context, c *windowCall, d *windowRows, p windowPartition) error {
	if c.frame.Start.Kind == plan.UnboundedPreceding && c.frame.Exclude == plan.ExcludeNothing {
		return a.running(c, d, p)
	}
	m, merges := a.acc.(merging)
	if merges {
		if err := a.tree.build(a, m, p); err != nil {
			return err
		}
	}
	a.last = a.last[:0]
	for row := p.from; row < p.to; row++ {
		if err := canceled(ctx, row); err != nil {
			return err
		}
		parts := c.frame.parts(d, p, row)
		if row == p.from || !sameParts(parts, a.last) {
			a.last = append(a.last[:0], parts...)
			var err error
			if merges {
				err = a.tree.see(a, m, parts)
			} else {
				err = a.again(parts)
			}
			if err == nil {
				a.value, err = a.acc.value(0)
			}
			if err != nil {
				return err
			}
		}
		c.set(row, a.value)
	}
	return nil
}

func sameParts(x, y []framePart) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// running computes frames that all begin with the partition, and do not become shorter.
func (a *windowAggregate) running(c *windowCall, d *windowRows, p windowPartition) error {
	if c.rowsBefore == 0 {
		a.acc.reset()
		a.acc.grow(1)
	}
	end := p.from
	for row := p.from; row < p.to; row++ {
		to := c.frame.find(d, p, row).to
		if to > end || row == p.from {
			err := a.add(framePart{end, max(to, end)})
			if err == nil {
				a.value, err = a.acc.value(0)
			}
			if err != nil {
				return err
			}
			end = to
		}
		c.set(row, a.value)
	}
	return nil
}

// again has the group see the rows of a frame, all of them.
func (a *windowAggregate) again(parts []framePart) error {
	a.acc.reset()
	a.acc.grow(1)
	return a.addAll(parts)
}

// addAll has the group see the rows of several parts.
func (a *windowAggregate) addAll(parts []framePart) error {
	for _, part := range parts {
		if err := a.add(part); err != nil {
			return err
		}
	}
	return nil
}

// blockRows is how many rows a block has of which the tree knows what they give.
const blockRows = 32

// blockTree is a binary tree over the blocks of the rows of a partition that a function sees. Group 0 of the accumulator is
// the frame; the nodes are groups 1 and so on: the root, its two halves, and so on, to the blocks.
type blockTree struct {
	first  int32 // in windowAggregate.rows
	blocks int32
	leaves int32 // the node of the first block: a power of two
	groups []int32
}

func (t *blockTree) build(a *windowAggregate, m merging, p windowPartition) error {
	from, to := a.before[p.from], a.before[p.to]
	t.first, t.blocks, t.leaves = from, (to-from)/blockRows, 1
	for t.leaves < t.blocks {
		t.leaves *= 2
	}
	m.reset()
	m.grow(int(2 * t.leaves))
	whole := t.blocks * blockRows
	t.groups = extend(t.groups[:0], int(whole))
	for i := range t.groups {
		t.groups[i] = t.leaves + int32(i)/blockRows
	}
	if whole > 0 {
		if err := m.add(a.args, a.rows[from:from+whole], t.groups); err != nil {
			return err
		}
	}
	for node := t.leaves - 1; node > 0; node-- {
		if err := m.merge(node, 2*node); err != nil {
			return err
		}
		if err := m.merge(node, 2*node+1); err != nil {
			return err
		}
	}
	return nil
}

// mostFloats is how many floats are added one by one, in their order, as PostgreSQL does: in another one the sum may differ in
// its last digit.
const mostFloats = 1024

// see has group 0 see the rows of a frame.
func (t *blockTree) see(a *windowAggregate, m merging, parts []framePart) error {
	m.zero(0)
	if _, floats := m.(*floatSums); floats {
		n := int32(0)
		for _, part := range parts {
			n += a.before[part.to] - a.before[part.from]
		}
		if n <= mostFloats {
			return a.addAll(parts)
		}
	}
	for _, part := range parts {
		from, to := a.before[part.from], a.before[part.to]
		first := (from - t.first + blockRows - 1) / blockRows
		last := (to - t.first) / blockRows
		if first >= last {
			if from < to {
				if err := m.add(a.args, a.rows[from:to], a.zeros[:to-from]); err != nil {
					return err
				}
			}
			continue
		}
		begin, end := t.first+first*blockRows, t.first+last*blockRows
		if err := m.add(a.args, a.rows[from:begin], a.zeros[:begin-from]); err != nil {
			return err
		}
		if err := t.merge(m, 1, 0, t.leaves, first, last); err != nil {
			return err
		}
		if err := m.add(a.args, a.rows[end:to], a.zeros[:to-end]); err != nil {
			return err
		}
	}
	return nil
}

// merge has group 0 see blocks, of a node that has those from low to before high.
func (t *blockTree) merge(m merging, node, low, high, first, last int32) error {
	if first <= low && high <= last {
		return m.merge(0, node)
	}
	middle := (low + high) / 2
	if first < middle {
		if err := t.merge(m, 2*node, low, middle, first, last); err != nil {
			return err
		}
	}
	if last > middle {
		return t.merge(m, 2*node+1, middle, high, first, last)
	}
	return nil
}
