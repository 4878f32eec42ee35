package wal

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/vfs"
)

// DefaultSegmentBytes is the size that segments are created with.
const DefaultSegmentBytes = 64 << 20

// WriterOptions configure a Writer. The zero value is the default.
type WriterOptions struct {
	SegmentBytes int64         // size that a segment is created with; 0: DefaultSegmentBytes
	Old          []SegmentInfo // segments that Recover found, to be deleted when they are flushed
	LastSeq      uint64        // last sequence number of the log that is continued
}

// A Writer puts framed bytes into segment files and syncs them, and deletes the segments that are
// not needed any more. It is for one goroutine, but for Synced. The order in which it is called is
// the order of the log: Create, Write and Sync, Seal, then Create of the next.
type Writer struct {
	fs           vfs.FS
	dir          string
	segmentBytes int64

	f       vfs.File // nil between segments
	number  uint64
	written int64 // the current segment was written up to here
	failed  error // a failed sync: nothing after it counts

	old      []SegmentInfo // ended segments whose files exist, oldest first
	lastSeq  uint64        // of the segments that have ended
	keep     Retention     // what stays of them though it is flushed
	oldest   uint64        // see Oldest
	spare    uint64        // one of them that is not needed and waits to be reused; 0: none
	anchored bool          // the current segment's start record is synced

	syncedSegment atomic.Uint64
	syncedOffset  atomic.Int64
}

// NewWriter returns a writer of the segments in dir. It touches no file yet.
func NewWriter(fs vfs.FS, dir string, o WriterOptions) *Writer {
	w := &Writer{fs: fs, dir: dir, segmentBytes: o.SegmentBytes}
	if w.segmentBytes <= 0 {
		w.segmentBytes = DefaultSegmentBytes
	}
	w.old = append(w.old, o.Old...)
	w.lastSeq = o.LastSeq
	w.oldest = w.reach()
	return w
}

// Create makes the file of segment number, with its size set and its place in the directory synced:
// in a file that has its size a sync has no metadata to write. It takes over the file of an old
// segment if one is to spare. After an error that matches vfs.ErrNoSpace it may be tried again.
func (w *Writer) Create(number uint64) error {
	invariant.Check(w.f == nil, "segment %d is sealed before segment %d is created", w.number, number)
	if w.failed != nil {
		return w.failed
	}
	f, err := w.create(number)
	if err != nil {
		return fmt.Errorf("create segment %d: %w", number, err)
	}
	w.f, w.number, w.written, w.anchored = f, number, 0, false
	// In this order, so that Synced never takes the old offset for one of the new segment.
	w.syncedOffset.Store(0)
	w.syncedSegment.Store(number)
	return nil
}

