package resp

import (
	"errors"

	"github.com/middb/middb/engine"
)

// blindWrites commits commands that write without reading, as batches.
//
// Durable ones go through a lane: what many connections write becomes one commit and one fsync, and the engine has one
// caller to wake, not fifty. Others are applied by each connection by itself, which waits for nobody.
type blindWrites struct {
	front *Front
	lane  lane
	batch *engine.Batch // of whoever leads the lane
}

func (w *blindWrites) commit(g *group) {
	if w.front.options.Durability == engine.NoSync {
		g.start = len(g.c.out.buf)
		_ = w.apply(g.c.batch, []*group{g})
		return
	}
	w.lane.pass(g)
}

// run commits a lot together, or each group by itself if that cannot be: one of them may be to blame.
func (w *blindWrites) run(lot []*group) {
	if err := w.apply(w.batch, lot); err != nil && len(lot) > 1 && !errors.Is(err, engine.ErrCommitUnknown) {
		for i := range lot {
			_ = w.apply(w.batch, lot[i:i+1])
		}
	}
}

// apply commits groups as one batch and adds the replies. The committer may need them to wait: see its gate.
func (w *blindWrites) apply(b *engine.Batch, lot []*group) error {
	b.Reset()
	for _, g := range lot {
		g.fill(b)
	}
	var err error
	if b.Len() > 0 {
		gate := &w.front.committer.gate
		gate.RLock()
		err = w.front.db.Apply(b, w.front.options.Durability)
		gate.RUnlock()
	}
	for _, g := range lot {
		g.settle(err)
	}
	return err
}

// fill adds the writes of the group to a batch, and the replies.
func (g *group) fill(b *engine.Batch) {
	c := g.c
	c.out.buf = c.out.buf[:g.start]
	var to sink = b.In(c.ks)
	for i := range g.ops {
		o := &g.ops[i]
		err := o.cmd.blind(c, o.args, to)
		if o.failed = err != nil; o.failed {
			c.out.error(c.explain(err))
			continue
		}
		c.out.ok()
	}
}
