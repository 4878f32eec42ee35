package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

func TestTablesAndIndexesOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	tabled(t, dir)
	db, err := engine.Spawn(engine.Config{Dir: filepath.Join(dir, "db")})
	check(t, err)
	d, err := catalog.NewTable("visits").Column("id", "BIGINT", catalog.GeneratedAlways).Column("who", "TEXT", catalog.NotNull, catalog.Default("'user 0001'")).
		PrimaryKey("id").Check("length(who) > 2").
		ForeignKey([]string{"who"}, "users", []string{"name"}, catalog.OnDelete(catalog.Cascade)).Build()
	check(t, err)
	check(t, db.RegisterTable(context.Background(), d))
	check(t, db.Close())
	const data = "--data-dir=db"
	want := "table   columns  indexes  rows\nusers   3        2        1000\nvisits  2        0        0\n"
	if out := must(t, dir, "", "table", "list", data); out != want {
		t.Errorf("list:\n%s", out)
	}
	shown := must(t, dir, "", "table", "show", "visits", data)
	for _, part := range []string{"identity", "not null default 'user 0001'", "primary key", "length(who) > 2", "references users (name) on delete cascade on update restrict"} {
		if !strings.Contains(shown, part) {
			t.Errorf("show does not say %q:\n%s", part, shown)
		}
	}
	must(t, dir, "", "index", "create", "users", "old", "age desc nulls last", data)
	must(t, dir, "", "index", "create", "users", "both", "age", "name", "--unique", "--using", "lsm", data)
	shown = must(t, dir, "", "table", "show", "users", data)
	for _, part := range []string{"(age desc nulls last) using btree", "unique index", "(age, name) using lsm"} {
		if !strings.Contains(shown, part) {
			t.Errorf("show does not say %q:\n%s", part, shown)
		}
	}
	must(t, dir, "", "index", "drop", "users", "old", data)
	for text, args := range map[string][]string{
		"there is no such table":  {"table", "show", "nothing"},
		"there is no such index":  {"index", "drop", "users", "old"},
		"there is an index":       {"index", "create", "users", "both", "age"},
		"must be unique":          {"index", "create", "users", "no", "age", "--unique"},
		"neither btree nor lsm":   {"index", "create", "users", "no", "age", "--using", "hash"},
		"there is no column":      {"index", "create", "users", "no", "nothing"},
		"name the TABLE":          {"index", "create", "users", "no"},
		`index has no "build"`:    {"index", "build"},
		"missing: list or show":   {"table"},
		"neither its primary key": {"index", "drop", "users", "users_name_key"},
	} {
		if _, errs, code := middb(t, dir, "", append(args, data)...); code == 0 || !strings.Contains(errs, text) {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	if out := must(t, dir, "", "verify", "db"); !strings.Contains(out, "tables: 2, with 3 indexes") {
		t.Errorf("verify: %s", out)
	}
}

func TestIndexesAreDescribedAsTheyAreMade(t *testing.T) {
	columns := []string{"a", "a DESC", "a NULLS FIRST", "a DESC NULLS LAST", "a DESC NULLS FIRST"}
	b := catalog.NewTable("t").Column("a", "INT")
	for _, c := range columns {
		b.Index(strings.ToLower(strings.ReplaceAll(c, " ", "_")), c)
	}
	d, err := b.Build()
	check(t, err)
	for i, want := range []string{"a", "a desc", "a nulls first", "a desc nulls last", "a desc"} {
		if got := keyColumns(&d.Table, d.Table.Indexes[i].Columns); got != want {
			t.Errorf("%s is described as %s", columns[i], got)
		}
	}
	d.Table.Indexes[0].State = catalog.Building
	if got := describeIndex(&d.Table, &d.Table.Indexes[0]); got != "index\ta\t(a) using btree, not finished and not used" {
		t.Error(got)
	}
	d.Table.Indexes[0].State = catalog.Ready
	if got := describeIndex(&d.Table, &d.Table.Indexes[0]); got != "index\ta\t(a) using btree" {
		t.Error(got)
	}
}
