package server

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// An answer is all that came for a statement.
type answer struct {
	columns []wire.Column
	rows    [][]any
	frames  int
	end     wire.End
	err     *wire.Error
}

// answer reads the answer to a request that was sent.
func (c *client) answer(id uint32) (a answer) {
	c.Helper()
	for {
		f := c.read()
		if f.ID != id {
			c.Fatalf("got %s, want a reply to %d", show(f), id)
		}
		var err error
		switch f.Type {
		case wire.TypeRowHead:
			var head wire.RowHead
			err = head.Decode(f.Body)
			a.columns = head.Columns
		case wire.TypeRows:
			a.frames++
			a.rows = append(a.rows, sqlRows(c, f.Body)...)
			c.push(wire.TypeFetch, 0, &wire.Fetch{Cursor: id, Credit: 1})
			c.flush()
		case wire.TypeEnd:
			if err = a.end.Decode(f.Body); err != nil {
				c.Fatal(err)
			}
			return a
		case wire.TypeError:
			if a.err, err = wire.DecodeError(f.Body); err != nil {
				c.Fatal(err)
			}
			return a
		default:
			c.Fatalf("got %s", show(f))
		}
		if err != nil {
			c.Fatal(err)
		}
	}
}

func sqlRows(t testing.TB, body []byte) (rows [][]any) {
	t.Helper()
	r, err := wire.NewResultReader(body)
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, more, err := r.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return rows
		}
		rows = append(rows, row)
	}
}

func (c *client) try(m *wire.Exec) answer {
	c.Helper()
	id := c.push(wire.TypeExec, 0, m)
	c.flush()
	return c.answer(id)
}

// exec runs a statement that succeeds, and returns its rows as text.
func (c *client) exec(sql string, args ...any) string {
	c.Helper()
	return c.execIn(0, sql, args...)
}

func (c *client) execIn(txn uint64, sql string, args ...any) string {
	c.Helper()
	a := c.try(&wire.Exec{SQL: sql, Args: args, Txn: txn})
	if a.err != nil {
		c.Fatalf("%s: %s: %v", sql, a.err.Code.Name(), a.err)
	}
	return fmt.Sprint(a.rows)
}

// refuses runs a statement that fails.
func (c *client) refuses(code wire.Code, state, sql string, args ...any) *wire.Error {
	c.Helper()
	a := c.try(&wire.Exec{SQL: sql, Args: args})
	if a.err == nil {
		c.Fatalf("%s: no error, but %+v", sql, a)
	}
	if a.err.Code != code || a.err.SQLState != state {
		c.Errorf("%s: %s %s (%v), want %s %s", sql, a.err.Code.Name(), a.err.SQLState, a.err, code.Name(), state)
	}
	return a.err
}

