package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

const benchRows = 1_000_000

// stream is an input that gives views of rows that are there.
type stream struct {
	source
	buffer *rowBuffer
	view   catalog.Batch
	at     int
}

func (s *stream) Reset() { s.at = 0 }

func (s *stream) Next(context.Context) (*catalog.Batch, error) {
	if s.at == s.buffer.n {
		return nil, nil
	}
	to := min(s.at+DefaultBatchRows, s.buffer.n)
	s.buffer.view(&s.view, s.at, to)
	s.at = to
	return &s.view, nil
}

// benchInput has columns: 1 random BIGINT, 2 one of 1,000 BIGINTs, 3 one of 1,000 texts, 4 DECIMAL(10,2), 5 row number / 10.
func benchInput() *stream {
	r := rand.New(rand.NewPCG(1, 2))
	s := &stream{source: source{columns: table(1, bigint, bigint, text, money, bigint)}, buffer: newRowBuffer(5)}
	for i, v := range s.buffer.columns {
		v.Reset(s.columns[i].Type.Kind, s.columns[i].Type.Scale, benchRows)
	}
	texts := make([]string, 1000)
	for i := range texts {
		texts[i] = fmt.Sprint("customer ", i)
	}
	c := s.buffer.columns
	for i := range benchRows {
		c[0].Ints[i], c[1].Ints[i], c[3].Ints[i], c[4].Ints[i] = int64(r.Uint64()), r.Int64N(1000), r.Int64N(1e7), int64(i/10)
		c[2].Texts[i] = texts[r.IntN(1000)]
	}
	s.buffer.n = benchRows
	return s
}

func benchmark(b *testing.B, memory int64, newOperator func(b *builder, in *stream) (Operator, error)) {
	in := benchInput()
	b.ResetTimer()
	for b.Loop() {
		in.Reset()
		t := newBench(memory, DefaultBatchRows)
		o, err := newOperator(t.builder, in)
		if err != nil {
			b.Fatal(err)
		}
		for {
			batch, err := o.Next(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if batch == nil {
				break
			}
		}
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRows, "ns/row")
}

func BenchmarkSort(b *testing.B) {
	for _, c := range []struct {
		name   string
		memory int64
		keys   []plan.Key
		limit  int64
	}{
		{"BIGINT", 1 << 30, []plan.Key{{Column: 1}}, 0},
		{"text", 1 << 30, []plan.Key{{Column: 3}}, 0},
		{"text,DECIMAL", 1 << 30, []plan.Key{{Column: 3}, {Column: 4, Descending: true}}, 0},
		{"top10/BIGINT", 1 << 30, []plan.Key{{Column: 1}}, 10},
		{"top10/text,BIGINT", 1 << 30, []plan.Key{{Column: 3}, {Column: 1}}, 10},
		{"external/BIGINT", 16 << 20, []plan.Key{{Column: 1}}, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, c.memory, func(b *builder, in *stream) (Operator, error) {
				n := &physical.Sort{Input: in, Keys: c.keys}
				if c.limit > 0 {
					n.Limit = expr.Constant(catalog.Int(c.limit), bigint)
				}
				return newSort(b, n, in)
			})
		})
	}
}

// call returns an aggregate of a column.
func call(id int, function string, of int, t catalog.Type) plan.Aggregation {
	a := plan.Aggregation{Function: function, Column: plan.Column{ID: expr.ColumnID(id), Type: t}}
	if of > 0 {
		a.Args = []*expr.Node{expr.Column(expr.ColumnID(of), t, "", "x")}
	}
	return a
}

func BenchmarkAggregate(b *testing.B) {
	for _, c := range []struct {
		name   string
		memory int64
		groups []expr.ColumnID
		sum    int
		typ    catalog.Type
	}{
		{"none", 1 << 30, nil, 1, money},
		{"BIGINT/1000", 1 << 30, []expr.ColumnID{2}, 2, bigint},
		{"BIGINT/1000000", 1 << 30, []expr.ColumnID{1}, 2, bigint},
		{"text/1000", 1 << 30, []expr.ColumnID{3}, 4, money},
		{"BIGINT,text/630000", 1 << 30, []expr.ColumnID{2, 3}, 4, money},
		{"spilled/1000000", 8 << 20, []expr.ColumnID{1}, 2, bigint},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, c.memory, func(b *builder, in *stream) (Operator, error) {
				n := &physical.HashAggregate{Input: in, Groups: c.groups}
				if c.sum == 1 {
					c.sum = 4
				}
				n.Aggregates = []plan.Aggregation{call(20, "count", 0, bigint), call(21, "sum", c.sum, c.typ)}
				for _, id := range c.groups {
					n.Output = append(n.Output, in.columns[id-1])
				}
				n.Output = append(n.Output, n.Aggregates[0].Column, n.Aggregates[1].Column)
				return newHashAggregate(b, n, in)
			})
		})
	}
	b.Run("sorted/100000", func(b *testing.B) {
		benchmark(b, 1<<30, func(b *builder, in *stream) (Operator, error) {
			n := &physical.SortAggregate{Input: in, Groups: []expr.ColumnID{5}}
			n.Aggregates = []plan.Aggregation{call(20, "count", 0, bigint), call(21, "sum", 2, bigint)}
			n.Output = []plan.Column{in.columns[4], n.Aggregates[0].Column, n.Aggregates[1].Column}
			return newSortAggregate(b, n, in)
		})
	})
}

func BenchmarkDistinct(b *testing.B) {
	for _, on := range []expr.ColumnID{1, 2, 3} {
		b.Run(fmt.Sprint("column", on), func(b *testing.B) {
			benchmark(b, 1<<30, func(b *builder, in *stream) (Operator, error) {
				return newHashDistinct(b, &physical.HashDistinct{Input: in, On: []expr.ColumnID{on}}, in)
			})
		})
	}
}

func BenchmarkWindow(b *testing.B) {
	sliding := plan.Frame{Unit: plan.FrameRows, Start: offset(plan.Preceding, 500), End: offset(plan.Following, 500)}
	for _, c := range []struct {
		name      string
		partition []expr.ColumnID
		f         plan.WindowFunction
	}{
		{"row_number", nil, plan.WindowFunction{Aggregation: call(20, "row_number", 0, bigint)}},
		{"rank/partitions", []expr.ColumnID{5}, plan.WindowFunction{Aggregation: call(20, "rank", 0, bigint)}},
		{"running", nil, plan.WindowFunction{Aggregation: call(20, "sum", 2, bigint)}},
		{"sliding", nil, plan.WindowFunction{Aggregation: call(20, "max", 2, bigint), Frame: sliding}},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, 1<<30, func(b *builder, in *stream) (Operator, error) {
				n := &physical.Window{Input: in, PartitionBy: c.partition, OrderBy: []plan.Key{{Column: 5}}, Functions: []plan.WindowFunction{c.f}}
				n.Output = append(n.Output, in.columns...)
				n.Output = append(n.Output, c.f.Column)
				return newWindow(b, n, in)
			})
		})
	}
}
