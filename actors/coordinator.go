package actors

import (
	"math"
	"time"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/wal"
)

const coordinatorName = "coordinator"

const (
	// bufferedFor is how long bytes of NoSync commits stay in memory at most before they are handed
	// to the operating system.
	bufferedFor = 50 * time.Millisecond
	// groupBytes bounds the operations framed as one log record when many callers are queued; a
	// single commit may be larger.
	groupBytes = 32 << 10
)

// coordinator decides the order of commits: it numbers them, frames them into the log, hands log
// bytes to the log writer and commits to the memtable owner, and decides when to rotate.
//
// When it cannot go on (no free log block, too many unflushed memtables) it keeps what is queued
// and returns; the message that changes this resumes it.
type coordinator struct {
	*wiring
	encoder *wal.Encoder
	next    uint64 // sequence number of the next operation

	recent *mvcc.Recent       // what transactions are checked against
	active *memtable.Memtable // the owner's, or what it will have when it has caught up
	hidden int                // entries of it that range deletes cover, about

	pending queue // *Commit and *rotateNow not yet handled, in order of arrival
	out     queue // for the memtable owner, in order

	memtableBytes int64 // a memtable's quota
	maxSealed     int   // unflushed sealed memtables allowed before commits wait
	dirtyTrees    int64 // changed pages of trees allowed before commits that change more wait
	activeCharge  int64 // charged to the active memtable
	activeRoom    int64 // its quota; more than memtableBytes for a great commit
	sealed        int   // sealed memtables not yet flushed
	sealedSeq     uint64

	handedOver int64  // offset in the segment up to which the log writer has the bytes
	syncAsked  uint64 // sequence number through which the log writer was asked for durability
	tick       flushTick
	ticking    bool // tick is on its way
	ranges     []wal.Range

	flushWaiters []flushWaiter
	quitting     *quit

	admitted struct{ commits, operations, bytes, txns int64 } // as Metrics has them, not told yet
	blocked  StallCause                                       // what the head of pending waits for, if it does
	stall    stall
}

// flushWaiter waits until everything through seq is flushed.
type flushWaiter struct {
	seq   uint64
	reply reply
}

func (c *coordinator) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		switch m := n.self.(type) {
		case *Commit, *rotateNow:
			c.pending.push(n)
		case *logBlockFreed:
			c.encoder.Recycle(m.block)
		case *memtablesFlushed:
			c.memtablesFlushed(m)
		case *flushTick:
			c.ticking = false
			if c.followersWait() {
				c.handOver(c.next-1, 1)
			} else {
				c.handOver(0, 0)
			}
		case *logFollowed: // see followersWait
		case *awaitFlushes:
			c.awaitFlush(m.reply)
		case *quit:
			c.quitting = m
		default:
			invariant.Unreachable("message %T to the coordinator", m)
		}
		n = next
	}
	c.advance()
}

func (c *coordinator) fail(cause error) { c.wiring.fail(coordinatorName, cause) }

// advance handles as much of the queue as it can.
func (c *coordinator) advance() {
	var syncCallers int
	for c.pending.head != nil {
		if r, isRequest := c.pending.head.self.(*rotateNow); isRequest {
			if !c.rotateOnRequest(r) {
				break
			}
			continue
		}
		callers, ok := c.commitGroup()
		syncCallers += callers
		if !ok {
			break
		}
	}
	switch {
	case syncCallers > 0:
		c.handOver(c.next-1, syncCallers)
	case c.blockFilled():
		c.handOver(0, 0)
	}
	if !c.ticking && (c.handedOver < c.encoder.Offset() || c.followersWait()) {
		c.ticking = true
		c.after(bufferedFor, c.wiring.coordinator, own(&c.tick))
	}
	if c.out.head != nil {
		c.wiring.memtableOwner.pass(c.wiring.coordinator.mailbox, c.out.head, c.out.tail)
		c.out = queue{}
	}
	if c.quitting != nil && c.pending.head == nil {
		c.quit()
	}
	c.stall.note(c.pending.head != nil, c.blocked, c.now)
	c.wiring.coordinator.keeps(c.pending.length, c.pending.head)
}

