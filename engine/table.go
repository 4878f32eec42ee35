package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/page"
	"github.com/middb/middb/relation"
)

// What tables are made of: see the packages catalog and relation.
type (
	// A Row is a row of a table, or some columns of it.
	Row = relation.Row
	// ScanOptions say which rows of a table are read, in what order, and what of them.
	ScanOptions = relation.ScanOptions
	// An IndexDefinition is an index that is to be made.
	IndexDefinition = relation.IndexDefinition
	// A Finding is something in a table that is wrong.
	Finding = relation.Finding
	// A ConstraintError says which constraint of a table a row would violate.
	ConstraintError = relation.ConstraintError
)

// Errors of tables, beside those of package relation and catalog.
var (
	// ErrNoTable means that there is no table of a name.
	ErrNoTable = relation.ErrNoTable
	// ErrTableExists refuses a second table of a name.
	ErrTableExists = relation.ErrTableExists
	// ErrRowNotFound means that there is no row with a primary key.
	ErrRowNotFound = relation.ErrRowNotFound
	// ErrNotNull is matched if a column would be NULL that may not be.
	ErrNotNull = relation.ErrNotNull
	// ErrUnique is matched if a primary key or the values of a unique index would be there twice.
	ErrUnique = relation.ErrUnique
	// ErrCheck is matched if a row would not satisfy a check.
	ErrCheck = relation.ErrCheck
	// ErrForeignKey is matched if a foreign key would not hold.
	ErrForeignKey = relation.ErrForeignKey
	// ErrNoColumn means that a table has no column of a name.
	ErrNoColumn = relation.ErrNoColumn
	// ErrNoIndex means that a table has no index of a name.
	ErrNoIndex = relation.ErrNoIndex
	// ErrIndexExists refuses a second index of a name in a table.
	ErrIndexExists = relation.ErrIndexExists
	// ErrIdentity refuses values for columns that are GENERATED ALWAYS.
	ErrIdentity = relation.ErrIdentity
	// ErrInUse refuses to drop or change what something else needs.
	ErrInUse = relation.ErrInUse
	// ErrArguments refuses a wrong number of values, or a key of the wrong length.
	ErrArguments = relation.ErrArguments
	// ErrEntryTooLong refuses values that are too long for an index in a B+Tree.
	ErrEntryTooLong = relation.ErrEntryTooLong
	// ErrType is matched by values that do not have the type of their column.
	ErrType = relation.ErrType
)

// openTables returns what the process keeps of tables. The first call in a database that can be written removes what a crash
// has left of indexes that were being built.
func (db *DB) openTables(ctx context.Context) (*relation.Catalog, error) {
	if db.closed.Load() {
		return nil, ErrClosed
	}
	if c := db.tables.catalog.Load(); c != nil {
		return c, nil
	}
	db.tables.opening.Lock()
	defer db.tables.opening.Unlock()
	if c := db.tables.catalog.Load(); c != nil {
		return c, nil
	}
	c := relation.New(tableDatabase{db}, relation.Options{
		Now: db.cfg.Clock, Random: db.cfg.Random, BatchRows: int(db.sizes.dirtyTreeBytes / 2 / page.Size),
	})
	if db.graph != nil {
		if err := c.RemoveUnfinished(ctx); err != nil {
			return nil, fmt.Errorf("remove unfinished indexes: %w", err)
		}
	}
	db.tables.catalog.Store(c)
	return c, nil
}

// tidyTables drops what a failed CreateIndex has left, so that a transaction that is about to begin does not see it.
func (db *DB) tidyTables(ctx context.Context) {
	if c := db.tables.catalog.Load(); c != nil && db.graph != nil {
		c.Tidy(ctx)
	}
}

// saveEstimates stores how many rows tables have, if any was used.
func (db *DB) saveEstimates() error {
	c := db.tables.catalog.Load()
	if c == nil || db.graph == nil || db.graph.Failure() != nil {
		return nil
	}
	return c.SaveEstimates(context.Background())
}

