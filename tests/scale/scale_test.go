// Package scale loads a database far larger than its memory budget, in a process of its own, and holds
// what users of a large one rely on: the load settles, the directory is little larger than a full
// compaction would leave it, opening is quick whether or not the last process was killed, and the
// process stays within the memory budget.
package scale

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
)

const (
	budget     = 256 << 20
	valueBytes = 100
	// roleVariable tells a child process what to do; without it this is the test itself.
	roleVariable = "MIDDB_SCALE_ROLE"
	dirVariable  = "MIDDB_SCALE_DIR"
	keysVariable = "MIDDB_SCALE_KEYS"
)

// report is what a child says when it is done.
type report struct {
	Open      time.Duration
	Settle    time.Duration
	Keys      int
	PeakRSS   int64
	Directory int64 // bytes, one log segment not counted
	Compacted int64 // the same after a full compaction
	Levels    []engine.LevelStats
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	keys, err := strconv.Atoi(os.Getenv(keysVariable))
	if _, ok := tableRoles[role]; ok && err == nil {
		err = tableChild(role, os.Getenv(dirVariable), keys)
	} else if err == nil {
		err = child(role, os.Getenv(dirVariable), keys)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestLoadSettlesAndReopensWithinItsBudget takes MIDDB_SCALE_KEYS keys: 300,000 by default, five
// million in the nightly run.
func TestLoadSettlesAndReopensWithinItsBudget(t *testing.T) {
	keys := 300_000
	if s := os.Getenv(keysVariable); s != "" {
		var err error
		if keys, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "db")

	r := run(t, "load", dir, keys, false)
	t.Logf("loaded %d keys: settled in %v, peak RSS %d MiB, directory %d MiB", keys, r.Settle, r.PeakRSS>>20, r.Directory>>20)
	within(t, "resident memory in MiB", float64(r.PeakRSS>>20), budget*1.2/(1<<20))

	r = run(t, "count", dir, keys, false)
	t.Logf("clean open: %v, peak RSS %d MiB", r.Open, r.PeakRSS>>20)
	if r.Keys != keys {
		t.Fatalf("%d keys after a clean close, want %d", r.Keys, keys)
	}
	quickly(t, "time to open after a clean close", r.Open, 100*time.Millisecond)
	within(t, "resident memory in MiB", float64(r.PeakRSS>>20), budget*1.2/(1<<20))

	run(t, "overwrite", dir, keys, true)
	r = run(t, "count", dir, keys, false)
	t.Logf("open after a kill: %v", r.Open)
	if r.Keys != keys {
		t.Fatalf("%d keys after a kill, want %d", r.Keys, keys)
	}
	quickly(t, "time to open after a kill", r.Open, 2*time.Second)

	r = run(t, "space", dir, keys, false)
	t.Logf("directory %d MiB settled, %d MiB compacted; levels %+v", r.Directory>>20, r.Compacted>>20, r.Levels)
	within(t, "size of the directory, compared with a full compaction", float64(r.Directory)/float64(r.Compacted), 1.25)
}

// quickly is within for times. The limits hold on a machine that does nothing else, as at night; by
// day other packages are tested beside this one, and a sync may wait for theirs.
func quickly(t *testing.T, what string, got, limit time.Duration) {
	t.Helper()
	if !environment.Nightly() {
		limit *= 10
	}
	within(t, what+", milliseconds", float64(got.Milliseconds()), float64(limit.Milliseconds()))
}

func within(t *testing.T, what string, got, limit float64) {
	t.Helper()
	if got > limit {
		t.Errorf("%s: %.2f, the limit is %.2f", what, got, limit)
	}
}

// run starts a child with a role. With kill it is killed as soon as it says that it is busy.
func run(t *testing.T, role, dir string, keys int, kill bool) (r report) {
	t.Helper()
	line := runRaw(t, role, dir, keys, kill)
	if kill {
		return r
	}
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatalf("%s: %v in %q", role, err, line)
	}
	return r
}

// runRaw is run for any report.
func runRaw(t *testing.T, role, dir string, keys int, kill bool) []byte {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, dirVariable+"="+dir, keysVariable+"="+strconv.Itoa(keys))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	line, err := in.ReadBytes('\n')
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	if kill {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		return nil
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", role, err, stderr.String())
	}
	return line
}

// child does what a role says and prints its report.
func child(role, dir string, keys int) error {
	ctx := context.Background()
	start := time.Now()
	db, err := engine.Spawn(engine.Config{Dir: dir, MemoryBudget: budget, Durability: engine.NoSync})
	if err != nil {
		return err
	}
	r := report{Open: time.Since(start)}
	switch role {
	case "load":
		err = load(db, keys)
	case "overwrite":
		return overwrite(db, keys)
	case "count":
		r.Keys, err = count(db)
	case "space":
		err = r.space(ctx, db)
	}
	if err != nil {
		return err
	}
	start = time.Now()
	if err := db.Flush(ctx); err != nil {
		return err
	}
	if err := db.WaitIdle(ctx); err != nil {
		return err
	}
	r.Settle = time.Since(start)
	r.Levels = db.Stats().Levels
	if err := db.Close(); err != nil {
		return err
	}
	if r.PeakRSS, err = peakRSS(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// load writes every key once, in random order.
func load(db *engine.DB, keys int) error {
	rng := rand.New(rand.NewPCG(1, 1))
	k, v := make([]byte, 16), make([]byte, valueBytes)
	for _, i := range rng.Perm(keys) {
		if err := db.Put(keyOf(k, i), valueOf(v, rng)); err != nil {
			return err
		}
	}
	return nil
}

// overwrite replaces values until it is killed, and says when it has filled a good part of a memtable.
func overwrite(db *engine.DB, keys int) error {
	rng := rand.New(rand.NewPCG(2, 2))
	k, v := make([]byte, 16), make([]byte, valueBytes)
	for i := 0; ; i++ {
		if err := db.Put(keyOf(k, rng.IntN(keys)), valueOf(v, rng)); err != nil {
			return err
		}
		if i == 250_000 {
			fmt.Println("busy")
		}
	}
}

func count(db *engine.DB) (n int, err error) {
	it, err := db.NewIterator(engine.IterOptions{})
	if err != nil {
		return 0, err
	}
	for range it.All() {
		n++
	}
	return n, it.Close()
}

// space compares the settled directory with what a full compaction leaves.
func (r *report) space(ctx context.Context, db *engine.DB) (err error) {
	if err := db.Flush(ctx); err != nil {
		return err
	}
	if err := db.WaitIdle(ctx); err != nil {
		return err
	}
	if r.Directory, err = directoryBytes(db.Path()); err != nil {
		return err
	}
	if err := db.Compact(ctx, nil, nil); err != nil {
		return err
	}
	r.Compacted, err = directoryBytes(db.Path())
	return err
}

// directoryBytes returns the size of everything but the log.
func directoryBytes(dir string) (n int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && filepath.Ext(e.Name()) != ".wal" {
			n += info.Size()
		}
	}
	return n, nil
}

func keyOf(dst []byte, i int) []byte {
	return fmt.Appendf(dst[:0], "%016x", uint64(i)*0x9e3779b97f4a7c15)
}

// valueOf fills v with bytes of which half can be compressed away.
func valueOf(v []byte, rng *rand.Rand) []byte {
	for i := 0; i < len(v)/2; i++ {
		v[i] = byte(rng.Uint32())
	}
	return v
}

func peakRSS() (int64, error) {
	p, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(p)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/self/status")
}
