package client_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
	"github.com/middb/middb/wire/server"
)

// spawn opens a database in memory.
func spawn(t testing.TB) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem(), MemoryBudget: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// serve serves a database at an address until the result is called.
func serve(t testing.TB, db *engine.DB, network, address string, o server.Options) (where string, stop func()) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, server.ListenerOptions{}) }()
	return l.Addr().String(), sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		<-served
	})
}

// connect serves a database over TCP and opens a client of it.
func connect(t testing.TB, db *engine.DB, params string, o client.Options) *client.Client {
	t.Helper()
	address, stop := serve(t, db, "tcp", "127.0.0.1:0", server.Options{Version: "v1", PID: 7})
	c, err := client.Open(context.Background(), "middb://"+address+params, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		stop()
	})
	return c
}

func check(t testing.TB, what string, err error, want error) {
	t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestEveryVerb does with each verb what it is for, and checks the outcome in the database itself.
func TestEveryVerb(t *testing.T) {
	db := spawn(t)
	for name, params := range map[string]string{"plain": "", "compressed": "?compress=zlib&durability=nosync", "keyspace": "/mine"} {
		t.Run(name, func(t *testing.T) {
			if _, err := db.Keyspace("mine", engine.KeyspaceOptions{}); err != nil {
				t.Fatal(err)
			}
			c := connect(t, db, params, client.Options{})
			verbs(t, c)
			if err := c.DropKeyspace(t.Context(), "other"); err != nil {
				t.Error(err)
			}
			check(t, "clean up", c.DeleteRange(t.Context(), nil, nil), nil)
		})
	}
}

func verbs(t *testing.T, c *client.Client) {
	ctx := t.Context()
	k, v := []byte("k"), bytes.Repeat([]byte("value"), 1000)
	check(t, "put", c.Put(ctx, k, v), nil)
	got, err := c.Get(ctx, k)
	if check(t, "get", err, nil); !bytes.Equal(got, v) {
		t.Errorf("got %q", got)
	}
	got, err = c.GetTo(ctx, got, k)
	if check(t, "get to", err, nil); !bytes.Equal(got, v) {
		t.Errorf("got %q", got)
	}
	_, err = c.Get(ctx, []byte("nothing"))
	check(t, "get", err, wire.ErrNotFound)
	_, err = c.GetTo(ctx, nil, []byte("nothing"))
	check(t, "get to", err, wire.ErrNotFound)
	check(t, "put of an empty value", c.Put(ctx, []byte("empty"), nil, client.NoSync), nil)
	if got, err = c.Get(ctx, []byte("empty")); got == nil || len(got) != 0 || err != nil {
		t.Errorf("an empty value is %v, %v", got, err)
	}
	check(t, "put", c.Put(ctx, nil, v), wire.ErrEmptyKey)
	check(t, "put", c.Put(ctx, make([]byte, 1<<17), v), wire.ErrKeyTooLarge)
	for key, want := range map[string]bool{"k": true, "nothing": false} {
		if has, err := c.Has(ctx, []byte(key)); has != want || err != nil {
			t.Errorf("has %s: %v, %v", key, has, err)
		}
	}

	seq, err := c.PutIfAbsent(ctx, []byte("new"), []byte("1"))
	check(t, "put if absent", err, nil)
	_, err = c.PutIfAbsent(ctx, []byte("new"), []byte("2"))
	check(t, "put if absent", err, wire.ErrExists)
	if _, s, err := c.GetWithSeq(ctx, []byte("new")); s != seq || err != nil {
		t.Errorf("written by %d, %v, want %d", s, err, seq)
	}
	_, err = c.PutIf(ctx, []byte("new"), []byte("2"), seq)
	check(t, "put if", err, nil)
	_, err = c.PutIf(ctx, []byte("new"), []byte("3"), seq)
	check(t, "put if", err, wire.ErrSeqMismatch)
	_, err = c.PutIf(ctx, []byte("absent"), []byte("3"), 0)
	check(t, "put if", err, wire.ErrSeqMismatch)

	check(t, "put with ttl", c.PutTTL(ctx, []byte("ttl"), v, time.Hour), nil)
	check(t, "put with ttl", c.PutTTL(ctx, []byte("ttl"), v, 0), wire.ErrInvalidTTL)
	if _, expires, err := c.GetWithExpiry(ctx, []byte("ttl")); err != nil || time.Until(expires) > time.Hour || time.Until(expires) < time.Hour-time.Minute {
		t.Errorf("expires %v, %v", expires, err)
	}
	check(t, "put with the longest ttl", c.PutTTL(ctx, []byte("longest ttl"), v, math.MaxInt64), nil)
	if _, expires, err := c.GetWithExpiry(ctx, []byte("longest ttl")); err != nil || expires.Year() < 2262 {
		t.Errorf("expires %v, %v", expires, err)
	}
	longest, err := c.Begin(ctx, client.TxnOptions{Timeout: math.MaxInt64})
	if check(t, "begin with the longest timeout", err, nil); err == nil {
		check(t, "roll back", longest.Rollback(ctx), nil)
	}
	if _, expires, err := c.GetWithExpiry(ctx, k); err != nil || !expires.IsZero() {
		t.Errorf("expires %v, %v", expires, err)
	}
	one := binary.LittleEndian.AppendUint64(nil, 1)
	check(t, "merge", c.Merge(ctx, []byte("n"), "counter", one), nil)
	check(t, "merge", c.Merge(ctx, []byte("n"), "counter", one), nil)
	check(t, "merge", c.Merge(ctx, []byte("n"), "nothing", one), wire.ErrMergeOperator)
	if got, err = c.Get(ctx, []byte("n")); err != nil || binary.LittleEndian.Uint64(got) != 2 {
		t.Errorf("the counter is %v, %v", got, err)
	}

	other, err := c.Keyspace(ctx, "other", client.KeyspaceOptions{})
	check(t, "keyspace", err, nil)
	_, err = c.Keyspace(ctx, "nobody's", client.KeyspaceOptions{MustExist: true})
	check(t, "keyspace", err, wire.ErrKeyspaceMissing)
	if names, err := c.Keyspaces(ctx); err != nil || !slices.Contains(names, "other") || names[0] != client.DefaultKeyspace {
		t.Errorf("keyspaces %q, %v", names, err)
	}
	var b client.Batch
	check(t, "put in a batch", b.Put([]byte("b1"), []byte("1")), nil)
	check(t, "put in a batch", b.Put(nil, []byte("1")), wire.ErrEmptyKey)
	check(t, "put in a batch", b.Put(make([]byte, 1<<17), []byte("1")), wire.ErrKeyTooLarge)
	check(t, "ttl in a batch", b.PutTTL([]byte("b2"), []byte("2"), time.Hour), nil)
	check(t, "batch", b.Delete([]byte("new")), nil)
	check(t, "batch", b.DeleteRange([]byte("em"), []byte("en")), nil)
	check(t, "batch", b.Merge([]byte("n"), "counter", one), nil)
	check(t, "batch", b.In(other).Put([]byte("b1"), []byte("other's")), nil)
	if b.Len() != 6 || b.Bytes() == 0 {
		t.Errorf("%d operations of %d bytes", b.Len(), b.Bytes())
	}
	check(t, "apply", c.Apply(ctx, &b), nil)
	values, err := c.MGet(ctx, []byte("b1"), []byte("new"), []byte("b2"), []byte("empty"))
	if check(t, "mget", err, nil); fmt.Sprintf("%q", values) != `["1" "" "2" ""]` || values[1] != nil || values[3] != nil {
		t.Errorf("mget %q", values)
	}
	if got, err = other.Get(ctx, []byte("b1")); string(got) != "other's" || err != nil || other.Name() != "other" {
		t.Errorf("%q, %v", got, err)
	}
	check(t, "delete", c.Delete(ctx, []byte("b2")), nil)
	if n, err := c.Count(ctx, client.Range{Prefix: []byte("b")}); n != 1 || err != nil {
		t.Errorf("count %d, %v", n, err)
	}
	check(t, "flush", c.Flush(ctx), nil)
	check(t, "compact", c.Compact(ctx, nil, nil), nil)
	check(t, "compact", other.Compact(ctx, []byte("a"), nil), nil)
	if s, err := c.Stats(ctx); err != nil || s.Engine.LastSeq == 0 || len(s.Levels) == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if i, err := c.Info(ctx); err != nil || i.Server != "middb" || i.Version != "v1" || i.PID != 7 {
		t.Errorf("%+v, %v", i, err)
	}
	if took, err := c.Ping(ctx); took <= 0 || err != nil {
		t.Errorf("%v, %v", took, err)
	}
	if s, err := c.Sessions(ctx); err != nil || len(s) == 0 || s[0].Client != "middb-go" {
		t.Errorf("%+v, %v", s, err)
	}
	if was, err := c.Kill(ctx, 1<<40); was || err != nil {
		t.Errorf("%v, %v", was, err)
	}
	p := c.Pipeline()
	put, get := p.Put([]byte("p"), []byte("1")), p.Get([]byte("p"))
	missing := p.Get([]byte("q"))
	check(t, "pipeline", p.Run(ctx), nil)
	check(t, "put in a pipeline", put.Err(), nil)
	if v, err := get.Value(); string(v) != "1" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	_, err = missing.Value()
	check(t, "get in a pipeline", err, wire.ErrNotFound)
}

func TestScansOfAnySize(t *testing.T) {
	db := spawn(t)
	n := 20_000 // of about 10 frames
	if testing.Short() {
		n = 5_000
	}
	b := db.NewBatch()
	for i := range n {
		b.Put(fmt.Appendf(nil, "k%06d", i), bytes.Repeat([]byte("v"), 120))
	}
	if err := db.Apply(b); err != nil {
		t.Fatal(err)
	}
	c := connect(t, db, "", client.Options{})
	for _, o := range []client.ScanOptions{
		{},
		{Reverse: true},
		{KeysOnly: true},
		{Limit: 17},
		{Range: client.Range{Prefix: []byte("k001")}},
		{Range: client.Range{Lower: []byte("k000100"), Upper: []byte("k010000")}, Reverse: true},
		{Range: client.Range{Lower: []byte("z")}},
	} {
		it, err := db.NewIterator(engine.IterOptions{Lower: o.Lower, Upper: o.Upper, Prefix: o.Prefix, Reverse: o.Reverse})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := c.Scan(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		count := uint64(0)
		for more := it.First(); more && (o.Limit == 0 || count < o.Limit); more = it.Next() {
			if !rows.Next() || !bytes.Equal(rows.Key(), it.Key()) || !o.KeysOnly && !bytes.Equal(rows.Value(), it.Value()) {
				t.Fatalf("%+v: entry %d is %q, %v, want %q", o, count, rows.Key(), rows.Err(), it.Key())
			}
			count++
		}
		if rows.Next() || rows.Close() != nil {
			t.Errorf("%+v: there is more than %d entries: %q, %v", o, count, rows.Key(), rows.Err())
		}
		it.Close()
	}
	// Many that are left half way, among others that are not.
	var work sync.WaitGroup
	for i := range 40 {
		work.Go(func() {
			rows, err := c.Scan(t.Context(), client.ScanOptions{KeysOnly: i%2 == 0})
			if err != nil {
				t.Error(err)
				return
			}
			defer rows.Close()
			for range 1 + i*n/100 {
				if !rows.Next() {
					t.Error(rows.Err())
				}
			}
		})
	}
	work.Wait()
	if s := db.Stats(); s.Views > 40 {
		t.Errorf("%d views are left", s.Views)
	}
}

func TestTransactionsOfManyClientsAddUp(t *testing.T) {
	db := spawn(t)
	c := connect(t, db, "", client.Options{Connections: 2})
	k := []byte("sum")
	check(t, "put", c.Put(t.Context(), k, []byte("0")), nil)
	var work sync.WaitGroup
	const workers, each = 150, 4 // more than the 128 transactions that two connections have
	for range workers {
		work.Go(func() {
			for range each {
				err := c.Update(t.Context(), func(txn *client.Txn) error {
					v, err := txn.GetForUpdate(t.Context(), k)
					if err != nil {
						return err
					}
					var n int
					fmt.Sscan(string(v), &n)
					return txn.Put(t.Context(), k, fmt.Append(nil, n+1))
				})
				if errors.Is(err, wire.ErrConflict) { // gave up: so many want it at a time
					err = c.Merge(t.Context(), []byte("given up"), "append", []byte("."))
				}
				check(t, "update", err, nil)
			}
		})
	}
	work.Wait()
	v, err := c.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	var sum int
	fmt.Sscan(string(v), &sum)
	gaveUp, err := c.Get(t.Context(), []byte("given up"))
	if err != nil && !errors.Is(err, wire.ErrNotFound) {
		t.Fatal(err)
	}
	if sum+len(gaveUp) != workers*each || sum < each {
		t.Errorf("the sum is %d, and %d gave up; want %d", sum, len(gaveUp), workers*each)
	}
	if s := db.Stats(); s.Txns != 0 {
		t.Errorf("%d transactions are left", s.Txns)
	}
}

func TestATransactionSeesItsOwnWritesAndSavepoints(t *testing.T) {
	db := spawn(t)
	c := connect(t, db, "", client.Options{})
	ctx := t.Context()
	other, err := c.Keyspace(ctx, "other", client.KeyspaceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "put", c.Put(ctx, []byte("a"), []byte("old")), nil)
	txn, err := c.Begin(ctx, client.TxnOptions{Isolation: client.Serializable, Timeout: time.Minute, Durability: client.NoSync})
	if err != nil {
		t.Fatal(err)
	}
	defer txn.Rollback(ctx)
	if last := db.Stats().LastSeq; txn.Seq() != last {
		t.Errorf("it reads at %d, want %d", txn.Seq(), last)
	}
	check(t, "put", txn.Put(ctx, []byte("a"), []byte("new")), nil)
	check(t, "put", txn.In(other).PutTTL(ctx, []byte("a"), []byte("other's"), time.Hour), nil)
	sp, err := txn.Savepoint(ctx)
	check(t, "savepoint", err, nil)
	check(t, "delete", txn.Delete(ctx, []byte("a")), nil)
	var b client.Batch
	check(t, "batch", b.Put([]byte("b"), []byte("1")), nil)
	check(t, "batch", b.In(other).Delete([]byte("a")), nil)
	check(t, "apply", txn.Apply(ctx, &b), nil)
	if n, err := txn.Count(ctx, client.Range{}); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	check(t, "roll back to", txn.RollbackTo(ctx, sp), nil)
	check(t, "roll back to nothing", txn.RollbackTo(ctx, client.Savepoint{}), wire.ErrSavepoint)
	rows, err := txn.Scan(ctx, client.ScanOptions{})
	check(t, "scan", err, nil)
	for k, v := range rows.All() {
		if string(k) != "a" || string(v) != "new" {
			t.Errorf("%q %q", k, v)
		}
	}
	check(t, "close", rows.Close(), nil)
	if _, expires, err := txn.In(other).GetWithExpiry(ctx, []byte("a")); err != nil || expires.IsZero() {
		t.Errorf("%v, %v", expires, err)
	}
	has, err := txn.Has(ctx, []byte("b"))
	if check(t, "has", err, nil); has {
		t.Error("b is there")
	}
	values, err := txn.MGet(ctx, []byte("a"), []byte("b"))
	if check(t, "mget", err, nil); string(values[0]) != "new" || values[1] != nil {
		t.Errorf("%q", values)
	}
	check(t, "a write beside it", c.Put(ctx, []byte("aa"), nil), nil) // in the range that it has read
	err = txn.Commit(ctx)
	var conflict *wire.Error
	if !errors.As(err, &conflict) || conflict.Code != wire.ErrConflict || string(conflict.Key) != "aa" {
		t.Errorf("commit: %v, %+v", err, conflict)
	}
	check(t, "commit again", txn.Commit(ctx), wire.ErrTxnDone)

	readOnly, err := c.Begin(ctx, client.TxnOptions{ReadOnly: true})
	check(t, "begin", err, nil)
	check(t, "put", readOnly.Put(ctx, []byte("a"), nil), wire.ErrTxnReadOnly)
	check(t, "roll back", readOnly.Rollback(ctx), nil)
	check(t, "roll back again", readOnly.Rollback(ctx), wire.ErrTxnDone)
	_, err = readOnly.Get(ctx, []byte("a"))
	check(t, "get", err, wire.ErrTxnDone)
}

func TestAFeedMissesNothing(t *testing.T) {
	db := spawn(t)
	c := connect(t, db, "", client.Options{})
	ctx := t.Context()
	feed, err := c.Watch(ctx, 1, []byte("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	const n = 3000
	go func() {
		p := c.Pipeline()
		for i := range n {
			p.Put(fmt.Appendf(nil, "k%d", i), nil, client.NoSync)
			p.Put(fmt.Appendf(nil, "x%d", i), nil, client.NoSync)
		}
		p.Merge([]byte("k"), "append", []byte("."))
		p.Delete([]byte("k1"))
		check(t, "pipeline", p.Run(ctx), nil)
		check(t, "delete range", c.DeleteRange(ctx, []byte("a"), []byte("z")), nil)
		check(t, "put with ttl", c.PutTTL(ctx, []byte("k"), []byte("v"), time.Hour), nil)
		feed.Drain()
	}()
	var kinds []client.ChangeKind
	for ch, err := range feed.All() {
		if err != nil {
			t.Fatal(err)
		}
		if i := len(kinds); i < n && (string(ch.Key) != fmt.Sprintf("k%d", i) || ch.Seq != uint64(2*i+1)) {
			t.Fatalf("change %d is %+v", i, ch)
		}
		kinds = append(kinds, ch.Kind)
		if ch.Kind == client.ChangePut && (len(kinds) > n) == ch.Expires.IsZero() {
			t.Errorf("%+v", ch)
		}
	}
	if got := kinds[min(n, len(kinds)):]; !slices.Equal(got, []client.ChangeKind{
		client.ChangeMerge, client.ChangeDelete, client.ChangeDeleteRange, client.ChangePut,
	}) {
		t.Errorf("%d changes, at last %v", len(kinds), got)
	}
	if _, err := feed.Next(); err != io.EOF {
		t.Error(err)
	}
}

// TestAServerIsReplaced stops a server under load and starts another one at the same address: reads and refused
// writes go on, and every write that was acknowledged is there.
func TestAServerIsReplaced(t *testing.T) {
	db := spawn(t)
	address, stop := serve(t, db, "tcp", "127.0.0.1:0", server.Options{})
	c, err := client.Open(t.Context(), "middb://"+address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	feed, err := c.Watch(t.Context(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	const workers = 8
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var unknown int
	half := make(chan struct{}, workers)
	replaced := make(chan struct{})
	var work sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			for i := range 400 {
				if i == 200 {
					half <- struct{}{}
				}
				if i == 300 {
					<-replaced
				}
				k := fmt.Sprintf("%d/%d", w, i)
				err := c.Put(t.Context(), []byte(k), nil, client.NoSync)
				mu.Lock()
				if err == nil {
					acknowledged[k] = true
				} else if errors.Is(err, wire.ErrCommitUnknown) {
					unknown++
				} else {
					t.Error(err)
				}
				mu.Unlock()
				if _, err := c.Has(t.Context(), []byte(k)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range workers {
		<-half
	}
	stop()
	_, stop = serve(t, db, "tcp", address, server.Options{})
	defer stop()
	close(replaced)
	work.Wait()
	for k := range acknowledged {
		if has, err := db.Has([]byte(k)); !has || err != nil {
			t.Errorf("%s was acknowledged, and is gone: %v", k, err)
		}
	}
	if unknown > workers {
		t.Errorf("%d writes are unknown of %d that can have been in flight", unknown, workers)
	}
	feed.Drain()
	last := uint64(0)
	for ch, err := range feed.All() {
		if err != nil {
			t.Fatal(err)
		}
		if ch.Seq != last+1 {
			t.Fatalf("after %d comes %d", last, ch.Seq)
		}
		last = ch.Seq
		delete(acknowledged, string(ch.Key))
	}
	if len(acknowledged) > 0 {
		t.Errorf("the feed has not %d writes that were acknowledged", len(acknowledged))
	}
	c.Close()
}

func TestOverAUnixSocket(t *testing.T) {
	db := spawn(t)
	path := filepath.Join(t.TempDir(), "s")
	_, stop := serve(t, db, "unix", path, server.Options{})
	defer stop()
	c, err := client.Open(t.Context(), "unix://"+path+"?keyspace=default&pool=1", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check(t, "put", c.Put(t.Context(), []byte("k"), []byte("v")), nil)
	if v, err := c.Get(t.Context(), []byte("k")); string(v) != "v" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}

// TestAWriteThatHangsCanBeGivenUp has a disk that does not answer.
func TestAWriteThatHangsCanBeGivenUp(t *testing.T) {
	hang, hanging, goOn := atomic.Bool{}, make(chan struct{}, 100), make(chan struct{})
	fsys := vfs.NewTrace(vfs.NewMem(), func(op vfs.Op) {
		if hang.Load() && op.Kind == vfs.OpSyncData {
			hanging <- struct{}{}
			<-goOn
		}
	})
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: fsys})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c := connect(t, db, "", client.Options{Connections: 1})
	hang.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- c.Put(ctx, []byte("k"), []byte("v")) }()
	<-hanging
	cancel()
	err = <-failed
	check(t, "put", err, wire.ErrCommitUnknown)
	check(t, "put", err, context.Canceled)
	_, err = c.Get(t.Context(), []byte("other")) // the connection is not held up
	check(t, "get", err, wire.ErrNotFound)
	hang.Store(false)
	close(goOn)
	check(t, "put", c.Put(t.Context(), []byte("k2"), nil), nil)
}
