package exec

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// offsetInFrame reports whether a distance from the present row is within a bound.
func offsetInFrame(distance int64, b *plan.FrameBound, start bool) bool {
	limit := int64(0)
	switch b.Kind {
	case plan.UnboundedPreceding, plan.UnboundedFollowing:
		return true
	case plan.Preceding:
		limit = -b.Offset.Value.AsInt()
	case plan.Following:
		limit = b.Offset.Value.AsInt()
	default:
	}
	if start {
		return distance >= limit
	}
	return distance <= limit
}

// naiveWindow computes a function over rows that are sorted: column 1 is the partition, 2 the order, 3 the argument, 4 a filter.
func naiveWindow(rows [][]catalog.Value, f *plan.WindowFunction, key plan.Key, argument catalog.Type) []string {
	results := make([]string, len(rows))
	for i, row := range rows {
		var partition []int
		for j, other := range rows {
			if catalog.Compare(row[0], other[0]) == 0 {
				partition = append(partition, j)
			}
		}
		var frame [][]catalog.Value
		for _, j := range partition {
			if inFrame(rows, i, j, &f.Frame, key) {
				frame = append(frame, rows[j])
			}
		}
		at := slices.Index(partition, i)
		peers := func(x, y int) bool { return compareBy(rows[x], rows[y], []plan.Key{key}, 1) == 0 }
		first := slices.IndexFunc(partition, func(j int) bool { return peers(i, j) })
		switch f.Function {
		case "row_number":
			results[i] = fmt.Sprint(at + 1)
		case "rank":
			results[i] = fmt.Sprint(first + 1)
		case "dense_rank":
			n := 1
			for k := 1; k <= at; k++ {
				if !peers(partition[k], partition[k-1]) {
					n++
				}
			}
			results[i] = fmt.Sprint(n)
		case "lag", "lead":
			n := int(f.Args[1].Value.AsInt())
			if f.Function == "lag" {
				n = -n
			}
			results[i] = "NULL"
			if k := at + n; k >= 0 && k < len(partition) {
				results[i] = rows[partition[k]][2].String()
			}
		case "first_value", "last_value", "nth_value":
			n := 0
			switch f.Function {
			case "last_value":
				n = len(frame) - 1
			case "nth_value":
				n = int(f.Args[1].Value.AsInt()) - 1
			}
			results[i] = "NULL"
			if n >= 0 && n < len(frame) {
				results[i] = frame[n][2].String()
			}
		default:
			results[i] = naive(f.Function, argument, valuesOf(frame, &f.Aggregation))
		}
	}
	return results
}

func inFrame(rows [][]catalog.Value, i, j int, f *plan.Frame, key plan.Key) bool {
	peers := compareBy(rows[i], rows[j], []plan.Key{key}, 1) == 0
	switch {
	case f.Exclude == plan.ExcludeCurrentRow && i == j, f.Exclude == plan.ExcludeGroup && peers, f.Exclude == plan.ExcludeTies && peers && i != j:
		return false
	}
	var distance int64
	switch f.Unit {
	case plan.FrameRows:
		distance = int64(j - i) // partitions are in one piece
	case plan.FrameGroups:
		step := 1
		if j < i {
			step = -1
		}
		for k := i; k != j; k += step {
			if compareBy(rows[k], rows[k+step], []plan.Key{key}, 1) != 0 {
				distance += int64(step)
			}
		}
	default:
		x, y := rows[i][1], rows[j][1]
		switch {
		case peers && x.IsNull(): // an offset reaches all that are NULL
			return (f.Start.Offset != nil || offsetInFrame(0, &f.Start, true)) && (f.End.Offset != nil || offsetInFrame(0, &f.End, false))
		case peers:
		case x.IsNull() || y.IsNull(), f.Start.Offset == nil && f.End.Offset == nil:
			distance = int64(compareBy(rows[j], rows[i], []plan.Key{key}, 1)) * 1e9
		default:
			if distance = y.AsInt() - x.AsInt(); key.Descending {
				distance = -distance
			}
		}
	}
	return offsetInFrame(distance, &f.Start, true) && offsetInFrame(distance, &f.End, false)
}

