package engine

import (
	"context"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

const pointRows = 200_000

// pointed returns a database with a table whose rows are found by a key, and by a unique index of either kind.
func pointed(b *testing.B) *DB {
	db := spawn(b, Config{FS: vfs.OS, Dir: b.TempDir(), MemoryBudget: 512 << 20, Durability: NoSync})
	ctx := context.Background()
	d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("u", "BIGINT").Column("v", "BIGINT").Column("name", "TEXT").
		PrimaryKey("id").UniqueIndex("by_u", "u").Using(catalog.BTree).UniqueIndex("by_v", "v").Using(catalog.LSM).Build()
	must(b, err)
	must(b, db.RegisterTable(ctx, d))
	for from := int64(0); from < pointRows; from += 10_000 {
		must(b, db.Update(ctx, func(txn *Txn) error {
			t, err := txn.Table("t")
			for i := from; err == nil && i < from+10_000; i++ {
				err = t.Insert(catalog.Int(i), catalog.Int(i*2), catalog.Int(i*3), catalog.Str("a name of some length"))
			}
			return err
		}))
	}
	must(b, db.Flush(ctx))
	must(b, db.WaitIdle(ctx))
	return db
}

// lookUp reads a row through a new Lookup, as a query does that was planned before.
func lookUp(tables *relation.Tables, schema *catalog.Table, index string, dst, key []catalog.Value) ([]catalog.Value, error) {
	l, err := tables.Storage().Lookup(schema, index, []int{0, 1, 3})
	if err != nil {
		return nil, err
	}
	row, found, err := l.Get(dst, key)
	if err == nil && !found {
		err = ErrRowNotFound
	}
	return row, err
}

func BenchmarkPoint(b *testing.B) {
	db := pointed(b)
	schema, err := db.GetTable("t")
	must(b, err)
	ctx := context.Background()
	keys := map[string]int64{"": 1, "by_u": 2, "by_v": 3}
	for _, index := range []string{"", "by_u", "by_v"} {
		key := make([]catalog.Value, 1)
		var row []catalog.Value
		next := func(i int) []catalog.Value {
			key[0] = catalog.Int(int64(i*7919%pointRows) * keys[index])
			return key
		}
		b.Run(index+"/one lookup", func(b *testing.B) {
			b.ReportAllocs()
			must(b, db.View(ctx, func(txn *Txn) error {
				tables, err := txn.Tables()
				must(b, err)
				l, err := tables.Storage().Lookup(schema, index, []int{0, 1, 2})
				must(b, err)
				for i := 0; b.Loop(); i++ {
					var found bool
					if row, found, err = l.Get(row[:0], next(i)); !found || err != nil {
						b.Fatal(found, err)
					}
				}
				return nil
			}))
		})
		b.Run(index+"/one transaction", func(b *testing.B) {
			b.ReportAllocs()
			must(b, db.View(ctx, func(txn *Txn) error {
				tables, err := txn.Tables()
				must(b, err)
				for i := 0; b.Loop(); i++ {
					if row, err = lookUp(tables, schema, index, row[:0], next(i)); err != nil {
						b.Fatal(err)
					}
				}
				return nil
			}))
		})
		b.Run(index+"/own transaction", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				must(b, db.View(ctx, func(txn *Txn) error {
					tables, err := txn.Tables()
					if err == nil {
						row, err = lookUp(tables, schema, index, row[:0], next(i))
					}
					return err
				}))
			}
		})
	}
	for _, index := range []string{"", "by_u", "by_v"} {
		b.Run(index+"/small scan", func(b *testing.B) {
			b.ReportAllocs()
			must(b, db.View(ctx, func(txn *Txn) error {
				tables, err := txn.Tables()
				must(b, err)
				batch := &catalog.Batch{Columns: []*catalog.Vector{{}, {}}}
				key := make([]catalog.Value, 1)
				r := &exec.ScanRequest{Table: schema, Index: index, Columns: []int{0, 1}, Prefix: key}
				for i := 0; b.Loop(); i++ {
					key[0] = catalog.Int(int64(i*7919%pointRows) * keys[index])
					c, err := tables.Storage().Scan(ctx, r)
					must(b, err)
					if _, err := c.Next(batch, 32); err != nil || batch.Len != 1 {
						b.Fatal(batch.Len, err)
					}
					must(b, c.Close())
				}
				return nil
			}))
		})
	}
	b.Run("Table.Get", func(b *testing.B) {
		b.ReportAllocs()
		t := db.Table("t")
		for i := 0; b.Loop(); i++ {
			if _, err := t.Get(catalog.Int(int64(i * 7919 % pointRows))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("View", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(b, db.View(ctx, func(*Txn) error { return nil }))
		}
	})
}
