package exec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/vfs"
)

// source is an input of operators: rows in batches of a few, some of them with rows that are not selected.
type source struct {
	columns []plan.Column
	rows    [][]catalog.Value
	r       *rand.Rand // nil: batches of size rows without a Sel
	size    int
	at      int
}

func (s *source) Columns() []plan.Column       { return s.columns }
func (s *source) Inputs() []physical.Node      { return nil }
func (s *source) Estimate() *physical.Estimate { return &physical.Estimate{} }
func (s *source) Reset()                       { s.at = 0 }
func (s *source) Close() error                 { return nil }

// Next implements Operator. What it returned before is overwritten, but for texts.
func (s *source) Next(context.Context) (*catalog.Batch, error) {
	if s.at == len(s.rows) {
		return nil, nil
	}
	n := min(s.size, len(s.rows)-s.at)
	rows := s.rows[s.at : s.at+n]
	b := &catalog.Batch{Columns: newVectors(len(s.columns)), Len: n}
	if s.r != nil {
		n = 1 + s.r.IntN(n)
		rows = rows[:n]
		if b.Len = n; s.r.IntN(2) == 0 {
			b.Len, b.Sel = 0, []int32{}
			for range n {
				b.Len += s.r.IntN(3)
				b.Sel = append(b.Sel, int32(b.Len))
				b.Len++
			}
		}
	}
	for c, v := range b.Columns {
		if s.r != nil && s.r.IntN(2) == 0 {
			v.Reset(s.columns[c].Type.Kind, s.columns[c].Type.Scale, b.Len)
		}
		for i := range n {
			at := i
			if b.Sel != nil {
				at = int(b.Sel[i])
			}
			v.Set(at, b.Len, rows[i][c])
		}
	}
	s.at += n
	return b, nil
}

// bench is what operators are tested on.
type testBench struct {
	*builder
	fs *vfs.Mem
}

func newBench(memory int64, batchRows int) *testBench {
	fs := vfs.NewMem()
	r := &run{
		query: &physical.Query{}, ctx: context.Background(), records: map[physical.Node]*record{},
		options: Options{Memory: memory, BatchRows: batchRows, FS: fs, Directory: "tmp"},
	}
	r.memory.limit = memory
	return &testBench{&builder{run: r, scope: &scope{env: &expr.Env{}}}, fs}
}

// drain returns all rows of an operator and closes it. Batches must be right.
func (t *testBench) drain(o Operator) (rows [][]catalog.Value, err error) {
	for {
		var b *catalog.Batch
		if b, err = o.Next(context.Background()); b == nil || err != nil {
			break
		}
		if b.Rows() == 0 {
			return nil, fmt.Errorf("an empty batch")
		}
		for _, i := range rowsOf(b) {
			row := make([]catalog.Value, len(b.Columns))
			for c, v := range b.Columns {
				row[c] = v.Value(int(i))
			}
			rows = append(rows, row)
		}
	}
	if closed := o.Close(); err == nil {
		err = closed
	}
	if names, gone := t.fs.List("tmp"); err == nil && gone == nil && len(names) > 0 {
		err = fmt.Errorf("left behind: %v", names)
	}
	if err == nil && t.memory.used != 0 {
		err = fmt.Errorf("%d bytes are still noted", t.memory.used)
	}
	return rows, err
}

// Types of test columns.
var (
	bigint  = catalog.Type{Kind: catalog.Int64}
	double  = catalog.Type{Kind: catalog.Float64}
	text    = catalog.Type{Kind: catalog.String}
	boolean = catalog.Type{Kind: catalog.Bool}
	date    = catalog.Type{Kind: catalog.Date}
	money   = catalog.Type{Kind: catalog.Decimal, Precision: 10, Scale: 2}
	decimal = catalog.Type{Kind: catalog.Decimal}
	uuid    = catalog.Type{Kind: catalog.UUID}
)

var testTypes = []catalog.Type{bigint, double, text, boolean, date, money, decimal, uuid}

