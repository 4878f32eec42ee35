package wal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/middb/middb/vfs"
)

const testLogID = 0x1122334455667788

// A testLog writes a log as the engine does, and remembers what it wrote.
type testLog struct {
	t       testing.TB
	fs      vfs.FS
	enc     *Encoder
	w       *Writer
	groups  [][]byte // operations of every group since the log began
	counts  []uint32
	ends    []int64 // Offset of the encoder behind each group, in its segment
	segment []uint64
	synced  int // so many groups were synced
}

// openLog makes or recovers the log in dir "wal" and starts the next segment.
func openLog(t testing.TB, fs vfs.FS, segmentBytes int64) (*testLog, State) {
	t.Helper()
	return reopenLog(t, fs, segmentBytes, 0)
}

// reopenLog is openLog of a database that has flushed through a sequence number.
func reopenLog(t testing.TB, fs vfs.FS, segmentBytes int64, flushed uint64) (*testLog, State) {
	t.Helper()
	if err := fs.MkdirAll("wal"); err != nil {
		t.Fatal(err)
	}
	if err := fs.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	st, err := Recover(fs, "wal", RecoverOptions{LogID: testLogID, FlushedSeq: flushed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &testLog{t: t, fs: fs, enc: NewEncoder(NewBlocks(4))}
	l.w = NewWriter(fs, "wal", WriterOptions{SegmentBytes: segmentBytes, Old: st.Segments, LastSeq: st.LastSeq})
	l.start(st.NextNumber, st.Predecessor)
	return l, st
}

func (l *testLog) start(number uint64, pred SegmentEnd) {
	l.t.Helper()
	if err := l.w.Create(number); err != nil {
		l.t.Fatal(err)
	}
	l.enc.Start(SegmentStart{Number: number, LogID: testLogID, Predecessor: pred, ManifestNumber: 3, ManifestSynced: 99})
}

// group frames one group of count sequence numbers with these operations, in two parts.
func (l *testLog) group(count uint32, ops []byte) {
	l.t.Helper()
	if need := l.enc.BlocksNeeded(len(ops)); need > l.enc.Free() {
		l.write()
		if need = l.enc.BlocksNeeded(len(ops)); need > l.enc.Free() {
			l.enc.AddTemporary(need - l.enc.Free())
		}
	}
	before := l.enc.Free()
	need := l.enc.BlocksNeeded(len(ops))
	l.enc.Begin(l.enc.LastSeq()+1, count, l.w.Synced(l.enc.Segment()), len(ops))
	l.enc.Append(ops[:len(ops)/3])
	l.enc.Append(ops[len(ops)/3:])
	l.enc.End()
	if got := before - l.enc.Free(); got != need {
		l.t.Fatalf("group of %d bytes took %d blocks, not %d", len(ops), got, need)
	}
	l.groups = append(l.groups, bytes.Clone(ops))
	l.counts = append(l.counts, count)
	l.ends = append(l.ends, l.enc.Offset())
	l.segment = append(l.segment, l.enc.Segment())
}

// put frames a group that is one put.
func (l *testLog) put(k, v string) {
	l.t.Helper()
	l.group(1, AppendPut(nil, []byte(k), []byte(v)))
}

// write hands everything framed to the file.
func (l *testLog) write() {
	l.t.Helper()
	ranges := l.enc.Take(nil)
	if err := l.w.Write(ranges); err != nil {
		l.t.Fatal(err)
	}
	for _, r := range ranges {
		if r.Last {
			l.enc.Recycle(r.Block)
		}
	}
}

func (l *testLog) sync() {
	l.t.Helper()
	l.write()
	if err := l.w.Sync(); err != nil {
		l.t.Fatal(err)
	}
	l.synced = len(l.groups)
}

// seal ends the segment.
func (l *testLog) seal(trim bool) SegmentEnd {
	l.t.Helper()
	if l.enc.Free() < l.enc.BlocksNeeded(8) {
		l.write()
	}
	end := l.enc.Seal(0)
	l.write()
	if err := l.w.Seal(end, trim); err != nil {
		l.t.Fatal(err)
	}
	l.synced = len(l.groups)
	return end
}

func (l *testLog) rotate() {
	l.t.Helper()
	end := l.seal(false)
	l.start(end.Number+1, end)
}

// collect returns the operations of the groups that Recover passes on.
func collect(fs vfs.FS, o RecoverOptions) (groups [][]byte, st State, err error) {
	o.LogID = testLogID
	st, err = Recover(fs, "wal", o, func(r Record) error {
		if _, err := countOps(r.Ops); err != nil {
			return err
		}
		groups = append(groups, bytes.Clone(r.Ops))
		return nil
	})
	return groups, st, err
}

// samePrefix checks that got is a prefix of want with at least least groups.
func samePrefix(got, want [][]byte, least int) error {
	if len(got) > len(want) {
		return fmt.Errorf("%d groups came back of %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			return fmt.Errorf("group %d differs", i)
		}
	}
	if len(got) < least {
		return fmt.Errorf("%d groups came back, but %d were synced", len(got), least)
	}
	return nil
}

func readFile(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if size > 0 {
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func writeFile(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close(), fs.SyncDir("wal")); err != nil {
		t.Fatal(err)
	}
}
