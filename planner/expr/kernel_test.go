package expr

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// A kernelCase is a random expression with what kernels need.
type kernelCase struct {
	oracle *oracle
	scope  *Scope
	times  []int // places of columns that the oracle does not know
}

func newKernelCase(r *rand.Rand) *kernelCase {
	c := &kernelCase{}
	c.oracle, c.scope = newOracle(r)
	for _, k := range []catalog.Kind{catalog.Date, catalog.Timestamp} {
		for range 2 {
			c.times = append(c.times, len(c.scope.Columns))
			c.scope.Columns = append(c.scope.Columns, ScopeColumn{Name: fmt.Sprintf("c%d", len(c.scope.Columns)), Type: catalog.Type{Kind: k}})
		}
	}
	return c
}

// sql returns a random expression, half of them such as the oracle does not make.
func (c *kernelCase) sql() string {
	o := c.oracle
	if o.IntN(2) == 0 {
		return o.term(choose(o, everyKind...), 1+o.IntN(4)).sql
	}
	column := func(k catalog.Kind) string { return choose(o, o.columns[k]...).sql }
	time := fmt.Sprintf("c%d", choose(o, c.times...))
	number := choose(o, column(catalog.Int64), column(catalog.Decimal), column(catalog.Float64))
	op := choose(o, "=", "<>", "<", "<=", ">", ">=")
	var list string
	for range 1 + o.IntN(20) {
		list += o.leaf(catalog.Int64).sql + ", "
	}
	other := o.term(choose(o, catalog.Int64, catalog.Decimal), 1).sql
	simple := choose(o,
		time+" "+op+" "+fmt.Sprintf("c%d", choose(o, c.times...)),
		time+" "+op+" DATE '2001-02-03'", time+" BETWEEN DATE '1970-01-01' AND DATE '2001-02-03'",
		"EXTRACT("+choose(o, "year", "month", "day", "dow", "epoch")+" FROM "+time+")",
		"DATE_PART('"+choose(o, "year", "month", "day")+"', "+time+")",
		number+" "+op+" "+o.leaf(catalog.Int64).sql, number+" "+op+" "+o.leaf(catalog.Decimal).sql,
		number+" BETWEEN "+o.leaf(catalog.Int64).sql+" AND "+o.leaf(catalog.Decimal).sql,
		column(catalog.Decimal)+" NOT BETWEEN "+column(catalog.Int64)+" AND "+o.leaf(catalog.Decimal).sql,
		number+choose(o, "", " NOT")+" IN ("+list+"1.50)",
		column(catalog.String)+choose(o, "", " NOT")+" IN ('', 'a', 'ab', 'aab', 'b', 'c', 'd', 'e', 'f', 'x y ')",
		column(catalog.String)+choose(o, "", " NOT")+" LIKE '"+choose(o, "%", "a%", "%b", "%a%", "%a%b", "a%a%", "ab", "", "G_öße%", "%ö%e")+"'",
		"CAST("+other+" AS "+choose(o, "BIGINT", "DOUBLE PRECISION", "DECIMAL(18,4)", "DECIMAL(10,2)", "DECIMAL(18,12)")+")",
		"CAST("+number+" AS "+choose(o, "BIGINT", "DOUBLE PRECISION", "DECIMAL(18,4)", "DECIMAL(10,2)", "DECIMAL(18,0)")+")",
		"LEFT("+column(catalog.String)+", "+column(catalog.Int64)+")", "LENGTH("+column(catalog.String)+") + 1",
		other+" "+choose(o, "+", "-", "*", "/", "%")+" "+o.term(choose(o, catalog.Int64, catalog.Decimal), 1).sql,
		"c0 / 0 > 1", "CASE WHEN c0 <> 0 THEN 10 / c0 END", "CASE WHEN c0 > 5 THEN c3 WHEN c0 < 0 THEN 1.5 ELSE c4 END",
		"c0 > 0 AND 100 / c0 > 2", "c0 = 0 OR 100 / c0 > 2", "c0 <> 0 AND c1 / c0 > 2 OR c2 % c0 = 1")
	switch o.IntN(4) {
	case 0:
		return "NOT (" + o.term(catalog.Bool, 2).sql + " AND " + anyAsCondition(simple) + ")"
	case 1:
		return "(" + anyAsCondition(simple) + " OR " + o.term(catalog.Bool, 2).sql + ")"
	default:
		return simple
	}
}

