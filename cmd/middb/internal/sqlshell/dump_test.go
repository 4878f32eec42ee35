package sqlshell_test

import (
	"os"
	"strings"
	"testing"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
)

// TestDumpsRestoreToTheSame has every type, quotes, NULLs, unicode, bytes, the least and the greatest numbers, identity columns,
// sequences that turned around or have ended, names that must be quoted, and views of views.
func TestDumpsRestoreToTheSame(t *testing.T) {
	script, err := os.ReadFile("testdata/types.sql")
	if err != nil {
		t.Fatal(err)
	}
	db := spawn(t)
	run(t, db, string(script), sqlshell.Options{})
	text := dump(t, db, sqlshell.Dumping{})
	if want := read(t, "testdata/types.dump.sql"); text != want {
		t.Errorf("the dump is\n%s\nand should be\n%s", text, want)
	}
	copied := spawn(t)
	run(t, copied, text, sqlshell.Options{})
	if again := dump(t, copied, sqlshell.Dumping{}); again != text {
		t.Errorf("the dump of what was restored is\n%s\nand not\n%s", again, text)
	}
	all := func(name string) string {
		out, _ := run(t, copied, `SELECT * FROM `+name+`;`, sqlshell.Options{Mode: sqlshell.JSON})
		was, _ := run(t, db, `SELECT * FROM `+name+`;`, sqlshell.Options{Mode: sqlshell.JSON})
		if out != was {
			t.Errorf("%s has\n%s\nand had\n%s", name, out, was)
		}
		return out
	}
	for _, name := range []string{`"Every Type"`, "parent", "bare", "b_view", "a_view"} {
		if rows := all(name); rows == "[]\n" {
			t.Errorf("%s is empty", name)
		}
	}
	// Identity columns and sequences go on where they were, and the constraints hold.
	out, _ := run(t, copied, `INSERT INTO parent (code) VALUES ('new') RETURNING id > 4 AS "on";
		SELECT nextval('ring'), nextval('ring');
		DELETE FROM parent WHERE id = 1;
		SELECT count(*) FROM "Every Type" WHERE parent = 1;`, sqlshell.Options{Mode: sqlshell.CSV})
	if want := "on\ntrue\nnextval,nextval\n4,5\ncount\n0\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestDumpsOfTablesLeaveOutWhatIsNotAskedFor(t *testing.T) {
	db := spawn(t)
	run(t, db, `CREATE SEQUENCE other; CREATE SEQUENCE used; CREATE TABLE p (a INT PRIMARY KEY);
		CREATE TABLE c (a INT DEFAULT nextval('used'), b INT REFERENCES p); CREATE VIEW v AS SELECT * FROM c; INSERT INTO c (b) VALUES (NULL);
		CREATE TABLE gone (x INT); CREATE VIEW broken AS SELECT x FROM gone; DROP TABLE gone;`, sqlshell.Options{})
	const want = `CREATE SEQUENCE used START WITH 2;
CREATE TABLE c (
  a BIGINT DEFAULT nextval('used'),
  b BIGINT
);
COPY c (a, b) FROM STDIN;
1	\N
\.
-- foreign key c_b_fkey is left out: its table p is not in this dump
`
	if got := dump(t, db, sqlshell.Dumping{Tables: []string{"c"}}); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := dump(t, db, sqlshell.Dumping{NoRows: true}); !strings.Contains(got, "\n-- view broken is left out, as it cannot be read: ") {
		t.Errorf("got\n%s", got)
	}
	if err := sqlshell.Dump(t.Context(), db, &strings.Builder{}, sqlshell.Dumping{Tables: []string{"nope"}}); err == nil {
		t.Error("a table that is not there was dumped")
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
