package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// openMem opens a database in memory, closed at the end of the test.
func openMem(t *testing.T, change func(*Config)) *DB {
	t.Helper()
	cfg := Config{Dir: "/db", FS: vfs.NewMem(), Durability: NoSync}
	if change != nil {
		change(&cfg)
	}
	db, err := Spawn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func begin(t *testing.T, db *DB, o TxnOptions) *Txn {
	t.Helper()
	txn, err := db.Begin(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = txn.Rollback() })
	return txn
}

// show prints what an iterator yields.
func show(t *testing.T, it *Iterator, err error) string {
	t.Helper()
	must(t, err)
	var out []string
	for k, v := range it.All() {
		out = append(out, fmt.Sprintf("%s=%s", k, v))
	}
	must(t, it.Close())
	return strings.Join(out, " ")
}

func wantGet(t *testing.T, get func([]byte) ([]byte, error), k, want string) {
	t.Helper()
	v, err := get([]byte(k))
	got := string(v)
	if errors.Is(err, ErrNotFound) {
		got = "none"
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("get %s: %s, want %s", k, got, want)
	}
}

func TestTransactionSeesItsViewAndItsOwnWrites(t *testing.T) {
	db := openMem(t, nil)
	for _, k := range []string{"a", "b", "c", "d", "e"} {
		must(t, db.Put([]byte(k), []byte("old")))
	}
	must(t, db.Flush(context.Background()))
	txn := begin(t, db, TxnOptions{})
	must(t, db.Put([]byte("a"), []byte("new")), db.Put([]byte("x"), []byte("new")))
	wantGet(t, txn.Get, "a", "old")
	wantGet(t, txn.Get, "x", "none")
	must(t, txn.Put([]byte("b"), []byte("mine")), txn.Delete([]byte("c")), txn.DeleteRange([]byte("d"), []byte("m")),
		txn.Put([]byte("dd"), []byte("mine")), txn.Merge([]byte("b"), merge.Append, []byte("+")))
	wantGet(t, txn.Get, "b", "mine+")
	wantGet(t, txn.Get, "c", "none")
	wantGet(t, txn.Get, "d", "none")
	wantGet(t, txn.Get, "dd", "mine")
	wantGet(t, db.Get, "b", "old")
	it, err := txn.NewIterator(IterOptions{})
	if got := show(t, it, err); got != "a=old b=mine+ dd=mine" {
		t.Errorf("the transaction walks over %s", got)
	}
	it, err = txn.NewIterator(IterOptions{Reverse: true})
	if got := show(t, it, err); got != "dd=mine b=mine+ a=old" {
		t.Errorf("in reverse: %s", got)
	}
	must(t, txn.Commit())
	it, err = db.NewIterator(IterOptions{})
	if got := show(t, it, err); got != "a=new b=mine+ dd=mine x=new" {
		t.Errorf("after the commit: %s", got)
	}
}

