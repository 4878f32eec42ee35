package model

import (
	"context"
	"errors"

	"github.com/middb/middb/engine"
)

// A txn is an open transaction and its model: what it sees, which is its View and its writes, and what its
// commit depends on.
type txn struct {
	real    *engine.Txn
	options engine.TxnOptions
	sight   sight
	locks   []field // read for update
	read    []field // keys that were read, there or not
	trails  []spaceTrail
	points  []savepoint
}

type spaceTrail struct {
	space *space
	*trail
}

// A savepoint is one that can be rolled back to, and how many writes there were before it.
type savepoint struct {
	real   engine.Savepoint
	writes int
}

// trailOf returns the trail for a new iterator.
func (t *txn) trailOf(sp *space) *trail {
	t.trails = append(t.trails, spaceTrail{sp, &trail{}})
	return t.trails[len(t.trails)-1].trail
}

func (r *run) txnOptions() engine.TxnOptions {
	return engine.TxnOptions{
		ReadOnly: r.rng.IntN(6) == 0, Isolation: engine.Isolation(r.rng.IntN(2)), Durability: r.durability(),
	}
}

// beginTxn begins a transaction. It stays open across other operations.
func (r *run) beginTxn() {
	r.done++
	if len(r.txns) >= 4 {
		r.endTxn()
		return
	}
	r.begun(r.txnOptions())
}

// begun returns a transaction that has just begun.
func (r *run) begun(o engine.TxnOptions) *txn {
	real, err := r.db.Begin(o)
	r.must(err, "begin")
	r.note("begin a transaction in state %d: %v, read-only %v", r.oracle.last(), o.Isolation, o.ReadOnly)
	r.checkSeq(real.Seq(), "transaction")
	t := &txn{real: real, options: o, sight: r.present()}
	r.txns = append(r.txns, t)
	return t
}

// anyTxn returns one of the transactions, or nil.
func (r *run) anyTxn() *txn {
	if len(r.txns) == 0 {
		return nil
	}
	return r.txns[r.rng.IntN(len(r.txns))]
}

func (r *run) readTxn() {
	if t := r.anyTxn(); t != nil {
		r.readIn(t)
	}
}

// readIn reads one key in a transaction.
func (r *run) readIn(t *txn) {
	r.done++
	sp := r.anySpace()
	at := t.real.In(r.handles[sp])
	if r.rng.IntN(8) == 0 {
		k := r.strangeKey(sp)
		if _, exact := sp.find(k); !exact {
			t.read = append(t.read, only(sp, k))
			v, err := at.Get(k)
			if r.answered(v, err, "get").found {
				r.failf("get %s, which was never written, in a transaction: %s, %v", brief(k), brief(v), err)
			}
			return
		}
	}
	id := r.rng.IntN(len(sp.keys))
	if r.rng.IntN(3) > 0 {
		id = r.rng.IntN(min(5, len(sp.keys))) // others depend on these, too
	}
	switch r.rng.IntN(6) {
	case 0, 1:
		r.readForUpdate(t, at, sp, id)
	case 2:
		t.read = append(t.read, only(sp, sp.keys[id]))
		r.checkHas(at, t.sight, sp, id)
	default:
		t.read = append(t.read, only(sp, sp.keys[id]))
		r.checkGet(at, t.sight, sp, id)
	}
}

// readForUpdate reads a key that counts as written.
func (r *run) readForUpdate(t *txn, at engine.TxnKeyspace, sp *space, id int) {
	k := sp.keys[id]
	v, err := at.GetForUpdate(k)
	if t.options.ReadOnly {
		r.expect(err, engine.ErrTxnReadOnly, "get for update in a read-only transaction")
		return
	}
	r.note("get %s for update in the transaction of state %d", brief(k), t.sight.state)
	t.locks = append(t.locks, only(sp, k))
	r.compare("get for update", r.answered(v, err, "get for update"), t.sight, sp, id)
}

func (r *run) writeTxn() {
	if t := r.anyTxn(); t != nil {
		r.writeIn(t)
	}
}

// writeIn writes in a transaction, a few times.
func (r *run) writeIn(t *txn) {
	for _, p := range r.makeOps(2 + r.rng.IntN(2)) {
		r.done++
		if len(r.dropped) > 0 && r.rng.IntN(100) == 0 {
			p = r.makePut(r.dropped[r.rng.IntN(len(r.dropped))])
		}
		err := p.giveTo(t.real.In(r.handles[p.space]))
		switch {
		case t.options.ReadOnly:
			r.expect(err, engine.ErrTxnReadOnly, "write in a read-only transaction")
			continue
		case !p.space.lives(r.oracle.last()):
			r.expect(err, engine.ErrKeyspaceDropped, "write to a dropped keyspace")
			continue
		}
		r.note("in the transaction of state %d: %v", t.sight.state, &p)
		r.must(err, "write in a transaction")
		if !p.void() {
			t.sight.own = append(t.sight.own, p)
		}
		if p.ids.low < p.ids.high && r.rng.IntN(2) == 0 {
			t.read = append(t.read, only(p.space, p.space.keys[p.ids.low]))
			r.checkGet(t.real.In(r.handles[p.space]), t.sight, p.space, p.ids.low)
		}
	}
}

