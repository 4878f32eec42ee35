package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
	"github.com/middb/middb/wire/server"
)

func must(t testing.TB, what string) func(client.Result, error) client.Result {
	return func(r client.Result, err error) client.Result {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return r
	}
}

func TestStatementsGiveRowsOfGoValues(t *testing.T) {
	c := connect(t, spawn(t), "", client.Options{})
	ctx := t.Context()
	must(t, "create")(c.Exec(ctx, `CREATE TABLE t (id INT PRIMARY KEY, f DOUBLE PRECISION, d DECIMAL(10,2), b BOOLEAN, s TEXT, raw BYTEA,
		day DATE, at TIMESTAMPTZ, u UUID, j JSON)`))
	at := time.Date(2024, 2, 29, 12, 30, 1, 5000, time.UTC)
	day := time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
	uuid := [16]byte([]byte("0123456789abcdef"))
	const insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	r := must(t, "insert")(c.Exec(ctx, insert, 1, 1.5, "9.99", true, "größe", []byte{0, 255}, day, at, uuid, `{"a":1}`))
	if r.RowsAffected != 1 || r.Tag != "INSERT 0 1" {
		t.Errorf("got %+v", r)
	}
	var none *string
	must(t, "insert")(c.Exec(ctx, insert, uint8(2), nil, nil, nil, none, nil, nil, nil, nil, nil))
	rows, err := c.Query(ctx, "SELECT * FROM t ORDER BY id")
	check(t, "select", err, nil)
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	if want := fmt.Sprint([]any{int64(1), 1.5, "9.99", true, "größe", []byte{0, 255}, day, at, uuid, `{"a":1}`}); fmt.Sprint(rows.Values()) != want {
		t.Errorf("got %v, want %v", rows.Values(), want)
	}
	var (
		id     uint16
		f      float32
		d, s   string
		b      bool
		raw, j []byte
		gotDay time.Time
		gotAt  *time.Time
		u      [16]byte
	)
	check(t, "scan", rows.Scan(&id, &f, &d, &b, &s, &raw, &gotDay, &gotAt, &u, &j), nil)
	if id != 1 || f != 1.5 || d != "9.99" || !b || s != "größe" || !gotDay.Equal(day) || !gotAt.Equal(at) || u != uuid || string(j) != `{"a":1}` {
		t.Error(id, f, d, b, s, raw, gotDay, gotAt, u, string(j))
	}
	check(t, "scan", rows.Scan(&id), wire.ErrInvalidArgument)
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	var x any
	check(t, "scan of NULL", rows.Scan(&x, &f, &d, &b, &s, &raw, &gotDay, &gotAt, &u, &j), wire.ErrSQLData)
	check(t, "scan", rows.Scan(&x, &x, &x, &x, &x, &raw, &x, &gotAt, &x, &j), nil)
	if gotAt != nil || raw != nil {
		t.Error(gotAt, raw)
	}
	if rows.Next() || rows.Err() != nil || rows.Result().Tag != "SELECT 2" || len(rows.Columns()) != 10 {
		t.Error(rows.Err(), rows.Result(), rows.Columns())
	}
	var n int
	check(t, "query row", c.QueryRow(ctx, "SELECT count(*) FROM t WHERE at = $1 OR day = $2", at, day).Scan(&n), nil)
	if n != 1 {
		t.Error(n)
	}
	check(t, "query row", c.QueryRow(ctx, "SELECT 1 WHERE FALSE").Scan(&n), client.ErrNoRows)
	_, err = c.Exec(ctx, "SELECT $1", struct{}{})
	check(t, "a struct", err, wire.ErrInvalidArgument)
	_, err = c.Exec(ctx, "SELECT nothing FROM t")
	var e *wire.Error
	if !errors.As(err, &e) || e.SQLState != "42703" || e.Position != 8 || !errors.Is(err, wire.ErrSQLName) {
		t.Errorf("got %+v", err)
	}
}

func TestLongResultsAreReadAndGivenUp(t *testing.T) {
	c := connect(t, spawn(t), "?pool=1", client.Options{})
	ctx := t.Context()
	const query = "SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) AS g(i)"
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			rows, err := c.Query(ctx, query)
			check(t, "query", err, nil)
			n := 0
			for range rows.All() {
				n++
			}
			if n != 5000 || rows.Close() != nil {
				t.Error(n, rows.Err())
			}
		})
	}
	wait.Wait()
	rows, err := c.Query(ctx, query)
	check(t, "query", err, nil)
	rows.Next()
	check(t, "close", rows.Close(), nil)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = c.Exec(short, "SELECT count(*) FROM generate_series(1, 100000) AS a(i), generate_series(1, 100000) AS b(j) WHERE i + j < 0")
	check(t, "too long", err, context.DeadlineExceeded)
	_, err = c.Ping(ctx) // by then the server has given it up
	check(t, "ping", err, nil)
}

