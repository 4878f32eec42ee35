package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
)

// A caller is one of several users of the database in a life.
type caller struct {
	l    *life
	task *task
	rng  *rand.Rand

	pending  []engine.Pending
	snapshot *engine.Snapshot
	since    int64 // when the snapshot was taken
	buffer   []byte
}

// An operation is one kind of thing that callers do. A new kind needs a function and a line here; if
// it writes, the function describes what it writes as writes of a commit.
type operation struct {
	name   string
	weight int
	do     func(c *caller) error
}

var operations = []operation{
	{"put", 30, (*caller).put},
	{"delete", 8, (*caller).delete},
	{"put for a time", 6, (*caller).putForATime},
	{"delete a range", 3, (*caller).deleteRange},
	{"merge", 6, (*caller).merge},
	{"batch", 16, (*caller).batch},
	{"transaction", 12, (*caller).transaction},
	{"update", 4, (*caller).update},
	{"put with a deadline", 4, (*caller).putWithDeadline},
	{"asynchronous batch", 8, (*caller).asynchronousBatch},
	{"wait for durability", 4, (*caller).awaitDurability},
	{"get", 24, (*caller).get},
	{"iterate", 8, (*caller).iterate},
	{"take a snapshot", 6, (*caller).takeSnapshot},
	{"read a snapshot", 8, (*caller).readSnapshot},
	{"flush", 3, (*caller).flush},
	{"compact", 2, (*caller).compact},
	{"wait until idle", 1, (*caller).waitIdle},
	{"statistics", 2, (*caller).statistics},
}

var allWeights = func() (sum int) {
	for _, o := range operations {
		sum += o.weight
	}
	return sum
}()

func (l *life) newCaller(i int) *caller {
	c := &caller{l: l, rng: rand.New(rand.NewPCG(l.rng.Uint64(), uint64(i)))}
	n := 1 + c.rng.IntN(l.r.o.operations)
	c.task = l.s.spawn("caller "+strconv.Itoa(i+1), func() {
		for range n {
			if l.over() {
				break
			}
			c.act()
		}
		c.closeSnapshot()
	})
	return c
}

// act does one thing, chosen at random, and judges what came of it.
func (c *caller) act() {
	n := c.rng.IntN(allWeights)
	for _, o := range operations {
		if n -= o.weight; n >= 0 {
			continue
		}
		err := c.do(o)
		if err == nil || c.l.d.dead || c.l.closing && errors.Is(err, engine.ErrClosed) ||
			c.l.wasFull && errors.Is(err, engine.ErrNoSpace) {
			return
		}
		c.l.s.fail(fmt.Errorf("%s: %s: %w", c.task.name, o.name, err))
		return
	}
}

func (c *caller) do(o operation) error {
	c.note(o.name)
	err := o.do(c)
	if err == nil {
		c.note("is done")
	} else {
		c.note("fails")
	}
	return err
}

func (c *caller) note(words ...string) { c.l.r.trace.note(c.l.s, c.task.name, words...) }

// oneIn is true once in n times.
func (c *caller) oneIn(n int) bool { return c.rng.IntN(n) == 0 }

func (c *caller) durability() engine.Durability {
	if c.rng.IntN(100) < c.l.r.o.syncPercent {
		return engine.Sync
	}
	return []engine.Durability{engine.NoSync, engine.Default}[c.rng.IntN(2)]
}

// syncs tells whether a durability means Sync in this database.
func (c *caller) syncs(d engine.Durability) bool {
	return d == engine.Sync || d == engine.Default && c.l.r.o.config.Durability == engine.Sync
}

func (c *caller) id() int { return c.rng.IntN(len(c.l.r.h.keys)) }

const (
	compressible = "compressible "
	hugeBytes    = 200 << 10
)

// value makes a value that no other write has.
func (c *caller) value() []byte {
	r := c.l.r
	r.written++
	v := append(strconv.AppendInt(nil, int64(r.written), 10), ':')
	n := c.rng.IntN(r.o.valueBytes + 1)
	if r.o.huge && c.oneIn(30) {
		n = c.rng.IntN(hugeBytes)
	}
	for len(v) < n {
		v = append(v, compressible[:min(len(compressible), n-len(v))]...)
	}
	return v
}

// commitAs runs a call that commits writes, and takes note of what it says.
func (c *caller) commitAs(commit *commit, call func() error) error {
	c.l.underWay[c.task] = commit
	err := call()
	delete(c.l.underWay, c.task)
	return c.settle(commit, err)
}

// settle notes the answer to a commit.
func (c *caller) settle(commit *commit, err error) error {
	h := c.l.r.h
	conflict := errors.Is(err, engine.ErrConflict)
	switch {
	case c.l.d.dead:
		return err
	case conflict && commit.refused:
		c.note("conflicts")
		c.l.r.result.Conflicts++
		return nil
	case conflict || commit.refused && !errors.Is(err, engine.ErrCommitUnknown):
		return fmt.Errorf("a transaction since %d, in conflict %v, is answered: %w", commit.view, commit.refused, err)
	case err == nil && !commit.handedOver:
		return errors.New("acknowledged without having been handed over")
	case err == nil:
		c.l.r.result.Commits++
		h.observe(commit.last)
		if commit.sync {
			h.durable = max(h.durable, commit.last)
		}
		return nil
	case errors.Is(err, engine.ErrCommitUnknown) && !commit.handedOver:
		return fmt.Errorf("never handed over: %w", err)
	case !errors.Is(err, engine.ErrCommitUnknown) && commit.handedOver:
		return fmt.Errorf("handed over as %d, then refused: %w", commit.last, err)
	}
	return err
}

