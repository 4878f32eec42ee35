package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/page"
	"github.com/middb/middb/relation"
)

// A DB is an open database. Make one with Spawn; all methods are safe for concurrent use. It has the methods
// of its default Keyspace: Get, Put, Delete, NewIterator and so on.
type DB struct {
	*defaultKeyspace
	cfg       Config
	graph     *actors.Graph // nil if read-only
	published *actors.Published
	set       *levels.Set
	forest    *bplustree.Forest
	picker    *levels.Picker
	cache     *page.Cache
	arenas    *memtable.Arenas
	views     *heldViews
	operators *merge.Operators
	clock     *clock
	live      *mvcc.Live
	meta      *Keyspace // the engine's own
	spaces    openKeyspaces

	tableSpaces sync.Map // from relation.Space to *Keyspace
	tables      openedTables
	sql         openedSQL
	jitter      jitter
	lock        io.Closer
	sizes       memorySizes
	recovery    Recovery

	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

// openedTables is what the process keeps of tables, once somebody uses them.
type openedTables struct {
	opening sync.Mutex
	catalog atomic.Pointer[relation.Catalog]
}

// Path returns the directory of the database.
func (db *DB) Path() string { return db.cfg.Dir }

// Recovery returns what opening found in the log.
func (db *DB) Recovery() Recovery { return db.recovery }

// Flush writes everything committed so far that is only in memory and in the log to sstables.
func (db *DB) Flush(ctx context.Context) error {
	return db.administer("flush", func() error { return db.graph.Flush(ctx) })
}

// Compact brings everything between lower, inclusive, and upper, exclusive, to the deepest level:
// deleted and replaced entries there give their space back. A nil bound is none; without bounds all keyspaces
// are compacted, otherwise the default one. Tables that reach beyond the bounds are compacted whole.
func (db *DB) Compact(ctx context.Context, lower, upper []byte) error {
	if lower != nil || upper != nil {
		return db.defaultKeyspace.Compact(ctx, lower, upper)
	}
	return db.administer("compact", func() error { return db.graph.Compact(ctx, nil, nil) })
}

// Compact is DB.Compact of one keyspace; without bounds it is the whole of it.
func (ks *Keyspace) Compact(ctx context.Context, lower, upper []byte) error {
	o := IterOptions{Lower: lower, Upper: upper}
	lower, upper, err := o.bounds()
	if err == nil {
		err = ks.check()
	}
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	lower, upper = ks.space.bounds(lower, upper)
	return ks.db.administer("compact", func() error { return ks.db.graph.Compact(ctx, lower, upper) })
}

// WaitIdle waits until every sealed memtable is flushed and there is nothing left to compact. It
// flushes nothing by itself.
func (db *DB) WaitIdle(ctx context.Context) error {
	return db.administer("wait", func() error { return db.graph.WaitIdle(ctx) })
}

func (db *DB) administer(what string, f func() error) error {
	var err error
	switch {
	case db.closed.Load():
		err = ErrClosed
	case db.graph == nil:
		err = ErrReadOnly
	default:
		err = f()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Close finishes the writes that are under way, ends the log cleanly and releases everything. A
// memtable of more than a mebibyte is flushed, so that the next open is quick. Snapshots and
// iterators that are still open return ErrClosed from then on; close them too. Close works also
// after a failure; what it returns then says what could not be done, and every acknowledged durable
// write is found again at the next open. Closing again returns the same.
func (db *DB) Close() error {
	db.closeOnce.Do(func() { db.closeErr = db.close() })
	return db.closeErr
}

func (db *DB) close() error {
	var errs []error
	if db.graph != nil {
		estimates := db.saveEstimates()
		errs = append(errs, db.graph.Close())
		if errs[0] == nil {
			errs = append(errs, estimates)
		}
		if db.clock.matters.Load() && errs[0] == nil {
			// What has expired stays so when the clock is set back before the next open.
			if _, err := db.set.Apply(levels.Edit{Time: db.clock.now()}); !errors.Is(err, ErrNoSpace) {
				errs = append(errs, err)
			}
		}
	}
	db.closed.Store(true)
	errs = append(errs, db.forest.Close(), db.set.Close(), db.lock.Close())
	db.cache.Close()
	db.arenas.Close()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close %s: %w", db.cfg.Dir, err)
	}
	return nil
}
