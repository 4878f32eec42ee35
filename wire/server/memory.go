package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/wire"
)

// What things are charged in a budget, in bytes: about what they take.
const (
	connBytes    = 16 << 10 // a connection: its goroutine, its buffers while they are small; set apart from the start
	requestBytes = 4 << 10  // a request that is queued or runs on a goroutine of its own
	streamBytes  = 8 << 10  // a cursor or watch
	entryBytes   = 128      // an operation of a transaction, beside key and value
)

// memory is what connections may take, in budgets, so that nobody waits for somebody who waits for him. A frame
// that arrives may have to wait for requests to be run, and a request for replies to be read by their clients, and
// clients have a deadline. What transactions have written waits for more requests; so nothing waits for it.
type memory struct {
	arrivals *budget // frames of more than smallFrameBytes that are arriving
	requests *budget // requests that wait or run, and the buffers of smaller frames
	replies  *budget // replies that are made, or not read yet
	txns     *budget // what transactions have written and read, and prepared statements
	queries  *budget // what queries keep in memory: beside MaxMemory
}

// leastFrames is how many of the longest frames must have room: two in each budget, because the buffer of one that
// arrives grows by doubling.
const leastFrames = 8

// LeastMemory returns the least Options.MaxMemory for so many connections and so long frames.
func LeastMemory(maxConnections, maxFrame int) int64 {
	return int64(maxConnections)*connBytes + leastFrames*int64(maxFrame)
}

// newMemory divides what Options allow, less what connections take when nothing happens.
func newMemory(o *Options) (memory, error) {
	if least := LeastMemory(o.MaxConnections, o.MaxFrame); o.MaxMemory < least {
		return memory{}, fmt.Errorf("MaxMemory is %d; %d connections and frames of %d bytes need at least %d",
			o.MaxMemory, o.MaxConnections, o.MaxFrame, least)
	}
	room := o.MaxMemory - int64(o.MaxConnections)*connBytes
	return memory{newBudget(room / 4), newBudget(room / 4), newBudget(room / 4), newBudget(room / 4), newBudget(o.QueryMemory)}, nil
}

// used returns what is charged in all.
func (m *memory) used() int64 {
	return m.arrivals.used.Load() + m.requests.used.Load() + m.replies.used.Load() + m.txns.used.Load() + m.queries.used.Load()
}

// A budget is a bounded amount of memory. What is already there, or must be, is charged by use; whoever can wait or be
// refused calls wait or try. Who waits is served in order. All methods are safe for concurrent use.
type budget struct {
	limit   int64
	used    atomic.Int64
	waiting atomic.Int32 // length of queue
	mu      sync.Mutex
	queue   []*waiter
}

// A waiter is somebody who waits for memory.
type waiter struct {
	n       int64
	granted chan struct{} // closed when it is charged
}

func newBudget(limit int64) *budget { return &budget{limit: limit} }

// use charges n bytes, whether or not they are within the limit.
func (b *budget) use(n int64) { b.used.Add(n) }

// try charges n bytes if they are within the limit, and nobody waits.
func (b *budget) try(n int64) bool { return b.waiting.Load() == 0 && b.charge(n) }

func (b *budget) charge(n int64) bool {
	for {
		used := b.used.Load()
		if used+n > b.limit {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// exhausted reports whether more is charged than there is.
func (b *budget) exhausted() bool { return b.used.Load() > b.limit }

func (b *budget) free(n int64) {
	b.used.Add(-n)
	if b.waiting.Load() > 0 {
		b.mu.Lock()
		b.serve()
		b.mu.Unlock()
	}
}

// serve serves those who wait, as far as there is memory. mu is locked.
func (b *budget) serve() {
	for len(b.queue) > 0 && b.charge(b.queue[0].n) {
		close(b.queue[0].granted)
		b.queue = slices.Delete(b.queue, 0, 1)
		b.waiting.Add(-1)
	}
}

// wait charges n bytes as soon as they are within the limit. If they never can be, or ctx ends first, the error is a
// LIMIT that says so.
func (b *budget) wait(ctx context.Context, n int64) error {
	if b.try(n) {
		return nil
	}
	if n > b.limit {
		return wire.Errorf(wire.ErrLimit, "%d bytes of memory are needed, and all connections of the server together may take %d for this", n, b.limit)
	}
	w := &waiter{n, make(chan struct{})}
	b.mu.Lock()
	b.queue = append(b.queue, w)
	b.waiting.Add(1)
	b.serve() // what was freed before anybody knew that somebody waits
	b.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.queue, w)
	if i < 0 { // it was granted at the last moment
		return nil
	}
	b.queue = slices.Delete(b.queue, i, i+1)
	b.waiting.Add(-1)
	b.serve() // whoever is behind may need less
	return memoryLimit()
}

// change makes what is charged, have, what is wanted now; it waits for more.
func (b *budget) change(ctx context.Context, have *int64, want int64) error {
	if more := want - *have; more > 0 {
		if err := b.wait(ctx, more); err != nil {
			return err
		}
	} else if more < 0 {
		b.free(-more)
	}
	*have = want
	return nil
}

// memoryLimit is the error for who gets no memory. It may be there later.
func memoryLimit() error {
	e := wire.Errorf(wire.ErrLimit, "the connections of the server take all the memory that they may")
	e.Retry = true
	e.Hint = "try again later, or raise the limit of the server (--max-memory)"
	return e
}

// Buffers for frames. Those that grew beyond keptBufferBytes are left to the garbage collector.
const (
	smallBufferBytes = 1 << 10
	keptBufferBytes  = 64 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, smallBufferBytes); return &b }}

// getBuffer returns an empty buffer; putBuffer takes it back, grown or not.
func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= keptBufferBytes {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
