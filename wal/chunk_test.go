package wal

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/vfs"
)

// bytesFile is a file that is a byte slice, for tests that try millions of them.
type bytesFile struct {
	name string
	b    []byte
	errs int // how many writes still fail
}

func (f *bytesFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.b).ReadAt(p, off)
}

func (f *bytesFile) WriteAt(p []byte, off int64) (int, error) {
	if f.errs > 0 {
		f.errs--
		return 0, vfs.ErrNoSpace
	}
	if grow := int(off) + len(p) - len(f.b); grow > 0 {
		f.b = append(f.b, make([]byte, grow)...)
	}
	return copy(f.b[off:], p), nil
}

func (f *bytesFile) Close() error                      { return nil }
func (f *bytesFile) Sync() error                       { return nil }
func (f *bytesFile) SyncData() error                   { return nil }
func (f *bytesFile) StartWriteback(int64, int64) error { return nil }
func (f *bytesFile) Allocate(int64) error              { return nil }
func (f *bytesFile) Truncate(size int64) error         { f.b = f.b[:size]; return nil }
func (f *bytesFile) Size() (int64, error)              { return int64(len(f.b)), nil }
func (f *bytesFile) Name() string                      { return f.name }

// newRand returns a random source whose seed is printed when the test fails.
func newRand(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func readChunks(t testing.TB, f *bytesFile, number, id uint64) (records [][]byte, end int64, err error) {
	r, err := NewChunkReader(f, number, id)
	if err != nil {
		t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if err != nil {
			if _, again := r.Next(); again != err {
				t.Fatalf("Next said %v, then %v", err, again)
			}
			return records, r.Offset(), err
		}
		records = append(records, bytes.Clone(rec))
	}
}

func TestChunksRoundTrip(t *testing.T) {
	rng := newRand(t)
	f := &bytesFile{name: "f"}
	w := NewChunkWriter(f, 1<<40+7, 9, 0)
	var want [][]byte
	for i := range 400 {
		n := rng.IntN(300)
		if i%20 == 0 {
			n = rng.IntN(200 << 10)
		}
		rec := randomBytes(rng, n)
		want = append(want, rec)
		if i%7 == 0 {
			f.errs = 1
			if err := w.Append(rec); err == nil {
				t.Fatal("append succeeded on a full disk")
			}
		}
		if err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
		if i == 200 {
			w = NewChunkWriter(f, 1<<40+7, 9, w.Offset())
		}
	}
	got, end, err := readChunks(t, f, 1<<40+7, 9)
	if err != io.EOF || end != w.Offset() || len(got) != len(want) {
		t.Fatalf("read %d of %d records, end %d of %d: %v", len(got), len(want), end, w.Offset(), err)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("record %d differs", i)
		}
	}
	for _, other := range [][2]uint64{{7, 9}, {1<<40 + 8, 9}, {1<<40 + 7, 8}} {
		if got, _, err := readChunks(t, f, other[0], other[1]); len(got) != 0 || err != ErrTorn {
			t.Fatalf("file %v was read as %v: %d records, %v", []uint64{1<<40 + 7, 9}, other, len(got), err)
		}
	}
}
