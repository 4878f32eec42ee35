package sstable

import (
	"errors"
	"strings"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

var errDisk = errors.New("disk on fire")

// failingFile fails its n-th call.
type failingFile struct {
	vfs.File
	in int
}

func (f *failingFile) fail() error {
	f.in--
	if f.in == -1 {
		return errDisk
	}
	return nil
}

func (f *failingFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fail(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *failingFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fail(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *failingFile) StartWriteback(off, n int64) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.File.StartWriteback(off, n)
}

func (f *failingFile) Sync() error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.File.Sync()
}

func TestEveryFailedReadIsReported(t *testing.T) {
	kvs := benchKVs(20_000, 0, 1) // more than is read at once
	fs, _ := build(t, WriterOptions{FileNum: 1}, kvs)
	for _, o := range []IterOptions{{}, {FillCache: true}, {Readahead: true}} {
		for n := 0; ; n++ {
			inner, err := fs.Open("/t.sst")
			if err != nil {
				t.Fatal(err)
			}
			f := &failingFile{File: inner, in: n}
			cache := page.NewCache(256 << 10)
			r, err := Open(f, 1, ReaderOptions{Cache: cache})
			got := 0
			if err == nil {
				it := r.NewIter(o)
				for ok := it.First(); ok; ok = it.Next() {
					got++
				}
				err = it.Close()
				if f.in >= 0 {
					_, _, _, err = r.Get(kvs[0].k, Hash(kvs[0].k), nil, new(Lookups))
				}
				r.Close()
			}
			cache.Close()
			if f.in >= 0 {
				if err != nil || got != len(kvs) {
					t.Fatalf("%+v: %d entries, %v", o, got, err)
				}
				break
			}
			if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "/t.sst") || errors.Is(err, integrity.ErrCorruption) {
				t.Fatalf("%+v: call %d failed after %d entries: %v", o, n, got, err)
			}
			n += n / 4
		}
	}
}

func TestEveryFailedWriteIsReported(t *testing.T) {
	kvs := benchKVs(60_000, 0, 1) // several writes, and hints to write back
	for n := 0; ; n++ {
		inner, err := vfs.NewMem().Create("/t.sst")
		if err != nil {
			t.Fatal(err)
		}
		f := &failingFile{File: inner, in: n}
		w := NewWriter(f, WriterOptions{FileNum: 1})
		for _, e := range kvs {
			if err = w.Add(e.k, e.t, e.v); err != nil {
				break
			}
		}
		if _, finish := w.Finish(); err == nil {
			err = finish
		} else if finish == nil {
			t.Fatalf("call %d failed and Finish did not", n)
		}
		if f.in >= 0 {
			if err != nil || n < 10 {
				t.Fatalf("%d calls: %v", n, err)
			}
			return
		}
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "/t.sst") {
			t.Fatalf("call %d failed: %v", n, err)
		}
	}
}

func TestDumpShowsEntries(t *testing.T) {
	fs, _ := build(t, WriterOptions{FileNum: 12}, []kv{
		{k: []byte("apple"), v: []byte("red"), t: 7<<8 | 1},
		{k: []byte("pear"), v: key.AppendExpiring(nil, 99, []byte("green")), t: key.MakeTrailer(8, key.KindPutWithExpiry)},
	}, Range{[]byte("b"), []byte("c\x00"), 9})
	r := open(t, fs, 12, ReaderOptions{})
	defer r.Close()
	var out strings.Builder
	if err := r.Dump(&out, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"table 12", "format version 2", "entries 2", "range deletes at", "filter of 1 lines", `up to "pear"`,
		`"apple" 7,put, 3 bytes: "red"`, `"green" until 1970-01-01`, `range delete "b" to "c\x00", sequence number 9`, "expiring 1, from 1970-01-01T00:00:00.000000099Z to 1970",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
