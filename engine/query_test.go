package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// queryRows returns the rows of a scan by a query that satisfy its conditions, as text, which is made at the end: so texts must
// have stayed good.
func queryRows(tables *relation.Tables, r *exec.ScanRequest, batch int) (rows []string, err error) {
	c, err := tables.Storage().Scan(context.Background(), r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	var values [][]catalog.Value
	b := &catalog.Batch{}
	for range r.Columns {
		b.Columns = append(b.Columns, &catalog.Vector{})
	}
	for {
		more, err := c.Next(b, batch)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		for i := range b.Len {
			var row []catalog.Value
			for _, v := range b.Columns {
				row = append(row, v.Value(i))
			}
			if satisfies(r, row) {
				values = append(values, row)
			}
		}
	}
	for _, row := range values {
		rows = append(rows, fmt.Sprintf("%q", row))
	}
	return rows, nil
}

// satisfies reports whether a row satisfies the conditions of a scan.
func satisfies(r *exec.ScanRequest, row []catalog.Value) bool {
	for _, s := range r.Simple {
		v := row[s.Column]
		if v.IsNull() {
			return false
		}
		order := catalog.Compare(v, s.Value)
		if !map[expr.Op]bool{
			expr.OpEqual: order == 0, expr.OpNotEqual: order != 0, expr.OpLess: order < 0,
			expr.OpLessEqual: order <= 0, expr.OpGreater: order > 0, expr.OpGreaterEqual: order >= 0,
		}[s.Op] {
			return false
		}
	}
	return true
}

// Queries see what Scan and ScanIndex see, over memtables and levels, with own writes, and after changes of the schema.
func TestQueriesSeeWhatScansSee(t *testing.T) {
	for seed := range environment.Seeds(t, 6) {
		r := rand.New(rand.NewPCG(seed, 3))
		db := spawn(t, Config{FS: vfs.NewMem(), MemtableBytes: 64 << 10, BlockBytes: 512, MemoryBudget: 16 << 20, Durability: NoSync})
		ctx := context.Background()
		d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("a", "BIGINT").Column("b", "TEXT").Column("c", "DOUBLE PRECISION").
			PrimaryKey("id").Index("by_a", "a", "b DESC").Index("by_b", "b").Using(catalog.LSM).UniqueIndex("by_c", "c").Build()
		must(t, err)
		must(t, db.RegisterTable(ctx, d))
		value := func(c catalog.Column) catalog.Value {
			switch {
			case r.IntN(8) == 0 && c.Name != "id":
				return catalog.Null()
			case c.Type.Kind == catalog.String:
				return catalog.Str(strings.Repeat(string(rune('a'+r.IntN(4))), r.IntN(40)))
			case c.Type.Kind == catalog.Float64:
				return catalog.Float(r.Float64())
			default:
				return catalog.Int(r.Int64N(500) - 50)
			}
		}
		write := func(txn *Txn) error {
			table, err := txn.Table("t")
			for n := r.IntN(200); err == nil && n > 0; n-- {
				var row []catalog.Value
				for _, c := range table.Schema().Columns {
					row = append(row, value(c))
				}
				if err = table.Upsert(row...); err == nil && r.IntN(4) == 0 {
					_, err = table.DeleteWhere(relation.ScanOptions{Prefix: []catalog.Value{value(table.Schema().Columns[0])}}, nil)
				}
			}
			return err
		}
		for round := range 20 {
			must(t, db.Update(ctx, write))
			switch r.IntN(8) {
			case 0:
				must(t, db.Flush(ctx))
			case 1:
				must(t, db.Compact(ctx, nil, nil))
			case 2:
				name := fmt.Sprintf("n%d", round)
				must(t, db.AlterTable(ctx, "t", func(s *catalog.Table) (*catalog.Table, error) {
					c := catalog.Column{Name: name, Type: catalog.Type{Kind: catalog.String}, Missing: catalog.Str("missing " + name)}
					return s.AddColumn(c)
				}))
			}
			txn, err := db.Begin(TxnOptions{})
			must(t, err)
			if r.IntN(2) == 0 {
				must(t, write(txn))
			}
			tables, err := txn.Tables()
			must(t, err)
			for range 8 {
				compareQuery(t, seed, r, tables, value)
			}
			must(t, txn.Rollback())
		}
		must(t, db.Close())
	}
}

// compareQuery reads the same by a query and by a scan.
func compareQuery(t *testing.T, seed uint64, r *rand.Rand, tables *relation.Tables, value func(catalog.Column) catalog.Value) {
	t.Helper()
	table, err := tables.Table("t")
	must(t, err)
	s := table.Schema()
	index := []string{"", "", "by_a", "by_b", "by_c"}[r.IntN(5)]
	q := &exec.ScanRequest{Table: s, Index: index, Columns: r.Perm(len(s.Columns))[:r.IntN(len(s.Columns)+1)], Reverse: r.IntN(3) == 0}
	first := map[string]int{"": 0, "by_a": 1, "by_b": 2, "by_c": 3}[index]
	if r.IntN(2) == 0 {
		q.Lower = []catalog.Value{value(s.Columns[first])}
	}
	if r.IntN(2) == 0 {
		q.Upper, q.UpperExclusive = []catalog.Value{value(s.Columns[first])}, r.IntN(2) == 0
	}
	for i, at := range q.Columns {
		if v := value(s.Columns[at]); r.IntN(4) == 0 && !v.IsNull() {
			q.Simple = append(q.Simple, exec.Simple{Column: i, Op: expr.OpEqual + expr.Op(r.IntN(6)), Value: v})
		}
	}
	o := relation.ScanOptions{Places: q.Columns, Lower: q.Lower, Upper: q.Upper, UpperExclusive: q.UpperExclusive, Reverse: q.Reverse}
	rows, err := table.Scan(o)
	if index != "" {
		rows, err = table.ScanIndex(index, o)
	}
	must(t, err)
	var want []string
	for row, err := range rows.All() {
		must(t, err)
		if satisfies(q, row.Values()) {
			want = append(want, fmt.Sprintf("%q", row.Values()))
		}
	}
	if len(q.Simple) > 0 && r.IntN(3) == 0 && len(want) > 1 {
		q.Limit = 1 + r.IntN(len(want))
	}
	got, err := queryRows(tables, q, 1+r.IntN(100))
	if q.Limit > 0 && len(got) >= q.Limit {
		got, want = got[:q.Limit], want[:q.Limit]
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("MIDDB_SEED=%d: %+v: %v\n%q, want\n%q", seed, q, err, got, want)
	}
}
