package opt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/opt"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/statistics"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/vfs"
)

// relations is a bind.Catalog.
type relations map[string]*plan.Relation

func (c relations) Relation(_, name string) (*plan.Relation, error) { return c[name], nil }
func (c relations) View(_, _ string) (*bind.View, error)            { return nil, nil }

const calibrationRows = 200_000

// calibration has tables big (id, a, b, c) and small (id, x), with rows and statistics. The values of a follow the order of
// the rows, those of b are random.
func calibration(b *testing.B) (*engine.DB, relations) {
	b.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	check(b, err)
	b.Cleanup(func() { check(b, db.Close()) })
	ctx := context.Background()
	big, err := catalog.NewTable("big").Column("id", "BIGINT").Column("a", "BIGINT", catalog.NotNull).Column("b", "BIGINT", catalog.NotNull).
		Column("c", "TEXT", catalog.NotNull).PrimaryKey("id").Index("big_a", "a").Index("big_b", "b").Build()
	check(b, err)
	small, err := catalog.NewTable("small").Column("id", "BIGINT").Column("x", "BIGINT", catalog.NotNull).PrimaryKey("id").Build()
	check(b, err)
	check(b, db.RegisterTable(ctx, big))
	check(b, db.RegisterTable(ctx, small))
	r := rand.New(rand.NewPCG(1, 1))
	for from := 0; from < calibrationRows; from += 10_000 {
		check(b, db.Update(ctx, func(txn *engine.Txn) error {
			t, err := txn.Table("big")
			check(b, err)
			for i := from; i < from+10_000; i++ {
				check(b, t.Insert(catalog.Int(int64(i)), catalog.Int(int64(i/10)), catalog.Int(r.Int64N(calibrationRows/10)), catalog.Str(fmt.Sprint("text ", i))))
			}
			if t, err = txn.Table("small"); err == nil && from < 20_000 {
				for i := from / 10; i < from/10+1000; i++ {
					check(b, t.Insert(catalog.Int(int64(i)), catalog.Int(r.Int64N(calibrationRows))))
				}
			}
			return err
		}))
	}
	check(b, db.Compact(ctx, nil, nil))
	c := relations{}
	check(b, db.View(ctx, func(txn *engine.Txn) error {
		for _, name := range []string{"big", "small"} {
			t, err := txn.Table(name)
			check(b, err)
			c[name] = analyzed(b, txn, t)
		}
		return nil
	}))
	return db, c
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// analyzed returns a table with statistics.
func analyzed(b *testing.B, txn *engine.Txn, t *relation.Table) *plan.Relation {
	b.Helper()
	s := t.Schema()
	places := make([]int, len(s.Columns))
	for i := range places {
		places[i] = i
	}
	builder := statistics.NewBuilder(s, places, 1)
	tables, err := txn.Tables()
	check(b, err)
	cursor, err := tables.Storage().Scan(context.Background(), &exec.ScanRequest{Table: s, Columns: places})
	check(b, err)
	batch := &catalog.Batch{}
	for range places {
		batch.Columns = append(batch.Columns, &catalog.Vector{})
	}
	for {
		some, err := cursor.Next(batch, 1024)
		check(b, err)
		if !some {
			break
		}
		builder.Add(batch)
	}
	check(b, cursor.Close())
	made := builder.Statistics()
	return &plan.Relation{Table: s, Rows: made.Rows, Statistics: made}
}

// BenchmarkPlans runs queries by the plans that options force, and compares the times with what they are believed to cost:
// est/real is 1 where cost.go is right.
func BenchmarkPlans(b *testing.B) {
	db, c := calibration(b)
	hash, merge, loop, index := opt.Options{Join: opt.HashJoins}, opt.Options{Join: opt.MergeJoins}, opt.Options{Join: opt.NestedLoops}, opt.Options{Join: opt.IndexJoins}
	for _, q := range []struct {
		sql string
		o   opt.Options
	}{
		{"SELECT id FROM big", opt.Options{}},
		{"SELECT id, a, b, c FROM big", opt.Options{}},
		{"SELECT id FROM big WHERE b < 1000", opt.Options{NoIndex: true}},
		{"SELECT id FROM big WHERE c LIKE '%77%'", opt.Options{}},
		{"SELECT id, a + b, a * 2 FROM big", opt.Options{}},
		{"SELECT c FROM big WHERE id = 77777", opt.Options{}},
		{"SELECT c FROM big WHERE id BETWEEN 1000 AND 3000", opt.Options{}},
		{"SELECT id FROM big WHERE a BETWEEN 1000 AND 1300", opt.Options{}},
		{"SELECT c FROM big WHERE a BETWEEN 1000 AND 1300", opt.Options{}},
		{"SELECT c FROM big WHERE b BETWEEN 1000 AND 1300", opt.Options{}},
		{"SELECT c FROM big WHERE b = 1000 OR a BETWEEN 10 AND 100", opt.Options{}},
		{"SELECT a, count(*) FROM big GROUP BY a", opt.Options{Aggregate: opt.HashAggregates}},
		{"SELECT a, count(*) FROM big GROUP BY a", opt.Options{Aggregate: opt.SortAggregates}},
		{"SELECT id % 10, count(*), sum(a) FROM big GROUP BY id % 10", opt.Options{Aggregate: opt.HashAggregates}},
		{"SELECT count(*), sum(a), min(b) FROM big", opt.Options{NoIndex: true}},
		{"SELECT b, c FROM big ORDER BY b", opt.Options{NoIndex: true}},
		{"SELECT b, c FROM big ORDER BY c", opt.Options{NoIndex: true}},
		{"SELECT b, c FROM big ORDER BY b LIMIT 10", opt.Options{NoIndex: true}},
		{"SELECT DISTINCT b FROM big", opt.Options{NoIndex: true}},
		{"SELECT s.x, g.c FROM big g JOIN small s ON g.id = s.x", hash},
		{"SELECT s.x, g.c FROM big g JOIN small s ON g.id = s.x", index},
		{"SELECT s.x, g.c FROM big g JOIN small s ON g.id = s.x", merge},
		{"SELECT s.x, g.c FROM big g JOIN small s ON g.b = s.id", hash},
		{"SELECT x.id, y.c FROM big x JOIN big y ON x.id = y.id", hash},
		{"SELECT x.id, y.c FROM big x JOIN big y ON x.id = y.id", merge},
		{"SELECT s.id, t.id FROM small s JOIN small t ON s.id < t.x AND t.x < 3", loop},
		{"SELECT id, row_number() OVER (PARTITION BY b ORDER BY id) FROM big", opt.Options{NoIndex: true}},
	} {
		b.Run(fmt.Sprintf("%s/%v/%v", q.sql, q.o.Join, q.o.Aggregate), func(b *testing.B) {
			s, err := parser.Statement(q.sql)
			check(b, err)
			bound, err := bind.Query(s.(*ast.Query), &bind.Options{Text: q.sql, Catalog: c})
			check(b, err)
			p, err := opt.Optimize(bound, &q.o)
			check(b, err)
			b.Log(opt.Explain(p, opt.ExplainOptions{}))
			for range b.N {
				run(b, db, p)
			}
			real := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(p.Root.Estimate().Cost/real, "est/real")
		})
	}
}

// run reads all rows of a plan.
func run(b *testing.B, db *engine.DB, p *physical.Query) {
	b.Helper()
	ctx := context.Background()
	check(b, db.View(ctx, func(txn *engine.Txn) error {
		tables, err := txn.Tables()
		check(b, err)
		rows, err := exec.Run(p, &exec.Options{Storage: tables.Storage()})
		check(b, err)
		for {
			batch, err := rows.Next(ctx)
			check(b, err)
			if batch == nil {
				return rows.Close()
			}
		}
	}))
}