// anyAsCondition makes a condition of anything.
func anyAsCondition(sql string) string { return "(" + sql + ") IS NOT NULL" }

// batch returns random rows in which DECIMALs of most columns have one scale, perhaps some of them selected.
func (c *kernelCase) batch(n int) *catalog.Batch {
	o := c.oracle
	b := &catalog.Batch{Len: n}
	for _, column := range c.scope.Columns {
		v := &catalog.Vector{}
		v.Reset(column.Type.Kind, 2, n)
		nulls, mixed, small := o.IntN(2) == 0, o.IntN(4) == 0, o.IntN(2) == 0
		for i := range n {
			x := catalog.Null()
			switch {
			case nulls && o.IntN(5) == 0:
			case column.Type.Kind == catalog.Date:
				x = catalog.DateOf(choose(o, 0, -1, 11_000, 11_356, o.Int64N(100_000)-50_000))
			case column.Type.Kind == catalog.Timestamp:
				x, _ = catalog.Cast(catalog.DateOf(o.Int64N(100_000)-50_000), timestampType)
			case column.Type.Kind == catalog.Float64 && o.IntN(20) == 0:
				x = catalog.Float(choose(o, math.NaN(), -math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)))
			case small && column.Type.Kind == catalog.Int64:
				x = catalog.Int(o.Int64N(20) - 5)
			case column.Type.Kind == catalog.Decimal && !mixed:
				x = catalog.DecimalOf(choose(o, o.Int64N(1000), -o.Int64N(1_000_000), 999_999_999_999_999_999), 2)
				if small {
					x = catalog.DecimalOf(o.Int64N(100_000)-50_000, 2)
				}
			default:
				_, x = o.value(column.Type.Kind)
			}
			v.Set(i, n, x)
		}
		b.Columns = append(b.Columns, v)
	}
	if o.IntN(2) == 0 {
		b.Sel = []int32{}
		for i := range n {
			if o.IntN(3) > 0 {
				b.Sel = append(b.Sel, int32(i))
			}
		}
	}
	return b
}

// identical says whether two values are one, in all that they have.
func identical(x, y catalog.Value) bool {
	if x.Kind() != y.Kind() {
		return false
	}
	if x.Kind() == catalog.Float64 {
		a, b := math.Float64bits(x.AsFloat()), math.Float64bits(y.AsFloat())
		return a == b || x.AsFloat() != x.AsFloat() && y.AsFloat() != y.AsFloat()
	}
	return x == y
}

