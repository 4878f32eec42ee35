package wal

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// Whatever the bytes of an operation are, DecodeOp returns parts of them or an error, and what it
// accepts is what Append writes.
func FuzzDecodeOp(f *testing.F) {
	f.Add(AppendPut(nil, []byte("key"), []byte("value")))
	f.Add(AppendDelete(nil, []byte("key")))
	f.Add(AppendPutWithExpiry(nil, []byte("key"), 1<<60, []byte("value")))
	f.Add(AppendRangeDelete(nil, []byte("key"), []byte("kez")))
	f.Add(AppendMerge(nil, []byte("key"), merge.AppendOperand(nil, "append", []byte("value"))))
	f.Fuzz(func(t *testing.T, p []byte) {
		kind, k, v, rest, err := DecodeOp(p)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNewerFormat) {
				t.Fatal(err)
			}
			return
		}
		var again []byte
		switch kind {
		case key.KindPut:
			again = AppendPut(nil, k, v)
		case key.KindDelete:
			again = AppendDelete(nil, k)
		case key.KindRangeDelete:
			again = AppendRangeDelete(nil, k, v)
		case key.KindMerge:
			again = AppendMerge(nil, k, v)
		case key.KindTreePut:
			again = AppendTreePut(nil, k, v)
		case key.KindTreeDelete:
			again = AppendTreeDelete(nil, k)
		case key.KindTreeClear:
			again = AppendTreeClear(nil, k)
		case key.KindPutWithExpiry:
			expiry, value, _ := key.SplitExpiring(v)
			again = AppendPutWithExpiry(nil, k, expiry, value)
		}
		if len(again)+len(rest) > len(p) {
			t.Fatalf("%x decodes to more than it holds", p)
		}
		kind2, k2, v2, _, err := DecodeOp(again)
		if err != nil || kind2 != kind || !bytes.Equal(k, k2) || !bytes.Equal(v, v2) {
			t.Fatalf("%x comes back as %v %q %q: %v", p, kind2, k2, v2, err)
		}
		_ = operand(kind, v)
	})
}

// Whatever happens to some bytes of a log, recovery gives a prefix of what was written or says what
// is damaged, and the tools do not fail.
func FuzzRecover(f *testing.F) {
	_, l, b := tornLog(f)
	f.Add(uint16(0), []byte{1})
	f.Add(uint16(100), []byte("garbage"))
	f.Add(uint16(l.ends[3]), b[l.ends[2]:l.ends[3]])
	f.Fuzz(func(t *testing.T, at uint16, patch []byte) {
		damaged := bytes.Clone(b)
		copy(damaged[int(at)%len(damaged):], patch)
		fs := vfs.NewMem()
		if err := fs.MkdirAll("wal"); err != nil {
			t.Fatal(err)
		}
		writeFile(t, fs, "wal/000001.wal", damaged)
		got, _, err := collect(fs, RecoverOptions{})
		if err != nil && !errors.Is(err, integrity.ErrCorruption) {
			t.Fatal(err)
		}
		if err := samePrefix(got, l.groups, 0); err != nil {
			t.Fatal(err)
		}
		var saved uint64
		_, err = Salvage(fs, "wal", RecoverOptions{LogID: testLogID}, func(r Record) error {
			if r.FirstSeq <= saved || !bytes.Equal(r.Ops, l.groups[r.FirstSeq-1]) {
				t.Fatalf("salvaged %d after %d: %x", r.FirstSeq, saved, r.Ops)
			}
			saved = r.FirstSeq
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := Dump(io.Discard, fs, "wal/000001.wal", true); err != nil {
			t.Fatal(err)
		}
	})
}
