package actors

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// number is a test message.
type number struct {
	node
	sender, value int
	done          *sync.WaitGroup
}

// recorder checks that each sender's messages arrive in order, and counts overlapping receives.
type recorder struct {
	t       *testing.T
	last    map[int]int
	inside  atomic.Int32
	forward *process
	self    **process
	failure error
}

func (r *recorder) receive(head *node) {
	if r.inside.Add(1) != 1 {
		r.t.Error("an actor runs twice at a time")
	}
	defer r.inside.Add(-1)
	var first, last *node
	for n := head; n != nil; {
		next := n.next
		n.next = nil
		m := n.self.(*number)
		if m.value < 0 {
			panic("told to")
		}
		if m.value != r.last[m.sender]+1 {
			r.t.Errorf("sender %d: %d after %d", m.sender, m.value, r.last[m.sender])
		}
		r.last[m.sender] = m.value
		switch {
		case r.forward == nil:
			m.done.Done()
		case first == nil:
			first, last = n, n
		default:
			last.next, last = n, n
		}
		n = next
	}
	if first != nil {
		r.forward.pass((*r.self).mailbox, first, last)
	}
}

func (r *recorder) fail(cause error) { r.failure = cause }

func TestStrandsDeliverEverythingOnceAndInOrder(t *testing.T) {
	second := &recorder{t: t, last: map[int]int{}}
	two := spawn(second, "second", true, nil)
	var one *process
	first := &recorder{t: t, last: map[int]int{}, forward: two, self: &one}
	one = spawn(first, "first", true, nil)
	const senders, each = 8, 20_000
	var done, posted sync.WaitGroup
	done.Add(senders * each)
	for s := range senders {
		posted.Go(func() {
			for v := range each {
				m := own(&number{sender: s, value: v + 1, done: &done})
				if s%2 == 0 {
					one.postInline(m)
				} else {
					one.post(m)
				}
			}
		})
	}
	posted.Wait()
	done.Wait()
	one.stop()
	two.stop()
	for _, p := range []*process{one, two} {
		if l := &p.load; p.posted.Load()+l.own != l.taken.Load() {
			t.Errorf("%s: of %d messages that waited %d were taken", p.name, p.posted.Load()+l.own, l.taken.Load())
		}
	}
	for s := range senders {
		if second.last[s] != each {
			t.Errorf("sender %d: %d of %d arrived", s, second.last[s], each)
		}
	}
}

func TestPanicFailsTheActorAndStopWorks(t *testing.T) {
	r := &recorder{t: t, last: map[int]int{}}
	p := spawn(r, "panicking", true, nil)
	p.post(own(&number{value: -1}))
	p.stop()
	if r.failure == nil || !strings.Contains(r.failure.Error(), "told to") {
		t.Fatalf("failure %v", r.failure)
	}
	p.post(own(&number{value: 1})) // stays unread, blocks nobody
}

func TestDoorAdmitsAGreatCommitAlone(t *testing.T) {
	d := &door{limit: 100, start: time.Now(), stalls: new([NumStallCauses]Stall)}
	ctx := context.Background()
	if err := d.enter(ctx, 1000); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := d.enter(canceled, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("a second one entered: %v", err)
	}
	entered := make(chan error)
	go func() { entered <- d.enter(ctx, 60) }()
	d.leave(1000)
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	if err := d.enter(ctx, 40); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { d.close(); close(closed) }()
	d.leave(60)
	d.leave(40)
	<-closed
	if err := d.enter(ctx, 1); !errors.Is(err, ErrClosed) {
		t.Fatalf("entered a closed door: %v", err)
	}
}

func TestDoorBoundsWhatIsInside(t *testing.T) {
	const limit = 1000
	d := &door{limit: limit, start: time.Now(), stalls: new([NumStallCauses]Stall)}
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := range 2000 {
				n := int64(1 + (w*131+i*17)%300)
				if err := d.enter(context.Background(), n); err != nil {
					t.Error(err)
					return
				}
				now := inside.Add(n)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				inside.Add(-n)
				d.leave(n)
			}
		})
	}
	wg.Wait()
	if m := most.Load(); m > limit {
		t.Fatalf("%d inside, the limit is %d", m, limit)
	}
	d.close()
}

func TestDoorDelaysInProportion(t *testing.T) {
	d := &door{limit: 1 << 40, start: time.Now(), stalls: new([NumStallCauses]Stall)}
	d.pace.Store(1024 * 1000) // a microsecond a byte
	start := time.Now()
	for range 50 {
		if err := d.enter(context.Background(), 1000); err != nil {
			t.Fatal(err)
		}
		d.leave(1000)
	}
	if took := time.Since(start); took < 40*time.Millisecond {
		t.Fatalf("50,000 bytes at a microsecond each took %v", took)
	}
}

func TestDoorForgivesWhatIsBeyondTheLongestDelay(t *testing.T) {
	d := &door{limit: 1 << 40, start: time.Now(), stalls: new([NumStallCauses]Stall)}
	d.pace.Store(1024 * 1000) // a microsecond a byte
	if err := d.enter(context.Background(), 10_000_000); err != nil {
		t.Fatal(err)
	}
	d.leave(10_000_000)
	d.pace.Store(1) // a pittance
	if err := d.enter(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if count := d.stalls[StallCompaction].Count.Load(); count != 1 {
		t.Fatalf("%d delays: a byte pays for the ten millions before it", count)
	}
}

func TestAlarmsWakeOnceAndKeepTheFirstFailure(t *testing.T) {
	a := newAlarms()
	healthy := a.current.Load()
	a.pause("x", errors.New("full"))
	<-healthy.raised
	if healthy.cause.Error() != "full" || a.current.Load().refuse == nil {
		t.Fatal("a pause does not refuse")
	}
	a.pause("y", errors.New("full too"))
	a.resume("x")
	if a.current.Load().refuse == nil {
		t.Fatal("one of two pauses ended, and writes are let in")
	}
	a.resume("y")
	if a.current.Load().refuse != nil {
		t.Fatal("all pauses ended, and writes are refused")
	}
	first := errors.New("first")
	if !a.fail(first) || a.fail(errors.New("second")) {
		t.Fatal("only the first failure counts")
	}
	a.resume("x")
	if err := a.current.Load().refuse; !errors.Is(err, first) || !errors.Is(err, ErrFailed) {
		t.Fatalf("refusing with %v", err)
	}
}

func TestWhoWaitsThroughAPauseIsWokenByAFailureAfterIt(t *testing.T) {
	a := newAlarms()
	a.pause("x", errors.New("full"))
	paused := a.current.Load() // as finishLog waits
	a.resume("x")
	a.fail(errors.New("broken"))
	select {
	case <-paused.raised:
	default:
		t.Fatal("nobody is told that the pause is over")
	}
}

func TestAbandonedCommitIsRecycledByTheActor(t *testing.T) {
	a := newAlarms().current.Load()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := NewCommit()
	c.Count = 1
	if _, err := c.await(ctx, a, nil); !errors.Is(err, ErrCommitUnknown) || !errors.Is(err, context.Canceled) {
		t.Fatalf("await: %v", err)
	}
	c.settle(nil)
	if c.answer.Load() != answerPending || c.Count != 0 {
		t.Fatal("the commit was not recycled")
	}
}
