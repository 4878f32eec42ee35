// Tables keeps Go structs in a table: it makes the table, fills it in a transaction, and reads by an index.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
)

// A User is a row of the table users.
type User struct {
	ID    int64   `db:"id,primarykey,identity"`
	Email string  `db:"email,unique"`
	Age   int     `db:"age,index=by_age,check=age >= 0,default=18"`
	Phone *string `db:"phone"` // may be NULL
}

func main() {
	if err := run(context.Background(), "./tables-db"); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir string) error {
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	users, err := collection.Open[User](ctx, db, "users")
	if err != nil {
		return err
	}

	// Both or neither, and run again if another transaction was faster.
	err = db.Update(ctx, func(txn *engine.Txn) error { return fill(users.In(txn)) })
	if errors.Is(err, engine.ErrUnique) {
		fmt.Println("they are there already")
	} else if err != nil {
		return err
	}

	for u, err := range users.Range("by_age", collection.Bounds{Lower: collection.Key{18}, Reverse: true}) {
		if err != nil {
			return err
		}
		fmt.Println(u.ID, u.Email, u.Age)
	}
	return nil
}

func fill(users *collection.Collection[User]) error {
	ada := User{Email: "ada@example.org", Age: 36}
	if err := users.Insert(&ada); err != nil { // and sets ada.ID
		return err
	}
	if err := users.Insert(&User{Email: "bob@example.org"}); err != nil {
		return err
	}
	return users.Update(ada.ID, func(u *User) error {
		u.Age++
		return nil
	})
}
