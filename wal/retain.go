package wal

import (
	"errors"
	"fmt"
)

// A Retention says which flushed segments stay for those who read the log behind its writer. It
// counts bytes of log from the newest flushed segment back, and a segment as no less than
// leastRetained.
type Retention struct {
	// Bytes of flushed log stay in any case.
	Bytes int64
	// From is the least sequence number that somebody still needs; 0: nobody does. What is flushed
	// from there on stays up to HeldBytes.
	From      uint64
	HeldBytes int64
}

// leastRetained is what a retained segment counts for at least: it is a file, however short.
const leastRetained = 64 << 10

// Retain says what the next calls of DeleteThrough leave. At first they leave nothing.
func (w *Writer) Retain(r Retention) { w.keep = r }

// Oldest returns the first sequence number from which on the log is there without a gap. A segment that
// waits to be reused is not counted, though its file may be there for a while.
func (w *Writer) Oldest() uint64 { return w.oldest }

// flushed returns how many of the ended segments hold nothing above seq.
func (w *Writer) flushed(seq uint64) (n int) {
	for n < len(w.old) && w.old[n].LastSeq <= seq {
		n++
	}
	return n
}

// retained returns how many of these segments, which are flushed, are to stay: some of the newest.
func (w *Writer) retained(segments []SegmentInfo) (n int) {
	var bytes int64
	for i := len(segments) - 1; i >= 0; i-- {
		s := &segments[i]
		bytes += max(s.Length, leastRetained)
		held := w.keep.From > 0 && s.LastSeq >= w.keep.From && bytes <= w.keep.HeldBytes
		if bytes > w.keep.Bytes && !held || s.unreadable() {
			break
		}
		n++
	}
	return n
}

// unreadable reports that recovery did not find where a segment ends, and that it holds something.
func (s *SegmentInfo) unreadable() bool { return s.Length == 0 && !s.Abandoned }

// reach returns where the gapless part of the log begins.
func (w *Writer) reach() uint64 {
	from := w.lastSeq + 1
	for i := len(w.old) - 1; i >= 0; i-- {
		s := &w.old[i]
		if s.Abandoned {
			continue
		}
		if s.unreadable() || s.LastSeq+1 != from {
			break
		}
		from = s.AfterSeq + 1
	}
	return from
}

// trimRetained gives back the space behind the end of retained segments that are less than half full:
// what is kept should take no more space than it was promised to. These are not reused later.
func (w *Writer) trimRetained(flushed int) error {
	for i := range w.old[:flushed] {
		s := &w.old[i]
		if s.trimmed || s.Length == 0 {
			continue
		}
		// The oldest may only be here because its successor's start is not durable yet.
		if !w.Deletable(s.LastSeq) {
			return nil
		}
		if err := w.trim(s); err != nil {
			return fmt.Errorf("trim segment %d: %w", s.Number, err)
		}
		s.trimmed = true
	}
	return nil
}

func (w *Writer) trim(s *SegmentInfo) error {
	info, err := w.fs.Stat(w.path(s.Number))
	if err != nil || info.Size <= 2*s.Length {
		return err
	}
	f, err := w.fs.OpenReadWrite(w.path(s.Number))
	if err != nil {
		return err
	}
	// A crash may undo this, which does no harm: nobody looks behind the end.
	return errors.Join(f.Truncate(s.Length), f.Close())
}
