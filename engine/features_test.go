package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// places runs a test with what was written in the memtable, in level 0, and in the last level.
func places(t *testing.T, test func(t *testing.T, db *DB, settle func())) {
	ctx := context.Background()
	for name, settle := range map[string]func(db *DB) error{
		"memtable": func(*DB) error { return nil },
		"level 0":  func(db *DB) error { return db.Flush(ctx) },
		"bottom":   func(db *DB) error { return db.Compact(ctx, nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			db := openMem(t, nil)
			test(t, db, func() { must(t, settle(db)) })
		})
	}
}

func TestRangeDeletesHideWhatIsOlder(t *testing.T) {
	places(t, func(t *testing.T, db *DB, settle func()) {
		for i := range 10 {
			must(t, db.Put(fmt.Appendf(nil, "k%d", i), []byte("v")))
		}
		settle()
		before, err := db.Snapshot()
		must(t, err)
		defer before.Close()
		must(t, db.DeleteRange([]byte("k2"), []byte("k8")), db.Put([]byte("k5"), []byte("again")))
		settle()
		want := "k0=v k1=v k5=again k8=v k9=v"
		it, err := db.NewIterator(IterOptions{})
		if got := show(t, it, err); got != want {
			t.Errorf("forward: %s", got)
		}
		it, err = db.NewIterator(IterOptions{Reverse: true})
		if got := show(t, it, err); got != "k9=v k8=v k5=again k1=v k0=v" {
			t.Errorf("in reverse: %s", got)
		}
		it, err = db.NewIterator(IterOptions{})
		must(t, err)
		if !it.Seek([]byte("k3")) || string(it.Key()) != "k5" || !it.Prev() || string(it.Key()) != "k1" {
			t.Errorf("seek and back leads to %s", it.Key())
		}
		must(t, it.Close())
		wantGet(t, db.Get, "k2", "none")
		wantGet(t, db.Get, "k5", "again")
		wantGet(t, db.Get, "k8", "v")
		wantGet(t, before.Get, "k2", "v")
		must(t, db.DeleteRange(nil, nil))
		settle()
		it, err = db.NewIterator(IterOptions{})
		if got := show(t, it, err); got != "" {
			t.Errorf("after everything was deleted: %s", got)
		}
		it, err = before.NewIterator(IterOptions{})
		if got := show(t, it, err); strings.Count(got, "=") != 10 {
			t.Errorf("the snapshot: %s", got)
		}
	})
}

func TestKeyspacesAreApart(t *testing.T) {
	places(t, func(t *testing.T, db *DB, settle func()) {
		users, err := db.Keyspace("users", KeyspaceOptions{})
		must(t, err)
		again, err := db.Keyspace("users", KeyspaceOptions{MustExist: true})
		must(t, err)
		if again != users {
			t.Error("two handles of one keyspace")
		}
		_, err = db.Keyspace("nobody", KeyspaceOptions{MustExist: true})
		if !errors.Is(err, ErrKeyspaceMissing) {
			t.Errorf("missing keyspace: %v", err)
		}
		keys := []string{"a", "\x00", "\x00\x01", "\x00\x00\x00\x00\x00\x01a", "\xff", "\xff\x00", "\xff\xff\xff", "\xfe\xff", "\x01"}
		for _, k := range keys {
			must(t, db.Put([]byte(k), []byte("default")), users.Put([]byte(k), []byte("users")))
		}
		settle()
		want := `"\x00" "\x00\x00\x00\x00\x00\x01a" "\x00\x01" "\x01" "a" "\xfe\xff" "\xff" "\xff\x00" "\xff\xff\xff"`
		for name, ks := range map[string]*Keyspace{"default": db.defaultKeyspace, "users": users} {
			it, err := ks.NewIterator(IterOptions{})
			must(t, err)
			var got []string
			for k, v := range it.All() {
				if string(v) != name {
					t.Errorf("%s has %s=%s", name, k, v)
				}
				got = append(got, fmt.Sprintf("%q", k))
			}
			must(t, it.Close())
			if strings.Join(got, " ") != want {
				t.Errorf("%s walks over %v", name, got)
			}
			it, err = ks.NewIterator(IterOptions{Reverse: true})
			must(t, err)
			if !it.Seek([]byte("\xff\x01")) || string(it.Key()) != "\xff\x00" || !it.Last() || string(it.Key()) != "\x00" {
				t.Errorf("%s: seek in reverse leads to %q", name, it.Key())
			}
			must(t, it.Close())
		}
		b := db.NewBatch()
		must(t, b.Delete([]byte("a")), b.In(users).Put([]byte("a"), []byte("both")), db.Apply(b))
		wantGet(t, db.Get, "a", "none")
		wantGet(t, users.Get, "a", "both")
		must(t, db.DeleteRange(nil, nil))
		settle()
		wantGet(t, users.Get, "\xff", "users")
		wantGet(t, db.Get, "\x00", "none")
	})
}

