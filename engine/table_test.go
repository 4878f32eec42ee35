package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

func users() *catalog.Builder {
	return catalog.NewTable("users").
		Column("id", "BIGINT", catalog.GeneratedByDefault).
		Column("name", "TEXT", catalog.NotNull).
		Column("age", "INT").
		PrimaryKey("id").Unique("name").Index("by_age", "age DESC", "name").Check("age >= 0")
}

func register(t *testing.T, db *DB, b *catalog.Builder) {
	t.Helper()
	d, err := b.Build()
	must(t, err)
	must(t, db.RegisterTable(context.Background(), d))
}

func wantSound(t *testing.T, db *DB) {
	t.Helper()
	must(t, db.VerifyTables(context.Background(), func(f Finding) bool {
		t.Error(f)
		return true
	}))
}

func TestTablesAlsoAfterReopening(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, Config{FS: fs})
	register(t, db, users())
	table := db.Table("users")
	for i := range 100 {
		row, err := table.InsertFields(map[string]any{"name": fmt.Sprintf("user %02d", i), "age": i % 10})
		must(t, err)
		if got := row.Value("id").AsInt(); got != int64(i+1) {
			t.Fatalf("row %d has the number %d", i, got)
		}
	}
	if _, err := table.InsertFields(map[string]any{"name": "user 05"}); !errors.Is(err, ErrUnique) {
		t.Fatalf("a name twice: %v", err)
	}
	if _, err := table.InsertFields(map[string]any{"name": "x", "age": -1}); !errors.Is(err, ErrCheck) {
		t.Fatalf("a negative age: %v", err)
	}
	if _, err := table.InsertFields(map[string]any{"name": "x", "age": "old"}); !errors.Is(err, ErrType) {
		t.Fatalf("an age that is none: %v", err)
	}
	wantSound(t, db)
	if s := db.Stats(); s.TreeDirtyBytes == 0 || s.TreeBytes != 0 {
		t.Fatalf("%d bytes of pages wait for their flush, %d are written", s.TreeDirtyBytes, s.TreeBytes)
	}
	must(t, db.Flush(context.Background()))
	if s := db.Stats(); s.TreeDirtyBytes != 0 || s.TreeBytes == 0 {
		t.Fatalf("%d bytes of pages wait for their flush, %d are written", s.TreeDirtyBytes, s.TreeBytes)
	}
	must(t, db.Close())
	db = spawn(t, Config{FS: fs})
	table = db.Table("users")
	var names []string
	must(t, table.ScanIndex("by_age", ScanOptions{Prefix: []catalog.Value{catalog.Int(7)}, Reverse: true, Limit: 2}, func(r Row) bool {
		names = append(names, strings.Clone(r.Value("name").AsString()))
		return true
	}))
	if fmt.Sprint(names) != "[user 97 user 87]" {
		t.Fatalf("the last users of 7: %v", names)
	}
	row, err := table.InsertFields(map[string]any{"name": "another"})
	must(t, err)
	if row.Value("id").AsInt() <= 100 {
		t.Fatalf("number %v is given twice", row.Value("id"))
	}
	must(t, db.CreateIndex(context.Background(), "users", IndexDefinition{Name: "lsm", Columns: []string{"age"}, Using: catalog.LSM}, nil))
	must(t, db.DropIndex(context.Background(), "users", "by_age"))
	wantSound(t, db)
	schemas, err := db.ListTables()
	must(t, err)
	if len(schemas) != 1 || len(schemas[0].Indexes) != 2 {
		t.Fatalf("%d tables, %d indexes", len(schemas), len(schemas[0].Indexes))
	}
	must(t, db.DropTable(context.Background(), "users"))
	if _, err := table.Count(); !errors.Is(err, ErrNoTable) {
		t.Fatalf("a table that is gone: %v", err)
	}
}

