package engine

import (
	"sync/atomic"
	"time"
)

// A clock is the engine's time, in nanoseconds since 1970: that of the configured clock, but never going back,
// not even between two runs, so that what has expired stays so.
type clock struct {
	source func() time.Time
	latest atomic.Int64
}

// now returns the time. Safe for concurrent use.
func (c *clock) now() int64 {
	t := c.source().UnixNano()
	for {
		latest := c.latest.Load()
		if t <= latest {
			return latest
		}
		if c.latest.CompareAndSwap(latest, t) {
			return t
		}
	}
}

// atLeast moves the clock forward to t.
func (c *clock) atLeast(t int64) {
	if t > c.latest.Load() {
		c.latest.Store(t)
	}
}
