package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
)

func TestPlansAreMadeAnewWhenSomethingHasChanged(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	s, other := db.Session(), db.Session()
	mustExec(t, s, "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 10); CREATE VIEW v AS SELECT n FROM t")
	point, all := prepared(t, s, "SELECT * FROM t WHERE id = $1"), prepared(t, s, "SELECT * FROM v")
	columns := func(want int, first string) {
		t.Helper()
		rows, err := point.Query(ctx, 1)
		if err != nil || !rows.Next() || len(rows.Values()) != want {
			t.Fatal(err, rows)
		}
		rows, err = all.Query(ctx)
		if err != nil || !rows.Next() || rows.Values()[0].String() != first {
			t.Fatal(err, rows)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	columns(2, "10")
	mustExec(t, other, "ALTER TABLE t ADD COLUMN more TEXT")
	columns(3, "10")
	mustExec(t, other, "CREATE OR REPLACE VIEW v AS SELECT n + 1 AS n FROM t")
	columns(3, "11")
	// A change that is not committed is seen by its own transaction only, with the same plans kept for both.
	mustExec(t, other, "BEGIN; ALTER TABLE t DROP COLUMN more")
	columns(3, "11")
	rows, err := other.Query(ctx, "SELECT * FROM t WHERE id = $1", 1)
	if err != nil || len(rows.Columns()) != 2 {
		t.Fatal(err)
	}
	mustExec(t, other, "ROLLBACK")
	columns(3, "11")
	mustExec(t, s, "SET middb.indexes = off")
	columns(3, "11")
	mustExec(t, other, "DROP TABLE t")
	if _, err := point.Query(ctx, 1); !errors.Is(err, sqlstate.UndefinedTable) {
		t.Fatal(err)
	}
}

func TestTransactionsOfTheEngineRunSQL(t *testing.T) {
	ctx := context.Background()
	db := open(t)
	if _, err := db.Exec(ctx, "CREATE TABLE t (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	err := db.Update(ctx, func(txn *engine.Txn) error {
		if _, err := txn.Exec(ctx, "INSERT INTO t VALUES ($1), ($2)", 1, 2); err != nil {
			return err
		}
		// What fails leaves nothing, and the transaction goes on.
		if _, err := txn.Exec(ctx, "INSERT INTO t VALUES (3), (1)"); !errors.Is(err, sqlstate.UniqueViolation) {
			t.Errorf("got %v", err)
		}
		if _, err := txn.Exec(ctx, "COMMIT"); !errors.Is(err, sqlstate.ActiveTransaction) {
			t.Errorf("got %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := db.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 2 {
		t.Error(n, err)
	}
}
