package actors

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// This file and mailbox.go are all that knows protoactor: shells see a batch of messages, mailboxes
// to post to, and nothing else.

// sharedSystem is the one actor system of the process. Making one costs milliseconds and megabytes,
// and stopping one stops no actors, so it is made once, when first needed, and kept.
var sharedSystem = sync.OnceValue(func() *actor.ActorSystem {
	discard := slog.New(slog.NewTextHandler(io.Discard, nil))
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return discard }))
})

// A shell turns messages into calls of its core and results into messages.
type shell interface {
	// receive handles a batch. It owns the messages. It never waits for another actor.
	receive(head *node)
	// fail is told that receive panicked. The shell gets no messages after it.
	fail(cause error)
}

// pinned is a dispatcher that runs one mailbox on one long-lived goroutine: its stack has grown, and
// no goroutine is started for a burst.
type pinned struct {
	work chan func()
	quit chan struct{}
	done chan struct{}
}

func newPinned() *pinned {
	// One slot suffices: a mailbox is scheduled only by the one who claimed it.
	p := &pinned{work: make(chan func(), 1), quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for {
			select {
			case f := <-p.work:
				f()
			case <-p.quit:
				return
			}
		}
	}()
	return p
}

// Schedule implements actor.Dispatcher. What is scheduled after the end is dropped.
func (p *pinned) Schedule(f func()) {
	select {
	case p.work <- f:
	case <-p.quit:
	}
}

// Throughput implements actor.Dispatcher; the mailbox keeps its own bound.
func (*pinned) Throughput() int { return 1 << 30 }

// A process is a running actor: its mailbox for our messages, its PID for its life.
type process struct {
	*mailbox
	name    string
	pid     *actor.PID
	pin     *pinned
	stopped chan struct{}

	scheduler Scheduler // of a simulation, which knows no PIDs; nil in production
	simulated *Actor
}

// spawn starts an actor under protoactor, or the scheduler if there is one. A panic in the shell is
// caught here: under protoactor's supervision the actor would restart with new state while callers
// wait. Instead the shell is told to fail, keeps nothing running, and drops what comes after. A strand is one
// that those who post to it may run.
func spawn(s shell, name string, strand bool, scheduler Scheduler) *process {
	if scheduler != nil {
		return spawnSimulated(s, name, scheduler)
	}
	p := &process{mailbox: newMailbox(strand), name: name, pin: newPinned(), stopped: make(chan struct{})}
	failed := false
	receive := func(c actor.Context) {
		switch m := c.Message().(type) {
		case *batch:
			if failed {
				return
			}
			defer func() {
				if r := recover(); r != nil {
					failed = true
					s.fail(panicError(r))
				}
			}()
			s.receive(m.head)
		case *actor.Stopped:
			close(p.stopped)
		}
	}
	props := actor.PropsFromFunc(receive,
		actor.WithMailbox(func() actor.Mailbox { return p.mailbox }),
		actor.WithDispatcher(p.pin))
	p.pid = sharedSystem().Root.Spawn(props)
	return p
}

// stop ends the actor after the messages queued so far, and its goroutine. Messages posted later
// stay in the mailbox, unread.
func (p *process) stop() {
	if p.simulated != nil {
		p.simulated.stop(p.scheduler)
		return
	}
	sharedSystem().Root.Poison(p.pid)
	<-p.stopped
	close(p.pin.quit)
	<-p.pin.done
}

func panicError(r any) error {
	if err, ok := r.(error); ok {
		return fmt.Errorf("panic: %w\n%s", err, debug.Stack())
	}
	return fmt.Errorf("panic: %v\n%s", r, debug.Stack())
}
