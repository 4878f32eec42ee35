// Transaction_demo is a bank: transfers that conflict are run again, a savepoint takes a part back, and two withdrawals that are
// right each by itself are wrong together, which snapshot isolation allows and serializable refuses.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
)

// An Account may be overdrawn, as long as its owner has enough on others; the table knows nothing of that.
type Account struct {
	Name    string `db:"name,primarykey"`
	Owner   string `db:"owner,index=by_owner"`
	Balance int    `db:"balance,check=balance >= -100"`
}

type accounts = *collection.Collection[Account]

func main() {
	dir, err := os.MkdirTemp("", "transaction_demo")
	if err == nil {
		err = errors.Join(run(context.Background(), filepath.Join(dir, "db")), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	bank, err := collection.Open[Account](ctx, db, "accounts")
	if err != nil {
		return err
	}
	return errors.Join(
		bank.Insert(&Account{"ada", "ada", 100}), bank.Insert(&Account{"bob", "bob", 100}), conflicts(ctx, db, bank),
		savepoint(ctx, db, bank), skew(ctx, db, bank, engine.SnapshotIsolation), skew(ctx, db, bank, engine.Serializable))
}

// conflicts has ten transfers at once on the same two accounts. Of those that meet, the first to commit wins, and Update runs
// the others again: no transfer is lost.
func conflicts(ctx context.Context, db *engine.DB, bank accounts) error {
	var workers sync.WaitGroup
	failures := make([]error, 10)
	for i := range failures {
		workers.Go(func() {
			failures[i] = db.Update(ctx, func(txn *engine.Txn) error { return transfer(bank.In(txn), "ada", "bob", 5) })
		})
	}
	workers.Wait()
	fmt.Println("# ten transfers at once")
	return errors.Join(errors.Join(failures...), show(bank, "ada", "bob"))
}

// transfer moves money within a transaction.
func transfer(bank accounts, from, to string, amount int) error {
	return errors.Join(add(bank, from, -amount), add(bank, to, amount))
}

func add(bank accounts, name string, amount int) error {
	return bank.Update(name, func(a *Account) error {
		a.Balance += amount
		return nil
	})
}

// savepoint tries a transfer that is too large for a check, takes back what there is of it, and goes on.
func savepoint(ctx context.Context, db *engine.DB, bank accounts) error {
	fmt.Println("# a savepoint")
	err := db.Update(ctx, func(txn *engine.Txn) error {
		in := bank.In(txn)
		if err := transfer(in, "bob", "ada", 10); err != nil {
			return err
		}
		before, err := txn.Savepoint()
		if err != nil {
			return err
		}
		if err = transfer(in, "ada", "bob", 500); errors.Is(err, engine.ErrCheck) {
			fmt.Println("ada does not have 500: what bob got is taken back, and the 10 stay")
			err = txn.RollbackTo(before)
		}
		return err
	})
	return errors.Join(err, show(bank, "ada", "bob"))
}

// skew has eve withdraw 80 twice at once, once from each account. Both transactions see 100 in all; they write different
// accounts. Only a serializable one depends on what it has read.
func skew(ctx context.Context, db *engine.DB, bank accounts, level engine.Isolation) error {
	fmt.Printf("# two withdrawals at once, %v\n", level)
	if err := errors.Join(bank.Upsert(&Account{"eve-1", "eve", 50}), bank.Upsert(&Account{"eve-2", "eve", 50})); err != nil {
		return err
	}
	var both [2]*engine.Txn
	for i := range both {
		txn, err := db.Begin(engine.TxnOptions{Isolation: level})
		if err != nil {
			return err
		}
		defer txn.Rollback() // does nothing after Commit
		if err := withdraw(ctx, txn, bank.In(txn), fmt.Sprintf("eve-%d", i+1)); err != nil {
			return err
		}
		both[i] = txn
	}
	for i, txn := range both {
		if err := txn.Commit(); errors.Is(err, engine.ErrConflict) {
			fmt.Printf("number %d is refused, and would see now that there is too little\n", i+1)
		} else if err != nil {
			return err
		}
	}
	return show(bank, "eve-1", "eve-2")
}

// withdraw takes 80 from an account if eve has that much on all of hers, which a query in the transaction finds out.
func withdraw(ctx context.Context, txn *engine.Txn, bank accounts, name string) error {
	var total int
	if err := txn.QueryRow(ctx, "SELECT sum(balance) FROM accounts WHERE owner = $1", "eve").Scan(&total); err != nil {
		return err
	}
	if total < 80 {
		return fmt.Errorf("eve has only %d", total)
	}
	return add(bank, name, -80)
}

func show(bank accounts, one, two string) error {
	a, err := bank.Get(one)
	b, err2 := bank.Get(two)
	fmt.Printf("%s has %d, %s has %d\n", one, a.Balance, two, b.Balance)
	return errors.Join(err, err2)
}