func randomFrame(r *rand.Rand) (f plan.Frame) {
	f.Unit, f.Exclude = plan.FrameUnit(r.IntN(3)), plan.Exclusion(r.IntN(4))
	if r.IntN(2) == 0 {
		f.Exclude = plan.ExcludeNothing
	}
	for {
		f.Start.Kind, f.End.Kind = plan.FrameBoundKind(r.IntN(4)), plan.FrameBoundKind(1+r.IntN(4))
		if f.Start.Kind <= f.End.Kind {
			break
		}
	}
	for _, b := range []*plan.FrameBound{&f.Start, &f.End} {
		if b.Kind == plan.Preceding || b.Kind == plan.Following {
			b.Offset = expr.Constant(catalog.Int(r.Int64N(4)), bigint)
		}
	}
	return f
}

func TestWindowsSeeTheirFrames(t *testing.T) {
	for seed := range environment.Seeds(t, 400) {
		r := randomSource(seed)
		argument := testTypes[r.IntN(len(testTypes))]
		columns := table(1, testTypes[r.IntN(len(testTypes))], bigint, argument, boolean)
		rows := randomRows(r, columns, r.IntN(120))
		if r.IntN(3) == 0 { // one partition
			for i := range rows {
				rows[i][0] = catalog.Null()
			}
		}
		key := plan.Key{Column: 2, Descending: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}
		slices.SortStableFunc(rows, func(a, b []catalog.Value) int { return compareBy(a, b, []plan.Key{{Column: 1}, key}, 1) })
		n := &physical.Window{PartitionBy: []expr.ColumnID{1}, OrderBy: []plan.Key{key}}
		n.Output = slices.Clone(columns)
		want := make([]string, len(rows))
		for i := range 1 + r.IntN(3) {
			names := append([]string{"row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value", "nth_value"}, functionsOf(argument)...)
			f := plan.WindowFunction{Frame: randomFrame(r)}
			f.Function = names[r.IntN(len(names))]
			f.Column = plan.Column{ID: expr.ColumnID(20 + i), Type: argument}
			f.Args = []*expr.Node{expr.Column(3, argument, "", "x")}
			switch f.Function {
			case "row_number", "rank", "dense_rank":
				f.Args, f.Column.Type = nil, bigint
			case "count":
				f.Column.Type = bigint
			case "avg":
				if argument.Kind == catalog.Int64 {
					f.Column.Type = decimal
				}
			case "lag", "lead", "nth_value":
				f.Args = append(f.Args, expr.Constant(catalog.Int(1+r.Int64N(3)), bigint))
			case "string_agg":
				f.Args = append(f.Args, expr.Constant(catalog.Str(","), text))
			}
			if slices.Contains(functionsOf(argument), f.Function) && r.IntN(3) == 0 {
				f.Filter = expr.Column(4, boolean, "", "f")
			}
			n.Functions = append(n.Functions, f)
			n.Output = append(n.Output, f.Column)
			for row, result := range naiveWindow(rows, &f, key, argument) {
				want[row] += "|" + result
			}
		}
		for i := range want {
			want[i] = strings.TrimSuffix(show(rows[i:i+1]), "\n") + want[i] + "\n"
		}
		in := &source{columns: columns, rows: rows, r: r, size: 1 + r.IntN(8)}
		n.Input = in
		b := newBench([]int64{1 << 30, 1000, 5000}[r.IntN(3)], 1+r.IntN(8))
		o, err := newWindow(b.builder, n, in)
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // begin again in the middle
			_, err = o.Next(t.Context())
			o.Reset()
		}
		got, drained := b.drain(o)
		if text := show(got); err != nil || drained != nil || text != strings.Join(want, "") {
			failed(t, seed, fmt.Sprintf("%+v", n), text, strings.Join(want, ""), drained)
		}
	}
}

// over computes a function over rows, which are sorted: column 1 is the order, 2 the argument.
func over(t *testing.T, rows [][]catalog.Value, types []catalog.Type, f plan.WindowFunction, order ...plan.Key) (string, error) {
	t.Helper()
	in := &source{columns: table(1, types...), rows: rows, size: 3}
	f.Column.ID = 99
	n := &physical.Window{Input: in, OrderBy: order, Functions: []plan.WindowFunction{f}}
	n.Output = []plan.Column{f.Column}
	b := newBench(1<<20, 4)
	o, err := newWindow(b.builder, n, in)
	if err != nil {
		return "", err
	}
	got, err := b.drain(o)
	return strings.TrimSuffix(strings.ReplaceAll(show(got), "\n", " "), " "), err
}