// commitGroup numbers and frames the commits at the head of the queue that fit one log record and
// the active memtable. It reports how many of them wait for durability, and false if it must wait.
func (c *coordinator) commitGroup() (syncCallers int, ok bool) {
	first := c.pending.head.self.(*Commit)
	if c.activeCharge+first.Charge > c.activeRoom {
		made, err := c.makeRoom(first.Charge)
		if err != nil { // nothing of it is framed yet: refuse this one and go on
			c.pending.pop()
			first.first = c.next
			first.settle(err)
			return 0, true
		}
		if !made {
			return 0, false
		}
	}
	if first.Ranges && !c.sealBefore(first) || first.Trees && !c.treesHaveRoom(first) {
		return 0, false
	}
	end, payload := c.groupEnd()
	if payload > 0 && !c.blocksFor(payload) {
		return 0, false
	}
	group, payload, count := c.admit(end)
	if count > 0 {
		c.encoder.Begin(c.next-uint64(count), count, c.syncedInLog(c.encoder.Segment()), payload)
	}
	for n := group.head; n != nil; n = n.next {
		m := n.self.(*Commit)
		if m.Count > 0 {
			c.encoder.Append(m.Ops)
		}
		if m.Sync {
			syncCallers++
		}
	}
	if count > 0 {
		c.encoder.End()
	}
	c.out.append(group)
	return syncCallers, true
}

// groupEnd returns the message behind the commits at the head of the queue that fit one log record and the
// active memtable, and the length of their operations. Range deletes begin a group: they may begin a memtable.
func (c *coordinator) groupEnd() (end *node, payload int) {
	var count uint32
	charge := c.activeCharge
	trees := c.pending.head.self.(*Commit).Trees // whether there is room for more changes of them was looked at
	for end = c.pending.head; end != nil; end = end.next {
		m, isCommit := end.self.(*Commit)
		if !isCommit || charge+m.Charge > c.activeRoom || m.Ranges && end != c.pending.head || m.Trees && !trees ||
			payload > 0 && payload+len(m.Ops) > groupBytes || m.Count > math.MaxUint32-count {
			break
		}
		payload += len(m.Ops)
		count += m.Count
		charge += m.Charge
	}
	return end, payload
}

// admit takes the commits before end off the queue and gives each its place in the order, but for those that
// are refused, which it answers. It returns the others and what they write.
func (c *coordinator) admit(end *node) (group queue, payload int, count uint32) {
	recording := c.recent.Recording()
	for c.pending.head != end {
		m := c.pending.head.self.(*Commit)
		c.pending.pop()
		m.first = c.next
		if m.special() {
			if err := c.examine(m); err != nil {
				m.settle(err)
				continue
			}
			recording = c.recent.Recording()
		}
		c.next += uint64(m.Count)
		if recording {
			c.record(m)
		}
		if m.Count > 0 {
			c.admitted.commits++
		}
		if m.Txn != nil {
			c.admitted.txns++
		}
		payload += len(m.Ops)
		count += m.Count
		c.activeCharge += m.Charge
		group.push(&m.node)
	}
	c.admitted.operations += int64(count)
	c.admitted.bytes += int64(payload)
	return group, payload, count
}

// blocksFor reports whether there are free log blocks for a record, adding temporary ones for a
// record that is larger than all of them together.
func (c *coordinator) blocksFor(payload int) bool {
	need := c.encoder.BlocksNeeded(payload)
	if need <= c.encoder.Free() {
		return true
	}
	c.handOver(0, 0) // what is filled comes back once it is written
	if need > c.logBlocks/2 {
		c.encoder.AddTemporary(need - c.encoder.Free())
		return true
	}
	c.blocked = StallLog
	return false
}

// blockFilled reports whether a whole log block waits to be handed over.
func (c *coordinator) blockFilled() bool {
	return c.encoder.Offset()/wal.BlockBytes > c.handedOver/wal.BlockBytes
}

// handOver gives the log writer all framed bytes. A syncSeq other than zero asks it to make them
// durable for that many callers.
func (c *coordinator) handOver(syncSeq uint64, callers int) {
	c.ranges = c.encoder.Take(c.ranges[:0])
	c.handedOver = c.encoder.Offset()
	c.syncAsked = max(c.syncAsked, syncSeq)
	for i, r := range c.ranges {
		if i < len(c.ranges)-1 {
			c.wiring.logWriter.post(newAppendLog(r, 0, 0))
		} else {
			c.wiring.logWriter.post(newAppendLog(r, syncSeq, callers))
		}
	}
	if len(c.ranges) == 0 && syncSeq > 0 {
		c.wiring.logWriter.post(newAppendLog(wal.Range{}, syncSeq, callers))
	}
	c.tellAdmitted()
}

// tellAdmitted publishes what was counted since the last time. Doing it with each hand-over of log keeps
// atomics out of the path of NoSync commits.
func (c *coordinator) tellAdmitted() {
	a, m := &c.admitted, c.metrics
	m.Commits.Add(a.commits)
	m.Operations.Add(a.operations)
	m.UserBytes.Add(a.bytes)
	m.TxnCommits.Add(a.txns)
	*a = struct{ commits, operations, bytes, txns int64 }{}
}

// followersWait reports whether somebody follows the log, who sees durable commits only, and there are
// commits that nobody else wants durable.
func (c *coordinator) followersWait() bool { return c.syncAsked < c.next-1 && c.feeds.follows() }

