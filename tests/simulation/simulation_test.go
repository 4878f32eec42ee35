package simulation

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// seedCount is how many seeds a run of the test plays.
func seedCount() uint64 {
	switch {
	case environment.Nightly():
		return 1_000_000
	case testing.Short():
		return 300
	}
	return 10_000
}

// playAll plays seeds on all processors until one fails, and passes each result on, one at a time.
func playAll(seeds []uint64, plan Plan, each func(*Result)) {
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(seeds) {
					return
				}
				r := Play(seeds[i], plan)
				mu.Lock()
				each(r)
				mu.Unlock()
				if r.Err != nil {
					next.Store(int64(len(seeds)))
				}
			}
		})
	}
	wg.Wait()
}

func TestSimulation(t *testing.T) {
	var seeds []uint64
	for seed := range environment.Seeds(t, seedCount()) {
		seeds = append(seeds, seed)
	}
	sum := &Result{}
	playAll(seeds, Plan{KeepTrace: len(seeds) == 1}, func(r *Result) {
		sum.include(r)
		if len(seeds) == 1 {
			t.Logf("%s\n%s", r.Options, r.Trace)
		}
		if r.Err != nil {
			t.Errorf("%v\nplay it again, with its trace: MIDDB_SEED=%d go test ./tests/simulation -run '^TestSimulation$' -v", r.Err, r.Seed)
		}
	})
	t.Logf("%d seeds: %s", len(seeds), sum.summary())
	if len(seeds) < 300 || t.Failed() {
		return
	}
	for what, n := range sum.exercised() {
		if n == 0 {
			t.Errorf("no seed had any %s", what)
		}
	}
}

// Two runs of a seed, at the same time as others, leave the same trace.
func TestSameSeedSameTrace(t *testing.T) {
	var seeds []uint64
	for seed := uint64(1); seed <= 200; seed++ {
		seeds = append(seeds, seed, seed)
	}
	hashes := map[uint64]*Result{}
	playAll(seeds, Plan{KeepTrace: true}, func(r *Result) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		first := hashes[r.Seed]
		if first == nil {
			hashes[r.Seed] = r
			return
		}
		if first.Hash != r.Hash {
			t.Errorf("seed %d: %d and %d events, the traces part:\n%s", r.Seed, first.Events, r.Events, parting(first.Trace, r.Trace))
		}
	})
}

// parting shows where two traces begin to differ.
func parting(a, b []byte) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	from := max(0, n-1000)
	return string(a[from:min(len(a), n+200)]) + "\n----\n" + string(b[from:min(len(b), n+200)])
}

// The test must be able to fail: whatever is not synced although the engine says so is missed.
func TestMissingSyncsAreFound(t *testing.T) {
	const ofFiles = vfs.OpSync | vfs.OpSyncData
	for _, skipped := range []vfs.Rule{
		{Ops: ofFiles, Path: "*.wal"}, {Ops: ofFiles, Path: "*.sst"}, {Ops: ofFiles, Path: "MANIFEST-*"}, {Ops: vfs.OpSyncDir},
	} {
		skipped.Sticky, skipped.Silent = true, true
		t.Run(skipped.Ops.String()+" "+skipped.Path, func(t *testing.T) {
			plan := Plan{Wrap: func(fs vfs.FS) vfs.FS { return vfs.NewFault(fs, skipped) }}
			for seed := uint64(1); seed <= 300; seed++ {
				if r := Play(seed, plan); r.Err != nil {
					t.Logf("found: %.300s", r.Err)
					return
				}
			}
			t.Error("300 seeds found nothing wrong")
		})
	}
}
