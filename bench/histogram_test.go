package main

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBucketsAreInOrderAndHoldTheirMiddle(t *testing.T) {
	last := -1
	for _, v := range []int64{0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 1e6, 1e9, 1e12, 1 << 41, 1<<42 - 1} {
		b := bucketOf(v)
		if b < last || b >= buckets {
			t.Errorf("bucket of %d is %d, after %d", v, b, last)
		}
		last = b
	}
	for i := range buckets {
		if got := bucketOf(bucketMiddle(i)); got != i {
			t.Fatalf("the middle of bucket %d, %d, lies in bucket %d", i, bucketMiddle(i), got)
		}
	}
	if bucketOf(1<<62) != buckets-1 || bucketOf(-5) != 0 {
		t.Error("durations out of range are not in the outermost buckets")
	}
}

func TestQuantilesAreWithinTwoPercent(t *testing.T) {
	const seed = 42
	rng := rand.New(rand.NewPCG(seed, 0))
	var parts [4]histogram
	var all []int64
	for i := range 100_000 {
		v := int64(100 * rng.ExpFloat64() * float64(1+i%3*50))
		all = append(all, v)
		parts[i%4].record(v)
	}
	var h histogram
	for i := range parts {
		h.merge(&parts[i])
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[min(int(q*float64(len(all))), len(all)-1)]
		got := h.quantile(q)
		if diff := float64(got - want); diff > 0.02*float64(want)+1 || -diff > 0.02*float64(want)+1 {
			t.Errorf("seed %d: quantile %g is %d, want %d", seed, q, got, want)
		}
	}
	if h.max != all[len(all)-1] {
		t.Errorf("seed %d: max %d, want %d", seed, h.max, all[len(all)-1])
	}
}

func TestEmptyHistogramHasNoQuantile(t *testing.T) {
	if q := new(histogram).quantile(0.99); q != 0 {
		t.Errorf("quantile of nothing is %d", q)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h histogram
	for i := range b.N {
		h.record(int64(i & 0xffff))
	}
}

func BenchmarkNow(b *testing.B) {
	for range b.N {
		now()
	}
}
