package main

import "math/bits"

// A histogram counts durations in nanoseconds in log-linear buckets: 32 to each power of two, so a
// quantile is off by at most 1.6 %. It is an array and belongs to one worker: recording costs a
// shift and an increment, and nothing is shared until the workers are done.
type histogram struct {
	counts [buckets]uint64
	total  uint64
	max    int64
}

const (
	subBits = 5
	sub     = 1 << subBits
	// buckets reach 2^42 ns, over an hour; what is longer counts as that.
	buckets = (42 - subBits + 1) * sub
)

// record counts one operation that took ns.
func (h *histogram) record(ns int64) {
	h.total++
	h.max = max(h.max, ns)
	h.counts[bucketOf(ns)]++
}

// merge adds the counts of o.
func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.max = max(h.max, o.max)
}

// quantile returns the duration that a share q of the operations did not exceed: the middle of its
// bucket, or 0 if nothing was recorded.
func (h *histogram) quantile(q float64) int64 {
	if h.total == 0 {
		return 0
	}
	rank := uint64(q * float64(h.total))
	if rank >= h.total {
		rank = h.total - 1
	}
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen > rank {
			return min(bucketMiddle(i), h.max)
		}
	}
	return h.max
}

func bucketOf(ns int64) int {
	v := uint64(max(ns, 0))
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - subBits - 1
	return min(shift*sub+int(v>>shift), buckets-1)
}

func bucketMiddle(i int) int64 {
	if i < 2*sub {
		return int64(i)
	}
	shift := i/sub - 1
	low := int64(i-shift*sub) << shift
	return low + int64(1)<<shift/2
}
