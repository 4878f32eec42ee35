package simulation

import (
	"context"
	"fmt"

	"github.com/middb/middb/engine"
)

// transaction reads and writes a few keys, with others in between, and commits. The history decides
// whether it may: exactly if nothing that it depends on was written since it began.
func (c *caller) transaction() error {
	o := c.txnOptions()
	t, err := c.l.db.Begin(o)
	if err != nil {
		return err
	}
	out, err := c.work(t, o)
	if err != nil || c.oneIn(8) {
		if e := t.Rollback(); err == nil {
			err = e
		}
		return err
	}
	return c.commitAs(out, t.Commit)
}

// update is a transaction that runs again when it conflicts.
func (c *caller) update() error {
	o := c.txnOptions()
	var out *commit
	err := c.l.db.UpdateWith(context.Background(), o, func(t *engine.Txn) error {
		delete(c.l.underWay, c.task) // beginning again is no commit
		if out != nil && !out.refused && !c.l.d.dead {
			return fmt.Errorf("a transaction since %d runs again, but does not conflict", out.view)
		}
		var err error
		if out, err = c.work(t, o); err == nil {
			c.l.underWay[c.task] = out
		}
		return err
	})
	delete(c.l.underWay, c.task)
	if out == nil {
		return err
	}
	return c.settle(out, err)
}

func (c *caller) txnOptions() engine.TxnOptions {
	return engine.TxnOptions{Isolation: engine.Isolation(c.rng.IntN(2)), Durability: c.durability()}
}

// work reads and writes in a transaction, and returns what it is to commit.
func (c *caller) work(t *engine.Txn, o engine.TxnOptions) (*commit, error) {
	h := c.l.r.h
	out := &commit{txn: true, view: t.Seq(), sync: c.syncs(o.Durability)}
	now := c.l.now()
	own := map[int]bool{}
	for n := 1 + c.rng.IntN(4); n > 0 || out.ops == 0; n-- {
		if c.oneIn(4) {
			c.l.s.Wait("its turn to go on", nil)
		}
		if n > 0 && c.oneIn(2) {
			if err := c.readIn(t, o, out, own, now); err != nil {
				return nil, err
			}
			continue
		}
		writes, err := c.write(t)
		if err != nil {
			return nil, err
		}
		for _, w := range writes {
			own[w.id] = true
		}
		out.include(out.ops, writes)
		out.ops++
	}
	if c.l.d.dead {
		return out, nil
	}
	if !h.boundary(out.view) {
		return nil, fmt.Errorf("a transaction reads at %d, inside a commit", out.view)
	}
	h.observe(out.view)
	return out, nil
}

// readIn reads a key in a transaction, and compares it unless the transaction wrote it.
func (c *caller) readIn(t *engine.Txn, o engine.TxnOptions, out *commit, own map[int]bool, now int64) error {
	id := c.id()
	var v []byte
	var err error
	found := true
	if c.oneIn(4) {
		out.locked = append(out.locked, id)
		v, err = t.GetForUpdate(c.l.r.h.keys[id])
	} else {
		if o.Isolation == engine.Serializable {
			out.reads = append(out.reads, id)
		}
		v, err = t.Get(c.l.r.h.keys[id])
	}
	if isMissing(err) {
		found, err = false, nil
	}
	if err != nil || own[id] || c.l.d.dead {
		return err
	}
	_, err = c.l.r.h.checkGet(id, v, found, window{out.view, out.view, now, now})
	return err
}
