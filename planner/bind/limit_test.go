package bind

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

func ready(t testing.TB) *tables {
	t.Helper()
	c := newTables()
	if err := c.run(schema); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatIsTooMuchIsRefused(t *testing.T) {
	c := ready(t)
	views := []string{"CREATE VIEW v0 AS SELECT id FROM item"}
	for i := range maxViews + 1 {
		views = append(views, fmt.Sprintf("CREATE VIEW v%d AS SELECT a.id FROM v%d a, v%d b", i+1, i, i))
	}
	if err := c.run(strings.Join(views, "; ")); err != nil {
		t.Fatal(err)
	}
	repeat := func(n int, f func(i int) string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = f(i)
		}
		return strings.Join(all, "")
	}
	for name, w := range map[string]struct {
		sql  string
		want sqlstate.Code // empty: it is bound
	}{
		"many views":       {"SELECT * FROM v25", sqlstate.TooComplex},
		"deep views":       {fmt.Sprintf("SELECT * FROM v%d", maxViews+1), sqlstate.TooComplex},
		"few views":        {"SELECT * FROM v5", ""},
		"deep queries":     {strings.Repeat("(SELECT ", 300) + "1" + strings.Repeat(")", 300), sqlstate.TooComplex},
		"few queries":      {"SELECT " + strings.Repeat("(SELECT ", 100) + "1" + strings.Repeat(")", 100), ""},
		"deep tables":      {strings.Repeat("SELECT * FROM (", 300) + "SELECT 1" + repeat(300, func(i int) string { return fmt.Sprintf(") t%d", i) }), sqlstate.TooComplex},
		"many tables":      {"SELECT 1 FROM kind" + repeat(maxTables, func(i int) string { return fmt.Sprintf(", kind k%d", i) }), sqlstate.TooComplex},
		"many joins":       {"SELECT count(*) FROM kind" + repeat(100, func(i int) string { return fmt.Sprintf(" JOIN kind k%d ON k%d.id = kind.id", i, i) }), ""},
		"wide list":        {"SELECT 1" + strings.Repeat(", 1", maxColumns), sqlstate.TooManyColumns},
		"wide star":        {"SELECT " + strings.Repeat("item.*, ", 500) + "1 FROM item", sqlstate.TooManyColumns},
		"wide VALUES":      {"VALUES (1" + strings.Repeat(", 1", maxColumns) + ")", sqlstate.TooManyColumns},
		"wide enough":      {"SELECT 1" + strings.Repeat(", 1", maxColumns-1), ""},
		"many unions":      {"SELECT 1" + strings.Repeat(" UNION ALL SELECT id FROM item", 2000), ""},
		"too many unions":  {"SELECT 1" + strings.Repeat(" UNION ALL SELECT id FROM item", 8000), sqlstate.TooComplex},
		"deep expressions": {"SELECT id" + strings.Repeat(" + price", 5000) + " FROM item GROUP BY id, price, id + 1", ""},
		"WITH of WITH": {
			"WITH a0 AS (SELECT 1 AS x)" + repeat(30, func(i int) string {
				return fmt.Sprintf(", a%d AS NOT MATERIALIZED (SELECT a.x FROM a%d a, a%d b)", i+1, i, i)
			}) + " SELECT * FROM a30", sqlstate.TooComplex,
		},
		"WITH computed once": {
			"WITH a0 AS (SELECT 1 AS x)" + repeat(100, func(i int) string {
				return fmt.Sprintf(", a%d AS (SELECT a.x FROM a%d a, a%d b)", i+1, i, i)
			}) + " SELECT * FROM a100", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := isBound(c, w.sql)
			if w.want == "" && err != nil || w.want != "" && !errors.Is(err, w.want) {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

func TestDeclaredParametersKeepTheirTypes(t *testing.T) {
	b, err := bindText(ready(t), "SELECT $1, $2 FROM item WHERE id = $1", catalog.Type{Kind: catalog.Decimal})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.parameters; got[0].Kind != catalog.Decimal || got[1].Kind != catalog.String || b.source.Output[0].Type.Kind != catalog.Decimal {
		t.Errorf("got %v, %v", got, b.source.Output)
	}
}

func TestPlansSayWhatTheyDependOn(t *testing.T) {
	c := ready(t)
	c.relations["virtual"] = &plan.Relation{
		Table:   &catalog.Table{Name: "virtual", Columns: []catalog.Column{{ID: 1, Name: "x", Type: textType}}},
		Virtual: func() ([][]catalog.Value, error) { return nil, nil },
	}
	b, err := bindText(c, "SELECT * FROM cheap, cheap c, item, virtual WHERE EXISTS (SELECT 1 FROM kind)")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range b.source.Tables {
		names = append(names, table.Name)
	}
	if got := fmt.Sprint(names); got != "[item kind]" {
		t.Errorf("got %s", got)
	}
	if _, err = bindText(c, "DELETE FROM virtual"); !errors.Is(err, sqlstate.WrongObjectType) {
		t.Errorf("a virtual table was written: %v", err)
	}
}

func TestErrorsOfTheCatalogAreReturned(t *testing.T) {
	for _, sql := range []string{"SELECT * FROM a", "DELETE FROM a", "INSERT INTO a VALUES (1)", "UPDATE a SET b = 1"} {
		if _, err := bindText(broken{}, sql); !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", sql, err)
		}
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Relation(string, string) (*plan.Relation, error) { return nil, errBroken }
func (broken) View(string, string) (*View, error)              { return nil, errBroken }

func BenchmarkBind(b *testing.B) {
	c := ready(b)
	for _, sql := range []string{
		"SELECT name FROM item WHERE id = $1",
		"INSERT INTO item VALUES ($1, $2, $3, $4)",
		"SELECT k.name, count(*), sum(i.price) FROM item i JOIN kind k ON k.id = i.kind WHERE i.price > 3 GROUP BY k.name ORDER BY 2 DESC LIMIT 10",
	} {
		b.Run(strings.Fields(sql)[0]+fmt.Sprint(len(sql)), func(b *testing.B) {
			b.ReportAllocs()
			s, err := parser.Statement(sql)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := bindStatement(c, sql, s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
