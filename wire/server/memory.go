package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/wire"
)

// What things are charged in a budget, in bytes: about what they take.
const (
	connBytes    = 16 << 10 // a connection: its goroutine, its buffers while they are small
	requestBytes = 4 << 10  // a request that is queued or runs on a goroutine of its own
	streamBytes  = 8 << 10  // a cursor or watch
	entryBytes   = 128      // an operation in a batch or a transaction, beside key and value
)

// A budget is the memory that connections may take. What is already there, or must be, is charged by use; whoever
// can wait or be refused calls wait or try. All methods are safe for concurrent use.
type budget struct {
	limit   int64
	used    atomic.Int64
	waiting atomic.Int32
	mu      sync.Mutex
	freed   chan struct{} // closed and replaced when memory is freed while somebody waits
}

func newBudget(limit int64) *budget { return &budget{limit: limit, freed: make(chan struct{})} }

// use charges n bytes, whether or not they are within the limit.
func (b *budget) use(n int64) { b.used.Add(n) }

// try charges n bytes if they are within the limit.
func (b *budget) try(n int64) bool {
	if b.used.Add(n) <= b.limit {
		return true
	}
	b.free(n)
	return false
}

// exhausted reports whether more is charged than there is.
func (b *budget) exhausted() bool { return b.used.Load() > b.limit }

func (b *budget) free(n int64) {
	b.used.Add(-n)
	if b.waiting.Load() > 0 {
		b.mu.Lock()
		close(b.freed)
		b.freed = make(chan struct{})
		b.mu.Unlock()
	}
}

// wait charges n bytes as soon as they are within the limit. If they never can be, or ctx ends first, the error is a
// LIMIT that says so.
func (b *budget) wait(ctx context.Context, n int64) error {
	if b.try(n) {
		return nil
	}
	if n > b.limit {
		return wire.Errorf(wire.ErrLimit, "%d bytes are needed, and the server's connections together may take %d", n, b.limit)
	}
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	for {
		b.mu.Lock()
		freed := b.freed
		b.mu.Unlock()
		if b.try(n) {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return memoryLimit()
		}
	}
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
