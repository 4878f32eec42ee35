package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// rankings has the functions that have no frame, by name.
var rankings = map[string]func(c *windowCall, d *windowRows, p windowPartition) error{
	"row_number": rowNumber, "rank": rank, "dense_rank": denseRank, "percent_rank": percentRank, "cume_dist": cumeDist,
	"ntile": ntile, "lag": lag, "lead": lead,
}

func rowNumber(c *windowCall, _ *windowRows, p windowPartition) error {
	for row := p.from; row < p.to; row++ {
		c.result.Ints[row] = c.rowsBefore + int64(row-p.from) + 1
	}
	return nil
}

// groupEnd returns where the group of a row ends.
func (d *windowRows) groupEnd(g int32) int32 {
	if int(g)+1 < len(d.groups) {
		return d.groups[g+1]
	}
	return int32(d.n)
}

func rank(c *windowCall, d *windowRows, p windowPartition) error {
	for row := p.from; row < p.to; row++ {
		c.result.Ints[row] = c.rowsBefore + int64(d.groups[d.group[row]]-p.from) + 1
	}
	return nil
}

func denseRank(c *windowCall, d *windowRows, p windowPartition) error {
	for row := p.from; row < p.to; row++ {
		c.result.Ints[row] = c.groupsBefore + int64(d.group[row]-d.group[p.from]) + 1
	}
	return nil
}

func percentRank(c *windowCall, d *windowRows, p windowPartition) error {
	for row := p.from; row < p.to; row++ {
		c.result.Floats[row] = 0
		if others := p.to - p.from - 1; others > 0 {
			c.result.Floats[row] = float64(d.groups[d.group[row]]-p.from) / float64(others)
		}
	}
	return nil
}

func cumeDist(c *windowCall, d *windowRows, p windowPartition) error {
	for row := p.from; row < p.to; row++ {
		c.result.Floats[row] = float64(d.groupEnd(d.group[row])-p.from) / float64(p.to-p.from)
	}
	return nil
}

// ntile divides a partition into parts that differ by one row at most, the longer ones first. How many there are is what the
// first row says.
func ntile(c *windowCall, d *windowRows, p windowPartition) error {
	v := d.columns[c.args[0]]
	if v.IsNull(int(p.from)) {
		for row := p.from; row < p.to; row++ {
			c.set(row, catalog.Null())
		}
		return nil
	}
	parts, rows := v.Ints[p.from], int64(p.to-p.from)
	if parts <= 0 {
		return sqlstate.New(sqlstate.Ntile, -1, "the number of parts for ntile must be greater than zero")
	}
	size, longer := rows/parts, rows%parts
	for row := p.from; row < p.to; row++ {
		at := int64(row - p.from)
		var tile int64
		if at < longer*(size+1) {
			tile = at / (size + 1)
		} else {
			tile = longer + (at-longer*(size+1))/size
		}
		c.result.Ints[row] = tile + 1
		if c.result.Nulls != nil {
			c.result.Nulls[row] = false
		}
	}
	return nil
}

func lag(c *windowCall, d *windowRows, p windowPartition) error { return c.neighbours(d, p, -1) }

func lead(c *windowCall, d *windowRows, p windowPartition) error { return c.neighbours(d, p, 1) }

// neighbours computes LAG(x, distance, default) and LEAD.
func (c *windowCall) neighbours(d *windowRows, p windowPartition, direction int64) error {
	v := d.columns[c.args[0]]
	for row := p.from; row < p.to; row++ {
		distance := int64(1)
		if len(c.args) > 1 {
			far := d.columns[c.args[1]]
			if far.IsNull(int(row)) {
				c.set(row, catalog.Null())
				continue
			}
			distance = min(max(far.Ints[row], -1<<40), 1<<40)
		}
		at := int64(row) + direction*distance
		switch {
		case at >= int64(p.from) && at < int64(p.to):
			c.set(row, v.Value(int(at)))
		case len(c.args) > 2:
			c.set(row, d.columns[c.args[2]].Value(int(row)))
		default:
			c.set(row, catalog.Null())
		}
	}
	return nil
}