// A table that is written all the time can be dropped, and so can its indexes of both kinds.
func TestTablesAreDroppedWhileTheyAreWritten(t *testing.T) {
	db := spawn(t, Config{Durability: NoSync})
	register(t, db, users())
	must(t, db.CreateIndex(context.Background(), "users", IndexDefinition{Name: "lsm", Columns: []string{"age"}, Using: catalog.LSM}, nil))
	table := db.Table("users")
	var writers sync.WaitGroup
	started := make(chan struct{}, 4)
	for i := range cap(started) {
		writers.Go(func() {
			for n := 0; ; n++ {
				_, err := table.InsertFields(map[string]any{"name": fmt.Sprint(i, "/", n), "age": n % 90})
				if errors.Is(err, ErrNoTable) {
					return
				}
				if err != nil && !errors.Is(err, ErrConflict) {
					t.Error(err)
					return
				}
				if n == 10 {
					started <- struct{}{}
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	must(t, db.DropIndex(context.Background(), "users", "by_age"))
	wantSound(t, db)
	must(t, db.DropIndex(context.Background(), "users", "lsm"))
	must(t, db.DropTable(context.Background(), "users"))
	writers.Wait()
	must(t, db.View(context.Background(), func(txn *Txn) error {
		for id := relation.CatalogSpace + 1; id < relation.CatalogSpace+10; id++ {
			for _, tree := range []bool{false, true} {
				if left, err := allOf(storage{txn}, relation.Space{ID: id, Tree: tree}, false); err != nil || len(left) > 0 {
					return fmt.Errorf("space %d has %d entries, %w", id, len(left), err)
				}
			}
		}
		return nil
	}))
}

// A statement whose code panics is taken back, whoever recovers from that.
func TestPanicsLeaveNothingOfTheirStatement(t *testing.T) {
	db := spawn(t, Config{})
	register(t, db, users())
	table := db.Table("users")
	_, err := table.InsertFields(map[string]any{"name": "a"})
	must(t, err)
	recovered := func(f func()) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		f()
	}
	must(t, db.Update(context.Background(), func(txn *Txn) error {
		users, err := txn.Table("users")
		must(t, err)
		tables, err := txn.Tables()
		must(t, err)
		recovered(func() {
			_, _ = users.DeleteWhere(ScanOptions{}, func(Row) (bool, error) { panic("where") })
		})
		recovered(func() { _ = users.Update([]catalog.Value{catalog.Int(1)}, func(*Row) error { panic("change") }) })
		recovered(func() {
			_ = tables.Statement(func() error {
				must(t, users.InsertFields(map[string]any{"name": "b"}))
				panic("statement")
			})
		})
		if err := users.InsertFields(map[string]any{"name": "a"}); !errors.Is(err, ErrUnique) {
			t.Errorf("a name twice: %v", err)
		}
		return users.InsertFields(map[string]any{"name": "c"})
	}))
	wantSound(t, db)
	if n, err := table.Count(); err != nil || n != 2 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestConflictsOfTablesNameNoKeyspace(t *testing.T) {
	db := spawn(t, Config{FS: vfs.NewMem()})
	register(t, db, users())
	txn, err := db.Begin(TxnOptions{})
	must(t, err)
	table, err := txn.Table("users")
	must(t, err)
	must(t, table.InsertFields(map[string]any{"name": "ada"}))
	must(t, db.DropTable(context.Background(), "users"))
	err = txn.Commit()
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !conflict.Table || !strings.Contains(err.Error(), " of a table was written") {
		t.Error(err)
	}
}

// -0 is 0, in rows as in the keys of indexes; and what is nothing is refused.
func TestZerosAndNothing(t *testing.T) {
	db := spawn(t, Config{})
	register(t, db, catalog.NewTable("f").Column("id", "BIGINT").Column("v", "FLOAT").PrimaryKey("id").Index("by_v", "v"))
	table := db.Table("f")
	must(t, table.Insert(catalog.Int(1), catalog.Float(math.Copysign(0, -1))))
	for _, columns := range [][]string{{"v"}, {"id", "v"}, nil} {
		must(t, table.ScanIndex("by_v", ScanOptions{Columns: columns}, func(r Row) bool {
			if v := r.Value("v").AsFloat(); math.Signbit(v) {
				t.Errorf("columns %v: %v", columns, v)
			}
			return true
		}))
	}
	if err := db.RegisterTable(context.Background(), nil); !errors.Is(err, ErrArguments) {
		t.Errorf("no definition: %v", err)
	}
	err := db.AlterTable(context.Background(), "f", func(*catalog.Table) (*catalog.Table, error) { return nil, nil })
	if !errors.Is(err, ErrArguments) {
		t.Errorf("no schema: %v", err)
	}
}
