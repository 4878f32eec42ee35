package exec

import (
	"context"
	"fmt"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// memoryStorage has batches of one table ready, so that benchmarks measure operators and no storage.
type memoryStorage struct {
	rows  map[string]int
	value map[string]func(column, row int) catalog.Value
	kept  map[string][]*catalog.Vector
}

// Scan implements Storage.
func (s *memoryStorage) Scan(_ context.Context, r *ScanRequest) (Cursor, error) {
	name := r.Table.Name
	if s.kept == nil {
		s.kept = map[string][]*catalog.Vector{}
	}
	if s.kept[name] == nil {
		for c := range r.Table.Columns {
			v := &catalog.Vector{}
			for i := range s.rows[name] {
				v.Set(i, s.rows[name], s.value[name](c, i))
			}
			s.kept[name] = append(s.kept[name], v)
		}
	}
	return &memoryCursor{s.kept[name], r.Columns, 0, s.rows[name]}, nil
}

// Lookup implements Storage.
func (s *memoryStorage) Lookup(*catalog.Table, string, []int) (Lookup, error) { return nil, nil }

type memoryCursor struct {
	columns []*catalog.Vector
	places  []int
	at, n   int
}

// Next implements Cursor.
func (c *memoryCursor) Next(b *catalog.Batch, most int) (bool, error) {
	n := min(most, c.n-c.at)
	for i, at := range c.places {
		viewVector(b.Columns[i], c.columns[at], c.at, c.at+n)
	}
	b.Len, b.Sel = n, nil
	c.at += n
	return n > 0, nil
}

// Close implements Cursor.
func (c *memoryCursor) Close() error { return nil }

// benchScan returns a scan of all columns of a table.
func benchScan(name string, first int, types ...catalog.Type) *physical.Scan {
	t := &catalog.Table{Name: name}
	n := &physical.Scan{Relation: &plan.Relation{Table: t}}
	n.Output = table(first, types...)
	for i, typ := range types {
		t.Columns = append(t.Columns, catalog.Column{ID: uint16(i + 1), Name: fmt.Sprint("c", i), Type: typ})
		n.Places = append(n.Places, i)
	}
	return n
}

const probeRows = 1 << 20

func benchPlan(b *testing.B, root physical.Node, o *Options) {
	if _, err := runPlan(&physical.Query{Root: root}, &Options{Storage: o.Storage}); err != nil { // the tables are made
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rows, err := Run(queryOf(root), o)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			batch, err := rows.Next(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			if batch == nil {
				break
			}
			n += batch.Rows()
		}
		if err := rows.Close(); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/probeRows, "ns/row")
}

// benchJoin joins a large table with one of build rows, and groups what comes out by a column of that.
func benchJoin(b *testing.B, build int, group, text bool, keys int) {
	key := bigint
	if text {
		key = textType
	}
	large, small := benchScan("large", 1, key, bigint, bigint), benchScan("small", 101, key, bigint, bigint)
	at := func(n int) catalog.Value {
		if text {
			return catalog.Str(fmt.Sprintf("key %08d", n))
		}
		return catalog.Int(int64(n) * 1000)
	}
	s := &memoryStorage{rows: map[string]int{"large": probeRows, "small": build}, value: map[string]func(c, i int) catalog.Value{
		"large": func(c, i int) catalog.Value {
			if c == 0 {
				return at(int(uint32(i)*2654435761>>7) % build)
			}
			return catalog.Int(int64(int(uint32(i)*2654435761>>7) % build))
		},
		"small": func(c, i int) catalog.Value {
			switch c {
			case 0:
				return at(i)
			case 1:
				return catalog.Int(int64(i))
			default:
				return catalog.Int(int64(i % 25))
			}
		},
	}}
	j := &physical.HashJoin{Left: large, Right: small}
	for k := range keys {
		j.LeftKeys = append(j.LeftKeys, columnNode(large, expr.ColumnID(1+k)))
		j.RightKeys = append(j.RightKeys, columnNode(small, expr.ColumnID(101+k)))
	}
	j.Output = joinOutput(plan.InnerJoin, large, small)
	if !group {
		benchPlan(b, j, &Options{Storage: s})
		return
	}
	g := &physical.HashAggregate{Input: j, Groups: []expr.ColumnID{103}}
	sum := plan.Aggregation{Column: plan.Column{ID: 500, Type: bigint}, Function: "sum", Args: []*expr.Node{columnNode(large, 2)}}
	g.Aggregates = []plan.Aggregation{sum, {Column: plan.Column{ID: 501, Type: bigint}, Function: "count"}}
	g.Output = []plan.Column{small.Output[2], sum.Column, g.Aggregates[1].Column}
	benchPlan(b, g, &Options{Storage: s})
}

var textType = catalog.Type{Kind: catalog.String}

func BenchmarkScan(b *testing.B) {
	s := &memoryStorage{rows: map[string]int{"t": probeRows}, value: map[string]func(c, i int) catalog.Value{
		"t": func(_, i int) catalog.Value { return catalog.Int(int64(i)) },
	}}
	benchPlan(b, benchScan("t", 1, bigint, bigint, bigint), &Options{Storage: s})
}

func BenchmarkHashJoin(b *testing.B) {
	for _, c := range []struct {
		name        string
		build, keys int
		group, text bool
	}{
		{"10k", 10_000, 1, false, false},
		{"1M", 1_000_000, 1, false, false},
		{"10k/group", 10_000, 1, true, false},
		{"10k/text", 10_000, 1, false, true},
		{"10k/two", 10_000, 2, false, false},
		{"10k/texttwo", 10_000, 2, false, true},
	} {
		b.Run(c.name, func(b *testing.B) { benchJoin(b, c.build, c.group, c.text, c.keys) })
	}
}
