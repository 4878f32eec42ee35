package actors

import (
	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/invariant"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
)

const memtableOwnerName = "memtable owner"

// sealedMemtable is a memtable that takes no more commits and is not yet in a published sstable.
type sealedMemtable struct {
	table   *memtable.Memtable
	lastSeq uint64
	sent    bool // given to the flusher

	frozen     bool                  // the trees were looked at
	checkpoint *bplustree.Checkpoint // of the trees as they are after lastSeq; nil: they have not changed
}

// memtableOwner applies commits to the active memtable and the B+Trees, decides when they become visible, answers
// them, and publishes the State.
//
// A commit is applied to the memtable at once and waits in a queue until it may be published: a Sync commit until
// the log is durable through it, any commit until all before it are published. So readers see
// the commits in their order, and never one that a crash could still take back. To the trees, which know no sequence
// numbers, it is applied when it is published, and all that is published together makes one generation of them.
type memtableOwner struct {
	*wiring
	active  *memtable.Memtable
	sealed  []*sealedMemtable // oldest first
	version *levels.Version   // the published one; a reference is held
	trees   *Trees            // the published ones; a reference is held. nil until there are any
	broken  bool              // the forest could not be changed: nothing more is published

	queueHead, queueTail *Commit // applied, not yet published
	visible, durable     uint64
	readable             uint64 // through here, by both, followers of the log were told
}

func (o *memtableOwner) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		switch m := n.self.(type) {
		case *Commit:
			o.apply(m)
			o.enqueue(m)
		case *logSynced:
			o.durable = max(o.durable, m.seq)
			o.published.durable.Store(o.durable)
		case *rotateMemtable:
			// What was applied must be published first where it can be: the new state starts empty.
			o.publishCommits()
			o.rotate(m)
		case *versionInstalled:
			o.install(m)
		case *treesReleased:
			o.forest.Release(m.trees.Roots)
		default:
			invariant.Unreachable("message %T to the memtable owner", m)
		}
		n = next
	}
	o.publishCommits()
	o.wakeFeeds()
	if len(o.sealed) > 0 {
		o.sendFlushable()
	}
}

func (o *memtableOwner) fail(cause error) { o.wiring.fail(memtableOwnerName, cause) }

func (o *memtableOwner) apply(c *Commit) {
	ops, seq := c.Ops, c.first
	if c.Count == 1 && c.Hinted == o.active && !c.Trees {
		kind, k, v := decode(&ops)
		o.active.AddHint(k, v, key.MakeTrailer(seq, kind), c.Hint)
		return
	}
	for range c.Count {
		kind, k, v := decode(&ops)
		if kind.Tree() {
			seq++
			continue // see publishCommits
		}
		ApplyOp(o.active, kind, k, v, seq, o.operators)
		seq++
	}
}

// ApplyOp adds a decoded operation to a memtable; recovery does so too.
func ApplyOp(m *memtable.Memtable, kind key.Kind, k, v []byte, seq uint64, operators *merge.Operators) {
	switch kind {
	case key.KindRangeDelete:
		m.DeleteRange(k, v, seq)
	case key.KindMerge:
		m.AddMerge(k, v, key.MakeTrailer(seq, kind), operators)
	default:
		m.Add(k, v, key.MakeTrailer(seq, kind))
	}
}

func (o *memtableOwner) enqueue(c *Commit) {
	if o.queueTail == nil {
		o.queueHead = c
	} else {
		o.queueTail.next = &c.node
	}
	o.queueTail = c
}

func (c *Commit) nextCommit() *Commit {
	if c.next == nil {
		return nil
	}
	return c.next.self.(*Commit)
}

// publishCommits makes every commit visible that may be, in order, and answers them. If the trees fail at one of them,
// those before it stay invisible too: the trees have a part of the one that failed already.
func (o *memtableOwner) publishCommits() {
	first := o.queueHead
	c := first
	last := o.visible
	for c != nil && (!c.Sync || c.last() <= o.durable) && !o.broken {
		if c.Trees && !o.applyToTrees(c) {
			return
		}
		last = c.last()
		c = c.nextCommit()
	}
	if c == first {
		return
	}
	o.queueHead = c
	if c == nil {
		o.queueTail = nil
	}
	if last > o.visible {
		o.visible = last
		o.publishTrees()
		o.published.visible.Store(last)
	}
	for first != c {
		next := first.nextCommit()
		first.settle(nil)
		first = next
	}
}

