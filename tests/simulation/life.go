package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

// A life is one opening of the database: from Spawn to Close, or to the failure of the power.
type life struct {
	r   *run
	s   *scheduler
	d   *disk
	rng *rand.Rand
	db  *engine.DB

	callers  []*caller
	underWay map[*task]*commit
	readOnly bool
	closing  bool // Close was called: callers may be refused
	wasFull  bool // the disk
}

// live plays one life on the disk that the one before left, with so many callers. A life without any
// may be read-only: then it only looks.
func (r *run) live(callers int, readOnly bool) error {
	r.result.Lives++
	number := r.result.Lives
	l := &life{r: r, rng: rand.New(rand.NewPCG(r.seed, uint64(number))), readOnly: readOnly, underWay: map[*task]*commit{}}
	l.s = newScheduler(l.rng, r.trace, r.result.clock)
	l.d = &disk{mem: r.mem, s: l.s, rng: l.rng, pause: r.o.pause, times: r.o.times}
	l.d.crashed = func() { r.result.Crashes++ }
	l.s.posted = l.posted
	if callers > 0 {
		l.chooseCrash()
	}
	what := "begins"
	if readOnly {
		what = "begins, read-only"
	}
	r.trace.note(l.s, "life", fmt.Sprint(number), what)
	main := l.s.spawn("main", func() {
		if err := l.main(callers); err != nil {
			l.s.fail(err)
		}
	})
	err := l.s.run(main)
	r.result.Steps += l.s.steps
	r.result.clock = l.s.clock
	if err != nil {
		return fmt.Errorf("life %d, step %d: %w", number, l.s.steps, err)
	}
	if l.d.dead {
		r.mem = l.d.left
	}
	l.d.letGo()
	return nil
}

// chooseCrash decides when the power fails, if it does: at a call that changes something, at a step,
// or when the callers are done.
func (l *life) chooseCrash() {
	switch l.rng.IntN(8) {
	case 0, 1, 2, 3:
		l.d.cutCall = 1 + l.rng.IntN(4<<l.rng.IntN(8))
	case 4, 5:
		l.s.until = 1 + l.rng.IntN(16<<l.rng.IntN(8))
		l.s.then = l.d.crash
	default:
	}
}

// over tells callers to end.
func (l *life) over() bool { return l.d.dead || l.closing || l.s.failure != nil }

// main opens the database, looks at what is there, lets callers work, and closes it.
func (l *life) main(callers int) error {
	db, err := l.open()
	if err != nil || db == nil {
		return err
	}
	l.db = db
	if err = l.recovered(); err != nil && !l.d.dead {
		_ = db.Close()
		return fmt.Errorf("after recovery: %w", err)
	}
	for i := range callers {
		l.callers = append(l.callers, l.newCaller(i))
	}
	if l.r.o.full && callers > 0 {
		l.fillDisk()
	}
	follower := l.startFollower(callers)
	impatient := callers > 0 && l.rng.IntN(8) == 0 // closes under the callers
	l.s.Wait("the callers", func() bool { return l.done(impatient) })
	if l.wasFull && !impatient && l.rng.IntN(2) == 0 {
		if err = l.tryAgain(); err != nil && !l.d.dead {
			return err
		}
	}
	if callers > 0 && !impatient && !l.d.dead && l.rng.IntN(3) == 0 {
		l.d.crash()
	}
	err = l.close()
	if follower != nil {
		l.s.Wait("the feed to end", func() bool { return follower.done })
	}
	return err
}

// startFollower has somebody watch the database, in some seeds.
func (l *life) startFollower(callers int) *task {
	if !l.r.o.follow || callers == 0 {
		return nil
	}
	return l.s.spawn("follower", func() {
		if err := l.follow(); err != nil {
			l.s.fail(err)
		}
	})
}

// tryAgain writes when the disk has space again: that must work sooner or later.
func (l *life) tryAgain() (err error) {
	l.s.Wait("space", func() bool { return !l.d.full })
	c := &caller{l: l, task: l.s.current, rng: l.rng}
	for range 50 { // time may run ahead of the actors
		if err = c.put(); err == nil || l.d.dead {
			return nil
		}
		l.s.sleep("the engine to notice that there is space", time.Second)
	}
	return fmt.Errorf("the disk has had space for long: %w", err)
}

// fillDisk has the disk full for a while.
func (l *life) fillDisk() {
	from := time.Duration(l.rng.IntN(20_000)) * time.Microsecond
	l.s.After(from, func() {
		if !l.closing {
			l.d.full, l.wasFull = true, true
			l.r.result.Fulls++
			l.r.trace.note(l.s, "disk", "has no space")
		}
	})
	l.s.After(from+time.Duration(l.rng.IntN(2000))*time.Millisecond, func() {
		l.d.full = false
		l.r.trace.note(l.s, "disk", "has space")
	})
}

// done tells whether all callers are done; half of them will do for who is impatient.
func (l *life) done(impatient bool) bool {
	left := 0
	for _, c := range l.callers {
		if !c.task.done {
			left++
		}
	}
	return left == 0 || impatient && !l.d.dead && left <= len(l.callers)/2
}