func TestStatementsInTransactions(t *testing.T) {
	db := spawn(t)
	c := connect(t, db, "", client.Options{})
	ctx := t.Context()
	must(t, "create")(c.Exec(ctx, "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0)"))
	// BEGIN by itself is a session that ends at once.
	must(t, "begin")(c.Exec(ctx, "BEGIN"))
	must(t, "update")(c.Exec(ctx, "UPDATE t SET n = n + 1"))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			check(t, "update", c.Update(ctx, func(txn *client.Txn) error {
				var n int
				if err := txn.QueryRow(ctx, "SELECT n FROM t WHERE id = $1", 1).Scan(&n); err != nil {
					return err
				}
				_, err := txn.Exec(ctx, "UPDATE t SET n = $1 WHERE id = 1", n+1)
				return err
			}), nil)
		})
	}
	wait.Wait()
	var n int
	check(t, "query", c.QueryRow(ctx, "SELECT n FROM t").Scan(&n), nil)
	if n != 5 {
		t.Errorf("n is %d", n)
	}
	txn, err := c.Begin(ctx, client.TxnOptions{})
	check(t, "begin", err, nil)
	must(t, "insert")(txn.Exec(ctx, "INSERT INTO t VALUES (2, 2)"))
	_, err = txn.Exec(ctx, "INSERT INTO t VALUES (2, 2)")
	check(t, "again", err, wire.ErrSQLConstraint)
	check(t, "put", txn.Put(ctx, []byte("k"), nil), nil)
	check(t, "commit", txn.Commit(ctx), nil)
	if has, err := c.Has(ctx, []byte("k")); !has {
		t.Error("the key is not there", err)
	}
	check(t, "query", c.QueryRow(ctx, "SELECT n FROM t WHERE id = 2").Scan(&n), nil)
}

func TestSessionsKeepWhatTheyWereTold(t *testing.T) {
	db := spawn(t)
	c := connect(t, db, "", client.Options{})
	ctx := t.Context()
	s, err := c.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	must(t, "create")(s.Exec(ctx, "CREATE TABLE t (id INT PRIMARY KEY)"))
	insert, err := s.Prepare(ctx, "INSERT INTO t VALUES ($1)")
	if err != nil || fmt.Sprint(insert.Parameters()) != "[BIGINT]" {
		t.Fatal(insert, err)
	}
	must(t, "begin")(s.Exec(ctx, "BEGIN"))
	for i := range 3 {
		must(t, "insert")(insert.Exec(ctx, i))
	}
	var n int
	check(t, "outside", c.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n), nil)
	if n != 0 {
		t.Errorf("outside there are %d rows", n)
	}
	must(t, "commit")(s.Exec(ctx, "COMMIT"))
	if r := must(t, "commit")(s.Exec(ctx, "COMMIT")); len(r.Notices) != 1 {
		t.Errorf("got %+v", r)
	}
	check(t, "close", insert.Close(), nil)
	_, err = insert.Exec(ctx, 9)
	check(t, "closed", err, wire.ErrSQLUnprepared)
	must(t, "begin")(s.Exec(ctx, "BEGIN; DELETE FROM t"))
	check(t, "close", s.Close(), nil)
	if !s.IsLost() {
		t.Error("a closed session is not lost")
	}
	_, err = s.Exec(ctx, "SELECT 1")
	check(t, "closed", err, wire.ErrConnection)
	check(t, "outside", c.QueryRow(ctx, "SELECT count(*) FROM t").Scan(&n), nil)
	if n != 3 {
		t.Errorf("outside there are %d rows", n)
	}
}

// What only reads goes on when the server is another one; what may have written does not.
func TestStatementsAndLostConnections(t *testing.T) {
	db := spawn(t)
	address, stop := serve(t, db, "tcp", "127.0.0.1:0", server.Options{})
	c, err := client.Open(t.Context(), "middb://"+address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	must(t, "create")(c.Exec(t.Context(), "CREATE TABLE t (id INT PRIMARY KEY)"))
	stop()
	_, stop = serve(t, db, "tcp", address, server.Options{})
	defer stop()
	must(t, "select")(c.Exec(t.Context(), "SELECT * FROM t"))
	must(t, "insert")(c.Exec(t.Context(), "INSERT INTO t VALUES (1)")) // on a connection that was made since
	if _, err = s.Exec(t.Context(), "SELECT 1"); !errors.Is(err, wire.ErrConnection) && !errors.Is(err, wire.ErrCommitUnknown) || !s.IsLost() {
		t.Errorf("the session goes on: %v", err)
	}
}

func TestReadersOfAServerOnly(t *testing.T) {
	db := spawn(t)
	if _, err := db.Exec(context.Background(), "CREATE TABLE t (id INT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	c := connect(t, db, "", client.Options{})
	txn, err := c.Begin(t.Context(), client.TxnOptions{ReadOnly: true})
	check(t, "begin", err, nil)
	_, err = txn.Exec(t.Context(), "INSERT INTO t VALUES (1)")
	check(t, "insert", err, wire.ErrTxnReadOnly)
	check(t, "rollback", txn.Rollback(t.Context()), nil)
	if stats, err := c.Stats(t.Context()); err != nil || !strings.Contains(fmt.Sprint(stats.Operations), "exec") {
		t.Error(stats, err)
	}
}