// Tables returns the tables as the transaction sees them: to read and write several as one statement, and to change schemas
// within the transaction.
func (t *Txn) Tables() (*relation.Tables, error) {
	if t.tables == nil {
		c, err := t.db.openTables(context.Background())
		if err != nil {
			return nil, err
		}
		t.tables = c.Tables(context.Background(), storage{t})
	}
	return t.tables, nil
}

// Table returns a table as the transaction sees it. It is good as long as the transaction lasts.
func (t *Txn) Table(name string) (*relation.Table, error) {
	tables, err := t.Tables()
	if err != nil {
		return nil, err
	}
	return tables.Table(name)
}

// updateTables runs fn in a transaction, again after conflicts, and commits it.
func (db *DB) updateTables(ctx context.Context, what string, fn func(*relation.Tables) error) error {
	err := db.attempts(ctx, TxnOptions{}, func(txn *Txn) error {
		tables, err := txn.Tables()
		if err != nil {
			return err
		}
		return fn(tables)
	}, caller())
	return named(what, err)
}

func (db *DB) viewTables(what string, fn func(*relation.Tables) error) error {
	return named(what, db.View(context.Background(), func(txn *Txn) error {
		tables, err := txn.Tables()
		if err != nil {
			return err
		}
		return fn(tables)
	}))
}

