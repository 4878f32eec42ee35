package actors

import (
	"context"
	"reflect"
	"sync"
	"time"
)

// A Scheduler takes the place of goroutines, the actor framework and the clock in a simulation: what
// actors and callers do happens in an order that it chooses, one at a time, so that a seed repeats
// it. Production has none, and pays nothing for it.
//
// Who calls a Graph that has a Scheduler must itself be run by it: a caller that would block hands
// over to it in Wait. Package tests/simulation has the implementation.
type Scheduler interface {
	// Add makes an actor known. From then on the scheduler calls its Collect and Receive when it
	// likes, never two actors or callers at a time.
	Add(a *Actor)
	// Wait suspends the caller that calls it and returns once ready reports true, or any time later if
	// ready is nil. What ready reports changes only while an actor or a caller runs or a timer fires,
	// and asking has no effect. what says in a report what is waited for.
	Wait(what string, ready func() bool)
	// Now returns the time, which the scheduler moves on.
	Now() time.Time
	// After calls f, which does not wait, when d has passed.
	After(d time.Duration, f func())
}

// An Actor is one actor of a simulated Graph, to be run by a Scheduler. Its methods are for one
// goroutine at a time.
type Actor struct {
	name    string
	shell   shell
	mailbox *mailbox
	queue   queue // collected, oldest first
	failed  bool
	stopped bool
}

// last is the message after which a simulated actor takes no more.
type last struct{ node }

// spawnSimulated starts an actor that a scheduler runs. Its mailbox is claimed for good, so that
// whoever posts finds it running and leaves the rest to the scheduler.
func spawnSimulated(s shell, name string, scheduler Scheduler) *process {
	p := &process{mailbox: newMailbox(false), name: name, scheduler: scheduler}
	p.mailbox.load.clockless = true
	p.mailbox.state.Store(mailboxRunning)
	p.simulated = &Actor{name: name, shell: s, mailbox: p.mailbox}
	scheduler.Add(p.simulated)
	return p
}

// Name returns what the actor is called.
func (a *Actor) Name() string { return a.name }

// Collect takes the messages that were posted since the last call into the actor's queue, and shows
// the type of each, in order, to seen. Called after every step it tells who posted what.
func (a *Actor) Collect(seen func(message string)) {
	for n := a.mailbox.take(); n != nil; {
		next := n.next
		n.next = nil
		a.queue.push(n)
		seen(reflect.TypeOf(n.self).Elem().Name())
		n = next
	}
}

// Queued returns how many messages Receive may take; zero for an actor that was stopped.
func (a *Actor) Queued() int {
	if a.stopped {
		return 0
	}
	return a.queue.length
}

// Receive runs the actor on the oldest n messages of its queue, as one batch.
func (a *Actor) Receive(n int) {
	var batch queue
	stop := false
	for taken := 0; taken < n && a.Queued() > 0 && !stop; taken++ {
		m := a.queue.head
		a.queue.pop()
		if _, stop = m.self.(*last); !stop {
			batch.push(m)
		}
	}
	if batch.head != nil && !a.failed {
		a.handle(batch.head)
	}
	a.stopped = a.stopped || stop
}

func (a *Actor) handle(head *node) {
	defer func() {
		if r := recover(); r != nil {
			a.failed = true
			a.shell.fail(panicError(r))
		}
	}()
	a.shell.receive(head)
}

// stop lets the actor handle what was posted before and waits for that.
func (a *Actor) stop(scheduler Scheduler) {
	a.mailbox.post(own(&last{}))
	scheduler.Wait(a.name+" to stop", func() bool { return a.stopped })
}

// now returns the time.
func (w *wiring) now() time.Time {
	if w.scheduler != nil {
		return w.scheduler.Now()
	}
	return time.Now()
}

// lock locks a mutex for a caller. An actor may hold it while it changes the disk, and a simulation suspends
// the actor there: whoever blocked on the mutex then would block everything.
func (w *wiring) lock(mu *sync.Mutex) {
	if w.scheduler != nil {
		w.scheduler.Wait("a lock", func() bool {
			free := mu.TryLock()
			if free {
				mu.Unlock()
			}
			return free
		})
	}
	mu.Lock()
}

// ended reports whether a signal was given, by closing it.
func ended(signal <-chan struct{}) bool {
	select {
	case <-signal:
		return true
	default:
		return false
	}
}

// Pause waits for d, or until ctx ends, and then returns why it did. In a simulation s is its scheduler, for
// which what names the pause; else nil.
func Pause(ctx context.Context, s Scheduler, d time.Duration, what string) error {
	if s != nil {
		over := false
		s.After(d, func() { over = true })
		s.Wait(what, func() bool { return over || ctx.Err() != nil })
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// awaitReply waits until a reply is there, in which case it returns the reply, or ctx has ended, the
// alarm was raised, or stopped is closed, and returns why. A select that finds several of them would
// choose one that no seed repeats, so a simulation looks for them in order.
func (w *wiring) awaitReply(ctx context.Context, r reply, a *alarm, stopped <-chan struct{}) error {
	if w.scheduler != nil {
		w.scheduler.Wait("a reply", func() bool {
			return len(r) > 0 || ctx.Err() != nil || ended(a.raised) || ended(stopped)
		})
		switch {
		case len(r) > 0:
			return <-r
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case ended(a.raised):
			return a.cause
		}
		return ErrClosed
	}
	select {
	case err := <-r:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.raised:
		return a.cause
	case <-stopped:
	}
	select {
	case err := <-r:
		return err
	default:
		return ErrClosed
	}
}
