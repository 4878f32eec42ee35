package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // drivers
	"github.com/middb/middb/driver"
	"github.com/middb/middb/engine"
	_ "modernc.org/sqlite"

	"github.com/middb/middb/bench/ratio"
)

// The peers.
const (
	mattn   = "mattn/go-sqlite3"
	modernc = "modernc/sqlite"
)

// A store is a database with the tables of the measurements.
type store struct {
	db     *sql.DB
	engine *engine.DB // of middb
	rows   int
}

func (s *store) close() error {
	err := s.db.Close()
	if s.engine != nil {
		err = errors.Join(err, s.engine.Close())
	}
	return err
}

const schema = `
CREATE TABLE big (
	id INTEGER PRIMARY KEY,
	grp INTEGER NOT NULL,
	num INTEGER NOT NULL,
	small INTEGER NOT NULL,
	val DOUBLE PRECISION NOT NULL,
	name TEXT NOT NULL
);
CREATE TABLE small (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL);
CREATE TABLE fresh (id INTEGER PRIMARY KEY, num INTEGER NOT NULL, name TEXT NOT NULL)`

// newStore makes a database and fills it.
func newStore(ctx context.Context, name, dir string, rows int) (*store, error) {
	s := &store{rows: rows}
	var err error
	switch name {
	case ratio.Middb:
		if s.engine, err = engine.Spawn(engine.Config{Dir: filepath.Join(dir, "middb"), Durability: engine.NoSync}); err == nil {
			s.db = sql.OpenDB(driver.NewConnector(s.engine))
		}
	case mattn:
		s.db, err = sql.Open("sqlite3", "file:"+filepath.Join(dir, "mattn.db")+"?_journal_mode=WAL&_synchronous=NORMAL&_cache_size=-262144")
	default:
		s.db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "modernc.db")+
			"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=cache_size(-262144)")
	}
	if err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1) // the cache of SQLite is that of a connection
	if err = s.fill(ctx); err == nil {
		err = s.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// settle brings the tables into the form that they have when nobody writes.
func (s *store) settle(ctx context.Context) error {
	if s.engine != nil {
		return s.engine.Compact(ctx, nil, nil)
	}
	_, err := s.db.ExecContext(ctx, "VACUUM")
	return err
}

// smallRows is how many rows the table small has.
func (s *store) smallRows() int { return max(1, s.rows/100) }

func (s *store) fill(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	err := s.insert(ctx, "INSERT INTO big VALUES (?, ?, ?, ?, ?, ?)", s.rows, func(i int) []any {
		return []any{i, r.IntN(1000), r.IntN(1_000_000), r.IntN(s.smallRows()), r.Float64() * 1000, fmt.Sprintf("name of row %d", i)}
	})
	if err != nil {
		return err
	}
	err = s.insert(ctx, "INSERT INTO small VALUES (?, ?, ?)", s.smallRows(), func(i int) []any {
		return []any{i, i % 100, fmt.Sprintf("small %d", i)}
	})
	if err != nil {
		return err
	}
	_, err = s.db.ExecContext(ctx, "ANALYZE")
	return err
}

// batchRows is how many rows a transaction inserts at most.
const batchRows = 100_000

// insert inserts rows by one prepared statement.
func (s *store) insert(ctx context.Context, statement string, rows int, row func(i int) []any) error {
	for from := 0; from < rows; from += batchRows {
		if err := s.insertSome(ctx, statement, from, min(from+batchRows, rows), row); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) insertSome(ctx context.Context, statement string, from, to int, row func(i int) []any) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	st, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		if _, err := st.ExecContext(ctx, row(i)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
