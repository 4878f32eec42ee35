package model

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// put writes one key.
func (r *run) put() { r.write(r.makePut(r.space())) }

// putTTL writes one key for a while, now and then for a time that cannot be.
func (r *run) putTTL() {
	p := r.makePutTTL(r.space())
	if r.rng.IntN(50) == 0 {
		r.done++
		err := r.handles[p.space].PutTTL(p.key, p.value, -time.Duration(r.rng.IntN(2)))
		r.expect(err, engine.ErrInvalidTTL, "put for no time")
		return
	}
	r.write(p)
}

// delete removes one key, which may be there or not.
func (r *run) delete() { r.write(r.makeDelete(r.space())) }

// deleteRange removes the keys of a range, which may be one that has no keys, or no range at all.
func (r *run) deleteRange() {
	p := r.makeDeleteRange(r.space())
	if p.lower != nil && p.upper != nil && r.rng.IntN(50) == 0 && !p.void() {
		r.done++
		err := r.handles[p.space].DeleteRange(p.upper, p.lower)
		r.expect(err, engine.ErrInvalidRange, "delete a range upside down")
		return
	}
	r.write(p)
}

// merge changes one key by an operand, now and then one that the operator refuses.
func (r *run) merge() {
	p := r.makeMerge(r.space())
	if r.rng.IntN(50) == 0 {
		r.done++
		operator, operand := "unheard of", p.value
		switch r.rng.IntN(3) {
		case 0:
			operator, operand = merge.Counter, []byte("short")
		case 1:
			operator, operand = tail, nil
		}
		err := r.handles[p.space].Merge(p.key, operator, operand)
		r.expect(err, engine.ErrMergeOperator, "merge what cannot be")
		return
	}
	r.write(p)
}

// write commits one operation.
func (r *run) write(p op) {
	ks := r.handles[p.space]
	if p.void() {
		r.done++
		r.note("%v: nothing", &p)
		r.must(ks.DeleteRange(p.lower, p.upper), "delete an empty range")
		return
	}
	durability := r.begin(commit{ops: []op{p}})
	r.note("%v (%s)", &p, name(durability))
	r.ended(p.giveTo(durable{ks, durability}), durability)
}

// durable is a keyspace as a writer whose writes ask for a durability.
type durable struct {
	*engine.Keyspace
	as engine.Durability
}

func (d durable) Put(k, v []byte) error { return d.Keyspace.Put(k, v, d.as) }

func (d durable) PutTTL(k, v []byte, ttl time.Duration) error {
	return d.Keyspace.PutTTL(k, v, ttl, d.as)
}

func (d durable) Delete(k []byte) error { return d.Keyspace.Delete(k, d.as) }

func (d durable) DeleteRange(lower, upper []byte) error {
	return d.Keyspace.DeleteRange(lower, upper, d.as)
}

func (d durable) Merge(k []byte, operator string, operand []byte) error {
	return d.Keyspace.Merge(k, operator, operand, d.as)
}

// makeOp returns an operation of any kind for a batch or a transaction.
func (r *run) makeOp() op {
	sp := r.space()
	switch n := r.rng.IntN(100); {
	case n < 50:
		return r.makePut(sp)
	case n < 58:
		return r.makePutTTL(sp)
	case n < 80:
		return r.makeDelete(sp)
	case n < 83:
		return r.makeDeleteRange(sp)
	default:
		return r.makeMerge(sp)
	}
}

// makeOps returns the operations of a batch. Unless it is one, they have no values of a size that a batch cannot
// have hundreds of.
func (r *run) makeOps(n int) []op {
	const most = 20 << 10
	ops := make([]op, n)
	for i := range ops {
		ops[i] = r.makeOp()
		if n > 1 && len(ops[i].value) > most {
			ops[i].value = ops[i].value[:most]
		}
	}
	return ops
}

// makePoint returns an operation on a random key: now and then one of the few that are used most.
func (r *run) makePoint(sp *space, kind key.Kind) op {
	n := len(sp.keys)
	if r.rng.IntN(4) == 0 {
		n = min(n, 8)
	}
	id := r.rng.IntN(n)
	return op{kind: kind, space: sp, ids: span{id, id + 1}, key: sp.keys[id]}
}

func (r *run) makePut(sp *space) op {
	p := r.makePoint(sp, key.KindPut)
	p.value, p.expiry = r.o.makeValue(r.rng, r.oracle.last()+1, p.ids.low), never
	return p
}

func (r *run) makePutTTL(sp *space) op {
	p := r.makePut(sp)
	p.kind = key.KindPutWithExpiry
	p.ttl = r.o.tick * time.Duration(1+r.rng.IntN(1<<r.rng.IntN(12))) / 16
	if r.rng.IntN(50) == 0 {
		p.ttl = math.MaxInt64
	}
	r.timed = true
	p.expiry = r.now + min(int64(p.ttl), math.MaxInt64-r.now)
	return p
}

func (r *run) makeDelete(sp *space) op { return r.makePoint(sp, key.KindDelete) }

func (r *run) makeMerge(sp *space) op {
	p := r.makePoint(sp, key.KindMerge)
	p.operator = r.o.makeOperator(r.rng, p.ids.low)
	p.value = makeOperand(r.rng, p.operator, r.oracle.last()+1)
	return p
}

