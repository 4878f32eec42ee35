package session_test

import (
	"context"
	"testing"

	"github.com/middb/middb/session"
)

func mustExec(t testing.TB, s *session.Session, sql string, args ...any) {
	t.Helper()
	if _, err := s.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(sql, err)
	}
}

func prepared(t testing.TB, s *session.Session, sql string) *session.Statement {
	t.Helper()
	p, err := s.Prepare(context.Background(), sql)
	if err != nil {
		t.Fatal(sql, err)
	}
	return p
}

const benchRows = 100_000

func filled(b *testing.B) *session.Session {
	s := open(b).Session()
	mustExec(b, s, "CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b INT)")
	insert := prepared(b, s, "INSERT INTO t VALUES ($1, $2, $3)")
	mustExec(b, s, "BEGIN")
	for i := range int64(benchRows) {
		if _, err := insert.Exec(context.Background(), i, "some text", i); err != nil {
			b.Fatal(err)
		}
	}
	mustExec(b, s, "COMMIT")
	return s
}

// BenchmarkInsertPrepared inserts rows into a table with a primary key, all in one transaction.
func BenchmarkInsertPrepared(b *testing.B) {
	s := open(b).Session()
	mustExec(b, s, "CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b INT)")
	insert := prepared(b, s, "INSERT INTO t VALUES ($1, $2, $3)")
	mustExec(b, s, "BEGIN")
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		if _, err := insert.Exec(context.Background(), i, "some text", i); err != nil {
			b.Fatal(err)
		}
		i++
	}
	mustExec(b, s, "COMMIT")
}

func BenchmarkSelectPrepared(b *testing.B) {
	s := filled(b)
	get := prepared(b, s, "SELECT a, b FROM t WHERE id = $1")
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		rows, err := get.Query(context.Background(), i%benchRows)
		if err != nil || !rows.Next() {
			b.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			b.Fatal(err)
		}
		i += 7919
	}
}

func BenchmarkUpdatePrepared(b *testing.B) {
	s := filled(b)
	update := prepared(b, s, "UPDATE t SET b = b + 1 WHERE id = $1")
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		if r, err := update.Exec(context.Background(), i%benchRows); err != nil || r.RowsAffected != 1 {
			b.Fatal(err)
		}
		i += 7919
	}
}
