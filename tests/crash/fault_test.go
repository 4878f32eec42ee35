package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// A faultKind is a way for calls to fail.
type faultKind struct {
	name  string
	ops   vfs.OpKind // the calls that fail, and that are counted
	rule  vfs.Rule   // how they fail
	burst int64      // how many in a row; 0: all from the first on
}

const (
	growingOps = vfs.OpCreate | vfs.OpWrite | vfs.OpAllocate | vfs.OpRename | vfs.OpMkdirAll
	syncOps    = vfs.OpSync | vfs.OpSyncData | vfs.OpSyncDir
)

var faultKinds = []faultKind{
	{"any call once", vfs.OpAny, vfs.Rule{}, 1},
	{"every call from then on", vfs.OpAny, vfs.Rule{}, 0},
	{"every read from then on", vfs.OpRead | vfs.OpOpen | vfs.OpStat, vfs.Rule{}, 0},
	{"killed", vfs.OpMutating, vfs.Rule{}, 0},
	{"short write", vfs.OpWrite, vfs.Rule{Short: true}, 1},
	{"sync", syncOps, vfs.Rule{}, 1},
	{"sync that forgets", syncOps, vfs.Rule{DropUnsynced: true}, 1},
	{"full disk once", growingOps, vfs.Rule{Err: syscall.ENOSPC, Short: true}, 1},
	{"full disk for a while", growingOps, vfs.Rule{Err: syscall.ENOSPC}, 4},
}

// A faultCase is one run of the script in which calls from the nth on fail.
type faultCase struct {
	kind  faultKind
	n     int64
	seed  uint64
	disk  *vfs.Mem
	fault *vfs.Fault
	cause error
	rules []*vfs.Injection
	s     *session
}

const faultKeys = 60

func TestFaultAnywhereLosesNothing(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 1) {
		for _, kind := range faultKinds {
			t.Run(kind.name, func(t *testing.T) { faultSweep(t, kind, seed) })
		}
	}
	expectGoroutines(t, before)
}

