// Network_demo has clients move money between accounts on a server, at the same time: transactions that conflict and
// run again, a feed of what they commit, a scan and a pipeline. It serves a database of its own unless -server names
// a server, as in
//
//	go run ./examples/network_demo -server middb://localhost:7878
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
	"github.com/middb/middb/wire/server"
)

func main() {
	url := flag.String("server", "", "URL of a server (default: one in this program)")
	flag.Parse()
	if err := start(context.Background(), *url); err != nil {
		log.Fatal(err)
	}
}

// start runs the demonstration on the server at url or, if that is empty, on one of its own.
func start(ctx context.Context, url string) error {
	if url != "" {
		return run(ctx, url)
	}
	dir, err := os.MkdirTemp("", "network-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := engine.Spawn(engine.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := server.New(db, server.Options{})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener, server.ListenerOptions{}) }()
	err = run(ctx, "middb://"+listener.Addr().String())
	err = errors.Join(err, s.Shutdown(ctx)) // before the database is closed
	if end := <-served; !errors.Is(end, server.ErrShutdown) {
		err = errors.Join(err, end)
	}
	return err
}

const (
	clients   = 4
	transfers = 25 // of each client
)

func run(ctx context.Context, url string) error {
	db, err := client.Open(ctx, url, client.Options{Name: "network_demo"})
	if err != nil {
		return err
	}
	defer db.Close()
	accounts, err := freshKeyspace(ctx, db, "network-demo")
	if err != nil {
		return err
	}
	return errors.Join(demonstrate(ctx, url, db, accounts), db.DropKeyspace(ctx, accounts.Name()))
}

func demonstrate(ctx context.Context, url string, db *client.Client, accounts *client.Keyspace) error {
	// A batch is all or nothing, over the network, too.
	var b client.Batch
	for _, name := range []string{"ada", "bob"} {
		if err := b.In(accounts).Put([]byte("account/"+name), []byte("1000")); err != nil {
			return err
		}
	}
	if err := db.Apply(ctx, &b); err != nil {
		return err
	}

	// A feed yields what is committed, in order; here from now on.
	feed, err := accounts.Watch(ctx, 0, []byte("journal/"))
	if err != nil {
		return err
	}
	defer feed.Close()

	var work sync.WaitGroup
	failures := make(chan error, clients)
	for n := range clients {
		work.Go(func() { failures <- customer(ctx, url, n) })
	}
	work.Wait()
	for range clients {
		if err = <-failures; err != nil {
			return err
		}
	}
	return errors.Join(follow(feed), conflict(ctx, db, accounts), report(ctx, accounts))
}

// freshKeyspace returns a keyspace that is empty.
func freshKeyspace(ctx context.Context, db *client.Client, name string) (*client.Keyspace, error) {
	if err := db.DropKeyspace(ctx, name); err != nil && !errors.Is(err, wire.ErrKeyspaceMissing) {
		return nil, err
	}
	return db.Keyspace(ctx, name, client.KeyspaceOptions{})
}

// customer moves money with a client of its own. All want the same accounts, so their transactions conflict, and
// Update runs them again until each has gone through.
func customer(ctx context.Context, url string, number int) error {
	db, err := client.Open(ctx, url, client.Options{Name: fmt.Sprintf("customer %d", number)})
	if err != nil {
		return err
	}
	defer db.Close()
	accounts, err := db.Keyspace(ctx, "network-demo", client.KeyspaceOptions{MustExist: true})
	if err != nil {
		return err
	}
	for i := range transfers {
		for {
			err = db.Update(ctx, func(txn *client.Txn) error {
				return transfer(ctx, txn.In(accounts), 1+number, fmt.Sprintf("journal/%d/%d", number, i))
			})
			if !errors.Is(err, wire.ErrConflict) { // Update tries 20 times
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// transfer moves money from ada to bob and notes that in the journal.
func transfer(ctx context.Context, txn client.TxnKeyspace, amount int, note string) error {
	ada, err := balance(ctx, txn, "ada")
	if err != nil {
		return err
	}
	bob, err := balance(ctx, txn, "bob")
	if err != nil {
		return err
	}
	return errors.Join(
		txn.Put(ctx, []byte("account/ada"), []byte(strconv.Itoa(ada-amount))),
		txn.Put(ctx, []byte("account/bob"), []byte(strconv.Itoa(bob+amount))),
		txn.Put(ctx, []byte(note), []byte(strconv.Itoa(amount))))
}

func balance(ctx context.Context, txn client.TxnKeyspace, name string) (int, error) {
	v, err := txn.Get(ctx, []byte("account/"+name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(v))
}

// follow adds up what the feed has seen. Drain has it end after what was committed until now.
func follow(feed *client.Feed) error {
	feed.Drain()
	sum, n := 0, 0
	for change, err := range feed.All() {
		if err != nil {
			return err
		}
		amount, err := strconv.Atoi(string(change.Value))
		if err != nil {
			return err
		}
		sum += amount
		n++
	}
	fmt.Printf("the feed saw %d transfers of %d in all\n", n, sum)
	return nil
}

// conflict runs a transaction by hand, and loses to a commit that comes first.
func conflict(ctx context.Context, db *client.Client, accounts *client.Keyspace) error {
	txn, err := db.Begin(ctx, client.TxnOptions{Isolation: client.Serializable})
	if err != nil {
		return err
	}
	defer txn.Rollback(ctx) // does nothing after Commit
	if err = transfer(ctx, txn.In(accounts), 500, "journal/lost"); err != nil {
		return err
	}
	if err = accounts.Merge(ctx, []byte("account/bob"), "append", []byte("0")); err != nil {
		return err
	}
	var lost *wire.Error
	if err = txn.Commit(ctx); !errors.Is(err, wire.ErrConflict) || !errors.As(err, &lost) {
		return errors.Join(errors.New("a commit that wrote bob's account did not get in the way"), err)
	}
	fmt.Printf("another commit wrote %s\n", lost.Key)
	return nil
}

// report prints what there is now: by a scan, which sees one moment, and by a pipeline, which is one round trip.
func report(ctx context.Context, accounts *client.Keyspace) error {
	rows, err := accounts.Scan(ctx, client.ScanOptions{Range: client.Range{Prefix: []byte("account/")}, Reverse: true})
	if err != nil {
		return err
	}
	defer rows.Close()
	for k, v := range rows.All() {
		fmt.Printf("%s = %s\n", k, v)
	}
	if err = rows.Err(); err != nil {
		return err
	}
	p := accounts.Pipeline()
	first, none := p.Get([]byte("journal/0/0")), p.Get([]byte("journal/lost"))
	if err = p.Run(ctx); err != nil {
		return err
	}
	v, err := first.Value()
	if err != nil {
		return err
	}
	if _, err = none.Value(); !errors.Is(err, wire.ErrNotFound) {
		return fmt.Errorf("the transfer that was refused is in the journal: %w", err)
	}
	n, err := accounts.Count(ctx, client.Range{Prefix: []byte("journal/")})
	if err != nil {
		return err
	}
	fmt.Printf("the first transfer was %s, of %d\n", v, n)
	return nil
}
