package simulation

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/actors"
)

// stepLimit is after how many steps of one life the simulation gives up: what should end goes round
// and round.
const stepLimit = 1 << 20

// stepTime is what every step takes of the simulated time, so that nothing waits in vain for a moment
// to pass.
const stepTime = time.Microsecond

// errAbandoned unwinds who is still under way when a life has failed.
var errAbandoned = errors.New("the simulation has ended")

// A task is what the scheduler runs: an actor, or a caller of the database. It is a coroutine: it
// runs until it suspends itself, and then the scheduler goes on.
type task struct {
	name   string
	actor  *actors.Actor // nil: a caller
	weight int           // how often it is chosen among those that can go on

	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	done   bool

	// Suspended, it goes on when ready reports true; nil: at any time. An actor that handles no batch
	// goes on when it has messages.
	ready func() bool
	what  string // it waits for
	busy  bool   // an actor handles a batch
	take  int    // messages of the batch it is to handle
}

// A timer calls f at a time.
type timer struct {
	at time.Time
	f  func()
}

// scheduler is the actors.Scheduler of one life of a database. It chooses by its generator, so equal
// seeds make equal choices, whatever the machine does.
type scheduler struct {
	rng      *rand.Rand
	trace    *trace
	uneven   bool // tasks differ in weight
	skip     int  // one in so many steps lets the next timer fire before its time; 0: none
	tasks    []*task
	current  *task
	clock    time.Time
	timers   []timer // in the order in which they were set
	steps    int
	failure  error
	until    int // at this step then is called; 0: never
	then     func()
	posted   func(from *task, to, message string) // told of each message; nil: nobody
	runnable []*task                              // scratch
}

// begin is when simulated time begins.
var begin = time.Unix(1_700_000_000, 0).UTC()

func newScheduler(rng *rand.Rand, tr *trace, clock time.Time) *scheduler {
	s := &scheduler{rng: rng, trace: tr, clock: clock}
	s.uneven = rng.IntN(2) == 0
	s.skip = []int{0, 16, 64, 256}[rng.IntN(4)]
	return s
}

// Add implements actors.Scheduler.
func (s *scheduler) Add(a *actors.Actor) {
	s.start(&task{name: a.Name(), actor: a}, func(t *task) {
		for {
			a.Receive(t.take)
			t.busy = false
			if !t.yield(struct{}{}) {
				return
			}
		}
	})
}

// spawn makes a caller.
func (s *scheduler) spawn(name string, run func()) *task {
	t := &task{name: name}
	s.start(t, func(t *task) {
		defer func() {
			t.done = true
			if r := recover(); r != nil && r != any(errAbandoned) {
				s.fail(fmt.Errorf("%s panics: %v\n%s", name, r, debug.Stack()))
			}
		}()
		run()
	})
	return t
}

func (s *scheduler) start(t *task, body func(*task)) {
	t.weight = 1
	if s.uneven {
		t.weight = []int{1, 2, 8, 32}[s.rng.IntN(4)]
	}
	t.resume, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		body(t)
	})
	s.tasks = append(s.tasks, t)
}

// fail ends the life with a verdict. The first one counts.
func (s *scheduler) fail(err error) {
	if s.failure == nil {
		s.failure = err
	}
}

// Wait implements actors.Scheduler.
func (s *scheduler) Wait(what string, ready func() bool) {
	if t := s.current; t == nil || t.actor != nil {
		s.fail(fmt.Errorf("no caller waits for %s: %s", what, s.name(t)))
		panic(errAbandoned)
	}
	s.suspend(what, ready)
}

// suspend lets others run until ready reports true; nil: until it is the turn of this task again.
func (s *scheduler) suspend(what string, ready func() bool) {
	t := s.current
	t.what, t.ready = what, ready
	if !t.yield(struct{}{}) {
		panic(errAbandoned)
	}
}

// sleep suspends the task for a time.
func (s *scheduler) sleep(what string, d time.Duration) {
	over := false
	s.After(d, func() { over = true })
	s.suspend(what, func() bool { return over })
}

// Now implements actors.Scheduler.
func (s *scheduler) Now() time.Time { return s.clock }

