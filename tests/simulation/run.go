package simulation

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/middb/middb/vfs"
)

// A Plan says how a seed is played, beyond what the seed itself decides.
type Plan struct {
	// KeepTrace keeps the text of the trace.
	KeepTrace bool
	// Wrap, if not nil, puts a file system between the database and its disk: a planted fault.
	Wrap func(vfs.FS) vfs.FS
}

// A Result is what came of a seed.
type Result struct {
	Seed    uint64
	Options string // what the seed chose
	Err     error  // nil: nothing was wrong
	Hash    uint64 // of the trace
	Trace   []byte // its text, if the Plan asked for it
	Tally

	clock time.Time // when the last life ended
}

// run is one playing of a seed.
type run struct {
	seed    uint64
	o       options
	plan    Plan
	trace   *trace
	h       *history
	rng     *rand.Rand
	mem     *vfs.Mem
	written int    // values made so far: each is different
	kept    uint64 // the last Close promised all through here
	watched uint64 // where a feed goes on; 0: nowhere
	result  *Result
}

// Play plays a seed: it opens a database, has callers use it until it is closed or the power fails, and
// does so again on what is left. Any number may be played at a time.
func Play(seed uint64, plan Plan) *Result {
	rng := rand.New(rand.NewPCG(seed, 0x73696d756c617465))
	r := &run{
		seed: seed, o: chooseOptions(rng), plan: plan, trace: &trace{keep: plan.KeepTrace}, rng: rng,
		mem: vfs.NewMem(), result: &Result{Seed: seed, clock: begin},
	}
	r.h = newHistory(r.o.keys)
	res := r.result
	res.Options = r.o.String()
	res.Err = r.play()
	if res.Err != nil {
		res.Err = fmt.Errorf("seed %d (%s): %w", seed, res.Options, res.Err)
	}
	res.Hash, res.Trace, res.Events = r.trace.hash.Sum64(), r.trace.text, r.trace.events
	return res
}

func (r *run) play() error {
	for number := 1; number <= r.o.lives+1; number++ {
		callers := r.o.callers
		if number > r.o.lives {
			callers = 0 // only to see what the last one left
		}
		if number > 1 && r.rng.IntN(4) == 0 {
			if err := r.live(0, true); err != nil {
				return err
			}
		}
		if err := r.live(callers, false); err != nil {
			return err
		}
	}
	return nil
}

// PlayAll plays seeds on all processors, in no particular order, and passes each result to each, one
// at a time, until that returns false.
func PlayAll(seeds iter.Seq[uint64], plan Plan, each func(*Result) bool) {
	var mu sync.Mutex // guards what follows
	next, stop := iter.Pull(seeds)
	defer stop()
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		return next()
	}
	over := false
	give := func(r *Result) bool {
		mu.Lock()
		defer mu.Unlock()
		over = over || !each(r)
		return !over
	}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				if !give(Play(seed, plan)) {
					return
				}
			}
		})
	}
	wg.Wait()
}