// adoptTrees publishes the trees as recovery has left them, if there are any, and lets go of those that were opened, if
// recovery has changed them.
func (o *memtableOwner) adoptTrees(lastSeq uint64) {
	opened, roots := o.forest.Sealed(), o.forest.Seal()
	if roots != opened {
		o.forest.Release(opened)
	}
	if len(roots.All()) == 0 {
		o.forest.Release(roots)
		return
	}
	o.trees = newTrees(roots, lastSeq, o.releaseTrees)
	o.published.trees.Store(o.trees)
}

// applyToTrees applies a commit to the trees. It reports false if that failed, and then the engine has failed: the trees
// have a part of a commit.
func (o *memtableOwner) applyToTrees(c *Commit) bool {
	o.freezeBefore(c.first)
	ops := c.Ops
	for range c.Count {
		kind, k, v := decode(&ops)
		if !kind.Tree() {
			continue
		}
		if err := ApplyTreeOp(o.forest, kind, k, v); err != nil {
			o.broken = true
			o.fail(err)
			return false
		}
	}
	return true
}

// freezeBefore freezes the trees for the sealed memtables that end before a sequence number, if they were not yet: all
// commits through their ends are applied.
func (o *memtableOwner) freezeBefore(seq uint64) {
	for _, s := range o.sealed {
		if !s.frozen && s.lastSeq < seq {
			s.frozen, s.checkpoint = true, o.forest.Freeze()
		}
	}
}

// publishTrees publishes the trees, if they have changed. The commits that changed them are visible at once.
func (o *memtableOwner) publishTrees() {
	if !o.forest.Changed() {
		return
	}
	old := o.trees
	o.trees = newTrees(o.forest.Seal(), o.visible, o.releaseTrees)
	o.published.trees.Store(o.trees)
	if old != nil && old.drop() {
		o.forest.Release(old.Roots)
	}
}

// releaseTrees has the owner release trees that a reader held last.
func (w *wiring) releaseTrees(t *Trees) { w.postIfOpen(w.memtableOwner, own(&treesReleased{trees: t})) }

func (o *memtableOwner) rotate(m *rotateMemtable) {
	if !m.discard {
		o.sealed = append(o.sealed, &sealedMemtable{table: o.active, lastSeq: m.lastSeq})
	}
	o.active = m.fresh
	o.publishState()
}

// install swaps the memtables that the new Version holds for it, in one publication.
func (o *memtableOwner) install(m *versionInstalled) {
	flushed := 0
	for flushed < len(o.sealed) && o.sealed[flushed].lastSeq <= m.flushedSeq {
		flushed++
	}
	o.sealed = append([]*sealedMemtable(nil), o.sealed[flushed:]...)
	if m.checkpoint != nil {
		o.forest.Installed(m.checkpoint)
	}
	old := o.version
	o.version = m.version
	o.publishState()
	old.Unref()
	o.versions.post(own(&versionPublished{}))
	if flushed > 0 {
		o.coordinator.post(own(&memtablesFlushed{count: flushed, flushedSeq: m.flushedSeq}))
		o.logWriter.post(own(&releaseLog{flushedSeq: m.flushedSeq}))
	}
}

func (o *memtableOwner) publishState() {
	s := &State{Active: o.active, Version: o.version}
	for i := len(o.sealed) - 1; i >= 0; i-- {
		s.Sealed = append(s.Sealed, o.sealed[i].table)
	}
	o.published.state.Store(s)
}

// sendFlushable gives the flusher each sealed memtable all of whose commits are published and
// durable: an sstable must not hold what a crash could take back from the log.
func (o *memtableOwner) sendFlushable() {
	for _, s := range o.sealed {
		if s.lastSeq > o.visible || s.lastSeq > o.durable {
			return
		}
		if !s.sent {
			s.sent = true
			o.freezeBefore(s.lastSeq + 1)
			o.flusher.post(own(&flushMemtable{memtable: s.table, lastSeq: s.lastSeq, checkpoint: s.checkpoint}))
		}
	}
}
