package crash

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// A tableFault is one run of the script of tables in which calls from the nth on fail.
type tableFault struct {
	faultCase
	s *tableSession
}

func TestFaultAnywhereKeepsTablesWhole(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 1) {
		for _, kind := range faultKinds {
			t.Run(kind.name, func(t *testing.T) { tableFaultSweep(t, kind, seed) })
		}
	}
	expectGoroutines(t, before)
}

// tableFaultSweep runs the script for a sample of the calls that may fail, by night for many more.
func tableFaultSweep(t *testing.T, kind faultKind, seed uint64) {
	dry := &tableFault{faultCase: faultCase{kind: faultKind{ops: kind.ops, rule: vfs.Rule{N: -1}, burst: 1}, seed: seed}}
	if err := dry.run(); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	total := dry.fault.Count(kind.ops)
	sample := int64(7)
	switch {
	case environment.Nightly():
		sample = 300
	case testing.Short():
		sample = 1
	}
	step := max(1, total/sample)
	work := make(chan *tableFault)
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range 4 {
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
	for n := 1 + int64(seed)*step/3%step; n <= total; n += step {
		cases++
		work <- &tableFault{faultCase: faultCase{kind: kind, n: n, seed: seed}}
	}
	close(work)
	wg.Wait()
	t.Logf("seed %d: %d of %d calls, %d failed", seed, cases, total, failed)
}

func (c *tableFault) run() error {
	c.prepare(faultKeys)
	c.s = newTableSession(c.fault, c.seed)
	defer func() {
		if c.s.db != nil {
			_ = c.s.db.Close() // something was wrong before
		}
	}()
	for i, step := range tableScript {
		for {
			var err error
			if i > 1 && c.s.db != nil {
				err = c.s.createTables() // again, if a crash has taken them
			}
			if err == nil {
				err = step.do(c.s)
			}
			if err == nil {
				break
			}
			if err := c.handle(err); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if c.s.db == nil {
			continue
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("after %s: %w", step.name, err)
		}
	}
	return c.settle()
}

// check reads everything: an answer is right, or an error whose cause is the fault.
func (c *tableFault) check() error {
	m := c.s.journal.mark()
	text, err := soundTables(c.s.db)
	if err != nil {
		if errors.As(err, new(wrongAnswer)) || !c.expected(err) {
			return err
		}
		return nil
	}
	_, err = c.s.journal.match(text, m.visible, m.begun)
	return err
}

// handle makes it possible to do a step again that has failed: with the same engine if that goes on, with another one if it
// failed for good.
func (c *tableFault) handle(err error) error {
	if errors.As(err, new(wrongAnswer)) || !c.expected(err) {
		return fmt.Errorf("not an answer to the fault: %w", err)
	}
	if c.s.db == nil {
		return c.restart()
	}
	failure := c.s.db.Stats().ReadOnlyFrom
	switch {
	case failure == nil && errors.Is(err, engine.ErrNoSpace):
		return c.outlast()
	case failure == nil && c.kind.ops&vfs.OpRead != 0:
		c.heal() // something that only reads
		return errors.Join(c.s.dropUnfinished(impossible), c.check())
	case failure == nil:
		return fmt.Errorf("an engine that goes on has no reason to fail: %w", err)
	case c.cause == syscall.ENOSPC:
		return fmt.Errorf("a full disk is no reason to fail: %w", failure)
	case !errors.Is(failure, engine.ErrFailed) || !errors.Is(failure, c.cause):
		return fmt.Errorf("the failure does not name its cause: %w", failure)
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("read after the failure: %w", err)
	}
	if err := c.s.close(); err != nil && !c.expected(err) {
		return fmt.Errorf("close after %w: %w", failure, err)
	}
	return c.restart()
}

// outlast writes until the engine has noticed that there is space again.
func (c *tableFault) outlast() error {
	c.heal()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for range 1000 {
		err := c.s.db.Put([]byte("is there space?"), nil)
		if !errors.Is(err, engine.ErrNoSpace) || errors.Is(err, engine.ErrFailed) {
			return err
		}
		<-retry.C
	}
	return errors.New("there is space again and writes are still refused")
}

// restart opens the database on the disk that is well again, and checks that what it found stays found if the power fails.
func (c *tableFault) restart() error {
	c.heal()
	db, text, err := recoveredTables(c.s.cfg)
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	c.s.db = db
	m := c.s.journal.mark()
	state, err := c.s.journal.match(text, m.durable, m.begun)
	if err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	c.s.journal.truncate(state)
	return c.losePower(state, state)
}

// losePower opens what a power failure would leave now.
func (c *tableFault) losePower(low, high int) error {
	lost := c.disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseAll})
	db, text, err := recoveredTables(tableConfig(lost))
	if err == nil {
		err = db.Close()
	}
	if err == nil {
		_, err = c.s.journal.match(text, low, high)
	}
	if err != nil {
		return fmt.Errorf("after power loss: %w", err)
	}
	return nil
}

// settle opens what the run left, and goes on from there.
func (c *tableFault) settle() error {
	m := c.s.journal.mark()
	if err := c.losePower(m.durable, m.begun); err != nil {
		return err
	}
	if err := c.restart(); err != nil {
		return err
	}
	db := c.s.db
	c.s.db = nil
	return goOnWithTables(c.disk, db)
}
