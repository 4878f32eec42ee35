package exec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/tests/environment"
)

// firsts returns the first of the rows that are equal in the columns at places.
func firsts(rows [][]catalog.Value, places []int) (kept [][]catalog.Value) {
	for _, row := range rows {
		if !slices.ContainsFunc(kept, func(k []catalog.Value) bool { return equalAt(k, row, places) }) {
			kept = append(kept, row)
		}
	}
	return kept
}

func equalAt(x, y []catalog.Value, places []int) bool {
	for _, at := range places {
		if catalog.Compare(x[at], y[at]) != 0 {
			return false
		}
	}
	return true
}

func TestDistinctGivesTheFirstRows(t *testing.T) {
	for seed := range environment.Seeds(t, 300) {
		r := randomSource(seed)
		columns := table(1, testTypes[r.IntN(len(testTypes))], testTypes[r.IntN(len(testTypes))], bigint)
		rows := randomRows(r, columns, r.IntN(400))
		on, places := []expr.ColumnID{1}, []int{0}
		if r.IntN(2) == 0 {
			on, places = []expr.ColumnID{1, 2}, []int{0, 1}
		}
		sorted := r.IntN(2) == 0
		if sorted {
			slices.SortStableFunc(rows, func(a, b []catalog.Value) int {
				return compareBy(a, b, []plan.Key{{Column: 1}, {Column: 2}}, 1)
			})
		}
		want := firsts(rows, places)
		in := &source{columns: columns, rows: rows, r: r, size: 1 + r.IntN(8)}
		b := newBench([]int64{1 << 30, 500, 3000}[r.IntN(3)], 1+r.IntN(8))
		var o Operator
		var err error
		if sorted {
			o, err = newSortDistinct(b.builder, &physical.SortDistinct{Input: in, On: on}, in)
		} else {
			o, err = newHashDistinct(b.builder, &physical.HashDistinct{Input: in, On: on}, in)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // begin again in the middle
			_, err = o.Next(t.Context())
			o.Reset()
		}
		got, drained := b.drain(o)
		if err != nil || drained != nil || shuffled(got) != shuffled(want) || b.files == 0 && show(got) != show(want) {
			failed(t, seed, fmt.Sprint(on), show(got), show(want), drained)
		}
	}
}

func TestSetOperationsCountRows(t *testing.T) {
	for seed := range environment.Seeds(t, 400) {
		r := randomSource(seed)
		types := []catalog.Type{testTypes[r.IntN(len(testTypes))], testTypes[r.IntN(len(testTypes))]}[:1+r.IntN(2)]
		left, right, output := table(1, types...), table(11, types...), table(21, types...)
		x, y := randomRows(r, left, r.IntN(150)), randomRows(r, right, r.IntN(150))
		n := &physical.HashSet{Kind: plan.SetKind(r.IntN(3)), All: r.IntN(2) == 0, LeftColumns: idsOf(left), RightColumns: idsOf(right)}
		n.Output = output
		var want [][]catalog.Value
		all := []int{0, 1}[:len(types)]
		rest := slices.Clone(y)
		for _, row := range x {
			at := slices.IndexFunc(rest, func(o []catalog.Value) bool { return equalAt(o, row, all) })
			if n.Kind == plan.Union || at >= 0 == (n.Kind == plan.Intersect) {
				want = append(want, row)
			}
			if at >= 0 && n.All {
				rest = slices.Delete(rest, at, at+1)
			}
		}
		if n.Kind == plan.Union {
			want = append(want, y...)
		}
		if !n.All {
			want = firsts(want, all)
		}
		l := &source{columns: left, rows: x, r: r, size: 1 + r.IntN(8)}
		g := &source{columns: right, rows: y, r: r, size: 1 + r.IntN(8)}
		n.Left, n.Right = l, g
		b := newBench([]int64{1 << 30, 500, 3000}[r.IntN(3)], 1+r.IntN(8))
		o, err := newHashSet(b.builder, n, l, g)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // begin again in the middle
			_, err = o.Next(t.Context())
			o.Reset()
		}
		got, drained := b.drain(o)
		if err != nil || drained != nil || shuffled(idents(got)) != shuffled(idents(want)) {
			failed(t, seed, fmt.Sprint(n.Kind, " ", n.All), shuffled(got), shuffled(want), drained)
		}
	}
}