func (w *Writer) create(number uint64) (vfs.File, error) {
	name := w.path(number)
	var f vfs.File
	var err error
	if w.spare != 0 {
		// Its stale chunks carry its old number, so they are not valid here.
		if err = w.fs.Rename(w.path(w.spare), name); err != nil {
			return nil, err
		}
		w.spare = 0
		f, err = w.fs.OpenReadWrite(name)
	} else {
		f, err = w.fs.Create(name)
	}
	if err != nil {
		return nil, err
	}
	if err := w.prepare(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// prepare gives a new segment its size and makes it findable after a crash.
func (w *Writer) prepare(f vfs.File) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < w.segmentBytes {
		if err := f.Allocate(w.segmentBytes); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return w.fail(err)
	}
	if err := w.fs.SyncDir(w.dir); err != nil {
		return w.fail(err)
	}
	return nil
}

// Write writes ranges, which are in the order of the log and of the current segment; adjacent ones
// of a block become one write. After an error the same ranges may be written again: they go to the
// same places. Nothing is durable before Sync.
func (w *Writer) Write(ranges []Range) error {
	if w.failed != nil {
		return w.failed
	}
	for len(ranges) > 0 {
		r := ranges[0]
		n := 1
		for n < len(ranges) && ranges[n].Block == r.Block && ranges[n].From == r.To && !r.Last {
			r.To, r.Last = ranges[n].To, ranges[n].Last
			n++
		}
		if w.f == nil || r.Segment() != w.number {
			invariant.Unreachable("range of segment %d is written to segment %d", r.Segment(), w.number)
		}
		if _, err := w.f.WriteAt(r.Bytes(), r.FileOffset()); err != nil {
			return fmt.Errorf("write segment %d at offset %d: %w", w.number, r.FileOffset(), err)
		}
		w.written = max(w.written, r.FileOffset()+int64(r.To-r.From))
		ranges = ranges[n:]
	}
	return nil
}

// Sync makes what was written durable. A failure is final: the writer returns it from then on,
// because nobody knows what reached the disk, and asking again would get a lie for an answer.
func (w *Writer) Sync() error {
	if w.failed != nil {
		return w.failed
	}
	if w.f == nil || w.written == w.syncedOffset.Load() {
		return nil
	}
	if err := w.f.SyncData(); err != nil {
		return w.fail(fmt.Errorf("sync segment %d: %w", w.number, err))
	}
	w.syncedOffset.Store(w.written)
	w.anchored = true
	return nil
}

// Failure returns the failed sync that ended the writer, nil while there was none.
func (w *Writer) Failure() error { return w.failed }

// StartWriteback asks the system to begin writing what was written to disk, without waiting, so that a later
// Sync has less to do.
func (w *Writer) StartWriteback() error {
	from := w.syncedOffset.Load()
	if w.f == nil || w.written == from {
		return nil
	}
	return w.f.StartWriteback(from, w.written-from)
}

// Segment returns the number of the segment being written.
func (w *Writer) Segment() uint64 { return w.number }

// Written returns how much of the current segment has been written, synced or not.
func (w *Writer) Written() int64 { return w.written }

// Bytes returns how much the log holds that is not deleted yet, whatever size its files are made with.
func (w *Writer) Bytes() int64 {
	var n int64
	if w.f != nil {
		n = w.written
	}
	for i := range w.old {
		n += w.old[i].Length
	}
	return n
}

// Synced returns how many bytes of a segment are known to be durable: 0 unless it is the one being
// written. Any goroutine may call it; the answer is what [Encoder.Begin] wants to know.
func (w *Writer) Synced(segment uint64) int64 {
	if w.syncedSegment.Load() != segment {
		return 0
	}
	synced := w.syncedOffset.Load()
	if w.syncedSegment.Load() != segment {
		return 0
	}
	return synced
}

// Seal ends the current segment, whose seal record has been written: it is synced and closed, so
// that the next one may begin. The file keeps its size, and so can be reused; the seal record marks
// the end of what counts. With trim it is cut to end.Length, which suits the last segment of a
// database that is closed: 64 MiB would remain of a small one otherwise.
func (w *Writer) Seal(end SegmentEnd, trim bool) error {
	invariant.Check(w.f != nil && w.number == end.Number, "segment %d is sealed while %d is open", end.Number, w.number)
	invariant.Check(w.written >= end.Length, "segment %d is written to its end before it is sealed", end.Number)
	if err := w.Sync(); err != nil {
		return err
	}
	if trim {
		if err := w.f.Truncate(end.Length); err != nil {
			return fmt.Errorf("trim segment %d: %w", w.number, err)
		}
		if err := w.f.Sync(); err != nil {
			return w.fail(fmt.Errorf("trim segment %d: %w", w.number, err))
		}
	}
	w.old = append(w.old, SegmentInfo{Number: end.Number, Length: end.Length, AfterSeq: w.lastSeq, LastSeq: end.LastSeq, trimmed: trim})
	w.lastSeq = end.LastSeq
	return w.Close()
}

// Close closes the current segment's file, sealed or not. It syncs nothing.
func (w *Writer) Close() error {
	if w.f == nil {
		return nil
	}
	f := w.f
	w.f = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close segment %d: %w", w.number, err)
	}
	return nil
}

// DeleteThrough deletes the ended segments that hold nothing above sequence number seq, which the
// manifest names as flushed, but for those that Retain has asked for; one full-sized file is kept for
// reuse. Whatever seq is, the newest durable start record stays, so that recovery always finds where
// the log goes on: until the current segment has been synced, the one before is kept. The next call
// deletes it.
func (w *Writer) DeleteThrough(seq uint64) error {
	if !w.Deletable(seq) {
		return nil
	}
	flushed := w.flushed(seq)
	needless := flushed - w.retained(w.old[:flushed])
	for ; needless > 0 && w.Deletable(seq); needless-- {
		number := w.old[0].Number
		keep, err := w.reusable(number)
		if err == nil && !keep {
			err = w.fs.Remove(w.path(number))
		}
		if err != nil && !vfs.IsNotExist(err) {
			return fmt.Errorf("delete segment %d: %w", number, err)
		}
		if err == nil && keep {
			w.spare = number
		}
		w.oldest = max(w.oldest, w.old[0].LastSeq+1)
		w.old = w.old[1:]
	}
	return w.trimRetained(w.flushed(seq))
}

// Deletable reports whether DeleteThrough has anything to decide: the oldest ended segment is flushed
// and not needed to find the log's end.
func (w *Writer) Deletable(seq uint64) bool {
	if len(w.old) == 0 || w.old[0].LastSeq > seq {
		return false
	}
	if w.f != nil && w.anchored {
		return true
	}
	for _, later := range w.old[1:] {
		if !later.Abandoned {
			return true
		}
	}
	return false
}

// Live returns the segments that exist beside the current one and are still needed, oldest first.
func (w *Writer) Live() []SegmentInfo { return w.old }

// reusable reports whether the file of a segment should wait for its reuse.
func (w *Writer) reusable(number uint64) (bool, error) {
	if w.spare != 0 {
		return false, nil
	}
	info, err := w.fs.Stat(w.path(number))
	return err == nil && info.Size == w.segmentBytes, err
}

func (w *Writer) path(number uint64) string { return w.fs.Join(w.dir, FileName(number)) }

// fail keeps the first failure of a sync.
func (w *Writer) fail(err error) error {
	if w.failed == nil {
		w.failed = err
	}
	return err
}
