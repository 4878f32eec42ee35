package sqllogic

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// A memory is a database in memory, with one session.
type memory struct {
	db      *engine.DB
	session *engine.Session
}

// Open returns a new and empty database, in memory, that computes queries by a plan. The caller closes it.
func Open(ctx context.Context, p Plan) (Database, func() error, error) {
	db, err := engine.Spawn(engine.Config{Dir: "slt", FS: vfs.NewMem(), MemtableBytes: 8 << 20, CacheBytes: 16 << 20})
	if err != nil {
		return nil, nil, fmt.Errorf("open a database in memory: %w", err)
	}
	m := &memory{db, db.Session()}
	for _, set := range p.Settings {
		if err := m.Exec(ctx, set); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%s: %w", set, err), m.close())
		}
	}
	return m, m.close, nil
}

func (m *memory) close() error { return errors.Join(m.session.Close(), m.db.Close()) }

// Exec implements Database.
func (m *memory) Exec(ctx context.Context, sql string) error {
	_, err := m.session.Exec(ctx, sql)
	return err
}

// Query implements Database.
func (m *memory) Query(ctx context.Context, sql string) (all [][]catalog.Value, err error) {
	rows, err := m.session.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		all = append(all, slices.Clone(rows.Values()))
	}
	return all, errors.Join(rows.Err(), rows.Close())
}
