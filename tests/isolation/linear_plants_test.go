package isolation

import (
	"sync"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/registers"
)

// Bugs around the registers, or beneath them, must be found.
func TestLinearizabilityFindsPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("the full pass plants bugs")
	}
	for name, plant := range map[string]func(l *linear){
		"a read is stale": func(l *linear) {
			l.wrap = func(r singleKeys) singleKeys { return &staleReads{singleKeys: r, seen: map[string]int64{}} }
		},
		"the sequence number is ignored": func(l *linear) {
			l.wrap = func(r singleKeys) singleKeys { return carelessSwap{r} }
		},
		"an increment is no transaction": func(l *linear) {
			l.wrap = func(r singleKeys) singleKeys { return carelessIncrement{r} }
		},
		"absence is not checked at commit": func(l *linear) {
			l.wrap = func(r singleKeys) singleKeys { return carelessAbsence{r} }
		},
		"writes are not synced": func(l *linear) { l.durability = engine.NoSync },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 30; seed++ {
				l := newLinear(seed)
				plant(l)
				if err := l.run(3, 40); err != nil {
					t.Fatal(err)
				}
				if err := registers.Check(l.history); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Error("30 seeds found nothing of it")
		})
	}
}

// staleReads answers some reads with what was read before.
type staleReads struct {
	singleKeys
	mu    sync.Mutex
	seen  map[string]int64
	count int
}

func (s *staleReads) get(k string) (int64, bool, error) {
	v, found, err := s.singleKeys.get(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count++; s.count%10 == 0 {
		v = s.seen[k]
		return v, v != 0, err
	}
	s.seen[k] = v
	return v, found, err
}

type carelessSwap struct{ singleKeys }

func (r carelessSwap) putIf(k string, v int64, _ uint64) (bool, error) { return true, r.put(k, v) }

type carelessIncrement struct{ singleKeys }

func (r carelessIncrement) increment(k string, fresh int64) (int64, error) {
	v, found, err := r.get(k)
	if err != nil {
		return 0, err
	}
	if v++; !found {
		v = fresh
	}
	return v, r.put(k, v)
}

type carelessAbsence struct{ singleKeys }

func (r carelessAbsence) putIfAbsent(k string, v int64) (bool, error) {
	_, found, err := r.get(k)
	if err != nil || found {
		return false, err
	}
	return true, r.put(k, v)
}
