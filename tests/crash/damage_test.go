package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

const damageKeys = 24

// A victim is a small database at rest whose files are to be damaged.
type victim struct {
	name    string
	disk    *vfs.Mem
	history *history
	mark    mark
	tail    string // the newest log segment
	clean   bool   // the database was closed
}

// A damage is a change of one file.
type damage struct {
	file string
	what string
	at   int64
	do   func(p []byte) []byte // the new content; nil: the file is removed
	tail bool                  // what is left may look like a torn tail of the log
}

func (d *damage) String() string { return fmt.Sprintf("%s: %s at %d", d.file, d.what, d.at) }

// victims makes the databases: tables on two levels, commits in the log, and a manifest with edits. One
// was closed, the other killed.
func victims(seed uint64) ([]*victim, error) {
	var out []*victim
	for _, clean := range []bool{true, false} {
		disk := vfs.NewMem()
		s := newSession(disk, seed, damageKeys)
		s.cfg.LogBytes, s.cfg.L0CompactionTrigger = 4<<10, 100
		err := errors.Join(s.open(), s.batch(2*damageKeys, engine.NoSync), s.compact(nil, nil), s.batch(10, engine.NoSync), s.flush(), s.batches(8, 4))
		for range 3 {
			err = errors.Join(err, s.commit([]write{{id: s.rng.IntN(damageKeys)}}, engine.Sync))
		}
		v := &victim{name: "killed", disk: disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll}), clean: clean}
		if err := errors.Join(err, s.close()); err != nil {
			return nil, err
		}
		if clean {
			v.name, v.disk = "closed", disk
		}
		v.history, v.mark = s.journal.history(), s.journal.mark()
		names, err := disk.List(directory)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if _, ok := wal.ParseFileName(name); ok {
				v.tail = name
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// files returns the names and contents of all files but the lock.
func (v *victim) files() (map[string][]byte, error) {
	names, err := v.disk.List(directory)
	files := map[string][]byte{}
	for _, name := range names {
		if name != "LOCK" && err == nil {
			files[name], err = readFile(v.disk, v.disk.Join(directory, name))
		}
	}
	return files, err
}

// flips returns a change of every byte of a file: of one bit, or of all.
func (v *victim) flips(file string, p []byte, rng *rand.Rand) []damage {
	var out []damage
	for at := range p {
		mask := byte(0xff)
		if rng.IntN(2) == 0 {
			mask = 1 << rng.IntN(8)
		}
		out = append(out, damage{
			file: file, what: fmt.Sprintf("xor %02x", mask), at: int64(at), tail: file == v.tail && !v.clean,
			do: func(p []byte) []byte { p[at] ^= mask; return p },
		})
	}
	return out
}

// cuts returns truncations of a file, and its removal.
func (v *victim) cuts(file string, p []byte, rng *rand.Rand) []damage {
	// Nothing but its own end tells how long the newest log segment should be.
	tail := file == v.tail
	out := []damage{{file: file, what: "removed", at: -1, tail: tail, do: func([]byte) []byte { return nil }}}
	step := 1
	if !environment.Nightly() {
		step = max(1, len(p)/60)
	}
	for n := rng.IntN(step); n < len(p); n += step {
		out = append(out, damage{file: file, what: "cut", at: int64(n), tail: tail, do: func(p []byte) []byte { return p[:n] }})
	}
	return out
}

// inflict returns the disk with the damage done.
func (v *victim) inflict(d *damage, content []byte) (*vfs.Mem, error) {
	disk := v.disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll})
	name := disk.Join(directory, d.file)
	if err := disk.Remove(name); err != nil {
		return nil, err
	}
	if p := d.do(append([]byte{}, content...)); p != nil {
		if err := writeFile(disk, name, p); err != nil {
			return nil, err
		}
	}
	return disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll}), nil
}