// makeDeleteRange returns a range that is mostly short: sometimes empty, sometimes without bounds.
func (r *run) makeDeleteRange(sp *space) op {
	p := op{kind: key.KindRangeDelete, space: sp}
	switch r.rng.IntN(40) {
	case 0:
		p.lower, p.upper = r.bounds(sp)
	case 1:
		p.lower = r.strangeKey(sp)
		p.upper = p.lower
	case 2:
		p.upper = []byte{}
	default:
		at := r.rng.IntN(len(sp.keys))
		p.lower = sp.keys[at]
		p.upper = sp.keys[min(at+1+r.rng.IntN(1<<r.rng.IntN(8)), len(sp.keys)-1)]
		if r.rng.IntN(2) == 0 {
			p.upper = after(p.upper)
		}
	}
	p.ids = sp.selects(extent{p.lower, p.upper})
	return p
}

// begin makes the model's commit, just before the engine's, and chooses the durability.
func (r *run) begin(c commit) engine.Durability {
	r.enter(c)
	r.done++
	return r.durability()
}

// enter makes the model's commit.
func (r *run) enter(c commit) {
	r.oracle.commit(c)
	r.progress.begun.Store(int64(r.oracle.last()))
}

func (r *run) durability() engine.Durability {
	switch {
	case r.rng.IntN(8) == 0:
		return engine.Default
	case r.rng.IntN(100) < r.o.syncPercent:
		return engine.Sync
	}
	return engine.NoSync
}

// ended takes the engine's answer to a commit.
func (r *run) ended(err error, d engine.Durability) {
	r.must(err, "write")
	if d == engine.Default {
		d = r.o.config.Durability
	}
	if d != engine.NoSync { // the default of the default is Sync
		r.progress.durable.Store(int64(r.oracle.last()))
	}
}

// putIf writes a key on a condition: that it is not there, or that a certain operation wrote it last.
func (r *run) putIf() {
	p := r.makePut(r.space())
	ks, v := r.handles[p.space], p.space.at(p.ids.low, r.oracle.last())
	seen := v.see(r.now)
	d := r.durability()
	if r.rng.IntN(2) == 0 {
		r.conditional(p, d, map[bool]error{true: engine.ErrExists}[seen.found], "put if absent", seen.failed,
			func() (uint64, error) { return ks.PutIfAbsent(p.key, p.value, d) })
		return
	}
	seq := v.seq
	var want error
	if r.rng.IntN(3) == 0 {
		seq += uint64(r.rng.IntN(3)) - 1
	}
	if !seen.found || seq != v.seq {
		want = engine.ErrSeqMismatch
	}
	r.conditional(p, d, want, fmt.Sprintf("put if %d", seq), seen.failed,
		func() (uint64, error) { return ks.PutIf(p.key, p.value, seq, d) })
}

// conditional puts if the model foresees no error.
func (r *run) conditional(p op, d engine.Durability, want error, what string, failed bool, put func() (uint64, error)) {
	if failed {
		want = engine.ErrMergeOperator
	}
	r.note("%s: %v (%s), foreseen: %v", what, &p, name(d), want)
	r.done++
	if want == nil {
		r.enter(commit{ops: []op{p}})
	}
	seq, err := put()
	if want != nil {
		r.expect(err, want, what)
		return
	}
	r.ended(err, d)
	if seq != r.oracle.seq(r.oracle.last()) {
		r.failf("%s reports sequence number %d, not %d", what, seq, r.oracle.seq(r.oracle.last()))
	}
}

// apply commits a batch, now and then an empty one, or one beyond what a memtable takes.
func (r *run) apply() {
	n := r.rng.IntN(20)
	if r.rng.IntN(100) == 0 {
		n = r.rng.IntN(1000)
	}
	if r.batch == nil || r.rng.IntN(4) == 0 {
		r.batch = r.db.NewBatch()
	} else {
		r.batch.Reset()
	}
	ops := r.makeOps(n)
	kept := r.fill(r.batch, ops)
	r.commitBatch(r.batch, kept)
}

// fill adds operations to a batch, and returns those that count: all but the deletes of empty ranges, and what is too
// much for a batch that is large already.
func (r *run) fill(b *engine.Batch, ops []op) (kept []op) {
	before := b.Len()
	for i := range ops {
		p := &ops[i]
		err := p.giveTo(b.In(r.handles[p.space]))
		if errors.Is(err, engine.ErrBatchTooLarge) && int64(b.Bytes()) > r.o.config.MemoryBudget/8 {
			continue
		}
		r.must(err, "add to the batch")
		if !p.void() {
			kept = append(kept, *p)
		}
	}
	if b.Len()-before != len(kept) {
		r.failf("the batch has %d operations more, not %d", b.Len()-before, len(kept))
	}
	return kept
}

// commitBatch commits a batch with these operations.
func (r *run) commitBatch(b *engine.Batch, ops []op) {
	durability := r.begin(commit{ops: ops})
	if durability == engine.Sync && r.rng.IntN(2) == 0 {
		r.note("apply %d operations and wait", len(ops))
		pending, err := r.db.ApplyAsync(context.Background(), b)
		r.must(err, "apply")
		if want := r.oracle.seq(r.oracle.last()); len(ops) > 0 && pending.Seq != want {
			r.failf("the batch has sequence number %d, not %d", pending.Seq, want)
		}
		r.checkKeys(ops)
		r.ended(pending.Wait(context.Background()), durability)
		return
	}
	r.note("apply %d operations (%s)", len(ops), name(durability))
	r.ended(r.db.Apply(b, durability), durability)
	r.checkKeys(ops)
}

// checkKeys reads a few of the keys that were just written.
func (r *run) checkKeys(ops []op) {
	for range min(len(ops), 3) {
		p := &ops[r.rng.IntN(len(ops))]
		if p.ids.low < p.ids.high {
			r.checkGet(r.handles[p.space], r.present(), p.space, p.ids.low)
		}
	}
}

// expect ends the run unless err is the wanted error.
func (r *run) expect(err, want error, what string) {
	if !errors.Is(err, want) {
		r.failf("%s: %v, want: %v", what, err, want)
	}
}
