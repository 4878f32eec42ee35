package crash

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// fates are what becomes of unsynced data in each cut; every Random one uses its own seed.
func fates() []vfs.Unsynced {
	f := []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random}
	if environment.Nightly() {
		for range 8 {
			f = append(f, vfs.Random)
		}
	}
	return f
}

// A cut is a disk as a crash left it, and what that crash must not have taken.
type cut struct {
	disk  *vfs.Mem
	op    vfs.Op // what was to come next
	fate  vfs.Unsynced
	seed  uint64 // of the fate
	mark  mark
	print xxh3.Uint128
}

func (c *cut) String() string {
	return fmt.Sprintf("cut before %v, unsynced data %s (seed %d)", c.op,
		[...]string{vfs.LoseAll: "lost", vfs.KeepAll: "kept", vfs.Random: "in part"}[c.fate], c.seed)
}

// A sweep examines cuts on other goroutines while the script runs on.
type sweep struct {
	keys   int
	seed   uint64
	disk   *vfs.Mem
	work   chan *cut
	wg     sync.WaitGroup
	nested int // of so many different cuts one has its recovery cut, too

	mu      sync.Mutex
	seen    map[xxh3.Uint128]*finding
	cuts    int
	started int // different cuts that were examined
	inner   int // cuts of recoveries
}

// A finding is what was found on equal disks, and the strictest demands on it.
type finding struct {
	first cut
	low   place  // the latest durable place of all cuts with this disk
	begun uint32 // the least that was begun
	found contents
	err   error
}

const crashKeys = 200

func newSweep(disk *vfs.Mem, seed uint64) *sweep {
	s := &sweep{keys: crashKeys, seed: seed, disk: disk, work: make(chan *cut), seen: map[xxh3.Uint128]*finding{}, nested: 30}
	for range runtime.GOMAXPROCS(0) {
		s.wg.Go(func() {
			for c := range s.work {
				s.examine(c)
			}
		})
	}
	return s
}

// take makes the cuts before one call. It runs in the hook: no other call to the disk is under way.
func (s *sweep) take(op vfs.Op, m mark) {
	for i, fate := range fates() {
		c := &cut{op: op, fate: fate, seed: s.seed<<32 + uint64(op.N)<<8 + uint64(i), mark: m}
		c.disk = s.disk.CrashClone(rand.New(rand.NewPCG(c.seed, 0)), vfs.CrashOptions{Unsynced: fate})
		c.print = fingerprint(c.disk)
		if s.isNew(c) {
			s.work <- c
		}
	}
}

// isNew reports whether no such disk was seen before, and notes what is demanded of it.
func (s *sweep) isNew(c *cut) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts++
	f := s.seen[c.print]
	if f == nil {
		s.seen[c.print] = &finding{first: *c, low: c.mark.durable, begun: c.mark.begun}
		return true
	}
	if f.low.compare(c.mark.durable) < 0 {
		f.low = c.mark.durable
	}
	f.begun = min(f.begun, c.mark.begun)
	return false
}

// examine opens what a cut left and notes what it finds.
func (s *sweep) examine(c *cut) {
	s.mu.Lock()
	f := s.seen[c.print]
	s.started++
	deep := s.started%s.nested == 0
	s.mu.Unlock()
	image := c.disk.CrashClone(nil, vfs.CrashOptions{}) // to save if it fails
	inner := 0
	_, err := verify(c.disk)
	if err == nil {
		var again contents
		if deep {
			again, inner, err = s.cutRecovery(image, c.seed)
		}
		if err == nil {
			f.found, err = s.recover(c.disk)
		}
		if err == nil && deep {
			err = f.found.same(again)
		}
	}
	f.err = err
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner += inner
	f.first.disk = image
}

// recover opens what a crash left, returns what is there, and lets the database go on.
func (s *sweep) recover(disk *vfs.Mem) (contents, error) {
	db, found, err := recovered(config(disk), s.keys)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	return found, goOn(disk, db, found)
}

