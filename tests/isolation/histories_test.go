package isolation

import (
	"fmt"
	"testing"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/tests/isolation/history"
)

// strict are the demands on both levels: real-time order, and consistent reads of those that are
// refused.
var strict = history.Options{RealTime: true, AbortedReads: true}

// size returns the number of seeds of a test and of transactions of a worker.
func size() (seeds uint64, txns int) {
	switch {
	case environment.Nightly():
		return 300, 400
	case testing.Short():
		return 2, 100
	}
	return 20, 300
}

// Under Snapshot there are no cycles but those with write skew, and there must be some of those, or else
// the histories would prove nothing about Serializable. Under Serializable there are no cycles.
func TestRandomHistories(t *testing.T) {
	seeds, txns := size()
	for _, l := range []level{snapshot, serializable} {
		t.Run(l.String(), func(t *testing.T) {
			var skews int
			var flushes, compactions int64
			for seed := range environment.Seeds(t, seeds) {
				s := newBusyStore(t, seed)
				h, err := (&workload{store: s, level: l, merges: seed%2 == 0}).run(seed, txns)
				if err != nil {
					t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
				}
				bad, allowed := forbidden(l, history.Check(h, strict))
				for _, a := range bad {
					t.Errorf("MIDDB_SEED=%d: %v", seed, a)
				}
				if len(bad) > 0 {
					break
				}
				skews += allowed
				stats := s.db.Stats()
				flushes, compactions = flushes+stats.Flushes, compactions+stats.Compactions
			}
			if flushes == 0 || compactions == 0 {
				t.Errorf("the engine had nothing to do meanwhile: %d flushes, %d compactions", flushes, compactions)
			}
			if l == snapshot && skews == 0 {
				t.Error("no write skew has happened: the transactions do not meet")
			}
		})
	}
}

// Each of the planted bugs must be found, by an anomaly that it can cause.
func TestHistoriesFindPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("the full pass plants bugs")
	}
	const txns = 100
	for _, p := range plants {
		t.Run(fmt.Sprintf("%s, %v", p.name, p.level), func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				w := workload{store: p.wrap(newBusyStore(t, seed)), level: p.level, merges: seed%2 == 0}
				h, err := w.run(seed, txns)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				bad, _ := forbidden(p.level, history.Check(h, strict))
				for _, a := range bad {
					if p.causes(a) {
						t.Logf("seed %d: %.1500v", seed, a)
						return
					}
				}
				if len(bad) > 0 {
					t.Logf("seed %d, not what was expected: %.1500v", seed, bad[0])
				}
			}
			t.Error("20 seeds found nothing of it")
		})
	}
}