func TestDroppedKeyspace(t *testing.T) {
	places(t, func(t *testing.T, db *DB, settle func()) {
		users, err := db.Keyspace("users", KeyspaceOptions{})
		must(t, err, users.Put([]byte("a"), []byte("1")))
		settle()
		before, err := db.Snapshot()
		must(t, err)
		defer before.Close()
		open := begin(t, db, TxnOptions{})
		must(t, open.In(users).Put([]byte("b"), nil), open.Put([]byte("b"), nil))
		b := db.NewBatch()
		must(t, b.In(users).Put([]byte("c"), nil))

		must(t, db.DropKeyspace("users"))
		settle()
		for what, err := range map[string]error{
			"put":    users.Put([]byte("a"), nil),
			"batch":  db.Apply(b),
			"commit": open.Commit(),
			"delete": users.Delete([]byte("a")),
		} {
			if !errors.Is(err, ErrKeyspaceDropped) {
				t.Errorf("%s: %v", what, err)
			}
		}
		wantGet(t, db.Get, "b", "none")
		if _, err := users.Get([]byte("a")); !errors.Is(err, ErrKeyspaceDropped) {
			t.Errorf("get: %v", err)
		}
		wantGet(t, before.In(users).Get, "a", "1")
		if err := db.DropKeyspace("users"); !errors.Is(err, ErrKeyspaceMissing) {
			t.Errorf("second drop: %v", err)
		}
		if err := db.DropKeyspace(DefaultKeyspace); !errors.Is(err, ErrKeyspaceName) {
			t.Errorf("drop of the default keyspace: %v", err)
		}
		anew, err := db.Keyspace("users", KeyspaceOptions{})
		must(t, err)
		wantGet(t, anew.Get, "a", "none")
		names, err := db.Keyspaces()
		must(t, err)
		if fmt.Sprint(names) != "[default users]" {
			t.Errorf("keyspaces: %v", names)
		}
	})
}

func TestKeyspacesSurviveReopening(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *DB {
		db, err := Spawn(Config{Dir: "/db", FS: fs})
		must(t, err)
		return db
	}
	db := open()
	a, err := db.Keyspace("a", KeyspaceOptions{})
	must(t, err, a.Put([]byte("k"), []byte("a")))
	_, err = db.Keyspace("b", KeyspaceOptions{})
	must(t, err, db.DropKeyspace("a"), db.Close())
	db = open()
	defer db.Close()
	names, err := db.Keyspaces()
	must(t, err)
	if fmt.Sprint(names) != "[default b]" {
		t.Errorf("keyspaces: %v", names)
	}
	a, err = db.Keyspace("a", KeyspaceOptions{})
	must(t, err)
	b, err := db.Keyspace("b", KeyspaceOptions{})
	must(t, err)
	wantGet(t, a.Get, "k", "none")
	if string(a.space.prefix) <= string(b.space.prefix) {
		t.Error("the number of a dropped keyspace is used again")
	}
}

