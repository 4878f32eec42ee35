package actors

import (
	"runtime"
	"testing"
	"time"
)

// gated is a shell that handles a batch when it is told to.
type gated struct{ entered, leave chan int }

func (g *gated) receive(head *node) {
	n := 0
	for ; head != nil; head = head.next {
		n++
	}
	g.entered <- n
	<-g.leave
}

func (g *gated) fail(error) {}

func TestStatsTellWhatWaitsAndForHowLong(t *testing.T) {
	g := &gated{make(chan int), make(chan int)}
	p := spawn(g, "gated", false, nil)
	p.post(own(&number{}))
	<-g.entered
	if s := p.stats(); s.Name != "gated" || s.Depth != 0 || s.Age != 0 {
		t.Fatalf("nothing waits, and %+v", s)
	}
	for range 3 {
		p.post(own(&number{}))
	}
	before := p.stats()
	if before.Depth != 3 || before.Age == 0 || before.Busy == 0 {
		t.Fatalf("three messages wait, and %+v", before)
	}
	for p.stats().Age < before.Age+time.Millisecond {
		runtime.Gosched()
	}
	if now := p.stats(); now.Busy-before.Busy < time.Millisecond {
		t.Fatalf("busy for a millisecond more than %v, and %+v", before.Busy, now)
	}
	g.leave <- 0
	if n := <-g.entered; n != 3 {
		t.Fatalf("a batch of %d", n)
	}
	if s := p.stats(); s.Depth != 0 || s.Age != 0 {
		t.Fatalf("nothing waits any more, and %+v", s)
	}
	g.leave <- 0
	p.stop()
	if now := p.stats(); now.Busy < before.Busy || now != p.stats() {
		t.Fatalf("after the end %+v, then %+v", now, p.stats())
	}
}

func TestStatsTellWhatAnActorKeeps(t *testing.T) {
	p := spawn(&gated{}, "keeping", false, nil)
	defer p.stop()
	var kept []*number
	for range 2 {
		kept = append(kept, own(&number{}))
	}
	keeps(p, kept)
	first := p.stats()
	if first.Depth != 2 || first.Age < 0 {
		t.Fatalf("two messages are kept, and %+v", first)
	}
	for p.stats().Age < time.Millisecond {
		runtime.Gosched()
	}
	since := p.load.keptSince.Load()
	keeps(p, kept[1:]) // it goes on with the first
	if s := p.stats(); s.Depth != 1 || p.load.keptSince.Load() < since+int64(time.Millisecond) {
		t.Fatalf("one is kept, since the other was not, and %+v", s)
	}
	keeps(p, kept[2:])
	if s := p.stats(); s.Depth != 0 || s.Age != 0 {
		t.Fatalf("nothing is kept, and %+v", s)
	}
}

// A strand times few of its short batches, and every long one.
func TestStrandsEstimateTheirTime(t *testing.T) {
	l := load{strand: true}
	timed := 0
	batch := func(took int64) {
		if l.skip > 0 {
			l.skip--
			return
		}
		timed++
		l.end(elapsed() - took)
	}
	const short, long = 2_000, 10 * longBatch // nanoseconds
	for range 100 * sampleStride {
		batch(short)
	}
	if timed > 110 {
		t.Fatalf("%d of %d short batches were timed", timed, 100*sampleStride)
	}
	// Looking at the clock takes its own time, and a loaded machine more.
	if busy := l.busy.Load(); busy < 99*sampleStride*short {
		t.Fatalf("%d batches of %d ns are %d ns", 100*sampleStride, short, busy)
	}
	for l.skip > 0 {
		batch(short)
	}
	batch(long)
	timed, l = 0, load{strand: true, stride: l.stride, skip: l.skip}
	for range 50 {
		batch(long)
	}
	if busy := l.busy.Load(); timed != 50 || busy < 50*long || busy > 50*50*long {
		t.Fatalf("%d of 50 long batches were timed, as %d ns instead of %d", timed, busy, 50*long)
	}
}

func TestStallsAreTimedByCause(t *testing.T) {
	m := &Metrics{}
	s := stall{metrics: m}
	clock := time.Unix(0, 0)
	now := func() time.Time {
		clock = clock.Add(time.Second)
		return clock
	}
	s.note(false, StallLog, now)
	s.note(true, StallLog, now) // at 1 s
	s.note(true, StallLog, now)
	s.note(true, StallFlush, now) // at 2 s
	s.note(false, StallFlush, now)
	s.note(true, StallFlush, now) // 4 s
	s.note(false, StallLog, now)
	for cause, want := range map[StallCause]struct {
		count int64
		took  time.Duration
	}{StallLog: {1, time.Second}, StallFlush: {2, 2 * time.Second}, StallInFlight: {}} {
		if count, took := m.Stalls[cause].Load(); count != want.count || took != want.took {
			t.Errorf("cause %d: %d stalls of %v, want %v", cause, count, took, want)
		}
	}
}
