package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// directory is two levels deep so that creating it has its own crashes.
const directory = "data/db"

// config returns the options of all databases of this package: everything is tiny, so that everything
// happens often.
func config(fs vfs.FS) engine.Config {
	return engine.Config{
		Dir:                 directory,
		FS:                  fs,
		MemtableBytes:       4 << 10,
		LogBytes:            4 << 10,
		MemoryBudget:        4 << 20,
		BlockBytes:          512,
		L0CompactionTrigger: 2,
		TargetFileBytes:     2 << 10,
		BaseLevelBytes:      1 << 10,
		ManifestBytes:       1 << 10,
		Durability:          engine.NoSync,
		Clock:               func() time.Time { return late },
	}
}

// The clock of a script begins early. Whoever looks at what is left of it looks late: when all values that have a
// brief time to live are gone, and no others.
var (
	early = time.Unix(1_700_000_000, 0)
	late  = early.Add(1000 * time.Hour)
)

// A session is a database, its journal, and the random source of the script.
type session struct {
	cfg     engine.Config
	journal *journal
	rng     *rand.Rand
	db      *engine.DB
	passed  atomic.Int64 // hours, by the script's clock
}

func newSession(fs vfs.FS, seed uint64, keys int) *session {
	s := &session{cfg: config(fs), journal: &journal{keys: keys}, rng: rand.New(rand.NewPCG(seed, 0x6372617368))}
	s.cfg.Clock = func() time.Time { return early.Add(time.Duration(s.passed.Load()) * time.Hour) }
	return s
}

// A step is a named part of the script. After an error of the engine it may be done again or skipped.
type step struct {
	name string
	do   func(s *session) error
}

// concurrentStep is the one step whose order of commits is known only if none fails.
const concurrentStep = "concurrent writers"

// script is what every sweep runs. Each step writes to the whole key space.
var script = []step{
	{"create", (*session).open},
	{"put", func(s *session) error { return s.puts(25) }},
	{"batch larger than a memtable", func(s *session) error { return s.batch(3*s.journal.keys, engine.NoSync) }},
	{"overwrite and delete", func(s *session) error { return s.puts(40) }},
	{"flush", (*session).flush},
	{"small batches", func(s *session) error { return s.batches(20, 12) }},
	{"wait for durability", (*session).await},
	{"compact", func(s *session) error { return s.compact(nil, nil) }},
	{"delete half", (*session).deleteHalf},
	{"compact part", func(s *session) error { return s.compact(keyOf(s.journal.keys/4), keyOf(s.journal.keys/2)) }},
	{"delete above the last level", (*session).deleteAbove},
	{"delete ranges", (*session).deleteRanges},
	{"let values expire", (*session).expire},
	{"wait until idle", (*session).waitIdle},
	{"reopen", (*session).reopen},
	{"put after reopening", func(s *session) error { return s.puts(20) }},
	{"transactions", (*session).transactions},
	{"drop a keyspace", (*session).drop},
	{"reopen again", (*session).reopen},
	{"synced batch larger than a memtable", func(s *session) error { return s.batch(2*s.journal.keys, engine.Sync) }},
	{concurrentStep, (*session).concurrent},
	{"batches at the end", func(s *session) error { return s.batches(10, 30) }},
	{"close", (*session).close},
}

// run does all steps and compares what the database shows after each.
func (s *session) run(script []step) error {
	defer func() {
		if s.db != nil {
			_ = s.db.Close() // a step failed
		}
	}()
	for _, step := range script {
		if err := step.do(s); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if s.db == nil {
			continue
		}
		if err := s.checkNow(); err != nil {
			return fmt.Errorf("after %s: %w", step.name, err)
		}
	}
	return nil
}

// open opens the database.
func (s *session) open() (err error) {
	s.db, err = engine.Spawn(s.cfg)
	return err
}

// close closes the database. Everything is durable then, synced or not.
func (s *session) close() error {
	db := s.db
	s.db = nil
	if err := db.Close(); err != nil {
		return err
	}
	s.journal.allSynced()
	return nil
}

func (s *session) reopen() error {
	if s.db != nil {
		if err := s.close(); err != nil {
			return err
		}
	}
	return s.open()
}