// faultSweep runs the script for a sample of the calls that may fail, by night for all of them.
func faultSweep(t *testing.T, kind faultKind, seed uint64) {
	dry := &faultCase{kind: faultKind{ops: kind.ops, rule: vfs.Rule{N: -1}, burst: 1}, seed: seed}
	if err := dry.run(); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	total, step := dry.fault.Count(kind.ops), int64(1)
	if !environment.Nightly() {
		step = max(1, total/30)
	}
	work := make(chan *faultCase)
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range 8 {
		wg.Go(func() {
			for c := range work {
				if err := c.watch(c.run); err != nil {
					mu.Lock()
					if failed++; failed <= 3 {
						t.Errorf("MIDDB_SEED=%d: call %d of %v: %v", c.seed, c.n, c.kind.ops, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	cases := 0
	for n := 1 + int64(seed)%step; n <= total; n += step {
		cases++
		work <- &faultCase{kind: kind, n: n, seed: seed}
	}
	close(work)
	wg.Wait()
	t.Logf("seed %d: %d of %d calls, %d failed", seed, cases, total, failed)
}

// watch ends the test, with what every goroutine does, if the case hangs.
func (c *faultCase) watch(run func() error) error {
	const patience = 2 * time.Minute
	dog := time.AfterFunc(patience, func() {
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 2)
		panic(fmt.Sprintf("MIDDB_SEED=%d: %s, call %d of %v: hangs", c.seed, c.kind.name, c.n, c.kind.ops))
	})
	defer dog.Stop()
	return run()
}

// prepare makes the disk that is to fail, and a session on it.
func (c *faultCase) prepare(keys int) {
	c.disk = vfs.NewMem()
	c.fault = vfs.NewFault(c.disk)
	c.cause = syscall.EIO
	if c.kind.rule.Err != nil {
		c.cause = c.kind.rule.Err
	}
	rule := c.kind.rule
	rule.Ops, rule.Sticky = c.kind.ops, c.kind.burst == 0
	for i := range max(1, c.kind.burst) {
		if rule.N >= 0 {
			rule.N = c.n + i
		}
		c.rules = append(c.rules, c.fault.Inject(rule))
	}
	c.s = newSession(c.fault, c.seed, keys)
}

func (c *faultCase) run() error {
	c.prepare(faultKeys)
	defer func() {
		if c.s.db != nil {
			_ = c.s.db.Close() // something was wrong before
		}
	}()
	for _, step := range script {
		if step.name == concurrentStep {
			continue
		}
		if err := step.do(c.s); err != nil {
			if err := c.handle(err); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if c.s.db == nil {
			continue
		}
		if err := checkReads(c.s.db, c.s.journal.history(), c.s.journal.mark(), c.cause); err != nil {
			return fmt.Errorf("after %s: %w", step.name, err)
		}
	}
	if c.s.db != nil {
		if err := c.s.close(); err != nil && !c.expected(err) {
			return fmt.Errorf("close: %w", err)
		}
	}
	return c.settle()
}

// expected reports whether an error of the engine is a consequence of the fault.
func (c *faultCase) expected(err error) bool {
	return errors.Is(err, c.cause) && c.fired() && !errors.Is(err, engine.ErrCorruption)
}

func (c *faultCase) fired() bool {
	for _, r := range c.rules {
		if r.Fired() > 0 {
			return true
		}
	}
	return false
}

// heal lets the disk work from now on.
func (c *faultCase) heal() {
	for _, r := range c.rules {
		r.Remove()
	}
}

// handle goes on after a step that failed: with the same engine if it says that the disk was full, with
// another one if it failed for good.
func (c *faultCase) handle(err error) error {
	if !c.expected(err) {
		return fmt.Errorf("not an answer to the fault: %w", err)
	}
	if c.s.db != nil {
		failure := c.s.db.Stats().ReadOnlyFrom
		switch {
		case failure == nil && errors.Is(err, engine.ErrNoSpace):
			return c.outlast()
		case failure == nil && c.kind.ops&vfs.OpRead != 0:
			return nil // something that only reads
		case failure == nil:
			return fmt.Errorf("an engine that goes on has no reason to fail: %w", err)
		case c.cause == syscall.ENOSPC:
			return fmt.Errorf("a full disk is no reason to fail: %w", failure)
		case !errors.Is(failure, engine.ErrFailed) || !errors.Is(failure, c.cause):
			return fmt.Errorf("the failure does not name its cause: %w", failure)
		}
		if err := c.checkFailed(); err != nil {
			return err
		}
		if err := c.s.close(); err != nil && !c.expected(err) {
			return fmt.Errorf("close after %w: %w", failure, err)
		}
	}
	return c.restart()
}

// checkFailed expects that a failed engine answers reads and refuses writes.
func (c *faultCase) checkFailed() error {
	if err := checkReads(c.s.db, c.s.journal.history(), c.s.journal.mark(), c.cause); err != nil {
		return fmt.Errorf("read after the failure: %w", err)
	}
	for _, d := range []engine.Durability{engine.Sync, engine.NoSync} {
		if err := c.s.commit([]write{{id: 0}}, d); !errors.Is(err, engine.ErrFailed) || errors.Is(err, engine.ErrCommitUnknown) {
			return fmt.Errorf("write after the failure: %w", err)
		}
	}
	if err := c.s.db.Flush(context.Background()); !errors.Is(err, engine.ErrFailed) {
		return fmt.Errorf("flush after the failure: %w", err)
	}
	return nil
}

// restart opens the database on the disk that is well again, as a new process would: what the old one
// wrote without syncing is in the cache of the system, and a power loss could still take it.
func (c *faultCase) restart() error {
	c.heal()
	if err := c.open(); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return nil
}

// open opens the database and checks that what it found stays found if the power fails now.
func (c *faultCase) open() error {
	db, found, err := recovered(c.s.cfg, faultKeys)
	if err != nil {
		return err
	}
	c.s.db = db // also if it is wrong, to be closed
	h, m := c.s.journal.history(), c.s.journal.mark()
	state, err := h.match(found, m.durable, m.begun)
	if err != nil {
		return err
	}
	c.s.journal.truncate(h, state)
	lost := c.disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseAll})
	db, again, err := recovered(config(lost), faultKeys)
	if err != nil {
		return fmt.Errorf("after power loss: %w", err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	if err := found.same(again); err != nil {
		return fmt.Errorf("after power loss: %w", err)
	}
	return nil
}

// outlast writes until the engine has noticed that there is space again.
func (c *faultCase) outlast() error {
	c.heal()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for range 1000 {
		err := c.s.commit([]write{{id: c.s.rng.IntN(faultKeys)}}, engine.Sync)
		if !errors.Is(err, engine.ErrNoSpace) || errors.Is(err, engine.ErrFailed) {
			return err
		}
		<-retry.C
	}
	return errors.New("there is space again and writes are still refused")
}

// settle opens what the run left, first as a power loss would leave it, and goes on from there.
func (c *faultCase) settle() error {
	h, m := c.s.journal.history(), c.s.journal.mark()
	lost := c.disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseAll})
	db, found, err := recovered(config(lost), faultKeys)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return fmt.Errorf("power loss at the end: %w", err)
	}
	if _, err := h.match(found, m.durable, m.begun); err != nil {
		return fmt.Errorf("power loss at the end: %w", err)
	}
	if err := c.restart(); err != nil {
		return err
	}
	db = c.s.db
	c.s.db = nil
	found, err = readAll(db, faultKeys)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return goOn(c.disk, db, found)
}

// warmUp makes what every process makes once.
func warmUp(t *testing.T) {
	db, err := engine.Spawn(config(vfs.NewMem()))
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// expectGoroutines fails if more goroutines remain than there were before.
func expectGoroutines(t *testing.T, before int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		<-tick.C
	}
	_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
	t.Errorf("%d goroutines remain of %d", runtime.NumGoroutine()-before, runtime.NumGoroutine())
}