// makeRoom continues with a memtable that has room for a commit of the given charge. It reports
// false if it must wait for a flush.
func (c *coordinator) makeRoom(charge int64) (made bool, err error) {
	room := max(c.memtableBytes, charge)
	if c.activeCharge > 0 {
		return c.rotate(room)
	}
	fresh, err := c.newMemtable(room)
	if err != nil {
		return false, err
	}
	c.out.push(&own(&rotateMemtable{fresh: fresh, discard: true}).node)
	c.active = fresh
	c.activeRoom = room
	return true, nil
}

// treesHaveRoom reports whether a commit may change more pages of trees. Many changed pages seal the active memtable,
// as a flush makes them durable; too many wait for that.
func (c *coordinator) treesHaveRoom(m *Commit) bool {
	dirty := c.forest.DirtyBytes()
	if dirty > c.dirtyTrees/2 && c.sealed == 0 && c.activeCharge > 0 {
		if rotated, err := c.rotate(max(c.memtableBytes, m.Charge)); !rotated && err == nil {
			return false
		}
	}
	if dirty > c.dirtyTrees && c.sealed > 0 {
		c.blocked = StallFlush
		return false
	}
	return true
}

// newMemtable makes the memtable that the owner is to continue with. It is made before anything is
// framed, so that want of memory refuses a commit and does not fail the engine.
func (c *coordinator) newMemtable(room int64) (*memtable.Memtable, error) {
	prefix := c.active.Prefix()
	return memtable.New(c.arenas, memtable.Options{Bytes: room, Prefix: prefix})
}

// rotate puts one marker at the same sequence number into both streams, so that a memtable and its
// log segment cover the same commits.
func (c *coordinator) rotate(room int64) (rotated bool, err error) {
	if c.sealed >= c.maxSealed {
		c.blocked = StallFlush
		return false, nil
	}
	if !c.blocksFor(wal.BlockBytes) { // the seal, the next segment's start
		return false, nil
	}
	fresh, err := c.newMemtable(room)
	if err != nil {
		return false, err
	}
	last := c.next - 1
	ended := c.encoder.Seal(c.syncedInLog(c.encoder.Segment()))
	c.handOver(0, 0)
	manifest := c.manifest.Load()
	start := wal.SegmentStart{
		Number:         ended.Number + 1,
		Predecessor:    ended,
		ManifestNumber: manifest.Number,
		ManifestSynced: manifest.Synced,
		LogID:          c.logID,
	}
	c.wiring.logWriter.post(own(&rotateLog{ended: ended, number: start.Number, lastSeq: last}))
	c.encoder.Start(start)
	c.handedOver, c.syncAsked = 0, last
	c.out.push(&own(&rotateMemtable{lastSeq: last, fresh: fresh}).node)
	c.active, c.activeCharge, c.activeRoom, c.hidden = fresh, 0, room, 0
	c.sealed++
	c.sealedSeq = last
	c.metrics.Rotations.Add(1)
	return true, nil
}

// rotateOnRequest seals the active memtable if it holds anything. It reports false if it must wait.
func (c *coordinator) rotateOnRequest(m *rotateNow) bool {
	if c.activeCharge > 0 {
		rotated, err := c.rotate(c.memtableBytes)
		if err != nil {
			c.pending.pop()
			m.reply <- err
			return true
		}
		if !rotated {
			return false
		}
	}
	c.pending.pop()
	c.awaitFlush(m.reply)
	return true
}

// awaitFlush answers when the memtables that are sealed now are flushed.
func (c *coordinator) awaitFlush(r reply) {
	if c.sealed == 0 {
		r <- nil
		return
	}
	c.flushWaiters = append(c.flushWaiters, flushWaiter{seq: c.sealedSeq, reply: r})
}

func (c *coordinator) memtablesFlushed(m *memtablesFlushed) {
	c.sealed -= m.count
	waiting := c.flushWaiters[:0]
	for _, w := range c.flushWaiters {
		if w.seq <= m.flushedSeq || c.sealed == 0 {
			w.reply <- nil
		} else {
			waiting = append(waiting, w)
		}
	}
	c.flushWaiters = waiting
}

// quit ends the log with a seal record, the mark of a clean end.
func (c *coordinator) quit() {
	if !c.blocksFor(wal.BlockBytes) {
		return // a freed block will bring us here again
	}
	ended := c.encoder.Seal(c.syncedInLog(c.encoder.Segment()))
	c.handOver(c.next-1, 1)
	c.wiring.logWriter.post(own(&rotateLog{ended: ended, lastSeq: c.next - 1}))
	c.quitting.reply <- nil
	c.quitting = nil
}
