package actors

import (
	"errors"
	"runtime"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/invariant"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

const flusherName = "flusher"

// leastCollected is how many bytes of arenas are worth a garbage collection, however small the
// memtables.
const leastCollected = 16 << 20

// flusher writes sealed memtables to level 0, oldest first, one at a time.
type flusher struct {
	*wiring
	builder *levels.Builder
	limit   int64 // bytes of arenas in use beyond which the garbage collector is asked to look

	memoryChanged func()

	queue    []*flushMemtable
	waiting  bool // for disk space
	refusing bool // callers were told that there is no space
}

func (f *flusher) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		switch m := n.self.(type) {
		case *flushMemtable:
			f.queue = append(f.queue, m)
		case *retryFlush:
			f.waiting = false
		case *trimMemory:
			f.collectGarbage()
			f.arenas.Trim()
			f.memoryChanged()
		default:
			invariant.Unreachable("message %T to the flusher", m)
		}
		n = next
	}
	for len(f.queue) > 0 && !f.waiting && f.alarms.failed() == nil {
		f.flush(f.queue[0])
	}
	keeps(f.wiring.flusher, f.queue)
}

func (f *flusher) fail(cause error) { f.wiring.fail(flusherName, cause) }

// flush writes one memtable. Without disk space it stays in memory and in the log, and writes are
// refused until there is space: they would only fill the memory too.
func (f *flusher) flush(m *flushMemtable) {
	start := f.now()
	table := m.memtable
	trees, err := f.writeTrees(m.checkpoint)
	var edit levels.Edit
	if err == nil {
		edit, err = levels.Flush(f.builder, table.NewIter(m.lastSeq, f.operators), table.RangeDeletes(m.lastSeq), f.expiryTime())
	}
	switch {
	case errors.Is(err, vfs.ErrNoSpace):
		f.waiting, f.refusing = true, true
		f.alarms.pause(flusherName, err)
		f.after(spaceRetry, f.wiring.flusher, own(&retryFlush{}))
		return
	case err != nil:
		f.fail(err)
		return
	}
	if f.refusing {
		f.refusing = false
		f.alarms.resume(flusherName)
	}
	f.queue = append([]*flushMemtable(nil), f.queue[1:]...)
	edit.FlushedSeq, edit.Trees = m.lastSeq, trees
	size := addedBytes(&edit)
	f.metrics.Flushes.Add(1)
	f.metrics.FlushedBytes.Add(size)
	f.logger.Info("flushed a memtable", "keys", m.memtable.Count(), "bytes", size, "took", f.now().Sub(start))
	f.versions.post(own(&installEdit{edit: edit, checkpoint: m.checkpoint}))
	f.collectArenas()
	f.memoryChanged()
}

// writeTrees writes a checkpoint of the trees, if there is one. It may be written again.
func (f *flusher) writeTrees(c *bplustree.Checkpoint) (*levels.Trees, error) {
	if c == nil {
		return nil, nil
	}
	if err := f.forest.Write(c); err != nil {
		return nil, err
	}
	f.metrics.TreeBytes.Add(c.Bytes())
	return &levels.Trees{File: f.forest.File(), State: c.State, Roots: c.Roots}, nil
}

// collectArenas has the garbage collector look for memtables that nobody can reach any more. Their
// arenas lie outside the Go heap, so the collector does not feel how much waits for it.
func (f *flusher) collectArenas() {
	if f.arenas.Backed() > f.limit {
		f.collectGarbage()
	}
}

// collectGarbage runs the garbage collector, but not for each of many simulations in one process.
func (f *flusher) collectGarbage() {
	if f.scheduler == nil {
		runtime.GC()
	}
}

func addedBytes(e *levels.Edit) (n int64) {
	for _, a := range e.Added {
		n += a.Size
	}
	return n
}
