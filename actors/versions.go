package actors

import (
	"errors"
	"time"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

const versionsName = "versions"

// settleAfter is how long no flush must have come before compactions begin that only win back space.
const settleAfter = time.Second

// versions owns the levels: it makes edits durable in the manifest, publishes the Versions that
// result, deletes the files that no Version names, and grants compactions to the compactors. It
// picks them too, because it alone knows all claims: see docs/decisions.
type versions struct {
	*wiring
	set        *levels.Set
	picker     *levels.Picker
	maxRunning int
	l0Trigger  int
	slowAt     int64 // compaction debt at which writes begin to be delayed

	running     int
	unpublished int                    // Versions installed and not published yet
	busy        [levels.NumLevels]bool // the level's compactor has work
	edits       []*installEdit         // not installed yet, in order; more than one only without disk space
	refusing    bool                   // callers were told that there is no space
	manual      []*compactRange
	idlers      []*awaitCompactions
	flushes     uint64 // counts flush edits, to tell whether any came lately
	settle      bool   // no flush came for a while
	backedOff   bool   // the last compaction failed for want of space
}

func (v *versions) receive(head *node) {
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		switch m := n.self.(type) {
		case *installEdit:
			v.edits = append(v.edits, m)
		case *compactionEnded:
			v.ended(m)
		case *versionReleased:
			v.released(m.version)
		case *versionPublished:
			v.unpublished--
		case *compactRange:
			v.manual = append(v.manual, m)
		case *awaitCompactions:
			v.idlers = append(v.idlers, m)
		case *settleTick:
			v.quiet(m.flushes)
		case *retryCompactions:
			v.backedOff = false
		default:
			invariant.Unreachable("message %T to versions", m)
		}
		n = next
	}
	v.installAll()
	if v.alarms.failed() == nil {
		v.schedule()
		v.setPace()
	}
	v.tell()
}

// tell publishes how things stand.
func (v *versions) tell() {
	v.metrics.Compacting.Store(int64(v.running))
	tables, bytes := v.set.Obsolete()
	v.metrics.ObsoleteTables.Store(int64(tables))
	v.metrics.ObsoleteBytes.Store(bytes)
	keeps(v.wiring.versions, v.edits)
}

func (v *versions) fail(cause error) { v.wiring.fail(versionsName, cause) }

// installAll installs the edits that have come. Without disk space it keeps them and writes are
// refused until there is space.
func (v *versions) installAll() {
	for len(v.edits) > 0 && !v.backedOff && v.alarms.failed() == nil {
		err := v.install(v.edits[0])
		switch {
		case errors.Is(err, vfs.ErrNoSpace) && v.set.Failure() == nil:
			v.refusing = true
			v.alarms.pause(versionsName, err)
			v.backOff()
			return
		case err != nil:
			v.fail(err)
			return
		}
		v.edits = v.edits[1:]
		if v.refusing {
			v.refusing = false
			v.alarms.resume(versionsName)
		}
	}
}

// install makes an edit durable, then visible, then forgets what it replaced: in this order.
func (v *versions) install(m *installEdit) error {
	m.edit.Time = v.expiryTime()
	version, err := v.set.Apply(m.edit)
	if err != nil {
		return err
	}
	manifest := v.set.ManifestState()
	v.manifest.Store(&manifest)
	if m.compaction != nil {
		v.release(m.compaction)
	} else {
		v.flushes++
		v.settle = false
		v.after(settleAfter, v.wiring.versions, own(&settleTick{flushes: v.flushes}))
	}
	version.Ref()
	v.unpublished++
	v.memtableOwner.post(own(&versionInstalled{version: version, flushedSeq: v.set.FlushedSeq(), checkpoint: m.checkpoint}))
	return nil
}

// quiet is called some time after a flush. If none came since, space and memory can be won back.
func (v *versions) quiet(flushes uint64) {
	if flushes == v.flushes {
		v.settle = true
		v.flusher.post(own(&trimMemory{}))
	}
}

