package wire

import (
	"math"
	"testing"

	"github.com/middb/middb/metrics"
)

func TestHistogramsSurviveTheWire(t *testing.T) {
	var h metrics.Histogram
	for _, v := range []int64{0, 1, 100, 1 << 20, 1<<20 + 1, math.MaxInt64 / 2} {
		h.Record(v)
	}
	want := h.Snapshot()
	sent := Stats{Operations: []OperationStats{{Name: "get", Time: want.Sum, Latency: AppendHistogram(nil, want)}}}
	var read Stats
	if err := read.Decode(sent.Append(nil)); err != nil {
		t.Fatal(err)
	}
	got := HistogramOf(read.Operations[0].Time, read.Operations[0].Latency)
	if got.Sum != want.Sum || got.Count() != want.Count() || got.Since(want).Count() != 0 || want.Since(got).Count() != 0 {
		t.Fatalf("got %v, sent %v", got, want)
	}
}

// What a hostile server says may be nonsense, and costs no more than what a good one says.
func TestHistogramOfNonsenseIsAHistogram(t *testing.T) {
	for _, buckets := range [][]int64{nil, {1}, {-1, -1}, {math.MaxInt64, math.MaxInt64, math.MinInt64, math.MinInt64}, {5, 1, 3, 1, 7}} {
		s := HistogramOf(-1, buckets)
		if q := s.Quantile(0.99); q < 0 {
			t.Errorf("%v: quantile %d", buckets, q)
		}
	}
}