// After implements actors.Scheduler.
func (s *scheduler) After(d time.Duration, f func()) {
	s.timers = append(s.timers, timer{s.clock.Add(d), f})
}

// run runs everything until the task is done, and reports the first failure.
func (s *scheduler) run(main *task) error {
	for !main.done && s.failure == nil {
		s.step()
	}
	// Nobody is left but actors that were stopped, unless something failed.
	for _, t := range s.tasks {
		s.current = t
		t.stop()
	}
	s.current = nil
	return s.failure
}

func (s *scheduler) step() {
	s.steps++
	s.clock = s.clock.Add(stepTime)
	if s.steps > stepLimit {
		s.fail(fmt.Errorf("no end after %d steps:\n%s", stepLimit, s.describe()))
		return
	}
	if s.steps == s.until {
		s.then()
	}
	if s.skip > 0 && s.rng.IntN(s.skip) == 0 {
		s.skipTime()
	}
	if s.fire() {
		return
	}
	t := s.choose()
	if t == nil {
		if !s.skipTime() {
			s.fail(fmt.Errorf("deadlock: nothing can go on\n%s", s.describe()))
		}
		return
	}
	t.what, t.ready = "", nil
	if t.actor != nil && !t.busy {
		t.busy, t.take = true, t.actor.Queued()
		if s.rng.IntN(2) == 0 {
			t.take = 1 + s.rng.IntN(t.take)
		}
		s.trace.receives(s, t)
	}
	s.current = t
	t.resume()
	s.current = nil
	s.collect(t)
}

// skipTime moves the clock to the next timer. It reports false if there is none.
func (s *scheduler) skipTime() bool {
	if len(s.timers) == 0 {
		return false
	}
	next := slices.MinFunc(s.timers, func(a, b timer) int { return a.at.Compare(b.at) })
	if next.at.After(s.clock) {
		s.clock = next.at
	}
	return true
}

// fire fires the earliest timer whose time has come, if there is one.
func (s *scheduler) fire() bool {
	first := -1
	for i, t := range s.timers {
		if !t.at.After(s.clock) && (first < 0 || t.at.Before(s.timers[first].at)) {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	f := s.timers[first].f
	s.timers = slices.Delete(s.timers, first, first+1)
	f()
	s.collect(nil)
	return true
}

// choose picks one of the tasks that can go on, nil if there is none.
func (s *scheduler) choose() *task {
	s.runnable = s.runnable[:0]
	sum := 0
	for _, t := range s.tasks {
		if t.canGoOn() {
			s.runnable = append(s.runnable, t)
			sum += t.weight
		}
	}
	if sum == 0 {
		return nil
	}
	n := s.rng.IntN(sum)
	for _, t := range s.runnable {
		if n -= t.weight; n < 0 {
			return t
		}
	}
	return nil
}

func (t *task) canGoOn() bool {
	switch {
	case t.done:
		return false
	case t.actor != nil && !t.busy:
		return t.actor.Queued() > 0
	}
	return t.ready == nil || t.ready()
}

// collect looks at what the last step has posted.
func (s *scheduler) collect(from *task) {
	for _, t := range s.tasks {
		if t.actor == nil {
			continue
		}
		t.actor.Collect(func(message string) {
			s.trace.posts(s, from, t, message)
			if s.posted != nil {
				s.posted(from, t.name, message)
			}
		})
	}
}

func (s *scheduler) name(t *task) string {
	if t == nil {
		return "timer"
	}
	return t.name
}

// describe says what every task that is not done waits for.
func (s *scheduler) describe() string {
	var sb strings.Builder
	for _, t := range s.tasks {
		switch {
		case t.done:
		case t.actor == nil:
			fmt.Fprintf(&sb, "    %s waits for %s\n", t.name, t.what)
		case t.busy:
			fmt.Fprintf(&sb, "    %s handles a batch and waits for %s; %d messages are queued\n", t.name, t.what, t.actor.Queued())
		case t.actor.Queued() > 0:
			fmt.Fprintf(&sb, "    %s has %d messages\n", t.name, t.actor.Queued())
		}
	}
	return sb.String()
}
