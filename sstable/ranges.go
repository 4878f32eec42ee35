package sstable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
)

// maxBoundBytes is the length of the longest bound of a range: one just above the longest key.
const maxBoundBytes = key.MaxStoredKeyBytes + 1

// A Range is a range delete. It hides what older tables hold of the keys from Start, inclusive, to End,
// exclusive, and nothing of its own table.
type Range struct {
	Start, End []byte
	Seq        uint64
}

// Last returns a key that no key in the range is above: the greatest one, if there is such, and otherwise End,
// for no shorter answer would do for all of them.
func (r Range) Last() []byte {
	if n := len(r.End) - 1; r.End[n] == 0 {
		return r.End[:n:n] // End is the next key after this one
	}
	return r.End
}

// AddRange adds a range delete, at any time before Finish. They must come in ascending order and must not
// overlap; one that begins where the one before ends becomes one with it, with the greater sequence number.
// Every entry of the table is newer than what the ranges hide. Neither slice is kept.
func (w *Writer) AddRange(start, end []byte, seq uint64) error {
	if w.err != nil {
		return w.err
	}
	if len(start) == 0 || len(end) > maxBoundBytes || len(start) > maxBoundBytes || bytes.Compare(start, end) >= 0 || seq > key.MaxSeq {
		return w.fail(fmt.Errorf("add range delete from %s to %s at %d", key.Format(start), key.Format(end), seq))
	}
	if n := len(w.ranges); n > 0 {
		last := &w.ranges[n-1]
		switch c := bytes.Compare(start, last.End); {
		case c < 0:
			return w.fail(fmt.Errorf("add range delete from %s after one to %s: out of order", key.Format(start), key.Format(last.End)))
		case c == 0:
			w.rangeBytes += len(end) - len(start)
			last.End, last.Seq = bytes.Clone(end), max(last.Seq, seq)
			return nil
		}
	}
	both := append(append(make([]byte, 0, len(start)+len(end)), start...), end...)
	w.ranges = append(w.ranges, Range{both[:len(start):len(start)], both[len(start):], seq})
	w.rangeBytes += len(both)
	return nil
}

// noteRanges takes the range deletes into account, after all entries.
func (i *Info) noteRanges(ranges []Range) {
	for _, r := range ranges {
		i.noteSeq(r.Seq, i.Entries+i.Ranges == 0)
		i.Ranges++
	}
}

// appendRanges appends the block of range deletes.
func appendRanges(dst []byte, ranges []Range) []byte {
	var last []byte
	for _, r := range ranges {
		for _, bound := range [][]byte{r.Start, r.End} {
			shared := key.SharedPrefix(last, bound)
			dst = binary.AppendUvarint(dst, uint64(shared))
			dst = binary.AppendUvarint(dst, uint64(len(bound)-shared))
			dst = append(dst, bound[shared:]...)
			last = bound
		}
		dst = binary.AppendUvarint(dst, r.Seq)
	}
	return dst
}

// parseRanges reads a block of range deletes. It returns what is wrong with it, or "".
func parseRanges(p []byte) (ranges []Range, wrong string) {
	var last []byte
	i := 0
	bound := func() bool {
		shared, at := uvarint(p, i, len(p))
		if at < 0 {
			return false
		}
		unshared, at := uvarint(p, at, len(p))
		if at < 0 || shared > uint64(len(last)) || unshared > uint64(len(p)-at) || shared+unshared > maxBoundBytes {
			return false
		}
		next := make([]byte, 0, shared+unshared)
		next = append(append(next, last[:shared]...), p[at:at+int(unshared)]...)
		if bytes.Compare(last, next) >= 0 {
			return false
		}
		last, i = next, at+int(unshared)
		return true
	}
	for i < len(p) {
		var r Range
		if !bound() {
			return nil, "bad start"
		}
		r.Start = last
		if !bound() {
			return nil, "bad end"
		}
		r.End = last
		seq, at := uvarint(p, i, len(p))
		if at < 0 || seq > key.MaxSeq {
			return nil, "bad sequence number"
		}
		r.Seq, i = seq, at
		ranges = append(ranges, r)
	}
	if len(ranges) == 0 {
		return nil, "there are none"
	}
	return ranges, ""
}

// tableRanges are the range deletes of an open table, sorted and apart from each other. Immutable.
type tableRanges struct{ list []Range }

var _ iterator.Ranges = (*tableRanges)(nil)

// find returns the index of the first range that does not end before or at k, and whether it covers k.
func (r *tableRanges) find(k []byte) (i int, covered bool) {
	i = sort.Search(len(r.list), func(i int) bool { return bytes.Compare(r.list[i].End, k) > 0 })
	return i, i < len(r.list) && bytes.Compare(r.list[i].Start, k) <= 0
}

// Covering implements iterator.Ranges. It never fails.
func (r *tableRanges) Covering(k []byte) (start, end []byte, covered bool, err error) {
	i, covered := r.find(k)
	if covered {
		return r.list[i].Start, r.list[i].End, true, nil
	}
	if i > 0 {
		start = r.list[i-1].End
	}
	if i < len(r.list) {
		end = r.list[i].Start
	}
	return start, end, false, nil
}

// bytes returns the memory that the ranges take.
func (r *tableRanges) bytes() (n int64) {
	if r == nil {
		return 0
	}
	for i := range r.list {
		n += int64(len(r.list[i].Start)+len(r.list[i].End)) + 56
	}
	return n
}

// Ranges returns the range deletes as a merge needs them, safe for concurrent use; nil if there are none.
// What it answers with remains valid.
func (r *Reader) Ranges() iterator.Ranges {
	if r.ranges == nil {
		return nil
	}
	return r.ranges
}

// Covers reports whether a range delete of the table covers k.
func (r *Reader) Covers(k []byte) bool {
	if r.ranges == nil {
		return false
	}
	_, covered := r.ranges.find(k)
	return covered
}

// RangeDeletes returns the range deletes of the table, in order and apart from each other. They must not be
// changed.
func (r *Reader) RangeDeletes() []Range {
	if r.ranges == nil {
		return nil
	}
	return r.ranges.list
}
