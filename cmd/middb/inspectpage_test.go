package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/page"
)

// tabled makes a database with a table and two indexes in dir/db, all of it flushed.
func tabled(t *testing.T, dir string) {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: filepath.Join(dir, "db")})
	check(t, err)
	d, err := catalog.NewTable("users").Column("id", "BIGINT").Column("name", "TEXT").Column("age", "INT").PrimaryKey("id").
		Unique("name").Index("by_age", "age", "name").Build()
	check(t, err)
	check(t, db.RegisterTable(context.Background(), d))
	check(t, db.Update(context.Background(), func(txn *engine.Txn) error {
		users, err := txn.Table("users")
		for i := int64(0); i < 1000 && err == nil; i++ {
			err = users.Insert(catalog.Int(i), catalog.Str(fmt.Sprintf("user %04d", i)), catalog.Int(i%90))
		}
		return err
	}))
	check(t, db.Flush(context.Background()))
	check(t, db.Close())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pagesOf(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "db", "*.pages"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files of pages: %q, %v", names, err)
	}
	return names[0]
}

func TestPagesAreListedAndDrawn(t *testing.T) {
	dir := t.TempDir()
	tabled(t, dir)
	name := pagesOf(t, dir)
	list := must(t, dir, "", "inspect", "page", name)
	root := regexp.MustCompile(`(?m)^ +(\d+)  branch, level 1: \d+ keys`).FindStringSubmatch(list)
	if !strings.Contains(list, "the first page of file") || !strings.Contains(list, "leaf, level 0: ") || root == nil {
		t.Fatalf("the list:\n%s", list)
	}
	drawn := must(t, dir, "", "inspect", "page", name, root[1])
	if !strings.Contains(drawn, "branch, level 1") || !strings.Contains(drawn, "[h") || !strings.Contains(drawn, "and above: page") {
		t.Errorf("page %s:\n%s", root[1], drawn)
	}
	for _, wrong := range [][]string{{name, "x"}, {name, "1", "2"}, {}, {filepath.Join(dir, "db", "LOCK")}, {name, "1000000"}} {
		if _, errs, code := middb(t, dir, "", append([]string{"inspect", "page"}, wrong...)...); code == 0 || errs == "" {
			t.Errorf("%q: exit code %d, %s", wrong, code, errs)
		}
	}
}

func TestDamagedPagesAreFoundAndIndexesMadeAnew(t *testing.T) {
	dir := t.TempDir()
	tabled(t, dir)
	if out := must(t, dir, "", "verify", "db"); !strings.Contains(out, "indexes: 2 B+Trees, 2000 entries") || !strings.Contains(out, "tables: 1, with 2 indexes") {
		t.Errorf("verify: %s", out)
	}
	name := pagesOf(t, dir)
	list := must(t, dir, "", "inspect", "page", name)
	var leaf int64
	for line := range strings.Lines(list) {
		if strings.Contains(line, "leaf, level 0") {
			_, err := fmt.Sscan(line, &leaf)
			check(t, err)
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte{99}, leaf*page.Size+2000)
	check(t, err)
	check(t, f.Close())
	want := fmt.Sprintf(".pages is damaged at offset %d", leaf*page.Size)
	if _, errs, code := middb(t, dir, "", "verify", "db"); code != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("verify: exit code %d, %s", code, errs)
	}
	must(t, dir, "", "repair", "db", "--to", "saved")
	if out := must(t, dir, "", "verify", "saved"); !strings.Contains(out, "indexes: 2 B+Trees, 2000 entries") || !strings.Contains(out, "all is well") {
		t.Errorf("verify what was saved: %s", out)
	}
}
