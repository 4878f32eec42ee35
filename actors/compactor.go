package actors

import (
	"errors"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/levels"
)

const compactorName = "compactor"

// compactor runs the compactions out of one level, one at a time, as versions grants them.
type compactor struct {
	*wiring
	builder *levels.Builder
}

func (c *compactor) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		m, ok := n.self.(*runCompaction)
		if !ok {
			invariant.Unreachable("message %T to a compactor", n.self)
		}
		c.run(m.compaction)
		n = next
	}
}

func (c *compactor) fail(cause error) { c.wiring.fail(compactorName, cause) }

func (c *compactor) run(plan *levels.Compaction) {
	start := c.now()
	edit, err := plan.Run(c.builder, c.stopping.Load, c.expiryTime())
	if errors.Is(err, levels.ErrStopped) {
		err = nil
	} else if err == nil {
		if !plan.Move {
			size := addedBytes(&edit)
			c.metrics.Compactions.Add(1)
			c.metrics.CompactedIn.Add(plan.InputBytes())
			c.metrics.CompactedOut.Add(size)
		}
		c.logger.Info("compacted", "plan", plan.String(), "read", plan.InputBytes(), "written", addedBytes(&edit), "took", c.now().Sub(start))
		c.versions.post(own(&installEdit{edit: edit, compaction: plan}))
		return
	}
	c.versions.post(own(&compactionEnded{compaction: plan, err: err}))
}
