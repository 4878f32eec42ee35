package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// A run is one seed's way through a database and its model.
type run struct {
	seed   uint64
	rng    *rand.Rand
	o      options
	oracle *oracle
	plant  func(*engine.Config) // a bug in what the engine is given, to test the test

	progress progress
	cutter   *cutter
	db       *engine.DB
	source   atomic.Int64                // what the clock shows
	now      int64                       // the engine's time
	timed    bool                        // this life of the database was asked for a put with TTL
	handles  map[*space]*engine.Keyspace // of this life of the database
	dropped  []*space                    // the last that were dropped in this life of the database
	batch    *engine.Batch               // used again and again
	indexed  *indexed                    // or nil
	dst      []byte                      // of GetTo
	views    []view
	walks    []walk
	txns     []*txn

	done   int      // operations so far
	recent []string // the last of them, for the report
}

// A failure ends a run.
type failure struct{ what string }

// play runs a seed for a number of operations, and returns nil if the engine and the model agree.
// The seed decides everything but plant, which may be nil.
func play(seed uint64, operations int, plant func(*engine.Config)) (err error) {
	rng := rand.New(rand.NewPCG(seed, 0x6d6f64656c))
	r := &run{seed: seed, rng: rng, o: chooseOptions(rng), plant: plant}
	r.oracle = newOracle(spaceNames, r.o.makeKeys(rng))
	r.now = began
	r.source.Store(began)
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
	{2200, (*run).put},
	{300, (*run).putTTL},
	{700, (*run).delete},
	{60, (*run).deleteRange},
	{600, (*run).merge},
	{200, (*run).putIf},
	{400, (*run).apply},
	{200, (*run).useIndexed},
	{1500, (*run).get},
	{400, (*run).has},
	{180, (*run).openIterator},
	{1400, (*run).moveIterator},
	{100, (*run).openSnapshot},
	{500, (*run).readSnapshot},
	{100, (*run).beginTxn},
	{500, (*run).readTxn},
	{250, (*run).writeTxn},
	{60, (*run).savepoint},
	{70, (*run).endTxn},
	{30, (*run).duel},
	{60, (*run).brush},
	{20, (*run).contend},
	{40, (*run).update},
	{10, (*run).look},
	{60, (*run).moveClock},
	{20, (*run).makeSpace},
	{10, (*run).dropSpace},
	{10, (*run).useDropped},
	{10, (*run).listSpaces},
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
		lower, upper = r.bounds(r.oracle.root())
	}
	r.note("compact from %s to %s", brief(lower), brief(upper))
	r.must(r.db.Compact(context.Background(), lower, upper), "compact")
}

func (r *run) waitIdle() {
	r.done++
	r.note("wait until idle; %+v", r.db.Stats())
	r.must(r.db.WaitIdle(context.Background()), "wait until idle")
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
