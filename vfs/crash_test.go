package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/vfs"
)

var (
	loseAll = vfs.CrashOptions{Unsynced: vfs.LoseAll}
	keepAll = vfs.CrashOptions{Unsynced: vfs.KeepAll}
	random  = vfs.CrashOptions{Unsynced: vfs.Random}
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// newSeed returns a seed that a failure of the test prints.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}

func TestCrashKeepsWhatWasSyncedAndLosesTheRest(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("db"))
	must(t, m.SyncDir("/"))
	f := create(t, m, "db/a")
	write(t, f, "durable", 0)
	must(t, f.SyncData())
	must(t, m.SyncDir("db"))
	write(t, f, "XY", 1)
	write(t, f, "appended", 7)
	must(t, f.Truncate(3))
	g := create(t, m, "db/b")
	write(t, g, "content", 0)
	must(t, g.Sync()) // says nothing about the entry in db

	lost := m.CrashClone(nil, loseAll)
	wantList(t, lost, "db", "a")
	wantFile(t, lost, "db/a", "durable")
	kept := m.CrashClone(nil, keepAll)
	wantList(t, kept, "db", "a", "b")
	wantFile(t, kept, "db/a", "dXY")
	wantFile(t, kept, "db/b", "content")
	wantContent(t, f, "dXY") // the original goes on

	must(t, m.SyncDir("db"))
	must(t, m.Remove("db/a"))
	must(t, m.Rename("db/b", "db/c"))
	lost = m.CrashClone(nil, loseAll)
	wantList(t, lost, "db", "a", "b")
	wantFile(t, lost, "db/a", "durable")
	wantFile(t, lost, "db/b", "content")
	must(t, m.SyncDir("db"))
	wantList(t, m.CrashClone(nil, loseAll), "db", "c")
}

func TestCrashForgetsADirectoryWhoseParentWasNotSynced(t *testing.T) {
	m := vfs.NewMem()
	must(t, m.MkdirAll("a/b"))
	f := create(t, m, "a/b/c")
	must(t, f.Sync())
	must(t, m.SyncDir("a/b"))
	must(t, m.SyncDir("a"))
	wantList(t, m.CrashClone(nil, loseAll), "/")
	must(t, m.SyncDir("/"))
	wantList(t, m.CrashClone(nil, loseAll), "a/b", "c")
}

func TestCrashOfEmptiedFileRestoresItsContent(t *testing.T) {
	m := vfs.NewMem()
	f := create(t, m, "a")
	write(t, f, "before", 0)
	must(t, f.Sync())
	must(t, m.SyncDir("/"))
	f = create(t, m, "a")
	write(t, f, "after", 0)
	wantFile(t, m.CrashClone(nil, loseAll), "a", "before")
	must(t, f.Sync())
	wantFile(t, m.CrashClone(nil, loseAll), "a", "after")
}

func TestCloneStartsDurableAndUnlocked(t *testing.T) {
	m := vfs.NewMem()
	f := create(t, m, "a")
	write(t, f, "x", 0)
	_, err := m.Lock("LOCK", vfs.LockExclusive)
	must(t, err)
	c := m.CrashClone(nil, keepAll)
	l, err := c.Lock("LOCK", vfs.LockExclusive)
	must(t, err)
	must(t, l.Close())
	wantFile(t, c.CrashClone(nil, loseAll), "a", "x")
	if _, err := m.Lock("LOCK", vfs.LockShared); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("the original lost its lock to the clone: %v", err)
	}
}

// A rename between directories is one step, whichever of them is synced.
func TestRenameBetweenDirectoriesIsAtomic(t *testing.T) {
	seed := newSeed(t)
	rng := seeded(seed)
	for range 200 {
		m := vfs.NewMem()
		must(t, m.MkdirAll("from"))
		must(t, m.MkdirAll("to"))
		must(t, m.SyncDir("/"))
		must(t, create(t, m, "from/a").Close())
		must(t, create(t, m, "to/b").Close())
		must(t, m.Rename("from/a", "to/a"))
		must(t, create(t, m, "from/c").Close())
		c := m.CrashClone(rng, random)
		from, err := c.List("from")
		must(t, err)
		to, err := c.List("to")
		must(t, err)
		switch got := strings.Join(from, ",") + ";" + strings.Join(to, ","); got {
		case ";", ";b", "a;", "a;b", ";a,b", "c;a,b":
		default:
			t.Fatalf("seed %d: from;to = %s", seed, got)
		}
		must(t, m.SyncDir("to")) // brings all that the rename stands on
		wantList(t, m.CrashClone(nil, loseAll), "from")
		wantList(t, m.CrashClone(nil, loseAll), "to", "a", "b")
	}
}

