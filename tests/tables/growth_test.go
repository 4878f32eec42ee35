package tables

import (
	"context"
	"fmt"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/vfs"
)

// growingRows is how many rows have an index that is written anew again and again.
const growingRows = 3000

func growingConfig(fs vfs.FS) engine.Config {
	return engine.Config{Dir: "db", FS: fs, MemoryBudget: 8 << 20, MemtableBytes: 256 << 10, Durability: engine.NoSync}
}

// rewrite gives all rows other values of the index.
func rewrite(t *testing.T, db *engine.DB, round int) {
	t.Helper()
	for at := 0; at < growingRows; at += 200 {
		check(t, db.Update(context.Background(), func(txn *engine.Txn) error {
			table, err := txn.Table("growing")
			if err != nil {
				return err
			}
			for id := at; id < min(at+200, growingRows); id++ {
				if err := table.Upsert(catalog.Int(int64(id)), catalog.Str(fmt.Sprintf("%d %0100d", (id*7919+round*31)%10007, id))); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// pagesOf returns how many bytes the file of indexes has.
func pagesOf(t *testing.T, disk vfs.FS) (n int64) {
	t.Helper()
	names, err := disk.List("db")
	check(t, err)
	for _, name := range names {
		if _, ok := levels.ParsePagesName(name); ok {
			info, err := disk.Stat(disk.Join("db", name))
			check(t, err)
			n += info.Size
		}
	}
	return n
}

// Whether a database was closed or killed, and whatever was left in its log, pages are used again after it is opened.
func TestPagesAreUsedAgainAfterRecovery(t *testing.T) {
	sizes := map[string]int64{}
	for _, how := range []string{"closed", "killed"} {
		disk := vfs.NewMem()
		db, err := engine.Spawn(growingConfig(disk))
		check(t, err)
		d, err := catalog.NewTable("growing").Column("id", "BIGINT").Column("value", "TEXT").PrimaryKey("id").Index("by_value", "value").Build()
		check(t, err)
		check(t, db.RegisterTable(context.Background(), d))
		rewrite(t, db, 0)
		for round := range 5 { // several lives, each of which has something in its log when it ends
			check(t, db.Flush(context.Background()))
			check(t, db.UpdateWith(context.Background(), engine.TxnOptions{Durability: engine.Sync}, func(txn *engine.Txn) error {
				table, err := txn.Table("growing")
				if err != nil {
					return err
				}
				return table.Upsert(catalog.Int(1), catalog.Str(fmt.Sprint("last ", round)))
			}))
			if how == "closed" {
				check(t, db.Flush(context.Background()))
			}
			killed := disk.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepAll})
			check(t, db.Close())
			if how == "killed" {
				disk = killed
			}
			db, err = engine.Spawn(growingConfig(disk))
			check(t, err)
			rewrite(t, db, 2*round+1)
			rewrite(t, db, 2*round+2)
			check(t, db.Flush(context.Background()))
		}
		check(t, db.Close())
		check(t, verifyOn(disk, "db"))
		sizes[how] = pagesOf(t, disk)
	}
	t.Logf("%d bytes of pages after clean ends, %d after kills", sizes["closed"], sizes["killed"])
	if sizes["killed"] > sizes["closed"]*5/4 {
		t.Errorf("after kills the indexes take %d bytes, after clean ends %d", sizes["killed"], sizes["closed"])
	}
}
