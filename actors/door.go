package actors

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A door bounds what callers may have in flight, so that mailboxes cannot grow without limit, and
// slows callers down in proportion to the work that flush and compaction are behind. Waiting
// at the door happens before anything is queued: a caller that gives up there has written nothing.
type door struct {
	limit  int64        // bytes in flight
	bytes  atomic.Int64 // in flight; each caller counts at least one
	closed atomic.Bool

	// pace is the price of a byte in nanoseconds, times 1024; zero lets everybody pass.
	pace atomic.Int64
	// paid is the time, in nanoseconds on the monotonic clock, up to which admitted bytes have used
	// the allowed rate.
	paid  atomic.Int64
	start time.Time
	// scheduler is that of a simulation, or nil.
	scheduler Scheduler

	waiters atomic.Int32
	mu      sync.Mutex
	room    chan struct{} // closed when room appears or the door closes

	stalls *[NumStallCauses]Stall
}

// longestDelay bounds a single delay: the price may have fallen by then.
const longestDelay = 100 * time.Millisecond

// shortestDelay is the debt below which a caller is not put to sleep, as sleeping overshoots.
const shortestDelay = time.Millisecond

// enter waits for room for n bytes and for the caller's share of the allowed rate.
func (d *door) enter(ctx context.Context, n int64) error {
	if price := d.pace.Load(); price > 0 {
		if err := d.delay(ctx, n*price/1024); err != nil {
			return err
		}
	}
	for {
		total := d.bytes.Add(n)
		if d.closed.Load() {
			d.leave(n)
			return ErrClosed
		}
		// Whoever is alone may pass at any size, or a great batch could never.
		if total <= d.limit || total == n {
			return nil
		}
		if err := d.wait(ctx, n); err != nil {
			return err
		}
	}
}

// leave gives room back.
func (d *door) leave(n int64) {
	d.bytes.Add(-n)
	if d.waiters.Load() > 0 {
		d.wakeAll()
	}
}

func (d *door) wait(ctx context.Context, n int64) error {
	start := d.now()
	defer func() { d.stalls[StallInFlight].add(d.now().Sub(start)) }()
	d.waiters.Add(1)
	defer d.waiters.Add(-1)
	room := d.roomSignal()
	// Step back after registering, so that whoever leaves from now on sees a waiter. Nobody need be
	// woken for the room this gives: whoever takes it wakes the others on leaving.
	left := d.bytes.Add(-n)
	if d.closed.Load() {
		d.wakeAll()
	}
	if left == 0 || left+n <= d.limit {
		return nil
	}
	if d.scheduler != nil {
		d.scheduler.Wait("room at the door", func() bool { return ended(room) || ctx.Err() != nil })
		if ended(room) {
			return nil
		}
	}
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (d *door) roomSignal() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room == nil {
		d.room = make(chan struct{})
	}
	return d.room
}

func (d *door) wakeAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room != nil {
		close(d.room)
		d.room = nil
	}
}

// delay makes the caller wait until the rate allows another cost nanoseconds of writing.
func (d *door) delay(ctx context.Context, cost int64) error {
	now := int64(d.now().Sub(d.start))
	paid := d.paid.Load()
	for {
		// What is beyond the longest delay is forgiven, or a burst would delay its successors for minutes.
		next := min(max(paid, now-int64(shortestDelay))+cost, now+int64(longestDelay))
		if d.paid.CompareAndSwap(paid, next) {
			paid = next
			break
		}
		paid = d.paid.Load()
	}
	owed := min(time.Duration(paid-now), longestDelay)
	if owed < shortestDelay {
		return nil
	}
	d.stalls[StallCompaction].add(owed)
	return Pause(ctx, d.scheduler, owed, "the end of a delay at the door")
}

func (d *door) now() time.Time {
	if d.scheduler != nil {
		return d.scheduler.Now()
	}
	return time.Now()
}

// close lets nobody in any more and waits until everybody inside has left.
func (d *door) close() {
	d.closed.Store(true)
	d.waiters.Add(1)
	defer d.waiters.Add(-1)
	d.wakeAll()
	for {
		room := d.roomSignal()
		if d.bytes.Load() == 0 {
			return
		}
		if d.scheduler != nil {
			d.scheduler.Wait("everybody to leave", func() bool { return ended(room) })
		}
		<-room
	}
}