// placesIn returns the places of the rows of a batch.
func placesIn(b *catalog.Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	all := make([]int32, b.Len)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// byRows returns what a program says of a batch.
func byRows(p *Program, b *catalog.Batch) (values []catalog.Value, trues []int32, err error) {
	row := make([]catalog.Value, len(b.Columns))
	for _, i := range placesIn(b) {
		for c, v := range b.Columns {
			row[c] = v.Value(int(i))
		}
		x, err := p.Eval(row, &Env{})
		if err != nil {
			return nil, nil, err
		}
		if values = append(values, x); x.AsBool() {
			trues = append(trues, i)
		}
	}
	return values, trues, nil
}

// sameError reports whether two errors have the code and the place in common.
func sameError(x, y error) bool {
	var a, b *sqlstate.Error
	if x == nil || y == nil {
		return x == nil && y == nil
	}
	return errors.As(x, &a) && errors.As(y, &b) && a.Code == b.Code && a.At == b.At
}

func TestKernelsAgreeWithPrograms(t *testing.T) {
	seed := environment.Seed(t)
	t.Logf("MIDDB_SEED=%d", seed)
	c := newKernelCase(rand.New(rand.NewPCG(seed, 56)))
	failed, slow := 0, 0
	for i := range 6000 {
		sql := c.sql()
		where := fmt.Sprintf("MIDDB_SEED=%d, expression %d, %s", seed, i, sql)
		p, k := kernelOf(t, sql, c.scope)
		if k.step == nil {
			slow++
		}
		for range 3 {
			b := c.batch(1 + c.oracle.IntN(40))
			values, trues, wanted := byRows(p, b)
			got, err := k.Eval(b, &Env{})
			if !sameError(err, wanted) {
				t.Fatalf("%s: Eval: error %v, want %v", where, err, wanted)
			}
			if err != nil {
				failed++
				continue
			}
			for r, i := range placesIn(b) {
				if x := got.Value(int(i)); !identical(x, values[r]) {
					t.Fatalf("%s: row %d: %v (kind %d), want %v (kind %d)\n%v", where, i, x, x.Kind(), values[r], values[r].Kind(), rowAt(b, i))
				}
			}
			if p.Type().Kind != catalog.Bool {
				continue
			}
			sel, err := k.Select(b, &Env{}, []int32{-7})
			if err != nil || !slices.Equal(sel[1:], trues) || sel[0] != -7 {
				t.Fatalf("%s: Select: %v, %v, want %v", where, sel, err, trues)
			}
		}
	}
	t.Logf("%d batches with errors, %d expressions row by row", failed, slow)
	if failed < 1000 || slow > 1200 {
		t.Errorf("the expressions are not interesting: %d batches with errors, %d expressions row by row", failed, slow)
	}
}

func rowAt(b *catalog.Batch, i int32) (row []catalog.Value) {
	for _, v := range b.Columns {
		row = append(row, v.Value(int(i)))
	}
	return row
}

func kernelOf(t testing.TB, sql string, s *Scope) (*Program, *Kernel) {
	t.Helper()
	tree, err := parser.Expression(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	p, err := Bind(tree, s)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	slots := &Slots{Columns: map[ColumnID]int{}}
	for i := range s.Columns {
		slots.Columns[ColumnID(i+1)] = i
	}
	k, err := NewKernel(p.Node(), slots)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return p, k
}

func BenchmarkKernels(b *testing.B) {
	c := newKernelCase(rand.New(rand.NewPCG(1, 2)))
	const n = 1024
	batch := &catalog.Batch{Len: n}
	for _, column := range c.scope.Columns {
		v := &catalog.Vector{}
		v.Reset(column.Type.Kind, 2, n)
		for i := range n {
			x := c.oracle.Int64N(1000)
			switch column.Type.Kind {
			case catalog.Float64:
				v.Floats[i] = float64(x) + 0.5
			case catalog.String:
				v.Texts[i] = fmt.Sprintf("name of row %d", x)
			default:
				v.Ints[i] = x
			}
		}
		batch.Columns = append(batch.Columns, v)
	}
	for _, sql := range []string{
		"c0 < 500", "c0 < c1", "c6 < 500e0", "c6 < c7", "c3 < 5.00", "c3 < 5", "c3 < c4", "c0 BETWEEN 100 AND 300", "c12 = 'name of row 7'",
		"c15 < DATE '1971-01-01'", "c0 > 200 AND c6 < 500e0 AND c3 < 5", "c0 = 5 OR c0 = 7", "c0 IN (1, 2, 3)", "c12 LIKE '%row 1%'",
		"c0 + c1", "c0 * c1", "c6 * c7", "c6 + 1e0", "c3 + c4", "c3 * (1 - c4)", "c0 + 1", "c3 / c4",
		"CASE WHEN c0 > 500 THEN c1 ELSE 0 END", "EXTRACT(year FROM c15)", "SUBSTRING(c12, 1, 4)", "CAST(c0 AS DOUBLE PRECISION)",
	} {
		b.Run(sql, func(b *testing.B) {
			p, k := kernelOf(b, sql, c.scope)
			env, sel := &Env{}, []int32(nil)
			for b.Loop() {
				var err error
				if p.Type().Kind == catalog.Bool {
					sel, err = k.Select(batch, env, sel[:0])
				} else {
					_, err = k.Eval(batch, env)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
		})
	}
}
