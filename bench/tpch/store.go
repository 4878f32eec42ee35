package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // a driver
	_ "github.com/middb/middb/driver"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/tpch"

	"github.com/middb/middb/bench/ratio"
	"github.com/middb/middb/bench/tpch/dbgen"
)

const sqlite = "mattn/go-sqlite3"

// A store is a database with the tables.
type store struct {
	name string
	db   *sql.DB
}

func (s *store) close() error {
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}

// open makes a database and fills it.
func (s *store) open(ctx context.Context, dir string, scale float64) (err error) {
	schema, err := files.ReadFile("schema.sql")
	if err != nil {
		return err
	}
	if s.name == ratio.Middb {
		at := filepath.Join(dir, "middb")
		if err = fillMiddb(ctx, at, string(schema), scale); err != nil {
			return err
		}
		s.db, err = sql.Open("middb", "file:"+at)
		return err
	}
	if s.db, err = sql.Open("sqlite3", "file:"+filepath.Join(dir, "sqlite.db")+"?_journal_mode=WAL&_synchronous=NORMAL&_cache_size=-262144"); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1) // the cache is that of a connection
	if _, err = s.db.ExecContext(ctx, string(schema)); err != nil {
		return err
	}
	for _, table := range dbgen.Tables {
		if err = s.load(ctx, table, scale); err != nil {
			return fmt.Errorf("table %s: %w", table, err)
		}
	}
	_, err = s.db.ExecContext(ctx, indexes+"; ANALYZE")
	return err
}

// rowsOf returns the rows of a table as they are made.
func rowsOf(table string, scale float64) *io.PipeReader {
	read, write := io.Pipe()
	go func() { write.CloseWithError(dbgen.NewScale(scale).Write(table, write)) }()
	return read
}

// fillMiddb makes a database of middb and fills it.
func fillMiddb(ctx context.Context, dir, schema string, scale float64) (err error) {
	db, err := engine.Spawn(engine.Config{Dir: dir, Durability: engine.NoSync})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Exec(ctx, schema); err != nil {
		return err
	}
	for _, table := range dbgen.Tables {
		rows := rowsOf(table, scale)
		_, err := tpch.Load(ctx, db, table, rows)
		if err = errors.Join(err, rows.Close()); err != nil {
			return err
		}
	}
	for statement := range strings.SplitSeq(indexes+"; ANALYZE", ";") { // several at once would be one transaction
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// indexes are what both have besides the primary keys.
const indexes = `
CREATE INDEX n_r ON nation (n_regionkey);
CREATE INDEX s_n ON supplier (s_nationkey);
CREATE INDEX ps_s ON partsupp (ps_suppkey);
CREATE INDEX c_n ON customer (c_nationkey);
CREATE INDEX o_c ON orders (o_custkey);
CREATE INDEX o_d ON orders (o_orderdate);
CREATE INDEX l_p ON lineitem (l_partkey, l_suppkey);
CREATE INDEX l_s ON lineitem (l_suppkey);
CREATE INDEX l_d ON lineitem (l_shipdate)`

// batchRows is how many rows a transaction of the loading inserts.
const batchRows = 10_000

// load inserts the rows of a table into SQLite, as they are made.
func (s *store) load(ctx context.Context, table string, scale float64) error {
	from := rowsOf(table, scale)
	defer from.Close()
	lines := bufio.NewScanner(from)
	for more := true; more; {
		tx, err := s.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if more, err = insert(ctx, tx, table, lines); err != nil {
			_ = tx.Rollback()
			return err
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return lines.Err()
}

// insert inserts the next rows. It reports whether there may be more.
func insert(ctx context.Context, tx *sql.Tx, table string, lines *bufio.Scanner) (bool, error) {
	var st *sql.Stmt
	for range batchRows {
		if !lines.Scan() {
			return false, nil
		}
		fields := strings.Split(lines.Text(), "|")
		if st == nil {
			var err error
			marks := strings.TrimSuffix(strings.Repeat("?, ", len(fields)), ", ")
			if st, err = tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES ("+marks+")"); err != nil {
				return false, err
			}
		}
		row := make([]any, len(fields))
		for i, f := range fields {
			row[i] = f
		}
		if _, err := st.ExecContext(ctx, row...); err != nil {
			return false, err
		}
	}
	return true, nil
}

// query returns the text of a query as the store reads it.
func (s *store) query(n int) (string, error) {
	text, err := files.ReadFile(fmt.Sprintf("queries/q%02d.sql", n))
	if err != nil || s.name == ratio.Middb {
		return string(text), err
	}
	return forSQLite(string(text)), nil
}

var (
	moved     = regexp.MustCompile(`date '([0-9-]+)' ([+-]) interval '([0-9]+)' (day|month|year)`)
	dates     = regexp.MustCompile(`date ('[0-9-]+')`)
	years     = regexp.MustCompile(`extract\(year from ([a-z_]+)\)`)
	substring = regexp.MustCompile(`substring\(([a-z_]+) from ([0-9]+) for ([0-9]+)\)`)
	named     = regexp.MustCompile(`(?s)select\s+c_custkey,\s+count\(o_orderkey\)\s+from(.*)\) as c_orders \(c_custkey, c_count\)`)
)

// forSQLite writes what SQLite has no words for in its own.
func forSQLite(text string) string {
	text = moved.ReplaceAllString(text, "date('$1', '$2$3 $4')")
	text = dates.ReplaceAllString(text, "$1")
	// Its numbers are binary: 0.06 + 0.01 is less than 0.07, and rows would be missing.
	text = strings.NewReplacer(".06 - 0.01", ".05", ".06 + 0.01", ".07").Replace(text)
	text = years.ReplaceAllString(text, "cast(strftime('%Y', $1) as integer)")
	text = substring.ReplaceAllString(text, "substr($1, $2, $3)")
	return named.ReplaceAllString(text, "select c_custkey, count(o_orderkey) as c_count from$1) as c_orders")
}

// answer runs a query and prints all values of its answer.
func (s *store) answer(ctx context.Context, n int) (all [][]string, err error) {
	text, err := s.query(n)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = show(v)
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// show prints a value as the answers of package tests/tpch have it.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.Format(time.DateOnly)
	case []byte:
		return string(v)
	default:
		return fmt.Sprint(v)
	}
}

// lines joins an answer as tests/tpch.Compare wants it.
func lines(answer [][]string) string {
	var b strings.Builder
	for _, row := range answer {
		b.WriteString(strings.Join(row, "|") + "\n")
	}
	return b.String()
}
