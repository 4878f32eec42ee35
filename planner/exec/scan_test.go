package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// randomBound returns a value that a column of a type may be compared with: of the type, or near those that there are.
func randomBound(r *rand.Rand, t catalog.Type) *expr.Node {
	if r.IntN(12) == 0 {
		return expr.Constant(catalog.Null(), t)
	}
	n := int64(r.IntN(9) - 4)
	v := storedValue(t, n)
	if r.IntN(2) == 0 {
		switch t.Kind {
		case catalog.Int64:
			v = []catalog.Value{catalog.DecimalOf(n*10+5, 1), catalog.DecimalOf(n*100, 2), catalog.DecimalOf(-9e17, 0)}[r.IntN(3)]
		case catalog.Decimal:
			v = []catalog.Value{catalog.Int(n), catalog.DecimalOf(n*7, 2), catalog.Int(n * 1e15), catalog.DecimalOf(n*50, 2)}[r.IntN(4)]
		case catalog.String:
			v = catalog.Str([]string{"abc", "a ", "éaé", "zzz"}[r.IntN(4)])
		case catalog.Float64:
			v = catalog.Float([]float64{0.3, -1.2, 1e300, -1e300}[r.IntN(4)])
		case catalog.Date:
			v = storedValue(catalog.Type{Kind: catalog.Timestamp}, n)
		default:
			v = catalog.DateOf(dayOne + n/2)
		}
	}
	typ := catalog.Type{Kind: v.Kind()}
	if v.Kind() == t.Kind {
		typ = t
	}
	if _, scale := v.AsDecimal(); v.Kind() == catalog.Decimal {
		typ = catalog.Type{Kind: catalog.Decimal, Precision: 18, Scale: scale}
	}
	return expr.Constant(v, typ)
}

func compared(o ast.Operator, x, y *expr.Node) *expr.Node {
	n, err := expr.NewBinder("", nil, nil).Compare(-1, o, x, y)
	if err != nil {
		panic(err)
	}
	return n
}

// randomRange returns a range of a key, and the conditions that say the same.
func randomRange(r *rand.Rand, parts []keyPart, columns map[int]*expr.Node) (b physical.Bounds, conditions []*expr.Node) {
	for _, p := range parts[:r.IntN(len(parts)+1)] {
		x := randomBound(r, p.typ)
		b.Prefix = append(b.Prefix, x)
		conditions = append(conditions, compared(ast.Equal, columns[p.place], x))
	}
	if len(b.Prefix) == len(parts) {
		return b, conditions
	}
	c := columns[parts[len(b.Prefix)].place]
	if r.IntN(2) == 0 {
		b.Lower, b.LowerExclusive = randomBound(r, c.Type), r.IntN(2) == 0
		conditions = append(conditions, compared(operator(b.LowerExclusive, ast.Greater, ast.GreaterEqual), c, b.Lower))
	}
	if r.IntN(2) == 0 {
		b.Upper, b.UpperExclusive = randomBound(r, c.Type), r.IntN(2) == 0
		conditions = append(conditions, compared(operator(b.UpperExclusive, ast.Less, ast.LessEqual), c, b.Upper))
	}
	if b.NotNull = r.IntN(4) == 0; b.NotNull {
		conditions = append(conditions, expr.IsNull(c, true))
	}
	return b, conditions
}

func operator(exclusive bool, with, without ast.Operator) ast.Operator {
	if exclusive {
		return with
	}
	return without
}

// scanColumns returns a scan of all columns of a table, without ranges, and the nodes of its columns by place.
func scanColumns(t *fakeTable, first int) (*physical.Scan, map[int]*expr.Node) {
	n := &physical.Scan{Relation: &plan.Relation{Table: t.Table}}
	columns := map[int]*expr.Node{}
	for i, c := range t.Columns {
		n.Places = append(n.Places, i)
		n.Output = append(n.Output, plan.Column{ID: expr.ColumnID(first + i), Type: c.Type})
		columns[i] = expr.Column(expr.ColumnID(first+i), c.Type, "", c.Name)
	}
	if len(t.PrimaryKey) == 0 {
		n.Places = append(n.Places, plan.HiddenRowID)
		n.Output = append(n.Output, plan.Column{ID: expr.ColumnID(first + len(t.Columns)), Type: bigint})
		columns[-1] = expr.Column(expr.ColumnID(first+len(t.Columns)), bigint, "", "row")
	}
	return n, columns
}

func fakeOf(r *rand.Rand, tables ...*fakeTable) (*fakeStorage, map[string][][]catalog.Value) {
	s, rows := &fakeStorage{tables: map[string]*fakeTable{}, r: r}, map[string][][]catalog.Value{}
	for _, t := range tables {
		s.tables[t.Name], rows[t.Name] = t, t.rows
	}
	return s, rows
}

func indexOf(r *rand.Rand) string { return []string{"", "ids", "ix0", "ix1", "ix2"}[r.IntN(5)] }

