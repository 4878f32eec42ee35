package model

import (
	"bytes"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
)

// Transactions that live long among many writes mostly have a conflict, and mostly the same one. Those here have little
// that they depend on, and something close to it is written.

// duel lets the transactions under way, two at least, come to their end with little else between.
func (r *run) duel() {
	for len(r.txns) < 2 {
		r.beginTxn()
	}
	walking := r.rng.IntN(2) == 0
	for range 2 + r.rng.IntN(12) {
		switch n := r.rng.IntN(16); {
		case n < 9 && walking:
			r.walkIn(r.anyTxn())
			r.moveWalk(len(r.walks) - 1)
		case n < 9:
			r.readTxn()
		case n < 13:
			r.writeTxn()
		case n < 15:
			r.savepoint()
		default:
			r.write(r.makeOp())
		}
	}
	for len(r.txns) > 0 {
		r.endTxn()
	}
}

// brush commits a serializable transaction that has walked a little, after writes at the ends of what it has read.
func (r *run) brush() {
	r.done++
	t := r.begun(engine.TxnOptions{Isolation: engine.Serializable, Durability: r.durability()})
	r.walkIn(t)
	r.moveWalk(len(r.walks) - 1)
	r.deleteIn(t)
	trail := t.trails[0]
	for range min(len(trail.read), 1+r.rng.IntN(2)) {
		if trail.space.lives(r.oracle.last()) {
			r.writeAt(trail.space, trail.read[r.rng.IntN(len(trail.read))])
		}
	}
	r.leave(t)
	r.commitTxn(t)
}

// writeAt writes the first or the last key of an extent or the one beside it, or deletes a range that ends where the
// extent begins or begins where it ends.
func (r *run) writeAt(sp *space, x extent) {
	const few = 4
	ids := sp.selects(x)
	p := op{kind: key.KindRangeDelete, space: sp}
	switch r.rng.IntN(8) {
	case 0:
		p.lower, p.upper = sp.keys[max(0, ids.low-few)], x.from
		if p.upper == nil {
			p.upper = []byte{}
		}
	case 1:
		p.lower, p.upper = x.to, sp.keys[min(len(sp.keys)-1, ids.high+few)]
	default:
		id := []int{ids.low - 1, ids.low, ids.high - 1, ids.high}[r.rng.IntN(4)]
		if id >= 0 && id < len(sp.keys) {
			p = op{kind: key.KindDelete, space: sp, ids: span{id, id + 1}, key: sp.keys[id]}
		}
	}
	if p.kind == key.KindRangeDelete {
		if p.lower == nil || bytes.Compare(p.lower, p.upper) >= 0 {
			return
		}
		p.ids = sp.selects(extent{p.lower, p.upper})
	}
	r.write(p)
}

// deleteIn deletes some key in a transaction.
func (r *run) deleteIn(t *txn) {
	p := r.makePoint(r.oracle.root(), key.KindDelete)
	r.must(p.giveTo(t.real), "delete in a transaction")
	t.sight.own = append(t.sight.own, p)
}

// contend commits two transactions that have read one key for update and write others, if they write at all.
func (r *run) contend() {
	r.done++
	sp := r.space()
	id := r.rng.IntN(len(sp.keys))
	var both []*txn
	for range 2 {
		t := r.begun(engine.TxnOptions{Isolation: engine.Isolation(r.rng.IntN(2)), Durability: r.durability()})
		r.readForUpdate(t, t.real.In(r.handles[sp]), sp, id)
		if r.rng.IntN(4) > 0 {
			r.deleteIn(t)
		}
		both = append(both, t)
	}
	for _, t := range both {
		r.leave(t)
		r.commitTxn(t)
	}
}