func TestExpiredValuesAreGone(t *testing.T) {
	var now atomic.Int64
	now.Store(1_700_000_000_000_000_000)
	ctx := context.Background()
	for _, settle := range []func(*DB) error{
		func(*DB) error { return nil },
		func(db *DB) error { return db.Flush(ctx) },
		func(db *DB) error { return db.Compact(ctx, nil, nil) },
	} {
		db := openMem(t, func(c *Config) { c.Clock = func() time.Time { return time.Unix(0, now.Load()) } })
		must(t, db.Put([]byte("k"), []byte("older")), db.PutTTL([]byte("k"), []byte("v"), time.Minute),
			db.PutTTL([]byte("m"), merge.AppendCount(nil, 1), time.Minute), db.Merge([]byte("m"), merge.Counter, merge.AppendCount(nil, 10)))
		must(t, settle(db))
		early, err := db.Snapshot()
		must(t, err)
		wantGet(t, db.Get, "k", "v")
		wantGet(t, db.Get, "m", string(merge.AppendCount(nil, 11)))
		now.Add(int64(time.Minute))
		must(t, settle(db))
		wantGet(t, db.Get, "k", "none")
		wantGet(t, db.Get, "m", string(merge.AppendCount(nil, 10)))
		wantGet(t, early.Get, "k", "v")
		it, err := db.NewIterator(IterOptions{})
		if got := show(t, it, err); got != "m="+string(merge.AppendCount(nil, 10)) {
			t.Errorf("walks over %q", got)
		}
		now.Add(-int64(time.Hour))
		wantGet(t, db.Get, "k", "none")
		must(t, early.Close())
	}
	db := openMem(t, nil)
	if err := db.PutTTL([]byte("k"), nil, 0); !errors.Is(err, ErrInvalidTTL) {
		t.Errorf("no time to live: %v", err)
	}
}

func TestMergesFold(t *testing.T) {
	places(t, func(t *testing.T, db *DB, settle func()) {
		for i := range 30 {
			must(t, db.Merge([]byte("n"), merge.Counter, merge.AppendCount(nil, int64(i))), db.Merge([]byte("s"), merge.Append, []byte{'a' + byte(i%26)}))
			if i%7 == 0 {
				settle()
			}
		}
		wantGet(t, db.Get, "n", string(merge.AppendCount(nil, 435)))
		wantGet(t, db.Get, "s", "abcdefghijklmnopqrstuvwxyzabcd")
		must(t, db.Delete([]byte("s")), db.Merge([]byte("s"), merge.Append, []byte("new")))
		settle()
		wantGet(t, db.Get, "s", "new")
		must(t, db.DeleteRange([]byte("a"), []byte("z")), db.Merge([]byte("s"), merge.Append, []byte("er")))
		settle()
		wantGet(t, db.Get, "s", "er")
		wantGet(t, db.Get, "n", "none")
		must(t, db.Put([]byte("bad"), []byte("no counter")), db.Merge([]byte("bad"), merge.Counter, merge.AppendCount(nil, 1)))
		settle()
		if _, err := db.Get([]byte("bad")); !errors.Is(err, ErrMergeOperator) {
			t.Errorf("a counter of text: %v", err)
		}
		for _, err := range []error{
			db.Merge([]byte("k"), "unheard of", nil),
			db.Merge([]byte("k"), merge.Counter, []byte("short")),
		} {
			if !errors.Is(err, ErrMergeOperator) {
				t.Errorf("a bad merge: %v", err)
			}
		}
	})
}

