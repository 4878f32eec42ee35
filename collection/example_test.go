package collection_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

type User struct {
	ID    int64   `db:"id,primarykey,identity"`
	Email string  `db:"email,unique,type=VARCHAR(100)"`
	Age   int     `db:"age,index=by_age,check=age >= 0,default=18"`
	Phone *string // phone, which may be NULL
}

func Example() {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	check(err)
	defer db.Close()
	users, err := collection.Open[User](context.Background(), db, "users")
	check(err)

	ada := User{Email: "ada@example.org", Age: 36}
	check(users.Insert(&ada))
	check(users.Insert(&User{Email: "bob@example.org"}))
	fmt.Println("ada has the number", ada.ID)

	err = users.Insert(&User{Email: "ada@example.org"})
	fmt.Println("twice:", errors.Is(err, engine.ErrUnique))

	check(users.Update(ada.ID, func(u *User) error {
		u.Age++
		return nil
	}))
	for u, err := range users.Range("by_age", collection.Bounds{Lower: collection.Key{18}, Reverse: true}) {
		check(err)
		fmt.Println(u.Email, u.Age)
	}
	// Output:
	// ada has the number 1
	// twice: true
	// ada@example.org 37
	// bob@example.org 18
}

func ExampleCollection_In() {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	check(err)
	defer db.Close()
	ctx := context.Background()
	users, err := collection.Open[User](ctx, db, "users")
	check(err)
	check(users.Insert(&User{Email: "ada@example.org", Age: 36}))

	// Both, or neither: the number of ada is that of the row which bob takes over.
	err = db.Update(ctx, func(txn *engine.Txn) error {
		in := users.In(txn)
		for u, err := range in.By("users_email_key", "ada@example.org") {
			if err != nil {
				return err
			}
			if err := in.Delete(u.ID); err != nil {
				return err
			}
			if err := in.Insert(&User{ID: u.ID, Email: "bob@example.org"}); err != nil {
				return err
			}
		}
		return nil
	})
	check(err)
	bob, err := users.Get(1)
	check(err)
	fmt.Println(bob.Email, bob.Age)
	// Output: bob@example.org 18
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
