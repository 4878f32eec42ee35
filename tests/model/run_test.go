package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// A run is one seed's way through a database and its model.
type run struct {
	seed   uint64
	rng    *rand.Rand
	o      options
	oracle *oracle
	plant  func(vfs.FS) vfs.FS // a bug between the engine and the disk, to test the test

	progress progress
	cutter   *cutter
	db       *engine.DB
	batch    *engine.Batch // used again and again
	dst      []byte        // of GetTo
	views    []view
	walks    []walk

	done   int      // operations so far
	recent []string // the last of them, for the report
}

// A view is an open snapshot and the state that it must show.
type view struct {
	snapshot *engine.Snapshot
	state    int
}

// A walk is an open iterator and its model.
type walk struct {
	it       *engine.Iterator
	cursor   cursor
	keysOnly bool
}

// A failure ends a run.
type failure struct{ what string }

// play runs a seed for a number of operations, and returns nil if the engine and the model agree.
// The seed decides everything but plant, which may be nil.
func play(seed uint64, operations int, plant func(vfs.FS) vfs.FS) (err error) {
	rng := rand.New(rand.NewPCG(seed, 0x6d6f64656c))
	r := &run{seed: seed, rng: rng, o: chooseOptions(rng), plant: plant}
	r.oracle = newOracle(r.o.makeKeys(rng))
	defer func() {
		if f := recover(); f != nil {
			broken, ok := f.(failure)
			if !ok {
				panic(f)
			}
			err = r.report(broken)
		}
	}()
	r.start(vfs.NewMem())
	defer r.abandon()
	for r.done < operations {
		r.step()
	}
	r.finish()
	return nil
}

// A step is a kind of operation and how often it is chosen, relative to the others.
type step struct {
	weight int
	do     func(*run)
}

var steps = []step{
	{3000, (*run).put},
	{1000, (*run).delete},
	{500, (*run).apply},
	{2000, (*run).get},
	{500, (*run).has},
	{150, (*run).openIterator},
	{1500, (*run).moveIterator},
	{100, (*run).openSnapshot},
	{500, (*run).readSnapshot},
	{30, (*run).flush},
	{10, (*run).compact},
	{5, (*run).waitIdle},
	{3, (*run).scanAll},
	{4, (*run).reopen},
	{6, (*run).armCut},
	{3, (*run).crashNow},
}

var totalWeight = func() (sum int) {
	for _, s := range steps {
		sum += s.weight
	}
	return sum
}()

// step does one random operation, after the crash whose time has come.
func (r *run) step() {
	if r.cutter.hasCut() {
		r.crash(r.cutter.result())
	}
	n := r.rng.IntN(totalWeight)
	for _, s := range steps {
		if n -= s.weight; n < 0 {
			s.do(r)
			return
		}
	}
}

// put writes one key.
func (r *run) put() {
	id := r.rng.IntN(len(r.oracle.keys))
	value := r.o.makeValue(r.rng, r.oracle.last()+1, id)
	durability := r.begin(write{id: id, value: value})
	r.note("put %s = %s (%s)", brief(r.oracle.keys[id]), brief(value), name(durability))
	r.ended(r.db.Put(r.oracle.keys[id], value, durability), durability)
}

// delete removes one key, which may be there or not.
func (r *run) delete() {
	id := r.rng.IntN(len(r.oracle.keys))
	durability := r.begin(write{id: id, deleted: true})
	r.note("delete %s (%s)", brief(r.oracle.keys[id]), name(durability))
	r.ended(r.db.Delete(r.oracle.keys[id], durability), durability)
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
	writes := make([]write, n)
	for i := range writes {
		w := write{id: r.rng.IntN(len(r.oracle.keys)), deleted: r.rng.IntN(3) == 0}
		k := r.oracle.keys[w.id]
		if w.deleted {
			r.must(r.batch.Delete(k), "add a delete to the batch")
		} else {
			w.value = r.o.makeValue(r.rng, r.oracle.last()+1, w.id)
			r.must(r.batch.Put(k, w.value), "add a put to the batch")
		}
		writes[i] = w
	}
	if r.batch.Len() != n {
		r.failf("the batch holds %d operations, not %d", r.batch.Len(), n)
	}
	durability := r.begin(writes...)
	if durability == engine.Sync && r.rng.IntN(2) == 0 {
		r.note("apply %d operations and wait", n)
		pending, err := r.db.ApplyAsync(context.Background(), r.batch)
		r.must(err, "apply")
		r.checkKeys(writes)
		r.ended(pending.Wait(context.Background()), durability)
		return
	}
	r.note("apply %d operations (%s)", n, name(durability))
	r.ended(r.db.Apply(r.batch, durability), durability)
	r.checkKeys(writes)
}

