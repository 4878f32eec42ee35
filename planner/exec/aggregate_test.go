package exec

import (
	"errors"
	"fmt"
	"math"
	"math/big"
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

// naive computes an aggregate of values, none of which is NULL, in their order.
func naive(function string, t catalog.Type, values []catalog.Value) string {
	if function == "count" {
		return fmt.Sprint(len(values))
	}
	if len(values) == 0 {
		return map[bool]string{true: "0", false: "NULL"}[function == "total"]
	}
	switch function {
	case "sum", "avg", "total":
		return naiveSum(function, t, values)
	case "min":
		return slices.MinFunc(values, catalog.Compare).String()
	case "max":
		least := values[0]
		for _, v := range values { // the first one of those that are equal
			if catalog.Compare(v, least) > 0 {
				least = v
			}
		}
		return least.String()
	case "any_value":
		return values[0].String()
	case "string_agg":
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = v.AsString()
		}
		return strings.Join(texts, ",")
	}
	n := values[0]
	for _, v := range values[1:] {
		switch function {
		case "bool_and":
			n = catalog.BoolOf(n.AsBool() && v.AsBool())
		case "bool_or":
			n = catalog.BoolOf(n.AsBool() || v.AsBool())
		case "bit_and":
			n = catalog.Int(n.AsInt() & v.AsInt())
		case "bit_or":
			n = catalog.Int(n.AsInt() | v.AsInt())
		case "bit_xor":
			n = catalog.Int(n.AsInt() ^ v.AsInt())
		}
	}
	return n.String()
}

