package levels

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"sort"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/sstable"
)

// withRanges returns the tables that have range deletes.
func withRanges(ts []*Table) []*Table {
	return filter(ts, func(t *Table) bool { return t.Ranges > 0 })
}

// rangeDeletes returns the range deletes of a table that has some.
func (t *Table) rangeDeletes() ([]sstable.Range, error) {
	r, err := t.Reader()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(t)
	if out := r.RangeDeletes(); len(out) > 0 {
		return out, nil
	}
	path := t.files.fs.Join(t.files.dir, TableName(t.Num))
	return nil, fmt.Errorf("range deletes: %w", integrity.Corrupt(path, -1, "it has none, the manifest says %d", t.Ranges))
}

// Covering implements iterator.Ranges. A stretch ends with the table that it is of, so that no further table
// is opened for it.
func (l *levelIter) Covering(k []byte) (start, end []byte, covered bool, err error) {
	i := sort.Search(len(l.ranged), func(i int) bool { return bytes.Compare(l.ranged[i].Largest, k) >= 0 })
	if i == len(l.ranged) {
		return l.after(i - 1), nil, false, nil
	}
	t := l.ranged[i]
	if bytes.Compare(k, t.Smallest) < 0 {
		return l.after(i - 1), t.Smallest, false, nil
	}
	ranges, err := t.rangeDeletes()
	if err != nil {
		return nil, nil, false, err
	}
	j := sort.Search(len(ranges), func(j int) bool { return bytes.Compare(ranges[j].End, k) > 0 })
	if j < len(ranges) && bytes.Compare(ranges[j].Start, k) <= 0 {
		return ranges[j].Start, ranges[j].End, true, nil
	}
	switch {
	case j > 0:
		start = ranges[j-1].End
	default:
		start = l.after(i - 1)
	}
	switch {
	case j < len(ranges):
		end = ranges[j].Start
	case i+1 < len(l.ranged):
		end = l.ranged[i+1].Smallest
	}
	return start, end, false, nil
}

// after returns the smallest key behind table i of those with ranges; nil for i = -1.
func (l *levelIter) after(i int) []byte {
	if i < 0 {
		return nil
	}
	if l.behind == nil {
		l.behind = make([][]byte, len(l.ranged))
	}
	if l.behind[i] == nil {
		l.behind[i] = following(l.ranged[i].Largest)
	}
	return l.behind[i]
}

// following returns the key that follows k, in new memory.
func following(k []byte) []byte {
	return append(append(make([]byte, 0, len(k)+1), k...), 0)
}

// coalesce returns ranges that cover what all of these cover, in order and apart from each other, each
// with the greatest sequence number of what became part of it. It reorders ranges.
func coalesce(ranges []sstable.Range) []sstable.Range {
	slices.SortFunc(ranges, func(a, b sstable.Range) int { return bytes.Compare(a.Start, b.Start) })
	out := ranges[:0]
	for _, r := range ranges {
		n := len(out) - 1
		if n < 0 || bytes.Compare(out[n].End, r.Start) < 0 {
			out = append(out, r)
			continue
		}
		if bytes.Compare(out[n].End, r.End) < 0 {
			out[n].End = r.End
		}
		out[n].Seq = max(out[n].Seq, r.Seq)
	}
	return out
}

// covers reports whether coalesced ranges cover all keys from lo to hi, inclusive.
func covers(ranges []sstable.Range, lo, hi []byte) bool {
	i := sort.Search(len(ranges), func(i int) bool { return bytes.Compare(ranges[i].End, lo) > 0 })
	return i < len(ranges) && bytes.Compare(ranges[i].Start, lo) <= 0 && bytes.Compare(hi, ranges[i].End) < 0
}

// trim takes from the ends of a range what hides nothing of the levels below the output, and reports whether
// anything is left. It leaves gaps inside alone: a range in one piece is passed by one seek.
func (c *Compaction) trim(r sstable.Range) (sstable.Range, bool) {
	var lo, hi []byte
	for l := c.Output + 1; l < NumLevels; l++ {
		if ts := c.version.overlapping(l, r.Start, r.Last()); len(ts) > 0 {
			lo, hi = widen(lo, hi, &ts[0].TableMeta)
			lo, hi = widen(lo, hi, &ts[len(ts)-1].TableMeta)
		}
	}
	if lo == nil {
		return r, false
	}
	if bytes.Compare(r.Start, lo) < 0 {
		r.Start = lo
	}
	if end := following(hi); bytes.Compare(end, r.End) < 0 {
		r.End = end
	}
	return r, bytes.Compare(r.Start, r.End) < 0
}
