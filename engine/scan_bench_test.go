package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

const scanRows = 500_000

// scanned returns a database with a table of scanRows rows: all in one level, or as writing has left them in memory and levels.
func scanned(b *testing.B, compacted bool) *DB {
	cfg := Config{FS: vfs.OS, Dir: b.TempDir(), MemoryBudget: 512 << 20, Durability: NoSync}
	if !compacted {
		cfg.MemtableBytes = 8 << 20
	}
	db := spawn(b, cfg)
	ctx := context.Background()
	d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("a", "BIGINT", catalog.NotNull).Column("b", "DECIMAL(12,2)").
		Column("c", "TEXT").Column("d", "TIMESTAMP").Column("e", "TEXT").PrimaryKey("id").Index("by_a", "a").Build()
	must(b, err)
	must(b, db.RegisterTable(ctx, d))
	const batch = 10_000
	for from := int64(0); from < scanRows; from += batch {
		must(b, db.Update(ctx, func(txn *Txn) error {
			t, err := txn.Table("t")
			if err != nil {
				return err
			}
			for i := from; i < from+batch; i++ {
				id := i
				if !compacted {
					id = i * 7919 % scanRows // scattered over the levels
				}
				err := t.Insert(catalog.Int(id), catalog.Int(id%1000), catalog.DecimalOf(id*3, 2), catalog.Str("customer"+fmt.Sprint(id%5000)),
					catalog.Null(), catalog.Str("a remark of some length"))
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
	if compacted {
		must(b, db.Flush(ctx))
		must(b, db.Compact(ctx, nil, nil))
	}
	must(b, db.WaitIdle(ctx))
	return db
}

// scanBatches reads all rows by a query's scan, and returns how many there are.
func scanBatches(db *DB, r exec.ScanRequest) (n int, err error) {
	err = db.View(context.Background(), func(txn *Txn) error {
		tables, err := txn.Tables()
		if err != nil {
			return err
		}
		if r.Table, err = tables.Schema("t"); err != nil {
			return err
		}
		c, err := tables.Storage().Scan(context.Background(), &r)
		if err != nil {
			return err
		}
		b := &catalog.Batch{}
		for range r.Columns {
			b.Columns = append(b.Columns, &catalog.Vector{})
		}
		for {
			more, err := c.Next(b, 1024)
			if err != nil || !more {
				_ = c.Close()
				return err
			}
			n += b.Len
		}
	})
	return n, err
}

func BenchmarkScan(b *testing.B) {
	for _, compacted := range []bool{true, false} {
		name := "compacted/"
		if !compacted {
			name = "as written/"
		}
		db := scanned(b, compacted)
		report := func(b *testing.B, rows int) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
		}
		b.Run(name+"rows", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				must(b, db.Table("t").Scan(relation.ScanOptions{Places: []int{1, 2}}, func(Row) bool { n++; return true }))
			}
			report(b, scanRows)
		})
		for _, c := range []struct {
			name string
			r    exec.ScanRequest
			want int
		}{
			{"two numbers", exec.ScanRequest{Columns: []int{1, 2}}, scanRows},
			{"key and number", exec.ScanRequest{Columns: []int{0, 1}}, scanRows},
			{"three numbers and text", exec.ScanRequest{Columns: []int{0, 1, 2, 3}}, scanRows},
			{"filter", exec.ScanRequest{
				Columns: []int{1, 2}, Simple: []exec.Simple{{Column: 0, Op: expr.OpEqual, Value: catalog.Int(7)}},
			}, scanRows / 1000},
			{"count", exec.ScanRequest{}, scanRows},
			{"index only", exec.ScanRequest{Index: "by_a", Columns: []int{1, 0}}, scanRows},
			{"backward", exec.ScanRequest{Columns: []int{1, 2}, Reverse: true}, scanRows},
			{"through index", exec.ScanRequest{Index: "by_a", Columns: []int{2}, Prefix: []catalog.Value{catalog.Int(7)}}, scanRows / 1000},
		} {
			b.Run(name+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if n, err := scanBatches(db, c.r); n != c.want || err != nil {
						b.Fatal(n, err)
					}
				}
				rows := scanRows
				if c.name == "through index" {
					rows = c.want
				}
				report(b, rows)
			})
		}
	}
}
