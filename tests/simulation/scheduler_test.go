package simulation

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func testScheduler() *scheduler {
	return newScheduler(rand.New(rand.NewPCG(1, 1)), &trace{keep: true}, begin)
}

func TestDeadlockSaysWhoWaitsForWhat(t *testing.T) {
	s := testScheduler()
	other := s.spawn("caller 1", func() { s.Wait("godot", func() bool { return false }) })
	unwound := false
	main := s.spawn("main", func() {
		defer func() { unwound = true }()
		s.sleep("tea", time.Hour)
		s.Wait("the caller", func() bool { return other.done })
	})
	err := s.run(main)
	if err == nil || !strings.Contains(err.Error(), "deadlock") ||
		!strings.Contains(err.Error(), "caller 1 waits for godot") || !strings.Contains(err.Error(), "main waits for the caller") {
		t.Fatal(err)
	}
	if !unwound || !other.done {
		t.Error("coroutines are left behind")
	}
}

func TestTimeJumpsWhenNothingElseGoesOn(t *testing.T) {
	s := testScheduler()
	s.skip = 0
	var order []string
	sleeper := func(name string, d time.Duration) *task {
		return s.spawn(name, func() {
			s.sleep("the time", d)
			order = append(order, name)
		})
	}
	late, early := sleeper("late", 2*time.Hour), sleeper("early", time.Hour)
	busy := s.spawn("busy", func() {
		for range 1000 {
			s.Wait("its turn", nil)
		}
		order = append(order, "busy")
	})
	main := s.spawn("main", func() {
		s.Wait("all", func() bool { return late.done && early.done && busy.done })
	})
	if err := s.run(main); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, " "); got != "busy early late" {
		t.Error(got)
	}
	if took := s.clock.Sub(begin); took < 2*time.Hour || took > 2*time.Hour+time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestPanicOfACallerIsAVerdict(t *testing.T) {
	s := testScheduler()
	main := s.spawn("main", func() { panic("oh no") })
	if err := s.run(main); err == nil || !strings.Contains(err.Error(), "main panics: oh no") {
		t.Fatal(err)
	}
}
