package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/vfs"
)

func spawn(t testing.TB, cfg Config) *DB {
	t.Helper()
	if cfg.FS == nil {
		cfg.FS = vfs.NewMem()
	}
	if cfg.Dir == "" {
		cfg.Dir = "/db"
	}
	db, err := Spawn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func wantValue(t testing.TB, db *DB, k, v string) {
	t.Helper()
	got, err := db.Get([]byte(k))
	if err != nil || string(got) != v {
		t.Fatalf("get %s: %q, %v; want %q", k, got, err, v)
	}
}

func wantMissing(t testing.TB, db *DB, k string) {
	t.Helper()
	if got, err := db.Get([]byte(k)); !errors.Is(err, ErrNotFound) {
		t.Fatalf("get %s: %q, %v; want ErrNotFound", k, got, err)
	}
}

func contents(t testing.TB, db *DB, o IterOptions) string {
	t.Helper()
	it, err := db.NewIterator(o)
	must(t, err)
	defer it.Close()
	var sb strings.Builder
	for k, v := range it.All() {
		fmt.Fprintf(&sb, "%s=%s ", k, v)
	}
	must(t, it.Err())
	return strings.TrimSpace(sb.String())
}

func TestWritesAreReadBackAlsoAfterReopening(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, Config{FS: fs})
	must(t, db.Put([]byte("a"), []byte("1")))
	must(t, db.Put([]byte("b"), []byte("2"), NoSync))
	must(t, db.Put([]byte("c"), nil))
	must(t, db.Delete([]byte("b")))
	check := func() {
		t.Helper()
		wantValue(t, db, "a", "1")
		wantMissing(t, db, "b")
		wantValue(t, db, "c", "")
		if got := contents(t, db, IterOptions{}); got != "a=1 c=" {
			t.Fatalf("contents %q", got)
		}
		if got := contents(t, db, IterOptions{Reverse: true}); got != "c= a=1" {
			t.Fatalf("contents backwards %q", got)
		}
	}
	check()
	must(t, db.Close())
	db = spawn(t, Config{FS: fs})
	check()
	must(t, db.Flush(context.Background()))
	check()
	must(t, db.Close())
	db = spawn(t, Config{FS: fs})
	check()
	must(t, db.Compact(context.Background(), nil, nil))
	check()
	must(t, db.Close())
	db = spawn(t, Config{FS: fs, ReadOnly: true})
	check()
	if err := db.Put([]byte("x"), nil); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("put on a read-only database: %v", err)
	}
}

func TestManyKeysThroughFlushAndCompaction(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, Config{FS: fs, MemtableBytes: 256 << 10, BaseLevelBytes: 256 << 10, TargetFileBytes: 64 << 10, Durability: NoSync})
	const n = 50_000
	for i := range n {
		k := fmt.Appendf(nil, "key%08d", (i*7919)%n)
		must(t, db.Put(k, fmt.Appendf(nil, "value %d of it", i)))
	}
	for i := range n {
		wantValue(t, db, fmt.Sprintf("key%08d", (i*7919)%n), fmt.Sprintf("value %d of it", i))
	}
	count := func() (c int) {
		it, err := db.NewIterator(IterOptions{})
		must(t, err)
		defer it.Close()
		var last []byte
		for k := range it.All() {
			if bytes.Compare(last, k) >= 0 {
				t.Fatalf("%q after %q", k, last)
			}
			last = append(last[:0], k...)
			c++
		}
		must(t, it.Err())
		return c
	}
	if c := count(); c != n {
		t.Fatalf("%d keys, want %d", c, n)
	}
	must(t, db.Close())
	db = spawn(t, Config{FS: fs})
	if c := count(); c != n {
		t.Fatalf("%d keys after reopening, want %d", c, n)
	}
}

func TestConcurrentWritersSeeTheirWrites(t *testing.T) {
	for _, d := range []Durability{Sync, NoSync} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			db := spawn(t, Config{MemtableBytes: 128 << 10, Durability: d})
			var wg sync.WaitGroup
			for w := range 8 {
				wg.Go(func() {
					for i := range 2000 {
						k := fmt.Appendf(nil, "%04x-%d-%d", (i*40503)&0xffff, w, i)
						if err := db.Put(k, k); err != nil {
							t.Error(err)
							return
						}
						if v, err := db.Get(k); err != nil || !bytes.Equal(v, k) {
							t.Errorf("own write: %q, %v", v, err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	spawn(t, Config{}).Close() // the actor system of the process stays
	before := runtime.NumGoroutine()
	db := spawn(t, Config{})
	must(t, db.Put([]byte("a"), nil))
	must(t, db.Close())
	after := runtime.NumGoroutine()
	for range 10_000 { // one that has answered Close may still be about to end
		if after <= before {
			break
		}
		runtime.Gosched()
		after = runtime.NumGoroutine()
	}
	if after > before {
		buf := make([]byte, 1<<16)
		t.Fatalf("%d goroutines, %d before\n%s", after, before, buf[:runtime.Stack(buf, true)])
	}
	if err := db.Put([]byte("a"), nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("put after close: %v", err)
	}
	if _, err := db.Get([]byte("a")); !errors.Is(err, ErrClosed) {
		t.Fatalf("get after close: %v", err)
	}
}
