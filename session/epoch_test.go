package session_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/session"
)

// row returns the only row of a prepared query as text.
func row(t *testing.T, p *session.Statement, args ...any) string {
	t.Helper()
	rows, err := p.Query(context.Background(), args...)
	if err != nil {
		t.Fatal(p.Text(), err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return "none"
	}
	return fmt.Sprint(rows.Values())
}

func run(t *testing.T, p *session.Statement, want int64, args ...any) {
	t.Helper()
	if r, err := p.Exec(context.Background(), args...); err != nil || r.RowsAffected != want {
		t.Fatal(p.Text(), r, err)
	}
}

func refused(t *testing.T, p *session.Statement, why error, args ...any) {
	t.Helper()
	if _, err := p.Exec(context.Background(), args...); !errors.Is(err, why) {
		t.Fatalf("%s: got %v, want %v", p.Text(), err, why)
	}
}

// What a session remembers of its last statements does not outlive the schemas that others change.
func TestPreparedStatementsFollowSchemasOfOtherSessions(t *testing.T) {
	db := open(t)
	s, other := db.Session(), db.Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT)")
	get, all := prepared(t, s, "SELECT a, b FROM t WHERE id = $1"), prepared(t, s, "SELECT * FROM t WHERE id = $1")
	insert := prepared(t, s, "INSERT INTO t (id, a, b) VALUES ($1, $2, $3)")
	update := prepared(t, s, "UPDATE t SET a = a + $2 WHERE id = $1 AND b <> 'no'")
	remove := prepared(t, s, "DELETE FROM t WHERE id = $1")
	for i := range 3 {
		run(t, insert, 1, i, i, "x")
		run(t, update, 1, i, 10)
	}
	if got := row(t, get, 2); got != "[12 x]" {
		t.Error(got)
	}
	mustExec(t, other, "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 7")
	run(t, update, 1, 2, 1)
	if got := row(t, all, 2); got != "[2 13 x 7]" {
		t.Error(got)
	}
	mustExec(t, other, "CREATE UNIQUE INDEX u ON t (a)")
	run(t, update, 1, 0, 5)
	refused(t, update, sqlstate.UniqueViolation, 0, -2)
	refused(t, insert, sqlstate.UniqueViolation, 5, 11, "y")
	mustExec(t, other, "DROP INDEX u; ALTER TABLE t ADD CONSTRAINT low CHECK (a < 100)")
	run(t, insert, 1, 5, 11, "y")
	refused(t, update, sqlstate.CheckViolation, 5, 1000)
	mustExec(t, other, "ALTER TABLE t DROP COLUMN a")
	refused(t, update, sqlstate.UndefinedColumn, 5, 1)
	run(t, remove, 1, 5)
	mustExec(t, other, "DROP TABLE t")
	refused(t, remove, sqlstate.UndefinedTable, 5)
	mustExec(t, other, "CREATE TABLE t (b TEXT, a INT, id INT PRIMARY KEY)")
	run(t, insert, 1, 1, 2, "again")
	run(t, update, 1, 1, 40)
	if got := row(t, get, 1) + row(t, all, 1); got != "[42 again][again 42 1]" {
		t.Error(got)
	}
}

// A transaction goes on with the schemas of its moment, and does not commit what others would refuse.
func TestPreparedStatementsDependOnSchemas(t *testing.T) {
	for _, isolation := range []string{"REPEATABLE READ", "SERIALIZABLE"} {
		for _, change := range []string{
			"ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 1", "CREATE UNIQUE INDEX u ON t (a)", "DROP TABLE t",
		} {
			db := open(t)
			s, other := db.Session(), db.Session()
			mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2)")
			get, update := prepared(t, s, "SELECT * FROM t WHERE id = $1"), prepared(t, s, "UPDATE t SET a = a + 1 WHERE id = $1")
			insert := prepared(t, s, "INSERT INTO t (id, a) VALUES ($1, 3)")
			for _, write := range []func(){func() { run(t, update, 1, 2) }, func() { run(t, insert, 1, 3) }} {
				mustExec(t, s, "BEGIN")
				write()
				mustExec(t, s, "ROLLBACK; BEGIN ISOLATION LEVEL "+isolation)
				before := row(t, get, 1)
				mustExec(t, other, change)
				write()
				if got := row(t, get, 1); got != before {
					t.Errorf("%s: %s and %s", change, before, got)
				}
				if _, err := s.Exec(context.Background(), "COMMIT"); !errors.Is(err, sqlstate.SerializationFailure) {
					t.Errorf("%s, %s: got %v", isolation, change, err)
				}
				mustExec(t, other, "DROP TABLE IF EXISTS t; CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 2)")
			}
		}
	}
}