func naiveSum(function string, t catalog.Type, values []catalog.Value) string {
	if t.Kind == catalog.Float64 {
		f := 0.0
		for _, v := range values {
			f += v.AsFloat()
		}
		if function == "avg" {
			f /= float64(len(values))
		}
		return catalog.Float(f).String()
	}
	sum, most := new(big.Rat), uint8(0)
	for _, v := range values {
		n, scale := v.AsDecimal()
		most = max(most, scale)
		sum.Add(sum, new(big.Rat).SetFrac(big.NewInt(n), big.NewInt(tens[scale])))
	}
	if function == "sum" {
		return sum.FloatString(int(most))
	}
	scaled := new(big.Rat).Mul(sum, new(big.Rat).SetInt64(tens[most]))
	amount := new(big.Int).Abs(scaled.Num())
	low := new(big.Int).And(amount, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	places := int(quotientPlaces(new(big.Int).Rsh(amount, 64).Uint64(), low, most, int64(len(values))))
	sum.Quo(sum, new(big.Rat).SetInt64(int64(len(values))))
	text := sum.FloatString(places)
	for digits := strings.Trim(strings.TrimLeft(text, "-0"), "."); len(strings.ReplaceAll(digits, ".", "")) > catalog.MaxPrecision; {
		places--
		text = sum.FloatString(places)
		digits = strings.TrimLeft(text, "-0")
	}
	return text
}

// functionsOf has the aggregates of each kind of arguments.
func functionsOf(t catalog.Type) []string {
	all := []string{"count", "min", "max", "any_value"}
	switch t.Kind {
	case catalog.Int64:
		return append(all, "sum", "avg", "bit_and", "bit_or", "bit_xor")
	case catalog.Decimal:
		return append(all, "sum", "avg")
	case catalog.Float64:
		return append(all, "sum", "avg", "total")
	case catalog.Bool:
		return append(all, "bool_and", "bool_or")
	case catalog.String:
		return append(all, "string_agg", "string_agg")
	default:
		return all
	}
}

func TestAggregatesAreThoseOfEveryGroup(t *testing.T) {
	for seed := range environment.Seeds(t, 400) {
		r := randomSource(seed)
		// Columns 1 and 2 are groups, 3 the argument, 4 a filter, 5 the order.
		columns := table(1, testTypes[r.IntN(len(testTypes))], testTypes[r.IntN(len(testTypes))],
			testTypes[r.IntN(len(testTypes))], boolean, bigint)
		rows := randomRows(r, columns, r.IntN(300))
		for i, at := range r.Perm(len(rows)) {
			rows[i][4] = catalog.Int(int64(at))
		}
		groups := []expr.ColumnID{1, 2}[:r.IntN(3)]
		places := []int{0, 1}[:len(groups)]
		argument := columns[2].Type
		var calls []plan.Aggregation
		for i := range 1 + r.IntN(4) {
			functions := functionsOf(argument)
			a := plan.Aggregation{Function: functions[r.IntN(len(functions))], Column: plan.Column{ID: expr.ColumnID(20 + i), Type: argument}}
			if a.Function == "count" {
				a.Column.Type = bigint
			}
			if a.Function == "avg" && argument.Kind == catalog.Int64 {
				a.Column.Type = decimal
			}
			a.Args = []*expr.Node{expr.Column(3, argument, "", "x")}
			switch {
			case a.Function == "count" && r.IntN(2) == 0:
				a.Args = nil
			case a.Function == "string_agg":
				a.Args = append(a.Args, expr.Constant(catalog.Str(","), text))
			}
			if r.IntN(3) == 0 {
				a.Filter = expr.Column(4, boolean, "", "f")
			}
			a.Distinct = r.IntN(3) == 0 && a.Args != nil && a.Function != "any_value"
			if !a.Distinct && r.IntN(3) == 0 {
				a.OrderBy = []plan.Key{{Column: 5, Descending: r.IntN(2) == 0}}
			}
			calls = append(calls, a)
		}
		sorted := len(groups) > 0 && r.IntN(2) == 0
		if sorted {
			slices.SortStableFunc(rows, func(a, b []catalog.Value) int {
				return compareBy(a, b, []plan.Key{{Column: 1, Descending: true}, {Column: 2}}, 1)
			})
		}
		want := naiveGroups(rows, places, calls, argument)
		in := &source{columns: columns, rows: rows, r: r, size: 1 + r.IntN(8)}
		b := newBench([]int64{1 << 30, 1000, 5000}[r.IntN(3)], 1+r.IntN(8))
		output := append(slices.Clone(columns[:len(groups)]), make([]plan.Column, len(calls))...)
		for i := range calls {
			output[len(groups)+i] = calls[i].Column
		}
		var o Operator
		var err error
		if sorted {
			o, err = newSortAggregate(b.builder, &physical.SortAggregate{
				Header: physical.Header{Output: output}, Input: in, Groups: groups, Aggregates: calls,
			}, in)
		} else {
			o, err = newHashAggregate(b.builder, &physical.HashAggregate{
				Header: physical.Header{Output: output}, Input: in, Groups: groups, Aggregates: calls,
			}, in)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.IntN(4) == 0 { // begin again in the middle
			_, err = o.Next(t.Context())
			o.Reset()
		}
		got, drained := b.drain(o)
		lines := strings.SplitAfter(show(idents2(got, len(groups))), "\n")
		slices.Sort(lines)
		if text := strings.Join(lines, ""); err != nil || drained != nil || text != want {
			failed(t, seed, fmt.Sprintf("%v %+v", groups, calls), text, want, drained)
		}
	}
}

// idents2 is idents of the first columns.
func idents2(rows [][]catalog.Value, n int) [][]catalog.Value {
	for i, row := range rows {
		rows[i] = append(idents([][]catalog.Value{row[:n]})[0], row[n:]...)
	}
	return rows
}

func naiveGroups(rows [][]catalog.Value, places []int, calls []plan.Aggregation, argument catalog.Type) string {
	heads := firsts(rows, places)
	if len(places) == 0 {
		heads = [][]catalog.Value{nil}
	}
	var lines []string
	for _, head := range heads {
		var members [][]catalog.Value
		for _, row := range rows {
			if head == nil || equalAt(head, row, places) {
				members = append(members, row)
			}
		}
		line := strings.TrimSuffix(show(idents([][]catalog.Value{head})), "\n")
		if head != nil {
			line = strings.TrimSuffix(show(idents([][]catalog.Value{head[:len(places)]})), "\n")
		}
		for i, a := range calls {
			if i+len(places) > 0 {
				line += "|"
			}
			line += naive(a.Function, argument, valuesOf(members, &a))
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// valuesOf returns what an aggregate sees of rows.
func valuesOf(rows [][]catalog.Value, a *plan.Aggregation) (values []catalog.Value) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(row []catalog.Value) bool {
		return a.Filter != nil && !row[3].AsBool() || a.Args != nil && row[2].IsNull()
	})
	if a.OrderBy != nil {
		slices.SortStableFunc(rows, func(x, y []catalog.Value) int { return compareBy(x, y, a.OrderBy, 1) })
	}
	if a.Distinct {
		rows = firsts(rows, []int{2})
		if ordersMatter(a.Function) {
			slices.SortStableFunc(rows, func(x, y []catalog.Value) int { return catalog.Compare(x[2], y[2]) })
		}
	}
	for _, row := range rows {
		values = append(values, row[2])
	}
	return values
}

// one computes an aggregate of values, with nothing else.
func one(t *testing.T, function string, result catalog.Type, args []catalog.Type, rows ...[]catalog.Value) (string, error) {
	t.Helper()
	in := &source{columns: table(1, args...), rows: rows, size: 2}
	a := plan.Aggregation{Function: function, Column: plan.Column{ID: 99, Type: result}}
	for i, typ := range args {
		a.Args = append(a.Args, expr.Column(expr.ColumnID(i+1), typ, "", "x"))
	}
	b := newBench(1<<20, 4)
	n := &physical.HashAggregate{Header: physical.Header{Output: []plan.Column{a.Column}}, Input: in, Aggregates: []plan.Aggregation{a}}
	o, err := newHashAggregate(b.builder, n, in)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.drain(o)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(show(got), "\n"), nil
}

func ints(list ...int64) (rows [][]catalog.Value) {
	for _, n := range list {
		rows = append(rows, []catalog.Value{catalog.Int(n)})
	}
	return rows
}

func floats(list ...float64) (rows [][]catalog.Value) {
	for _, f := range list {
		rows = append(rows, []catalog.Value{catalog.Float(f)})
	}
	return rows
}

// What PostgreSQL says, as far as 18 digits go.
func TestAveragesHaveTheDigitsOfPostgreSQL(t *testing.T) {
	for _, c := range []struct {
		want string
		rows [][]catalog.Value
	}{
		{"1.5000000000000000", ints(1, 2)},
		{"1.6666666666666667", ints(1, 2, 2)},
		{"-1.6666666666666667", ints(-1, -2, -2)},
		{"0.500000000000000000", ints(0, 1)},
		{"0.000000000000000000", ints(0, 0)},
		{"150000.500000000000", ints(100000, 200001)},
		{"2.0000000000000000", ints(1, 2, 3)},
		{"100000000000000000", ints(1e17, 1e17)},
		{"20.0000000000000000", ints(10, 20, 30)},
	} {
		got, err := one(t, "avg", decimal, []catalog.Type{bigint}, c.rows...)
		if err != nil || got != c.want {
			t.Errorf("%v: %s, %v, want %s", c.rows, got, err, c.want)
		}
	}
	got, err := one(t, "avg", decimal, []catalog.Type{decimal}, []catalog.Value{catalog.DecimalOf(1e17, 0)}, []catalog.Value{catalog.DecimalOf(5, 18)})
	if err != nil || got != "50000000000000000.0" {
		t.Errorf("%s, %v", got, err)
	}
	got, err = one(t, "avg", decimal, []catalog.Type{decimal}, []catalog.Value{catalog.DecimalOf(150, 2)}, []catalog.Value{catalog.DecimalOf(2, 0)})
	if err != nil || got != "1.7500000000000000" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestSumsOverflowAtTheEndOnly(t *testing.T) {
	got, err := one(t, "sum", bigint, []catalog.Type{bigint}, ints(math.MaxInt64, 1, -2)...)
	if err != nil || got != "9223372036854775806" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err = one(t, "sum", bigint, []catalog.Type{bigint}, ints(math.MaxInt64, 1)...); !errors.Is(err, sqlstate.OutOfRange) {
		t.Error(err)
	}
	large := []catalog.Value{catalog.DecimalOf(maxUnscaled, 0)}
	if _, err = one(t, "sum", decimal, []catalog.Type{decimal}, large, large); !errors.Is(err, sqlstate.OutOfRange) {
		t.Error(err)
	}
	if got, err = one(t, "avg", decimal, []catalog.Type{decimal}, large, large); err != nil || got != "999999999999999999" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err = one(t, "sum", double, []catalog.Type{double}, floats(1e308, 1e308)...); !errors.Is(err, sqlstate.OutOfRange) {
		t.Error(err)
	}
	if got, err = one(t, "sum", double, []catalog.Type{double}, floats(1e308, math.Inf(1))...); err != nil || got != "Infinity" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestStatisticsAreThoseOfPostgreSQL(t *testing.T) {
	sample := floats(2, 4, 4, 4, 5, 5, 7, 9)
	for function, want := range map[string]string{
		"var_pop": "4", "stddev_pop": "2", "var_samp": "4.571428571428571", "stddev_samp": "2.138089935299395",
	} {
		if got, err := one(t, function, double, []catalog.Type{double}, sample...); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", function, got, err, want)
		}
	}
	for function, want := range map[string]string{"var_pop": "0", "stddev_samp": "NULL", "var_samp": "NULL"} {
		if got, err := one(t, function, double, []catalog.Type{double}, floats(3)...); err != nil || got != want {
			t.Errorf("%s of one: %s, %v, want %s", function, got, err, want)
		}
	}
	var pairs [][]catalog.Value
	for i, y := range []float64{3, 5, 7, 9} { // y = 2x + 3
		pairs = append(pairs, []catalog.Value{catalog.Float(y), catalog.Float(float64(i))})
	}
	pairs = append(pairs, []catalog.Value{catalog.Null(), catalog.Float(1)}, []catalog.Value{catalog.Float(1), catalog.Null()})
	for function, want := range map[string]string{
		"regr_slope": "2", "regr_intercept": "3", "corr": "1", "regr_count": "4", "covar_pop": "2.5", "regr_r2": "1",
		"regr_avgx": "1.5", "regr_avgy": "6", "regr_sxx": "5", "regr_syy": "20", "regr_sxy": "10", "covar_samp": "3.3333333333333335",
	} {
		result := double
		if function == "regr_count" {
			result = bigint
		}
		if got, err := one(t, function, result, []catalog.Type{double, double}, pairs...); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", function, got, err, want)
		}
	}
}

func TestJSONOfGroups(t *testing.T) {
	rows := [][]catalog.Value{{catalog.Str("a\"\n"), catalog.Float(1.5)}, {catalog.Str("b"), catalog.Null()}}
	got, err := one(t, "json_agg", catalog.Type{Kind: catalog.JSON}, []catalog.Type{text}, rows...)
	if want := `["a\"\n", "b"]`; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
	got, err = one(t, "json_object_agg", catalog.Type{Kind: catalog.JSON}, []catalog.Type{text, double}, rows...)
	if want := `{ "a\"\n" : 1.5, "b" : null }`; err != nil || got != want {
		t.Errorf("%s, %v", got, err)
	}
}
