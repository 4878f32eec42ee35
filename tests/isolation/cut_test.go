package isolation

import (
	"math/rand/v2"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// busyConfig returns options that make flushes and compactions happen often.
func busyConfig(rng *rand.Rand) engine.Config {
	pick := func(choices ...int64) int64 { return choices[rng.IntN(len(choices))] }
	return engine.Config{
		Dir:                 "db",
		MemtableBytes:       pick(4<<10, 8<<10, 32<<10),
		MemoryBudget:        4 << 20,
		BlockBytes:          int(pick(128, 1024)),
		L0CompactionTrigger: int(pick(2, 4)),
		TargetFileBytes:     pick(2<<10, 8<<10),
		BaseLevelBytes:      pick(4<<10, 32<<10),
		Durability:          engine.Durability(pick(int64(engine.Sync), int64(engine.NoSync))),
	}
}

// A cutter takes a cut of a disk, as a power failure leaves it, at a call to the file system that was
// chosen before: in the middle of whatever the engine does then.
type cutter struct {
	disk   *vfs.Mem
	rng    *rand.Rand
	before func() // called before the cut: what was durable then is in it
	after  func() // called after the cut: what begins only then is not in it

	mu    sync.Mutex
	armed bool
	calls int // left until the cut
	taken *vfs.Mem
}

// fs returns the file system that the engine is to use.
func (c *cutter) fs() vfs.FS { return vfs.NewTrace(c.disk, func(vfs.Op) { c.observe() }) }

// arm has the cut taken after some more calls.
func (c *cutter) arm(calls int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.calls = true, calls
}

func (c *cutter) observe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls--; c.armed && c.taken == nil && c.calls < 0 {
		c.taken = c.clone()
	}
}

// happened tells whether the cut was taken.
func (c *cutter) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken != nil
}

// take returns the cut, which is taken now if it was not before.
func (c *cutter) take() *vfs.Mem {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken == nil {
		c.taken = c.clone()
	}
	return c.taken
}

func (c *cutter) clone() *vfs.Mem {
	c.before()
	defer c.after()
	unsynced := []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random, vfs.Random}[c.rng.IntN(4)]
	return c.disk.CrashClone(c.rng, vfs.CrashOptions{Unsynced: unsynced})
}
