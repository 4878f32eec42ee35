package actors

import (
	"errors"
	"runtime"
	"time"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// spaceRetry is how long the engine waits before it tries again after running out of disk space.
const spaceRetry = 200 * time.Millisecond

const logWriterName = "log writer"

// backgroundSync is after how many unsynced bytes of NoSync commits the system is asked to begin
// writing them to disk, so that sealing a segment does not have to wait for all of it.
const backgroundSync = 4 << 20

// logWriter owns the open log segment. It writes what the coordinator framed, makes it durable when
// asked, and deletes or recycles segments that are flushed.
//
// Out of disk space it keeps the bytes and tries again at the same offset; any other failure is
// final, a failed sync above all: after it nobody knows what the disk holds.
type logWriter struct {
	*wiring
	core *wal.Writer

	backlog  []message // not yet carried out, in order; longer than a batch only without disk space
	paused   bool      // waiting for space, or failed
	refusing bool      // callers were told that there is no space
	failed   bool

	ranges     []wal.Range // scratch
	sealed     bool        // the open segment has ended, the next one is not made yet
	askedSeq   uint64      // sync has been asked for through here
	callers    int         // who waits for it
	flushedSeq uint64      // segments through here are not needed
	unstarted  int64       // bytes written since writeback was last started

	// Gathering: with several callers committing in turn, a sync started the moment the first one
	// arrives serves only that one. If fewer wait than were there last time, yield a little.
	expected    int
	gatherSince time.Time
	look        gatherLog
	gathering   bool          // look is in the mailbox
	syncTime    time.Duration // running average
}

func (w *logWriter) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		switch m := n.self.(type) {
		case *createLog, *appendLog, *rotateLog, *releaseLog:
			w.backlog = append(w.backlog, n.self)
		case *quit:
			w.backlog = append(w.backlog, n.self)
			w.paused = w.failed
		case *retryLog:
			w.paused = false
		case *gatherLog:
			w.gathering = false
		default:
			invariant.Unreachable("message %T to the log writer", m)
		}
		n = next
	}
	if !w.paused {
		if err := w.work(); err != nil {
			w.stumble(err)
		}
		w.metrics.LogKept.Store(w.core.Bytes())
	}
	keeps(w.wiring.logWriter, w.backlog)
}

func (w *logWriter) fail(cause error) { w.wiring.fail(logWriterName, cause) }

// work carries out the backlog, then syncs if someone waits for it.
func (w *logWriter) work() error {
	done := 0
	var err error
	for done < len(w.backlog) && err == nil {
		var n int
		switch m := w.backlog[done].(type) {
		case *createLog:
			n, err = 1, w.core.Create(m.number)
		case *appendLog:
			n, err = w.appendRun(w.backlog[done:])
		case *rotateLog:
			n, err = 1, w.rotate(m)
		case *releaseLog:
			n = 1
			w.flushedSeq = max(w.flushedSeq, m.flushedSeq)
			w.deleteSegments()
		case *quit:
			n, err = 1, w.sync()
			m.reply <- err
		}
		if err == nil {
			done += n
			w.resumed()
		}
	}
	clear(w.backlog[:done])
	w.backlog = append(w.backlog[:0], w.backlog[done:]...)
	if err != nil || w.callers == 0 || w.gather() {
		return err
	}
	return w.sync()
}

// stumble handles a failure: a full disk pauses, all else is final, and so is a sync that fails for
// want of space.
func (w *logWriter) stumble(err error) {
	if !errors.Is(err, vfs.ErrNoSpace) || w.core.Failure() != nil {
		w.fail(err)
		w.paused, w.failed = true, true
		return
	}
	w.paused = true
	w.refusing = true
	w.alarms.pause(logWriterName, err)
	// Whoever closes the engine does not wait for space.
	for i, m := range w.backlog {
		if q, ok := m.(*quit); ok {
			w.backlog = append(w.backlog[:i:i], w.backlog[i+1:]...)
			q.reply <- err
			return
		}
	}
	w.after(spaceRetry, w.wiring.logWriter, own(&retryLog{}))
}