func TestStatementsHaveTypedRows(t *testing.T) {
	c := session(t, serve(t, Options{}))
	a := c.try(&wire.Exec{SQL: `CREATE TABLE t (id INT PRIMARY KEY, f DOUBLE PRECISION, d DECIMAL(10,2), b BOOLEAN, s VARCHAR(20),
		raw BYTEA, day DATE, at TIMESTAMPTZ, u UUID, j JSON NOT NULL)`})
	if a.err != nil || a.end.Tag != "CREATE TABLE" || a.columns != nil {
		t.Fatalf("got %+v, %v", a, a.err)
	}
	uuid := []byte("0123456789abcdef")
	insert := "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	a = c.try(&wire.Exec{SQL: insert, Args: []any{
		int64(1), 1.5, "9.99", true, "größe", []byte{0, 255}, int64(-1), int64(1_700_000_000_000_001), uuid, `{"a": 1}`,
	}})
	if a.err != nil || a.end.Tag != "INSERT 0 1" || a.end.Affected != 1 {
		t.Fatalf("got %+v, %v", a, a.err)
	}
	c.exec(insert, int64(2), nil, nil, nil, nil, nil, nil, nil, nil, "[]")
	a = c.try(&wire.Exec{SQL: "SELECT *, INTERVAL '1 day' AS i, NULL AS n FROM t ORDER BY id"})
	want := [][]any{
		{int64(1), 1.5, "9.99", true, "größe", []byte{0, 255}, int64(-1), int64(1_700_000_000_000_001), uuid, `{"a": 1}`, "1 day", nil},
		{int64(2), nil, nil, nil, nil, nil, nil, nil, nil, "[]", "1 day", nil},
	}
	if a.err != nil || !reflect.DeepEqual(a.rows, want) {
		t.Errorf("got %+v", a)
	}
	if a.end.Tag != "SELECT 2" || a.end.Rows != 2 || a.end.Affected != 2 {
		t.Errorf("the end is %+v", a.end)
	}
	kinds := ""
	for _, col := range a.columns {
		kinds += fmt.Sprintf("%s %s %d; ", col.Name, col.Type, col.Kind)
	}
	const all = "id BIGINT 1; f DOUBLE PRECISION 2; d DECIMAL(10,2) 3; b BOOLEAN 4; s VARCHAR(20) 5; raw BYTEA 6; day DATE 7; " +
		"at TIMESTAMPTZ 8; u UUID 9; j JSON 10; i INTERVAL 11; n "
	if !strings.HasPrefix(kinds, all) || a.columns[0].Nullable || !a.columns[1].Nullable || a.columns[2].Scale != 2 || a.columns[4].Length != 20 {
		t.Errorf("the columns are %s, %+v", kinds, a.columns)
	}
	// The same as text.
	text := c.exec("SELECT day, at, u FROM t WHERE day = $1 AND at = $2 AND u = $3",
		"1969-12-31", "2023-11-14 22:13:20.000001Z", "30313233-3435-3637-3839-616263646566")
	if len(text) < 10 {
		t.Errorf("got %s", text)
	}
	if got := c.exec("INSERT INTO t (id, j) VALUES (3, '1'), (4, '2') RETURNING id"); got != "[[3] [4]]" {
		t.Errorf("RETURNING gives %s", got)
	}
}

func TestStatementsFailWithCodesAndPlaces(t *testing.T) {
	c := session(t, serve(t, Options{}))
	c.exec("CREATE TABLE t (id INT PRIMARY KEY, n INT NOT NULL CHECK (n < 100), s VARCHAR(3))")
	c.exec("INSERT INTO t VALUES (1, 1, 'a')")
	e := c.refuses(wire.ErrSQLStatement, "42601", "SELECT 'größe' FORM t")
	if e.Position == 0 || e.Detail == "" {
		t.Errorf("no place: %+v", e)
	}
	e = c.refuses(wire.ErrSQLName, "42703", "SELECT 'ö', nam FROM t")
	if e.Position != 13 || !strings.Contains(e.Detail, "^") {
		t.Errorf("at %d: %s", e.Position, e.Detail)
	}
	e = c.refuses(wire.ErrSQLConstraint, "23505", "INSERT INTO t VALUES (1, 2, 'b')")
	if e.Table != "t" || e.Constraint != "t_pkey" {
		t.Errorf("got %+v", e)
	}
	e = c.refuses(wire.ErrSQLConstraint, "23502", "INSERT INTO t VALUES (2, NULL, 'b')")
	if e.Table != "t" || e.Column != "n" {
		t.Errorf("got %+v", e)
	}
	c.refuses(wire.ErrSQLConstraint, "23514", "INSERT INTO t VALUES (2, 100, 'b')")
	c.refuses(wire.ErrSQLName, "42P01", "SELECT * FROM nothing")
	c.refuses(wire.ErrSQLExists, "42P07", "CREATE TABLE t (id INT PRIMARY KEY)")
	c.refuses(wire.ErrSQLData, "22001", "INSERT INTO t VALUES (2, 2, 'long')")
	c.refuses(wire.ErrSQLData, "22012", "SELECT 1 / (n - 1) FROM t")
	c.refuses(wire.ErrSQLData, "42P02", "SELECT $1")
	c.refuses(wire.ErrSavepoint, "3B001", "BEGIN; ROLLBACK TO nothing")
	c.exec("ROLLBACK")
	c.refuses(wire.ErrTxnReadOnly, "25006", "BEGIN READ ONLY; DELETE FROM t")
	c.exec("ROLLBACK")
	c.fails(wire.TypeRun, &wire.Run{Statement: 7}, wire.ErrSQLUnprepared)
	c.fails(wire.TypeExec, &wire.Exec{SQL: "SELECT 1", Flags: 2}, wire.ErrInvalidArgument)
	c.fails(wire.TypeExec, &wire.Exec{SQL: "SELECT 1", Txn: 9}, wire.ErrNoSuchTxn)
	// An error after rows.
	c.exec("CREATE TABLE big (id INT PRIMARY KEY, s TEXT)")
	c.exec("INSERT INTO big SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) AS g(i)")
	a := c.try(&wire.Exec{SQL: "SELECT 1 / (999 - id), s FROM big ORDER BY id"})
	if a.err == nil || a.err.SQLState != "22012" {
		t.Errorf("got %d rows, %v", len(a.rows), a.err)
	}
}

