// Quickstart opens a database, writes, reads, scans and looks back in time.
package main

import (
	"errors"
	"fmt"
	"log"

	"github.com/middb/middb/engine"
)

func main() {
	if err := run("./quickstart-db"); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()

	// A write is on disk when Put returns. NoSync answers sooner; Flush, Close or the next
	// synced write makes it durable.
	if err = db.Put([]byte("user/1"), []byte("Ada")); err != nil {
		return err
	}
	if err = db.Put([]byte("user/2"), []byte("Grace"), engine.NoSync); err != nil {
		return err
	}

	// A batch is all or nothing.
	before, err := db.Snapshot()
	if err != nil {
		return err
	}
	defer before.Close()
	batch := db.NewBatch()
	if err = batch.Put([]byte("user/3"), []byte("Edsger")); err != nil {
		return err
	}
	if err = batch.Delete([]byte("user/1")); err != nil {
		return err
	}
	if err = db.Apply(batch); err != nil {
		return err
	}

	if _, err = db.Get([]byte("user/1")); errors.Is(err, engine.ErrNotFound) {
		fmt.Println("user/1 is gone")
	}
	old, err := before.Get([]byte("user/1"))
	if err != nil {
		return err
	}
	fmt.Printf("user/1 was %s\n", old)

	it, err := db.NewIterator(engine.IterOptions{Prefix: []byte("user/"), Reverse: true})
	if err != nil {
		return err
	}
	defer it.Close()
	for k, v := range it.All() {
		fmt.Printf("%s = %s\n", k, v)
	}
	return it.Err()
}
