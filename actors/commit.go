package actors

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/memtable"
	"github.com/middb/middb/mvcc"
)

// Errors of the write path. Package engine gives them to users under its own names.
var (
	// ErrCommitUnknown means that the caller stopped waiting, or the engine failed, after the commit
	// was handed over: it may or may not be in the database, whole.
	ErrCommitUnknown = errors.New("the outcome of the commit is not known")
	// ErrFailed means that the engine met a failure it cannot go on from, and is read-only since.
	ErrFailed = errors.New("the engine has failed and is read-only")
	// ErrClosed means that the engine is closed or closing.
	ErrClosed = errors.New("the database is closed")
)

// The life of a commit's answer. Caller and actor settle it by compare-and-swap: the caller parks or
// abandons, the actor answers.
const (
	answerPending   uint32 = iota // nobody has looked yet
	answerParked                  // the caller sleeps on wake
	answerGiven                   // err is set; the commit is the caller's again
	answerAbandoned               // the caller left; the actor recycles the commit
)

// yieldsBeforePark is how often a caller lets others run before it sleeps: a buffered commit is
// usually answered by then, and waking a sleeper costs microseconds.
const yieldsBeforePark = 3

// A Commit is one atomic group of operations on its way through the coordinator and the memtable
// owner. It is taken with NewCommit, filled in, and used up by Graph.Submit.
type Commit struct {
	node
	// Ops are the encoded operations (see package wal). They must not change until Submit returns,
	// and not ever if it returned ErrCommitUnknown.
	Ops []byte
	// Count is the number of operations in Ops. Zero makes a barrier: with Sync, it is answered
	// when everything before it is durable.
	Count uint32
	// Charge is the sum of memtable.EntryBytes over Ops.
	Charge int64
	// Sync asks for the answer, and for visibility, only when the commit is durable.
	Sync bool
	// Txn is what the commit of a transaction depends on; nil: nothing.
	Txn *mvcc.Footprint
	// Track has the coordinator begin to record what is written from this commit on: see mvcc.Live.
	Track bool
	// Ranges says that there are range deletes among Ops.
	Ranges bool
	// Trees says that there are operations on B+Trees among Ops.
	Trees bool
	// Gates must all be open when the commit gets its place in the order. Shuts, if not nil, is closed by it.
	Gates []*Gate
	Shuts *Gate
	// Hint tells where the key of a single operation probably goes in the memtable Hinted.
	Hint   memtable.Hint
	Hinted *memtable.Memtable
	// Buffer is scratch space that stays with the commit when it is recycled.
	Buffer []byte

	first  uint64 // sequence number of the first operation, set by the coordinator
	err    error
	answer atomic.Uint32
	wake   chan struct{}
}

var commits = sync.Pool{New: func() any {
	c := &Commit{wake: make(chan struct{}, 1)}
	c.self = c
	return c
}}

// keptBufferBytes bounds the scratch space that a recycled commit keeps.
const keptBufferBytes = 64 << 10

// NewCommit returns an empty commit.
func NewCommit() *Commit { return commits.Get().(*Commit) }

// last is the sequence number of the commit's last operation; for a barrier, of the one before it.
func (c *Commit) last() uint64 { return c.first + uint64(c.Count) - 1 }

// special reports whether the coordinator must look at the commit before it numbers it.
func (c *Commit) special() bool {
	return c.Txn != nil || c.Track || c.Ranges || len(c.Gates) > 0 || c.Shuts != nil
}

func (c *Commit) recycle() {
	c.Ops, c.Hinted, c.err, c.next = nil, nil, nil, nil
	c.Count, c.Charge, c.Sync, c.Trees = 0, 0, false, false
	if c.special() {
		c.Txn, c.Track, c.Ranges, c.Gates, c.Shuts = nil, false, false, nil, nil
	}
	if cap(c.Buffer) > keptBufferBytes {
		c.Buffer = nil
	}
	c.answer.Store(answerPending)
	commits.Put(c)
}

// settle gives the answer. The actor must not touch the commit afterwards.
func (c *Commit) settle(err error) {
	c.err = err
	switch c.answer.Swap(answerGiven) {
	case answerParked:
		c.wake <- struct{}{}
	case answerAbandoned:
		c.recycle()
	}
}

// await waits for the answer, the context, or an alarm, and takes the commit out of circulation. The
// scheduler is that of a simulation, or nil.
func (c *Commit) await(ctx context.Context, a *alarm, scheduler Scheduler) (last uint64, err error) {
	for yields := 0; scheduler == nil && yields < yieldsBeforePark; yields++ {
		if c.answer.Load() == answerGiven {
			return c.collect()
		}
		runtime.Gosched()
	}
	if !c.answer.CompareAndSwap(answerPending, answerParked) {
		return c.collect()
	}
	if scheduler != nil {
		scheduler.Wait("the answer to a commit", func() bool {
			return len(c.wake) > 0 || ctx.Err() != nil || ended(a.raised)
		})
		if len(c.wake) > 0 { // a select might find an alarm as well
			<-c.wake
			return c.collect()
		}
	}
	var cause error
	select {
	case <-c.wake:
		return c.collect()
	case <-ctx.Done():
		cause = context.Cause(ctx)
	case <-a.raised:
		cause = a.cause
	}
	if c.answer.CompareAndSwap(answerParked, answerAbandoned) {
		return 0, fmt.Errorf("%w: %w", ErrCommitUnknown, cause)
	}
	<-c.wake
	return c.collect()
}

func (c *Commit) collect() (last uint64, err error) {
	last, err = c.last(), c.err
	c.recycle()
	return last, err
}

// Discard gives back a commit that is not submitted after all.
func (c *Commit) Discard() { c.recycle() }
