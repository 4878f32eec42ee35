package collection_test

import (
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// BenchmarkScan goes over 1,000 rows of four columns, as structs and as the rows that engine lends.
func BenchmarkScan(b *testing.B) {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem(), Durability: engine.NoSync})
	check(err)
	defer db.Close()
	type row struct {
		ID    int64 `db:",primarykey"`
		Count int
		Ratio float64
		Name  string
	}
	rows, err := collection.Open[row](b.Context(), db, "rows")
	check(err)
	check(db.Update(b.Context(), func(txn *engine.Txn) error {
		for i := range int64(1000) {
			check(rows.In(txn).Insert(&row{ID: i, Count: 7, Ratio: 0.5, Name: "a name"}))
		}
		return nil
	}))
	b.Run("structs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, err := range rows.All() {
				check(err)
			}
		}
	})
	b.Run("rows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			check(db.Table("rows").Scan(engine.ScanOptions{}, func(engine.Row) bool { return true }))
		}
	})
	b.Run("get struct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := rows.Get(500)
			check(err)
		}
	})
	b.Run("get row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := db.Table("rows").Get(catalog.Int(500))
			check(err)
		}
	})
}
