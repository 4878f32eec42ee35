package expr

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/parser"
)

// node binds an expression of the columns of scope, whose ids are 1 to 10.
func node(t *testing.T, sql string) *Node {
	t.Helper()
	p, err := compile(scope(sql))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return p.Node()
}

var sampleNodes = []string{
	"i + 1 > 5 AND (b OR d < 2.5) AND s LIKE 'a%'", "CASE WHEN b THEN i ELSE 1 / 0 END", "CASE i WHEN 1 THEN s WHEN 2 THEN 'two' END",
	"CASE i + 1 WHEN 1 THEN 'a' WHEN i THEN 'b' ELSE s END", "COALESCE(NULL, i, 1 / 0)", "i IN (1, 2, i)", "i NOT BETWEEN 1 AND d",
	"s || i || b", "b IS NOT TRUE OR b IS FALSE", "day + INTERVAL '1 day' > ts", "EXTRACT(YEAR FROM day) = 2026", "-i", "i / d", "f * 2 - d",
	"NULLIF(i, 5)", "GREATEST(i, 3)", "CONCAT_WS(',', s, i)", "j->>'a' = s", "s ILIKE s", "i IS DISTINCT FROM 5", "b AND NULL",
	"CAST(i AS TEXT)", "day IN (DATE '2026-03-04', NULL)", "i % 2 = 0 OR i / 0 > 1", "NOT (b AND i = 5)", "LENGTH(s) + STRPOS(s, 'b')",
}

func sampleRow(r *rand.Rand) []catalog.Value {
	row := make([]catalog.Value, 10)
	json, _ := catalog.JSONOf(`{"a":"ab"}`)
	all := []catalog.Value{
		catalog.Int(int64(r.IntN(7))), catalog.DecimalOf(int64(r.IntN(500)), 2), catalog.Float(float64(r.IntN(3))), catalog.BoolOf(r.IntN(2) == 0),
		catalog.Str([]string{"ab", "b", ""}[r.IntN(3)]), catalog.BytesOf([]byte{1}), catalog.DateOf(20516 + int64(r.IntN(3))),
		catalog.TimestampOf(catalog.DateOf(20517).AsTime()),
		{},
		json,
	}
	for i := range row {
		if r.IntN(4) > 0 {
			row[i] = all[i]
		}
	}
	return row
}

func outcome(t *testing.T, n *Node, s *Slots, row []catalog.Value) string {
	t.Helper()
	p, err := Compile(n, s)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.Eval(row, nil)
	if err != nil {
		return "ERROR"
	}
	return v.Kind().String() + v.String()
}

func places10(shift int) *Slots {
	s := &Slots{Columns: make(map[ColumnID]int)}
	for i := range 10 {
		s.Columns[ColumnID(i+1)] = (i + shift) % 10
	}
	return s
}

func TestRebuiltNodesHaveTheSameValues(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for _, sql := range sampleNodes {
		n := node(t, sql)
		for range 50 {
			row := sampleRow(r)
			want := outcome(t, n, places10(0), row)
			constants := make(map[ColumnID]*Node)
			n.Walk(func(x *Node) bool {
				if x.Op == OpColumn {
					constants[x.Column] = Constant(row[x.Column-1], x.Type)
				}
				return true
			})
			check := func(what, got string) {
				t.Helper()
				if got != want {
					t.Fatalf("seed %d: %s of %s: got %s, want %s", seed, what, sql, got, want)
				}
			}
			copied := n.Map(func(x *Node) *Node { c := *x; return &c })
			check("Map", outcome(t, copied, places10(0), row))
			check("Substitute", outcome(t, n.Substitute(constants), &Slots{}, nil))
			check("Fold", outcome(t, n.Fold(), places10(0), row))
			check("Substitute and Fold", outcome(t, n.Substitute(constants).Fold(), &Slots{}, nil))
			turned := append(slices.Clone(row[7:]), row[:7]...)
			check("other places", outcome(t, n, places10(3), turned))
			if !copied.Equal(n) || n.Fold().MayFail() && !n.MayFail() || want == "ERROR" && !n.MayFail() {
				t.Fatalf("seed %d: %s: a copy is not equal, or it fails and should not", seed, sql)
			}
			checkKernel(t, n, row, want)
		}
	}
}