func TestFirstCommitterWins(t *testing.T) {
	for name, c := range map[string]struct {
		other, mine func(*Txn) error
		level       Isolation
		conflict    string // key; empty: none
	}{
		"write and write": {
			other:    func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:     func(x *Txn) error { return x.Put([]byte("k"), nil) },
			conflict: "k",
		},
		"different keys": {
			other: func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:  func(x *Txn) error { return x.Put([]byte("l"), nil) },
		},
		"range and write": {
			other:    func(x *Txn) error { return x.DeleteRange([]byte("a"), []byte("m")) },
			mine:     func(x *Txn) error { return x.Merge([]byte("k"), merge.Append, nil) },
			conflict: "k",
		},
		"write and range": {
			other:    func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:     func(x *Txn) error { return x.DeleteRange(nil, nil) },
			conflict: "k",
		},
		"range and range": {
			other:    func(x *Txn) error { return x.DeleteRange([]byte("c"), []byte("m")) },
			mine:     func(x *Txn) error { return x.DeleteRange([]byte("a"), []byte("d")) },
			conflict: "c",
		},
		"for update and write": {
			other: func(x *Txn) error { return readForUpdate(x, "k", "other") },
			mine:  func(x *Txn) error { return x.Put([]byte("k"), nil) }, conflict: "k",
		},
		"write and for update": {
			other: func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:  func(x *Txn) error { return readForUpdate(x, "k", "mine") }, conflict: "k",
		},
		"write and read under snapshot isolation": {
			other: func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:  func(x *Txn) error { return read(x, "k", "mine") },
		},
		"write and read": {
			level: Serializable,
			other: func(x *Txn) error { return x.Put([]byte("k"), nil) },
			mine:  func(x *Txn) error { return read(x, "k", "mine") }, conflict: "k",
		},
		"phantom": {
			level: Serializable,
			other: func(x *Txn) error { return x.Put([]byte("kk"), nil) },
			mine:  func(x *Txn) error { return scan(x, IterOptions{Prefix: []byte("k")}) }, conflict: "kk",
		},
		"write beyond what was walked over": {
			level: Serializable,
			other: func(x *Txn) error { return x.Put([]byte("kk"), nil) },
			mine:  func(x *Txn) error { return scan(x, IterOptions{Upper: []byte("kk")}) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openMem(t, nil)
			mine, other := begin(t, db, TxnOptions{Isolation: c.level}), begin(t, db, TxnOptions{Isolation: c.level})
			must(t, c.mine(mine), c.other(other), other.Commit())
			err := mine.Commit()
			if c.conflict == "" {
				must(t, err)
				return
			}
			conflict := (*ConflictError)(nil)
			if !errors.As(err, &conflict) || !errors.Is(err, ErrConflict) {
				t.Fatalf("commit returns %v", err)
			}
			if string(conflict.Key) != c.conflict || conflict.Seq == 0 || conflict.Seq > db.Stats().LastSeq {
				t.Errorf("the conflict is %+v, want key %s", conflict, c.conflict)
			}
		})
	}
}

// read reads a key and writes another.
func read(x *Txn, k, write string) error {
	if _, err := x.Get([]byte(k)); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return x.Put([]byte(write), nil)
}

func readForUpdate(x *Txn, k, write string) error {
	if _, err := x.GetForUpdate([]byte(k)); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return x.Put([]byte(write), nil)
}

// scan walks over keys and writes one.
func scan(x *Txn, o IterOptions) error {
	it, err := x.NewIterator(o)
	if err != nil {
		return err
	}
	for range it.All() {
	}
	return errors.Join(it.Close(), x.Put([]byte("scanned"), nil))
}

func TestBlindWritesConflictWithTransactions(t *testing.T) {
	db := openMem(t, nil)
	txn := begin(t, db, TxnOptions{})
	must(t, db.Put([]byte("k"), []byte("1")), txn.Put([]byte("k"), []byte("2")))
	if err := txn.Commit(); !errors.Is(err, ErrConflict) {
		t.Errorf("commit returns %v", err)
	}
	wantGet(t, db.Get, "k", "1")
}

func TestMisuseOfTransactionsHasItsOwnErrors(t *testing.T) {
	db := openMem(t, nil)
	ctx := context.Background()
	txn := begin(t, db, TxnOptions{})
	must(t, txn.Put([]byte("k"), nil), txn.Commit())
	expect := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err := txn.Get([]byte("k"))
	expect("get after commit", err, ErrTxnDone)
	expect("put after commit", txn.Put([]byte("k"), nil), ErrTxnDone)
	expect("second commit", txn.Commit(), ErrTxnDone)
	expect("rollback after commit", txn.Rollback(), ErrTxnDone)
	_, err = txn.NewIterator(IterOptions{})
	expect("iterator after commit", err, ErrTxnDone)
	_, err = txn.Savepoint()
	expect("savepoint after commit", err, ErrTxnDone)

	ro := begin(t, db, TxnOptions{ReadOnly: true})
	expect("write in read-only", ro.Put([]byte("k"), nil), ErrTxnReadOnly)
	_, err = ro.GetForUpdate([]byte("k"))
	expect("for update in read-only", err, ErrTxnReadOnly)
	expect("commit of read-only", ro.Commit(), ErrTxnReadOnly)

	expect("commit in Update", db.Update(ctx, func(x *Txn) error { return x.Commit() }), ErrTxnManaged)
	expect("rollback in View", db.View(ctx, func(x *Txn) error { return x.Rollback() }), ErrTxnManaged)

	a, b := begin(t, db, TxnOptions{}), begin(t, db, TxnOptions{})
	first, err := a.Savepoint()
	must(t, err)
	second, err := a.Savepoint()
	must(t, err, a.RollbackTo(first))
	expect("savepoint that is gone", a.RollbackTo(second), ErrSavepoint)
	expect("savepoint of another", b.RollbackTo(first), ErrSavepoint)

	late := begin(t, db, TxnOptions{Timeout: time.Nanosecond})
	for late.usable() == nil {
		runtime.Gosched()
	}
	expect("write after the timeout", late.Put([]byte("k"), nil), ErrTxnExpired)
	expect("commit after the timeout", late.Commit(), ErrTxnExpired)
	if n := db.Stats().Txns; n != 2 {
		t.Errorf("%d transactions are under way, want 2", n)
	}
}