// judge reads everything from a damaged disk, without writing and, if thorough, after compacting it.
func (v *victim) judge(disk *vfs.Mem, d *damage, thorough bool) error {
	cfg := config(disk)
	cfg.ReadOnly = true
	if err := v.attempt(cfg, d, false); err != nil {
		return fmt.Errorf("read-only: %w", err)
	}
	if !thorough {
		return nil
	}
	if err := v.attempt(config(disk), d, true); err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	if err := v.attempt(config(disk), d, false); err != nil {
		return fmt.Errorf("after compacting: %w", err)
	}
	return nil
}

// attempt opens the database, reads all of it, and closes it. Each result must be right, or damage that is
// named.
func (v *victim) attempt(cfg engine.Config, d *damage, compact bool) error {
	db, err := engine.Spawn(cfg)
	if err != nil {
		return v.blames(err, d)
	}
	if compact {
		if err := db.Compact(context.Background(), nil, nil); err != nil {
			if err := v.blames(err, d); err != nil {
				return errors.Join(err, db.Close())
			}
		}
	}
	m := v.mark
	if d.tail {
		m.visible = place{}
	}
	err = checkReads(db, v.history, m, engine.ErrCorruption)
	if closed := db.Close(); closed != nil {
		err = errors.Join(err, v.blames(closed, d))
	}
	return err
}

// blames expects an error that names the damaged file.
func (v *victim) blames(err error, d *damage) error {
	var c *engine.CorruptionError
	if !errors.As(err, &c) || !errors.Is(err, engine.ErrCorruption) {
		return fmt.Errorf("an error that is none of damage: %w", err)
	}
	if path.Base(c.File) != d.file && !d.explains(c) {
		return fmt.Errorf("the error blames another file: %w", err)
	}
	return nil
}

// explains reports whether the error may name something else. That a file is missing can only be told by
// another one, or by the directory. A manifest without its last edits is whole, but the log does not reach
// back far enough any more, or tables are gone that the edits had replaced.
func (d *damage) explains(c *engine.CorruptionError) bool {
	if strings.HasPrefix(d.file, "MANIFEST-") {
		return path.Ext(c.File) == ".wal" || path.Ext(c.File) == ".sst"
	}
	return d.at < 0 && c.File == directory
}

func TestDamageAnywhereIsFoundOrHarmless(t *testing.T) {
	warmUp(t)
	before := runtime.NumGoroutine()
	for seed := range seeds(t, 1, 3) {
		all, err := victims(seed)
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
		}
		for _, v := range all {
			t.Run(v.name, func(t *testing.T) { damageSweep(t, v, seed) })
		}
	}
	expectGoroutines(t, before)
}

func damageSweep(t *testing.T, v *victim, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x64616d616765))
	files, err := v.files()
	if err != nil {
		t.Fatal(err)
	}
	type job struct {
		damage
		n int
	}
	work := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[string]int{}
	var judged atomic.Uint64
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range work {
				before, others := allocated(), judged.Load()
				disk, err := v.inflict(&j.damage, files[j.file])
				if err == nil {
					err = v.judge(disk, &j.damage, environment.Nightly() || j.n%16 == 0)
				}
				others = judged.Add(1) - 1 - others // their memory is counted as well
				if n := allocated() - before; err == nil && n > (1+others)*(64<<20) {
					err = fmt.Errorf("it took %d bytes of memory", n)
				}
				if err != nil {
					mu.Lock()
					if failed[j.file]++; failed[j.file] <= 3 {
						t.Errorf("MIDDB_SEED=%d: %v: %v", seed, &j.damage, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	n, size := 0, 0
	for name, p := range files {
		if !v.clean && name != v.tail && !environment.Nightly() {
			continue // as in the closed one
		}
		size += len(p)
		for _, d := range append(v.flips(name, p, rng), v.cuts(name, p, rng)...) {
			work <- job{d, n}
			n++
		}
	}
	close(work)
	wg.Wait()
	t.Logf("seed %d: %d damages to %d files of %d bytes; failed: %v", seed, n, len(files), size, failed)
}

// allocated returns the bytes that the process has allocated on the heap so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
