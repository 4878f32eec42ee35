package opt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/statistics"
)

// A data set is rows of a table, and the table with statistics of them.
type dataSet struct {
	schema tables
	rows   [][]catalog.Value
}

// newDataSet makes rows of a table d (id, uniform, skewed, nulls, name): id is the number of the row, the others are drawn
// at random.
func newDataSet(t *testing.T, seed uint64, n int) *dataSet {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	d := &dataSet{schema: tables{}}
	d.schema.create(t, "CREATE TABLE d (id BIGINT PRIMARY KEY, uniform BIGINT, skewed BIGINT, nulls BIGINT, name TEXT)")
	for i := range n {
		row := []catalog.Value{
			catalog.Int(int64(i)), catalog.Int(r.Int64N(1000)), catalog.Int(int64(r.ExpFloat64() * 20)), catalog.Int(r.Int64N(10)),
			catalog.Str(fmt.Sprintf("n%05d", r.IntN(50_000))),
		}
		if r.IntN(10) < 3 {
			row[3] = catalog.Null()
		}
		d.rows = append(d.rows, row)
	}
	table := d.schema["d"].Table
	b := statistics.NewBuilder(table, []int{0, 1, 2, 3, 4}, seed)
	batch := &catalog.Batch{Len: n}
	for c := range table.Columns {
		v := &catalog.Vector{}
		v.Reset(table.Columns[c].Type.Kind, 0, n)
		for i, row := range d.rows {
			v.Set(i, n, row[c])
		}
		batch.Columns = append(batch.Columns, v)
	}
	b.Add(batch)
	d.schema["d"].Rows, d.schema["d"].Statistics = float64(n), b.Statistics()
	return d
}

// count returns how many rows satisfy the condition of a query SELECT ... FROM d WHERE.
func (d *dataSet) count(t *testing.T, n plan.Node) float64 {
	t.Helper()
	for {
		f, ok := n.(*plan.Filter)
		if !ok {
			n = n.Inputs()[0]
			continue
		}
		scan := f.Input.(*plan.Scan)
		slots := &expr.Slots{Columns: map[expr.ColumnID]int{}}
		for i, c := range scan.Output {
			slots.Columns[c.ID] = scan.Places[i]
		}
		p, err := expr.Compile(expr.And(f.Conditions...), slots)
		if err != nil {
			t.Fatal(err)
		}
		found := 0.0
		for _, row := range d.rows {
			v, err := p.Eval(row, &expr.Env{})
			if err != nil {
				t.Fatal(err)
			}
			if v.AsBool() {
				found++
			}
		}
		return found
	}
}

// Estimates are compared with what is there: they may be wrong by a factor, or by a few rows.
func TestEstimatesOfConditions(t *testing.T) {
	const seed, n = 7, 100_000
	d := newDataSet(t, seed, n)
	for _, c := range []struct {
		condition string
		factor    float64
	}{
		{"id = 5", 1},
		{"id = -5", 1},
		{"id < 1000", 1.2},
		{"id >= 99000 AND id < 99500", 1.5},
		{"id BETWEEN 10 AND 20000", 1.1},
		{"id NOT BETWEEN 10 AND 20000", 1.1},
		{"id IN (1, 2, 3)", 1.1},
		{"id <> 7", 1.1},
		{"uniform = 500", 1.6},
		{"uniform < 100", 1.2},
		{"uniform > 100 AND uniform < 110", 1.5},
		{"uniform <= 0", 3},
		{"uniform < 100 OR uniform > 900", 1.2},
		{"NOT uniform < 100", 1.1},
		{"uniform < 500 AND skewed < 10", 1.2},
		{"skewed = 0", 1.1},
		{"skewed = 1", 1.1},
		{"skewed = 60", 3},
		{"skewed < 5", 1.1},
		{"skewed > 60", 1.3},
		{"skewed = 100000", 1},
		{"nulls IS NULL", 1.05},
		{"nulls IS NOT NULL", 1.05},
		{"nulls = 3", 1.1},
		{"nulls <> 3", 1.1},
		{"nulls < 5", 1.1},
		{"nulls IS DISTINCT FROM 3", 1.1},
		{"nulls NOT IN (1, 2)", 1.1},
		{"nulls = NULL", 1},
		{"name LIKE 'n00%'", 1.3},
		{"name LIKE 'n012%'", 1.5},
		{"name < 'n25'", 1.1},
		{"name = 'n00000'", 4},
		{"name LIKE 'n1'", 1},
		{"uniform = skewed", 4},
		{"(nulls = 3 AND uniform < 500) OR nulls IS NULL", 1.1},
		{"nulls IN (1, 2, 3) AND id < 50000", 1.1},
	} {
		q, err := d.schema.query("SELECT * FROM d WHERE " + c.condition)
		if err != nil {
			t.Fatal(err)
		}
		want, got := d.count(t, q.Root), newEstimator().rows(q.Root)
		if got > want*c.factor+20 || got < want/c.factor-20 {
			t.Errorf("seed %d: %s: %.0f rows are believed to be %.0f", seed, c.condition, want, got)
		}
	}
}

