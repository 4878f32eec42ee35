// Lsm_demo watches the log-structured side of a database: writes go to memory and the log, a flush makes a sorted file of them,
// files pile up in level 0, a compaction merges them into a deeper level, and a deleted key is there until then.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/middb/middb/engine"
)

func main() {
	dir, err := os.MkdirTemp("", "lsm_demo")
	if err == nil {
		err = errors.Join(run(context.Background(), dir), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	// Without compactions on its own, so that each step can be seen: level 0 may have 100 files.
	db, err := engine.Spawn(engine.Config{Dir: filepath.Join(dir, "db"), L0CompactionTrigger: 100})
	if err != nil {
		return err
	}
	defer db.Close()

	fmt.Println("# 1,000 users, in memory and in the log")
	if err := put(db, 0, 1000); err != nil {
		return err
	}
	show(db)

	fmt.Println("# flushed: one file in level 0, sorted, and the log is not needed any more")
	if err := db.Flush(ctx); err != nil {
		return err
	}
	show(db)

	fmt.Println("# two more files: the first 500 users again, 100 new ones")
	if err := errors.Join(put(db, 0, 500), db.Flush(ctx), put(db, 1000, 1100), db.Flush(ctx)); err != nil {
		return err
	}
	show(db)

	fmt.Println("# deleted: what is written is a tombstone, which hides the older entries")
	if err := remove(db, 0, 10); err != nil {
		return err
	}
	if err := db.Flush(ctx); err != nil {
		return err
	}
	show(db)
	if _, err := db.Get(user(5)); !errors.Is(err, engine.ErrNotFound) {
		return errors.Join(errors.New("user 5 is not deleted"), err)
	}

	fmt.Println("# compacted: every user once, and tombstones have nothing left to hide")
	if err := db.Compact(ctx, nil, nil); err != nil {
		return err
	}
	show(db)
	s := db.Stats()
	fmt.Printf("%d flushes, %d compactions\n", s.Flushes, s.Compactions)

	return kill(db, dir)
}

// kill writes once more and then opens what a kill would leave: the files as they are now.
func kill(db *engine.DB, dir string) error {
	fmt.Println("# killed: the last write is in the log, from where it is replayed")
	if err := db.Put([]byte("last"), []byte("words")); err != nil { // on disk when Put returns
		return err
	}
	left := filepath.Join(dir, "left")
	if err := os.CopyFS(left, os.DirFS(db.Path())); err != nil {
		return err
	}
	again, err := engine.Spawn(engine.Config{Dir: left, MustExist: true})
	if err != nil {
		return err
	}
	defer again.Close()
	v, err := again.Get([]byte("last"))
	if err != nil {
		return err
	}
	fmt.Printf("last %s, of %d operations replayed\n", v, again.Recovery().Commits)
	show(again)
	return nil
}

func user(i int) []byte { return fmt.Appendf(nil, "user/%04d", i) }

// put writes users one by one. NoSync, as the program need not wait for the disk each time.
func put(db *engine.DB, from, to int) error {
	for i := from; i < to; i++ {
		if err := db.Put(user(i), []byte("a user"), engine.NoSync); err != nil {
			return err
		}
	}
	return nil
}

func remove(db *engine.DB, from, to int) error {
	for i := from; i < to; i++ {
		if err := db.Delete(user(i), engine.NoSync); err != nil {
			return err
		}
	}
	return nil
}

// show prints what is where. ReadAmplification is how many sources a read may have to ask.
func show(db *engine.DB) {
	s := db.Stats()
	fmt.Printf("memtable: %d keys\n", s.MemtableKeys)
	for _, l := range s.Levels {
		if l.Files > 0 {
			fmt.Printf("level %d: %d files, %d entries, %d tombstones\n", l.Level, l.Files, l.Entries, l.Tombstones)
		}
	}
	fmt.Printf("a read asks up to %d sources\n", s.ReadAmplification())
}