func (c *caller) put() error {
	id, v, d := c.id(), c.value(), c.durability()
	w := []write{{id: id, value: v}}
	return c.commitAs(&commit{writes: w, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.Put(c.l.r.h.keys[id], v, d)
	})
}

func (c *caller) delete() error {
	id, d := c.id(), c.durability()
	w := []write{{id: id, deleted: true}}
	return c.commitAs(&commit{writes: w, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.Delete(c.l.r.h.keys[id], d)
	})
}

// putWithDeadline gives up when the time has come, in which case the outcome may be unknown.
func (c *caller) putWithDeadline() error {
	id, v, d := c.id(), c.value(), c.durability()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.l.s.After(time.Duration(c.rng.IntN(200))*time.Microsecond, cancel)
	w := []write{{id: id, value: v}}
	return c.impatient(c.commitAs(&commit{writes: w, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.PutContext(ctx, c.l.r.h.keys[id], v, d)
	}))
}

// fill makes a batch, and the commit that it is.
func (c *caller) fill() (*engine.Batch, *commit, error) {
	b := c.l.db.NewBatch()
	out := &commit{ops: 1 + uint64(c.rng.IntN(c.l.r.o.batch))}
	for op := range out.ops {
		writes, err := c.write(b)
		if err != nil {
			return nil, nil, err
		}
		out.include(op, writes)
	}
	return b, out, nil
}

// include adds what operation op of a commit writes.
func (c *commit) include(op uint64, writes []write) {
	for _, w := range writes {
		w.op = op
		c.writes = append(c.writes, w)
	}
}

// A writer collects operations: a batch or a transaction.
type writer interface {
	Put(k, v []byte) error
	PutTTL(k, v []byte, ttl time.Duration) error
	Delete(k []byte) error
	DeleteRange(lower, upper []byte) error
	Merge(k []byte, operator string, operand []byte) error
}

// write adds an operation of any kind to a batch or a transaction.
func (c *caller) write(to writer) ([]write, error) {
	id := c.id()
	k := c.l.r.h.keys[id]
	switch c.rng.IntN(12) {
	case 0, 1:
		return []write{{id: id, deleted: true}}, to.Delete(k)
	case 2:
		lower, upper, writes := c.someRange()
		return writes, to.DeleteRange(lower, upper)
	case 3, 4:
		operand := c.value()
		return []write{{id: id, value: operand, merge: true}}, to.Merge(k, merge.Append, operand)
	case 5:
		v, ttl := c.value(), c.ttl()
		return []write{{id: id, value: v, expires: c.l.now() + int64(ttl)}}, to.PutTTL(k, v, ttl)
	}
	v := c.value()
	return []write{{id: id, value: v}}, to.Put(k, v)
}

// ttl is a time that may end within a life, or not.
func (c *caller) ttl() time.Duration {
	return time.Duration(1 + c.rng.Int64N(int64(time.Microsecond)<<c.rng.IntN(20)))
}

// someRange returns the bounds of a range, nil for none, and what it means to delete it.
func (c *caller) someRange() (lower, upper []byte, writes []write) {
	h := c.l.r.h
	a, b := c.id(), c.id()
	a, b = min(a, b), max(a, b)+1
	if c.oneIn(4) {
		a = 0
	} else {
		lower = h.keys[a]
	}
	if b == len(h.keys) {
		upper = nil
	} else {
		upper = h.keys[b]
	}
	for id := a; id < b; id++ {
		writes = append(writes, write{id: id, deleted: true})
	}
	return lower, upper, writes
}

func (c *caller) putForATime() error {
	id, v, ttl, d := c.id(), c.value(), c.ttl(), c.durability()
	w := []write{{id: id, value: v, expires: c.l.now() + int64(ttl)}}
	return c.commitAs(&commit{writes: w, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.PutTTL(c.l.r.h.keys[id], v, ttl, d)
	})
}

func (c *caller) deleteRange() error {
	lower, upper, writes := c.someRange()
	d := c.durability()
	return c.commitAs(&commit{writes: writes, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.DeleteRange(lower, upper, d)
	})
}

func (c *caller) merge() error {
	id, operand, d := c.id(), c.value(), c.durability()
	w := []write{{id: id, value: operand, merge: true}}
	return c.commitAs(&commit{writes: w, ops: 1, sync: c.syncs(d)}, func() error {
		return c.l.db.Merge(c.l.r.h.keys[id], merge.Append, operand, d)
	})
}

func (c *caller) batch() error {
	b, commit, err := c.fill()
	if err != nil {
		return err
	}
	d := c.durability()
	commit.sync = c.syncs(d)
	return c.commitAs(commit, func() error { return c.l.db.Apply(b, d) })
}

