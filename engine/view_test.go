package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/vfs"
)

func TestSnapshotSeesOneCommit(t *testing.T) {
	db := spawn(t, Config{Durability: NoSync})
	for i := range 1000 {
		must(t, db.Put(fmt.Appendf(nil, "k%04d", i), []byte("old")))
	}
	s, err := db.Snapshot()
	must(t, err)
	defer s.Close()
	for i := range 1000 {
		if i%2 == 0 {
			must(t, db.Put(fmt.Appendf(nil, "k%04d", i), []byte("new")))
		} else {
			must(t, db.Delete(fmt.Appendf(nil, "k%04d", i)))
		}
	}
	must(t, db.Compact(context.Background(), nil, nil))
	it, err := s.NewIterator(IterOptions{})
	must(t, err)
	n := 0
	for _, v := range it.All() {
		if string(v) != "old" {
			t.Fatalf("the snapshot sees %q", v)
		}
		n++
	}
	must(t, it.Close())
	if n != 1000 {
		t.Fatalf("the snapshot sees %d keys", n)
	}
	if v, err := s.Get([]byte("k0001")); err != nil || string(v) != "old" {
		t.Fatalf("get from the snapshot: %q, %v", v, err)
	}
	wantMissing(t, db, "k0001")
	st := db.Stats()
	if st.Views != 1 || st.OldestView.Kind != "snapshot" ||
		!strings.Contains(strings.Join(st.OldestView.Creator, " "), "TestSnapshotSeesOneCommit") {
		t.Fatalf("views %d, oldest %+v", st.Views, st.OldestView)
	}
}

func TestIteratorBoundsPrefixAndOrder(t *testing.T) {
	db := spawn(t, Config{})
	for _, k := range []string{"a", "b", "ba", "bb", "c", "\xff", "\xff\xff"} {
		must(t, db.Put([]byte(k), []byte(strings.ToUpper(k))))
	}
	keys := func(o IterOptions) string {
		it, err := db.NewIterator(o)
		must(t, err)
		defer it.Close()
		var out []string
		for k := range it.All() {
			out = append(out, fmt.Sprintf("%q", k))
		}
		must(t, it.Err())
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		o    IterOptions
		want string
	}{
		{IterOptions{Prefix: []byte("b")}, `"b" "ba" "bb"`},
		{IterOptions{Prefix: []byte("b"), Reverse: true}, `"bb" "ba" "b"`},
		{IterOptions{Prefix: []byte("\xff")}, `"\xff" "\xff\xff"`},
		{IterOptions{Lower: []byte("b"), Upper: []byte("c")}, `"b" "ba" "bb"`},
		{IterOptions{Lower: []byte("ba"), Prefix: []byte("b")}, `"ba" "bb"`},
		{IterOptions{Upper: []byte("bb"), Prefix: []byte("b")}, `"b" "ba"`},
		{IterOptions{Lower: []byte("c"), Prefix: []byte("b")}, ``},
		{IterOptions{Upper: []byte("a")}, ``},
		{IterOptions{Lower: []byte("b"), Upper: []byte("b")}, ``},
	} {
		if got := keys(c.o); got != c.want {
			t.Errorf("%+v: %s, want %s", c.o, got, c.want)
		}
	}
	it, err := db.NewIterator(IterOptions{Reverse: true, KeysOnly: true})
	must(t, err)
	defer it.Close()
	if it.Next() || it.Prev() || it.Key() != nil {
		t.Fatal("an iterator that stands nowhere moves")
	}
	if !it.Seek([]byte("bab")) || string(it.Key()) != "ba" || it.Value() != nil {
		t.Fatalf("seek backwards stands at %q", it.Key())
	}
	if !it.Seek([]byte("bb")) || string(it.Key()) != "bb" || !it.Next() || string(it.Key()) != "ba" ||
		!it.Prev() || string(it.Key()) != "bb" {
		t.Fatalf("turning around stands at %q", it.Key())
	}
}

func TestBatchLargerThanAMemtableIsOneCommit(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, Config{FS: fs, MemtableBytes: 64 << 10, LogBytes: 64 << 10})
	must(t, db.Put([]byte("before"), nil))
	b := db.NewBatch()
	big := bytes.Repeat([]byte("x"), 10_000)
	for i := range 1000 {
		must(t, b.Put(fmt.Appendf(nil, "k%05d", i), big))
	}
	must(t, b.Put([]byte("k00000"), []byte("last wins")))
	must(t, db.Apply(b))
	must(t, db.Put([]byte("z"), nil))
	check := func() {
		t.Helper()
		wantValue(t, db, "k00000", "last wins")
		wantValue(t, db, "k00999", string(big))
		it, err := db.NewIterator(IterOptions{})
		must(t, err)
		defer it.Close()
		n := 0
		for range it.All() {
			n++
		}
		if n != 1002 {
			t.Fatalf("%d keys", n)
		}
	}
	check()
	crashed := fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseAll})
	must(t, db.Close())
	db = spawn(t, Config{FS: crashed})
	check()
}

func TestPendingAwaitsDurability(t *testing.T) {
	fs := vfs.NewMem()
	db := spawn(t, Config{FS: fs})
	b := db.NewBatch()
	must(t, b.Put([]byte("a"), []byte("1")))
	p, err := db.ApplyAsync(context.Background(), b)
	must(t, err)
	wantValue(t, db, "a", "1")
	must(t, p.Wait(context.Background()))
	if d := db.Stats().DurableSeq; d < p.Seq {
		t.Fatalf("durable through %d, want %d", d, p.Seq)
	}
	must(t, p.Wait(context.Background()))
	db2 := spawn(t, Config{FS: fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseAll})})
	wantValue(t, db2, "a", "1")
}

func TestGetToAllocatesNothing(t *testing.T) {
	db := spawn(t, Config{FS: vfs.OS, Dir: t.TempDir(), Durability: NoSync})
	for i := range 20_000 {
		must(t, db.Put(fmt.Appendf(nil, "k%05d", i), bytes.Repeat([]byte("v"), 100)))
	}
	must(t, db.Flush(context.Background()))
	must(t, db.Put([]byte("fresh"), []byte("in the memtable")))
	dst := make([]byte, 0, 128)
	for _, k := range []string{"k01234", "fresh", "missing"} {
		n := testing.AllocsPerRun(1000, func() { dst, _ = db.GetTo(dst, []byte(k)) })
		if n != 0 {
			t.Errorf("reading %s allocates %v times", k, n)
		}
	}
}
