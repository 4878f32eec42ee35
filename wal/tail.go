package wal

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// ErrGone is returned by [Tail.Next] when the log does not have the next sequence number any more:
// its segment was deleted, or its file has become another segment's.
var ErrGone = errors.New("the log does not go back that far any more")

const (
	// tailPieceBytes is what a Tail reads at once. Close behind the writer it reads a piece again
	// for every few records, so it is small.
	tailPieceBytes = 2 * fileBlockBytes
	// keptRecordBytes bounds the buffer that a Tail keeps for records of several chunks.
	keptRecordBytes = 1 << 20
)

// A Tail reads the records of a log in order while a [Writer] goes on with it, which knows nothing of
// the Tail: it writes on, deletes segments and turns their files into new ones. A Tail never takes
// anything else for the record that comes next: the checksum of a chunk holds for one place of one
// segment. It must be told how far the log is durable, and reads no further. It is for one goroutine
// and must be closed.
type Tail struct {
	fs    vfs.FS
	dir   string
	logID uint64
	next  uint64       // sequence number that the next record must reach
	seg   *tailSegment // the one being read; nil: none yet
	sc    scanner      // of it
	buf   []byte       // for scanners
	seq   uint64       // last sequence number before the scanner's place
}

// A tailSegment is a segment that has a valid start.
type tailSegment struct {
	f     vfs.File
	start SegmentStart
	end   SegmentEnd // as its successor has it; Number 0: not known
}

// NewTail returns a Tail of the log in dir that begins with the record that holds sequence number
// from. It reads nothing yet.
func NewTail(fs vfs.FS, dir string, logID, from uint64) *Tail {
	return &Tail{fs: fs, dir: dir, logID: logID, next: from}
}

// Next returns the next record, which reaches the position and does not reach beyond limit, a
// sequence number through which the log is known to be durable. The first record may begin before
// the position; its Ops are valid until the next call. When there is no such record Next returns
// io.EOF, and can be called again with a higher limit. It returns ErrGone when the record is not kept
// any more, and an *integrity.CorruptionError when it should be there and is not. After an error of
// the file system it may be tried again.
func (t *Tail) Next(limit uint64) (Record, error) {
	if cap(t.sc.joined) > keptRecordBytes {
		t.sc.joined = nil
	}
	for t.next <= limit {
		if t.seg == nil {
			if err := t.seek(); err != nil {
				return Record{}, err
			}
		}
		r, err := t.step(limit)
		if err != nil || r.Count > 0 {
			return r, err
		}
	}
	return Record{}, io.EOF
}

// Position returns the sequence number that the next record must reach.
func (t *Tail) Position() uint64 { return t.next }

// Close closes the file that the Tail has open.
func (t *Tail) Close() error {
	if t.seg == nil {
		return nil
	}
	f := t.seg.f
	t.seg = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", f.Name(), err)
	}
	return nil
}

// step reads one record of the current segment, or moves to the next segment. Without an error, a
// record with Count 0 says that there is none for the caller.
func (t *Tail) step(limit uint64) (Record, error) {
	sc := &t.sc
	off, end, sum := sc.off, sc.end, sc.sum
	record, err := sc.next()
	if err != nil {
		// The buffer may be older than the record, which is there: it is durable.
		t.rewind(off, end, sum)
		t.refresh()
		record, err = sc.next()
	}
	switch {
	case err != nil:
		t.rewind(off, end, sum)
		t.refresh()
		if !errors.Is(err, io.EOF) && !errors.Is(err, errBad) {
			return Record{}, err
		}
		return Record{}, t.cross(false, err)
	case sc.start == 0: // the segment's start, which find has decoded
		return Record{}, nil
	}
	h, why, err := checkRecord(record, sc.start, t.seq, sum)
	switch {
	case err != nil:
		return Record{}, fmt.Errorf("read %s at offset %d: %w", sc.name, sc.start, err)
	case why != "":
		return Record{}, integrity.Corrupt(sc.name, sc.start, "%s", why)
	case h.kind == recordSeal:
		if err = t.cross(true, nil); err != nil {
			t.rewind(off, end, sum)
		}
		return Record{}, err
	}
	last := h.seq + uint64(h.count) - 1
	if last > limit {
		t.rewind(off, end, sum)
		return Record{}, io.EOF
	}
	t.seq = last
	if last < t.next {
		return Record{}, nil
	}
	t.next = last + 1
	return Record{
		Segment: t.seg.start.Number, Offset: sc.start, FirstSeq: h.seq, Count: h.count, Ops: record[groupHeaderBytes:],
	}, nil
}

// rewind puts the scanner back to where a record begins.
func (t *Tail) rewind(off, end int64, sum uint64) {
	t.sc.off, t.sc.end, t.sc.sum, t.sc.misordered = off, end, sum, false
}

// refresh forgets what was read of the file.
func (t *Tail) refresh() {
	t.sc.base, t.sc.limit = -1, math.MaxInt64
	if t.seg.end.Number != 0 {
		t.sc.limit = t.seg.end.Length
	}
}