// Schemas that a transaction changes itself, and changes back, count at once.
func TestPreparedStatementsFollowTheirOwnTransaction(t *testing.T) {
	s := open(t).Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1); CREATE VIEW v AS SELECT * FROM t")
	get, viewed := prepared(t, s, "SELECT * FROM t WHERE id = $1"), prepared(t, s, "SELECT a FROM v WHERE id = $1")
	update := prepared(t, s, "UPDATE t SET a = a + 1 WHERE id = $1")
	mustExec(t, s, "BEGIN")
	run(t, update, 1, 1)
	mustExec(t, s, "SAVEPOINT p; ALTER TABLE t ADD COLUMN b INT DEFAULT 5")
	run(t, update, 1, 1)
	if got := row(t, get, 1); got != "[1 3 5]" {
		t.Error(got)
	}
	mustExec(t, s, "DROP VIEW v; CREATE VIEW v AS SELECT id, a * 100 AS a FROM t")
	if got := row(t, viewed, 1); got != "[300]" {
		t.Error(got)
	}
	mustExec(t, s, "ROLLBACK TO p")
	if got := row(t, viewed, 1) + row(t, get, 1); got != "[2][1 2]" {
		t.Error(got)
	}
	run(t, update, 1, 1)
	mustExec(t, s, "COMMIT")
	if got := row(t, get, 1) + row(t, get, 2); got != "[1 3]none" {
		t.Error(got)
	}
}

// A Prepared is for many goroutines, while the table changes under them.
func TestPreparedIsForManyGoroutines(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	s := db.Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL); INSERT INTO t SELECT i, 0 FROM generate_series(0, 3) AS g (i)")
	update, err := db.Prepare(ctx, "UPDATE t SET n = n + 1 WHERE id = $1 RETURNING n")
	if err != nil {
		t.Fatal(err)
	}
	list, err := db.Prepare(ctx, "SELECT id, n FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	const runs = 100
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for k := range runs {
				var n int
				if err := update.QueryRow(ctx, i).Scan(&n); err != nil || n != k+1 {
					t.Errorf("%d, %v, want %d", n, err, k+1)
				}
				rows, err := list.Query(ctx)
				if err != nil {
					t.Error(err)
					continue
				}
				for rows.Next() {
				}
				if rows.Err() != nil || rows.Result().RowsAffected != 4 {
					t.Error(rows.Err(), rows.Result())
				}
			}
		})
	}
	mustExec(t, s, "ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'c'")
	mustExec(t, s, "CREATE INDEX by_n ON t (n)")
	wait.Wait()
	if r, err := update.Exec(ctx, 9); err != nil || r.RowsAffected != 0 {
		t.Error(r, err)
	}
	if got := len(update.Parameters()) + len(update.Columns()) + len(list.Columns()); got != 4 {
		t.Error(got)
	}
	if err := errors.Join(update.Close(), update.Close()); err != nil {
		t.Error(err)
	}
	if _, err := update.Exec(ctx, 1); !errors.Is(err, sqlstate.NotInState) {
		t.Error(err)
	}
	if _, err := db.Prepare(ctx, "SELECT nothing FROM t"); !errors.Is(err, sqlstate.UndefinedColumn) {
		t.Error(err)
	}
}
