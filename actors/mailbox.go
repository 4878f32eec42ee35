package actors

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// A node is the link that every message carries, so that queueing a message allocates nothing. A
// message is in one mailbox at a time, and belongs to its receiver from the moment it is posted.
type node struct {
	next *node
	self message
}

// A message can be posted to a mailbox. Every message type embeds a node and sets its self.
type message interface{ link() *node }

func (n *node) link() *node { return n }

// A queue is a chain of messages, oldest first, that an actor keeps for itself.
type queue struct {
	head, tail *node
	length     int
}

// push adds a message, whose node is in no other chain.
func (q *queue) push(n *node) {
	if q.tail == nil {
		q.head = n
	} else {
		q.tail.next = n
	}
	q.tail = n
	q.length++
}

// append adds the messages of another queue behind the others.
func (q *queue) append(other queue) {
	switch {
	case other.head == nil:
	case q.tail == nil:
		*q = other
	default:
		q.tail.next, q.tail = other.head, other.tail
		q.length += other.length
	}
}

// pop takes the oldest message off. The queue must not be empty.
func (q *queue) pop() {
	n := q.head
	q.length--
	q.head, n.next = n.next, nil
	if q.head == nil {
		q.tail = nil
	}
}

// A batch is what an actor receives: all that was queued when it looked, first in, first out.
type batch struct{ head *node }

// maxInlineBatches bounds how many batches a caller handles for others before the actor moves to
// its own goroutine.
const maxInlineBatches = 4

const (
	mailboxIdle uint32 = iota
	mailboxRunning
)

// A mailbox is a queue of messages that many goroutines push to and one swap drains, and the right
// to run its actor: whoever moves it from idle to running runs the actor until the queue is empty.
//
// A strand (the coordinator, the memtable owner) may be run by whoever posted to it; every mailbox
// can be run by its own pinned goroutine, to which the right moves when the poster does not want
// it. It implements actor.Mailbox, so protoactor's lifecycle messages arrive through it too.
type mailbox struct {
	head   atomic.Pointer[node]
	posted atomic.Int64 // messages that found the actor busy; see load.go
	_      [48]byte     // the queue and the status are written by different goroutines
	state  atomic.Uint32
	_      [60]byte

	system    atomic.Pointer[node]
	rest      *node // drained, not yet delivered; only the runner touches it
	suspended bool  // only the runner touches it
	due       *mailbox
	current   batch
	runAll    func() // bound once: scheduling allocates nothing
	load      load

	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
}

func newMailbox(strand bool) *mailbox {
	m := &mailbox{}
	m.load.strand = strand
	m.runAll = m.runToEnd
	return m
}

// push queues the chain oldest..newest, which is linked newest first.
func (m *mailbox) push(newest, oldest *node) {
	for {
		old := m.head.Load()
		oldest.next = old
		if m.head.CompareAndSwap(old, newest) {
			return
		}
	}
}

// claim reports whether the caller has become the runner.
func (m *mailbox) claim() bool {
	return m.state.Load() == mailboxIdle && m.state.CompareAndSwap(mailboxIdle, mailboxRunning)
}

// post queues a message; the actor runs on its own goroutine. Safe for concurrent use.
func (m *mailbox) post(msg message) {
	n := msg.link()
	m.push(n, n)
	if m.claimFor(1) {
		m.dispatcher.Schedule(m.runAll)
	}
}

// postInline queues a message and, if the actor is idle, runs it on the calling goroutine.
func (m *mailbox) postInline(msg message) {
	n := msg.link()
	m.push(n, n)
	if m.claimFor(1) {
		m.run()
	}
}

// pass queues the chain first..last, linked oldest first, from the actor of mailbox from. If the
// target was idle, the goroutine that runs from will run it after it has left from: actors never
// nest, and two stages overlap.
func (m *mailbox) pass(from *mailbox, first, last *node) {
	length := int64(0)
	var reversed *node
	for n := first; ; {
		next := n.next
		n.next = reversed
		reversed = n
		length++
		if n == last {
			break
		}
		n = next
	}
	m.push(last, first)
	if m.claimFor(length) {
		from.due = m
	}
}

// take takes all that is queued off the mailbox and returns it oldest first, nil if there is nothing.
func (m *mailbox) take() *node {
	first, n := drain(&m.head)
	m.load.took(n)
	return first
}

