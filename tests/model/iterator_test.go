package model

import (
	"bytes"

	"github.com/middb/middb/engine"
)

// A walk is an open iterator and its model.
type walk struct {
	it     *engine.Iterator
	cursor cursor
	txn    *txn // that it is of, or nil
}

// openIterator opens an iterator on the present, a snapshot, a transaction or a batch, and closes another where
// many are open.
func (r *run) openIterator() {
	r.done++
	if len(r.walks) >= 6 || len(r.walks) > 0 && r.rng.IntN(3) == 0 {
		r.closeWalk(r.rng.IntN(len(r.walks)))
		return
	}
	w := walk{cursor: cursor{space: r.space(), sight: r.present()}}
	var from reader = r.handles[w.cursor.space]
	switch n := r.rng.IntN(12); {
	case n < 3 && len(r.views) > 0:
		v := &r.views[r.rng.IntN(len(r.views))]
		w.cursor.space, w.cursor.sight = r.anySpace(), v.sight
		from = v.snapshot.In(r.handles[w.cursor.space])
	case n < 7 && len(r.txns) > 0:
		r.walkIn(r.anyTxn())
		return
	case n < 9 && r.indexed != nil:
		w.cursor.sight.own = r.indexed.ops[:len(r.indexed.ops):len(r.indexed.ops)]
		from = r.indexed.real.In(r.handles[w.cursor.space])
	}
	r.openWalk(w, from)
}

// walkIn opens an iterator on a transaction.
func (r *run) walkIn(t *txn) {
	sp := r.anySpace()
	w := walk{txn: t, cursor: cursor{space: sp, sight: t.sight, trail: t.trailOf(sp)}}
	r.openWalk(w, t.real.In(r.handles[sp]))
}

// openWalk opens an iterator with random options.
func (r *run) openWalk(w walk, from reader) {
	c := &w.cursor
	var o engine.IterOptions
	if r.rng.IntN(2) == 0 {
		o.Lower, o.Upper = r.bounds(c.space)
	}
	if r.rng.IntN(4) == 0 {
		k := r.strangeKey(c.space)
		o.Prefix = k[:r.rng.IntN(len(k)+1)]
	}
	o.Reverse, o.KeysOnly = r.rng.IntN(3) == 0, r.rng.IntN(3) == 0
	c.bounds = extent{bytes.Clone(o.Lower), bytes.Clone(o.Upper)}.within(withPrefix(o.Prefix))
	c.span, c.reverse, c.keysOnly = c.space.selects(c.bounds), o.Reverse, o.KeysOnly
	r.note("open an iterator on keyspace %d in state %d under %d operations: from %s to %s, prefix %s, reverse %v, keys only %v",
		c.space.name, c.sight.state, len(c.sight.own), brief(o.Lower), brief(o.Upper), brief(o.Prefix), o.Reverse, o.KeysOnly)
	var err error
	w.it, err = from.NewIterator(o)
	r.must(err, "open an iterator")
	r.walks = append(r.walks, w)
	// The iterator owns nothing of its options: their memory may be used again.
	clear(o.Lower)
	clear(o.Upper)
	clear(o.Prefix)
}

// closeWalk closes an iterator.
func (r *run) closeWalk(i int) {
	w := &r.walks[i]
	err := w.it.Close()
	if got := r.answered(nil, err, "close an iterator"); got.failed != w.cursor.failed {
		r.failf("closing an iterator returns %v", err)
	}
	r.walks = append(r.walks[:i], r.walks[i+1:]...)
}

// moveIterator moves one of the open iterators.
func (r *run) moveIterator() {
	if len(r.walks) == 0 {
		return
	}
	r.moveWalk(r.rng.IntN(len(r.walks)))
}

// moveWalk moves an iterator a few times, with changes of direction, and closes it if a merge fails.
func (r *run) moveWalk(i int) {
	w := &r.walks[i]
	forward := r.rng.IntN(2) == 0
	for range 1 + r.rng.IntN(12) {
		r.done++
		if r.rng.IntN(6) == 0 {
			forward = !forward
		}
		move, ok := r.move(w, forward)
		r.note("iterator on state %d: %s", w.cursor.sight.state, move)
		r.checkIterator(w, ok)
		if w.cursor.failed {
			r.closeWalk(i)
			return
		}
	}
}

// move moves an iterator and its model.
func (r *run) move(w *walk, forward bool) (what string, ok bool) {
	switch n := r.rng.IntN(20); {
	case n == 0:
		what, ok = "first", w.it.First()
		w.cursor.first()
	case n == 1:
		what, ok = "last", w.it.Last()
		w.cursor.last()
	case n < 5 || !w.cursor.valid:
		k := r.strangeKey(w.cursor.space)
		what, ok = "seek "+brief(k), w.it.Seek(k)
		w.cursor.seek(k)
	case forward:
		what, ok = "next", w.it.Next()
		w.cursor.next()
	default:
		what, ok = "prev", w.it.Prev()
		w.cursor.prev()
	}
	return what, ok
}

// checkIterator compares where an iterator stands with where its model does.
func (r *run) checkIterator(w *walk, ok bool) {
	c := &w.cursor
	if ok != c.valid || w.it.Valid() != c.valid {
		where := "the end"
		if c.valid {
			where = brief(c.space.keys[c.pos])
		} else if ok {
			where += ", not " + brief(w.it.Key())
		}
		r.failf("the iterator reports %v (valid %v, error %v); the model stands at %s", ok, w.it.Valid(), w.it.Err(), where)
	}
	if !ok {
		if got := r.answered(nil, w.it.Err(), "iterate"); got.failed != c.failed {
			r.failf("the iterator ends with %v; that a merge fails is foreseen: %v", w.it.Err(), c.failed)
		}
		return
	}
	if k := c.space.keys[c.pos]; !bytes.Equal(w.it.Key(), k) {
		r.failf("the iterator stands at %s, the model at %s", brief(w.it.Key()), brief(k))
	}
	if !c.keysOnly {
		r.compare("iterator at", outcome{value: w.it.Value(), found: true}, c.sight, c.space, c.pos)
	}
}
