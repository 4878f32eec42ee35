package memtable

import (
	"sort"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/treap"
)

// rangeShare is what a range delete is charged beside its bounds. The nodes that one more version of
// the ranges does not share with those before it took 1.8 KiB on average of 1,000 range deletes apart from
// each other, which is the most expensive case, and 2.9 KiB of 100,000.
const rangeShare = 3 << 10

// RangeBytes returns what one DeleteRange with bounds of these lengths is charged, as EntryBytes does for
// an Add. It is memory of the Go heap.
func RangeBytes(startLen, endLen int) int64 {
	return (rangeShare + int64(startLen) + int64(endLen) + unit - 1) / unit * unit
}

// rangeVersion is what the range deletes cover from a sequence number on, up to that of the next version.
// It never changes.
type rangeVersion struct {
	seq    uint64
	ranges treap.Ranges
}

var _ iterator.Ranges = (*rangeVersion)(nil)

// DeleteRange deletes all keys from start, inclusive, to end, exclusive, at a sequence number above that of
// every Add and DeleteRange before. It requires start < end and copies both. Only the goroutine that adds may
// call it. Readers that begin after it returned see it.
func (m *Memtable) DeleteRange(start, end []byte, seq uint64) {
	bounds := append(append(make([]byte, 0, len(start)+len(end)), start...), end...)
	start, end = bounds[:len(start):len(start)], bounds[len(start):]
	var versions []rangeVersion
	var ranges treap.Ranges
	if p := m.deletes.Load(); p != nil {
		versions = *p
		last := &versions[len(versions)-1]
		if seq < last.seq {
			invariant.Check(false, "range deletes ascend: %d after %d", seq, last.seq)
		}
		ranges = last.ranges
	}
	// A reader has no more of the array than the slice it loaded, so what lies behind may be written.
	versions = append(versions, rangeVersion{seq, ranges.Cover(start, end, seq)})
	m.deletes.Store(&versions)
	m.tally.Store(m.tally.Load() + uint64(RangeBytes(len(start), len(end))/unit)<<32)
}

// deletesAt returns the range deletes that a snapshot sees, or nil.
func (m *Memtable) deletesAt(seq uint64) *rangeVersion {
	if p := m.deletes.Load(); p != nil {
		return versionAt(p, seq)
	}
	return nil
}

// versionAt returns the last of the versions that is not above seq, or nil. Mostly that is the last one.
func versionAt(p *[]rangeVersion, seq uint64) *rangeVersion {
	versions := *p
	n := len(versions)
	if versions[n-1].seq > seq {
		n = sort.Search(n, func(i int) bool { return versions[i].seq > seq })
	}
	if n == 0 {
		return nil
	}
	return &versions[n-1]
}

// at returns the sequence number of the newest range delete that covers k, or 0. v may be nil.
func (v *rangeVersion) at(k []byte) uint64 {
	if v == nil {
		return 0
	}
	return v.ranges.Find(k).Seq
}

// Covering implements iterator.Ranges.
func (v *rangeVersion) Covering(k []byte) (start, end []byte, covered bool, err error) {
	start, end, covered = v.ranges.Stretch(k)
	return start, end, covered, nil
}

// Ranges tells what the range deletes with sequence numbers of at most seq hide of older sources; nil if
// there are none. The slices it returns stay valid. Any goroutine may call it.
func (m *Memtable) Ranges(seq uint64) iterator.Ranges {
	if v := m.deletesAt(seq); v != nil {
		return v
	}
	return nil
}

// RangeDeletes returns the stretches that range deletes with sequence numbers of at most seq cover: in
// order, disjoint, none beginning where another ends, each with the newest sequence number of any of its
// range deletes. Any goroutine may call it.
func (m *Memtable) RangeDeletes(seq uint64) []treap.Span {
	if v := m.deletesAt(seq); v != nil {
		return v.ranges.Spans()
	}
	return nil
}

// deletedAt returns the sequence number of the newest range delete that covers k, or 0. It remembers the
// stretch that it found, since the next key is mostly there too.
func (it *Iter) deletedAt(k []byte) uint64 {
	if it.deletes == nil {
		return 0
	}
	if !it.spanKnown || !it.span.Holds(k) {
		it.span, it.spanKnown = it.deletes.ranges.Find(k), true
	}
	return it.span.Seq
}
