package crash

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// run does all steps and compares what the database shows after each.
func (s *tableSession) run(script []tableStep) error {
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
		m := s.journal.mark()
		text, err := soundTables(s.db)
		if err == nil {
			_, err = s.journal.match(text, m.visible, m.begun)
		}
		if err != nil {
			return fmt.Errorf("after %s: %w", step.name, err)
		}
	}
	return nil
}

// soundTables expects that verification finds nothing, and returns what all tables hold.
func soundTables(db *engine.DB) (text string, err error) {
	var findings []error
	err = db.VerifyTables(context.Background(), func(f engine.Finding) bool {
		findings = append(findings, wrongAnswer{errors.New(f.String())})
		return len(findings) < 5
	})
	if err = errors.Join(append(findings, err)...); err != nil {
		return "", fmt.Errorf("verify the tables: %w", err)
	}
	err = db.View(context.Background(), func(txn *engine.Txn) error {
		text, err = readWorld(txn)
		return err
	})
	return text, err
}

// recoveredTables opens a database and reads all of it.
func recoveredTables(cfg engine.Config) (*engine.DB, string, error) {
	db, err := engine.Spawn(cfg)
	if err != nil {
		return nil, "", err
	}
	text, err := soundTables(db)
	if err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, text, nil
}

// A tableSweep examines cuts on other goroutines while the script runs on.
type tableSweep struct {
	seed uint64
	disk *vfs.Mem
	work chan *tableCut
	wg   sync.WaitGroup

	mu   sync.Mutex
	seen map[xxh3.Uint128]*tableFinding
	cuts int

	examined int
	inner    int // cuts of recoveries
}

const (
	furtherEach = 4   // of so many cuts, by day, one is written to after recovery
	nestedEach  = 160 // of so many one has its recovery cut, too
)

type tableCut struct {
	cut
	mark tableMark
}

// A tableFinding is what was found on equal disks, and the strictest demands on it.
type tableFinding struct {
	first tableCut
	mark  tableMark
	text  string
	err   error
}

func newTableSweep(disk *vfs.Mem, seed uint64) *tableSweep {
	s := &tableSweep{seed: seed, disk: disk, work: make(chan *tableCut), seen: map[xxh3.Uint128]*tableFinding{}}
	for range runtime.GOMAXPROCS(0) {
		s.wg.Go(func() {
			for c := range s.work {
				s.examine(c)
			}
		})
	}
	return s
}

// take makes the cuts before one call, as sweep.take does; by day one, with each fate in turn.
func (s *tableSweep) take(op vfs.Op, m tableMark) {
	if testing.Short() && op.N%8 != int64(s.seed%8) {
		return
	}
	for i, fate := range fates() {
		if !environment.Nightly() && i != int(uint64(op.N)+s.seed)%len(fates()) {
			continue
		}
		c := &tableCut{cut: cut{op: op, fate: fate, seed: s.seed<<32 + uint64(op.N)<<8 + uint64(i)}, mark: m}
		c.disk = s.disk.CrashClone(rand.New(rand.NewPCG(c.seed, 0)), vfs.CrashOptions{Unsynced: fate})
		c.print = fingerprint(c.disk)
		if s.isNew(c) {
			s.work <- c
		}
	}
}

func (s *tableSweep) isNew(c *tableCut) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts++
	f := s.seen[c.print]
	if f == nil {
		s.seen[c.print] = &tableFinding{first: *c, mark: c.mark}
		return true
	}
	f.mark.durable = max(f.mark.durable, c.mark.durable)
	f.mark.begun = min(f.mark.begun, c.mark.begun)
	return false
}

func (s *tableSweep) examine(c *tableCut) {
	s.mu.Lock()
	f := s.seen[c.print]
	s.examined++
	further := environment.Nightly() || s.examined%furtherEach == 0
	deep := s.examined%nestedEach == 0
	s.mu.Unlock()
	image := c.disk.CrashClone(nil, vfs.CrashOptions{}) // to save if it fails
	_, err := verify(c.disk)
	if err == nil {
		f.text, err = recoverTables(c.disk, further)
	}
	inner := 0
	if err == nil && deep {
		inner, err = cutTableRecovery(image, f.text, c.seed)
	}
	f.err = err
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner += inner
	f.first.disk = image
}

// recoverTables opens what a crash left, returns what is there, and lets the database go on if that is asked for.
func recoverTables(disk *vfs.Mem, further bool) (string, error) {
	db, text, err := recoveredTables(tableConfig(disk))
	if err != nil {
		return "", fmt.Errorf("recover: %w", err)
	}
	if !further {
		return text, closeFlushed(disk, db)
	}
	if err := goOnWithTables(disk, db); err != nil {
		return "", fmt.Errorf("go on after recovery: %w", err)
	}
	return text, nil
}

// closeFlushed flushes and closes a database, and expects that all files are in order and that there are no trees but those
// of its indexes.
func closeFlushed(disk *vfs.Mem, db *engine.DB) error {
	trees, err := countTrees(db)
	if err := errors.Join(err, db.Flush(context.Background()), db.Close()); err != nil {
		return err
	}
	report, err := verify(disk)
	if err == nil && report.Trees.Trees != trees {
		err = fmt.Errorf("there are %d trees, the indexes have %d", report.Trees.Trees, trees)
	}
	return err
}

