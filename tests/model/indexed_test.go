package model

import "github.com/middb/middb/engine"

// indexed is an open batch that can be read, and its operations.
type indexed struct {
	real *engine.Batch
	ops  []op
}

// useIndexed writes to the indexed batch, reads it, and now and then commits it or drops it.
func (r *run) useIndexed() {
	r.done++
	if r.indexed == nil {
		r.indexed = &indexed{real: r.db.NewIndexedBatch()}
	}
	b := r.indexed
	switch n := r.rng.IntN(20); {
	case n < 7:
		ops := r.makeOps(2 + r.rng.IntN(3))
		r.note("add to the indexed batch: %v, %v, ...", &ops[0], &ops[1])
		b.ops = append(b.ops, r.fill(b.real, ops)...)
	case n < 17:
		r.readIndexed(b)
	case n < 19:
		r.commitIndexed(b)
	default:
		b.real.Reset()
		b.ops = nil
	}
	if len(b.ops) > 60 {
		r.indexed = nil
	}
}

// readIndexed reads a key: what the batch says, or else what the database says now.
func (r *run) readIndexed(b *indexed) {
	s := r.present()
	s.own = b.ops
	sp := r.space()
	at := b.real.In(r.handles[sp])
	r.checkGet(at, s, sp, r.makeDelete(sp).ids.low)
	if n := len(b.ops); n > 0 {
		if p := &b.ops[r.rng.IntN(n)]; p.ids.low < p.ids.high && p.space.lives(s.state) {
			r.checkGet(b.real.In(r.handles[p.space]), s, p.space, p.ids.low)
		}
	}
}

// commitIndexed commits the batch, unless it names a keyspace that was dropped meanwhile.
func (r *run) commitIndexed(b *indexed) {
	for i := range b.ops {
		if !b.ops[i].space.lives(r.oracle.last()) {
			r.expect(r.db.Apply(b.real), engine.ErrKeyspaceDropped, "apply to a dropped keyspace")
			r.indexed = nil
			return
		}
	}
	r.commitBatch(b.real, b.ops)
	b.real.Reset()
	b.ops = nil
}