// One value that nobody can read hides no other: walks over keys pass it, and it is there for whoever asks.
func TestFailingMergeIsThereButForItsValue(t *testing.T) {
	places(t, func(t *testing.T, db *DB, settle func()) {
		bad, short := []byte("bad"), []byte("bad and short")
		must(t, db.Put([]byte("a"), []byte("1")), db.Put(bad, []byte("text")), db.PutTTL(short, []byte("text"), time.Hour), db.Put([]byte("z"), []byte("9")))
		settle()
		one := merge.AppendCount(nil, 1)
		must(t, db.Merge(bad, merge.Counter, one), db.Merge(short, merge.Counter, one))
		settle()
		txn, err := db.Begin(TxnOptions{})
		must(t, err)
		defer txn.Rollback()
		snapshot, err := db.Snapshot()
		must(t, err)
		defer snapshot.Close()
		for name, r := range map[string]interface {
			Get(k []byte) ([]byte, error)
			Has(k []byte) (bool, error)
			NewIterator(o IterOptions) (*Iterator, error)
		}{"database": db, "snapshot": snapshot, "transaction": txn} {
			if found, err := r.Has(bad); err != nil || !found {
				t.Errorf("%s: has: %v, %v", name, found, err)
			}
			if _, err := r.Get(bad); !errors.Is(err, ErrMergeOperator) {
				t.Errorf("%s: get: %v", name, err)
			}
			for _, reverse := range []bool{false, true} {
				it, err := r.NewIterator(IterOptions{KeysOnly: true, Reverse: reverse})
				must(t, err)
				n := 0
				for k, v := range it.All() {
					n++
					if v != nil {
						t.Errorf("%s: key %s has the value %q in a walk over keys", name, k, v)
					}
				}
				if err := it.Close(); err != nil || n != 4 {
					t.Errorf("%s: %d keys, then %v", name, n, err)
				}
			}
			it, err := r.NewIterator(IterOptions{})
			must(t, err)
			n := 0
			for range it.All() {
				n++
			}
			if err := it.Close(); !errors.Is(err, ErrMergeOperator) || !strings.Contains(err.Error(), " key bad:") || n != 1 {
				t.Errorf("%s: a walk over values ends after %d with %v", name, n, err)
			}
		}
		ks, err := db.Keyspace("other", KeyspaceOptions{})
		must(t, err)
		must(t, ks.Put(bad, []byte("text")), ks.Merge(bad, merge.Counter, one))
		it, err := ks.NewIterator(IterOptions{})
		must(t, err)
		it.First()
		if err := it.Close(); err == nil || !strings.Contains(err.Error(), " key bad:") {
			t.Errorf("a walk over a keyspace names another key: %v", err)
		}
		for _, get := range []func([]byte) ([]byte, time.Time, error){db.GetWithExpiry, txn.GetWithExpiry} {
			if _, at, err := get(short); !errors.Is(err, ErrMergeOperator) || !at.After(time.Now()) {
				t.Errorf("it expires at %v, %v", at, err)
			}
		}
	})
}

func TestConditionalPuts(t *testing.T) {
	db := openMem(t, nil)
	k := []byte("k")
	seq, err := db.PutIfAbsent(k, []byte("1"))
	must(t, err)
	if _, err := db.PutIfAbsent(k, []byte("2")); !errors.Is(err, ErrExists) {
		t.Errorf("put if absent of what is there: %v", err)
	}
	v, got, err := db.GetWithSeq(k)
	must(t, err)
	if string(v) != "1" || got != seq {
		t.Errorf("%s at %d, want 1 at %d", v, got, seq)
	}
	next, err := db.PutIf(k, []byte("2"), seq)
	must(t, err)
	if _, err := db.PutIf(k, []byte("3"), seq); !errors.Is(err, ErrSeqMismatch) || next <= seq {
		t.Errorf("put if of an old number: %v", err)
	}
	must(t, db.Delete(k))
	if _, err := db.PutIf(k, []byte("3"), next); !errors.Is(err, ErrSeqMismatch) {
		t.Errorf("put if of what is gone: %v", err)
	}
	if _, err = db.PutIfAbsent(k, []byte("4")); err != nil {
		t.Error(err)
	}
}

func TestIndexedBatchReadsItsOwnWrites(t *testing.T) {
	db := openMem(t, nil)
	must(t, db.Put([]byte("a"), []byte("1")), db.Put([]byte("b"), []byte("1")), db.Put([]byte("c"), []byte("1")))
	b := db.NewIndexedBatch()
	must(t, b.Put([]byte("b"), []byte("2")), b.Merge([]byte("a"), merge.Append, []byte("+")), b.DeleteRange([]byte("c"), nil), b.Put([]byte("d"), []byte("2")))
	wantGet(t, b.Get, "a", "1+")
	wantGet(t, b.Get, "c", "none")
	it, err := b.NewIterator(IterOptions{})
	if got := show(t, it, err); got != "a=1+ b=2 d=2" {
		t.Errorf("the batch walks over %s", got)
	}
	must(t, db.Apply(b))
	it, err = db.NewIterator(IterOptions{})
	if got := show(t, it, err); got != "a=1+ b=2 d=2" {
		t.Errorf("the database walks over %s", got)
	}
	if _, err := db.NewBatch().Get([]byte("a")); !errors.Is(err, ErrNotIndexed) {
		t.Errorf("get from a plain batch: %v", err)
	}
}