// open opens the database. Without an error and without a database there is none, or the power has
// failed.
func (l *life) open() (*engine.DB, error) {
	cfg := l.r.o.config
	cfg.FS = l.d
	if l.r.plan.Wrap != nil {
		cfg.FS = l.r.plan.Wrap(l.d)
	}
	cfg.ReadOnly = l.readOnly
	cfg.Scheduler = l.s
	cfg.Random = l
	cfg.Logger = slog.New(alertHandler{l})
	db, err := engine.Spawn(cfg)
	switch {
	case err != nil && l.d.dead:
		return nil, nil
	case l.readOnly && l.r.h.durable == 0 && errors.Is(err, engine.ErrDatabaseMissing):
		return nil, nil // it was not made durably
	case err != nil:
		return nil, fmt.Errorf("open: %w", err)
	}
	return db, nil
}

// now is the time in nanoseconds, as expiries are.
func (l *life) now() int64 { return l.s.clock.UnixNano() }

// Read makes the life a random source.
func (l *life) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(l.rng.Uint32())
	}
	return len(p), nil
}

// recovered compares what opening found with the history, and cuts that to it: nothing may be missing
// that was promised, what is there is a prefix of the commits, each whole.
func (l *life) recovered() error {
	h := l.r.h
	snapshot, err := l.db.Snapshot()
	if err != nil {
		return err
	}
	seq, now := snapshot.Seq(), l.now()
	low := max(h.durable, l.r.kept)
	switch {
	case seq < low:
		err = fmt.Errorf("found all through %d, but %d was durable", seq, low)
	case seq > h.last():
		err = fmt.Errorf("found %d, but only %d was handed over", seq, h.last())
	case !h.boundary(seq):
		err = fmt.Errorf("found half a commit: %d is inside one", seq)
	default:
		err = l.checkAll(snapshot, seq, now)
	}
	if err != nil {
		return errors.Join(err, snapshot.Close())
	}
	l.r.trace.note(l.s, "main", "found", fmt.Sprint(seq), "of", fmt.Sprint(h.last()))
	l.r.result.Lost += int(h.last() - seq)
	h.truncate(seq)
	if l.readOnly { // it syncs nothing, and a Close that found no space may have left something to sync
		h.durable = low
		return snapshot.Close()
	}
	l.r.watched = min(l.r.watched, seq+1)
	l.r.kept = 0
	return snapshot.Close()
}

// A source is a database or a snapshot.
type source interface {
	GetTo(dst, k []byte) ([]byte, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// checkAll compares everything that a reader shows with a state.
func (l *life) checkAll(from source, seq uint64, now int64) error {
	it, err := from.NewIterator(engine.IterOptions{})
	if err != nil {
		return err
	}
	var got []entry
	for k, v := range it.All() {
		got = append(got, entry{append([]byte(nil), k...), append([]byte(nil), v...)})
	}
	if err := it.Close(); err != nil {
		return err
	}
	return l.r.h.checkAll(got, seq, now)
}

// close closes the database. What happens to it after the power has failed is nobody's business, but
// it must come to an end.
func (l *life) close() error {
	l.closing = true
	stats := l.db.Stats()
	err := l.db.Close()
	if l.readOnly {
		if err == nil && l.d.calls > 1 { // the lock
			err = fmt.Errorf("a read-only database made %d changes", l.d.calls)
		}
		return err
	}
	l.r.result.addStats(stats)
	if l.d.dead {
		return nil
	}
	if l.wasFull && errors.Is(err, vfs.ErrNoSpace) {
		return nil // what was promised to be durable must be there all the same
	}
	if err != nil {
		return err
	}
	l.r.trace.note(l.s, "main", "has closed the database")
	l.r.kept = l.r.h.last()
	if l.wasFull { // commits of unknown outcome may have waited for space, in vain
		l.r.kept = l.r.h.acked
	}
	l.r.result.Closes++
	if l.rng.IntN(4) > 0 {
		return nil
	}
	report, err := levels.Verify(l.d.mem, directory, nil)
	if err == nil {
		err = errors.Join(report.Problems...)
	}
	if err != nil {
		return fmt.Errorf("verify the closed database: %w", err)
	}
	return nil
}

// posted is told of every message. A commit gets its place in the history when it is handed over: the
// coordinator must number commits in the order in which they reach it.
func (l *life) posted(from *task, _, message string) {
	if message != "Commit" || from == nil || l.d.dead {
		return
	}
	if c := l.underWay[from]; c != nil && !c.handedOver {
		l.r.h.add(c)
	}
}

// alertHandler makes whatever the engine warns of a failure of the life: it has no reason to.
type alertHandler struct{ l *life }

// Enabled implements slog.Handler.
func (a alertHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler.
func (a alertHandler) Handle(_ context.Context, r slog.Record) error {
	if a.l.d.dead || a.l.wasFull && r.Level < slog.LevelError {
		return nil
	}
	text := r.Message
	r.Attrs(func(attr slog.Attr) bool {
		text += fmt.Sprintf("; %s: %v", attr.Key, attr.Value)
		return true
	})
	a.l.s.fail(errors.New(text))
	return nil
}

// WithAttrs implements slog.Handler.
func (a alertHandler) WithAttrs([]slog.Attr) slog.Handler { return a }

// WithGroup implements slog.Handler.
func (a alertHandler) WithGroup(string) slog.Handler { return a }
