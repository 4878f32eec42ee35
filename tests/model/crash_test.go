package model

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

// start opens the database on a disk, which becomes the disk of the run.
func (r *run) start(disk *vfs.Mem) {
	r.cutter = &cutter{disk: disk, progress: []*progress{&r.progress}}
	r.spawn()
	r.openSpaces()
}

// spawn opens the database on the disk of the run.
func (r *run) spawn() {
	cfg := r.o.config
	cfg.FS = r.cutter.fs()
	cfg.Clock = r.clock
	if r.plant != nil {
		r.plant(&cfg)
	}
	db, err := engine.Spawn(cfg)
	r.must(err, "open the database")
	r.db, r.batch, r.indexed, r.timed = db, nil, nil, false
	r.lookAtClock()
}

// shut closes what is open on the database, then the database itself. Transactions that are open then are
// over, too.
func (r *run) shut() {
	for len(r.walks) > 0 {
		r.closeWalk(0)
	}
	for _, v := range r.views {
		r.must(v.snapshot.Close(), "close a snapshot")
	}
	txns := r.txns
	r.views, r.txns = nil, nil
	for len(txns) > 0 && r.rng.IntN(3) > 0 {
		r.must(txns[0].real.Rollback(), "roll back")
		txns = txns[1:]
	}
	db := r.db
	r.db = nil
	r.must(db.Close(), "close the database")
	for _, t := range txns {
		r.expect(t.real.Commit(), engine.ErrClosed, "commit after the database was closed")
		r.must(t.real.Rollback(), "roll back after the database was closed")
	}
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
	for _, t := range r.txns {
		_ = t.real.Rollback()
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
	r.changeClock()
	if r.rng.IntN(3) == 0 {
		r.readOnly(state, state)
	}
	r.spawn()
	r.openSpaces()
	r.checkSeq(r.seqOf(r.db), "database")
	r.scanAll()
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
	r.catchUp()
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
	r.openSpaces()
	r.progress.begun.Store(int64(state))
	r.progress.durable.Store(int64(state))
}

// recovered returns the state that a reopened database shows, which must be in [low, high]: the one after the
// commit whose last operation is the last that there is.
func (r *run) recovered(db *engine.DB, low, high int) int {
	state, err := r.oracle.numbered(r.seqOf(db), low, high)
	if err != nil {
		r.failf("after recovery: %v", err)
	}
	if _, err := r.oracle.match(r.contents(db), state, state, r.now); err != nil {
		r.failf("after recovery: %v", err)
	}
	return state
}

// seqOf returns the sequence number of the last operation of a database.
func (r *run) seqOf(db *engine.DB) uint64 {
	s, err := db.Snapshot()
	r.must(err, "open a snapshot")
	r.must(s.Close(), "close a snapshot")
	return s.Seq()
}

// contents returns all that a database shows.
func (r *run) contents(db *engine.DB) contents {
	names, err := db.Keyspaces()
	r.must(err, "list keyspaces")
	got := contents{}
	for _, name := range names {
		n := slices.Index(r.oracle.names, name)
		if n < 0 {
			r.failf("there is a keyspace %q, which was never made", name)
		}
		ks, err := db.Keyspace(name, engine.KeyspaceOptions{MustExist: true})
		r.must(err, "open a keyspace")
		got[spot{n, itself}] = outcome{found: true}
		for id, found := range r.scan(ks, r.oracle.keys[n]) {
			got[spot{n, id}] = found
		}
	}
	return got
}

// readOnly opens the database for reading and returns its state, which must be in [low, high]. A
// database that was never synced may not be there at all yet.
func (r *run) readOnly(low, high int) int {
	cfg := r.o.config
	cfg.ReadOnly = true
	cfg.Clock = r.clock
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