func TestResultsComeAsFarAsThereIsCredit(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.exec("CREATE TABLE t (id INT PRIMARY KEY, s TEXT)")
	c.exec("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 3000) AS g(i)")
	a := c.try(&wire.Exec{SQL: "SELECT * FROM t ORDER BY id"})
	if a.err != nil || len(a.rows) != 3000 || a.frames < 10 || a.frames > 14 || a.end.Rows != 3000 {
		t.Fatalf("%d rows in %d frames, %v, %+v", len(a.rows), a.frames, a.err, a.end)
	}
	id := c.push(wire.TypeExec, 0, &wire.Exec{SQL: "SELECT * FROM t", Credit: 2})
	c.flush()
	c.want(id, wire.TypeRowHead)
	c.want(id, wire.TypeRows)
	c.want(id, wire.TypeRows)
	// Others go on in the same session, while it waits.
	if got := c.exec("SELECT count(*) FROM t"); got != "[[3000]]" {
		t.Errorf("got %s", got)
	}
	stats, err := s.Stats()
	if err != nil || stats.Server.Cursors != 1 {
		t.Errorf("the server has %d cursors, %v", stats.Server.Cursors, err)
	}
	closing := c.push(wire.TypeClose, 0, wire.ID(id))
	c.flush()
	c.wantBoth(closing, id, wire.TypeEnd)
	// Without a reader the rows stay, and end with the connection: serve finds out.
	c.push(wire.TypeExec, 0, &wire.Exec{SQL: "SELECT * FROM t", Credit: 1})
	c.flush()
	c.read()
	c.read()
}

