package sstable

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

func readAll(t testing.TB, fs vfs.FS) []byte {
	t.Helper()
	f, err := fs.Open("/t.sst")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, _ := f.Size()
	p := make([]byte, n)
	if err := readFull(f, p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

func writeAll(t testing.TB, p []byte) vfs.FS {
	t.Helper()
	fs := vfs.NewMem()
	f, err := fs.Create("/t.sst")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(p, 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	return fs
}

// readDamaged reads everything of a file that may be damaged. The answers must be right, or a
// CorruptionError that names file and offset.
func readDamaged(t *testing.T, p []byte, num uint64, kvs []kv, ranges ...Range) (failed bool, err error) {
	f, err := writeAll(t, p).Open("/t.sst")
	if err != nil {
		return false, err
	}
	defer f.Close()
	check := func(err error) error {
		failed = true
		if c := (*integrity.CorruptionError)(nil); !errors.As(err, &c) || c.File != "/t.sst" || c.Offset < 0 || c.Offset > int64(len(p)) {
			return fmt.Errorf("the error is %w", err)
		}
		return nil
	}
	r, err := Open(f, num, ReaderOptions{})
	if err != nil {
		return true, check(err)
	}
	it := r.NewIter(IterOptions{})
	defer it.Close()
	i := 0
	for ok := it.First(); ok; ok = it.Next() {
		if err := checkAt(it, kvs, i); err != nil {
			return failed, err
		}
		i++
	}
	if err := it.Err(); err != nil {
		if err := check(err); err != nil {
			return failed, err
		}
	} else if i != len(kvs) {
		return failed, fmt.Errorf("%d entries of %d and no error", i, len(kvs))
	}
	// The ranges are read when the table is opened, so they are right now.
	if got := r.RangeDeletes(); !reflect.DeepEqual(got, ranges) && len(got)+len(ranges) > 0 {
		return failed, fmt.Errorf("ranges %v", got)
	}
	for _, e := range ranges {
		if _, tr, found, err := r.Get(e.Start, Hash(e.Start), nil, new(Lookups)); err == nil && (!found || tr.Seq() < e.Seq) {
			return failed, fmt.Errorf("get %s: %v %v", key.Format(e.Start), found, tr)
		} else if err != nil {
			if err := check(err); err != nil {
				return failed, err
			}
		}
	}
	for _, e := range kvs {
		out, tr, found, err := r.Get(e.k, Hash(e.k), nil, new(Lookups))
		if err == nil && (!found || tr != e.t || !bytes.Equal(out, e.v)) {
			return failed, fmt.Errorf("get %s: %v %v %q", key.Format(e.k), found, tr, out)
		} else if err != nil {
			if err := check(err); err != nil {
				return failed, err
			}
		}
	}
	if err := r.Verify(VerifyOptions{}); err != nil {
		return failed, check(err)
	}
	return failed, nil
}

func TestEveryFlippedByteIsFound(t *testing.T) {
	for c := range Compression(numCompressions) {
		rng := rand.New(rand.NewPCG(uint64(c), 1))
		var kvs []kv
		for i := range 25 {
			v := bytes.Repeat([]byte{byte(i)}, rng.IntN(60))
			kvs = append(kvs, kv{k: fmt.Appendf(nil, "key-%04d", i), v: v, t: key.MakeTrailer(uint64(i), key.KindPut)})
		}
		kvs[3].t, kvs[3].v = key.MakeTrailer(3, key.KindMerge), merge.AppendOperand(nil, merge.Append, []byte("x"))
		kvs[5].t, kvs[5].v = key.MakeTrailer(5, key.KindPutWithExpiry), key.AppendExpiring(nil, 77, []byte("x"))
		ranges := []Range{{[]byte("key-0001"), []byte("key-0002\x00"), 0}, {[]byte("z"), []byte("zz"), 9}}
		fs, _ := build(t, WriterOptions{FileNum: 9, Compression: c, BlockBytes: 300}, kvs, ranges...)
		whole := readAll(t, fs)
		if failed, err := readDamaged(t, whole, 9, kvs, ranges...); failed || err != nil {
			t.Fatalf("%v: undamaged: %v %v", c, failed, err)
		}
		for i := range whole {
			for _, bit := range []byte{1, 0x80, 0xff} {
				if raceEnabled && (i%7 != 0 || bit != 1) {
					continue // every byte is flipped in the runs without the race detector
				}
				p := bytes.Clone(whole)
				p[i] ^= bit
				failed, err := readDamaged(t, p, 9, kvs, ranges...)
				if err != nil {
					t.Fatalf("%v: byte %d of %d ^ %#x: %v", c, i, len(whole), bit, err)
				}
				if !failed {
					t.Fatalf("%v: byte %d of %d ^ %#x: nothing noticed", c, i, len(whole), bit)
				}
			}
		}
		for n := 0; n < len(whole); n += 3 {
			if failed, err := readDamaged(t, whole[:n], 9, kvs, ranges...); !failed || err != nil {
				t.Fatalf("%v: cut to %d of %d bytes: failed %v, %v", c, n, len(whole), failed, err)
			}
		}
	}
}

func TestMisplacedBlocksFail(t *testing.T) {
	var kvs []kv
	for i := range 6 {
		kvs = append(kvs, kv{k: fmt.Appendf(nil, "key-%d", i), v: bytes.Repeat([]byte{byte(i)}, 50), t: key.MakeTrailer(1, key.KindPut)})
	}
	fs, _ := build(t, WriterOptions{FileNum: 9, BlockBytes: 1}, kvs)
	whole := readAll(t, fs)
	r := open(t, fs, 9, ReaderOptions{})
	a, b := r.index.handle(1), r.index.handle(2)
	if a.length != b.length {
		t.Fatal("the blocks should have one length")
	}
	swapped := bytes.Clone(whole)
	copy(swapped[a.offset:], whole[b.offset:b.offset+b.length])
	copy(swapped[b.offset:], whole[a.offset:a.offset+a.length])
	if failed, err := readDamaged(t, swapped, 9, kvs); !failed || err != nil {
		t.Fatalf("swapped blocks: failed %v, %v", failed, err)
	}
	if failed, err := readDamaged(t, whole, 10, kvs); !failed || err != nil {
		t.Fatalf("another table's file: failed %v, %v", failed, err)
	}
	other, _ := build(t, WriterOptions{FileNum: 10, BlockBytes: 1}, kvs)
	mixed := readAll(t, other)
	copy(mixed[a.offset:], whole[a.offset:a.offset+a.length])
	if failed, err := readDamaged(t, mixed, 10, kvs); !failed || err != nil {
		t.Fatalf("a block of another table: failed %v, %v", failed, err)
	}
}

func TestNewerFormatIsRefusedAsSuch(t *testing.T) {
	fs, _ := build(t, WriterOptions{FileNum: 9}, nil)
	p := readAll(t, fs)
	at := len(p) - footerBytes
	p[at+24]++
	binary.LittleEndian.PutUint32(p[len(p)-4:], blockChecksum(9, uint64(at), p[at:len(p)-4]))
	f, _ := writeAll(t, p).Open("/t.sst")
	if _, err := Open(f, 9, ReaderOptions{}); !errors.Is(err, ErrNewerFormat) {
		t.Fatalf("got %v", err)
	}
}

func TestWrongFileChecksumIsFound(t *testing.T) {
	fs, info := build(t, WriterOptions{FileNum: 9}, []kv{{k: []byte("k")}})
	r := open(t, fs, 9, ReaderOptions{})
	defer r.Close()
	info.Checksum[3]++
	if err := r.Verify(VerifyOptions{Checksum: &info.Checksum}); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("got %v", err)
	}
}

func TestWriterRefusesDisorder(t *testing.T) {
	for _, keys := range [][2]string{{"b", "a"}, {"b", "b"}, {"ab", "a"}, {"b", ""}} {
		f, _ := vfs.NewMem().Create("/t.sst")
		w := NewWriter(f, WriterOptions{})
		if err := w.Add([]byte(keys[0]), 0, nil); err != nil {
			t.Fatal(err)
		}
		if err := w.Add([]byte(keys[1]), 0, nil); err == nil {
			t.Fatalf("accepted %q after %q", keys[1], keys[0])
		}
		if _, err := w.Finish(); err == nil {
			t.Fatal("finished a failed table")
		}
	}
}

func TestWriterRefusesBadRangesAndEntries(t *testing.T) {
	long := bytes.Repeat([]byte("x"), maxBoundBytes+1)
	put := key.MakeTrailer(1, key.KindPut)
	for name, f := range map[string]func(w *Writer) error{
		"empty range":      func(w *Writer) error { return w.AddRange([]byte("a"), []byte("a"), 1) },
		"reversed range":   func(w *Writer) error { return w.AddRange([]byte("b"), []byte("a"), 1) },
		"no start":         func(w *Writer) error { return w.AddRange(nil, []byte("a"), 1) },
		"overlap":          func(w *Writer) error { return w.AddRange([]byte("c"), []byte("f"), 1) },
		"before":           func(w *Writer) error { return w.AddRange([]byte("a"), []byte("aa"), 1) },
		"long bound":       func(w *Writer) error { return w.AddRange([]byte("x"), long, 1) },
		"sequence number":  func(w *Writer) error { return w.AddRange([]byte("x"), []byte("y"), key.MaxSeq+1) },
		"long key":         func(w *Writer) error { return w.Add(long[1:], put, nil) },
		"range as a point": func(w *Writer) error { return w.Add([]byte("x"), key.MakeTrailer(1, key.KindRangeDelete), nil) },
		"unknown kind":     func(w *Writer) error { return w.Add([]byte("x"), key.MakeTrailer(1, 5), nil) },
		"no expiry": func(w *Writer) error {
			return w.Add([]byte("x"), key.MakeTrailer(1, key.KindPutWithExpiry), []byte("1234567"))
		},
	} {
		f0, _ := vfs.NewMem().Create("/t.sst")
		w := NewWriter(f0, WriterOptions{})
		addRange(t, w, Range{[]byte("b"), []byte("d"), 1})
		if err := f(w); err == nil {
			t.Errorf("%s is accepted", name)
		}
		if _, err := w.Finish(); err == nil {
			t.Errorf("%s: a failed table is finished", name)
		}
	}
}

func TestRangesThatTouchBecomeOne(t *testing.T) {
	long := bytes.Repeat([]byte("x"), key.MaxStoredKeyBytes)
	after := append(bytes.Clone(long), 0)
	fs, info := build(t, WriterOptions{FileNum: 1}, []kv{{k: long, t: key.MakeTrailer(20, key.KindPut)}},
		Range{[]byte("a"), []byte("b"), 3}, Range{[]byte("b"), []byte("c"), 9}, Range{[]byte("c"), []byte("d"), 5},
		Range{[]byte("e"), after, 6}, Range{append(bytes.Clone(long), 1), []byte("y"), 8})
	r := open(t, fs, 1, ReaderOptions{})
	defer r.Close()
	want := []Range{{[]byte("a"), []byte("d"), 9}, {[]byte("e"), after, 6}, {append(bytes.Clone(long), 1), []byte("y"), 8}}
	if got := r.RangeDeletes(); !reflect.DeepEqual(got, want) || info.Ranges != 3 || string(info.Largest) != "y" {
		t.Fatalf("%d ranges, up to %.10q", len(got), info.Largest)
	}
	if err := r.Verify(VerifyOptions{Checksum: &info.Checksum}); err != nil {
		t.Fatal(err)
	}
}

func TestHugeValueDoesNotGoThroughTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector has nothing to find with one goroutine, and takes half a minute: the full pass runs it")
	}
	huge := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	kvs := []kv{
		{k: []byte("a"), v: []byte("small"), t: key.MakeTrailer(1, key.KindPut)},
		{k: []byte("b"), v: huge, t: key.MakeTrailer(2, key.KindPut)},
		{k: []byte("c"), v: []byte("small"), t: key.MakeTrailer(3, key.KindPut)},
	}
	for c := range Compression(numCompressions) {
		fs, info := build(t, WriterOptions{FileNum: 1, Compression: c}, kvs)
		cache := page.NewCache(8 << 20)
		r := open(t, fs, 1, ReaderOptions{Cache: cache})
		if err := checkGets(rand.New(rand.NewPCG(1, 1)), r, kvs); err != nil {
			t.Fatal(err)
		}
		it := r.NewIter(IterOptions{FillCache: true})
		i := 0
		for ok := it.First(); ok; ok = it.Next() {
			if err := checkAt(it, kvs, i); err != nil {
				t.Fatal(err)
			}
			i++
		}
		if err := it.Close(); err != nil || i != 3 {
			t.Fatal(i, err)
		}
		if s := cache.Stats(); s.Bytes > 1<<20 || s.Private != 0 {
			t.Fatalf("%+v", s)
		}
		if err := r.Verify(VerifyOptions{Checksum: &info.Checksum}); err != nil {
			t.Fatal(err)
		}
		r.Close()
		cache.Close()
	}
}