// backOff lets nothing be installed or compacted for a while.
func (v *versions) backOff() {
	v.backedOff = true
	v.after(spaceRetry, v.wiring.versions, own(&retryCompactions{}))
}

func (v *versions) ended(m *compactionEnded) {
	v.release(m.compaction)
	switch {
	case m.err == nil:
	case errors.Is(m.err, vfs.ErrNoSpace):
		v.logger.Warn("a compaction ran out of disk space and will be tried again", "cause", m.err)
		v.backOff()
	default:
		v.fail(m.err)
	}
}

func (v *versions) release(c *levels.Compaction) {
	v.set.Release(c)
	v.busy[c.From()] = false
	v.running--
}

// released deletes the files that only a Version named which nobody holds any more. A file that
// cannot be deleted is no reason to stop; the next open removes it.
func (v *versions) released(version *levels.Version) {
	if err := v.set.Remove(v.set.VersionReleased(version)); err != nil {
		v.logger.Warn("could not delete obsolete tables", "cause", err)
	}
}

// schedule grants compactions until enough run or none is needed, and answers who waits for that.
func (v *versions) schedule() {
	for v.running < v.maxRunning && !v.backedOff && !v.stopping.Load() {
		c := v.pick()
		if c == nil {
			break
		}
		if !v.set.Claim(c) {
			invariant.Unreachable("picked compaction does not fit: %v", c)
		}
		v.busy[c.From()] = true
		v.running++
		v.compactors[c.From()].post(own(&runCompaction{compaction: c}))
	}
	if v.running == 0 && v.unpublished == 0 && !v.backedOff && !v.stopping.Load() {
		for _, m := range v.idlers {
			m.reply <- nil
		}
		v.idlers = nil
	}
}

// pick chooses what to compact next: a manual request, then the fullest level, then, when all is
// quiet, whatever wins back space.
func (v *versions) pick() *levels.Compaction {
	version, claims := v.set.Current(), v.set.Claims()
	for len(v.manual) > 0 {
		m := v.manual[0]
		if m.waiting.Err() != nil {
			v.manual = v.manual[1:]
			continue
		}
		c, blocked := v.picker.Manual(version, claims, m.lower, m.upper, m.asOf, m.now)
		if c != nil && !v.busy[c.From()] {
			return c
		}
		if c != nil || blocked || v.unpublished > 0 {
			return nil // also until the files that it replaced are gone
		}
		m.reply <- nil
		v.manual = v.manual[1:]
	}
	now := v.expiryTime()
	scores := v.picker.Scores(version, claims)
	tried := [levels.NumLevels]bool{}
	for range levels.NumLevels {
		best := -1
		for level, score := range scores {
			if !tried[level] && (best < 0 || score > scores[best]) {
				best = level
			}
		}
		tried[best] = true
		if v.busy[best] {
			continue
		}
		if c, ok := v.picker.Pick(version, claims, best, now); ok {
			return c
		}
	}
	if v.running == 0 && (v.settle || len(v.idlers) > 0) {
		if c, ok := v.picker.Settle(version, claims, now); ok {
			return c
		}
	}
	return nil
}

// The delays of writers begin at a number of level 0 tables, or an amount of debt, and grow with the
// square of what exceeds it, up to fullPrice when it has doubled.
const (
	slowL0Factor = 4           // times the level 0 trigger
	fullPrice    = 1000 * 1024 // nanoseconds per KiB when the debt has doubled: 1 MB/s
)

// setPace sets what a written byte costs a caller, in proportion to what flush and compaction are
// behind. It never stops them: the price is bounded.
func (v *versions) setPace() {
	version := v.set.Current()
	files := float64(len(version.Levels[0]))/float64(slowL0Factor*v.l0Trigger) - 1
	debt := float64(v.picker.Debt(version))/float64(v.slowAt) - 1
	behind := min(1, max(0, files, debt))
	v.door.pace.Store(int64(behind * behind * fullPrice))
}
