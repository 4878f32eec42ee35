package actors

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// An alarm is the health of the engine as callers see it. The current one is published; raising it
// replaces it by one that refuses new writes and wakes the callers that wait under the old one.
type alarm struct {
	refuse error         // what new writes get; nil while all is well
	raised chan struct{} // closed when this alarm was replaced: by one that refuses, unless it does itself
	cause  error         // why it was raised, set before raised is closed
}

// alarms publishes the current alarm. Actors raise and lower it; callers only read.
type alarms struct {
	current atomic.Pointer[alarm]
	mu      sync.Mutex
	failure error            // the first failure; final
	paused  map[string]error // by actor: why it waits for disk space
}

func newAlarms() *alarms {
	a := &alarms{paused: map[string]error{}}
	a.current.Store(&alarm{raised: make(chan struct{})})
	return a
}

// fail turns the engine read-only for good. It reports whether this was the first failure, whose
// cause is kept.
func (a *alarms) fail(cause error) (first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failure != nil {
		return false
	}
	a.failure = fmt.Errorf("%w: %w", ErrFailed, cause)
	a.replace(a.failure)
	return true
}

// pause refuses writes until the actor that called it calls resume.
func (a *alarms) pause(actor string, cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paused[actor] = cause
	if a.failure == nil {
		a.replace(cause)
	}
}

// resume ends an actor's pause.
func (a *alarms) resume(actor string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.paused, actor)
	if a.failure != nil {
		return
	}
	var refuse error
	for _, actor := range slices.Sorted(maps.Keys(a.paused)) { // the first: any would do, this one repeats
		refuse = a.paused[actor]
		break
	}
	a.replace(refuse)
}

// replace publishes an alarm, and wakes who waits under the old one.
func (a *alarms) replace(refuse error) {
	old := a.current.Load()
	a.current.Store(&alarm{refuse: refuse, raised: make(chan struct{})})
	old.cause = refuse
	close(old.raised)
}

// failed returns the failure, or nil.
func (a *alarms) failed() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failure
}
