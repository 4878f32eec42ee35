package statistics

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// newTable returns a table with a column of each type.
func newTable(types ...catalog.Type) (*catalog.Table, []int) {
	t := &catalog.Table{Name: "t"}
	var places []int
	for i, typ := range types {
		t.Columns = append(t.Columns, catalog.Column{ID: uint16(i + 3), Name: fmt.Sprint("c", i), Type: typ})
		places = append(places, i)
	}
	return t, places
}

// build makes statistics of rows, in batches of some size.
func build(t *catalog.Table, places []int, rows [][]catalog.Value, seed uint64, size int) *plan.Statistics {
	b := NewBuilder(t, places, seed)
	for part := range slices.Chunk(rows, size) {
		batch := &catalog.Batch{Len: len(part)}
		for c := range places {
			v := &catalog.Vector{}
			v.Reset(t.Columns[c].Type.Kind, t.Columns[c].Type.Scale, len(part))
			for i := range part {
				v.Set(i, len(part), part[i][c])
			}
			batch.Columns = append(batch.Columns, v)
		}
		b.Add(batch)
	}
	return b.Statistics()
}

var (
	typeInt  = catalog.Type{Kind: catalog.Int64}
	typeText = catalog.Type{Kind: catalog.String}
)

func TestFormatExample(t *testing.T) {
	table, places := newTable(typeInt)
	s := build(table, places, [][]catalog.Value{{catalog.Int(5)}, {catalog.Int(7)}}, 1, 10)
	const example = `01 0000000000000040 01 03 0000000000000000 0000000000000040 0000000000002040 000000000000f03f
		01 00 02 000000000000e03f 000000000000e03f 8105 8107 00`
	want, err := hex.DecodeString(strings.Join(strings.Fields(example), ""))
	if err != nil {
		t.Fatal(err)
	}
	if got := Encode(s); string(got) != string(want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	if got, err := Decode(want); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What was found out of random rows is compared with counts of all of them.
func TestStatisticsAreThoseOfRandomRows(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := []int{10, 1000, 30_000, 100_000, 300_000, 200_000}[seed]
		table, places := newTable(typeInt, typeInt, typeText, typeInt)
		rows := make([][]catalog.Value, n)
		exact := make([]map[string]int, 4)
		for c := range exact {
			exact[c] = map[string]int{}
		}
		for i := range rows {
			skewed := int64(math.Abs(r.NormFloat64()) * 20)
			rows[i] = []catalog.Value{
				catalog.Int(int64(i)), catalog.Int(skewed), catalog.Str(fmt.Sprint("text ", r.IntN(n))), catalog.Int(int64(-i / 3)),
			}
			if r.IntN(4) == 0 {
				rows[i][1] = catalog.Null()
			}
			for c := range rows[i] {
				if !rows[i][c].IsNull() {
					exact[c][rows[i][c].String()]++
				}
			}
		}
		s := build(table, places, rows, seed, 777)
		if s.Rows != float64(n) {
			t.Errorf("seed %d: %v rows of %d", seed, s.Rows, n)
		}
		for c := range s.Columns {
			checkColumn(t, fmt.Sprintf("seed %d, column %d", seed, c), &s.Columns[c], rows, c, exact[c])
		}
		if a, b := s.Columns[0].Correlation, s.Columns[3].Correlation; a < 0.999 || b > -0.9 && n > 1000 {
			t.Errorf("seed %d: correlations %v and %v", seed, a, b)
		}
		if again := build(table, places, rows, seed, 100); !reflect.DeepEqual(again, s) {
			t.Errorf("seed %d: other batches give other statistics", seed)
		}
		if got, err := Decode(Encode(s)); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("seed %d: decoded %+v, %v", seed, got, err)
		}
	}
}

func checkColumn(t *testing.T, name string, s *plan.ColumnStatistics, rows [][]catalog.Value, c int, exact map[string]int) {
	t.Helper()
	n := float64(len(rows))
	values := 0
	for _, count := range exact {
		values += count
	}
	if got, want := s.Nulls, 1-float64(values)/n; math.Abs(got-want) > 1e-9 {
		t.Errorf("%s: %v NULL, want %v", name, got, want)
	}
	if got, want := s.Distinct, float64(len(exact)); math.Abs(got-want) > 0.03*want {
		t.Errorf("%s: %v different values, want %v", name, got, want)
	}
	for i, v := range s.Common {
		if got, want := s.Frequency[i], float64(exact[v.String()])/n; math.Abs(got-want) > 0.02 {
			t.Errorf("%s: %s has the frequency %v, want %v", name, v, got, want)
		}
	}
	// As many values are below the bound in the middle as above it, but for the common ones.
	if len(s.Bounds) < 3 {
		return
	}
	middle, below, equal, all := s.Bounds[len(s.Bounds)/2], 0.0, 0.0, 0.0
	for _, row := range rows {
		v := row[c]
		if v.IsNull() || slices.ContainsFunc(s.Common, func(x catalog.Value) bool { return catalog.Compare(x, v) == 0 }) {
			continue
		}
		all++
		switch o := catalog.Compare(v, middle); {
		case o < 0:
			below++
		case o == 0:
			equal++
		}
	}
	if all > 1000 && (below/all > 0.55 || (below+equal)/all < 0.45) {
		t.Errorf("%s: %v of the values are below the middle, %v are equal", name, below/all, equal/all)
	}
}

