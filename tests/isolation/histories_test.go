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
func size(t testing.TB) (seeds uint64, txns int) {
	switch {
	case environment.Nightly():
		return 300, 400
	case testing.Short():
		return 2, 100
	}
	return 10, 300
}

// Under Snapshot there are no cycles but those with write skew, and there must be some of those, or else
// the histories would prove nothing about Serializable. Under Serializable there are no cycles.
func TestRandomHistories(t *testing.T) {
	seeds, txns := size(t)
	for _, l := range []level{snapshot, serializable} {
		t.Run(l.String(), func(t *testing.T) {
			skews := 0
			for seed := range environment.Seeds(t, seeds) {
				h, err := runHistory(t, l, seed, txns, nil)
				if err != nil {
					t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
				}
				bad, allowed := forbidden(l, history.Check(h, strict))
				for _, a := range bad {
					t.Errorf("MIDDB_SEED=%d: %v", seed, a)
				}
				skews += allowed
			}
			if l == snapshot && skews == 0 {
				t.Error("no write skew has happened: the transactions do not meet")
			}
		})
	}
}

// runHistory runs a workload, on a new store that may be wrapped.
func runHistory(t testing.TB, l level, seed uint64, txns int, wrap func(store) store) ([]history.Txn, error) {
	t.Helper()
	s := newBusyStore(t, seed)
	if wrap != nil {
		s = wrap(s)
	}
	w := workload{store: s, level: l}
	return w.run(seed, txns)
}

// Each of the planted bugs must be found, by an anomaly that it can cause.
func TestHistoriesFindPlantedBugs(t *testing.T) {
	const txns = 100
	for _, p := range plants {
		t.Run(fmt.Sprintf("%s, %v", p.name, p.level), func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				h, err := runHistory(t, p.level, seed, txns, p.wrap)
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
