package actors

import (
	"context"
	"sync"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/wal"
)

// The messages, grouped by receiver. Commands are imperative, events past tense. All are pointers,
// immutable once posted but for their node. A request that somebody waits for carries a reply.

// A reply is the one-slot answer to a request of a caller outside the actors.
type reply chan error

func newReply() reply { return make(reply, 1) }

// ---- to the coordinator

// *Commit: from callers. Passed on to the memtable owner.

// logBlockFreed, from the log writer: all of a block is written and it can be filled again.
type logBlockFreed struct {
	node
	block *wal.Block
}

// memtablesFlushed, from the memtable owner: memtables up to flushedSeq are in sstables and out of
// the published state.
type memtablesFlushed struct {
	node
	count      int
	flushedSeq uint64
}

// flushTick, from a timer: hand buffered log bytes to the log writer.
type flushTick struct{ node }

// logFollowed, from DB.Watch: commits must become durable in bounded time from now on.
type logFollowed struct{ node }

// rotateNow, from DB.Flush: seal the active memtable; answered when all before it is flushed.
type rotateNow struct {
	node
	reply reply
}

// awaitFlushes, from DB.WaitIdle: answered when no sealed memtable is left.
type awaitFlushes struct {
	node
	reply reply
}

// ---- to the log writer

// appendLog, from the coordinator: write a range of a block; if syncSeq is not zero, make the log
// durable and report it as durable through syncSeq. callers counts those who wait for it.
type appendLog struct {
	node
	part    wal.Range
	syncSeq uint64
	callers int
}

// rotateLog, from the coordinator: the segment so far ends with its seal record; sync it, report
// lastSeq durable, and continue with segment number.
type rotateLog struct {
	node
	ended   wal.SegmentEnd
	number  uint64
	lastSeq uint64
}

// createLog, at the start: make the first segment.
type createLog struct {
	node
	number uint64
}

// releaseLog, from the memtable owner: segments whose last sequence number is not above
// flushedSeq are no longer needed. From a Follower that has ended, with 0: look again.
type releaseLog struct {
	node
	flushedSeq uint64
}

// retryLog, from a timer: space may be back.
type retryLog struct{ node }

// gatherLog, from the log writer to itself: look again whether more callers have joined.
type gatherLog struct{ node }

// ---- to the memtable owner

// rotateMemtable, from the coordinator, between commits: seal the active memtable, whose last
// sequence number is lastSeq, and continue with a fresh one. If discard, the active one is empty
// and is replaced.
type rotateMemtable struct {
	node
	lastSeq uint64
	fresh   *memtable.Memtable
	discard bool
}

// logSynced, from the log writer: commits through seq are durable.
type logSynced struct {
	node
	seq uint64
}

// versionInstalled, from versions: a new Version, with a reference that is the receiver's, which
// holds all commits through flushedSeq.
type versionInstalled struct {
	node
	version    *levels.Version
	flushedSeq uint64
	checkpoint *bplustree.Checkpoint // that became durable with it, if any
}

// treesReleased, from the reader that let go of trees last, which are not the published ones.
type treesReleased struct {
	node
	trees *Trees
}

// ---- to the flusher

// flushMemtable, from the memtable owner: write the memtable, whose commits are published and
// durable, as a sstable, and the checkpoint of the B+Trees, if any. Oldest first.
type flushMemtable struct {
	node
	memtable   *memtable.Memtable
	lastSeq    uint64
	checkpoint *bplustree.Checkpoint
}

// retryFlush, from a timer: space may be back.
type retryFlush struct{ node }

// trimMemory, from versions: writing has paused; give memory that memtables do not use to the cache.
type trimMemory struct{ node }

// ---- to versions

// installEdit, from the flusher or a compactor: make the edit part of the manifest and publish the
// Version that results. A compaction, if any, has ended with it.
type installEdit struct {
	node
	edit       levels.Edit
	compaction *levels.Compaction
	checkpoint *bplustree.Checkpoint // that the edit makes durable, if any
}

// compactionEnded, from a compactor: it ended without an edit; err is nil if it was stopped.
type compactionEnded struct {
	node
	compaction *levels.Compaction
	err        error
}

// versionReleased, from whoever let go of it last.
type versionReleased struct {
	node
	version *levels.Version
}

// versionPublished, from the memtable owner: it publishes the Version that was installed, and holds
// the one before it no longer.
type versionPublished struct{ node }

// compactRange, from DB.Compact: move everything between lower and upper to the deepest level, as
// long as somebody waits for it.
type compactRange struct {
	node
	waiting      context.Context
	lower, upper []byte
	asOf         uint64 // sequence number of the request: later commits are not waited for
	now          int64  // time of the request, in nanoseconds since 1970
	reply        reply
}

// awaitCompactions, from DB.WaitIdle: answered when nothing is left to compact.
type awaitCompactions struct {
	node
	reply reply
}

// settleTick, from a timer: if no flush came since, space may be won back.
type settleTick struct {
	node
	flushes uint64
}

// retryCompactions, from a timer: space may be back.
type retryCompactions struct{ node }

// ---- to a compactor

// runCompaction, from versions: its claim is granted.
type runCompaction struct {
	node
	compaction *levels.Compaction
}

// ---- to the coordinator, log writer, versions

// quit, from Graph.Close: finish what is queued, answer, expect nothing more.
type quit struct {
	node
	reply reply
}

// own links a message to itself, as posting requires.
func own[M interface {
	message
	comparable
}](m M) M {
	m.link().self = m
	return m
}

var appendLogs = sync.Pool{New: func() any { return own(&appendLog{}) }}

func newAppendLog(part wal.Range, syncSeq uint64, callers int) *appendLog {
	m := appendLogs.Get().(*appendLog)
	m.part, m.syncSeq, m.callers = part, syncSeq, callers
	return m
}

func (m *appendLog) recycle() {
	m.part, m.next = wal.Range{}, nil
	appendLogs.Put(m)
}
