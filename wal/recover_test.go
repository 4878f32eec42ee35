package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/vfs"
)

// randomOps returns well-formed operations of about n bytes.
func randomOps(rng *rand.Rand, n int) (ops []byte, count uint32) {
	for {
		k := randomBytes(rng, 1+rng.IntN(20))
		if rng.IntN(5) == 0 {
			ops = AppendDelete(ops, k)
		} else {
			ops = AppendPut(ops, k, randomBytes(rng, rng.IntN(n+1)))
		}
		count++
		if len(ops) >= n {
			return ops, count
		}
	}
}

func TestLogRoundTrip(t *testing.T) {
	rng := newRand(t)
	fs := vfs.NewMem()
	l, _ := openLog(t, fs, 1<<20)
	for i := range 600 {
		n := rng.IntN(400)
		switch {
		case i%97 == 0:
			n = rng.IntN(600 << 10) // more than all four blocks
		case i%10 == 0:
			n = rng.IntN(70 << 10)
		}
		ops, count := randomOps(rng, n)
		l.group(count, ops)
		switch rng.IntN(40) {
		case 0:
			l.sync()
		case 1:
			l.rotate()
		case 2:
			l.write()
		}
	}
	end := l.seal(true)
	got, st, err := collect(fs, RecoverOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := samePrefix(got, l.groups, len(l.groups)); err != nil {
		t.Fatal(err)
	}
	if st.Predecessor != end || !st.Clean || st.TornBytes != 0 || st.NextNumber != end.Number+1 || st.LastSeq != end.LastSeq {
		t.Fatalf("state %+v after %+v", st, end)
	}
	if st.ManifestNumber != 3 || st.ManifestSynced != 99 || len(st.Segments) != int(end.Number) {
		t.Fatalf("state %+v", st)
	}
	rep, err := Verify(fs, "wal", RecoverOptions{}, nil)
	if err != nil || rep.Records != int64(len(l.groups)) {
		t.Fatalf("verify: %+v, %v", rep, err)
	}
}

// Every way to fill a block to its last bytes: the padding, the split of the header that must not
// happen, the exact fit.
func TestLogRoundTripAtBlockEnds(t *testing.T) {
	for left := range 120 {
		fs := vfs.NewMem()
		l, _ := openLog(t, fs, 1<<20)
		for block := range 3 {
			ops := bytes.Repeat([]byte{'x'}, (block+1)*fileBlockBytes-left-int(l.enc.Offset())-chunkHeaderBytes-groupHeaderBytes-10)
			l.group(1, AppendPut(nil, []byte("k"), ops))
			l.put("a", "b")
		}
		l.put("c", "d")
		l.sync()
		l.put("e", "f")
		l.sync()
		got, st, err := collect(fs, RecoverOptions{})
		if err != nil {
			t.Fatalf("%d left: %v", left, err)
		}
		if err := samePrefix(got, l.groups, len(l.groups)); err != nil {
			t.Fatalf("%d left: %v", left, err)
		}
		if st.TornBytes != 0 || st.Clean {
			t.Fatalf("%d left: %+v", left, st)
		}
	}
}

// tornLog is a small log of one segment: some groups synced in between, some at the end not.
func tornLog(t testing.TB) (*vfs.Mem, *testLog, []byte) {
	fs := vfs.NewMem()
	l, _ := openLog(t, fs, 4096)
	for i := range 8 {
		l.put(fmt.Sprintf("key%d", i), "some value")
		if i == 4 {
			l.sync()
		}
	}
	l.write()
	b := readFile(t, fs, "wal/000001.wal")
	if int64(len(b)) != 4096 {
		t.Fatalf("segment has %d bytes", len(b))
	}
	return fs, l, b
}

func TestRecoverStopsAtTornTail(t *testing.T) {
	fs, l, b := tornLog(t)
	for cut := range int(l.enc.Offset()) + 1 {
		for _, rest := range []byte{0, 0xff, 1} {
			torn := bytes.Clone(b)
			for i := cut; i < len(torn); i++ {
				torn[i] = rest
			}
			writeFile(t, fs, "wal/000001.wal", torn)
			checkCut(t, fs, l, cut)
			writeFile(t, fs, "wal/000001.wal", torn[:cut])
			checkCut(t, fs, l, cut)
		}
	}
}

// checkCut checks that just the groups that end before cut come back.
func checkCut(t *testing.T, fs vfs.FS, l *testLog, cut int) {
	t.Helper()
	want := 0
	for want < len(l.ends) && l.ends[want] <= int64(cut) {
		want++
	}
	got, st, err := collect(fs, RecoverOptions{})
	if err != nil {
		t.Fatalf("cut at %d: %v", cut, err)
	}
	if err := samePrefix(got, l.groups[:want], want); err != nil {
		t.Fatalf("cut at %d: %v", cut, err)
	}
	if st.LastSeq != uint64(want) || st.Clean && cut > chunkHeaderBytes+startBytes {
		t.Fatalf("cut at %d: %+v", cut, st)
	}
}

// A flip in what a later record knows to be synced is damage. A flip behind that looks like a torn
// tail and gives a prefix. Nothing gives a wrong record.
func TestRecoverNoticesEveryFlip(t *testing.T) {
	fs, l, _ := tornLog(t)
	for _, n := range []int{1, 2} { // also with a sealed segment before
		if n == 2 {
			l.rotate()
			l.put("later", "value")
			l.sync()
			l.put("last", "value")
			l.write()
		}
		for number := 1; number <= n; number++ {
			path := "wal/" + FileName(uint64(number))
			b := readFile(t, fs, path)
			for i := range b {
				for _, mask := range []byte{1, 0x80, 0xff} {
					b[i] ^= mask
					writeFile(t, fs, path, b)
					b[i] ^= mask
					checkFlip(t, fs, l, path, uint64(number), i, number < n)
				}
			}
			writeFile(t, fs, path, b)
		}
	}
}

func checkFlip(t *testing.T, fs vfs.FS, l *testLog, path string, number uint64, at int, old bool) {
	t.Helper()
	got, _, err := collect(fs, RecoverOptions{})
	if same := samePrefix(got, l.groups, 0); same != nil {
		t.Fatalf("%s, flip at %d: %v", path, at, same)
	}
	var ce *integrity.CorruptionError
	if err != nil {
		if !errors.As(err, &ce) || ce.File != path || ce.Offset < 0 || ce.Offset > int64(at) {
			t.Fatalf("%s, flip at %d: %v", path, at, err)
		}
		return
	}
	// Which groups of this segment were known to be synced by the last one?
	var known, length int64
	for i, end := range l.ends {
		if l.segment[i] == number {
			length = end
			if i < l.synced {
				known = end
			}
		}
	}
	if old {
		// Only what lies behind the seal record is of no meaning.
		if int64(at) < length+chunkHeaderBytes+sealBytes {
			t.Fatalf("%s, flip at %d of %d was not noticed", path, at, length)
		}
	} else if int64(at) < known {
		t.Fatalf("%s, flip at %d was not noticed, though %d bytes were synced", path, at, known)
	}
}

func TestRecoverNeverReadsStaleChunks(t *testing.T) {
	rng := newRand(t)
	fs := vfs.NewMem()
	l, _ := openLog(t, fs, 256<<10)
	// The same sizes in each segment, so that the stale chunks lie just where the next ones will.
	fill := func(n int) {
		for range n {
			l.group(1, AppendPut(nil, randomBytes(rng, 8), randomBytes(rng, 100)))
		}
	}
	fill(900)
	l.rotate()
	fill(1)
	l.sync()
	if err := l.w.DeleteThrough(900); err != nil {
		t.Fatal(err)
	}
	l.rotate() // segment 3 is in the file of segment 1
	if _, err := fs.Stat("wal/000001.wal"); !vfs.IsNotExist(err) {
		t.Fatalf("segment 1 was not reused: %v", err)
	}
	fill(10)
	l.sync()
	stale := readFile(t, fs, "wal/000003.wal")
	if bytes.Count(stale, []byte{1, 0, 0, 0}) < 800 {
		t.Fatal("there is nothing stale in segment 3")
	}
	got, st, err := collect(fs, RecoverOptions{FlushedSeq: 900})
	if err != nil {
		t.Fatal(err)
	}
	if err := samePrefix(got, l.groups[900:], 11); err != nil {
		t.Fatal(err)
	}
	if st.TornBytes != 0 || st.LastSeq != 911 {
		t.Fatalf("%+v", st)
	}
}

func TestRecoverRefusesTheFuture(t *testing.T) {
	fs, l, b := tornLog(t)
	reseal := func(at, n int) {
		chunk := b[at : at+n]
		binary.LittleEndian.PutUint32(chunk, chunkCRC(chunk, fileSeed(1, testLogID), int64(at)))
	}
	start := chunkHeaderBytes + startBytes
	first := int(l.ends[0]) - start
	for name, change := range map[string]func(){
		"version":     func() { b[chunkHeaderBytes+9] = 2; reseal(0, start) },
		"record kind": func() { b[start+chunkHeaderBytes] = 4; reseal(start, first) },
		"operation kind": func() {
			b[start+chunkHeaderBytes+groupHeaderBytes] = byte(key.KindTreeClear) + 1
			reseal(start, first)
		},
	} {
		saved := bytes.Clone(b)
		change()
		writeFile(t, fs, "wal/000001.wal", b)
		if _, _, err := collect(fs, RecoverOptions{}); !errors.Is(err, ErrNewerFormat) {
			t.Errorf("%s: %v", name, err)
		}
		copy(b, saved)
	}
	b[start+chunkHeaderBytes+groupHeaderBytes+1] = 200 // key length
	reseal(start, first)
	writeFile(t, fs, "wal/000001.wal", b)
	var ce *integrity.CorruptionError
	if _, _, err := collect(fs, RecoverOptions{}); !errors.As(err, &ce) || ce.Offset != int64(start) {
		t.Errorf("malformed operation: %v", err)
	}
}

func TestRecoverChecksTheLogID(t *testing.T) {
	fs, _, _ := tornLog(t)
	_, err := Recover(fs, "wal", RecoverOptions{LogID: 5}, nil)
	if !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("another log's segment was accepted: %v", err)
	}
}

