package model

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

// start opens the database on a disk, which becomes the disk of the run.
func (r *run) start(disk *vfs.Mem) {
	r.cutter = &cutter{disk: disk, progress: []*progress{&r.progress}}
	r.spawn()
}

// spawn opens the database on the disk of the run.
func (r *run) spawn() {
	cfg := r.o.config
	cfg.FS = r.cutter.fs()
	if r.plant != nil {
		cfg.FS = r.plant(cfg.FS)
	}
	db, err := engine.Spawn(cfg)
	r.must(err, "open the database")
	r.db, r.batch = db, nil
}

// shut closes what is open on the database, then the database itself.
func (r *run) shut() {
	r.closeHolders()
	db := r.db
	r.db = nil
	r.must(db.Close(), "close the database")
}

func (r *run) closeHolders() {
	for _, w := range r.walks {
		r.must(w.it.Close(), "close an iterator")
	}
	for _, v := range r.views {
		r.must(v.snapshot.Close(), "close a snapshot")
	}
	r.walks, r.views = nil, nil
}

// abandon closes the database of a run that failed, whatever comes of it.
func (r *run) abandon() {
	if r.db == nil {
		return
	}
	for _, w := range r.walks {
		_ = w.it.Close()
	}
	for _, v := range r.views {
		_ = v.snapshot.Close()
	}
	_ = r.db.Close()
	r.db = nil
}

// reopen closes the database and opens it again: nothing may be gone, synced or not.
func (r *run) reopen() {
	r.done++
	r.note("close and reopen")
	r.shut()
	r.verify()
	state := r.oracle.last()
	r.progress.durable.Store(int64(state))
	if r.rng.IntN(3) == 0 {
		r.readOnly(state, state)
	}
	r.spawn()
	r.checkScan(r.db, state)
}

// armCut lets the next crash happen some calls from now.
func (r *run) armCut() {
	r.done++
	calls := r.rng.IntN(1 << r.rng.IntN(10))
	r.note("cut at call %d from here", calls)
	r.cutter.arm(calls, r.fork())
}

// crashNow crashes between two operations.
func (r *run) crashNow() {
	r.done++
	r.cutter.result()
	r.crash(r.cutter.cutNow(r.fork()))
}

// crash goes on from a cut: the run forgets what the cut forgot.
func (r *run) crash(c *cut) {
	r.note("crash (unsynced %d): states %d to %d may be found", c.unsynced, c.low[0], c.high[0])
	r.shut()
	for again := 0; ; again++ {
		r.settle(c)
		next := r.cutter.result()
		if next == nil || again == 3 {
			return
		}
		// The second crash came while recovery ran, on a disk that had nothing unsynced, so a
		// second recovery has all that the first had.
		r.note("crash in recovery (unsynced %d)", next.unsynced)
		r.shut()
		next.low[0], next.high[0] = r.oracle.last(), r.oracle.last()
		c = next
	}
}

// settle opens the database on the disk of a cut, finds out which state is there, and makes it the
// model's last one.
func (r *run) settle(c *cut) {
	r.cutter = &cutter{disk: c.disk, progress: []*progress{&r.progress}}
	low, high := c.low[0], c.high[0]
	if r.rng.IntN(3) == 0 {
		low = r.readOnly(low, high)
		high = low
	}
	if r.rng.IntN(3) == 0 {
		r.cutter.arm(r.rng.IntN(1<<r.rng.IntN(6)), r.fork())
	}
	r.spawn()
	state := r.recovered(r.db, low, high)
	r.note("recovered state %d", state)
	r.oracle.truncate(state)
	r.progress.begun.Store(int64(state))
	r.progress.durable.Store(int64(state))
}

// recovered returns the state that a reopened database shows, which must be in [low, high].
func (r *run) recovered(db *engine.DB, low, high int) int {
	state, err := r.oracle.match(r.scan(db), low, high)
	if err != nil {
		r.failf("after recovery: %v", err)
	}
	return state
}

// readOnly opens the database for reading and returns its state, which must be in [low, high]. A
// database that was never synced may not be there at all yet.
func (r *run) readOnly(low, high int) int {
	cfg := r.o.config
	cfg.ReadOnly = true
	var changed atomic.Pointer[vfs.Op]
	cfg.FS = vfs.NewTrace(r.cutter.disk, func(op vfs.Op) {
		if op.Kind != vfs.OpLock {
			changed.Store(&op)
		}
	})
	db, err := engine.Spawn(cfg)
	if low == 0 && errors.Is(err, engine.ErrDatabaseMissing) {
		return 0
	}
	r.must(err, "open read-only")
	state := r.recovered(db, low, high)
	if err := db.Put([]byte("k"), nil); !errors.Is(err, engine.ErrReadOnly) {
		r.failf("put into a read-only database: %v", err)
	}
	r.must(db.Close(), "close the read-only database")
	if op := changed.Load(); op != nil {
		r.failf("a read-only database calls %v", *op)
	}
	return state
}

// fork returns a generator for another goroutine.
func (r *run) fork() *rand.Rand { return rand.New(rand.NewPCG(r.rng.Uint64(), r.rng.Uint64())) }

// finish ends a run: all levels into one, everything compared once more before and after.
func (r *run) finish() {
	r.note("the end: compact everything and reopen")
	r.cutter.result()
	r.scanAll()
	r.flush()
	r.must(r.db.Compact(context.Background(), nil, nil), "compact everything")
	r.must(r.db.WaitIdle(context.Background()), "wait until idle")
	r.scanAll()
	r.reopen()
	r.shut()
	if strays := r.verify().Strays; len(strays) > 0 {
		r.failf("files that belong to nothing are left: %v", strays)
	}
}

// verify checks every byte on the disk of a closed database.
func (r *run) verify() levels.Report {
	report, err := levels.Verify(r.cutter.disk, directory, nil)
	r.must(err, "verify the manifest")
	r.must(errors.Join(report.Problems...), "verify the tables")
	return report
}

// scan returns everything that a reader shows, walking up or down.
func (r *run) scan(from reader) contents {
	it, err := from.NewIterator(engine.IterOptions{Reverse: r.rng.IntN(4) == 0})
	r.must(err, "open an iterator")
	got := contents{}
	for ok := it.First(); ok; ok = it.Next() {
		id, exact := r.oracle.find(it.Key())
		if !exact {
			r.failf("a scan found %s, which was never written", brief(it.Key()))
		}
		if _, twice := got[id]; twice {
			r.failf("a scan found %s twice", brief(it.Key()))
		}
		got[id] = bytes.Clone(it.Value())
	}
	r.must(it.Err(), "scan")
	r.must(it.Close(), "close a scan")
	return got
}

// checkScan compares everything that a reader shows with a state.
func (r *run) checkScan(from reader, state int) {
	if _, err := r.oracle.match(r.scan(from), state, state); err != nil {
		r.failf("scan: %v", err)
	}
}
