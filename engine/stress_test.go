package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/middb/middb/vfs"
)

// stressKeys is how many keys each writer of the stress test has for itself.
const stressKeys = 40

// A stress is a database under writers that each own keys, readers of all, and whoever flushes,
// compacts and closes it. A writer puts numbers that grow into its keys, so that everybody can tell
// what may be read.
type stress struct {
	t       *testing.T
	db      *DB
	writers []*stressWriter
	acks    chan struct{} // one for each acknowledged write that somebody counts
}

// live returns after n more writes were acknowledged, or when the writers have ended.
func (s *stress) live(n int, ended <-chan struct{}) {
	for range n {
		select {
		case <-s.acks:
		case <-ended:
			return
		}
	}
}

type stressWriter struct {
	id    int
	last  [stressKeys]atomic.Int64 // of what was acknowledged
	sent  [stressKeys]atomic.Int64 // of what was tried
	sure  [stressKeys]atomic.Int64 // of what was acknowledged as durable
	mu    sync.Mutex
	wrote []int // by number: which keys it was put into, first and how many, as one
}

// put notes the next number and the keys it goes into.
func (w *stressWriter) put(first, n int) (round int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrote = append(w.wrote, first*1000+n)
	return int64(len(w.wrote))
}

func (w *stressWriter) keys(round int64) (first, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.wrote[round-1]
	return x / 1000, x % 1000
}

func (w *stressWriter) key(i int) []byte { return fmt.Appendf(nil, "%02d-%03d", i, w.id) }

func stressValue(n int64) []byte {
	return fmt.Appendf(nil, "%020d%0*d", n, 1+int(n*7919%3000), 0)
}

func parseStress(v []byte) (n int64) {
	_, _ = fmt.Sscanf(string(v[:20]), "%d", &n)
	return n
}

// allowed reports the errors of a write to an engine that may be closed and a context that may end.
func allowed(err error) bool {
	return err == nil || errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded)
}

func (s *stress) write(w *stressWriter, rng *rand.Rand) {
	for {
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if rng.IntN(4) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(rng.IntN(200))*time.Microsecond)
		}
		d := NoSync
		if rng.IntN(3) == 0 {
			d = Sync
		}
		first, n := rng.IntN(stressKeys), 1
		if rng.IntN(2) == 0 {
			n = 1 + rng.IntN(stressKeys)
		}
		round := w.put(first, n)
		for i := range n {
			w.sent[(first+i)%stressKeys].Store(round)
		}
		var err error
		if n == 1 {
			err = s.db.PutContext(ctx, w.key(first), stressValue(round), d)
		} else {
			b := s.db.NewBatch()
			for i := range n {
				if err := b.Put(w.key((first+i)%stressKeys), stressValue(round)); err != nil {
					s.t.Error(err)
				}
			}
			err = s.db.ApplyContext(ctx, b, d)
		}
		cancel()
		if !allowed(err) {
			s.t.Errorf("write: %v", err)
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		if err == nil {
			select {
			case s.acks <- struct{}{}:
			default:
			}
			for i := range n {
				w.last[(first+i)%stressKeys].Store(round)
			}
			if d == Sync { // and all before it
				for i := range w.sure {
					w.sure[i].Store(w.last[i].Load())
				}
			}
		}
	}
}

// check verifies a value against what was acknowledged before the read began.
func (s *stress) check(what string, w *stressWriter, i int, v []byte, least int64) {
	n := parseStress(v)
	if n < least || n > w.sent[i].Load() || string(v) != string(stressValue(n)) {
		s.t.Errorf("%s %s: %d in %d bytes, at least %d is expected", what, w.key(i), n, len(v), least)
	}
}

func (s *stress) read(rng *rand.Rand) {
	for {
		w := s.writers[rng.IntN(len(s.writers))]
		i := rng.IntN(stressKeys)
		least := w.last[i].Load()
		v, err := s.db.Get(w.key(i))
		switch {
		case errors.Is(err, ErrClosed):
			return
		case errors.Is(err, ErrNotFound) && least == 0:
		case err != nil:
			s.t.Errorf("get %s after %d: %v", w.key(i), least, err)
			return
		default:
			s.check("get", w, i, v, least)
		}
	}
}

// scan reads snapshots by iterators, some of which it closes early, and twice, to compare.
func (s *stress) scan(rng *rand.Rand) {
	for {
		least := s.acknowledged(func(w *stressWriter, i int) *atomic.Int64 { return &w.last[i] })
		snap, err := s.db.Snapshot()
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				s.t.Errorf("snapshot: %v", err)
			}
			return
		}
		one, err := s.collect(snap, IterOptions{}, least)
		if err == nil {
			var two map[string]string
			two, err = s.collect(snap, IterOptions{Reverse: true}, least)
			if err == nil && len(one) != len(two) {
				s.t.Errorf("a snapshot has %d keys, then %d", len(one), len(two))
			}
			for k, v := range two {
				if one[k] != v {
					s.t.Errorf("a snapshot has %.20q, then %.20q under %s", one[k], v, k)
				}
			}
		}
		if err := snap.Close(); err != nil {
			s.t.Error(err)
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		if err != nil {
			s.t.Error(err)
		}
		if rng.IntN(4) == 0 {
			it, err := s.db.NewIterator(IterOptions{Prefix: []byte("07")})
			if err == nil {
				it.First()
				_ = it.Close()
			}
		}
	}
}