func named(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// RegisterTable creates a table. Build the definition with catalog.NewTable.
func (db *DB) RegisterTable(ctx context.Context, d *catalog.Definition) error {
	return db.updateTables(ctx, "register table", func(t *relation.Tables) error { return t.Create(d) })
}

// DropTable drops a table that no other one refers to. Its space is given back by compaction, that of its indexes at once.
func (db *DB) DropTable(ctx context.Context, name string) error {
	return db.updateTables(ctx, "drop table", func(t *relation.Tables) error { return t.Drop(name) })
}

// AlterTable changes the schema of a table as the methods of catalog.Table do, which change is given. Rows are not rewritten.
func (db *DB) AlterTable(ctx context.Context, name string, change func(*catalog.Table) (*catalog.Table, error)) error {
	return db.updateTables(ctx, "alter table", func(t *relation.Tables) error { return t.Alter(name, change) })
}

// GetTable returns the schema of a table, which must not be changed.
func (db *DB) GetTable(name string) (schema *catalog.Table, err error) {
	err = db.viewTables("get table", func(t *relation.Tables) error {
		schema, err = t.Schema(name)
		return err
	})
	return schema, err
}

// ListTables returns the schemas of all tables, by name.
func (db *DB) ListTables() (schemas []*catalog.Table, err error) {
	err = db.viewTables("list tables", func(t *relation.Tables) error {
		schemas, err = t.List()
		return err
	})
	return schemas, err
}

// CreateIndex adds an index to a table, which can be read and written meanwhile. Progress, which may be nil, is told how many
// rows are done, of about how many. On an error, and when ctx ends, nothing of the index stays.
func (db *DB) CreateIndex(ctx context.Context, table string, d IndexDefinition, progress func(done, total uint64)) error {
	c, err := db.openTables(ctx)
	if err == nil {
		err = c.BuildIndex(ctx, table, d, progress)
	}
	return named("create index", err)
}

// DropIndex drops an index. Its pages are free at once.
func (db *DB) DropIndex(ctx context.Context, table, name string) error {
	return db.updateTables(ctx, "drop index", func(t *relation.Tables) error { return t.DropIndex(table, name) })
}

// VerifyTables checks all tables as they are now: each row, each constraint, and each index against its table. It reports
// what is wrong until report returns false. An error means that it could not go on.
func (db *DB) VerifyTables(ctx context.Context, report func(Finding) (goOn bool)) error {
	return db.viewTables("verify tables", func(t *relation.Tables) error {
		schemas, err := t.List()
		if err != nil {
			return err
		}
		goOn := true
		for _, s := range schemas {
			if !goOn {
				return nil
			}
			err := t.Verify(ctx, s.Name, func(f Finding) bool {
				goOn = report(f)
				return goOn
			})
			if err != nil {
				return fmt.Errorf("table %s: %w", s.Name, err)
			}
		}
		return nil
	})
}

// A Table reads and writes the rows of a table, each call in a transaction of its own that is run again after a conflict. Use
// Txn.Table for several in one. It is safe for concurrent use.
type Table struct {
	db   *DB
	name string
}

// Table returns the table of a name, whether it is there or not.
func (db *DB) Table(name string) *Table { return &Table{db, name} }

// Name returns the name of the table.
func (t *Table) Name() string { return t.name }

// update runs fn on the table in a transaction.
func (t *Table) update(what string, fn func(*relation.Table) error) error {
	return t.db.updateTables(context.Background(), what, func(tables *relation.Tables) error {
		table, err := tables.Table(t.name)
		if err != nil {
			return err
		}
		return fn(table)
	})
}

func (t *Table) view(what string, fn func(*relation.Table) error) error {
	return t.db.viewTables(what, func(tables *relation.Tables) error {
		table, err := tables.Table(t.name)
		if err != nil {
			return err
		}
		return fn(table)
	})
}

// Insert inserts a row, of a value for every column in order; see relation.Table.Insert.
func (t *Table) Insert(values ...catalog.Value) error {
	return t.update("insert", func(table *relation.Table) error { return table.Insert(values...) })
}

// InsertFields inserts a row of Go values for some columns, by name. The others have their defaults. It returns the row as
// it is then, with its numbers and defaults.
func (t *Table) InsertFields(fields map[string]any) (row Row, err error) {
	err = t.update("insert", func(table *relation.Table) error {
		if err = table.InsertFields(fields); err == nil {
			row = table.Inserted().Clone()
		}
		return err
	})
	return row, err
}

// Upsert inserts a row, or replaces the one that has its primary key.
func (t *Table) Upsert(values ...catalog.Value) error {
	return t.update("upsert", func(table *relation.Table) error { return table.Upsert(values...) })
}

// Get returns the row of a primary key, or ErrRowNotFound.
func (t *Table) Get(primary ...catalog.Value) (row Row, err error) {
	err = t.view("get", func(table *relation.Table) error {
		row, err = table.Get(primary...)
		return err
	})
	return row, err
}

// Update changes the row of a primary key, or returns ErrRowNotFound. Change may be called again after a conflict.
func (t *Table) Update(primary []catalog.Value, change func(*Row) error) error {
	return t.update("update", func(table *relation.Table) error { return table.Update(primary, change) })
}

// UpdateFields gives columns of the row of a primary key Go values, by name.
func (t *Table) UpdateFields(primary []catalog.Value, fields map[string]any) error {
	return t.update("update", func(table *relation.Table) error { return table.UpdateFields(primary, fields) })
}

// Delete deletes the row of a primary key, or returns ErrRowNotFound.
func (t *Table) Delete(primary ...catalog.Value) error {
	return t.update("delete", func(table *relation.Table) error { return table.Delete(primary...) })
}

// DeleteWhere deletes the rows of a range for which where is true, all if it is nil, and returns how many. Where may be
// called again after a conflict.
func (t *Table) DeleteWhere(o ScanOptions, where func(Row) (bool, error)) (n int, err error) {
	err = t.update("delete", func(table *relation.Table) error {
		n, err = table.DeleteWhere(o, where)
		return err
	})
	return n, err
}

// Scan calls visit with rows in the order of the primary key, until it returns false. The row is valid until visit returns.
func (t *Table) Scan(o ScanOptions, visit func(Row) (goOn bool)) error {
	return t.view("scan", func(table *relation.Table) error {
		rows, err := table.Scan(o)
		return visitAll(rows, err, visit)
	})
}

// ScanIndex calls visit with rows in the order of an index, until it returns false. The row is valid until visit returns.
func (t *Table) ScanIndex(index string, o ScanOptions, visit func(Row) (goOn bool)) error {
	return t.view("scan index", func(table *relation.Table) error {
		rows, err := table.ScanIndex(index, o)
		return visitAll(rows, err, visit)
	})
}

func visitAll(rows *relation.Rows, err error, visit func(Row) bool) error {
	if err != nil {
		return err
	}
	for rows.Next() && visit(rows.Row()) {
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Count counts the rows, by going over their keys.
func (t *Table) Count() (n uint64, err error) {
	err = t.view("count", func(table *relation.Table) error {
		n, err = table.Count()
		return err
	})
	return n, err
}