func (c *caller) asynchronousBatch() error {
	b, commit, err := c.fill()
	if err != nil {
		return err
	}
	return c.commitAs(commit, func() error {
		pending, err := c.l.db.ApplyAsync(context.Background(), b)
		if err == nil && !c.l.d.dead && pending.Seq != commit.last {
			return fmt.Errorf("commit %d is said to be %d", commit.last, pending.Seq)
		}
		c.pending = append(c.pending, pending)
		return err
	})
}

func (c *caller) awaitDurability() error {
	if len(c.pending) == 0 {
		return nil
	}
	p := c.pending[c.rng.IntN(len(c.pending))]
	c.pending = nil
	if err := p.Wait(context.Background()); err != nil {
		return err
	}
	if h := c.l.r.h; !c.l.d.dead {
		h.durable = max(h.durable, p.Seq)
	}
	return nil
}

func (c *caller) get() error {
	h := c.l.r.h
	id := c.id()
	in := window{low: h.acked, from: c.l.now()}
	v, found, err := c.read(c.l.db, id)
	if err != nil || c.l.d.dead {
		return err
	}
	in.high, in.to = h.last(), c.l.now()
	seq, err := h.checkGet(id, v, found, in)
	if err != nil {
		return err
	}
	if seq > 0 {
		h.observe(h.commitOf(seq).last)
	}
	return nil
}

func (c *caller) read(from source, id int) (v []byte, found bool, err error) {
	c.l.r.result.Reads++
	c.buffer, err = from.GetTo(c.buffer, c.l.r.h.keys[id])
	if isMissing(err) {
		return nil, false, nil
	}
	return c.buffer, err == nil, err
}

func isMissing(err error) bool { return errors.Is(err, engine.ErrNotFound) }

func (c *caller) takeSnapshot() error {
	c.closeSnapshot()
	h := c.l.r.h
	low := h.acked
	s, err := c.l.db.Snapshot()
	if err != nil || c.l.d.dead {
		return err
	}
	c.snapshot, c.since = s, c.l.now()
	return c.checkSeq("a snapshot", s.Seq(), low)
}

// checkSeq judges what is visible: a whole number of commits, none missing that somebody knew of.
func (c *caller) checkSeq(what string, seq, low uint64) error {
	h := c.l.r.h
	switch {
	case seq < low || seq > h.last():
		return fmt.Errorf("%s shows %d; %d was visible, %d was handed over", what, seq, low, h.last())
	case !h.boundary(seq):
		return fmt.Errorf("%s shows half a commit: %d is inside one", what, seq)
	}
	h.observe(seq)
	return nil
}

func (c *caller) readSnapshot() error {
	h, s := c.l.r.h, c.snapshot
	if s == nil {
		return nil
	}
	if c.oneIn(3) {
		return c.walk(s, []uint64{s.Seq()}, c.since)
	}
	id := c.id()
	v, found, err := c.read(s, id)
	if err != nil || c.l.d.dead {
		return err
	}
	_, err = h.checkGet(id, v, found, window{s.Seq(), s.Seq(), c.since, c.since})
	return err
}

func (c *caller) closeSnapshot() {
	if c.snapshot != nil {
		if err := c.snapshot.Close(); err != nil && !c.l.d.dead {
			c.l.s.fail(err)
		}
		c.snapshot = nil
	}
}

func (c *caller) iterate() error { return c.walk(c.l.db, nil, c.l.now()) }

// patience returns a context that mostly has no end.
func (c *caller) patience() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if c.oneIn(4) {
		c.l.s.After(time.Duration(c.rng.IntN(1000))*time.Microsecond, cancel)
	}
	return ctx, cancel
}

// impatient makes giving up no failure.
func (c *caller) impatient(err error) error {
	if errors.Is(err, context.Canceled) {
		c.note("gives up")
		return nil
	}
	return err
}

// flush makes durable what was visible before.
func (c *caller) flush() error {
	before := c.l.r.h.acked
	ctx, cancel := c.patience()
	defer cancel()
	err := c.l.db.Flush(ctx)
	if h := c.l.r.h; err == nil && !c.l.d.dead {
		h.durable = max(h.durable, before)
	}
	return c.impatient(err)
}

func (c *caller) compact() error {
	var lower, upper []byte
	if a, b := c.id(), c.id(); a < b && c.oneIn(2) {
		lower, upper = c.l.r.h.keys[a], c.l.r.h.keys[b]
	}
	ctx, cancel := c.patience()
	defer cancel()
	return c.impatient(c.l.db.Compact(ctx, lower, upper))
}

func (c *caller) waitIdle() error {
	ctx, cancel := c.patience()
	defer cancel()
	return c.impatient(c.l.db.WaitIdle(ctx))
}

func (c *caller) statistics() error {
	low := c.l.r.h.acked
	s := c.l.db.Stats()
	h := c.l.r.h
	if c.l.d.dead {
		return nil
	}
	h.durable = max(h.durable, min(s.DurableSeq, h.last()))
	return c.checkSeq("the statistics", s.LastSeq, low)
}