// savepoint marks a moment of a transaction, or rolls one back to a moment.
func (r *run) savepoint() {
	t := r.anyTxn()
	if t == nil {
		return
	}
	r.done++
	if len(t.points) == 0 || r.rng.IntN(2) == 0 {
		real, err := t.real.Savepoint()
		r.must(err, "savepoint")
		t.points = append(t.points, savepoint{real, len(t.sight.own)})
		return
	}
	i := r.rng.IntN(len(t.points))
	r.must(t.real.RollbackTo(t.points[i].real), "roll back to a savepoint")
	for _, later := range t.points[i+1:] {
		r.expect(t.real.RollbackTo(later.real), engine.ErrSavepoint, "roll back to a savepoint that is gone")
	}
	n := t.points[i].writes
	r.note("roll back the transaction of state %d to %d writes", t.sight.state, n)
	undone := t.sight.own[n:]
	t.points, t.sight.own = t.points[:i+1], t.sight.own[:n:n]
	for _, p := range undone { // nothing is left of it
		if p.ids.low < p.ids.high && p.space.lives(r.oracle.last()) {
			id := p.ids.low + r.rng.IntN(p.ids.high-p.ids.low)
			t.read = append(t.read, only(p.space, p.space.keys[id]))
			r.checkGet(t.real.In(r.handles[p.space]), t.sight, p.space, id)
		}
	}
}

// endTxn commits a transaction, or rolls it back.
func (r *run) endTxn() {
	t := r.anyTxn()
	if t == nil {
		return
	}
	r.done++
	r.leave(t)
	if r.rng.IntN(4) == 0 {
		r.note("roll back the transaction of state %d", t.sight.state)
		r.must(t.real.Rollback(), "roll back")
	} else {
		r.commitTxn(t)
	}
	if r.rng.IntN(8) == 0 {
		_, err := t.real.Get([]byte("k"))
		r.expect(err, engine.ErrTxnDone, "get after the end")
		r.expect(t.real.Put([]byte("k"), nil), engine.ErrTxnDone, "put after the end")
		r.expect(t.real.Commit(), engine.ErrTxnDone, "commit after the end")
		r.expect(t.real.Rollback(), engine.ErrTxnDone, "roll back after the end")
	}
}

// leave closes the iterators of a transaction and takes it off the list.
func (r *run) leave(t *txn) {
	for i := len(r.walks) - 1; i >= 0; i-- {
		if r.walks[i].txn == t {
			r.closeWalk(i)
		}
	}
	for i := range r.txns {
		if r.txns[i] == t {
			r.txns = append(r.txns[:i], r.txns[i+1:]...)
			return
		}
	}
}

// commitTxn commits a transaction, if the model foresees nothing against it.
func (r *run) commitTxn(t *txn) {
	want := t.foresee(r.oracle)
	r.note("commit the transaction of state %d with %d operations, foreseen: %v", t.sight.state, len(t.sight.own), want)
	r.entered(t, want)
	err := t.real.Commit()
	switch {
	case want == engine.ErrConflict:
		r.checkConflict(t, err)
	case want != nil:
		r.expect(err, want, "commit")
	case len(t.sight.own) == 0:
		r.must(err, "commit")
	default:
		r.ended(err, t.options.Durability)
	}
}

// entered makes the model's commit of a transaction that is about to be committed with a foreseen result. One that
// only read leaves nothing, not even what it read for update: nobody can tell it from one that ran earlier.
func (r *run) entered(t *txn, foreseen error) {
	if foreseen == nil && len(t.sight.own) > 0 {
		r.enter(commit{ops: t.sight.own, locks: t.locks})
	}
}

// update runs a function in a transaction that the engine commits, and runs again after a conflict.
func (r *run) update() {
	o := r.txnOptions()
	o.ReadOnly = false
	attempts := 0
	broken := errors.New("broken")
	var t *txn
	var foreseen error
	err := r.db.UpdateWith(context.Background(), o, func(x *engine.Txn) error {
		if attempts++; attempts > 1 && foreseen != engine.ErrConflict {
			r.failf("update runs again after %v", foreseen)
		}
		t = &txn{real: x, options: o, sight: r.present()}
		r.readIn(t)
		r.writeIn(t)
		r.expect(x.Commit(), engine.ErrTxnManaged, "commit in update")
		if attempts == 1 && r.rng.IntN(2) == 0 {
			r.write(r.makeOp())
			for i := range t.sight.own {
				if p := t.sight.own[i]; r.rng.IntN(2) == 0 {
					r.write(p) // surely a conflict
					break
				}
			}
		}
		if r.rng.IntN(8) == 0 {
			foreseen = broken
			return broken
		}
		foreseen = t.foresee(r.oracle)
		r.entered(t, foreseen)
		return nil
	})
	r.note("update with %d operations in %d attempts: %v, foreseen: %v", len(t.sight.own), attempts, err, foreseen)
	switch {
	case foreseen != nil:
		r.expect(err, foreseen, "update")
	case len(t.sight.own) == 0:
		r.must(err, "update")
	default:
		r.ended(err, o.Durability)
	}
}

// look runs a function in a read-only transaction.
func (r *run) look() {
	r.must(r.db.View(context.Background(), func(x *engine.Txn) error {
		t := &txn{real: x, options: engine.TxnOptions{ReadOnly: true}, sight: r.present()}
		r.readIn(t)
		r.writeIn(t)
		r.expect(x.Rollback(), engine.ErrTxnManaged, "rollback in view")
		return nil
	}), "view")
}