// appendRun writes the ranges of a run of messages, adjacent ones with one call. It returns how
// many messages it took.
func (w *logWriter) appendRun(run []message) (int, error) {
	n, size := 0, int64(0)
	w.ranges = w.ranges[:0]
	for n < len(run) {
		m, ok := run[n].(*appendLog)
		if !ok {
			break
		}
		if m.part.Block != nil {
			w.ranges = append(w.ranges, m.part)
			size += int64(m.part.To - m.part.From)
		}
		n++
	}
	if size > 0 {
		if err := w.core.Write(w.ranges); err != nil {
			return 0, err
		}
		w.metrics.LogBytes.Add(size)
		if w.unstarted += size; w.unstarted >= backgroundSync {
			w.unstarted = 0
			if err := w.core.StartWriteback(); err != nil {
				return 0, err
			}
		}
	}
	for _, m := range run[:n] {
		a := m.(*appendLog)
		w.askedSeq = max(w.askedSeq, a.syncSeq)
		w.callers += a.callers
		if a.part.Last {
			w.coordinator.post(own(&logBlockFreed{block: a.part.Block}))
		}
		a.recycle()
	}
	return n, nil
}

// resumed lets writes in again after a pause.
func (w *logWriter) resumed() {
	if w.refusing {
		w.refusing = false
		w.alarms.resume(logWriterName)
	}
}

// gather reports whether to wait for more callers before syncing. It waits for at most a sixth of
// what a sync takes.
func (w *logWriter) gather() bool {
	if w.callers >= w.expected {
		w.gatherSince = time.Time{}
		return false
	}
	now := w.now()
	if w.gatherSince.IsZero() {
		w.gatherSince = now
	}
	if now.Sub(w.gatherSince) >= w.syncTime/6 {
		w.gatherSince = time.Time{}
		return false
	}
	runtime.Gosched()
	if !w.gathering {
		w.gathering = true
		w.wiring.logWriter.post(own(&w.look))
	}
	return true
}

// sync makes all that is written durable and reports it.
func (w *logWriter) sync() error {
	start := w.now()
	if err := w.core.Sync(); err != nil {
		return err
	}
	took := w.now().Sub(start)
	if w.syncTime == 0 {
		w.syncTime = took
	}
	w.syncTime += (took - w.syncTime) / 8
	w.metrics.LogSync.Record(int64(took))
	w.unstarted = 0
	// Those who arrived during the sync will be there again beside those it served.
	w.expected = max(w.callers, int(w.syncCallers.Load()))
	w.callers = 0
	// The first sync of a segment may be what allows older ones to go.
	w.deleteSegments()
	w.wiring.memtableOwner.postInline(own(&logSynced{seq: w.askedSeq}))
	return nil
}

// deleteSegments deletes what is flushed. What cannot be deleted does no harm and is tried again.
func (w *logWriter) deleteSegments() {
	if err := w.feeds.release(w.core, w.flushedSeq); err != nil {
		w.logger.Warn("could not delete flushed log segments", "cause", err)
	}
}

// rotate makes the open segment, whose seal record is written, durable, and opens the next one.
func (w *logWriter) rotate(m *rotateLog) error {
	if w.core.Segment() == m.ended.Number && !w.sealed {
		w.askedSeq = max(w.askedSeq, m.lastSeq)
		if err := w.sync(); err != nil {
			return err
		}
		if err := w.core.Seal(m.ended, m.number == 0); err != nil {
			return err
		}
		w.sealed = true
	}
	if m.number == 0 { // closing: there is no next segment
		return nil
	}
	if err := w.core.Create(m.number); err != nil {
		return err
	}
	w.sealed = false
	return nil
}
