package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/driver"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

func memory(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("middb", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, args ...any,
) int64 {
	t.Helper()
	r, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func number(t *testing.T, db interface {
	QueryRow(string, ...any) *sql.Row
}, query string, args ...any,
) (n int64) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestTypesGoInAndOut(t *testing.T) {
	db := memory(t)
	exec(t, db, `CREATE TABLE t (i BIGINT, f DOUBLE PRECISION, d DECIMAL(10,2), b BOOLEAN, s TEXT, v VARCHAR(5) NOT NULL,
		y BYTEA, day DATE, at TIMESTAMPTZ, u UUID, j JSON)`)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	id := [16]byte{1, 2, 3}
	exec(t, db, "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		int32(-7), 1.5, "12.34", true, "text", "v", []byte{0, 255}, at, at, id, `{"a": 1}`)
	exec(t, db, "INSERT INTO t (v) VALUES (?)", sql.NullString{String: "x", Valid: true})
	rows, err := db.Query("SELECT * FROM t ORDER BY i")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"BIGINT", "DOUBLE PRECISION", "DECIMAL", "BOOLEAN", "TEXT", "VARCHAR", "BYTEA", "DATE", "TIMESTAMPTZ", "UUID", "JSON"}
	dest := make([]any, len(types))
	for i, c := range types {
		if c.DatabaseTypeName() != want[i] {
			t.Errorf("column %s is a %s, want %s", c.Name(), c.DatabaseTypeName(), want[i])
		}
		if null, ok := c.Nullable(); !ok || null != (c.Name() != "v") {
			t.Errorf("column %s: nullable %v, %v", c.Name(), null, ok)
		}
		dest[i] = reflect.New(c.ScanType()).Interface()
	}
	if p, s, ok := types[2].DecimalSize(); p != 10 || s != 2 || !ok {
		t.Error(p, s, ok)
	}
	if n, ok := types[5].Length(); n != 5 || !ok {
		t.Error(n, ok)
	}
	if _, ok := types[0].Length(); ok {
		t.Error("a BIGINT has a length")
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	if err := rows.Scan(dest...); err != nil {
		t.Fatal(err)
	}
	values := []any{
		int64(-7), 1.5, "12.34", true, "text", "v",
		[]byte{0, 255},
		at.Truncate(24 * time.Hour), at,
		"01020300-0000-0000-0000-000000000000", `{"a": 1}`,
	}
	for i, d := range dest {
		if got := reflect.ValueOf(d).Elem().Interface(); !reflect.DeepEqual(got, values[i]) {
			t.Errorf("column %s: got %#v, want %#v", types[i].Name(), got, values[i])
		}
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	for i := range dest {
		dest[i] = new(any)
	}
	if err := rows.Scan(dest...); err != nil {
		t.Fatal(err)
	}
	if *dest[0].(*any) != nil || *dest[6].(*any) != nil || *dest[5].(*any) != "x" {
		t.Error("NULLs have not come back")
	}
	if rows.Next() || rows.Err() != nil {
		t.Error("there are more rows", rows.Err())
	}
}

func TestTransactions(t *testing.T) {
	ctx := context.Background()
	db := memory(t)
	exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	exec(t, tx, "INSERT INTO t VALUES (1, 1)")
	if n := number(t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Error("others see what is not committed")
	}
	if n := number(t, tx, "SELECT count(*) FROM t"); n != 1 {
		t.Error("the transaction does not see its own row")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if tx, err = db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}); err != nil {
		t.Fatal(err)
	}
	exec(t, tx, "INSERT INTO t VALUES (1, 1)")
	var level string
	if err := tx.QueryRow("SHOW transaction_isolation").Scan(&level); err != nil || level != "serializable" {
		t.Error(level, err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if tx, err = db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO t VALUES (2, 2)"); !errors.Is(err, sqlstate.ReadOnlyTransaction) {
		t.Error(err)
	}
	if err := tx.Commit(); !errors.Is(err, sqlstate.FailedTransaction) {
		t.Error("a transaction that has failed was committed:", err)
	}
	if _, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelLinearizable}); !errors.Is(err, sqlstate.NotSupported) {
		t.Error(err)
	}
	// Two that write the same row: the second one is refused.
	one, two := begin(t, db), begin(t, db)
	exec(t, one, "UPDATE t SET n = n + 1 WHERE id = 1")
	exec(t, two, "UPDATE t SET n = n + 1 WHERE id = 1")
	if err := one.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := two.Commit(); !errors.Is(err, sqlstate.SerializationFailure) {
		t.Error("got", err)
	}
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	// It begins with its first statement.
	number(t, tx, "SELECT count(*) FROM t")
	return tx
}

func TestCancelledContexts(t *testing.T) {
	db := memory(t)
	exec(t, db, "CREATE TABLE t (n INT)")
	exec(t, db, "INSERT INTO t SELECT * FROM generate_series(1, 2000)")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	var n int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM t a, t b, t c WHERE a.n + b.n + c.n < 0").Scan(&n)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, tx, "INSERT INTO t VALUES (0)")
	cancel()
	if err := tx.Commit(); err == nil {
		t.Error("a transaction was committed whose context has ended")
	}
	if n := number(t, db, "SELECT count(*) FROM t WHERE n = 0"); n != 0 {
		t.Error("a row of it is there")
	}
}

func TestRowsAreOpenBesideOthers(t *testing.T) {
	db := memory(t)
	exec(t, db, "CREATE TABLE t (n INT)")
	exec(t, db, "INSERT INTO t SELECT * FROM generate_series(1, 5000)")
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []interface {
		Query(string, ...any) (*sql.Rows, error)
		Exec(string, ...any) (sql.Result, error)
	}{db, tx} {
		rows, err := q.Query("SELECT n FROM t WHERE n <= 5000")
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for rows.Next() {
			if count++; count%1000 == 0 {
				exec(t, q, "INSERT INTO t VALUES ($1)", 5000+count)
			}
		}
		if err := rows.Err(); err != nil || count != 5000 {
			t.Error(count, err)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestStatementsArePreparedForAllConnections(t *testing.T) {
	db := memory(t)
	exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	insert, err := db.Prepare("INSERT INTO t VALUES ($1, $2)")
	if err != nil {
		t.Fatal(err)
	}
	get, err := db.Prepare("SELECT * FROM t WHERE id = $1")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 8 {
		wait.Go(func() {
			for i := range 50 {
				id := g*50 + i
				if _, err := insert.Exec(id, id*2); err != nil {
					t.Error(err)
				}
				var n int
				if err := get.QueryRow(id).Scan(new(int), &n); err != nil || n != id*2 {
					t.Error(id, n, err)
				}
			}
		})
	}
	wait.Wait()
	if n := number(t, db, "SELECT sum(n) FROM t"); n != 400*399 {
		t.Error(n)
	}
	if _, err := insert.Exec(1); err == nil {
		t.Error("a value is missing, and nobody says so")
	}
	// The statement is planned anew.
	exec(t, db, "ALTER TABLE t ADD COLUMN more TEXT DEFAULT 'm'")
	var more string
	if err := get.QueryRow(7).Scan(new(int), new(int), &more); err != nil || more != "m" {
		t.Error(more, err)
	}
	if err := errors.Join(insert.Close(), get.Close()); err != nil {
		t.Error(err)
	}
}

func TestConcurrentIncrementsAreAllThere(t *testing.T) {
	db := memory(t)
	exec(t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	exec(t, db, "INSERT INTO t VALUES (1, 0)")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 25 {
				if _, err := db.Exec("UPDATE t SET n = n + 1 WHERE id = 1"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if n := number(t, db, "SELECT n FROM t"); n != 100 {
		t.Error(n)
	}
}

func TestConnectionsAreReset(t *testing.T) {
	db := memory(t)
	db.SetMaxOpenConns(1)
	exec(t, db, "SET middb.join = hash")
	exec(t, db, "BEGIN")
	var join string
	if err := db.QueryRow("SHOW middb.join").Scan(&join); err != nil || join != "any" {
		t.Error("a setting has stayed:", join, err)
	}
	exec(t, db, "CREATE TABLE t (a INT)")
	if n := number(t, db, "SELECT count(*) FROM t"); n != 0 {
		t.Error("the transaction has stayed")
	}
}

func TestDatabasesAreSharedByPath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	open := func(source string) *sql.DB {
		db, err := sql.Open("middb", source)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	one, two := open("file:"+path+"?sync=off"), open(path)
	exec(t, one, "CREATE TABLE t (a INT)")
	exec(t, two, "INSERT INTO t VALUES (1)")
	if n := number(t, one, "SELECT count(*) FROM t"); n != 1 {
		t.Error(n)
	}
	reader := open("file:" + path + "?mode=ro")
	if _, err := reader.Exec("INSERT INTO t VALUES (2)"); !errors.Is(err, sqlstate.ReadOnlyTransaction) {
		t.Error(err)
	}
	if err := errors.Join(one.Close(), two.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	reader = open("file:" + path + "?mode=ro")
	if n := number(t, reader, "SELECT count(*) FROM t"); n != 1 {
		t.Error(n)
	}
	if _, err := reader.Exec("INSERT INTO t VALUES (2)"); !errors.Is(err, sqlstate.ReadOnlyTransaction) {
		t.Error(err)
	}
	if err := open(path).Ping(); !errors.Is(err, sqlstate.CannotConnect) {
		t.Error("a database that is open for reading was opened for writing:", err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open("file:" + path + "nowhere?mode=rw").Ping(); !errors.Is(err, engine.ErrDatabaseMissing) {
		t.Error(err)
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	for _, source := range []string{"", "file:", "file:x?mode=maybe", "file:x?nope=1", "file:x?sync=perhaps", "file:x?memory=much", "middb://host:7878"} {
		if _, err := sql.Open("middb", source); !errors.Is(err, sqlstate.CannotConnect) {
			t.Errorf("%q: got %v", source, err)
		}
	}
}

func TestConnectionsOfADatabaseThatIsOpen(t *testing.T) {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	pool := sql.OpenDB(driver.NewConnector(db))
	if err := pool.Ping(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := pool.Ping(); err == nil {
		t.Error("a database that is closed answers")
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatParametersCannotBe(t *testing.T) {
	db := memory(t)
	if _, err := db.Query("SELECT $1 + 1", sql.Named("x", 1)); !errors.Is(err, sqlstate.NotSupported) {
		t.Error(err)
	}
	if _, err := db.Query("SELECT $1 + 1", struct{}{}); err == nil {
		t.Error("a struct was taken")
	}
	if _, err := db.Query("SELECT $1 + 1", "x"); err == nil {
		t.Error("a text was taken for a number")
	}
	r, err := db.Exec("CREATE TABLE t (a INT)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LastInsertId(); err == nil || !strings.Contains(err.Error(), "RETURNING") {
		t.Error(err)
	}
	var s string
	if err := db.QueryRow("SELECT $1", 5).Scan(&s); err != nil || s != "5" {
		t.Error(s, err)
	}
}

func TestOldInterfacesWork(t *testing.T) {
	c, err := driver.Driver{}.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Prepare("SELECT $1 + 1")
	if err != nil || s.NumInput() != 1 {
		t.Fatal(err)
	}
	rows, err := s.Query([]sqldriver.Value{int64(2)}) //nolint:staticcheck // the old interface is what is tested
	if err != nil {
		t.Fatal(err)
	}
	dest := make([]sqldriver.Value, 1)
	if err := rows.Next(dest); err != nil || dest[0] != int64(3) {
		t.Error(dest, err)
	}
	if err := errors.Join(rows.Close(), s.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Prepare("SELECT 1"); !errors.Is(err, sqldriver.ErrBadConn) {
		t.Error(err)
	}
}