func offset(kind plan.FrameBoundKind, n int64) plan.FrameBound {
	return plan.FrameBound{Kind: kind, Offset: expr.Constant(catalog.Int(n), bigint)}
}

// Results of window.sql of PostgreSQL's regression tests: tenk1 where unique1 < 10, with four = unique1 % 4.
func TestFramesAreThoseOfPostgreSQL(t *testing.T) {
	var stored, byFour [][]catalog.Value
	for _, n := range []int64{4, 2, 1, 6, 9, 8, 5, 3, 7, 0} {
		stored = append(stored, []catalog.Value{catalog.Int(n % 4), catalog.Int(n)})
	}
	for _, n := range []int64{0, 8, 4, 5, 9, 1, 6, 2, 3, 7} {
		byFour = append(byFour, []catalog.Value{catalog.Int(n % 4), catalog.Int(n)})
	}
	two, oneBack := offset(plan.Preceding, 2), offset(plan.Preceding, 1)
	around := plan.Frame{Unit: plan.FrameRows, Start: two, End: offset(plan.Following, 2)}
	without := func(e plan.Exclusion) plan.Frame {
		f := around
		f.Exclude = e
		return f
	}
	for _, c := range []struct {
		rows  [][]catalog.Value
		frame plan.Frame
		want  string
	}{
		{byFour, plan.Frame{Unit: plan.FrameRange, Start: plan.FrameBound{Kind: plan.CurrentRow}, End: plan.FrameBound{Kind: plan.UnboundedFollowing}}, "45 45 45 33 33 33 18 18 10 10"},
		{byFour, plan.Frame{}, "12 12 12 27 27 27 35 35 45 45"},
		{stored, around, "7 13 22 26 29 31 32 23 15 10"},
		{stored, without(plan.ExcludeCurrentRow), "3 11 21 20 20 23 27 20 8 10"},
		{stored, plan.Frame{Unit: plan.FrameRows, Start: two, End: oneBack}, "NULL 4 6 3 7 15 17 13 8 10"},
		{stored, plan.Frame{Unit: plan.FrameRows, Start: offset(plan.Following, 1), End: offset(plan.Following, 3)}, "9 16 23 22 16 15 10 7 0 NULL"},
		{byFour, plan.Frame{Unit: plan.FrameRange, Start: two, End: oneBack}, "NULL NULL NULL 12 12 12 27 27 23 23"},
		{byFour, plan.Frame{Unit: plan.FrameGroups, Start: oneBack, End: plan.FrameBound{Kind: plan.CurrentRow}}, "12 12 12 27 27 27 23 23 18 18"},
	} {
		f := plan.WindowFunction{Frame: c.frame}
		f.Function, f.Column.Type, f.Args = "sum", bigint, []*expr.Node{expr.Column(2, bigint, "", "x")}
		var order []plan.Key
		if &c.rows[0] == &byFour[0] {
			order = []plan.Key{{Column: 1}}
		}
		got, err := over(t, c.rows, []catalog.Type{bigint, bigint}, f, order...)
		if err != nil || got != c.want {
			t.Errorf("%+v: %s, %v, want %s", c.frame, got, err, c.want)
		}
	}
}

func TestRankingsAreThoseOfPostgreSQL(t *testing.T) {
	rows := ints(10, 10, 20, 30, 30, 30, 40)
	for _, c := range []struct{ function, want string }{
		{"row_number", "1 2 3 4 5 6 7"},
		{"rank", "1 1 3 4 4 4 7"},
		{"dense_rank", "1 1 2 3 3 3 4"},
		{"percent_rank", "0 0 0.3333333333333333 0.5 0.5 0.5 1"},
		{"cume_dist", "0.2857142857142857 0.2857142857142857 0.42857142857142855 0.8571428571428571 0.8571428571428571 0.8571428571428571 1"},
		{"ntile 3", "1 1 1 2 2 3 3"},
		{"ntile 10", "1 2 3 4 5 6 7"},
		{"lag 2", "NULL NULL 10 10 20 30 30"},
		{"lead 1", "10 20 30 30 30 40 NULL"},
		{"lag -1", "10 20 30 30 30 40 NULL"},
		{"lag 0", "10 10 20 30 30 30 40"},
	} {
		name, arg, _ := strings.Cut(c.function, " ")
		f := plan.WindowFunction{}
		f.Function, f.Column.Type = name, bigint
		if strings.Contains(name, "percent") || name == "cume_dist" {
			f.Column.Type = double
		}
		if name == "lag" || name == "lead" {
			f.Args = append(f.Args, expr.Column(1, bigint, "", "x"))
		}
		if arg != "" {
			var n int64
			fmt.Sscan(arg, &n)
			f.Args = append(f.Args, expr.Constant(catalog.Int(n), bigint))
		}
		got, err := over(t, rows, []catalog.Type{bigint}, f, plan.Key{Column: 1})
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.function, got, err, c.want)
		}
	}
}