func TestCachedReadsDoNotAllocate(t *testing.T) {
	kvs := sortedKVs(benchKVs(2000, 0, 2))
	fs, _ := build(t, WriterOptions{FileNum: 1, Compression: S2}, kvs)
	cache := page.NewCache(4 << 20)
	defer cache.Close()
	r := open(t, fs, 1, ReaderOptions{Cache: cache})
	defer r.Close()
	dst := make([]byte, 0, 200)
	i := 0
	read := func() {
		k := kvs[i%len(kvs)].k
		i++
		if _, _, found, err := r.Get(k, Hash(k), dst[:0], new(Lookups)); err != nil || !found {
			t.Fatal(found, err)
		}
	}
	for range kvs {
		read()
	}
	if n := testing.AllocsPerRun(1000, read); n != 0 {
		t.Errorf("a cached Get allocates %v times", n)
	}
	scan := func() {
		it := r.NewIter(IterOptions{FillCache: true})
		n := 0
		for ok := it.SeekGE(kvs[i%1000].k); ok && n < 200; ok = it.Next() {
			n++
		}
		i++
		it.Close()
	}
	scan()
	if n := testing.AllocsPerRun(100, scan); n > 0.5 && !raceEnabled {
		t.Errorf("a cached scan allocates %v times", n)
	}
}