func TestTransactionsOfSessionsAndOfTheProtocol(t *testing.T) {
	s := serve(t, Options{})
	c, other := session(t, s), session(t, s)
	c.exec("CREATE TABLE t (id INT PRIMARY KEY, n INT)")
	c.exec("INSERT INTO t VALUES (1, 1)")
	c.exec("BEGIN")
	c.exec("UPDATE t SET n = 2")
	if got := other.exec("SELECT n FROM t"); got != "[[1]]" {
		t.Errorf("another sees %s", got)
	}
	// Alone, it is not in the transaction either.
	if a := c.try(&wire.Exec{SQL: "SELECT n FROM t", Flags: wire.ExecAlone}); fmt.Sprint(a.rows) != "[[1]]" {
		t.Errorf("alone it sees %v", a.rows)
	}
	other.exec("UPDATE t SET n = 3")
	c.refuses(wire.ErrConflict, "40001", "COMMIT")
	a := c.try(&wire.Exec{SQL: "COMMIT"})
	if a.err != nil || len(a.end.Notices) != 1 || a.end.Notices[0].Code != "25P01" {
		t.Errorf("got %+v", a)
	}

	txn := c.begin(wire.Begin{})
	c.execIn(txn, "INSERT INTO t VALUES (2, 2)")
	if got := c.execIn(txn, "SELECT id FROM t ORDER BY id"); got != "[[1] [2]]" {
		t.Errorf("the transaction sees %s", got)
	}
	if a := c.try(&wire.Exec{SQL: "INSERT INTO t VALUES (2, 2)", Txn: txn}); a.err == nil || a.err.Code != wire.ErrSQLConstraint {
		t.Errorf("got %+v", a)
	}
	if a := c.try(&wire.Exec{SQL: "COMMIT", Txn: txn}); a.err == nil || a.err.Code != wire.ErrSQLTxnState {
		t.Errorf("got %+v", a)
	}
	if got := other.exec("SELECT count(*) FROM t"); got != "[[1]]" {
		t.Errorf("another sees %s", got)
	}
	// Rows that are read end with it.
	c.execIn(txn, "INSERT INTO t SELECT i, i FROM generate_series(10, 60000) AS g(i)")
	id := c.push(wire.TypeExec, 0, &wire.Exec{SQL: "SELECT * FROM t", Txn: txn, Credit: 1})
	c.flush()
	c.want(id, wire.TypeRowHead)
	c.want(id, wire.TypeRows)
	commit := c.push(wire.TypeCommit, 0, wire.ID(txn))
	c.flush()
	c.wantBoth(commit, id, wire.TypeError)
	if got := other.exec("SELECT count(*) FROM t WHERE id < 10"); got != "[[2]]" {
		t.Errorf("another sees %s", got)
	}
	c.fails(wire.TypeExec, &wire.Exec{SQL: "SELECT 1", Txn: txn}, wire.ErrTxnDone)
	// What is under way when the connection ends is rolled back: serve finds out.
	other.exec("BEGIN")
	other.exec("DELETE FROM t")
	_ = other.Close()
	eventually(t, "the end of the session", func() bool { return s.db.Stats().Txns == 0 })
	if got := c.exec("SELECT count(*) FROM t WHERE id < 10"); got != "[[2]]" {
		t.Errorf("after the end: %s", got)
	}
}

func TestPreparedStatements(t *testing.T) {
	s := serve(t, Options{MaxStatements: 2})
	c := session(t, s)
	c.exec("CREATE TABLE t (id INT PRIMARY KEY, s TEXT)")
	prepare := func(sql string) (reply wire.PrepareReply) {
		t.Helper()
		if err := reply.Decode(c.ok(wire.TypePrepare, &wire.Prepare{SQL: sql})); err != nil {
			t.Fatal(err)
		}
		return reply
	}
	run := func(m *wire.Run) answer {
		id := c.push(wire.TypeRun, 0, m)
		c.flush()
		return c.answer(id)
	}
	insert := prepare("INSERT INTO t VALUES ($1, $2)")
	if fmt.Sprint(insert.Parameters) != "[BIGINT TEXT]" || len(insert.Columns) != 0 {
		t.Errorf("got %+v", insert)
	}
	for i := range 3 {
		if a := run(&wire.Run{Statement: insert.Statement, Args: []any{int64(i), "x"}}); a.err != nil || a.end.Affected != 1 {
			t.Fatalf("got %+v", a)
		}
	}
	query := prepare("SELECT id FROM t WHERE id >= $1 ORDER BY id")
	if len(query.Columns) != 1 || query.Columns[0].Name != "id" {
		t.Errorf("got %+v", query)
	}
	if a := run(&wire.Run{Statement: query.Statement, Args: []any{int64(1)}}); fmt.Sprint(a.rows) != "[[1] [2]]" {
		t.Errorf("got %+v", a)
	}
	txn := c.begin(wire.Begin{})
	c.execIn(txn, "INSERT INTO t VALUES (5, 'y')")
	if a := run(&wire.Run{Statement: query.Statement, Args: []any{int64(2)}, Txn: txn}); fmt.Sprint(a.rows) != "[[2] [5]]" {
		t.Errorf("in a transaction: %+v", a)
	}
	c.fails(wire.TypePrepare, &wire.Prepare{SQL: "SELECT 3"}, wire.ErrLimit)
	if stats, err := s.Stats(); err != nil || stats.Server.Statements != 2 {
		t.Errorf("%d statements, %v", stats.Server.Statements, err)
	}
	c.ok(wire.TypeUnprepare, wire.ID(insert.Statement))
	c.fails(wire.TypeUnprepare, wire.ID(insert.Statement), wire.ErrSQLUnprepared)
	if e := c.fails(wire.TypePrepare, &wire.Prepare{SQL: "SELECT x"}, wire.ErrSQLName); e.SQLState != "42703" {
		t.Errorf("got %+v", e)
	}
	prepare("SELECT 4")
}

