package simulation

import (
	"slices"
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

func TestSimulation(t *testing.T) {
	seeds := environment.Seeds(t, seedCount())
	single := environment.Single()
	var sum Tally
	played := 0
	PlayAll(seeds, Plan{KeepTrace: single}, func(r *Result) bool {
		played++
		sum.Add(r.Tally)
		if single {
			t.Logf("%s\n%strace %016x", r.Options, r.Trace, r.Hash)
		}
		if r.Err != nil {
			t.Errorf("%v\nplay it again, with its trace: MIDDB_SEED=%d go test ./tests/simulation -run '^TestSimulation$' -v", r.Err, r.Seed)
		}
		return r.Err == nil
	})
	t.Logf("%d seeds: %v", played, &sum)
	if missing := sum.Missing(); len(missing) > 0 && !single && !t.Failed() {
		t.Errorf("no seed had any %v", missing)
	}
}

// Two runs of a seed, beside others, leave the same trace.
func TestSameSeedSameTrace(t *testing.T) {
	var seeds []uint64
	for seed := range environment.Seeds(t, 200) {
		seeds = append(seeds, seed, seed)
	}
	first := map[uint64]*Result{}
	PlayAll(slices.Values(seeds), Plan{KeepTrace: true}, func(r *Result) bool {
		switch one := first[r.Seed]; {
		case r.Err != nil:
			t.Error(r.Err)
		case one == nil:
			first[r.Seed] = r
		case one.Hash != r.Hash:
			t.Errorf("seed %d: %d and %d events; the traces part here:\n%s", r.Seed, one.Events, r.Events, parting(one.Trace, r.Trace))
		}
		return !t.Failed()
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
					t.Logf("found: %v", r.Err)
					return
				}
			}
			t.Error("300 seeds found nothing wrong")
		})
	}
}