func TestCommitsLargerThanHalfTheBudgetAreRefused(t *testing.T) {
	db := openMem(t, func(c *Config) { c.MemoryBudget = 8 << 20 })
	v := make([]byte, 64<<10)
	txn := begin(t, db, TxnOptions{})
	fill := func(put func(k, v []byte) error) error {
		for i := range 200 {
			if err := put(fmt.Appendf(nil, "%d", i), v); err != nil {
				return err
			}
		}
		return nil
	}
	b, zero := db.NewBatch(), &Batch{}
	must(t, fill(zero.Put))
	for what, err := range map[string]error{"transaction": fill(txn.Put), "batch": fill(b.Put), "zero batch": db.Apply(zero)} {
		if !errors.Is(err, ErrBatchTooLarge) {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, txn.Commit(), db.Apply(b))
}

func TestExpiredValuesStayGoneWhenTheClockGoesBack(t *testing.T) {
	fs := vfs.NewMem()
	var now atomic.Int64
	now.Store(1_700_000_000_000_000_000)
	open := func() *DB {
		db, err := Spawn(Config{Dir: "/db", FS: fs, Clock: func() time.Time { return time.Unix(0, now.Load()) }})
		must(t, err)
		return db
	}
	db := open()
	must(t, db.PutTTL([]byte("k"), nil, time.Minute))
	now.Add(int64(time.Hour))
	wantGet(t, db.Get, "k", "none")
	must(t, db.Close())
	now.Add(-int64(time.Hour))
	db = open()
	defer db.Close()
	wantGet(t, db.Get, "k", "none")
}

// A drop of which the caller was told nothing has its place in the order: what is made under the name after that
// is another keyspace.
func TestKeyspaceIsMadeAnewAfterADropOfUnknownOutcome(t *testing.T) {
	disk := vfs.NewMem()
	fault := vfs.NewFault(disk)
	db := openMem(t, func(c *Config) { c.FS = fault })
	old, err := db.Keyspace("k", KeyspaceOptions{})
	must(t, err, old.Put([]byte("a"), []byte("old"), Sync))
	full := fault.Inject(vfs.Rule{Ops: vfs.OpWrite | vfs.OpAllocate, Err: syscall.ENOSPC, Sticky: true})
	if err := db.DropKeyspace("k"); !errors.Is(err, ErrCommitUnknown) || !errors.Is(err, ErrNoSpace) {
		t.Fatalf("drop on a full disk: %v", err)
	}
	if _, err := db.Keyspace("k", KeyspaceOptions{}); !errors.Is(err, ErrNoSpace) {
		t.Errorf("open on a full disk: %v", err)
	}
	full.Remove()
	var anew *Keyspace
	for {
		if anew, err = db.Keyspace("k", KeyspaceOptions{}); !errors.Is(err, ErrNoSpace) {
			break
		}
		runtime.Gosched()
	}
	must(t, err)
	wantGet(t, anew.Get, "a", "none")
	must(t, anew.Put([]byte("b"), []byte("new")))
	if err := old.Put([]byte("b"), nil); !errors.Is(err, ErrKeyspaceDropped) {
		t.Errorf("put with the old handle: %v", err)
	}
	must(t, db.DropKeyspace("k"))
	if names, err := db.Keyspaces(); err != nil || len(names) != 1 {
		t.Errorf("in the end there are keyspaces %q, %v", names, err)
	}
}

// A number that a keyspace of unknown outcome has taken is not given to the next one.
func TestKeyspaceOfUnknownOutcomeKeepsItsNumber(t *testing.T) {
	fault := vfs.NewFault(vfs.NewMem())
	db := openMem(t, func(c *Config) { c.FS = fault })
	must(t, db.Put([]byte("a"), nil, Sync))
	full := fault.Inject(vfs.Rule{Ops: vfs.OpWrite | vfs.OpAllocate, Err: syscall.ENOSPC, Sticky: true})
	if _, err := db.Keyspace("first", KeyspaceOptions{}); !errors.Is(err, ErrCommitUnknown) {
		t.Fatalf("make a keyspace on a full disk: %v", err)
	}
	full.Remove()
	var second *Keyspace
	for {
		var err error
		if second, err = db.Keyspace("second", KeyspaceOptions{}); !errors.Is(err, ErrNoSpace) {
			must(t, err)
			break
		}
		runtime.Gosched()
	}
	first, err := db.Keyspace("first", KeyspaceOptions{MustExist: true})
	must(t, err, first.Put([]byte("k"), nil))
	wantGet(t, second.Get, "k", "none")
}
