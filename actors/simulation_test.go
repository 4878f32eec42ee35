package actors

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// byHand is a Scheduler whose actors a test runs itself.
type byHand struct {
	actors []*Actor
	now    time.Time
	waited []string
}

func (b *byHand) Add(a *Actor)                { b.actors = append(b.actors, a) }
func (b *byHand) Now() time.Time              { return b.now }
func (b *byHand) After(time.Duration, func()) {}

// Wait runs all actors, one message at a time, until the caller may go on.
func (b *byHand) Wait(what string, ready func() bool) {
	b.waited = append(b.waited, what)
	for !ready() {
		for _, a := range b.actors {
			a.Collect(func(string) {})
			a.Receive(1)
		}
	}
}

// Whoever posts to a simulated actor leaves running it to the scheduler, on every way to post.
func TestSimulatedActorsRunOnlyWhenTold(t *testing.T) {
	b := &byHand{}
	second := &recorder{t: t, last: map[int]int{}}
	two := spawn(second, "two", false, b)
	var one *process
	first := &recorder{t: t, last: map[int]int{}, forward: two, self: &one}
	one = spawn(first, "one", false, b)
	var done sync.WaitGroup
	done.Add(5)
	message := func(v int) *number { return own(&number{sender: 1, value: v, done: &done}) }
	one.post(message(1))
	one.postInline(message(2))
	one.post(message(3))
	if first.last[1] != 0 {
		t.Fatal("an actor runs on its own")
	}
	a := b.actors[1]
	var seen []string
	a.Collect(func(name string) { seen = append(seen, name) })
	if a.Name() != "one" || a.Queued() != 3 || !slices.Equal(seen, []string{"number", "number", "number"}) {
		t.Fatalf("%s has %d: %q", a.Name(), a.Queued(), seen)
	}
	a.Receive(2)
	if first.last[1] != 2 || a.Queued() != 1 || second.last[1] != 0 {
		t.Fatalf("a batch of 2: %d, %d left, %d passed on and handled", first.last[1], a.Queued(), second.last[1])
	}
	one.post(message(4))
	one.stop()
	one.post(message(5)) // stays unread
	two.stop()
	a.Collect(func(string) {})
	if first.last[1] != 4 || second.last[1] != 4 || a.Queued() != 0 {
		t.Fatalf("%d and %d of 4 were handled before the end; %d may still be", first.last[1], second.last[1], a.Queued())
	}
	if !slices.Equal(b.waited, []string{"one to stop", "two to stop"}) {
		t.Errorf("waited for %q", b.waited)
	}
}

func TestPanicFailsTheSimulatedActor(t *testing.T) {
	b := &byHand{}
	r := &recorder{t: t, last: map[int]int{}}
	p := spawn(r, "panicking", false, b)
	p.post(own(&number{value: -1}))
	p.post(own(&number{sender: 1, value: 7})) // not received any more: it would be out of order
	p.stop()
	if r.failure == nil {
		t.Fatal("nobody was told")
	}
}
