package exec

import (
	"context"

	"github.com/middb/middb/catalog"
)

// chains finds pairs in a joinTable.
type chains struct {
	table  *joinTable
	joiner *joiner
	slow   bool // rows with NULLs among their keys are paired too
	places []int
	heads  []int32 // of the rows of the batch
	k      int     // the row that comes next
	row    int32   // its next partner, from 1; 0: it is not begun

	nulls []int32 // rows of the table that have a NULL, if slow
	begun bool    // the row is
	all   bool    // it is paired with all rows
	at    int     // how many of them, or of nulls, it was paired with
}

// use has it find rows of a table.
func (c *chains) use(t *joinTable) {
	c.table, c.nulls = t, c.nulls[:0]
	if !c.slow {
		return
	}
	for i := range t.buffer.n {
		if anyNull(t.buffer.columns, t.places, i) {
			c.nulls = append(c.nulls, int32(i))
		}
	}
}

// begin looks the rows of a batch up.
func (c *chains) begin(b *catalog.Batch, places []int) {
	c.heads = c.table.lookup(c.heads[:0], b.Columns, places, selected(b))
	c.places, c.k, c.row, c.begun = places, 0, 0, false
}

// find implements pairs.
func (c *chains) find(_ context.Context, l, r []int32, most int) ([]int32, []int32, bool, error) {
	rows, heads, next := c.joiner.rows, c.heads, c.table.next
	if c.slow {
		return c.findAll(l, r, most)
	}
	if next == nil {
		for ; c.k < len(rows) && len(l) < most; c.k++ {
			if row := heads[c.k]; row != 0 {
				l, r = append(l, rows[c.k]), append(r, row-1)
			}
		}
		return l, r, c.k < len(rows), nil
	}
	for ; c.k < len(rows); c.k++ {
		row := c.row
		if c.row = 0; row == 0 {
			row = heads[c.k]
		}
		for i := rows[c.k]; row != 0; row = next[row] {
			if len(l) >= most {
				c.row = row
				return l, r, true, nil
			}
			l, r = append(l, i), append(r, row-1)
		}
	}
	return l, r, false, nil
}

// findAll pairs rows with all others of which it is not clear that they differ: with those that have a NULL among their keys
// and those that are equal, or with all if they have a NULL themselves.
func (c *chains) findAll(l, r []int32, most int) ([]int32, []int32, bool, error) {
	rows := c.joiner.rows
	for ; c.k < len(rows); c.k, c.begun = c.k+1, false {
		i := rows[c.k]
		if !c.begun {
			c.begun, c.at, c.row = true, 0, c.heads[c.k]
			c.all = anyNull(c.joiner.probe.Columns, c.places, int(i))
		}
		for ; c.row != 0; c.row = c.table.following(c.row) {
			if len(l) >= most {
				return l, r, true, nil
			}
			l, r = append(l, i), append(r, c.row-1)
		}
		end := len(c.nulls)
		if c.all {
			end = c.table.buffer.n
		}
		for ; c.at < end; c.at++ {
			if len(l) >= most {
				return l, r, true, nil
			}
			row := int32(c.at)
			if !c.all {
				row = c.nulls[c.at]
			}
			l, r = append(l, i), append(r, row)
		}
	}
	return l, r, false, nil
}

// following returns the next row of the same key.
func (t *joinTable) following(row int32) int32 {
	if t.next == nil {
		return 0
	}
	return t.next[row]
}

// skip implements pairs.
func (c *chains) skip(row int32) {
	if c.k < len(c.joiner.rows) && c.joiner.rows[c.k] == row {
		c.k++
		c.row, c.begun = 0, false
	}
}