// begin makes the model's commit, just before the engine's, and chooses the durability.
func (r *run) begin(writes ...write) engine.Durability {
	r.oracle.commit(writes)
	r.progress.begun.Store(int64(r.oracle.last()))
	r.done++
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

// checkKeys reads a few of the keys that were just written.
func (r *run) checkKeys(writes []write) {
	for range min(len(writes), 3) {
		r.checkGet(r.db, r.oracle.last(), writes[r.rng.IntN(len(writes))].id)
	}
}

func (r *run) get() {
	r.done++
	r.checkGet(r.db, r.oracle.last(), r.rng.IntN(len(r.oracle.keys)))
	if r.rng.IntN(4) == 0 {
		r.checkMissing(r.db)
	}
}

// A reader is a database or a snapshot.
type reader interface {
	Get(k []byte) ([]byte, error)
	GetTo(dst, k []byte) ([]byte, error)
	Has(k []byte) (bool, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// checkGet compares the value of a key with that in a state.
func (r *run) checkGet(from reader, state, id int) {
	k := r.oracle.keys[id]
	var got []byte
	var err error
	if r.rng.IntN(2) == 0 {
		got, err = from.Get(k)
	} else {
		got, err = from.GetTo(r.dst, k)
		r.dst = got[:0]
	}
	found := !errors.Is(err, engine.ErrNotFound)
	if found {
		r.must(err, "get "+brief(k))
	}
	want, ok := r.oracle.at(id, state)
	if found != ok || ok && !bytes.Equal(got, want) {
		r.failf("get %s in state %d: got %s, want %s", brief(k), state, answer(got, found), answer(want, ok))
	}
}

// checkMissing reads a key that nothing ever wrote.
func (r *run) checkMissing(from reader) {
	k := r.strangeKey()
	if _, exact := r.oracle.find(k); exact {
		return
	}
	if v, err := from.Get(k); !errors.Is(err, engine.ErrNotFound) {
		r.failf("get %s, which was never written: %s, %v", brief(k), brief(v), err)
	}
}

// strangeKey returns a key near those of the run, which may be one of them.
func (r *run) strangeKey() []byte {
	k := bytes.Clone(r.oracle.keys[r.rng.IntN(len(r.oracle.keys))])
	switch r.rng.IntN(4) {
	case 0:
		k = append(k, byte(r.rng.UintN(256)))
	case 1:
		k[r.rng.IntN(len(k))] ^= 1 << r.rng.IntN(8)
	case 2:
		k = k[:1+r.rng.IntN(len(k))]
	}
	return k
}

func (r *run) has() {
	r.done++
	r.checkHas(r.db, r.oracle.last(), r.rng.IntN(len(r.oracle.keys)))
}

func (r *run) checkHas(from reader, state, id int) {
	k := r.oracle.keys[id]
	got, err := from.Has(k)
	r.must(err, "has "+brief(k))
	if _, want := r.oracle.at(id, state); got != want {
		r.failf("has %s in state %d: got %v, want %v", brief(k), state, got, want)
	}
}

// openSnapshot opens one and closes another where many are open.
func (r *run) openSnapshot() {
	r.done++
	if len(r.views) >= 8 || len(r.views) > 0 && r.rng.IntN(3) == 0 {
		i := r.rng.IntN(len(r.views))
		r.note("close the snapshot of state %d", r.views[i].state)
		r.must(r.views[i].snapshot.Close(), "close a snapshot")
		r.views = append(r.views[:i], r.views[i+1:]...)
		return
	}
	snapshot, err := r.db.Snapshot()
	r.must(err, "open a snapshot")
	r.note("open a snapshot of state %d at sequence number %d", r.oracle.last(), snapshot.Seq())
	r.views = append(r.views, view{snapshot, r.oracle.last()})
}

func (r *run) readSnapshot() {
	if len(r.views) == 0 {
		return
	}
	r.done++
	v := r.views[r.rng.IntN(len(r.views))]
	id := r.rng.IntN(len(r.oracle.keys))
	switch r.rng.IntN(20) {
	case 0:
		r.note("scan the snapshot of state %d", v.state)
		r.checkScan(v.snapshot, v.state)
	case 1:
		r.checkMissing(v.snapshot)
	case 2, 3, 4:
		r.checkHas(v.snapshot, v.state, id)
	default:
		r.checkGet(v.snapshot, v.state, id)
	}
}

func (r *run) flush() {
	r.done++
	r.note("flush")
	state := r.oracle.last()
	r.must(r.db.Flush(context.Background()), "flush")
	r.progress.durable.Store(int64(state))
}

func (r *run) compact() {
	r.done++
	var lower, upper []byte
	if r.rng.IntN(3) > 0 {
		lower, upper = r.bounds()
	}
	r.note("compact from %s to %s", brief(lower), brief(upper))
	r.must(r.db.Compact(context.Background(), lower, upper), "compact")
}

func (r *run) waitIdle() {
	r.done++
	r.note("wait until idle; %+v", r.db.Stats())
	r.must(r.db.WaitIdle(context.Background()), "wait until idle")
}

func (r *run) scanAll() {
	r.done++
	r.note("scan everything")
	r.checkScan(r.db, r.oracle.last())
}

// bounds returns two keys in order, either of which may be nil.
func (r *run) bounds() (lower, upper []byte) {
	if r.rng.IntN(4) > 0 {
		lower = r.strangeKey()
	}
	if r.rng.IntN(4) > 0 {
		upper = r.strangeKey()
	}
	if lower != nil && upper != nil && bytes.Compare(lower, upper) > 0 {
		lower, upper = upper, lower
	}
	return lower, upper
}

func (r *run) must(err error, what string) {
	if err != nil {
		r.failf("%s: %v", what, err)
	}
}

func (r *run) failf(format string, args ...any) {
	panic(failure{fmt.Sprintf(format, args...)})
}

// note remembers an operation for the report.
func (r *run) note(format string, args ...any) {
	const keep = 40
	if len(r.recent) >= 2*keep {
		r.recent = append(r.recent[:0], r.recent[keep:]...)
	}
	r.recent = append(r.recent, fmt.Sprintf("%d: ", r.done)+fmt.Sprintf(format, args...))
}

func (r *run) report(f failure) error {
	return fmt.Errorf("seed %d (MIDDB_SEED=%d), operation %d: %s\noptions: %v\nstates: %d begun, %d durable\nlast operations:\n  %s",
		r.seed, r.seed, r.done, f.what, r.o, r.progress.begun.Load(), r.progress.durable.Load(), strings.Join(r.recent, "\n  "))
}

func name(d engine.Durability) string {
	return [...]string{engine.Default: "default", engine.Sync: "sync", engine.NoSync: "nosync"}[d]
}