// seek opens the segment that holds the position.
func (t *Tail) seek() error {
	found, later, err := t.find(0)
	if err != nil {
		return err
	}
	if found == nil || later != nil && later.Predecessor.Number != found.start.Number {
		return errors.Join(ErrGone, found.close())
	}
	t.adopt(found)
	return nil
}

// adopt continues with the beginning of another segment.
func (t *Tail) adopt(s *tailSegment) {
	if t.buf == nil {
		t.buf = make([]byte, tailPieceBytes)
	}
	t.seg, t.seq = s, s.start.Predecessor.LastSeq
	t.sc = scanner{
		f: s.f, name: s.f.Name(), number: uint32(s.start.Number), seed: fileSeed(s.start.Number, t.logID),
		piece: tailPieceBytes, buf: t.buf, joined: t.sc.joined,
	}
	t.refresh()
}

// cross leaves the current segment, which has no more records, for the one that holds the position.
// Without its seal, which recovered segments may lack, reading it ended with stop.
func (t *Tail) cross(sealed bool, stop error) error {
	old := t.seg
	got := SegmentEnd{Number: old.start.Number, Length: t.sc.end, LastSeq: t.seq, Checksum: t.sc.sum}
	// If its file was recycled meanwhile, it did not end here. A name is given to a file once only, so
	// whether it is still there tells, if looked at after reading.
	kept, err := t.exists(got.Number)
	if err != nil {
		return err
	}
	found, later, err := t.find(got.Number)
	if err != nil {
		return err
	}
	if found == nil {
		lacking := later == nil || later.Predecessor.Number == got.Number // the segment itself has the position
		if !kept || !lacking {
			return ErrGone
		}
		return t.missing(sealed, stop)
	}
	p := found.start.Predecessor
	switch {
	case later != nil && later.Predecessor.Number != found.start.Number:
		err = ErrGone
	case p.LastSeq != t.seq || p.Number == got.Number && (kept || sealed) && p != got:
		if err = ErrGone; kept || sealed {
			err = integrity.Corrupt(t.sc.name, got.Length, "the segment is %+v, but was accepted as %+v", got, p)
		}
	}
	if err != nil {
		return errors.Join(err, found.close())
	}
	t.adopt(found)
	_ = old.close() // it was read only: nothing depends on it
	return nil
}

// missing describes a segment that lacks records which are durable.
func (t *Tail) missing(sealed bool, stop error) error {
	switch {
	case sealed:
		return integrity.Corrupt(t.sc.name, t.sc.end, "the segment is sealed at sequence %d, and no segment with a valid start goes on from there", t.seq)
	case errors.Is(stop, errBad):
		return t.sc.corrupt()
	default:
		return integrity.Corrupt(t.sc.name, t.sc.end, "the segment ends at sequence %d, but sequence %d was synced", t.seq, t.next)
	}
}

func (t *Tail) exists(number uint64) (bool, error) {
	_, err := t.fs.Stat(t.fs.Join(t.dir, FileName(number)))
	if vfs.IsNotExist(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for segment %d: %w", number, err)
	}
	return true, nil
}

// find looks among the segments above a number. It opens the last one that begins before the position
// or at it; if the log has the position, it is in there. later is the start of the one after it.
func (t *Tail) find(above uint64) (found *tailSegment, later *SegmentStart, err error) {
	names, err := t.fs.List(t.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list log segments: %w", err)
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := ParseFileName(name); ok && number > above {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		s, err := t.open(number)
		if err != nil {
			return nil, nil, errors.Join(err, found.close())
		}
		if s == nil {
			continue
		}
		if s.start.Predecessor.LastSeq >= t.next {
			if found != nil && s.start.Predecessor.Number == found.start.Number {
				found.end = s.start.Predecessor
			}
			return found, &s.start, s.close()
		}
		if err := found.close(); err != nil {
			return nil, nil, errors.Join(err, s.close())
		}
		found = s
	}
	return found, nil, nil
}

// open opens a segment, nil if it has no valid start or is gone.
func (t *Tail) open(number uint64) (*tailSegment, error) {
	path := t.fs.Join(t.dir, FileName(number))
	f, err := t.fs.Open(path)
	if vfs.IsNotExist(err) {
		return nil, nil //nolint:nilnil // a segment that was deleted meanwhile is none
	}
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	var head [512]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	}
	s := &tailSegment{f: f}
	var why string
	s.start, why, err = parseStart(head[:n], number, path)
	if err == nil && why == "" && s.start.LogID != t.logID {
		err = integrity.Corrupt(path, 0, "segment of log %016x among those of %016x", s.start.LogID, t.logID)
	}
	if err != nil || why != "" {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// close closes the segment's file; a nil one has none.
func (s *tailSegment) close() error {
	if s == nil {
		return nil
	}
	if err := s.f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", s.f.Name(), err)
	}
	return nil
}
