package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
)

// tableReport is what a child says that was busy with a table.
type tableReport struct {
	Open     time.Duration
	Replayed uint64 // operations that opening has found in the log
	Load     time.Duration
	Build    time.Duration // of another index
	Verify   time.Duration
	Close    time.Duration
	LoadRSS  int64 // peaks
	PeakRSS  int64
	Pages    int64 // bytes of the file of the indexes
	LogBytes int64
}

// The children's roles with a table.
var tableRoles = map[string]func(*tableReport, *engine.DB, int) error{
	"load a table":    (*tableReport).load,
	"make an index":   (*tableReport).index,
	"read a table":    (*tableReport).read,
	"change a table":  (*tableReport).change,
	"verify a table":  (*tableReport).verify,
	"append a little": (*tableReport).little,
}

// tableBudget is the memory budget for a table of so many rows, whose two indexes are several times larger.
func tableBudget(rows int) int64 { return max(4<<20, int64(rows)*16) }

// allowance is what a process takes at most beside two and a half times its budget: the program and the garbage of Go.
const allowance = 64 << 20

// TestIndexesLargerThanMemory takes MIDDB_SCALE_ROWS rows with two indexes: 100,000, a million in the nightly run.
func TestIndexesLargerThanMemory(t *testing.T) {
	byDefault := uint64(100_000)
	switch {
	case environment.Nightly():
		byDefault = 1_000_000
	case testing.Short():
		byDefault = 20_000
	}
	rows := int(environment.Number(t, "MIDDB_SCALE_ROWS", byDefault))
	dir := filepath.Join(t.TempDir(), "db")
	step := func(role string, kill bool) (r tableReport) {
		t.Helper()
		line := runRaw(t, role, dir, rows, kill)
		if kill {
			return r
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %v in %q", role, err, line)
		}
		t.Logf("%s: open %v (%d operations of log), load %v, build %v, verify %v, close %v; peak RSS %d MiB, %d after loading; pages %d MiB, log %d KiB",
			role, r.Open, r.Replayed, r.Load, r.Build, r.Verify, r.Close, r.PeakRSS>>20, r.LoadRSS>>20, r.Pages>>20, r.LogBytes>>10)
		limit := tableBudget(rows)*5/2 + allowance
		if !raceDetector {
			within(t, "resident memory in MiB", float64(r.PeakRSS>>20), float64(limit>>20))
		}
		return r
	}
	r := step("load a table", false)
	if r.Pages < 2*tableBudget(rows) && !testing.Short() {
		t.Errorf("the indexes have %d bytes, the memory budget is %d: that is no test", r.Pages, tableBudget(rows))
	}
	quickly(t, "time to open after a clean close", step("read a table", false).Open, 100*time.Millisecond)
	step("make an index", false)
	quickly(t, "time to open after an index was made", step("append a little", false).Open, 100*time.Millisecond)
	quickly(t, "time to open after a few rows", step("read a table", false).Open, 100*time.Millisecond)
	step("change a table", true)
	quickly(t, "time to open after a kill", step("verify a table", false).Open, 2*time.Second)
	step("read a table", false)
}