func TestRandomCrashKeepsAPrefixOfDirectoryOperations(t *testing.T) {
	m := vfs.NewMem()
	rng := seeded(newSeed(t))
	for i := range 5 {
		must(t, create(t, m, fmt.Sprint(i)).Close())
	}
	must(t, m.Remove("1"))
	seen := map[string]bool{}
	for range 500 {
		names, err := m.CrashClone(rng, random).List("/")
		must(t, err)
		seen[strings.Join(names, "")] = true
	}
	want := map[string]bool{"": true, "0": true, "01": true, "012": true, "0123": true, "01234": true, "0234": true}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("saw %v, want %v", seen, want)
	}
}

// The random disk must be able to lose, keep, reorder and tear, or it proves nothing.
func TestRandomCrashReachesEveryFate(t *testing.T) {
	const sector = 512
	m := vfs.NewMem()
	f := create(t, m, "a")
	write(t, f, strings.Repeat("0", 2*sector), 0)
	must(t, f.Sync())
	must(t, m.SyncDir("/"))
	write(t, f, strings.Repeat("1", 2*sector), 0)
	write(t, f, strings.Repeat("2", sector), 0)
	write(t, f, "tail", 2*sector)
	rng := seeded(newSeed(t))
	seen := map[string]bool{}
	for range 1000 {
		p := fileContent(t, m.CrashClone(rng, random), "a")
		first, second := p[0], p[sector]
		seen["lost"] = seen["lost"] || first == '0' && second == '0'
		seen["kept"] = seen["kept"] || bytes.HasSuffix(p, []byte("1tail")) && first == '2'
		seen["later only"] = seen["later only"] || first == '2' && second == '0'
		seen["earlier only"] = seen["earlier only"] || first == '1' && second == '1'
		seen["torn"] = seen["torn"] || first == '2' && p[sector-1] == '1'
		seen["size lost"] = seen["size lost"] || len(p) == 2*sector
		seen["size in part"] = seen["size in part"] || len(p) == 2*sector+2
		seen["size without bytes"] = seen["size without bytes"] || bytes.HasSuffix(p, []byte{0, 0, 0, 0})
	}
	for _, fate := range []string{
		"lost", "kept", "later only", "earlier only", "torn", "size lost", "size in part", "size without bytes",
	} {
		if !seen[fate] {
			t.Errorf("never saw: %s", fate)
		}
	}
}

// A diskModel says for each byte of one file which values a crash may leave there.
type diskModel struct {
	current []byte
	allowed []map[byte]bool // beyond its end: only zero
	minSize int
	maxSize int
}

func (d *diskModel) grow(size int) {
	for len(d.current) < size {
		d.current = append(d.current, 0)
	}
	for len(d.allowed) < size {
		d.allowed = append(d.allowed, map[byte]bool{0: true})
	}
	d.maxSize = max(d.maxSize, size)
}

func (d *diskModel) write(p []byte, off int) {
	d.grow(off + len(p))
	for i, b := range p {
		d.current[off+i] = b
		d.allowed[off+i][b] = true
	}
}

func (d *diskModel) truncate(size int) {
	d.grow(size)
	for i := size; i < len(d.allowed); i++ {
		d.allowed[i][0] = true // cut off, then grown over again
	}
	d.current = d.current[:size]
	d.minSize = min(d.minSize, size)
}

func (d *diskModel) sync() {
	d.allowed = d.allowed[:0]
	for _, b := range d.current {
		d.allowed = append(d.allowed, map[byte]bool{b: true})
	}
	d.minSize, d.maxSize = len(d.current), len(d.current)
}

// explain says what is wrong with a file after a crash.
func (d *diskModel) explain(p []byte) error {
	if len(p) < d.minSize || len(p) > d.maxSize {
		return fmt.Errorf("%d bytes long, want %d to %d", len(p), d.minSize, d.maxSize)
	}
	for i, b := range p {
		if !d.allowed[i][b] {
			return fmt.Errorf("byte %d is %d, want one of %v", i, b, d.allowed[i])
		}
	}
	return nil
}

func TestRandomCrashLeavesOnlyWhatTheHistoryExplains(t *testing.T) {
	seed := newSeed(t)
	rng := seeded(seed)
	caught := 0
	for round := range 60 {
		m := vfs.NewMem()
		f := create(t, m, "a")
		must(t, m.SyncDir("/"))
		var model, deaf diskModel // deaf does not hear of writes
		for step := range 30 {
			off, n := rng.IntN(3000), 1+rng.IntN(1500)
			switch rng.IntN(8) {
			case 0:
				must(t, f.Sync())
				model.sync()
				deaf.sync()
			case 1:
				must(t, f.Truncate(int64(off)))
				model.truncate(off)
				deaf.truncate(off)
			case 2:
				off = len(model.current)
				fallthrough
			default:
				p := bytes.Repeat([]byte{byte(step + 1)}, n)
				write(t, f, string(p), int64(off))
				model.write(p, off)
				deaf.grow(off + n)
			}
			wantContent(t, f, string(model.current))
			p := fileContent(t, m.CrashClone(rng, random), "a")
			if err := model.explain(p); err != nil {
				t.Fatalf("seed %d, round %d, step %d: %v", seed, round, step, err)
			}
			if deaf.explain(p) != nil {
				caught++
			}
			lost := m.CrashClone(nil, loseAll)
			wantFile(t, lost, "a", string(fileContent(t, lost.CrashClone(rng, random), "a")))
		}
	}
	if caught == 0 {
		t.Error("the oracle accepts anything")
	}
}