func TestOldestTransactionNamesWhereItBegan(t *testing.T) {
	db := openMem(t, nil)
	begin(t, db, TxnOptions{})
	s := db.Stats()
	if s.OldestView.Kind != "transaction" || !slices.ContainsFunc(s.OldestView.Creator, func(f string) bool {
		return strings.Contains(f, "TestOldestTransactionNamesWhereItBegan") || strings.Contains(f, "engine.begin")
	}) {
		t.Errorf("the oldest View is %+v", s.OldestView)
	}
}

// However deep in the engine a View is made, its creator is who called the engine.
func TestViewsNameWhoCalledTheEngine(t *testing.T) {
	db := openMem(t, nil)
	named := func() error {
		if by := db.Stats().OldestView.Creator; !slices.ContainsFunc(by, func(f string) bool {
			return strings.Contains(f, "TestViewsNameWhoCalledTheEngine")
		}) {
			t.Errorf("the oldest View was made by %q", by)
		}
		return nil
	}
	iterate := func(it *Iterator, err error) {
		must(t, err, named(), it.Close())
	}
	must(t, db.Put([]byte("k"), nil))
	must(t, db.View(t.Context(), func(*Txn) error { return named() }))
	must(t, db.Update(t.Context(), func(*Txn) error { return named() }))
	must(t, db.UpdateWith(t.Context(), TxnOptions{Isolation: Serializable}, func(*Txn) error { return named() }))
	iterate(db.NewIterator(IterOptions{}))
	iterate(db.NewIndexedBatch().NewIterator(IterOptions{}))
	iterate(db.NewIndexedBatch().In(db.defaultKeyspace).NewIterator(IterOptions{}))
}

func TestSavepointsTakeBackWritesAndNotReads(t *testing.T) {
	db := openMem(t, nil)
	txn := begin(t, db, TxnOptions{Isolation: Serializable})
	must(t, txn.Put([]byte("a"), []byte("1")))
	before, err := txn.Savepoint()
	must(t, err, txn.Put([]byte("a"), []byte("2")), txn.DeleteRange(nil, nil), txn.Put([]byte("b"), []byte("2")))
	it, err := txn.NewIterator(IterOptions{})
	must(t, err)
	wantGet(t, txn.Get, "c", "none")
	must(t, txn.RollbackTo(before), txn.Put([]byte("d"), []byte("3")))
	if got := show(t, it, nil); got != "b=2" {
		t.Errorf("an iterator from before the rollback walks over %s", got)
	}
	it, err = txn.NewIterator(IterOptions{})
	if got := show(t, it, err); got != "a=1 d=3" {
		t.Errorf("after the rollback: %s", got)
	}
	must(t, db.Put([]byte("c"), nil))
	if err := txn.Commit(); !errors.Is(err, ErrConflict) {
		t.Errorf("a key read before the rollback was written, and commit returns %v", err)
	}
}

func TestUpdateRetriesConflictsOnly(t *testing.T) {
	db := openMem(t, nil)
	ctx := context.Background()
	runs := 0
	must(t, db.Update(ctx, func(x *Txn) error {
		if runs++; runs < 4 {
			must(t, db.Put([]byte("k"), nil))
		}
		return x.Put([]byte("k"), []byte("mine"))
	}))
	if runs != 4 {
		t.Errorf("it ran %d times", runs)
	}
	runs = 0
	broken := errors.New("broken")
	if err := db.Update(ctx, func(*Txn) error { runs++; return broken }); !errors.Is(err, broken) || runs != 1 {
		t.Errorf("after %d runs: %v", runs, err)
	}
	runs = 0
	err := db.Update(ctx, func(x *Txn) error {
		runs++
		must(t, db.Put([]byte("k"), nil))
		return x.Put([]byte("k"), nil)
	})
	if !errors.Is(err, ErrConflict) || runs != maxAttempts {
		t.Errorf("after %d runs: %v", runs, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Update(cancelled, func(*Txn) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}
