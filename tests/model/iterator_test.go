package model

import (
	"bytes"

	"github.com/middb/middb/engine"
)

// openIterator opens an iterator on the newest state or on a snapshot, and closes another where
// many are open.
func (r *run) openIterator() {
	r.done++
	if len(r.walks) >= 6 || len(r.walks) > 0 && r.rng.IntN(3) == 0 {
		i := r.rng.IntN(len(r.walks))
		r.must(r.walks[i].it.Close(), "close an iterator")
		r.walks = append(r.walks[:i], r.walks[i+1:]...)
		return
	}
	var from reader = r.db
	state := r.oracle.last()
	if len(r.views) > 0 && r.rng.IntN(2) == 0 {
		v := r.views[r.rng.IntN(len(r.views))]
		from, state = v.snapshot, v.state
	}
	var o engine.IterOptions
	if r.rng.IntN(2) == 0 {
		o.Lower, o.Upper = r.bounds()
	}
	if r.rng.IntN(4) == 0 {
		k := r.strangeKey()
		o.Prefix = k[:r.rng.IntN(len(k)+1)]
	}
	o.Reverse, o.KeysOnly = r.rng.IntN(3) == 0, r.rng.IntN(5) == 0
	r.note("open an iterator on state %d: from %s to %s, prefix %s, reverse %v",
		state, brief(o.Lower), brief(o.Upper), brief(o.Prefix), o.Reverse)
	it, err := from.NewIterator(o)
	r.must(err, "open an iterator")
	r.walks = append(r.walks, walk{
		it:       it,
		cursor:   cursor{o: r.oracle, state: state, span: r.oracle.selects(o.Lower, o.Upper, o.Prefix), reverse: o.Reverse},
		keysOnly: o.KeysOnly,
	})
	// The iterator owns nothing of its options: their memory may be used again.
	clear(o.Lower)
	clear(o.Upper)
	clear(o.Prefix)
}

// moveIterator moves one of the open iterators a few times, with changes of direction.
func (r *run) moveIterator() {
	if len(r.walks) == 0 {
		return
	}
	w := &r.walks[r.rng.IntN(len(r.walks))]
	forward := r.rng.IntN(2) == 0
	for range 1 + r.rng.IntN(12) {
		r.done++
		if r.rng.IntN(6) == 0 {
			forward = !forward
		}
		var move string
		var ok bool
		switch n := r.rng.IntN(20); {
		case n == 0:
			move, ok = "first", w.it.First()
			w.cursor.first()
		case n == 1:
			move, ok = "last", w.it.Last()
			w.cursor.last()
		case n < 5 || !w.cursor.valid:
			k := r.strangeKey()
			move, ok = "seek "+brief(k), w.it.Seek(k)
			w.cursor.seek(k)
		case forward:
			move, ok = "next", w.it.Next()
			w.cursor.next()
		default:
			move, ok = "prev", w.it.Prev()
			w.cursor.prev()
		}
		r.note("iterator on state %d: %s", w.cursor.state, move)
		r.checkIterator(w, ok)
	}
}

// checkIterator compares where an iterator stands with where its model does.
func (r *run) checkIterator(w *walk, ok bool) {
	c := &w.cursor
	if ok != c.valid || w.it.Valid() != c.valid {
		where := "the end"
		if c.valid {
			where = brief(r.oracle.keys[c.pos])
		} else if ok {
			where += ", not " + brief(w.it.Key())
		}
		r.failf("the iterator reports %v (valid %v, error %v); the model stands at %s", ok, w.it.Valid(), w.it.Err(), where)
	}
	if !ok {
		r.must(w.it.Err(), "iterate")
		return
	}
	if k := r.oracle.keys[c.pos]; !bytes.Equal(w.it.Key(), k) {
		r.failf("the iterator stands at %s, the model at %s", brief(w.it.Key()), brief(k))
	}
	if want, _ := r.oracle.at(c.pos, c.state); !w.keysOnly && !bytes.Equal(w.it.Value(), want) {
		r.failf("the iterator has %s = %s, the model %s", brief(w.it.Key()), brief(w.it.Value()), brief(want))
	}
}
