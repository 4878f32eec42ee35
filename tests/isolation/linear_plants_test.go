package isolation

import (
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/middb/middb/engine"
)

// Bugs around the registers, or beneath them, must be found.
func TestLinearizabilityFindsPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("the full pass plants bugs")
	}
	for name, plant := range map[string]func(l *linear){
		"a read is stale": func(l *linear) {
			l.wrap = func(r registers) registers { return &staleReads{registers: r, seen: map[string]int64{}} }
		},
		"the sequence number is ignored": func(l *linear) {
			l.wrap = func(r registers) registers { return carelessSwap{r} }
		},
		"an increment is no transaction": func(l *linear) {
			l.wrap = func(r registers) registers { return carelessIncrement{r} }
		},
		"absence is not checked at commit": func(l *linear) {
			l.wrap = func(r registers) registers { return carelessAbsence{r} }
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
				if err := checkLinear(l.history); err != nil {
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
	registers
	mu    sync.Mutex
	seen  map[string]int64
	count int
}

func (s *staleReads) get(k string) (int64, bool, error) {
	v, found, err := s.registers.get(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count++; s.count%10 == 0 {
		v = s.seen[k]
		return v, v != 0, err
	}
	s.seen[k] = v
	return v, found, err
}

type carelessSwap struct{ registers }

func (r carelessSwap) putIf(k string, v int64, _ uint64) (bool, error) { return true, r.put(k, v) }

type carelessIncrement struct{ registers }

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

type carelessAbsence struct{ registers }

func (r carelessAbsence) putIfAbsent(k string, v int64) (bool, error) {
	_, found, err := r.get(k)
	if err != nil || found {
		return false, err
	}
	return true, r.put(k, v)
}

// What the model makes of small histories.
func TestModelOfRegisters(t *testing.T) {
	const forever = 1 << 62
	op := func(r request, a answer, call, end int64) porcupine.Operation {
		r.key = "r"
		return porcupine.Operation{Input: r, Output: a, Call: call, Return: end}
	}
	put := func(v, call, end int64) porcupine.Operation {
		return op(request{action: doPut, value: v}, answer{}, call, end)
	}
	get := func(v, call, end int64) porcupine.Operation {
		return op(request{action: doGet}, answer{value: v}, call, end)
	}
	for _, c := range []struct {
		name    string
		history []porcupine.Operation
		fine    bool
	}{
		{"read what was written", []porcupine.Operation{put(1, 1, 2), get(1, 3, 4)}, true},
		{"stale", []porcupine.Operation{put(1, 1, 2), get(0, 3, 4)}, false},
		{"overlapping", []porcupine.Operation{put(1, 1, 4), get(0, 2, 3)}, true},
		{"new, then old", []porcupine.Operation{put(1, 1, 6), get(1, 2, 3), get(0, 4, 5)}, false},
		{"unknown, not seen", []porcupine.Operation{op(request{action: doPut, value: 1}, answer{unknown: true}, 1, forever), get(0, 3, 4)}, true},
		{"unknown, seen late", []porcupine.Operation{op(request{action: doPut, value: 1}, answer{unknown: true}, 1, forever), get(0, 3, 4), get(1, 5, 6)}, true},
		{"unknown, seen and gone", []porcupine.Operation{op(request{action: doPut, value: 1}, answer{unknown: true}, 1, forever), get(1, 3, 4), get(0, 5, 6)}, false},
		{"two are first", []porcupine.Operation{
			op(request{action: doPutIfAbsent, value: 1}, answer{done: true}, 1, 4), op(request{action: doPutIfAbsent, value: 2}, answer{done: true}, 2, 3),
		}, false},
		{"refused without a reason", []porcupine.Operation{op(request{action: doPutIfAbsent, value: 1}, answer{}, 1, 2)}, false},
		{"swapped", []porcupine.Operation{put(1, 1, 2), op(request{action: doPutIf, value: 2, was: 1}, answer{done: true}, 3, 4), get(2, 5, 6)}, true},
		{"swapped what was gone", []porcupine.Operation{put(1, 1, 2), put(3, 3, 4), op(request{action: doPutIf, value: 2, was: 1}, answer{done: true}, 5, 6)}, false},
		{"incremented twice from the same", []porcupine.Operation{
			put(1, 1, 2), op(request{action: doIncrement, value: 9}, answer{value: 2}, 3, 4), op(request{action: doIncrement, value: 10}, answer{value: 2}, 5, 6),
		}, false},
		{"the first increment", []porcupine.Operation{op(request{action: doIncrement, value: 9}, answer{value: 9}, 3, 4), get(9, 5, 6)}, true},
		{"deleted", []porcupine.Operation{put(1, 1, 2), op(request{action: doDelete}, answer{}, 3, 4), get(1, 5, 6)}, false},
	} {
		if err := checkLinear(c.history); (err == nil) != c.fine {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