// endless is a statement that takes very long before its first row.
const endless = "SELECT count(*) FROM generate_series(1, 100000) AS a(i), generate_series(1, 1000000) AS b(j) WHERE i + j < 0"

func TestStatementsAreCancelled(t *testing.T) {
	s := serve(t, Options{})
	c, other := session(t, s), session(t, s)
	began := func() bool { return s.db.Stats().Views > 0 }
	id := c.push(wire.TypeExec, 0, &wire.Exec{SQL: endless})
	c.flush()
	eventually(t, "its begin", began)
	cancel := c.push(wire.TypeCancel, wire.NoReply, wire.ID(id))
	c.flush()
	if a := c.answer(id); a.err == nil || a.err.Code != wire.ErrCanceled {
		t.Errorf("%d: got %+v", cancel, a)
	}
	// A timeout does so as well, and the end of the connection.
	timeout := uint64(20)
	c.ok(wire.TypeSet, &wire.Set{TimeoutMS: &timeout})
	if e := c.refuses(wire.ErrTimeout, "57014", endless); e.Code != wire.ErrTimeout {
		t.Errorf("got %v", e)
	}
	c.refuses(wire.ErrTimeout, "57014", "CREATE TABLE t AS "+endless)
	other.push(wire.TypeExec, 0, &wire.Exec{SQL: "BEGIN; " + endless})
	other.flush()
	eventually(t, "its begin", began)
	_ = other.Close()
	eventually(t, "its end", func() bool { return !began() })
	// So does that of its transaction.
	timeout = 0
	c.ok(wire.TypeSet, &wire.Set{TimeoutMS: &timeout})
	txn := c.begin(wire.Begin{TimeoutMS: 30})
	if a := c.try(&wire.Exec{SQL: endless, Txn: txn}); a.err == nil || a.err.Code != wire.ErrTxnExpired {
		t.Errorf("got %+v", a)
	}
}

func TestTransactionsOfSessionsExpire(t *testing.T) {
	s := serve(t, Options{TxnTimeout: 20 * time.Millisecond})
	c := session(t, s)
	c.exec("CREATE TABLE t (id INT PRIMARY KEY)")
	c.exec("BEGIN")
	c.exec("INSERT INTO t VALUES (1)")
	eventually(t, "the timeout", func() bool { return s.db.Stats().Txns == 0 })
	c.refuses(wire.ErrTxnExpired, "25P04", "INSERT INTO t VALUES (2)")
	c.refuses(wire.ErrSQLTxnState, "25P02", "SELECT 1")
	c.exec("ROLLBACK")
	if got := c.exec("SELECT count(*) FROM t"); got != "[[0]]" {
		t.Errorf("got %s", got)
	}
}