func TestScansReadAllRowsOfTheirRanges(t *testing.T) {
	for seed := range uint64(3000) {
		r := randomSource(seed)
		table := newFakeTable(r, "t", r.IntN(40))
		s, rows := fakeOf(r, table)
		n, columns := scanColumns(table, 1)
		n.Index, n.Reverse = indexOf(r), r.IntN(2) == 0
		parts, _, err := keyOf(table.Table, n.Index)
		if err != nil {
			t.Fatal(err)
		}
		var any []*expr.Node
		for range r.IntN(4) {
			b, conditions := randomRange(r, parts, columns)
			n.Ranges = append(n.Ranges, b)
			if all := expr.And(conditions...); all != nil {
				any = append(any, all)
			} else {
				any = append(any, expr.Constant(catalog.BoolOf(true), boolean))
			}
		}
		if len(any) > 0 {
			n.Filter = expr.Or(any...).Conjuncts()
		}
		o := randomOptions(r)
		o.Storage = s
		what := fmt.Sprintf("index %q of %v, filter %v", n.Index, parts, n.Filter)
		got, err := runPlan(queryOf(n), o)
		want := (&naivePlan{tables: rows}).rows(n)
		if a, b := shuffled(got), shuffled(want); err != nil || a != b || s.open != 0 {
			failed(t, seed, what, a, b, err)
		}
		keys := table.key(n.Index)
		if !slices.IsSortedFunc(got, func(a, b []catalog.Value) int {
			for _, k := range keys {
				if c := k.compare(a[k.place], b[k.place]); c != 0 {
					if n.Reverse {
						c = -c
					}
					return c
				}
			}
			return 0
		}) {
			failed(t, seed, what+", order", show(got), "", nil)
		}
		if s.read > len(want) && exactBounds(n.Ranges, parts) && len(n.Ranges) < 2 {
			t.Fatalf("MIDDB_SEED=%d: %s: %d rows were read for %d", seed, what, s.read, len(want))
		}
	}
}

// exactBounds reports whether ranges are what their conditions say.
func exactBounds(list []physical.Bounds, parts []keyPart) bool {
	for _, b := range list {
		for i, x := range append(slices.Clone(b.Prefix), b.Lower, b.Upper) {
			if x != nil && !x.Value.IsNull() && !fitting(x.Value, parts[min(i, len(b.Prefix), len(parts)-1)].typ).exact {
				return false
			}
		}
	}
	return true
}

func TestBitmapScansReadEachRowOnce(t *testing.T) {
	for seed := range uint64(1000) {
		r := randomSource(seed)
		table := newFakeTable(r, "t", r.IntN(40))
		s, rows := fakeOf(r, table)
		scan, columns := scanColumns(table, 1)
		n := &physical.BitmapScan{Relation: scan.Relation, Places: scan.Places, Header: scan.Header}
		var any []*expr.Node
		for range 1 + r.IntN(3) {
			part := physical.BitmapPart{Index: indexOf(r)}
			parts, _, err := keyOf(table.Table, part.Index)
			if err != nil {
				t.Fatal(err)
			}
			b, conditions := randomRange(r, parts, columns)
			part.Ranges = []physical.Bounds{b}
			n.Parts = append(n.Parts, part)
			any = append(any, expr.And(append(conditions, expr.Constant(catalog.BoolOf(true), boolean))...))
		}
		n.Filter = []*expr.Node{expr.Or(any...)}
		o := randomOptions(r)
		o.Storage = s
		got, err := runPlan(queryOf(n), o)
		want := (&naivePlan{tables: rows}).rows(n)
		if a, b := shuffled(got), shuffled(want); err != nil || a != b || s.open != 0 {
			failed(t, seed, fmt.Sprint(n.Filter), a, b, err)
		}
	}
}

func TestIndexJoinsOfAllKinds(t *testing.T) {
	for seed := range uint64(1500) {
		r := randomSource(seed)
		outer, inner := newFakeTable(r, "o", r.IntN(25)), newFakeTable(r, "i", r.IntN(25))
		s, rows := fakeOf(r, outer, inner)
		left, columns := scanColumns(outer, 1)
		right, _ := scanColumns(inner, 101)
		n := &physical.IndexJoin{Left: left, Relation: right.Relation, Places: right.Places, Right: right.Output, Index: indexOf(r)}
		n.Kind = []plan.JoinKind{plan.InnerJoin, plan.LeftJoin, plan.SemiJoin, plan.AntiJoin}[r.IntN(4)]
		parts, _, err := keyOf(inner.Table, n.Index)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts[:1+r.IntN(len(parts))] {
			if p.place < 0 {
				p.place = 0
			}
			n.Keys = append(n.Keys, columns[p.place])
		}
		if r.IntN(2) == 0 {
			n.On = append(n.On, lessThan(columns[0], columnNode(right, 107)))
		}
		n.Output = joinOutput(n.Kind, left, right)
		o := randomOptions(r)
		o.Storage = s
		got, err := runPlan(queryOf(n), o)
		want := (&naivePlan{tables: rows}).rows(n)
		if a, b := shuffled(got), shuffled(want); err != nil || a != b || s.open != 0 {
			failed(t, seed, fmt.Sprintf("%v by %q, keys %v, on %v", n.Kind, n.Index, n.Keys, n.On), a, b, err)
		}
	}
}