// puts writes single keys, one in six is deleted, one in three is synced.
func (s *session) puts(n int) error {
	for range n {
		d := engine.NoSync
		if s.rng.IntN(3) == 0 {
			d = engine.Sync
		}
		if err := s.commit([]write{{id: s.rng.IntN(s.journal.keys), deleted: s.rng.IntN(6) == 0}}, d); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) batch(n int, d engine.Durability) error {
	return s.commit(s.randomWrites(n, s.rng), d)
}

func (s *session) batches(n, size int) error {
	for range n {
		d := engine.NoSync
		if s.rng.IntN(4) == 0 {
			d = engine.Sync
		}
		if err := s.batch(1+s.rng.IntN(size), d); err != nil {
			return err
		}
	}
	return nil
}

// deleteHalf deletes every key in the lower half, of which tombstones remain until compaction meets
// the last level.
func (s *session) deleteHalf() error {
	for from := 0; from < s.journal.keys/2; from += 10 {
		var writes []write
		for id := from; id < min(from+10, s.journal.keys/2); id++ {
			writes = append(writes, write{id: id, deleted: true})
		}
		if err := s.commit(writes, engine.NoSync); err != nil {
			return err
		}
	}
	return nil
}

// deleteAbove lets small tables with tombstones gather above the last level, which has the keys.
func (s *session) deleteAbove() error {
	for range 4 {
		writes := s.randomWrites(12, s.rng)
		for i := range writes {
			writes[i].deleted = i%3 > 0
		}
		if err := s.commit(writes, engine.NoSync); err != nil {
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) randomWrites(n int, rng *rand.Rand) []write {
	writes := make([]write, n)
	for i := range writes {
		w := write{id: rng.IntN(s.journal.keys)}
		switch rng.IntN(15) {
		case 0, 1, 2:
			w.deleted = true
		case 3, 4:
			w.merged = true
		case 5:
			w.ttl = lasting
		}
		writes[i] = w
	}
	return writes
}

// await commits and then waits for durability.
func (s *session) await() error { return s.applyAndWait(s.randomWrites(5, s.rng), false) }

func (s *session) applyAndWait(writes []write, concurrent bool) error {
	c := s.journal.begin(writes, concurrent)
	b, err := s.build(c)
	if err != nil {
		s.journal.refuse(c)
		return err
	}
	pending, err := s.db.ApplyAsync(context.Background(), b)
	if err != nil {
		if !errors.Is(err, engine.ErrCommitUnknown) {
			s.journal.refuse(c)
		}
		return err
	}
	seq := pending.Seq
	if !concurrent {
		seq = 0
	}
	s.journal.answered(c, seq)
	if err := pending.Wait(context.Background()); err != nil {
		return err
	}
	s.journal.synced(c)
	return nil
}

// concurrent lets several callers commit at the same time, half of them without waiting.
func (s *session) concurrent() error {
	const callers, each = 4, 8
	s.journal.share()
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		rng := rand.New(rand.NewPCG(s.rng.Uint64(), uint64(i)))
		wg.Go(func() {
			for range each {
				if err := s.applyAndWait(s.randomWrites(1+rng.IntN(6), rng), true); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (s *session) flush() error {
	if err := s.db.Flush(context.Background()); err != nil {
		return err
	}
	s.journal.allSynced()
	return nil
}

func (s *session) compact(lower, upper []byte) error {
	if err := s.db.Compact(context.Background(), lower, upper); err != nil {
		return err
	}
	s.journal.allSynced() // it flushes
	return nil
}

func (s *session) waitIdle() error { return s.db.WaitIdle(context.Background()) }

// checkNow compares everything that the database shows with the journal: after an error some of the
// last commits may or may not be there.
func (s *session) checkNow() error {
	h, m := s.journal.history(), s.journal.mark()
	found, err := readAll(s.db, s.journal.keys)
	if err != nil {
		return err
	}
	if _, err := h.match(found, m.visible, m.begun); err != nil {
		return wrongAnswer{fmt.Errorf("read: %w", err)}
	}
	return nil
}