// cutRecovery recovers a copy of the disk and cuts each call of that. A crash left nothing unsynced, so
// whatever becomes of the recovery, the next one must find the same.
func (s *sweep) cutRecovery(image *vfs.Mem, seed uint64) (contents, int, error) {
	disk := image.CrashClone(nil, vfs.CrashOptions{})
	var cuts []*cut
	seen := map[xxh3.Uint128]bool{}
	traced := vfs.NewTrace(disk, func(op vfs.Op) {
		for i, fate := range []vfs.Unsynced{vfs.LoseAll, vfs.KeepAll, vfs.Random} {
			c := &cut{op: op, fate: fate, seed: seed*31 + uint64(op.N)<<8 + uint64(i)}
			c.disk = disk.CrashClone(rand.New(rand.NewPCG(c.seed, 1)), vfs.CrashOptions{Unsynced: fate})
			if c.print = fingerprint(c.disk); !seen[c.print] {
				seen[c.print] = true
				cuts = append(cuts, c)
			}
		}
	})
	db, found, err := recovered(config(traced), s.keys)
	if err != nil {
		return nil, 0, fmt.Errorf("recover: %w", err)
	}
	if err := db.Close(); err != nil {
		return nil, 0, err
	}
	for _, c := range cuts {
		db, again, err := recovered(config(c.disk), s.keys)
		if err == nil {
			err = db.Close()
		}
		if err == nil {
			err = found.same(again)
		}
		if err == nil {
			_, err = verify(c.disk)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("in recovery, %v: %w", c, err)
		}
	}
	return found, len(cuts), nil
}

// same returns an error if two recoveries differ.
func (s contents) same(again contents) error {
	for id := range s {
		if s[id] != again[id] {
			return fmt.Errorf("two recoveries differ: %s is %d, then %d", keyOf(id), s[id], again[id])
		}
	}
	return nil
}

// A failure is a cut after which something was wrong.
type failure struct {
	*finding
	err error
}

// finish waits for the workers and judges all that was found.
func (s *sweep) finish(h *history) (failures []failure) {
	close(s.work)
	s.wg.Wait()
	for _, f := range s.seen {
		err := f.err
		if err == nil {
			_, err = h.match(f.found, f.low, f.begun)
		}
		if err != nil {
			failures = append(failures, failure{f, err})
		}
	}
	slices.SortFunc(failures, func(a, b failure) int { return cmp.Compare(a.first.op.N, b.first.op.N) })
	return failures
}

func TestCrashAnywhereKeepsAcknowledgedCommits(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			sweep := newSweep(vfs.NewMem(), seed)
			failures, err := sweep.run(script, nil)
			if err != nil {
				t.Errorf("MIDDB_SEED=%d: %v", seed, err)
			}
			for i, f := range failures[:min(5, len(failures))] {
				t.Errorf("MIDDB_SEED=%d: %v: %v\n(%s)", seed, &f.first, f.err, keep(t, f.first.disk, fmt.Sprint(i)))
			}
			t.Logf("seed %d: %d cuts, %d of them different, %d cuts of recoveries, %d failed", seed, sweep.cuts, len(sweep.seen), sweep.inner, len(failures))
		})
	}
	expectGoroutines(t, before)
}

// run plays the script once and cuts every call of it. plant, if not nil, puts a bug between the engine
// and the disk. The error is of the script itself.
func (s *sweep) run(script []step, plant func(vfs.FS) vfs.FS) ([]failure, error) {
	var play *session
	var fs vfs.FS = vfs.NewTrace(s.disk, func(op vfs.Op) { s.take(op, play.journal.mark()) })
	if plant != nil {
		fs = plant(fs)
	}
	play = newSession(fs, s.seed, s.keys)
	err := play.run(script)
	return s.finish(play.journal.history()), err
}
