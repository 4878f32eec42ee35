package differential

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// A Middb is a database of middb in memory with some tables.
type Middb struct{ db *engine.DB }

// Open returns a database with tables; see Table.SQL for the method of their indexes.
func Open(ctx context.Context, tables []Table, method string) (*Middb, error) {
	db, err := engine.Spawn(engine.Config{Dir: "d", FS: vfs.NewMem(), MemtableBytes: 4 << 20, CacheBytes: 8 << 20})
	if err != nil {
		return nil, err
	}
	m := &Middb{db}
	for _, t := range tables {
		for _, sql := range t.SQL(method) {
			if _, err := db.Exec(ctx, sql); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", sql, err), db.Close())
			}
		}
	}
	return m, nil
}

// Close closes the database.
func (m *Middb) Close() error { return m.db.Close() }

// Answer returns the rows of a query, computed with settings, as Normal has them.
func (m *Middb) Answer(ctx context.Context, query string, settings ...string) (all []string, err error) {
	s := m.db.Session()
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, set := range settings {
		if _, err = s.Exec(ctx, set); err != nil {
			return nil, err
		}
	}
	rows, err := s.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	var values [][]any
	for rows.Next() {
		row := make([]any, len(rows.Values()))
		for i, v := range rows.Values() {
			row[i] = v.Any()
		}
		values = append(values, row)
	}
	return Normal(values), rows.Err()
}
