package statistics

import (
	"cmp"
	"math"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// A value is one of a column in the sample, with its place among those.
type value struct {
	catalog.Value
	at int
}

// A run is equal values that follow each other.
type run struct{ from, to int }

// values are those of a column in the sample that are not NULL, sorted.
type values struct {
	rows int // of the sample
	all  []value
	runs []run
}

func sortByRow(sample []sampled) {
	slices.SortFunc(sample, func(a, b sampled) int { return cmp.Compare(a.row, b.row) })
}

// newValues sorts the values of a column of a sample, which is in the order of rows.
func newValues(sample []sampled, column int) *values {
	v := &values{rows: len(sample)}
	for _, row := range sample {
		if x := row.values[column]; !x.IsNull() {
			v.all = append(v.all, value{x, len(v.all)})
		}
	}
	slices.SortStableFunc(v.all, func(a, b value) int { return catalog.Compare(a.Value, b.Value) })
	from := 0
	for i := 1; i <= len(v.all); i++ {
		if i == len(v.all) || catalog.Compare(v.all[i].Value, v.all[from].Value) != 0 {
			v.runs = append(v.runs, run{from, i})
			from = i
		}
	}
	return v
}

func (v *values) distinct() int { return len(v.runs) }

// correlation returns how much the order of the values is that of the rows. Equal values are in the order of the rows.
func (v *values) correlation() float64 {
	n := float64(len(v.all))
	if n < 2 {
		return 1
	}
	var products float64
	for i := range v.all {
		products += float64(i) * float64(v.all[i].at)
	}
	sum := n * (n - 1) / 2
	squares := n * (n - 1) * (2*n - 1) / 6
	r := (n*products - sum*sum) / (n*squares - sum*sum)
	return min(1, max(-1, r))
}

// common finds the most common values: all of them if there are few, or else those that are clearly more common than the
// average. It removes them from the runs.
func (v *values) common(s *plan.ColumnStatistics, distinct float64, whole bool) {
	least := 1
	if !whole || len(v.runs) > CommonValues {
		average := float64(len(v.all)) / distinct
		least = max(2, int(math.Ceil(1.25*average)))
	}
	var candidates []int
	for i, r := range v.runs {
		if r.to-r.from >= least && fits(v.all[r.from].Value) {
			candidates = append(candidates, i)
		}
	}
	slices.SortStableFunc(candidates, func(a, b int) int {
		return cmp.Compare(v.runs[b].to-v.runs[b].from, v.runs[a].to-v.runs[a].from)
	})
	candidates = candidates[:min(len(candidates), CommonValues)]
	chosen := make(map[int]bool, len(candidates))
	for _, i := range candidates {
		r := v.runs[i]
		s.Common = append(s.Common, v.all[r.from].Value)
		s.Frequency = append(s.Frequency, float64(r.to-r.from)/float64(v.rows))
		chosen[i] = true
	}
	var rest []run
	for i, r := range v.runs {
		if !chosen[i] {
			rest = append(rest, r)
		}
	}
	v.runs = rest
}

// histogram finds bounds between which there are equally many of the values that are not common.
func (v *values) histogram(s *plan.ColumnStatistics) {
	var rest []catalog.Value
	for _, r := range v.runs {
		for i := r.from; i < r.to; i++ {
			if fits(v.all[i].Value) {
				rest = append(rest, v.all[i].Value)
			}
		}
	}
	n := len(rest)
	if n < 2 {
		return
	}
	buckets := min(Buckets, n-1)
	for i := range buckets + 1 {
		s.Bounds = append(s.Bounds, rest[i*(n-1)/buckets])
	}
}

// fits reports whether a value is not too long to be kept.
func fits(v catalog.Value) bool {
	switch v.Kind() {
	case catalog.String, catalog.JSON:
		return len(v.AsString()) <= maxSampleBytes
	case catalog.Bytes:
		return len(v.AsBytes()) <= maxSampleBytes
	default:
		return true
	}
}
