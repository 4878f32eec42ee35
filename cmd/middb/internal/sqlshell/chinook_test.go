package sqlshell_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// spawn opens a database in memory.
func spawn(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// run runs a script on a database and returns what it prints.
func run(t *testing.T, db *engine.DB, script string, o sqlshell.Options) (out, errs string) {
	t.Helper()
	var outBuffer, errBuffer bytes.Buffer
	o.Out, o.Err = &outBuffer, &errBuffer
	s := sqlshell.New(db, o)
	if err := s.Script(t.Context(), sqlshell.Script{In: strings.NewReader(script)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return outBuffer.String(), errBuffer.String()
}

func dump(t *testing.T, db *engine.DB, o sqlshell.Dumping) string {
	t.Helper()
	var b strings.Builder
	if err := sqlshell.Dump(t.Context(), db, &b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReportsOverChinookAreThoseOfPostgreSQL loads Chinook as it is, and compares reports with what PostgreSQL says.
func TestReportsOverChinookAreThoseOfPostgreSQL(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(environment.Shared(t, "data/chinook"), "chinook_postgresql.sql"))
	if err != nil {
		t.Fatal(err)
	}
	db := spawn(t)
	_, notices := run(t, db, string(data), sqlshell.Options{})
	const passedOver = "NOTICE:  line 19: DROP DATABASE is passed over: a directory is one database\n" +
		"NOTICE:  line 25: CREATE DATABASE is passed over: a directory is one database\n" +
		"NOTICE:  line 28: \\c is a command of psql and is passed over\n"
	if notices != passedOver {
		t.Errorf("the notices are\n%s", notices)
	}
	reports, err := filepath.Glob("testdata/chinook/*.sql")
	if err != nil || len(reports) != 10 {
		t.Fatalf("there are %d reports, %v", len(reports), err)
	}
	compare := func(t *testing.T, db *engine.DB) {
		t.Helper()
		for _, name := range reports {
			query, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(name, "sql") + "csv")
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := run(t, db, string(query), sqlshell.Options{Mode: sqlshell.CSV}); got != string(want) {
				t.Errorf("%s gives\n%s\nPostgreSQL gives\n%s", name, got, want)
			}
		}
	}
	compare(t, db)
	text := dump(t, db, sqlshell.Dumping{})
	copied := spawn(t)
	run(t, copied, text, sqlshell.Options{})
	if again := dump(t, copied, sqlshell.Dumping{}); again != text {
		t.Error("the dump of what was restored is another text")
	}
	compare(t, copied)
}