func TestRangesOfDatesAndNumbers(t *testing.T) {
	day := func(text string) []catalog.Value {
		v, err := catalog.Parse(date, text)
		if err != nil {
			t.Fatal(err)
		}
		return []catalog.Value{v}
	}
	fixed := func(n int64, scale uint8) []catalog.Value { return []catalog.Value{catalog.DecimalOf(n, scale)} }
	interval := catalog.Type{Kind: catalog.Interval}
	for _, c := range []struct {
		rows   [][]catalog.Value
		typ    catalog.Type
		offset catalog.Value
		kind   catalog.Type
		want   string
	}{
		{[][]catalog.Value{day("2024-01-31"), day("2024-02-01"), day("2024-02-29"), day("2024-03-31")}, date, catalog.IntervalOf(1, 0, 0), interval, "1 2 3 2"},
		{[][]catalog.Value{day("2024-01-31"), day("2024-02-01"), day("2024-02-29"), {catalog.Null()}}, date, catalog.IntervalOf(0, 1, 0), interval, "1 2 1 1"},
		{[][]catalog.Value{day("2024-01-31"), day("2024-02-01"), day("2024-02-03")}, date, catalog.Int(1), bigint, "1 2 1"},
		{[][]catalog.Value{fixed(15, 1), fixed(200, 2), fixed(251, 2), fixed(3, 0)}, decimal, catalog.DecimalOf(5, 1), decimal, "1 2 1 2"},
		{floats(1, 1.25, 2), double, catalog.Float(0.25), double, "1 2 1"},
		{ints(-1<<63, 0, 1<<62, 1<<63-1), bigint, catalog.Int(1<<63 - 1), bigint, "1 1 2 3"},
	} {
		f := plan.WindowFunction{Frame: plan.Frame{
			Unit:  plan.FrameRange,
			Start: plan.FrameBound{Kind: plan.Preceding, Offset: expr.Constant(c.offset, c.kind)},
			End:   plan.FrameBound{Kind: plan.CurrentRow},
		}}
		f.Function, f.Column.Type = "count", bigint
		got, err := over(t, c.rows, []catalog.Type{c.typ}, f, plan.Key{Column: 1})
		if err != nil || got != c.want {
			t.Errorf("%s %s: %s, %v, want %s", c.typ, c.offset, got, err, c.want)
		}
	}
}

func TestWindowsRefuseWhatMeansNothing(t *testing.T) {
	for _, c := range []struct {
		function string
		arg      int64
		frame    plan.Frame
		code     sqlstate.Code
	}{
		{"ntile", 0, plan.Frame{}, sqlstate.Ntile},
		{"nth_value", 0, plan.Frame{}, sqlstate.NthValue},
		{"sum", 1, plan.Frame{Start: offset(plan.Preceding, -1), End: plan.FrameBound{Kind: plan.CurrentRow}}, sqlstate.FrameOffset},
		{"sum", 1, plan.Frame{
			Start: plan.FrameBound{Kind: plan.Preceding, Offset: expr.Constant(catalog.Null(), bigint)}, End: plan.FrameBound{Kind: plan.CurrentRow},
		}, sqlstate.NullNotAllowed},
	} {
		f := plan.WindowFunction{Frame: c.frame}
		f.Function, f.Column.Type, f.Args = c.function, bigint, []*expr.Node{expr.Constant(catalog.Int(c.arg), bigint)}
		if c.function == "nth_value" {
			f.Args = append([]*expr.Node{expr.Column(1, bigint, "", "x")}, f.Args...)
		}
		if _, err := over(t, ints(1, 2), []catalog.Type{bigint}, f, plan.Key{Column: 1}); !errors.Is(err, c.code) {
			t.Errorf("%s: %v, want %s", c.function, err, c.code)
		}
	}
}
