package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

func TestWhatIsCopiedOutComesBack(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	s := db.Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, s TEXT, b BYTEA, d DECIMAL(8,2), at TIMESTAMPTZ, ok BOOLEAN)")
	mustExec(t, s, `INSERT INTO t VALUES
		(1, 'plain', '\x00ff', 1.50, '2026-01-02 03:04:05', true),
		(2, '', NULL, NULL, NULL, NULL),
		(3, 'a,b	"c"
new \ line', '', -1, NULL, false),
		(4, NULL, NULL, NULL, NULL, NULL), (5, '\N', NULL, NULL, NULL, NULL), (6, '\.', NULL, NULL, NULL, NULL)`)
	for _, options := range []string{
		"", "(FORMAT csv)", "(FORMAT csv, HEADER)", "(FORMAT csv, NULL 'nil', DELIMITER ';', QUOTE '''')", "(DELIMITER '|', NULL '', HEADER)",
		`(FORMAT csv, ESCAPE '\')`,
	} {
		t.Run(options, func(t *testing.T) {
			var out strings.Builder
			r, err := s.CopyTo(ctx, "COPY t TO STDOUT "+options, &out)
			if err != nil || r.RowsAffected != 6 || r.Tag != "COPY 6" {
				t.Fatal(r, err)
			}
			mustExec(t, s, "CREATE TABLE back AS SELECT * FROM t WITH NO DATA")
			if r, err = s.CopyFrom(ctx, "COPY back FROM STDIN "+options, strings.NewReader(out.String())); err != nil || r.RowsAffected != 6 {
				t.Fatal(r, err, out.String())
			}
			var n int
			err = s.QueryRow(ctx, `SELECT count(*) FROM t FULL JOIN back ON t.id = back.id AND t.s IS NOT DISTINCT FROM back.s
				AND t.b IS NOT DISTINCT FROM back.b AND t.d IS NOT DISTINCT FROM back.d AND t.at IS NOT DISTINCT FROM back.at
				AND t.ok IS NOT DISTINCT FROM back.ok WHERE t.id IS NULL OR back.id IS NULL`).Scan(&n)
			if err != nil || n != 0 && options != "(DELIMITER '|', NULL '', HEADER)" {
				t.Errorf("%d rows differ, %v, in\n%s", n, err, out.String())
			}
			mustExec(t, s, "DROP TABLE back")
		})
	}
}

func TestCopyRefusesWhatIsWrongAndKeepsNothing(t *testing.T) {
	ctx := context.Background()
	s := open(t).Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, n INT CHECK (n > 0))")
	for _, c := range []struct {
		sql, input string
		code       sqlstate.Code
	}{
		{"COPY t FROM STDIN", "1\t1\n2\n", sqlstate.BadCopy},
		{"COPY t FROM STDIN", "1\t1\n2\tx\n", sqlstate.InvalidText},
		{"COPY t FROM STDIN", "1\t1\n1\t2\n", sqlstate.UniqueViolation},
		{"COPY t FROM STDIN", "1\t1\n2\t0\n", sqlstate.CheckViolation},
		{"COPY t FROM STDIN CSV", "1,\"1\n", sqlstate.BadCopy},
		{"COPY t (id, id) FROM STDIN", "", sqlstate.DuplicateColumn},
		{"COPY t (nope) FROM STDIN", "", sqlstate.UndefinedColumn},
		{"COPY nope FROM STDIN", "", sqlstate.UndefinedTable},
		{"COPY t FROM STDIN (FORMAT binary)", "", sqlstate.NotSupported},
		{"COPY t FROM STDIN (DELIMITER 'ab')", "", sqlstate.InvalidParameter},
		{"COPY t TO STDOUT", "", sqlstate.SyntaxError},
		{"SELECT 1", "", sqlstate.SyntaxError},
	} {
		_, err := s.CopyFrom(ctx, c.sql, strings.NewReader(c.input))
		if !errors.Is(err, c.code) {
			t.Errorf("%s of %q: got %v, want %s", c.sql, c.input, err, c.code)
		}
		var n int
		if err := s.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
			t.Fatal(n, err)
		}
	}
}

func TestCopyUsesFilesOnlyWhereThatIsAllowed(t *testing.T) {
	ctx := context.Background()
	s := open(t).Session()
	mustExec(t, s, "CREATE TABLE t (id INT)")
	mustExec(t, s, "INSERT INTO t VALUES (1), (2)")
	if _, err := s.Exec(ctx, "COPY t TO '/out'"); !errors.Is(err, sqlstate.InsufficientPrivilege) {
		t.Fatal(err)
	}
	s.AllowFiles(vfs.NewMem())
	if r, err := s.Exec(ctx, "COPY (SELECT id + 1 FROM t) TO '/out'"); err != nil || r.Tag != "COPY 2" {
		t.Fatal(r, err)
	}
	if r, err := s.Exec(ctx, "COPY t FROM '/out'"); err != nil || r.RowsAffected != 2 {
		t.Fatal(r, err)
	}
	if _, err := s.Exec(ctx, "COPY t FROM '/nowhere'"); !errors.Is(err, sqlstate.UndefinedFile) {
		t.Fatal(err)
	}
	var sum int
	if err := s.QueryRow(ctx, "SELECT sum(id) FROM t").Scan(&sum); err != nil || sum != 8 {
		t.Fatal(sum, err)
	}
}

// As in PostgreSQL, and so dumps can have the rows as they are.
func TestCopyGivesIdentityColumnsTheirNumbers(t *testing.T) {
	s := open(t).Session()
	mustExec(t, s, "CREATE TABLE t (id INT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a TEXT)")
	if _, err := s.CopyFrom(context.Background(), "COPY t FROM STDIN", strings.NewReader("7\tx\n")); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.QueryRow(context.Background(), "INSERT INTO t (a) VALUES ('y') RETURNING id").Scan(&n); err != nil || n != 8 {
		t.Errorf("the next number is %d, %v", n, err)
	}
}