func TestEqualSeedsGiveEqualCrashes(t *testing.T) {
	m := vfs.NewMem()
	for i := range 20 {
		dir := fmt.Sprintf("d%d", i%4)
		must(t, m.MkdirAll(dir))
		f := create(t, m, m.Join(dir, fmt.Sprint(i)))
		write(t, f, strings.Repeat(fmt.Sprint(i), 3000), 100)
	}
	seed := newSeed(t)
	for i := range uint64(20) {
		a, b := dump(t, m.CrashClone(seeded(seed+i), random)), dump(t, m.CrashClone(seeded(seed+i), random))
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d: two crashes differ", seed+i)
		}
	}
}

// replaceFile is the way to replace a file that survives crashes, unless told to forget a step.
func replaceFile(fsys vfs.FS, content, forget string) error {
	f, err := fsys.Create("db/tmp")
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		return err
	}
	if forget != "sync" {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := fsys.Rename("db/tmp", "db/a"); err != nil {
		return err
	}
	if forget == "syncdir" {
		return nil
	}
	return fsys.SyncDir("db")
}

// sweepReplace crashes replaceFile at each of its operations and returns the first wrong state.
func sweepReplace(t *testing.T, seed uint64, forget string) error {
	t.Helper()
	m := vfs.NewMem()
	must(t, m.MkdirAll("db"))
	must(t, m.SyncDir("/"))
	old := strings.Repeat("old", 1000)
	must(t, replaceFile(m, old, ""))
	next := strings.Repeat("next", 1000)
	rng := seeded(seed)
	var wrong error
	check := func(when string, allowed ...string) {
		for range 50 {
			p := string(fileContent(t, m.CrashClone(rng, random), "db/a"))
			if !slices.Contains(allowed, p) && wrong == nil {
				wrong = fmt.Errorf("crash before %s: found %d bytes that must not be found", when, len(p))
			}
		}
	}
	tr := vfs.NewTrace(m, func(op vfs.Op) { check(op.String(), old, next) })
	must(t, replaceFile(tr, next, forget))
	check("the answer was used", next)
	return wrong
}

func TestCrashSweepFindsForgottenSyncs(t *testing.T) {
	seed := newSeed(t)
	if err := sweepReplace(t, seed, ""); err != nil {
		t.Errorf("correct code: %v", err)
	}
	for _, forget := range []string{"sync", "syncdir"} {
		err := sweepReplace(t, seed, forget)
		if err == nil {
			t.Errorf("nothing found with %s forgotten", forget)
		}
		t.Logf("%s forgotten: %v", forget, err)
	}
}

func TestCrashCloneBesideWriters(t *testing.T) {
	m := vfs.NewMem()
	done := make(chan error)
	for g := range 2 {
		go func() {
			done <- func() error {
				name := fmt.Sprint(g)
				f, err := m.Create(name)
				if err != nil {
					return err
				}
				for i := range 500 {
					if _, err := f.WriteAt([]byte("0123456789"), int64(i*7)); err != nil {
						return err
					}
					if _, err := f.ReadAt(make([]byte, 5), int64(i)); err != nil {
						return err
					}
					if i%50 == 0 {
						err = errors.Join(f.Sync(), m.SyncDir("/"), m.Rename(name, name+"x"), m.Rename(name+"x", name))
					}
					if err != nil {
						return err
					}
				}
				return f.Close()
			}()
		}()
	}
	rng := seeded(newSeed(t))
	for range 50 {
		dump(t, m.CrashClone(rng, random))
	}
	must(t, <-done)
	must(t, <-done)
}

// fileContent reads a file; a missing one has nil.
func fileContent(t *testing.T, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	p := content(t, f)
	must(t, f.Close())
	return p
}

// dump lists everything in a file system.
func dump(t *testing.T, fsys vfs.FS) []string {
	t.Helper()
	var all []string
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fsys.List(dir)
		must(t, err)
		for _, name := range names {
			name = fsys.Join(dir, name)
			info, err := fsys.Stat(name)
			must(t, err)
			if info.IsDir {
				all = append(all, name+"/")
				walk(name)
				continue
			}
			all = append(all, name, string(fileContent(t, fsys, name)))
		}
	}
	walk("/")
	return all
}
