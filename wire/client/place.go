package client

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	longPause  = 3 * time.Second
)

// A place is an address that a pool connects to, and how that went lately. The pool's mu guards it.
type place struct {
	address
	failures  int       // since it last worked
	notBefore time.Time // it is left alone until then
}

// fails leaves the place alone for a while: twice as long each time, give or take a half, so that clients that lost
// it together do not come back together. One that is left alone already does not fail again: its other connections
// end for the same reason.
func (p *place) fails(now time.Time, random *rand.Rand) {
	if p.notBefore.After(now) {
		return
	}
	p.failures++
	p.notBefore = now.Add(pauseAfter(p.failures, firstPause, longPause, random))
}

// pauseAfter returns the pause after so many failures in a row: the first one doubled for each further one, at most
// long; of that a random part, but half at least.
func pauseAfter(failures int, first, long time.Duration, random *rand.Rand) time.Duration {
	pause := long
	if shift := failures - 1; shift < 20 && first<<shift < long {
		pause = first << shift
	}
	return pause/2 + time.Duration(random.Int64N(int64(pause/2)+1))
}

// best returns the place to try next: of those that need not be left alone the first with the fewest failures, so that
// each has its turn; or else the one that is soonest.
func best(places []*place, now time.Time) *place {
	return slices.MinFunc(places, func(a, b *place) int {
		return cmp.Or(
			cmp.Compare(max(0, a.notBefore.Sub(now)), max(0, b.notBefore.Sub(now))),
			cmp.Compare(a.failures, b.failures),
		)
	})
}