// drain empties a list and returns it reversed, and its length.
func drain(head *atomic.Pointer[node]) (first *node, length int64) {
	if head.Load() == nil {
		return nil, 0
	}
	for n := head.Swap(nil); n != nil; length++ {
		next := n.next
		n.next = first
		first = n
		n = next
	}
	return first, length
}

func (m *mailbox) runToEnd() {
	for d := m.runBatches(1 << 30); d != nil; {
		d = d.runBatches(1 << 30)
	}
}

// run is called by the goroutine that claimed the mailbox.
func (m *mailbox) run() {
	for d := m.runBatches(maxInlineBatches); d != nil; {
		d = d.runBatches(maxInlineBatches)
	}
}

// runBatches delivers up to limit batches and gives the right to run back, or on to the pinned
// goroutine. It returns the mailbox that the caller must run next, if any.
func (m *mailbox) runBatches(limit int) *mailbox {
	for n := 0; ; n++ {
		if n >= limit && (m.rest != nil || m.head.Load() != nil) {
			due := m.takeDue()
			m.dispatcher.Schedule(m.runAll) // the state stays running: ownership moves
			return due
		}
		if m.rest != nil || m.suspended || m.system.Load() != nil {
			m.deliverMixed()
		} else if head, n := drain(&m.head); head != nil {
			m.load.took(n)
			switch {
			case !onlyOurs(head):
				m.rest = head
				m.deliverMixed()
			case m.load.skip > 0:
				m.load.skip--
				m.deliver(head)
			default:
				m.deliverTimed(head)
			}
		}
		if m.rest != nil && !m.suspended {
			continue
		}
		due := m.takeDue()
		m.state.Store(mailboxIdle)
		// A post between the drain and the store found the mailbox running and left it to us.
		if m.system.Load() == nil && (m.suspended || m.head.Load() == nil) {
			return due
		}
		if !m.claim() {
			return due
		}
		if due != nil {
			// Two actors are ours now: this one goes on elsewhere.
			m.dispatcher.Schedule(m.runAll)
			return due
		}
	}
}

func (m *mailbox) takeDue() *mailbox {
	d := m.due
	m.due = nil
	return d
}

// foreign wraps a message of protoactor (PoisonPill and the like), to keep its place in the queue.
type foreign struct {
	node
	value any
}

func onlyOurs(n *node) bool {
	for ; n != nil; n = n.next {
		if _, ok := n.self.(*foreign); ok {
			return false
		}
	}
	return true
}

func (m *mailbox) deliver(head *node) {
	m.current.head = head
	m.invoker.InvokeUserMessage(&m.current)
}

// deliverTimed is deliver, and measures how long that takes.
func (m *mailbox) deliverTimed(head *node) {
	start := m.load.begin()
	m.deliver(head)
	m.load.end(start)
}

// deliverMixed handles system messages, then the next run of our messages or one foreign one.
func (m *mailbox) deliverMixed() {
	for n, _ := drain(&m.system); n != nil; {
		next := n.next
		value := n.self.(*foreign).value
		switch value.(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
		case *actor.ResumeMailbox:
			m.suspended = false
		default:
			m.invoker.InvokeSystemMessage(value)
		}
		n = next
	}
	if m.suspended {
		return
	}
	head := m.rest
	if head == nil {
		head = m.take()
	}
	if head == nil {
		return
	}
	if f, ok := head.self.(*foreign); ok {
		m.rest = head.next
		m.invoker.InvokeUserMessage(f.value)
		return
	}
	last := head
	for last.next != nil {
		if _, ok := last.next.self.(*foreign); ok {
			break
		}
		last = last.next
	}
	m.rest = last.next
	last.next = nil
	m.deliverTimed(head)
}

func wrap(value any) *foreign {
	f := &foreign{value: value}
	f.self = f
	return f
}

// PostUserMessage implements actor.Mailbox.
func (m *mailbox) PostUserMessage(value any) {
	if msg, ok := value.(message); ok {
		m.post(msg)
		return
	}
	m.post(wrap(value))
}

// PostSystemMessage implements actor.Mailbox.
func (m *mailbox) PostSystemMessage(value any) {
	f := wrap(value)
	for {
		old := m.system.Load()
		f.next = old
		if m.system.CompareAndSwap(old, &f.node) {
			break
		}
	}
	if m.claim() {
		m.dispatcher.Schedule(m.runAll)
	}
}

// RegisterHandlers implements actor.Mailbox.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start implements actor.Mailbox.
func (*mailbox) Start() {}

// UserMessageCount implements actor.Mailbox.
func (m *mailbox) UserMessageCount() int { return m.waiting() }
