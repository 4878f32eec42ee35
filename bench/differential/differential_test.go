package differential

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // drivers
	"github.com/middb/middb/tests/differential"
	"github.com/middb/middb/tests/environment"
	_ "modernc.org/sqlite"
)

// queries is how many random queries each set of tables is asked.
const queries = 25

func TestSQLiteAgrees(t *testing.T) {
	t.Parallel()
	compare(t, 3, func(t *testing.T, _ uint64) *sql.DB {
		db := open(t, "sqlite", ":memory:")
		execute(t, db, "PRAGMA case_sensitive_like = ON")
		return db
	})
}

func TestPostgreSQLAgrees(t *testing.T) {
	t.Parallel()
	url := os.Getenv("MIDDB_POSTGRES")
	if url == "" {
		t.Skip("MIDDB_POSTGRES is not set: see the package's documentation")
	}
	compare(t, 4, func(t *testing.T, seed uint64) *sql.DB {
		db := open(t, "pgx", url)
		schema := fmt.Sprintf("middb_%d", seed)
		execute(t, db, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
		execute(t, db, "CREATE SCHEMA "+schema)
		execute(t, db, "SET search_path = "+schema)
		t.Cleanup(func() { _, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE") })
		return db
	})
}

// open opens a database of one connection.
func open(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execute(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// compare asks middb and a peer the same queries.
func compare(t *testing.T, stream uint64, peer func(*testing.T, uint64) *sql.DB) {
	t.Helper()
	n := environment.Number(t, "MIDDB_QUERIES", 20*queries)
	if environment.Nightly() {
		n = environment.Number(t, "MIDDB_QUERIES", 100_000)
	}
	for seed := range environment.Seeds(t, max(1, n/queries)) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, stream))
			tables := differential.Tables(r)
			ours, err := differential.Open(t.Context(), tables, "")
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs := peer(t, seed)
			var made []string
			for _, table := range tables {
				made = append(made, table.SQL("")...)
			}
			for _, statement := range made {
				execute(t, theirs, statement)
			}
			answered := 0
			for range queries {
				q := differential.Query(r, tables)
				why := func(query string) string { return difference(t.Context(), ours, theirs, query) }
				if _, err := answer(t.Context(), theirs, q.String()); err == nil {
					answered++
				}
				if why(q.String()) != "" {
					q = differential.Shrink(q, func(query string) bool { return why(query) != "" })
					t.Fatalf("%s\n%s\n%s", q, why(q.String()), strings.Join(made, ";\n"))
				}
			}
			if answered < queries*3/4 {
				t.Errorf("of %d queries the peer has answered %d only", queries, answered)
			}
		})
	}
}

// difference says how the answers differ, or nothing. An error of the peer alone is none: it may not have what middb has.
func difference(ctx context.Context, ours *differential.Middb, theirs *sql.DB, query string) string {
	want, err := answer(ctx, theirs, query)
	if err != nil {
		return ""
	}
	got, err := ours.Answer(ctx, query)
	if err != nil {
		return "middb: " + err.Error()
	}
	return differential.Differ(got, want)
}

func answer(ctx context.Context, db *sql.DB, query string) ([]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		row, places := make([]any, len(types)), make([]any, len(types))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		for i, v := range row {
			if text, ok := v.(string); ok && types[i].DatabaseTypeName() == "NUMERIC" {
				if row[i], err = strconv.ParseInt(text, 10, 64); err != nil {
					return nil, err
				}
			}
		}
		all = append(all, row)
	}
	return differential.Normal(all), rows.Err()
}

// The comparison must be able to fail.
func TestPlantedDifferenceIsFound(t *testing.T) {
	tables := differential.Tables(rand.New(rand.NewPCG(1, 3)))
	ours, err := differential.Open(t.Context(), tables, "")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	theirs := open(t, "sqlite", ":memory:")
	if d := difference(t.Context(), ours, theirs, "SELECT 'a' LIKE 'A'"); d == "" {
		t.Error("SQLite ignores case in LIKE, if it is not told otherwise, and nobody noticed")
	}
}
