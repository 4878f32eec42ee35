package isolation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/tests/registers"
	"github.com/middb/middb/vfs"
)

const (
	callers      = 8
	registerKeys = 4
)

// TestSingleKeysAreLinearizable lets callers read, write and conditionally write single keys, while
// the database is closed and opened again, or the power fails. There must be one order of all
// operations on a key that explains every answer and agrees with real time.
func TestSingleKeysAreLinearizable(t *testing.T) {
	seeds, lives, calls := uint64(10), 4, 80
	switch {
	case environment.Nightly():
		seeds = 300
	case testing.Short():
		seeds, lives, calls = 2, 3, 40
	}
	for seed := range environment.Seeds(t, seeds) {
		l := newLinear(seed)
		if err := l.run(lives, calls); err != nil {
			t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
		}
		if err := registers.Check(l.history); err != nil {
			t.Errorf("MIDDB_SEED=%d: %v", seed, err)
		}
	}
}

// singleKeys hold a number each, as package registers knows them.
type singleKeys interface {
	get(k string) (v int64, found bool, err error)
	getWithSeq(k string) (v int64, seq uint64, err error) // seq 0: not there
	put(k string, v int64) error
	del(k string) error
	putIfAbsent(k string, v int64) (done bool, err error)
	putIf(k string, v int64, seq uint64) (done bool, err error)
	// increment adds 1 in a transaction and returns the result; the first one puts fresh.
	increment(k string, fresh int64) (v int64, err error)
	flush() error
}

// A linear runs callers through several lives of a database.
type linear struct {
	rng     *rand.Rand
	seed    uint64
	disk    *vfs.Mem
	clock   atomic.Int64
	numbers atomic.Int64
	history []registers.Operation

	wrap       func(singleKeys) singleKeys // a planted bug
	durability engine.Durability
}

func newLinear(seed uint64) *linear {
	return &linear{rng: rand.New(rand.NewPCG(seed, 0x6c696e65)), seed: seed, disk: vfs.NewMem(), durability: engine.Sync}
}

// run gives the database so many lives, and collects what the callers saw.
func (l *linear) run(lives, calls int) error {
	for life := range lives {
		if err := l.live(life%2 == 1, calls); err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
	}
	return nil
}

// live opens the database and lets callers work until it is closed under their feet, or the power
// fails.
func (l *linear) live(crash bool, calls int) error {
	var before, after int64
	cut := &cutter{
		disk: l.disk, rng: rand.New(rand.NewPCG(l.seed, l.rng.Uint64())),
		before: func() { before = l.clock.Add(1) },
		after:  func() { after = l.clock.Add(1) },
	}
	cfg := busyConfig(l.rng)
	cfg.FS, cfg.Durability = cut.fs(), l.durability
	db, err := engine.Spawn(cfg)
	if err != nil {
		return err
	}
	r := newRegisters(db)
	if l.wrap != nil {
		r = l.wrap(r)
	}
	if crash {
		cut.arm(l.rng.IntN(callers * calls))
	}
	histories, errs := make([][]registers.Operation, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		rng := rand.New(rand.NewPCG(l.rng.Uint64(), uint64(i)))
		wg.Go(func() {
			c := caller{l: l, id: i, rng: rng, r: r}
			errs[i] = c.work(calls, cut)
			histories[i] = c.history
			if i == 0 && !crash {
				errs[i] = errors.Join(errs[i], db.Close())
			}
		})
	}
	wg.Wait()
	if crash {
		l.disk = cut.take()
	} else {
		before, after = registers.Never, registers.Never
	}
	for _, h := range histories {
		l.keep(h, before, after)
	}
	return errors.Join(append(errs, db.Close())...)
}

// keep adds operations to the history as a power failure leaves them, which came between two moments.
// What had returned by then has happened. What was under way may have happened, or may not. What
// was called later took place in a world that is gone.
func (l *linear) keep(h []registers.Operation, before, after int64) {
	for _, o := range h {
		switch {
		case o.Return < before, o.Output.(registers.Answer).Unknown && o.Call < after:
			l.history = append(l.history, o)
		case o.Call < after && o.Input.(registers.Request).Action != registers.Get:
			o.Output, o.Return = registers.Answer{Unknown: true}, registers.Never
			l.history = append(l.history, o)
		}
	}
}

// A caller is one of those who use the registers.
type caller struct {
	l       *linear
	id      int
	rng     *rand.Rand
	r       singleKeys
	history []registers.Operation
}

// work makes random calls until the database is closed or the power fails.
func (c *caller) work(calls int, cut *cutter) error {
	for range calls {
		if cut.happened() {
			return nil
		}
		if c.rng.IntN(2) == 0 {
			runtime.Gosched()
		}
		err := c.once()
		if errors.Is(err, engine.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("caller %d: %w", c.id, err)
		}
	}
	return nil
}

// once makes one call.
func (c *caller) once() error {
	r := registers.Request{Key: fmt.Sprintf("r%d", c.rng.IntN(registerKeys)), Value: 1000 * c.l.numbers.Add(1)}
	switch p := c.rng.IntN(100); {
	case p < 1:
		return c.r.flush()
	case p < 30:
		r.Action = registers.Get
	case p < 50:
		r.Action = registers.Put
	case p < 60:
		r.Action = registers.Delete
	case p < 72:
		r.Action = registers.PutIfAbsent
	case p < 88:
		return c.swap(r)
	default:
		r.Action = registers.Increment
	}
	return c.call(r, 0)
}

// swap reads a register and replaces what it has read.
func (c *caller) swap(r registers.Request) error {
	var seq uint64
	call := c.l.clock.Add(1)
	v, seq, err := c.r.getWithSeq(r.Key)
	if err != nil {
		return err
	}
	c.note(registers.Request{Action: registers.Get, Key: r.Key}, registers.Answer{Value: v}, call)
	if seq == 0 {
		return nil
	}
	r.Action, r.Was = registers.PutIf, v
	return c.call(r, seq)
}

// call makes a call and notes it. One that was refused because the database was closed did not happen.
func (c *caller) call(r registers.Request, seq uint64) (err error) {
	var a registers.Answer
	call := c.l.clock.Add(1)
	switch r.Action {
	case registers.Get:
		a.Value, _, err = c.r.get(r.Key)
	case registers.Put:
		err = c.r.put(r.Key, r.Value)
	case registers.Delete:
		err = c.r.del(r.Key)
	case registers.PutIfAbsent:
		a.Done, err = c.r.putIfAbsent(r.Key, r.Value)
	case registers.PutIf:
		a.Done, err = c.r.putIf(r.Key, r.Value, seq)
	case registers.Increment:
		a.Value, err = c.r.increment(r.Key, r.Value)
	}
	if errors.Is(err, engine.ErrCommitUnknown) {
		a, err = registers.Answer{Unknown: true}, nil
	}
	if err == nil {
		c.note(r, a, call)
	}
	return err
}

func (c *caller) note(r registers.Request, a registers.Answer, call int64) {
	o := registers.Operation{ClientId: c.id, Input: r, Call: call, Output: a, Return: c.l.clock.Add(1)}
	if a.Unknown {
		o.Return = registers.Never
	}
	c.history = append(c.history, o)
}
