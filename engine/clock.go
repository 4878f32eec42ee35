package engine

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// A clock is the engine's time, in nanoseconds since 1970: that of the configured clock, but never going back,
// not even between two runs, so that what has expired stays so.
type clock struct {
	source  func() time.Time
	latest  atomic.Int64
	matters atomic.Bool // there may be values that expire
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

// expiry returns the time at which what is written now for ttl is gone.
func (c *clock) expiry(ttl time.Duration) (int64, error) {
	c.matters.Store(true)
	return expiryAfter(c.now(), ttl)
}

// expiryAt returns the time at which what is written now to last until at is gone.
func (c *clock) expiryAt(at time.Time) (int64, error) {
	switch {
	case at.After(time.Unix(0, math.MaxInt64)):
		at = time.Unix(0, math.MaxInt64)
	case !at.After(time.Unix(0, 0)):
		return 0, fmt.Errorf("%w: until %v; it must be after 1970", ErrInvalidTTL, at)
	}
	c.matters.Store(true)
	return at.UnixNano(), nil
}

// expiryAfter returns the time that is ttl after now.
func expiryAfter(now int64, ttl time.Duration) (int64, error) {
	if ttl <= 0 {
		return 0, fmt.Errorf("%w: %v; it must be positive", ErrInvalidTTL, ttl)
	}
	return now + min(int64(ttl), math.MaxInt64-now), nil
}