// randomOf returns a value of a type, of which there are few.
func randomOf(r *rand.Rand, t catalog.Type) catalog.Value {
	if r.IntN(6) == 0 {
		return catalog.Null()
	}
	n := int64(r.IntN(7) - 3)
	if r.IntN(10) == 0 {
		n = []int64{1 << 40, -1 << 40, 1 << 55, -1 << 55}[r.IntN(4)]
	}
	switch t.Kind {
	case catalog.Float64:
		return catalog.Float([]float64{0, math.Copysign(0, -1), 1.5, -1.5, math.NaN(), math.Inf(1), math.Inf(-1), 3e100}[r.IntN(8)])
	case catalog.String:
		return catalog.Str([]string{"", "a", "ab", "b", "a\x00", "a\x00b", "longer than eight bytes", "longer than sixteen bytes"}[r.IntN(8)])
	case catalog.Bool:
		return catalog.BoolOf(n > 0)
	case catalog.Date:
		return catalog.DateOf(n % 1000)
	case catalog.Decimal:
		if t.Precision > 0 {
			return catalog.DecimalOf(n%1e9, t.Scale)
		}
		return catalog.DecimalOf(n*[]int64{1, 10, 100}[r.IntN(3)]%1e12, uint8(r.IntN(3)))
	case catalog.UUID:
		return catalog.UUIDOf([16]byte{3: byte(n)})
	default:
		return catalog.Int(n)
	}
}

// table returns columns of types with IDs from first on.
func table(first int, types ...catalog.Type) []plan.Column {
	all := make([]plan.Column, len(types))
	for i, t := range types {
		all[i] = plan.Column{ID: expr.ColumnID(first + i), Name: fmt.Sprint("c", first+i), Type: t}
	}
	return all
}

func randomRows(r *rand.Rand, columns []plan.Column, n int) [][]catalog.Value {
	rows := make([][]catalog.Value, n)
	for i := range rows {
		rows[i] = make([]catalog.Value, len(columns))
		for c := range columns {
			rows[i][c] = randomOf(r, columns[c].Type)
		}
	}
	return rows
}

// compareBy compares rows by keys, of which ID n is at n - first.
func compareBy(x, y []catalog.Value, keys []plan.Key, first int) int {
	for _, k := range keys {
		a, b := x[int(k.Column)-first], y[int(k.Column)-first]
		c := catalog.Compare(a, b)
		switch {
		case c == 0:
			continue
		case a.IsNull() != b.IsNull():
			if k.NullsFirst {
				c = -c
			}
		case k.Descending:
			c = -c
		}
		return c
	}
	return 0
}

// show returns rows as text, one on a line.
func show(rows [][]catalog.Value) string {
	var b strings.Builder
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				b.WriteByte('|')
			}
			b.WriteString(v.String())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sorted returns the lines of show, sorted: rows whose order does not matter.
func shuffled(rows [][]catalog.Value) string {
	lines := strings.SplitAfter(show(rows), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func randomKeys(r *rand.Rand, columns []plan.Column, n int) []plan.Key {
	keys := make([]plan.Key, n)
	for i := range keys {
		keys[i] = plan.Key{Column: columns[r.IntN(len(columns))].ID, Descending: r.IntN(2) == 0, NullsFirst: r.IntN(2) == 0}
	}
	return keys
}

// idents returns rows with numbers of equal values in place of the values: rows that Compare finds equal are shown alike.
func idents(rows [][]catalog.Value) [][]catalog.Value {
	all := make([][]catalog.Value, len(rows))
	for i, row := range rows {
		for _, v := range row {
			switch v.Kind() {
			case catalog.Float64:
				v = catalog.Float(v.AsFloat() + 0)
			case catalog.Decimal:
				n, scale := v.AsDecimal()
				for ; scale > 0 && n%10 == 0; scale-- {
					n /= 10
				}
				v = catalog.DecimalOf(n, scale)
			default:
			}
			all[i] = append(all[i], v)
		}
	}
	return all
}

func failed(t *testing.T, seed uint64, what, got, want string, err error) {
	t.Helper()
	t.Fatalf("MIDDB_SEED=%d: %s: error %v\ngot\n%swant\n%s", seed, what, err, got, want)
}
