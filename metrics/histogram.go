// Package metrics has the histogram in which middb counts how long things take and how large they are.
//
// It is a core: no goroutines and no clock. Whoever measures gives it numbers, anybody may look at it.
package metrics

import (
	"iter"
	"math"
	"math/bits"
	"slices"
	"sync/atomic"
)

// Buckets are log-linear, as in HdrHistogram (https://hdrhistogram.org): each power of two is cut into
// stepsPerDoubling equal parts, so that a bucket is never wider than 1/stepsPerDoubling of its values.
// Below 2*stepsPerDoubling each integer has its own.
const (
	stepBits         = 4
	stepsPerDoubling = 1 << stepBits
	numBuckets       = (63 - stepBits + 1) * stepsPerDoubling
)

// bucketOf returns the bucket of v. Buckets include their upper bound, as those of Prometheus do, so it is
// v-1 whose bits decide; 0 is counted with 1.
func bucketOf(v int64) int {
	u := uint64(max(v, 1) - 1)
	if u < stepsPerDoubling {
		return int(u)
	}
	shift := bits.Len64(u) - 1 - stepBits
	return shift<<stepBits + int(u>>shift)
}

// boundOf returns the greatest value that bucket i counts.
func boundOf(i int) int64 {
	if i < stepsPerDoubling {
		return int64(i) + 1
	}
	shift := i>>stepBits - 1
	return int64(min(uint64(i&(stepsPerDoubling-1)+stepsPerDoubling+1)<<shift, math.MaxInt64))
}

// A Histogram counts values by size, in fixed memory of 8 KB. The zero Histogram is empty and ready. All
// methods are safe for concurrent use.
type Histogram struct {
	sum     atomic.Int64
	buckets [numBuckets]atomic.Uint64
}

// Record counts a value: nanoseconds, bytes, or whatever the Histogram is of. A negative one, which a clock
// that is set back may make, counts as 0. It costs two atomic additions.
func (h *Histogram) Record(v int64) { h.RecordMany(v, 1) }

// RecordMany counts n times the same value, for what was measured together. It costs no more than Record.
func (h *Histogram) RecordMany(v int64, n uint32) {
	v = max(v, 0)
	h.buckets[bucketOf(v)].Add(uint64(n))
	h.sum.Add(v * int64(n))
}

// Snapshot returns what was recorded so far. What is recorded meanwhile may be in its counts, in its sum, or
// in both.
func (h *Histogram) Snapshot() Snapshot {
	s := Snapshot{Sum: h.sum.Load()}
	used := 0
	var counts [numBuckets]uint64
	for i := range h.buckets {
		if counts[i] = h.buckets[i].Load(); counts[i] > 0 {
			used = i + 1
		}
	}
	s.counts = slices.Clone(counts[:used])
	return s
}

// A Snapshot is what a Histogram held at a moment. It is immutable but for Merge; the zero Snapshot is empty.
type Snapshot struct {
	Sum    int64 // of all values
	counts []uint64
}

// Count returns the number of values.
func (s Snapshot) Count() uint64 {
	var n uint64
	for _, c := range s.counts {
		n += c
	}
	return n
}

// Merge adds the values of o, as if they had been recorded in the same Histogram.
func (s *Snapshot) Merge(o Snapshot) {
	counts := make([]uint64, max(len(s.counts), len(o.counts)))
	copy(counts, s.counts)
	for i, c := range o.counts {
		counts[i] += c
	}
	s.counts = counts
	s.Sum += o.Sum
}

// Since returns the values that were recorded between earlier, a Snapshot of the same Histogram, and s. If
// earlier is of another one, such as that of a server before its restart, it returns s.
func (s Snapshot) Since(earlier Snapshot) Snapshot {
	if len(earlier.counts) > len(s.counts) {
		return s
	}
	counts := slices.Clone(s.counts)
	for i, c := range earlier.counts {
		if c > counts[i] {
			return s
		}
		counts[i] -= c
	}
	return Snapshot{Sum: s.Sum - earlier.Sum, counts: counts}
}

// Quantile returns a value that the part q of the values, 0 to 1, does not exceed: the bound of its bucket,
// which is less than a sixteenth above the value itself. It is 0 without values.
func (s Snapshot) Quantile(q float64) int64 {
	n := s.Count()
	if n == 0 {
		return 0
	}
	rank := max(1, uint64(math.Ceil(q*float64(n))))
	last := 0
	for i, c := range s.counts {
		if c == 0 {
			continue
		}
		last = i
		if c >= rank {
			break
		}
		rank -= c
	}
	return boundOf(last)
}

// Buckets yields the buckets that have values, by ascending bound: the greatest value that a bucket counts,
// and how many it has.
func (s Snapshot) Buckets() iter.Seq2[int64, uint64] {
	return func(yield func(bound int64, count uint64) bool) {
		for i, c := range s.counts {
			if c > 0 && !yield(boundOf(i), c) {
				return
			}
		}
	}
}

// Restore returns the Snapshot that has these buckets and this sum: what came from Buckets gives the same one
// again.
func Restore(sum int64, buckets iter.Seq2[int64, uint64]) Snapshot {
	s := Snapshot{Sum: sum}
	for bound, count := range buckets {
		i := bucketOf(bound)
		if i >= len(s.counts) {
			s.counts = append(s.counts, make([]uint64, i+1-len(s.counts))...)
		}
		s.counts[i] += count
	}
	return s
}

// Cumulative returns, for each power of two from 1<<first through 1<<last, how many values do not exceed it,
// as the buckets of Prometheus do. These are bounds of our buckets, so nothing is estimated.
func (s Snapshot) Cumulative(first, last int) []uint64 {
	out := make([]uint64, 0, last-first+1)
	var n uint64
	i := 0
	for power := first; power <= last; power++ {
		for end := bucketOf(1 << power); i <= end && i < len(s.counts); i++ {
			n += s.counts[i]
		}
		out = append(out, n)
	}
	return out
}