func TestEstimatesOfGroupsAndJoins(t *testing.T) {
	const seed, n = 8, 50_000
	d := newDataSet(t, seed, n)
	for _, c := range []struct {
		sql    string
		want   float64
		factor float64
	}{
		{"SELECT uniform FROM d GROUP BY uniform", 1000, 1.05},
		{"SELECT DISTINCT nulls FROM d", 11, 1.2},
		{"SELECT nulls, uniform FROM d GROUP BY nulls, uniform", 11_000, 1.15},
		{"SELECT id, uniform FROM d GROUP BY id, uniform", n, 1.2},
		{"SELECT count(*) FROM d", 1, 1},
		{"SELECT * FROM d a JOIN d b ON a.id = b.id", n, 1.01},
		{"SELECT * FROM d a JOIN d b ON a.uniform = b.id", n, 1.01},
		{"SELECT * FROM d a JOIN d b ON a.uniform = b.uniform", n * n / 1000.0, 1.05},
		{"SELECT * FROM d a LEFT JOIN d b ON a.uniform = b.id AND b.skewed < 0", n, 1.01},
		{"SELECT * FROM d LIMIT 10 OFFSET 5", 10, 1},
		{"SELECT * FROM generate_series(1, 500)", 500, 1},
		{"SELECT id FROM d UNION ALL SELECT id FROM d", 2 * n, 1},
		{"WITH x AS (SELECT uniform, count(*) AS c FROM d GROUP BY uniform) SELECT * FROM x a JOIN x b ON a.uniform = b.uniform", 1000, 1.1},
	} {
		q, err := d.schema.query(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := newEstimator().rows(q.Root); got > c.want*c.factor || got < c.want/c.factor {
			t.Errorf("seed %d: %s: %.0f rows are believed to be %.0f", seed, c.sql, c.want, got)
		}
	}
}

func TestPrefixesOfPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix string
		exact           bool
		above           string
	}{
		{"abc%", "abc", false, "abd"},
		{"abc", "abc", true, "abd"},
		{"a_c", "a", false, "b"},
		{"%x", "", false, ""},
		{`a\%b%`, "a%b", false, "a%c"},
		{`a\`, "a", false, "b"},
		{"größe%", "größe", false, "größf"},
		{"a\U0010ffff%", "a\U0010ffff", false, "b"},
		{"\ud7ff%", "\ud7ff", false, "\ue000"},
		{"\U0010ffff%", "\U0010ffff", false, ""},
	} {
		prefix, exact := likePrefix(c.pattern)
		above, _ := abovePrefix(prefix)
		if prefix != c.prefix || exact != c.exact || above != c.above {
			t.Errorf("%q: got %q, %v, %q", c.pattern, prefix, exact, above)
		}
	}
}

func TestHistogramsAreLines(t *testing.T) {
	var bounds []catalog.Value
	for i := range 11 {
		bounds = append(bounds, catalog.Int(int64(i*i)))
	}
	for _, c := range []struct {
		v    int64
		want float64
	}{{-1, 0}, {0, 0}, {1, 0.1}, {4, 0.2}, {100, 1}, {101, 1}, {90, 0.9 + 0.1*9/19}} {
		if got := histogramBelow(bounds, catalog.Int(c.v)); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("below %d are %v, want %v", c.v, got, c.want)
		}
	}
}