func TestSketchCountsWithinTwoPercent(t *testing.T) {
	for _, n := range []int{1, 10, 1000, 20_000, 50_000, 100_000, 1_000_000} {
		var s sketch
		for i := range n {
			s.add(mix(uint64(i)))
			s.add(mix(uint64(i)))
		}
		if got := s.count(); math.Abs(got-float64(n)) > 0.025*float64(n)+0.5 {
			t.Errorf("counted %.0f of %d", got, n)
		}
	}
}

func TestValuesOfAllKindsAreKept(t *testing.T) {
	var types []catalog.Type
	for k := catalog.Int64; k <= catalog.JSON; k++ {
		typ := catalog.Type{Kind: k}
		if k == catalog.Decimal {
			typ.Precision, typ.Scale = 10, 2
		}
		types = append(types, typ)
	}
	table, places := newTable(types...)
	json, err := catalog.JSONOf(`{"a": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	row := []catalog.Value{
		catalog.Int(-5), catalog.Float(math.Inf(-1)), catalog.DecimalOf(125, 2), catalog.BoolOf(true), catalog.Str("a\x00b"),
		catalog.BytesOf([]byte{0, 255}), catalog.DateOf(-3), catalog.TimestampOf(catalog.DateOf(3).AsTime()),
		catalog.UUIDOf([16]byte{1}), json,
	}
	nulls := make([]catalog.Value, len(row))
	s := build(table, places, [][]catalog.Value{row, nulls, row, row}, 1, 2)
	for i, c := range s.Columns {
		if c.Nulls != 0.25 || c.Distinct != 1 || len(c.Common) != 1 || c.Frequency[0] != 0.75 || catalog.Compare(c.Common[0], row[i]) != 0 {
			t.Errorf("%s: %+v", types[i], c)
		}
	}
	if got, err := Decode(Encode(s)); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("decoded %+v, %v", got, err)
	}
}

func TestNoRowsAndLongValues(t *testing.T) {
	table, places := newTable(typeText)
	if s := build(table, places, nil, 1, 1); s.Rows != 0 || s.Columns[0].Distinct != 0 {
		t.Errorf("of nothing: %+v", s)
	}
	long := catalog.Str(strings.Repeat("x", 5000))
	s := build(table, places, [][]catalog.Value{{long}, {long}, {catalog.Str("y")}}, 1, 2)
	if c := s.Columns[0]; len(c.Common) != 1 || c.Distinct != 2 || c.Width < 3333 {
		t.Errorf("of long values: %+v", c)
	}
}

func TestDamageIsFound(t *testing.T) {
	table, places := newTable(typeInt, typeText)
	var rows [][]catalog.Value
	for i := range 500 {
		rows = append(rows, []catalog.Value{catalog.Int(int64(i % 300)), catalog.Str(fmt.Sprint(i % 7))})
	}
	data := Encode(build(table, places, rows, 1, 100))
	for i := range data {
		if _, err := Decode(data[:i]); !errors.Is(err, catalog.ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := Decode(append(slices.Clone(data), 0)); !errors.Is(err, catalog.ErrDamaged) {
		t.Errorf("with a byte behind: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	table, places := newTable(typeInt, typeText)
	f.Add(Encode(build(table, places, [][]catalog.Value{{catalog.Int(1), catalog.Str("a")}, {catalog.Int(2), catalog.Null()}}, 1, 10)))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data)
		if err != nil {
			if !errors.Is(err, catalog.ErrDamaged) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again, err := Decode(Encode(s))
		if err != nil || len(again.Columns) != len(s.Columns) || again.Rows != s.Rows {
			t.Fatalf("encoded again: %v", err)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	table, places := newTable(typeInt, typeText)
	batch := &catalog.Batch{Len: 1024, Columns: []*catalog.Vector{{}, {}}}
	batch.Columns[0].Reset(catalog.Int64, 0, 1024)
	batch.Columns[1].Reset(catalog.String, 0, 1024)
	for i := range 1024 {
		batch.Columns[0].Ints[i], batch.Columns[1].Texts[i] = int64(i), fmt.Sprint("text ", i)
	}
	builder := NewBuilder(table, places, 1)
	b.ResetTimer()
	for range b.N {
		builder.Add(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/row")
}
