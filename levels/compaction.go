package levels

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/middb/middb/key"
)

// A Reason says why a compaction was picked.
type Reason uint8

// The reasons.
const (
	ReasonSize       Reason = iota // a level is above its target, or L0 has too many tables
	ReasonTombstones               // a table is mostly tombstones and expired entries, or has range deletes
	ReasonSettle                   // nothing is urgent, but space can be won back
	ReasonManual                   // the user asked for it
	ReasonExpired                  // a table of the last level is mostly expired entries
)

// String returns the reason as logs show it.
func (r Reason) String() string {
	switch r {
	case ReasonSize:
		return "size"
	case ReasonTombstones:
		return "tombstones"
	case ReasonSettle:
		return "settle"
	case ReasonManual:
		return "manual"
	case ReasonExpired:
		return "expired"
	default:
		return "unknown"
	}
}

// An Input is what a compaction takes from one level.
type Input struct {
	Level  int
	Tables []*Table
}

// A Compaction is a plan: merge the inputs into new tables of the output level, or move them there
// as they are. A Picker makes it, Set.Claim accepts or refuses it, Run does it. After the claim it
// is immutable.
type Compaction struct {
	Reason   Reason
	Inputs   []Input // by level, upper first; the tables of L0 newest first
	Output   int     // the level that receives the result
	Move     bool    // the tables keep their files and only change level
	Smallest []byte  // bounds of all inputs, inclusive
	Largest  []byte

	targetBytes      int64    // cut outputs at this size
	grandparentBytes int64    // and at this much overlap with the level below the output
	now              int64    // time when it was picked
	version          *Version // current when the claim was granted
}

// From returns the uppermost level that the compaction takes tables from.
func (c *Compaction) From() int { return c.Inputs[0].Level }

// InputBytes returns the size of all inputs.
func (c *Compaction) InputBytes() int64 {
	var n int64
	for _, in := range c.Inputs {
		n += tableBytes(in.Tables)
	}
	return n
}

// NumInputs returns the number of input tables.
func (c *Compaction) NumInputs() int {
	n := 0
	for _, in := range c.Inputs {
		n += len(in.Tables)
	}
	return n
}

// String prints the plan on one line, for logs and tests.
func (c *Compaction) String() string {
	var sb strings.Builder
	verb := "compact"
	if c.Move {
		verb = "move"
	}
	fmt.Fprintf(&sb, "%s (%s)", verb, c.Reason)
	for _, in := range c.Inputs {
		fmt.Fprintf(&sb, " L%d[", in.Level)
		for i, t := range in.Tables {
			if i > 0 {
				sb.WriteByte(' ')
			}
			fmt.Fprintf(&sb, "%d", t.Num)
		}
		sb.WriteByte(']')
	}
	fmt.Fprintf(&sb, " -> L%d range %s..%s", c.Output, key.Format(c.Smallest), key.Format(c.Largest))
	return sb.String()
}

// bound sets the bounds from the inputs.
func (c *Compaction) bound() {
	c.Smallest, c.Largest = nil, nil
	for _, in := range c.Inputs {
		for _, t := range in.Tables {
			c.Smallest, c.Largest = widen(c.Smallest, c.Largest, &t.TableMeta)
		}
	}
}

// widen returns the smallest range that covers [lo, hi] and the table. A nil lo is no range yet.
func widen(lo, hi []byte, m *TableMeta) ([]byte, []byte) {
	if lo == nil || bytes.Compare(m.Smallest, lo) < 0 {
		lo = m.Smallest
	}
	if hi == nil || bytes.Compare(m.Largest, hi) > 0 {
		hi = m.Largest
	}
	return lo, hi
}

func tableBytes(ts []*Table) int64 {
	var n int64
	for _, t := range ts {
		n += t.Size
	}
	return n
}

// has reports whether the compaction takes the table from the level.
func (c *Compaction) has(level int, num uint64) bool {
	for _, in := range c.Inputs {
		if in.Level != level {
			continue
		}
		for _, t := range in.Tables {
			if t.Num == num {
				return true
			}
		}
	}
	return false
}

// Claims are the compactions that are running. A claim covers the key range of its inputs on every
// level from the uppermost input to the output; two claims never overlap. Claims are immutable.
type Claims []*Compaction

// conflict reports whether a claim overlaps the inclusive key range on the levels from to to.
func (cs Claims) conflict(from, to int, lo, hi []byte) bool {
	for _, c := range cs {
		if c.From() <= to && from <= c.Output &&
			bytes.Compare(c.Smallest, hi) <= 0 && bytes.Compare(lo, c.Largest) <= 0 {
			return true
		}
	}
	return false
}

// flattening reports whether a compaction takes tables from L0.
func (cs Claims) flattening() bool {
	for _, c := range cs {
		if c.From() == 0 {
			return true
		}
	}
	return false
}

// leaving returns the bytes and number of tables that running compactions take from a level.
func (cs Claims) leaving(level int) (bytes int64, tables int) {
	for _, c := range cs {
		for _, in := range c.Inputs {
			if in.Level == level && c.Output != level {
				bytes += tableBytes(in.Tables)
				tables += len(in.Tables)
			}
		}
	}
	return bytes, tables
}

// fits verifies that the compaction may run against v, beside the claims: its tables are where it
// found them, and its key range has no further table that would be passed by. For L0 those are the
// tables older than its newest input, below it all tables down to the output.
func (c *Compaction) fits(v *Version, claims Claims) bool {
	if claims.conflict(c.From(), c.Output, c.Smallest, c.Largest) || c.From() == 0 && claims.flattening() {
		return false
	}
	for _, in := range c.Inputs {
		here := make(map[*Table]bool, len(v.Levels[in.Level]))
		for _, t := range v.Levels[in.Level] {
			here[t] = true
		}
		for _, t := range in.Tables {
			if !here[t] {
				return false
			}
		}
	}
	first := c.From() + 1
	if c.From() == 0 {
		older := false
		for _, t := range v.Levels[0] {
			in := c.has(0, t.Num)
			older = older || in
			if older && !in && t.overlaps(c.Smallest, c.Largest) {
				return false
			}
		}
	}
	for l := first; l <= c.Output; l++ {
		for _, t := range v.overlapping(l, c.Smallest, c.Largest) {
			if !c.has(l, t.Num) {
				return false
			}
		}
	}
	return true
}
