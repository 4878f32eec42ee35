package engine

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/middb/middb/vfs"
)

// actor returns what is known of an actor.
func actor(t *testing.T, db *DB, name string) ActorStats {
	t.Helper()
	for _, a := range db.Actors() {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("there is no actor %q", name)
	return ActorStats{}
}

// until waits for something that actors do on their own.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	must(t, within(t, "waiting until "+what, func() error {
		for !holds() {
			runtime.Gosched()
		}
		return nil
	}))
}

func TestStatsCountWhatIsWritten(t *testing.T) {
	db := spawn(t, Config{})
	b := db.NewBatch()
	for i := range 10 {
		must(t, b.Put(fmt.Appendf(nil, "key %d", i), make([]byte, 100)))
	}
	must(t, db.Apply(b, NoSync), db.Put([]byte("one"), []byte("more"), Sync))
	txn, err := db.Begin(TxnOptions{})
	must(t, err)
	must(t, txn.Put([]byte("in"), []byte("a transaction")), txn.Commit())
	txn, err = db.Begin(TxnOptions{})
	must(t, err, txn.Rollback())
	s := db.Stats()
	if s.Commits != 3 || s.Operations != 12 || s.TxnsBegun != 2 || s.TxnCommits != 1 || s.Txns != 0 {
		t.Errorf("three commits of twelve operations in all, one of them of a transaction: %+v", s)
	}
	user := int64(10*(5+100) + 3 + 4 + 2 + 13)
	if s.WrittenBytes < user || s.WrittenBytes > user+12*5 {
		t.Errorf("%d bytes written, want %d and a little", s.WrittenBytes, user)
	}
	if s.LogSyncs < 2 || s.LogSyncs != int64(s.LogSync.Count()) || int64(s.LogSyncTime) != s.LogSync.Sum {
		t.Errorf("two commits were synced: %d, %v, %v", s.LogSyncs, s.LogSyncTime, s.LogSync)
	}
	if s.LogKept < user || s.LogKept > s.LogBytes {
		t.Errorf("%d bytes of log are kept of %d", s.LogKept, s.LogBytes)
	}
	if a := s.WriteAmplification(); a < 1 || a > 3 {
		t.Errorf("write amplification %v without a flush", a)
	}
	if s.ReadAmplification() != 1 || s.SpaceAmplification() != 0 {
		t.Errorf("of a memtable: read amplification %d, space amplification %v", s.ReadAmplification(), s.SpaceAmplification())
	}
	must(t, db.Flush(context.Background()))
	before := s.WriteAmplification()
	s = db.Stats()
	if s.ReadAmplification() != 2 || s.WriteAmplification() <= before || s.SpaceAmplification() < 1 {
		t.Errorf("after a flush: %d, %v after %v, %v", s.ReadAmplification(), s.WriteAmplification(), before, s.SpaceAmplification())
	}
	if _, err := db.Get([]byte("key 3")); err != nil || db.Stats().Lookups.Found != 1 {
		t.Errorf("%v, %+v", err, db.Stats().Lookups)
	}
}

func TestStallsHaveACauseAndATime(t *testing.T) {
	release := make(chan struct{})
	fs := &gateFS{FS: vfs.NewMem(), gate: func() error { <-release; return nil }}
	db := spawn(t, Config{FS: fs, MemtableBytes: 1 << 20, MemoryBudget: 4 << 20, Durability: NoSync})
	written := make(chan error, 1)
	go func() {
		for i := range 10_000 {
			if err := db.Put(fmt.Appendf(nil, "k%08d", i), make([]byte, 400)); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	until(t, "a commit waits for a flush", func() bool { return db.Stats().Stalls == 1 && actor(t, db, "coordinator").Depth > 0 })
	waiting := actor(t, db, "coordinator")
	until(t, "it has waited longer", func() bool { return actor(t, db, "coordinator").Age > waiting.Age })
	until(t, "the flusher, which waits for the disk, is busy", func() bool { return actor(t, db, "flusher").Busy > 0 })
	close(release)
	must(t, <-written, db.WaitIdle(context.Background()))
	s := db.Stats()
	if s.Stalls == 0 || s.StallTime < waiting.Age {
		t.Errorf("%d stalls of %v; one lasted %v", s.Stalls, s.StallTime, waiting.Age)
	}
	if a := actor(t, db, "coordinator"); a.Depth != 0 || a.Age != 0 {
		t.Errorf("nothing waits any more, and %+v", a)
	}
}

func TestStatsTellWhatOldViewsHold(t *testing.T) {
	db := spawn(t, Config{})
	ctx := context.Background()
	fill := func(value byte) {
		for i := range 100 {
			must(t, db.Put(fmt.Appendf(nil, "k%d", i), []byte{value}, NoSync))
		}
		must(t, db.Compact(ctx, nil, nil))
	}
	fill(1)
	until(t, "nobody holds anything", func() bool { return db.Stats().ObsoleteTables == 0 })
	snapshot, err := db.Snapshot()
	must(t, err)
	fill(2)
	until(t, "obsolete tables are held", func() bool { s := db.Stats(); return s.ObsoleteTables == 1 && s.ObsoleteBytes > 0 })
	if s := db.Stats(); s.DiskBytes() <= s.LiveBytes()+s.LogKept {
		t.Errorf("%d bytes on disk, %d live, %d of log", s.DiskBytes(), s.LiveBytes(), s.LogKept)
	}
	must(t, snapshot.Close())
	until(t, "they are gone", func() bool { s := db.Stats(); return s.ObsoleteTables == 0 && s.ObsoleteBytes == 0 })
}

func TestStatsOutliveTheDatabase(t *testing.T) {
	db, err := Spawn(Config{Dir: "/db", FS: vfs.NewMem()})
	must(t, err)
	must(t, db.Put([]byte("k"), []byte("v")), db.Close())
	if s := db.Stats(); s.Commits != 1 || len(db.Actors()) != 12 {
		t.Fatalf("%+v, %+v", s, db.Actors())
	}
}
