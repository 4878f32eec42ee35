package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

// Every transaction sees the schemas of its moment, and rows that fit them, though schemas are remembered from one to the next:
// here the only row says how many columns there are.
func TestTransactionsSeeTheSchemaOfTheirMoment(t *testing.T) {
	const changes = 60
	db := spawn(t, Config{FS: vfs.NewMem(), Durability: NoSync})
	ctx := context.Background()
	d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("n", "BIGINT").PrimaryKey("id").Build()
	must(t, err)
	must(t, db.RegisterTable(ctx, d))
	must(t, db.Table("t").Insert(catalog.Int(1), catalog.Int(2)))
	ended := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := 0; ; {
				select {
				case <-ended:
					return
				default:
				}
				err := db.View(ctx, func(txn *Txn) error {
					tables, err := txn.Tables()
					if err != nil {
						return err
					}
					before, sure := tables.Epoch()
					table, err := tables.Table("t")
					if err != nil {
						return err
					}
					row, err := table.Get(catalog.Int(1))
					if err != nil {
						return err
					}
					columns := len(table.Schema().Columns)
					if n := row.Value("n").AsInt(); int(n) != columns || columns < last {
						return fmt.Errorf("the row says %d columns, the schema has %d, before there were %d", n, columns, last)
					}
					last = columns
					if after, ok := tables.Epoch(); ok && sure && after != before {
						return fmt.Errorf("the schemas of a transaction were of %d and of %d", before, after)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range changes {
		rolledBack := i%5 == 4
		err := db.Update(ctx, func(txn *Txn) error {
			tables, err := txn.Tables()
			if err != nil {
				return err
			}
			err = tables.Alter("t", func(s *catalog.Table) (*catalog.Table, error) {
				return s.AddColumn(catalog.Column{Name: fmt.Sprintf("c%d", i), Type: catalog.Type{Kind: catalog.Int64}})
			})
			if err != nil {
				return err
			}
			table, err := tables.Table("t")
			if err != nil {
				return err
			}
			err = table.Update([]catalog.Value{catalog.Int(1)}, func(r *Row) error {
				return r.Set("n", int64(len(table.Schema().Columns)))
			})
			if err == nil && rolledBack {
				err = errPlanned
			}
			return err
		})
		if err != nil && !rolledBack {
			t.Fatal(err)
		}
	}
	close(ended)
	readers.Wait()
}

var errPlanned = fmt.Errorf("planned")

// The epoch changes with what plans depend on, and with nothing else.
func TestEpochsChangeWithSchemas(t *testing.T) {
	db := spawn(t, Config{FS: vfs.NewMem(), Durability: NoSync})
	ctx := context.Background()
	update := func(f func(*relation.Tables) error) {
		t.Helper()
		must(t, db.Update(ctx, func(txn *Txn) error {
			tables, err := txn.Tables()
			must(t, err)
			return f(tables)
		}))
	}
	epoch := func() (e uint64) {
		t.Helper()
		must(t, db.View(ctx, func(txn *Txn) error {
			tables, err := txn.Tables()
			must(t, err)
			var ok bool
			if e, ok = tables.Epoch(); !ok {
				t.Error("there is no epoch")
			}
			return nil
		}))
		return e
	}
	d, err := catalog.NewTable("t").Column("id", "BIGINT").PrimaryKey("id").Build()
	must(t, err)
	var old *Txn
	for _, c := range []struct {
		what    string
		f       func(*relation.Tables) error
		changes bool
	}{
		{"a table", func(t *relation.Tables) error { return t.Create(d) }, true},
		{"a row", func(t *relation.Tables) error {
			h, err := t.Table("t")
			if err != nil {
				return err
			}
			return h.Insert(catalog.Int(1))
		}, false},
		{"a view", func(t *relation.Tables) error { return t.PutObject(relation.ViewObject, "v", nil) }, true},
		{"statistics", func(t *relation.Tables) error { return t.PutStatistics("t", []byte("x")) }, true},
		{"a sequence", func(t *relation.Tables) error { return t.PutSequence("s", relation.DefaultSequence()) }, true},
		{"a number", func(t *relation.Tables) error { _, err := t.NextValue("s"); return err }, false},
		{"an index", func(t *relation.Tables) error {
			return t.CreateIndex("t", IndexDefinition{Name: "i", Columns: []string{"id"}})
		}, true},
	} {
		before := epoch()
		old, err = db.Begin(TxnOptions{})
		must(t, err)
		update(c.f)
		if after := epoch(); (after != before) != c.changes {
			t.Errorf("%s: the epoch was %d and is %d", c.what, before, after)
		}
		tables, err := old.Tables()
		must(t, err)
		if _, ok := tables.Epoch(); ok == c.changes {
			t.Errorf("%s: an old transaction has an epoch: %v", c.what, ok)
		}
		must(t, old.Rollback())
	}
}