// countTrees counts the indexes that have entries in a tree: one for each row.
func countTrees(db *engine.DB) (trees int, err error) {
	schemas, err := db.ListTables()
	for _, s := range schemas {
		rows, countErr := db.Table(s.Name).Count()
		err = errors.Join(err, countErr)
		for i := range s.Indexes {
			if rows > 0 && s.Indexes[i].Using == catalog.BTree {
				trees++
			}
		}
	}
	return trees, err
}

// cutTableRecovery recovers a copy of the disk and cuts each call of that: the next recovery must find the same.
func cutTableRecovery(image *vfs.Mem, want string, seed uint64) (inner int, err error) {
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
	db, text, err := recoveredTables(tableConfig(traced))
	if err == nil {
		err = errors.Join(db.Flush(context.Background()), db.Close())
	}
	if err != nil {
		return 0, fmt.Errorf("recover again: %w", err)
	}
	cuts = append(cuts, &cut{disk: disk})
	for _, c := range cuts {
		db, again, err := recoveredTables(tableConfig(c.disk))
		if err == nil {
			err = db.Close()
		}
		if err == nil && (text != want || again != want) {
			err = wrongAnswer{fmt.Errorf("recoveries differ:\n%.600s\n%.600s\n%.600s", want, text, again)}
		}
		if err == nil {
			_, err = verify(c.disk)
		}
		if err != nil {
			return 0, fmt.Errorf("in recovery, %v: %w", c, err)
		}
	}
	return len(cuts), nil
}

// goOnWithTables writes to an open database, closes it, opens it again and expects everything to be there, and the files to
// be in order.
func goOnWithTables(disk *vfs.Mem, db *engine.DB) error {
	want, err := useTables(db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	if err := closeFlushed(disk, db); err != nil {
		return err
	}
	db, again, err := recoveredTables(tableConfig(disk))
	if err != nil {
		return fmt.Errorf("open once more: %w", err)
	}
	// Once nothing is left to compact, no obsolete table is left either.
	if err := errors.Join(db.WaitIdle(context.Background()), db.Close()); err != nil {
		return err
	}
	if again != want {
		return wrongAnswer{fmt.Errorf("after writing and opening once more the tables are\n%.600s\nand not\n%.600s", again, want)}
	}
	report, err := verify(disk)
	if err == nil && len(report.Strays) > 0 {
		err = fmt.Errorf("files that belong to nothing remain: %v", report.Strays)
	}
	return err
}

// useTables changes rows of all tables, so that pages are used again, and returns what they hold then.
func useTables(db *engine.DB) (string, error) {
	schemas, err := db.ListTables()
	if err != nil {
		return "", err
	}
	for _, s := range schemas {
		for _, ix := range s.Indexes {
			if ix.State != catalog.Ready {
				return "", wrongAnswer{fmt.Errorf("index %s is still being built, and nobody does that", ix.Name)}
			}
		}
		if s.Name == "parents" {
			row := map[string]any{s.Columns[1].Name: "later", "size": 5}
			if _, err := db.Table(s.Name).InsertFields(row); err != nil {
				return "", err
			}
		}
		if s.Name == "children" {
			_, err := db.Table(s.Name).DeleteWhere(engine.ScanOptions{}, func(r engine.Row) (bool, error) { return r.Value("id").AsInt()%4 == 1, nil })
			if err != nil {
				return "", err
			}
		}
	}
	return soundTables(db)
}

func TestCrashAnywhereKeepsTablesWhole(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 20) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			sweep := newTableSweep(vfs.NewMem(), seed)
			failures, err := sweep.run(tableScript, nil)
			if err != nil {
				t.Errorf("MIDDB_SEED=%d: %v", seed, err)
			}
			for i, f := range failures[:min(5, len(failures))] {
				t.Errorf("MIDDB_SEED=%d: %v: %v\n(%s)", seed, &f.first.cut, f.err, keep(t, f.first.disk, fmt.Sprint(i)))
			}
			t.Logf("seed %d: %d cuts, %d of them different, %d cuts of recoveries, %d failed", seed, sweep.cuts, len(sweep.seen), sweep.inner, len(failures))
		})
	}
	expectGoroutines(t, before)
}

// run plays the script once and cuts every call of it.
func (s *tableSweep) run(script []tableStep, plant func(vfs.FS) vfs.FS) (failures []*tableFinding, err error) {
	var play *tableSession
	var fs vfs.FS = vfs.NewTrace(s.disk, func(op vfs.Op) { s.take(op, play.journal.mark()) })
	if plant != nil {
		fs = plant(fs)
	}
	play = newTableSession(fs, s.seed)
	err = play.run(script)
	close(s.work)
	s.wg.Wait()
	for _, f := range s.seen {
		if f.err == nil {
			_, f.err = play.journal.match(f.text, f.mark.durable, f.mark.begun)
		}
		if f.err != nil {
			failures = append(failures, f)
		}
	}
	slices.SortFunc(failures, func(a, b *tableFinding) int { return cmp.Compare(a.first.op.N, b.first.op.N) })
	return failures, err
}

// The sweep must be able to fail: pages that are not synced are found.
func TestSkippedSyncsOfPagesAreFound(t *testing.T) {
	sweep := newTableSweep(vfs.NewMem(), 1)
	failures, err := sweep.run(tableScript[:4], func(fs vfs.FS) vfs.FS { return forgetful(fs, "*.pages") })
	if err != nil {
		failures = append(failures, &tableFinding{err: err})
	}
	if len(failures) == 0 {
		t.Fatal("nothing was found")
	}
	t.Logf("%d failures, as %s", len(failures), fmt.Sprintf("%.300v", failures[0].err))
}
