package exec

import (
	"bytes"

	"github.com/middb/middb/catalog"
)

// boundary finds where rows that are sorted by some columns begin to differ in these.
type boundary struct {
	encoder keyEncoder
	known   bool
	last    []byte // the key of the row before
	// byGroups counts groups, and not rows.
	byGroups bool
	count    int // since begin
	target   int // how many there must be before an end is looked for
}

// begin counts from here.
func (p *boundary) begin() { p.count = 0 }

// find returns how many of the rows come before the first end of a group that has enough rows, or groups, before it, and
// whether there is one.
func (p *boundary) find(columns []*catalog.Vector, rows []int32, most int) (n int, found bool) {
	p.encoder.encode(columns, rows)
	p.target = min(max(p.target, min(firstBatchRows, most)), most)
	for i := range rows {
		k := p.encoder.key(i)
		same := p.known && bytes.Equal(k, p.last)
		if p.known && !same && p.count >= p.target {
			p.target *= 2
			p.known = false
			return i, true
		}
		if !same {
			p.known, p.last = true, append(p.last[:0], k...)
		}
		if !same || !p.byGroups {
			p.count++
		}
	}
	return len(rows), false
}