// TestConcurrentReadsMatchModel has goroutines read and scan one table through a cache that holds
// a fraction of it, while its capacity changes.
func TestConcurrentReadsMatchModel(t *testing.T) {
	kvs := randomKVs(rand.New(rand.NewPCG(4, 4)), 3000)
	fs, _ := build(t, WriterOptions{FileNum: 1, Compression: S2, BlockBytes: 2000}, kvs)
	cache := page.NewCache(200 << 10)
	r := open(t, fs, 1, ReaderOptions{Cache: cache})
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(g, 1))
			for range 4 {
				it := r.NewIter(IterOptions{FillCache: rng.IntN(3) > 0})
				if err := walk(rng, it, kvs, 30); err != nil {
					t.Errorf("goroutine %d: %v", g, err)
				}
				it.Close()
				for range 50 {
					e := kvs[rng.IntN(len(kvs))]
					if out, _, found, err := r.Get(e.k, Hash(e.k), nil, new(Lookups)); !found || err != nil || !bytes.Equal(out, e.v) {
						t.Errorf("get %s: %v %v", key.Format(e.k), found, err)
					}
				}
				cache.SetCapacity(int64(150+rng.IntN(200)) << 10)
			}
		}()
	}
	wg.Wait()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cache.Close()
	if s := cache.Stats(); s.Bytes != 0 || s.Private != 0 || s.Reserved != 0 {
		t.Fatalf("%+v", s)
	}
}