func TestRolesHoldForStatements(t *testing.T) {
	s, store := withUsers(t, ListenerOptions{})
	for name, grants := range map[string][]users.Grant{
		"reader": {{Keyspace: "*", Role: users.Read}}, "writer": {{Keyspace: "*", Role: users.Write}}, "single": {{Keyspace: "shop", Role: users.Write}},
	} {
		if err := store.Add(t.Context(), name, "secret", grants); err != nil {
			t.Fatal(err)
		}
	}
	as := func(name string) *client {
		c := session(t, s)
		if e := c.login(name, "secret"); e != nil {
			t.Fatal(e)
		}
		return c
	}
	writer, reader, single := as("writer"), as("reader"), as("single")
	writer.exec("CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1); CREATE SEQUENCE s; CREATE INDEX t_n ON t (n)")
	if got := reader.exec("SELECT id FROM t"); got != "[[1]]" {
		t.Errorf("got %s", got)
	}
	reader.exec("BEGIN; SELECT * FROM t; COMMIT; SHOW TABLES; EXPLAIN DELETE FROM t")
	reader.exec("SET default_transaction_read_only = off")
	for _, sql := range []string{
		"INSERT INTO t VALUES (2, 2)", "UPDATE t SET n = 3", "DELETE FROM t", "CREATE TABLE u (id INT PRIMARY KEY)", "DROP TABLE t", "TRUNCATE t",
		"CREATE INDEX t_m ON t (n)", "REINDEX TABLE t", "ANALYZE t", "SELECT nextval('s')", "SELECT setval('s', 7)", "EXPLAIN ANALYZE DELETE FROM t",
		"CREATE TABLE u AS SELECT 1 AS id", "ALTER TABLE t ADD COLUMN m INT", "CREATE VIEW v AS SELECT 1 AS one", "INSERT INTO t VALUES (2, 2) RETURNING id",
		"SELECT 1; DELETE FROM t",
	} {
		reader.refuses(wire.ErrPermissionDenied, "42501", sql)
	}
	reader.refuses(wire.ErrPermissionDenied, "42501", "BEGIN READ WRITE")
	txn := reader.begin(wire.Begin{})
	if a := reader.try(&wire.Exec{SQL: "DELETE FROM t", Txn: txn}); a.err == nil || a.err.Code != wire.ErrPermissionDenied {
		t.Errorf("in a transaction: %+v", a)
	}
	single.fails(wire.TypeExec, &wire.Exec{SQL: "SELECT 1"}, wire.ErrPermissionDenied)
	single.fails(wire.TypePrepare, &wire.Prepare{SQL: "SELECT 1"}, wire.ErrPermissionDenied)
	// Changes hold at once.
	writer.exec("BEGIN")
	if err := store.SetGrants(t.Context(), "writer", []users.Grant{{Keyspace: "*", Role: users.Read}}); err != nil {
		t.Fatal(err)
	}
	writer.refuses(wire.ErrPermissionDenied, "42501", "DELETE FROM t")
	if got := writer.exec("ROLLBACK; SELECT count(*) FROM t"); got != "[[1]]" {
		t.Errorf("got %s", got)
	}
}

func TestMemoryOfQueriesIsBounded(t *testing.T) {
	s := serve(t, Options{QueryMemory: 1})
	c := session(t, s)
	c.exec("SET middb.memory = '1GB'")
	a := c.try(&wire.Exec{SQL: "SELECT i FROM generate_series(1, 50000) AS g(i) ORDER BY -i"})
	if a.err != nil || len(a.rows) != 50000 || a.rows[0][0] != int64(50000) {
		t.Fatalf("%d rows, %v", len(a.rows), a.err)
	}
	// What has no rows to come gives its memory back at once.
	for range 10 {
		c.exec("SELECT 1")
	}
	if got := s.memory.queries.used.Load(); got != 0 {
		t.Errorf("%d bytes are charged", got)
	}
}

func TestARowThatIsTooLargeIsNamed(t *testing.T) {
	c := session(t, serve(t, Options{MaxFrame: 64 << 10}))
	a := c.try(&wire.Exec{SQL: "SELECT repeat('x', i) FROM (VALUES (40000), (40000), (100000)) AS v(i)"})
	if a.err == nil || a.err.Code != wire.ErrReplyTooLarge || len(a.rows) != 2 {
		t.Errorf("%d rows, %v", len(a.rows), a.err)
	}
}
