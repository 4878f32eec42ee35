package exec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/tests/environment"
)

func randomSource(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 6)) }

// Rows come as a stable sort by catalog.Compare has them, in memory and through files.
func TestSortIsStable(t *testing.T) {
	for seed := range environment.Seeds(t, 300) {
		r := randomSource(seed)
		columns := table(1, testTypes[r.IntN(len(testTypes))], testTypes[r.IntN(len(testTypes))], bigint)
		rows := randomRows(r, columns, r.IntN(400))
		for i := range rows {
			rows[i][2] = catalog.Int(int64(i))
		}
		keys := randomKeys(r, columns[:2], 1+r.IntN(2))
		n := &physical.Sort{Keys: keys}
		n.Output = columns
		if r.IntN(3) == 0 { // some keys are sorted already
			n.Sorted = 1
			slices.SortStableFunc(rows, func(a, b []catalog.Value) int { return compareBy(a, b, keys[:1], 1) })
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b []catalog.Value) int { return compareBy(a, b, keys, 1) })
		if r.IntN(3) == 0 {
			limit := []int64{0, 1, 2, 10, 1000, math.MaxInt64}[r.IntN(6)]
			n.Limit = expr.Constant(catalog.Int(limit), bigint)
			if r.IntN(2) == 0 {
				n.Offset = expr.Constant(catalog.Int(2), bigint)
				limit += 2
			}
			if limit >= 0 && limit < int64(len(want)) {
				want = want[:limit]
			}
		}
		in := &source{columns: columns, rows: rows, r: r, size: 1 + r.IntN(8)}
		n.Input = in
		b := newBench([]int64{1 << 30, 2000, 10000}[r.IntN(3)], 1+r.IntN(8))
		o, err := newSort(b.builder, n, in)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // begin again in the middle
			_, err = o.Next(t.Context())
			o.Reset()
		}
		got, drained := b.drain(o)
		if err != nil || drained != nil || show(got) != show(want) {
			failed(t, seed, fmt.Sprintf("%+v of %v", n, columns), show(got), show(want), drained)
		}
	}
}

func TestFilesOfASortAreMergedInSteps(t *testing.T) {
	columns := table(1, bigint, text)
	r := randomSource(environment.Seed(t))
	rows := make([][]catalog.Value, 20_000)
	for i := range rows {
		rows[i] = []catalog.Value{catalog.Int(r.Int64N(1000)), catalog.Str(fmt.Sprint("text ", i))}
	}
	in := &source{columns: columns, rows: rows, size: 100}
	n := &physical.Sort{Input: in, Keys: []plan.Key{{Column: 1}}}
	n.Output = columns
	b := newBench(5_000, 16)
	o, err := newSort(b.builder, n, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.drain(o)
	slices.SortStableFunc(rows, func(a, b []catalog.Value) int { return catalog.Compare(a[0], b[0]) })
	if err != nil || show(got) != show(rows) {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if b.files < 2*mostRuns {
		t.Errorf("%d files: nothing was merged in steps", b.files)
	}
}
