package actors

import (
	"github.com/middb/middb/invariant"
	"github.com/middb/middb/key"
	"github.com/middb/middb/wal"
)

// maxHidden is how many entries of the active memtable range deletes may cover before the next one seals
// it: iterators step over those one by one, and over what lies in older sources in one move.
const maxHidden = 16 << 10

// examine decides whether a commit that depends on something may have its place in the order now.
func (c *coordinator) examine(m *Commit) error {
	if m.Track {
		c.recent.Begin(c.next - 1)
	}
	for _, g := range m.Gates {
		if err := g.Check(); err != nil {
			return err
		}
	}
	if m.Txn != nil {
		if err := c.checkTxn(m); err != nil {
			c.metrics.Conflicts.Add(1)
			return err
		}
	}
	if m.Shuts != nil {
		m.Shuts.shut.Store(true)
	}
	return nil
}

// checkTxn verifies that nothing a transaction depends on was written since its View.
func (c *coordinator) checkTxn(m *Commit) error {
	if err := c.recent.Check(m.Txn); err != nil {
		return err
	}
	ops := m.Ops
	for range m.Count {
		kind, k, v := decode(&ops)
		if err := c.recent.CheckOp(kind, k, v, m.Txn); err != nil {
			return err
		}
	}
	return nil
}

// record notes what an admitted commit writes, for the transactions that are under way.
func (c *coordinator) record(m *Commit) {
	ops := m.Ops
	for i := range m.Count {
		kind, k, v := decode(&ops)
		c.recent.Record(kind, k, v, m.first+uint64(i))
	}
	if m.Txn != nil && m.Count > 0 {
		for _, k := range m.Txn.Locks {
			c.recent.Write(k, m.last())
		}
	}
}

// sealBefore seals the active memtable if the range deletes of a commit would leave too many covered
// entries in it, so that they go into the next one and what they cover is in an older source. It reports
// false if the commit must wait.
func (c *coordinator) sealBefore(m *Commit) bool {
	ops := m.Ops
	hidden := c.hidden
	for range m.Count {
		if kind, k, v := decode(&ops); kind == key.KindRangeDelete && hidden <= maxHidden {
			hidden += c.active.CountIn(k, v, maxHidden+1)
		}
	}
	if hidden > maxHidden && c.activeCharge > 0 {
		rotated, err := c.rotate(max(c.memtableBytes, m.Charge))
		return rotated || err != nil // without memory for another one it stays slow
	}
	c.hidden = hidden
	return true
}

// decode takes one operation off ops, which this process encoded.
func decode(ops *[]byte) (key.Kind, []byte, []byte) {
	kind, k, v, rest, err := wal.DecodeOp(*ops)
	if err != nil {
		invariant.Unreachable("operation of an accepted commit: %v", err)
	}
	*ops = rest
	return kind, k, v
}
