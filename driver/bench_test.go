package driver_test

import (
	"database/sql"
	"testing"

	_ "github.com/middb/middb/driver"
)

const benchRows = 100_000

func check(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

// filled returns a database with a table of rows.
func filled(b *testing.B, rows int64) *sql.DB {
	db, err := sql.Open("middb", ":memory:")
	check(b, err)
	b.Cleanup(func() { _ = db.Close() })
	_, err = db.Exec("CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b INT)")
	check(b, err)
	tx, err := db.Begin()
	check(b, err)
	s, err := tx.Prepare("INSERT INTO t VALUES ($1, $2, $3)")
	check(b, err)
	for i := range rows {
		_, err = s.Exec(i, "some text", i)
		check(b, err)
	}
	check(b, tx.Commit())
	return db
}

// BenchmarkSelect reads rows by their primary key, each in a transaction of its own.
func BenchmarkSelect(b *testing.B) {
	db := filled(b, benchRows)
	s, err := db.Prepare("SELECT a, b FROM t WHERE id = $1")
	check(b, err)
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		var text string
		var n int64
		check(b, s.QueryRow(i%benchRows).Scan(&text, &n))
		i += 7919
	}
}

// BenchmarkUpdate changes rows by their primary key in transactions of 10,000.
func BenchmarkUpdate(b *testing.B) {
	benchmarkInTransactions(b, filled(b, benchRows), "UPDATE t SET b = b + 1 WHERE id = $1", func(i int64) []any {
		return []any{i * 7919 % benchRows}
	})
}

// BenchmarkInsert inserts rows in transactions of 100,000.
func BenchmarkInsert(b *testing.B) {
	benchmarkInTransactions(b, filled(b, 0), "INSERT INTO t VALUES ($1, $2, $3)", func(i int64) []any {
		return []any{i, "some text", i}
	})
}

func benchmarkInTransactions(b *testing.B, db *sql.DB, query string, args func(i int64) []any) {
	var tx *sql.Tx
	var s *sql.Stmt
	var err error
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		if i%benchRows == 0 {
			if tx != nil {
				check(b, tx.Commit())
			}
			tx, err = db.Begin()
			check(b, err)
			s, err = tx.Prepare(query)
			check(b, err)
		}
		_, err = s.Exec(args(i)...)
		check(b, err)
		i++
	}
	check(b, tx.Commit())
}