func TestRecoverRefusesLogThatEndsBeforeFlushed(t *testing.T) {
	fs, _, _ := tornLog(t)
	if _, _, err := collect(fs, RecoverOptions{FlushedSeq: 8}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect(fs, RecoverOptions{FlushedSeq: 9}); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("sequence 9 was flushed and is not in the log: %v", err)
	}
	if err := fs.Remove("wal/000001.wal"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := collect(fs, RecoverOptions{FlushedSeq: 9}); !errors.Is(err, integrity.ErrCorruption) {
		t.Fatalf("the log is gone: %v", err)
	}
	_, st, err := collect(fs, RecoverOptions{FlushedSeq: 9, AllowMissing: true})
	if err != nil || st.LastSeq != 9 || st.Predecessor != (SegmentEnd{LastSeq: 9}) || st.NextNumber != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
}

func TestRecoverWritesNothingReadOnly(t *testing.T) {
	mem, _, _ := tornLog(t)
	calls := 0
	fs := vfs.NewTrace(mem, func(vfs.Op) { calls++ })
	if _, _, err := collect(fs, RecoverOptions{ReadOnly: true}); err != nil || calls != 0 {
		t.Fatalf("%d calls that change something: %v", calls, err)
	}
	if _, _, err := collect(fs, RecoverOptions{}); err != nil || calls == 0 {
		t.Fatalf("nothing was synced: %v", err)
	}
}

func TestDecodeOpRejects(t *testing.T) {
	good := AppendPut(nil, []byte("key"), bytes.Repeat([]byte{1}, 300))
	for n := range good {
		if _, _, _, _, err := DecodeOp(good[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for _, bad := range [][]byte{
		{1, 0, 0}, // empty key
		{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, // no uvarint
		append([]byte{0, 0x91, 0x80, 4}, make([]byte, 1<<16+17)...),        // key too long
	} {
		if _, _, _, _, err := DecodeOp(bad); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%x: %v", bad[:3], err)
		}
	}
	kind, k, v, rest, err := DecodeOp(append(good, 7))
	if kind != key.KindPut || string(k) != "key" || len(v) != 300 || len(rest) != 1 || err != nil {
		t.Fatal(kind, k, v, rest, err)
	}
}
