package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/engine"
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
	Err     error // nil: nothing was wrong
	Hash    uint64
	Trace   []byte // the text, if the Plan asked for it
	Options string
	Events  int // lines of the trace

	// How much was exercised.
	Steps       int
	Lives       int
	Crashes     int
	Closes      int // clean ones
	Lost        int // operations that a crash took back
	Commits     int
	Reads       int
	Flushes     int64
	Compactions int64
	Stalls      int64
	Delays      int64
	Queued      int64

	clock time.Time
}

// Play plays a seed. Any number may be played at a time.
func Play(seed uint64, plan Plan) *Result {
	rng := rand.New(rand.NewPCG(seed, 0x73696d756c617465))
	r := &run{
		seed: seed, o: chooseOptions(rng), plan: plan, trace: &trace{keep: plan.KeepTrace}, rng: rng,
		mem: vfs.NewMem(), result: &Result{Seed: seed, clock: begin},
	}
	r.h = newHistory(r.o.keys)
	res := r.result
	res.Options = r.o.String()
	for number := 1; number <= r.o.lives+1 && res.Err == nil; number++ {
		callers := r.o.callers
		if number > r.o.lives {
			callers = 0 // only to see what the last one left
		}
		if number > 1 && r.rng.IntN(4) == 0 {
			res.Err = r.live(number, 0, true)
		}
		if res.Err == nil {
			res.Err = r.live(number, callers, false)
		}
	}
	res.Hash, res.Trace, res.Events = r.trace.hash.Sum64(), r.trace.text, r.trace.events
	if res.Err != nil {
		res.Err = fmt.Errorf("seed %d (%s): %w", seed, res.Options, res.Err)
	}
	return res
}

func (r *Result) add(s engine.Stats) {
	r.Flushes += s.Flushes
	r.Compactions += s.Compactions
	r.Stalls += s.Stalls
	r.Delays += s.WriteDelays
	r.Queued += s.WriteQueued
}

// include adds what another run exercised.
func (r *Result) include(o *Result) {
	r.Events += o.Events
	r.Steps += o.Steps
	r.Lives += o.Lives
	r.Crashes += o.Crashes
	r.Closes += o.Closes
	r.Lost += o.Lost
	r.Commits += o.Commits
	r.Reads += o.Reads
	r.Flushes += o.Flushes
	r.Compactions += o.Compactions
	r.Stalls += o.Stalls
	r.Delays += o.Delays
	r.Queued += o.Queued
}

// exercised returns what must occur in some seed, or the simulation does not test what it should.
func (r *Result) exercised() map[string]int64 {
	return map[string]int64{
		"steps": int64(r.Steps), "lives": int64(r.Lives), "crashes": int64(r.Crashes), "clean closes": int64(r.Closes),
		"lost operations": int64(r.Lost), "commits": int64(r.Commits), "reads": int64(r.Reads), "flushes": r.Flushes,
		"compactions": r.Compactions, "stalls": r.Stalls, "delayed writes": r.Delays, "writes that waited for room": r.Queued,
	}
}

func (r *Result) summary() string {
	var sb strings.Builder
	e := r.exercised()
	for _, what := range slices.Sorted(maps.Keys(e)) {
		fmt.Fprintf(&sb, "%d %s, ", e[what], what)
	}
	return strings.TrimSuffix(sb.String(), ", ")
}