// tableChild does what a role says and prints its report.
func tableChild(role, dir string, rows int) error {
	start := time.Now()
	db, err := engine.Spawn(engine.Config{Dir: dir, MemoryBudget: tableBudget(rows), Durability: engine.NoSync})
	if err != nil {
		return err
	}
	r := tableReport{Open: time.Since(start), Replayed: db.Recovery().Commits}
	if err := tableRoles[role](&r, db, rows); err != nil {
		return err
	}
	start = time.Now()
	if err := db.Close(); err != nil {
		return err
	}
	r.Close = time.Since(start)
	if r.PeakRSS, err = peakRSS(); err != nil {
		return err
	}
	if r.Pages, err = bytesOf(dir, "*.pages"); err != nil {
		return err
	}
	if r.LogBytes, err = bytesOf(dir, "*.wal"); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func bytesOf(dir, pattern string) (n int64, err error) {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, err
}

// mix makes any number out of another one.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// The values of a row.
func codeOf(id int) string       { return fmt.Sprintf("%016x", mix(uint64(id))) }
func placeOf(id, rows int) int64 { return int64(mix(uint64(id)+1<<40) % uint64(4*rows)) }

const tableName = "things"

// batchRows is how many rows a transaction has.
const batchRows = 500

func (r *tableReport) load(db *engine.DB, rows int) error {
	start := time.Now()
	d, err := catalog.NewTable(tableName).
		Column("id", "BIGINT").Column("code", "TEXT", catalog.NotNull).Column("place", "BIGINT").Column("note", "TEXT").
		PrimaryKey("id").UniqueIndex("by_code", "code").Index("by_place", "place").Build()
	if err != nil {
		return err
	}
	if err := db.RegisterTable(context.Background(), d); err != nil {
		return err
	}
	if err := insertRows(db, 0, rows, rows); err != nil {
		return err
	}
	r.Load = time.Since(start)
	if r.LoadRSS, err = peakRSS(); err != nil {
		return err
	}
	return r.read(db, rows)
}

func insertRows(db *engine.DB, from, to, rows int) error {
	for at := from; at < to; at += batchRows {
		err := db.Update(context.Background(), func(txn *engine.Txn) error {
			table, err := txn.Table(tableName)
			if err != nil {
				return err
			}
			for id := at; id < min(at+batchRows, to); id++ {
				err := table.Insert(catalog.Int(int64(id)), catalog.Str(codeOf(id)), catalog.Int(placeOf(id, rows)), catalog.Str("a note for everybody"))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read looks codes up and scans places, and compares.
func (r *tableReport) read(db *engine.DB, rows int) error {
	table := db.Table(tableName)
	rng := rand.New(rand.NewPCG(3, uint64(rows)))
	for range 2000 {
		id, n := rng.IntN(rows), 0
		err := table.ScanIndex("by_code", engine.ScanOptions{Prefix: []catalog.Value{catalog.Str(codeOf(id))}}, func(row engine.Row) bool {
			if row.Value("id").AsInt() == int64(id) {
				n++
			}
			return true
		})
		if err != nil || n != 1 {
			return fmt.Errorf("row %d is found %d times by its code: %w", id, n, err)
		}
	}
	return nil
}

// index makes another index, and compares ranges of it and of the one that there is with the rows.
func (r *tableReport) index(db *engine.DB, rows int) error {
	start := time.Now()
	d := engine.IndexDefinition{Name: "by_place_down", Columns: []string{"place DESC", "code"}}
	if err := db.CreateIndex(context.Background(), tableName, d, nil); err != nil {
		return err
	}
	r.Build = time.Since(start)
	rng := rand.New(rand.NewPCG(4, uint64(rows)))
	for range 20 {
		low := rng.Int64N(int64(4 * rows))
		high := low + rng.Int64N(4000)
		want := 0
		for id := range rows {
			if p := placeOf(id, rows); low <= p && p < high {
				want++
			}
		}
		for _, name := range []string{"by_place", "by_place_down"} {
			o := engine.ScanOptions{Lower: []catalog.Value{catalog.Int(low)}, Upper: []catalog.Value{catalog.Int(high)}, UpperExclusive: true}
			if name == "by_place_down" {
				o = engine.ScanOptions{Lower: o.Upper, LowerExclusive: true, Upper: o.Lower}
			}
			got, last := 0, int64(-1)
			err := db.Table(tableName).ScanIndex(name, o, func(row engine.Row) bool {
				p := row.Value("place").AsInt()
				if id := row.Value("id").AsInt(); p == placeOf(int(id), rows) && (last < 0 || p == last || p > last == (name == "by_place")) {
					got++
				}
				last = p
				return true
			})
			if err != nil || got != want {
				return fmt.Errorf("%s from %d to %d: %d rows, want %d: %w", name, low, high, got, want, err)
			}
		}
	}
	return nil
}

// little writes a few rows, which are left to the log.
func (r *tableReport) little(db *engine.DB, rows int) error {
	return insertRows(db, rows, rows+1000, rows)
}

// change changes rows everywhere until the process is killed, and says when it has changed many.
func (r *tableReport) change(db *engine.DB, rows int) error {
	rng := rand.New(rand.NewPCG(5, 5))
	for i := 0; ; i++ {
		err := db.Update(context.Background(), func(txn *engine.Txn) error {
			table, err := txn.Table(tableName)
			if err != nil {
				return err
			}
			for range batchRows / 5 {
				id := []catalog.Value{catalog.Int(int64(rng.IntN(rows)))}
				if err := table.UpdateFields(id, map[string]any{"place": rng.Int64N(int64(4 * rows))}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if i == rows/1000 {
			fmt.Println("busy")
		}
	}
}

// verify compares the indexes with the rows.
func (r *tableReport) verify(db *engine.DB, rows int) error {
	start := time.Now()
	var findings []engine.Finding
	err := db.VerifyTables(context.Background(), func(f engine.Finding) bool {
		findings = append(findings, f)
		return len(findings) < 5
	})
	if len(findings) > 0 {
		return fmt.Errorf("%v", findings)
	}
	r.Verify = time.Since(start)
	if err != nil {
		return err
	}
	n, err := db.Table(tableName).Count()
	if err == nil && int(n) != rows+1000 {
		err = fmt.Errorf("there are %d rows, want %d", n, rows+1000)
	}
	return err
}
