package model

import "time"

// began is where the clock of every run begins.
const began = 1_000_000_000_000_000_000

// clock is the clock of the run's databases.
func (r *run) clock() time.Time { return time.Unix(0, r.source.Load()) }

// moveClock moves the clock, mostly forward. The engine's time never goes back.
func (r *run) moveClock() {
	r.done++
	by := int64(r.o.tick) * (1 + r.rng.Int64N(1<<r.rng.IntN(9))) / 16
	if r.rng.IntN(4) == 0 {
		by = -by
	}
	r.source.Store(r.now + by)
	r.now = max(r.now, r.now+by)
	r.note("the clock moves by %d; time is %d", by, r.now)
	r.lookAtClock()
}

// lookAtClock has the engine look at the clock, so that it knows the time before the clock moves again.
func (r *run) lookAtClock() {
	s, err := r.db.Snapshot()
	r.must(err, "open a snapshot")
	r.must(s.Close(), "close a snapshot")
}

// changeClock changes the clock while the database is closed. If something in it could expire, it remembers the
// time, and the clock may be set back.
func (r *run) changeClock() {
	if r.timed && r.rng.IntN(2) == 0 {
		r.source.Store(r.now - r.rng.Int64N(1<<50))
		r.note("the clock was set back to %d", r.source.Load())
		return
	}
	r.catchUp()
}

// catchUp sets the clock to the time, if it is behind. After a crash the database knows no time but that of its last
// change to the manifest.
func (r *run) catchUp() { r.source.Store(max(r.now, r.source.Load())) }
