package tables

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// These tell a child process what to do; without them this is the test itself.
const (
	dirVariable  = "MIDDB_TABLES_DIR"
	dataVariable = "MIDDB_TABLES_DATA"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	if err := load(dir, os.Getenv(dataVariable), func(words ...any) { fmt.Println(words...) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A loading is a database that children load, one after the other.
type loading struct {
	dir, data string
	durable   map[string]int // what was told last of each table, and of each index
	done      bool
}

// life starts a child and kills it when it has told so much of one kind; 0: it may end by itself.
func (l *loading) life(t *testing.T, kind string, fuse int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+l.dir, dataVariable+"="+l.data)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	killed := false
	lines := bufio.NewScanner(out)
	for lines.Scan() { // on to the end: what the child told before it was killed counts
		var said, what string
		var n int
		if _, err := fmt.Sscan(lines.Text(), &said, &what, &n); err != nil {
			t.Fatalf("the child says %q: %v", lines.Text(), err)
		}
		switch said {
		case "loaded", "index":
			l.durable[what] = n
		case "done":
			l.done = true
		}
		if said != kind {
			continue
		}
		if fuse--; fuse == 0 {
			check(t, cmd.Process.Kill())
			killed = true
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Fatalf("the child: %v\n%s", err, stderr.String())
	}
}

// inspect expects that everything is in order and durable rows are there, and returns how many there are.
func (l *loading) inspect(t *testing.T, f *flights) (total int) {
	t.Helper()
	check(t, verify(l.dir))
	db, err := open(l.dir)
	check(t, err)
	check(t, db.VerifyTables(context.Background(), func(f engine.Finding) bool {
		t.Error(f)
		return true
	}))
	schemas, err := db.ListTables()
	check(t, err)
	for _, schema := range schemas {
		for _, ix := range schema.Indexes {
			if ix.State != catalog.Ready {
				t.Errorf("index %s is still being built", ix.Name)
			}
		}
	}
	for _, s := range f.all()[:len(schemas)] {
		n, err := db.Table(s.name).Count()
		check(t, err)
		if have := int(n); have < l.durable[s.name] || have%batchRows != 0 && have != len(s.rows) {
			t.Errorf("%s has %d rows, %d were durable, in transactions of %d", s.name, have, l.durable[s.name], batchRows)
		}
		total += int(n)
	}
	for _, d := range lateIndexes {
		if l.durable[d.Name] == 0 {
			continue
		}
		schema, err := db.GetTable(d.table)
		check(t, err)
		if _, found := schema.Index(d.Name); !found {
			t.Errorf("index %s was durable and is gone", d.Name)
		}
	}
	check(t, db.Close())
	return total
}

// verify does what middb verify does: it checks every file of a database that is not open.
func verify(dir string) error { return verifyOn(vfs.OS, dir) }

func verifyOn(fs vfs.FS, dir string) error {
	report, err := levels.Verify(fs, dir, nil)
	if errors.Is(err, levels.ErrNotDatabase) {
		return nil // it was killed before there was one
	}
	if err := errors.Join(append(report.Problems, err)...); err != nil {
		return fmt.Errorf("verify the tables: %w", err)
	}
	set, err := levels.Load(levels.Options{FS: fs, Dir: dir})
	if err != nil {
		return err
	}
	o := wal.RecoverOptions{FlushedSeq: set.FlushedSeq(), LogID: set.Identity().LogID}
	if _, err := wal.Verify(fs, dir, o, nil); err != nil {
		return fmt.Errorf("verify the log: %w", err)
	}
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenFlightsSurviveKills(t *testing.T) {
	seed := environment.Seed(t)
	defer func() {
		if t.Failed() {
			t.Logf("MIDDB_SEED=%d", seed)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 0x666c69676874))
	l := &loading{dir: filepath.Join(t.TempDir(), "db"), data: environment.OpenFlights(t), durable: map[string]int{}}
	f, err := readFlights(l.data)
	check(t, err)
	kills := []int{3, 3}
	switch {
	case environment.Nightly():
		kills = []int{40, 20}
	case testing.Short():
		kills = []int{1, 1}
	}
	batches := 0
	for _, s := range f.all() {
		batches += (len(s.rows) + batchRows - 1) / batchRows
	}
	for i, kind := range []string{"loaded", "building"} {
		for range kills[i] {
			fuse := 1 + rng.IntN(12)
			if kind == "loaded" {
				fuse = 1 + rng.IntN(2*batches/(kills[i]+1))
			}
			l.life(t, kind, fuse)
			n := l.inspect(t, f)
			t.Logf("killed at %q %d: %d rows", kind, fuse, n)
			if t.Failed() {
				return
			}
		}
	}
	l.life(t, "", 0)
	if !l.done {
		t.Fatal("the child does not end")
	}
	l.inspect(t, f)
	compare(t, l.dir, f)
}
