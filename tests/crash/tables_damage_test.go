package crash

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/page"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// A treeVictim is a database at rest whose file of pages is to be damaged.
type treeVictim struct {
	victim
	text  string
	pages []byte
	used  int // pages of trees
	free  int
}

// victimSteps is how much of the script makes victims: later on most is deleted.
const victimSteps = 15

// treeVictims returns the database of the script after it was closed, and once more as a kill leaves it before that.
func treeVictims(seed uint64) ([]*treeVictim, error) {
	disk := vfs.NewMem()
	s := newTableSession(disk, seed)
	grow := []tableStep{
		{"grow", func(s *tableSession) error { return s.changeRows(3, 200) }},
		{"flush", (*tableSession).flush},
		{"change a little", changes(1)},
	}
	for _, step := range append(tableScript[:victimSteps:victimSteps], grow...) {
		if err := step.do(s); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	killed := &treeVictim{victim: victim{name: "killed", disk: disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll})}}
	if err := s.close(); err != nil {
		return nil, err
	}
	all := []*treeVictim{{victim: victim{name: "closed", disk: disk}}, killed}
	for _, v := range all {
		cfg := tableConfig(v.disk)
		cfg.ReadOnly = true
		db, text, err := recoveredTables(cfg)
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			return nil, err
		}
		report, err := verify(v.disk)
		if err != nil {
			return nil, err
		}
		v.text, v.used, v.free = text, report.Trees.Pages, report.Trees.Free
		files, err := v.files()
		if err != nil {
			return nil, err
		}
		for name := range files {
			if _, ok := levels.ParsePagesName(name); ok {
				v.tail, v.pages = name, files[name]
			}
		}
	}
	return all, nil
}

// attempt reads everything, after changing rows if that is asked for: each result must be right, or damage that is named.
func (v *treeVictim) attempt(cfg engine.Config, d *damage, change bool) (err error) {
	blame := func(err error) error {
		if err == nil || errors.As(err, new(wrongAnswer)) {
			return err
		}
		return v.blames(err, d)
	}
	db, err := engine.Spawn(cfg)
	if err != nil {
		return blame(err)
	}
	defer func() { err = errors.Join(err, blame(db.Close())) }()
	text, err := soundTables(db)
	if err != nil {
		return blame(err)
	}
	if text != v.text {
		return wrongAnswer{fmt.Errorf("the tables are\n%.600s", text)}
	}
	if change {
		_, err = useTables(db)
	}
	return blame(err)
}

// blames expects an error that names the damaged file, or the directory that lacks it.
func (v *treeVictim) blames(err error, d *damage) error {
	var c *engine.CorruptionError
	if !errors.As(err, &c) || !errors.Is(err, engine.ErrCorruption) {
		return fmt.Errorf("an error that is none of damage: %w", err)
	}
	if path.Base(c.File) != d.file {
		return fmt.Errorf("the error blames another file: %w", err)
	}
	return nil
}

// judge reports whether verification finds the damage. If it does not, everything must be right.
func (v *treeVictim) judge(disk *vfs.Mem, d *damage, thorough bool) (found bool, err error) {
	_, problem := verify(disk)
	cfg := tableConfig(disk)
	cfg.ReadOnly = true
	db, text, err := recoveredTables(cfg)
	switch {
	case err == nil:
		if err := db.Close(); err != nil {
			return false, err
		}
		if text != v.text {
			return false, wrongAnswer{fmt.Errorf("the tables are\n%.600s", text)}
		}
	case problem == nil:
		return false, fmt.Errorf("reading fails, and verification finds nothing: %w", err)
	}
	for _, err := range []error{problem, err} {
		if err == nil {
			continue
		}
		if errors.As(err, new(wrongAnswer)) {
			return false, err
		}
		if err := v.blames(err, d); err != nil {
			return false, err
		}
	}
	for range 2 {
		if !thorough {
			break
		}
		if err := v.attempt(tableConfig(disk), d, true); err != nil {
			return false, fmt.Errorf("writing: %w", err)
		}
		if problem == nil {
			break // the tables have changed
		}
	}
	return problem != nil, nil
}

func TestDamageOfPagesIsFoundOrHarmless(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 3) {
		all, err := treeVictims(seed)
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
		}
		for _, v := range all {
			t.Run(v.name, func(t *testing.T) { pageDamageSweep(t, v, seed) })
		}
	}
	expectGoroutines(t, before)
}

func pageDamageSweep(t *testing.T, v *treeVictim, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x7061676573))
	var damages []damage
	flips := v.flips(v.tail, v.pages, rng)
	perPage := 3
	switch {
	case environment.Nightly():
		perPage = 100
	case testing.Short():
		perPage = 1
	}
	for at := 0; at < len(flips); at += page.Size {
		size := min(page.Size, len(flips)-at)
		for range perPage {
			damages = append(damages, flips[at+rng.IntN(size)])
		}
	}
	cuts := v.cuts(v.tail, v.pages, rng)
	if !environment.Nightly() {
		rng.Shuffle(len(cuts)-1, func(i, j int) { cuts[1+i], cuts[1+j] = cuts[1+j], cuts[1+i] })
		cuts = cuts[:min(15, len(cuts))]
	}
	damages = append(damages, cuts...)
	var mu sync.Mutex
	pages := map[int64]map[bool]int{} // by number: how many flips verification has found, or not
	failed := 0
	work := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for n := range work {
				d := &damages[n]
				disk, err := v.inflict(d, v.pages)
				found := false
				if err == nil {
					found, err = v.judge(disk, d, environment.Nightly() || n%8 == 0)
				}
				mu.Lock()
				if id := d.at / page.Size; err == nil && d.what[0] == 'x' {
					if pages[id] == nil {
						pages[id] = map[bool]int{}
					}
					pages[id][found]++
				}
				if err != nil {
					if failed++; failed <= 3 {
						t.Errorf("MIDDB_SEED=%d: %v: %v", seed, d, err)
					}
				}
				mu.Unlock()
			}
		})
	}
	for n := range damages {
		work <- n
	}
	close(work)
	wg.Wait()
	found := 0
	for _, id := range slices.Sorted(maps.Keys(pages)) {
		if pages[id][true] > 0 {
			found++
		}
		if len(pages[id]) == 2 {
			t.Errorf("MIDDB_SEED=%d: of the flips in page %d, %d are found and %d are not", seed, id, pages[id][true], pages[id][false])
		}
	}
	if found < v.used+1 || found > v.used+1+v.free {
		t.Errorf("MIDDB_SEED=%d: damage is found in %d pages; the first and %d of trees are used, %d are free", seed, found, v.used, v.free)
	}
	t.Logf("seed %d: %d damages to %d pages, of which damage is found in %d; %d of trees, %d free", seed, len(damages), len(pages), found, v.used, v.free)
}