// checkAll verifies all that is visible at a moment: nothing acknowledged is missing, and what a writer
// put into several keys at once is in all of them, or was replaced.
func (s *stress) checkAll(what string, got map[string]string, least []int64) {
	for x, least := range least {
		w, i := s.writers[x/stressKeys], x%stressKeys
		v, ok := got[string(w.key(i))]
		if !ok {
			if least > 0 {
				s.t.Errorf("%s %s: it is missing, at least %d is expected", what, w.key(i), least)
			}
			continue
		}
		s.check(what, w, i, []byte(v), least)
		round := parseStress([]byte(v))
		first, n := w.keys(round)
		for j := range n {
			other := w.key((first + j) % stressKeys)
			if v, ok := got[string(other)]; !ok || parseStress([]byte(v)) < round {
				s.t.Errorf("%s %s: it has %.20q, though %s has %d of the same batch", what, other, v, w.key(i), round)
			}
		}
	}
}

func (s *stress) collect(snap *Snapshot, o IterOptions, least []int64) (map[string]string, error) {
	it, err := snap.NewIterator(o)
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for k, v := range it.All() {
		got[string(k)] = string(v)
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	s.checkAll("scan", got, least)
	return got, nil
}

func (s *stress) administer(rng *rand.Rand) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.IntN(50))*time.Millisecond)
		var err error
		switch rng.IntN(3) {
		case 0:
			err = s.db.Flush(ctx)
		case 1:
			err = s.db.Compact(ctx, []byte("1"), []byte("3"))
		case 2:
			err = s.db.WaitIdle(ctx)
		}
		cancel()
		if !allowed(err) {
			s.t.Errorf("administer: %v", err)
		}
		s.db.Stats()
		if errors.Is(err, ErrClosed) {
			return
		}
	}
}

// acknowledged collects a number of every key of every writer.
func (s *stress) acknowledged(of func(w *stressWriter, i int) *atomic.Int64) (all []int64) {
	for _, w := range s.writers {
		for i := range stressKeys {
			all = append(all, of(w, i).Load())
		}
	}
	return all
}

// reopen opens the database again, verifies that it has what it must, and tells the writers what it has.
func (s *stress) reopen(what string, cfg Config, least []int64) {
	s.t.Helper()
	db, err := Spawn(cfg)
	must(s.t, err)
	s.db = db
	snap, err := db.Snapshot()
	must(s.t, err)
	got, err := s.collect(snap, IterOptions{}, least)
	must(s.t, err)
	must(s.t, snap.Close())
	for _, w := range s.writers {
		for i := range stressKeys {
			var n int64
			if v, ok := got[string(w.key(i))]; ok {
				n = parseStress([]byte(v))
			}
			w.last[i].Store(n)
			w.sure[i].Store(n)
		}
	}
	if s.t.Failed() {
		s.t.Fatal(what)
	}
}

// Everything at once, over several lives that end by Close at any moment, half of them as if the power
// had failed at a moment before.
func TestStress(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	mem := vfs.NewMem()
	s := &stress{t: t, acks: make(chan struct{}, 1)}
	for i := range 4 {
		s.writers = append(s.writers, &stressWriter{id: i})
	}
	cfg := Config{
		Dir: "/db", MemtableBytes: 128 << 10, MemoryBudget: 4 << 20, LogBytes: 64 << 10, BlockBytes: 512,
		TargetFileBytes: 16 << 10, BaseLevelBytes: 64 << 10, ManifestBytes: 4 << 10, L0CompactionTrigger: 2,
	}
	least := make([]int64, len(s.writers)*stressKeys)
	for life := range 6 {
		cfg.FS = mem
		s.reopen(fmt.Sprintf("open %d", life), cfg, least)
		var wg sync.WaitGroup
		run := func(f func(rng *rand.Rand)) {
			rng := rand.New(rand.NewPCG(seed, rng.Uint64()))
			wg.Go(func() { f(rng) })
		}
		for _, w := range s.writers {
			run(func(rng *rand.Rand) { s.write(w, rng) })
		}
		for range 2 {
			run(s.read)
			run(s.administer)
		}
		run(s.scan)
		ended := make(chan struct{})
		go func() { wg.Wait(); close(ended) }()
		lived := rng.IntN(400)
		s.live(lived, ended)
		var crashed *vfs.Mem
		if life%2 == 0 {
			least = s.acknowledged(func(w *stressWriter, i int) *atomic.Int64 { return &w.sure[i] })
			crashed = mem.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Unsynced(rng.IntN(3))})
			s.live(lived/8, ended)
		}
		must(t, within(t, "Close", s.db.Close))
		_ = within(t, "the rest", func() error { <-ended; return nil })
		if t.Failed() {
			return
		}
		if crashed != nil {
			mem = crashed
		} else { // Close makes everything durable
			least = s.acknowledged(func(w *stressWriter, i int) *atomic.Int64 { return &w.last[i] })
		}
	}
	must(t, s.db.Close())
}
