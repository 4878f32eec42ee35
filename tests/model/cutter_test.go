package model

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/vfs"
)

// A progress is what a run has asked of the engine and been told by it, for the moment of a crash.
type progress struct {
	begun   atomic.Int64 // the newest commit that was handed to the engine
	durable atomic.Int64 // the newest commit that was acknowledged as durable
}

// A cut is the disk as a crash left it, and what may have become of the commits.
type cut struct {
	disk      *vfs.Mem
	unsynced  vfs.Unsynced
	low, high []int // by model: the contents must be a state in this range
}

// A cutter takes a cut at a call to the file system that was chosen before, in the middle of
// whatever the engine does then, on whatever goroutine.
type cutter struct {
	disk     *vfs.Mem
	progress []*progress // by model

	mu    sync.Mutex
	armed bool
	calls int // left until the cut
	rng   *rand.Rand
	taken *cut
}

// fs returns the file system that the engine is to use.
func (c *cutter) fs() vfs.FS { return vfs.NewTrace(c.disk, func(vfs.Op) { c.observe() }) }

// arm has the cut taken after some more mutating calls; rng decides what becomes of unsynced bytes.
func (c *cutter) arm(calls int, rng *rand.Rand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.calls, c.rng, c.taken = true, calls, rng, nil
}

// result returns the cut if it was taken, and disarms.
func (c *cutter) result() *cut {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.taken
	c.armed, c.taken = false, nil
	return taken
}

// hasCut tells whether the cut was taken.
func (c *cutter) hasCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.taken != nil
}

// cutNow takes a cut without waiting for a call.
func (c *cutter) cutNow(rng *rand.Rand) *cut {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rng = rng
	return c.take()
}

func (c *cutter) observe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed || c.taken != nil {
		return
	}
	if c.calls--; c.calls < 0 {
		c.taken = c.take()
	}
}

// take clones the disk. What was durable before must be in the clone, and nothing that was begun
// only after can be.
func (c *cutter) take() *cut {
	taken := &cut{unsynced: []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random, vfs.Random}[c.rng.IntN(4)]}
	for _, p := range c.progress {
		taken.low = append(taken.low, int(p.durable.Load()))
	}
	taken.disk = c.disk.CrashClone(c.rng, vfs.CrashOptions{Unsynced: taken.unsynced})
	for _, p := range c.progress {
		taken.high = append(taken.high, int(p.begun.Load()))
	}
	return taken
}
