package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

// flip turns around one bit of the only file in dir that matches pattern, in its middle.
func flip(t *testing.T, dir, pattern string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s matches %v, %v; want one file", pattern, names, err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	// Files may be longer than what is written of them.
	text[len(strings.TrimRight(string(text), "\x00"))/2] ^= 1
	if err := os.WriteFile(names[0], text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// filled makes a database of n entries in dir, by single synced puts.
func filled(t *testing.T, dir string, n int) {
	t.Helper()
	var script strings.Builder
	for i := range n {
		fmt.Fprintf(&script, "put key%03d value%d\n", i, i)
	}
	must(t, dir, script.String(), "local", "db")
}

func TestDamagedLogIsFoundAndRepaired(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 100)
	flip(t, dir, "db/*.wal")
	for _, args := range [][]string{{"local", "db", "-c", "get key000"}, {"get", "--data-dir", "db", "key000"}} {
		_, errs, code := middb(t, dir, "", args...)
		if code != exitOpen || !strings.Contains(errs, ".wal is damaged at offset") || !strings.Contains(errs, "middb repair") {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	if _, errs, code := middb(t, dir, "", "verify", "db"); code != exitFailed || !strings.Contains(errs, ".wal is damaged at offset") {
		t.Errorf("verify: exit code %d, %s", code, errs)
	}
	if out := must(t, dir, "", "repair", "db"); !strings.Contains(out, "99 operations") || !strings.Contains(out, "checksum mismatch") {
		t.Errorf("repair: %s", out)
	}
	must(t, dir, "", "repair", "db", "--to", "saved")
	if lines := strings.Count(must(t, dir, "", "scan", "--data-dir", "saved"), "\n"); lines != 99 {
		t.Errorf("repair saved %d entries, want 99", lines)
	}
	must(t, dir, "", "verify", "saved")
}

func TestDamagedTableIsFoundAndRepaired(t *testing.T) {
	dir := t.TempDir()
	big := strings.Repeat("0123456789abcdef", 64)
	var rows strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&rows, "%d,%d%s\n", i, i*7919, big)
	}
	must(t, dir, rows.String(), "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", ":row", "-")
	must(t, dir, "", "compact", "--data-dir", "db")
	flip(t, dir, "db/*.sst")
	_, errs, code := middb(t, dir, "", "verify", "db")
	if code != exitFailed || !strings.Contains(errs, ".sst is damaged at offset") {
		t.Errorf("verify: exit code %d, %s", code, errs)
	}
	out, errs, code := middb(t, dir, "", "scan", "--data-dir", "db")
	if code != exitFailed || !strings.Contains(errs, ".sst is damaged at offset") || !strings.HasPrefix(out, "00000000000000000001\t") {
		t.Errorf("scan: exit code %d, %s", code, errs)
	}
	if out = must(t, dir, "", "repair", "db"); !strings.Contains(out, "1 damaged") {
		t.Errorf("repair: %s", out)
	}
	must(t, dir, "", "repair", "db", "--to", "saved")
	out = must(t, dir, "", "scan", "--data-dir", "saved")
	if n := strings.Count(out, "\n"); n < 1500 || n >= 2000 {
		t.Errorf("repair saved %d entries of 2000", n)
	}
	if !strings.Contains(out, "\n00000000000000002000\t") {
		t.Error("repair did not save what lies behind the damage")
	}
}

// What lies between damaged blocks is saved, and files may be missing: those of indexes are not needed at all.
func TestWhatIsLeftOfDamagedFilesIsSaved(t *testing.T) {
	dir := t.TempDir()
	db, err := engine.Spawn(engine.Config{Dir: filepath.Join(dir, "db"), Compression: []engine.Compression{engine.NoCompression}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := catalog.NewTable("t").Column("id", "INT").Column("s", "TEXT").PrimaryKey("id").Index("by_s", "s").Build()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 4000
	err = errors.Join(db.RegisterTable(t.Context(), d), db.Update(t.Context(), func(txn *engine.Txn) error {
		h, err := txn.Table("t")
		for i := 0; err == nil && i < rows; i++ {
			err = h.Insert(catalog.Int(int64(i)), catalog.Str(fmt.Sprintf("row %0200d", i)))
		}
		return err
	}), db.Flush(t.Context()), db.Close())
	if err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(filepath.Join(dir, "db/*.sst"))
	pages, _ := filepath.Glob(filepath.Join(dir, "db/*.pages"))
	if len(tables) != 1 || len(pages) != 1 {
		t.Fatal(tables, pages)
	}
	text, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/5] ^= 1
	text[len(text)*3/5] ^= 1
	if err := errors.Join(os.WriteFile(tables[0], text, 0o644), os.Remove(pages[0])); err != nil {
		t.Fatal(err)
	}
	if out := must(t, dir, "", "repair", "db", "--to", "saved"); !strings.Contains(out, "2 damaged") {
		t.Errorf("repair: %s", out)
	}
	if out := must(t, dir, "", "verify", "saved"); !strings.Contains(out, "tables: 1, with 1 indexes") {
		t.Errorf("verify: %s", out)
	}
	db, err = engine.Spawn(engine.Config{Dir: filepath.Join(dir, "saved"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := db.Table("t").Count(); n < rows-200 || n >= rows || err != nil {
		t.Errorf("%d rows of %d, %v", n, rows, err)
	}
	if err := errors.Join(db.Close(), os.Remove(tables[0])); err != nil {
		t.Fatal(err)
	}
	if out := must(t, dir, "", "repair", "db"); !strings.Contains(out, "1 damaged") || !strings.Contains(out, filepath.Base(tables[0])) {
		t.Errorf("repair without the only sstable: %s", out)
	}
}

func TestLockedDatabaseNamesItsOwner(t *testing.T) {
	dir := t.TempDir()
	cmd := command(dir, "local", "db")
	in, out := start(t, cmd)
	fmt.Fprintln(in, "put a 1")
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "OK\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	for _, args := range [][]string{{"get", "--data-dir", "db", "a"}, {"put", "--data-dir", "db", "a", "2"}, {"verify", "db"}} {
		_, errs, code := middb(t, dir, "", args...)
		if code != exitOpen || !strings.Contains(errs, fmt.Sprintf("pid %d", cmd.Process.Pid)) {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := must(t, dir, "", "get", "--data-dir", "db", "a"); got != "1\n" {
		t.Errorf("after kill -9: got %q", got)
	}
}

func TestInspectPrintsEveryKindOfFile(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 10)
	must(t, dir, "", "compact", "--data-dir", "db")
	must(t, dir, "", "put", "--data-dir", "db", "newest", "é")
	for _, c := range []struct{ kind, pattern, want string }{
		{"log", "db/*.wal", "newest"},
		{"sstable", "db/*.sst", "key009"},
		{"manifest", "db/MANIFEST-*", "key000"},
	} {
		names, _ := filepath.Glob(filepath.Join(dir, c.pattern))
		if len(names) == 0 {
			t.Fatalf("no file matches %s", c.pattern)
		}
		args := []string{"inspect", c.kind, names[len(names)-1]}
		if c.kind != "manifest" {
			args = append(args, "--verbose")
		}
		if out := must(t, dir, "", args...); !strings.Contains(out, c.want) {
			t.Errorf("%s does not show %s:\n%s", c.kind, c.want, out)
		}
		if _, errs, code := middb(t, dir, "", "inspect", c.kind, "testdata"); code != exitOpen {
			t.Errorf("%s of a missing file: exit code %d, %s", c.kind, code, errs)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "000001.sst"), []byte("not a table"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := middb(t, dir, "", "inspect", "sstable", "000001.sst"); code != exitFailed || !strings.Contains(errs, "damaged") {
		t.Errorf("a file that is no table: exit code %d, %s", code, errs)
	}
}

func TestStatsAreNamesAndNumbersInAPipe(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 10)
	for line := range strings.Lines(must(t, dir, "", "stats", "--data-dir", "db")) {
		if strings.Count(line, "\t") != 1 {
			t.Errorf("%q is no name and value", line)
		}
	}
	if out := must(t, dir, "", "stats", "--data-dir", "db"); !strings.Contains(out, "\nmemtable_keys\t10\n") {
		t.Errorf("the memtable of a database that was just read has no 10 keys:\n%s", out)
	}
	out := must(t, dir, "", "local", "db", "-c", "use users", "-c", "begin", "-c", "stats", "-c", "commit")
	for _, want := range []string{"transactions\t1", "conflicts\t0", "keyspaces\t2"} {
		if !strings.Contains(out, "\n"+want+"\n") {
			t.Errorf("stats in a transaction do not say %s:\n%s", want, out)
		}
	}
}
