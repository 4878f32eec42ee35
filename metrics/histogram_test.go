package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// model is a histogram that keeps every value.
type model []int64

func (m model) sum() (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// atMost counts the values that do not exceed bound.
func (m model) atMost(bound int64) (n uint64) {
	for _, v := range m {
		if v <= bound {
			n++
		}
	}
	return n
}

// quantile returns the smallest value that the part q does not exceed.
func (m model) quantile(q float64) int64 {
	sorted := slices.Sorted(slices.Values(m))
	return sorted[max(1, int(math.Ceil(q*float64(len(m)))))-1]
}

func values() *rapid.Generator[[]int64] {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Int64Range(0, 100),
		rapid.Int64Range(0, 1<<40),
		rapid.Custom(func(t *rapid.T) int64 { // around the bounds
			return max(0, int64(1)<<rapid.IntRange(0, 61).Draw(t, "power")+rapid.Int64Range(-1, 1).Draw(t, "off"))
		}),
	), 0, 200)
}

func record(vs []int64) Snapshot {
	var h Histogram
	for _, v := range vs {
		h.Record(v)
	}
	return h.Snapshot()
}

func TestEveryValueHasABucketThatIsNarrow(t *testing.T) {
	check := func(v int64) {
		i := bucketOf(v)
		if i < 0 || i >= numBuckets {
			t.Fatalf("%d: bucket %d of %d", v, i, numBuckets)
		}
		bound := boundOf(i)
		if v > bound || i > 0 && v <= boundOf(i-1) {
			t.Fatalf("%d is in bucket %d, which ends at %d", v, i, bound)
		}
		if float64(bound) > float64(max(v, 1))*(1+1.0/stepsPerDoubling) {
			t.Fatalf("%d is in a bucket that ends at %d", v, bound)
		}
	}
	for v := range int64(1 << 12) {
		check(v)
	}
	for power := range 63 {
		for _, v := range []int64{1<<power - 1, 1 << power, 1<<power + 1, 1<<power + 1<<power/3} {
			check(v)
		}
	}
	check(math.MaxInt64)
	for i := 1; i < numBuckets; i++ {
		if boundOf(i) <= boundOf(i-1) || bucketOf(boundOf(i)) != i {
			t.Fatalf("bucket %d ends at %d, the one before at %d", i, boundOf(i), boundOf(i-1))
		}
	}
}

func TestSnapshotAgreesWithTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model(values().Draw(t, "values"))
		s := record(m)
		if s.Count() != uint64(len(m)) || s.Sum != m.sum() {
			t.Fatalf("%d values of %d, want %d of %d", s.Count(), s.Sum, len(m), m.sum())
		}
		for i, got := range s.Cumulative(0, 62) {
			if want := m.atMost(1 << i); got != want {
				t.Fatalf("%d values up to 2^%d, want %d", got, i, want)
			}
		}
		if q := rapid.Float64Range(0, 1).Draw(t, "q"); len(m) > 0 {
			got, want := s.Quantile(q), m.quantile(q)
			if got < want || float64(got) > float64(max(want, 1))*(1+1.0/stepsPerDoubling) {
				t.Fatalf("quantile %v is %d, want %d", q, got, want)
			}
		} else if s.Quantile(q) != 0 {
			t.Fatal("an empty snapshot has a quantile")
		}
		if again := Restore(s.Sum, s.Buckets()); again.Sum != s.Sum || !slices.Equal(again.counts, s.counts) {
			t.Fatalf("restored %v from %v", again, s)
		}
	})
}

func TestMergeAndSinceAreSumAndDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := values().Draw(t, "a"), values().Draw(t, "b")
		first, second, both := record(a), record(b), record(append(slices.Clone(a), b...))
		if since := both.Since(first); since.Sum != second.Sum || since.Count() != second.Count() ||
			!slices.Equal(since.Cumulative(0, 62), second.Cumulative(0, 62)) {
			t.Fatalf("since %v is %v, want %v", first, since, second)
		}
		var twice Histogram
		for _, v := range a {
			twice.RecordMany(v, 2)
		}
		if got, want := twice.Snapshot(), record(append(slices.Clone(a), a...)); got.Sum != want.Sum || !slices.Equal(got.counts, want.counts) {
			t.Fatalf("each value twice is %v, want %v", got, want)
		}
		merged := first
		merged.Merge(second)
		if merged.Sum != both.Sum || !slices.Equal(merged.counts, both.counts) {
			t.Fatalf("merged %v, want %v", merged, both)
		}
		if got := record(a); !slices.Equal(first.counts, got.counts) {
			t.Fatalf("merging changed the counts of its operand from %v to %v", got, first)
		}
	})
}

// The numbers of a server that was restarted begin anew.
func TestSinceAnotherHistogramIsEverything(t *testing.T) {
	now := record([]int64{1, 2, 1000})
	for _, before := range []Snapshot{record([]int64{3, 3}), record([]int64{1 << 40})} {
		if got := now.Since(before); got.Count() != 3 || got.Sum != now.Sum {
			t.Fatalf("since %v there are %v", before, got)
		}
	}
}

func TestNegativeValuesCountAsZero(t *testing.T) {
	if s := record([]int64{-5, math.MinInt64}); s.Count() != 2 || s.Sum != 0 {
		t.Fatalf("%d values of %d", s.Count(), s.Sum)
	}
}

func TestNothingIsLostWhenManyRecord(t *testing.T) {
	const each, many = 5000, 4
	var h Histogram
	var wg sync.WaitGroup
	for g := range uint64(many) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(g, 1))
			for range each {
				h.Record(int64(rng.Uint64N(1 << 30)))
				if g == 0 {
					h.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	if n := h.Snapshot().Count(); n != each*many {
		t.Fatalf("%d values, want %d", n, each*many)
	}
}

func BenchmarkRecord(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		var h Histogram
		v := int64(1)
		for b.Loop() {
			h.Record(v & 0xfffff)
			v += 7919
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var h Histogram
		b.RunParallel(func(pb *testing.PB) {
			v := int64(1)
			for pb.Next() {
				h.Record(v & 0xfffff)
				v += 7919
			}
		})
	})
}

func BenchmarkSnapshot(b *testing.B) {
	var h Histogram
	for v := range int64(1 << 16) {
		h.Record(v * v)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Snapshot()
	}
}
