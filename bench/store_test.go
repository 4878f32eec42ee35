package main

import (
	"bytes"
	"fmt"
	"testing"
)

// TestEnginesKeepTheContractOfStore runs one script on every engine: the adapters must agree in
// what Get, Seek and the two directions mean, or the workloads would measure different things.
func TestEnginesKeepTheContractOfStore(t *testing.T) {
	for _, e := range engines {
		for _, sync := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/sync=%t", e.name, sync), func(t *testing.T) {
				t.Parallel()
				testStore(t, e, Options{Sync: sync, Callers: 1, MemtableBytes: 4 << 20, CacheBytes: 8 << 20, BlockBytes: 4 << 10})
			})
		}
	}
}

func testStore(t *testing.T, e opener, o Options) {
	dir := t.TempDir()
	s := must(e.open(dir, o))(t)
	keys, values := [][]byte{}, [][]byte{}
	for i := range 50 {
		keys, values = append(keys, []byte(fmt.Sprintf("key%03d", 4*i))), append(values, []byte(fmt.Sprintf("loaded %d", i)))
	}
	check(t, s.Load(keys, values))
	for i := range 50 {
		check(t, s.Put([]byte(fmt.Sprintf("key%03d", 4*i+2)), []byte(fmt.Sprintf("put %d", i))))
	}
	check(t, s.Settle())
	checkContents(t, s)
	check(t, s.Close())
	s = must(e.open(dir, o))(t)
	checkContents(t, s)
	checkTransactions(t, s, e)
	checkRangeDeletions(t, s, e)
	check(t, s.Close())
}

// checkTransactions reads keys that are there, and some that are not, in transactions that put others.
func checkTransactions(t *testing.T, s store, e opener) {
	t.Helper()
	if e.has&transactions == 0 {
		return
	}
	for i := range 10 {
		read, k := []byte(fmt.Sprintf("key%03d", i)), []byte(fmt.Sprintf("txn%03d", i))
		got, found, err := s.(transactor).ReadAndPut(nil, read, k, []byte(fmt.Sprintf("value %d", i)))
		check(t, err)
		if want, ok, err := s.Get(nil, read); err != nil || found != ok || !bytes.Equal(got, want) {
			t.Fatalf("a transaction reads %q, %t, Get %q, %t, %v", got, found, want, ok, err)
		}
		if got, _, err := s.Get(nil, k); err != nil || string(got) != fmt.Sprintf("value %d", i) {
			t.Fatalf("after transaction %d: %q, %v", i, got, err)
		}
	}
}

// checkRangeDeletions deletes the keys from 020 up to 100 and looks for them, also after they have settled
// and after compaction.
func checkRangeDeletions(t *testing.T, s store, e opener) {
	t.Helper()
	if e.has&rangeDeletes == 0 {
		return
	}
	d := s.(rangeDeleter)
	check(t, d.DeleteRange([]byte("key020"), []byte("key100")))
	for _, then := range []func() error{
		func() error { return nil },
		s.Settle,
		func() error { return d.Compact(t.Context(), []byte("key"), []byte("kez")) },
	} {
		check(t, then())
		it := must(s.Scan(false))(t)
		if !it.Seek([]byte("key019")) || string(it.Key()) != "key100" {
			t.Fatalf("behind the deleted range is %q, want key100", it.Key())
		}
		check(t, it.Close())
		if _, found, err := s.Get(nil, []byte("key018")); err != nil || !found {
			t.Fatalf("before the deleted range: found %t, %v", found, err)
		}
	}
}

func checkContents(t *testing.T, s store) {
	t.Helper()
	dst := make([]byte, 0, 64)
	for i := range 200 {
		got, found, err := s.Get(dst, []byte(fmt.Sprintf("key%03d", i)))
		check(t, err)
		want := fmt.Sprintf("loaded %d", i/4)
		if i%4 == 2 {
			want = fmt.Sprintf("put %d", i/4)
		}
		if found != (i%2 == 0) || found && string(got) != want {
			t.Fatalf("key %d: found %t, %q, want %q", i, found, got, want)
		}
	}
	for _, reverse := range []bool{false, true} {
		it := must(s.Scan(reverse))(t)
		var seen [][]byte
		for ok := it.First(); ok; ok = it.Next() {
			if len(it.Value()) == 0 {
				t.Fatalf("no value at %q", it.Key())
			}
			seen = append(seen, bytes.Clone(it.Key()))
		}
		if len(seen) != 100 {
			t.Fatalf("reverse %t: %d entries, want 100", reverse, len(seen))
		}
		for i, k := range seen {
			want := 2 * i
			if reverse {
				want = 198 - 2*i
			}
			if string(k) != fmt.Sprintf("key%03d", want) {
				t.Fatalf("reverse %t: entry %d is %q", reverse, i, k)
			}
		}
		for _, c := range []struct {
			target            int
			forward, backward string
		}{{0, "key000", "key000"}, {100, "key100", "key100"}, {101, "key102", "key100"}, {198, "key198", "key198"}, {199, "", "key198"}} {
			want := c.forward
			if reverse {
				want = c.backward
			}
			ok := it.Seek([]byte(fmt.Sprintf("key%03d", c.target)))
			if ok != (want != "") || ok && string(it.Key()) != want {
				t.Fatalf("reverse %t: seek %d: %t, want %q", reverse, c.target, ok, want)
			}
		}
		check(t, it.Close())
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must(f())(t) is f's result, or the end of the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}
