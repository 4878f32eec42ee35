package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

const (
	callers    = 6
	callerKeys = 12 // each caller has its own, and so its own order of commits
)

// A caller commits to its keys beside others, until the engine fails.
type caller struct {
	session
	first int // its first key
	err   error
}

// commitUntilFailure commits, waits when the disk is full, and ends with the engine's failure, or after
// enough.
func (c *caller) commitUntilFailure() error {
	for range 40 {
		writes := make([]write, 1+c.rng.IntN(5))
		for i := range writes {
			writes[i] = write{id: c.first + c.rng.IntN(callerKeys), deleted: c.rng.IntN(5) == 0}
		}
		var err error
		switch c.rng.IntN(12) {
		case 0:
			err = c.applyAndWait(writes, false)
		case 1:
			err = c.flush()
		case 2, 3, 4, 5, 6:
			err = c.commit(writes, engine.NoSync)
		default:
			err = c.commit(writes, engine.Sync)
		}
		if errors.Is(err, engine.ErrNoSpace) && !errors.Is(err, engine.ErrFailed) {
			err = c.outlast()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outlast writes until there is space again.
func (c *caller) outlast() error {
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := c.commit([]write{{id: c.first}}, engine.NoSync)
		if !errors.Is(err, engine.ErrNoSpace) || errors.Is(err, engine.ErrFailed) {
			return err
		}
		<-retry.C
	}
}

// Callers that commit at the same time when a call fails all get an answer, and each finds a prefix of its
// own commits with all that were acknowledged as durable.
func TestFaultAmongConcurrentCallers(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 20) {
		rng := rand.New(rand.NewPCG(seed, 0x63616c6c657273))
		for _, kind := range faultKinds {
			for range 4 {
				c := &faultCase{kind: kind, n: 1 + rng.Int64N(120), seed: seed}
				if kind.ops == vfs.OpAny {
					c.n *= 3
				}
				if err := c.watch(c.runCallers); err != nil {
					t.Errorf("MIDDB_SEED=%d: %s, call %d of %v: %v", seed, kind.name, c.n, kind.ops, err)
				}
			}
		}
	}
	expectGoroutines(t, before)
}

func (c *faultCase) runCallers() error {
	c.prepare(callers * callerKeys)
	if err := c.s.open(); err != nil {
		if !c.expected(err) {
			return err
		}
		c.heal()
		if err := c.s.open(); err != nil {
			return fmt.Errorf("open again: %w", err)
		}
	}
	all := make([]*caller, callers)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = &caller{first: i * callerKeys, session: session{
			db: c.s.db, journal: &journal{keys: callers * callerKeys}, rng: rand.New(rand.NewPCG(c.seed, uint64(i))),
		}}
		wg.Go(func() { all[i].err = all[i].commitUntilFailure() })
	}
	wg.Wait()
	failure := c.s.db.Stats().ReadOnlyFrom
	failed := failure != nil
	if failed && c.cause == syscall.ENOSPC {
		return errors.Join(fmt.Errorf("a full disk is no reason to fail: %w", failure), c.s.db.Close())
	}
	for i, a := range all {
		if a.err != nil && (!failed || !c.expected(a.err)) {
			return errors.Join(fmt.Errorf("caller %d: %w", i, a.err), c.s.db.Close())
		}
		if err := a.visible(a.db, a.journal.mark().visible, c.cause); err != nil {
			return errors.Join(fmt.Errorf("caller %d: read: %w", i, err), c.s.db.Close())
		}
	}
	switch err := c.s.db.Close(); {
	case err == nil && failed:
		return errors.New("close does not tell of the failure")
	case err != nil && !c.expected(err):
		return fmt.Errorf("close: %w", err)
	case err == nil:
		for _, a := range all {
			a.journal.allSynced()
		}
	}
	for _, unsynced := range []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll} {
		db, err := engine.Spawn(config(c.disk.CrashClone(nil, vfs.CrashOptions{Unsynced: unsynced})))
		if err != nil {
			return fmt.Errorf("open after the crash: %w", err)
		}
		for i, a := range all {
			if err := a.visible(db, a.journal.mark().durable, syscall.EIO); err != nil {
				return errors.Join(fmt.Errorf("after the crash: caller %d: %w", i, err), db.Close())
			}
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	return nil
}

// visible expects that a database shows a prefix of the caller's commits, through low at least.
func (c *caller) visible(db *engine.DB, low place, cause error) error {
	found, err := scan(viewOf(db, nil), c.journal.keys, false)
	if err != nil && (errors.As(err, new(wrongAnswer)) || !errors.Is(err, cause)) {
		return err
	}
	found.forget(0, c.first)
	found.forget(c.first+callerKeys, len(found))
	_, err = c.journal.history().match(found, low, c.journal.mark().begun)
	return err
}

// What is committed without sync reaches the operating system by itself: a killed process loses no more
// than the last moments.
func TestUnsyncedCommitsSoonOutliveTheProcess(t *testing.T) {
	disk := vfs.NewMem()
	wrote := make(chan struct{}, 1)
	traced := vfs.NewTrace(disk, func(op vfs.Op) {
		if op.Kind == vfs.OpWrite {
			select {
			case wrote <- struct{}{}:
			default:
			}
		}
	})
	s := newSession(traced, 1, 20)
	if err := errors.Join(s.open(), s.flush(), s.puts(10), s.commit([]write{{id: 0}, {id: 1}}, engine.NoSync)); err != nil {
		t.Fatal(err)
	}
	defer s.db.Close()
	want, err := readAll(s.db, 20)
	if err != nil {
		t.Fatal(err)
	}
	timeout, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		db, found, err := recovered(config(disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll})), 20)
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if found.same(want) == nil {
			return
		}
		select {
		case <-wrote: // soon, for the hook runs before the write
		case <-time.After(10 * time.Millisecond):
		case <-timeout.Done():
			t.Fatal("commits without sync do not reach the file by themselves")
		}
	}
}
