// Transactions moves money between accounts, counts visits, lets a session expire and follows what changed.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"sync"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
)

func main() {
	if err := run(context.Background(), "./transactions-db"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()

	// A keyspace is a set of keys of its own. Batches, snapshots and transactions span them.
	accounts, err := db.Keyspace("accounts", engine.KeyspaceOptions{})
	if err != nil {
		return err
	}
	for _, name := range []string{"ada", "bob"} {
		if err = accounts.Put([]byte(name), []byte("100")); err != nil {
			return err
		}
	}

	// Update commits what its function wrote, and runs it again when another commit got in the way.
	var workers sync.WaitGroup
	failures := make(chan error, 10)
	for range 10 {
		workers.Go(func() {
			failures <- db.Update(ctx, func(txn *engine.Txn) error { return transfer(txn.In(accounts), "ada", "bob", 5) })
		})
	}
	workers.Wait()
	for range 10 {
		if err = <-failures; err != nil {
			return err
		}
	}
	// View is a read-only transaction: all that it reads is of one moment.
	if err = db.View(ctx, func(txn *engine.Txn) error { return show(txn.In(accounts)) }); err != nil {
		return err
	}
	return errors.Join(conflict(db, accounts), kinds(ctx, db))
}

func show(accounts engine.TxnKeyspace) error {
	ada, err := balance(accounts, "ada")
	if err != nil {
		return err
	}
	bob, err := balance(accounts, "bob")
	fmt.Printf("ada has %d, bob has %d\n", ada, bob)
	return err
}

func balance(accounts engine.TxnKeyspace, name string) (int, error) {
	v, err := accounts.Get([]byte(name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(v))
}

func transfer(accounts engine.TxnKeyspace, from, to string, amount int) error {
	have, err := balance(accounts, from)
	if err != nil {
		return err
	}
	has, err := balance(accounts, to)
	if err != nil {
		return err
	}
	return errors.Join(
		accounts.Put([]byte(from), []byte(strconv.Itoa(have-amount))),
		accounts.Put([]byte(to), []byte(strconv.Itoa(has+amount))))
}

// conflict runs a transaction by hand, and loses to a commit that comes first.
func conflict(db *engine.DB, accounts *engine.Keyspace) error {
	txn, err := db.Begin(engine.TxnOptions{Isolation: engine.Serializable})
	if err != nil {
		return err
	}
	defer txn.Rollback() // does nothing after Commit
	if err = transfer(txn.In(accounts), "ada", "bob", 20); err != nil {
		return err
	}
	if err = accounts.Put([]byte("bob"), []byte("0")); err != nil {
		return err
	}
	var lost *engine.ConflictError
	if err = txn.Commit(); !errors.As(err, &lost) {
		return errors.Join(errors.New("a commit that wrote bob did not get in the way"), err)
	}
	fmt.Printf("another commit wrote %s\n", lost.Key)
	return nil
}

// kinds does what is more than put and delete, and reads it back from the feed.
func kinds(ctx context.Context, db *engine.DB) error {
	now, err := db.Snapshot()
	if err != nil {
		return err
	}
	defer now.Close()

	err = errors.Join(
		// Merge changes a value without reading it: nobody conflicts, nobody waits.
		db.Merge([]byte("visits"), merge.Counter, merge.AppendCount(nil, 1)),
		db.Merge([]byte("visits"), merge.Counter, merge.AppendCount(nil, 2)),
		// An hour from now the session is gone.
		db.PutTTL([]byte("session/7"), []byte("ada"), time.Hour),
		// However many keys there are, this writes one operation.
		db.DeleteRange([]byte("session/"), []byte("session0")))
	if err != nil {
		return err
	}
	v, err := db.Get([]byte("visits"))
	if err != nil {
		return err
	}
	visits, err := merge.Count(v)
	if err != nil {
		return err
	}
	fmt.Printf("%d visits\n", visits)

	// A feed yields durable operations in order, from any sequence number that the log still has.
	feed, err := db.Watch(ctx, now.Seq()+1, nil)
	if err != nil {
		return err
	}
	defer feed.Close()
	for c, err := range feed.All() {
		if err != nil {
			return err
		}
		fmt.Printf("%v %s\n", c.Kind, c.Key)
		if c.Kind == engine.ChangeDeleteRange {
			break
		}
	}
	return nil
}