func checkKernel(t *testing.T, n *Node, row []catalog.Value, want string) {
	t.Helper()
	b := &catalog.Batch{Len: 3, Sel: []int32{1}}
	for _, v := range row {
		c := &catalog.Vector{}
		c.Set(0, 3, catalog.Null())
		c.Set(1, 3, v)
		b.Columns = append(b.Columns, c)
	}
	k, err := NewKernel(n, places10(0))
	if err != nil {
		t.Fatal(err)
	}
	v, err := k.Eval(b, nil)
	got := "ERROR"
	if err == nil {
		got = v.Value(1).Kind().String() + v.Value(1).String()
	}
	if got != want {
		t.Fatalf("kernel of %s: got %s, want %s", n, got, want)
	}
}

// RejectsNulls may only say yes if it is so.
func TestRejectsNulls(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for _, sql := range append(slices.Clone(sampleNodes), "i = 1", "i IS NULL", "i IS NOT NULL", "NOT (i IS NULL)", "COALESCE(i, 1) = 1", "COALESCE(b, FALSE)",
		"CASE WHEN i = 1 THEN b ELSE FALSE END", "i = 1 OR d = 2", "NOT (i = 1 OR s = 'a')", "CONCAT(s) = ''", "i + 1 BETWEEN 1 AND 2") {
		n := node(t, sql)
		if n.Type.Kind != catalog.Bool {
			continue
		}
		for range 100 {
			row, of := sampleRow(r), map[ColumnID]bool{ColumnID(1 + r.IntN(5)): true, ColumnID(1 + r.IntN(5)): true}
			for id := range of {
				row[id-1] = catalog.Null()
			}
			if RejectsNulls(n, of) && outcome(t, n, places10(0), row) == "BOOLEANtrue" {
				t.Fatalf("seed %d: %s is true although columns %v are NULL", seed, sql, of)
			}
		}
	}
	for sql, want := range map[string]bool{"i = 1": true, "i IS NULL": false, "i IS NOT NULL": true, "NOT (i IS NULL)": true, "COALESCE(i, 1) = 1": false, "i = 1 OR i = 2": true, "i = 1 OR b": false} {
		if got := RejectsNulls(node(t, sql), map[ColumnID]bool{1: true}); got != want {
			t.Errorf("%s: got %v, want %v", sql, got, want)
		}
	}
}

// What is not in takesNull must be NULL of NULL, and what is in safe must not fail.
func TestAllFunctionsAreNullOfNull(t *testing.T) {
	samples := []string{"NULL", "5", "1.5", "'a'", "DATE '2026-01-02'", "INTERVAL '1 day'", "'[1]'::json", "TRUE", "X'00'", "'hex'"}
	for name, f := range functions {
		if takesNull[name] || name == "coalesce" || name == "ifnull" {
			continue
		}
		for count := max(f.least, 1); count <= min(f.most, 4); count++ {
			for null := range count {
				for _, sample := range samples {
					args := slices.Repeat([]string{sample}, count)
					args[null] = "NULL"
					sql := name + "(" + strings.Join(args, ", ") + ")"
					tree, err := parser.Expression(sql)
					if err != nil {
						continue
					}
					if p, err := Bind(tree, &Scope{Text: sql}); err == nil {
						if v, err := p.Eval(nil, nil); err == nil && !v.IsNull() && p.Node().Op != OpCall {
							t.Errorf("%s is %s", sql, v)
						}
					}
				}
			}
		}
	}
}

func TestNodesPrint(t *testing.T) {
	for sql, want := range map[string]string{
		"i * (1 - d) > 10":                             "(CAST(i AS DECIMAL) * (1 - d)) > 10",
		"t.s LIKE 'a%' AND NOT b AND i IN (1, 2)":      "(t.s LIKE 'a%') AND (NOT b) AND (i IN (1, 2))",
		"day >= DATE '1998-12-01' - INTERVAL '90 day'": "day >= DATE '1998-09-02'",
		"i BETWEEN 1 AND 5":                            "i BETWEEN 1 AND 5",
		"COALESCE(s, 'it''s')":                         "coalesce(s, 'it''s')",
		"CASE WHEN b THEN 1 END":                       "CASE WHEN b THEN 1 ELSE NULL END",
		"ts + INTERVAL '1 day'":                        "ts + INTERVAL '1 day'",
		"EXTRACT(YEAR FROM day)":                       "extract('year', day)",
		"b IS NOT TRUE":                                "b IS NOT TRUE",
	} {
		if got := node(t, sql).String(); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}
