package opt

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
)

// tables is a bind.Catalog of what statements have created.
type tables map[string]*plan.Relation

func (c tables) Relation(_, name string) (*plan.Relation, error) { return c[name], nil }
func (c tables) View(_, _ string) (*bind.View, error)            { return nil, nil }

// create executes CREATE TABLE and CREATE INDEX.
func (c tables) create(t testing.TB, script string) {
	t.Helper()
	for _, part := range parser.Split(script) {
		if err := c.createOne(script[part.From:part.To]); err != nil {
			t.Fatal(err)
		}
	}
}

func (c tables) createOne(sql string) error {
	s, err := parser.Statement(sql)
	if err != nil {
		return err
	}
	switch s := s.(type) {
	case *ast.CreateTable:
		c[s.Table.Name] = &plan.Relation{Table: tableOf(s, uint32(len(c)+1)), Rows: 1000}
		return nil
	case *ast.CreateIndex:
		r := c[s.Table.Name]
		if r == nil {
			return fmt.Errorf("there is no table %s", s.Table.Name)
		}
		ix := catalog.Index{Name: s.Name, Unique: s.Unique, State: catalog.Ready}
		for _, column := range s.Columns {
			k := keyColumn(r.Table, column.Expr.(*ast.Column).Name)
			k.Descending = column.Descending
			k.NullsFirst = column.Nulls == ast.NullsFirst || column.Nulls == ast.NullsGreatest && column.Descending
			ix.Columns = append(ix.Columns, k)
		}
		r.Table.Indexes = append(r.Table.Indexes, ix)
		return nil
	default:
		return fmt.Errorf("the tests cannot run %s", s)
	}
}

func keyColumn(t *catalog.Table, name string) catalog.IndexColumn {
	c, _, _ := t.Column(name)
	return catalog.IndexColumn{Column: c.ID}
}

// tableOf returns the schema that a statement describes, as far as planning needs it.
func tableOf(s *ast.CreateTable, id uint32) *catalog.Table {
	t := &catalog.Table{ID: id, Name: s.Table.Name, Version: 1}
	add := func(c *ast.Constraint, columns []ast.Name) {
		var key []catalog.IndexColumn
		for _, n := range columns {
			key = append(key, keyColumn(t, n.Name))
		}
		switch c.Kind {
		case ast.PrimaryKey:
			t.PrimaryKey = key
			for _, k := range key {
				t.Columns[k.Column-1].NotNull = true
			}
		case ast.Unique:
			name := t.Name + "_" + columns[0].Name + "_key"
			t.Indexes = append(t.Indexes, catalog.Index{Name: name, Unique: true, Columns: key, State: catalog.Ready})
		default:
		}
	}
	for i := range s.Columns {
		d := &s.Columns[i]
		c := catalog.Column{ID: uint16(i + 1), Name: d.Name, Type: d.Type}
		for j := range d.Constraints {
			c.NotNull = c.NotNull || d.Constraints[j].Kind == ast.NotNull
		}
		t.Columns = append(t.Columns, c)
		for j := range d.Constraints {
			add(&d.Constraints[j], []ast.Name{{Name: d.Name}})
		}
	}
	for i := range s.Constraints {
		add(&s.Constraints[i], s.Constraints[i].Columns)
	}
	return t
}

// analyze sets the statistics of a table: a line for each column, such as
//
//	x distinct=10 nulls=0.5 from=0 to=1000 correlation=1 common=3:0.5,4:0.1
func (c tables) analyze(t *testing.T, d *datadriven.TestData) {
	t.Helper()
	var name string
	var rows int
	d.ScanArgs(t, "table", &name)
	d.ScanArgs(t, "rows", &rows)
	r := c[name]
	r.Rows = float64(rows)
	if d.Input == "" {
		return
	}
	r.Statistics = &plan.Statistics{Rows: r.Rows}
	for line := range strings.SplitSeq(d.Input, "\n") {
		words := strings.Fields(line)
		column, _, found := r.Table.Column(words[0])
		if !found {
			t.Fatalf("%s: there is no column %s", d.Pos, words[0])
		}
		s := plan.ColumnStatistics{ID: column.ID, Width: 8}
		values := map[string]float64{}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			if name == "common" {
				commonValues(t, &s, value, column.Type)
				continue
			}
			values[name], _ = strconv.ParseFloat(value, 64)
		}
		s.Nulls, s.Distinct, s.Correlation = values["nulls"], values["distinct"], values["correlation"]
		if values["to"] > values["from"] {
			for i := range 101 {
				v := values["from"] + (values["to"]-values["from"])*float64(i)/100
				s.Bounds = append(s.Bounds, valueOf(column.Type, v))
			}
		}
		r.Statistics.Columns = append(r.Statistics.Columns, s)
	}
}

// commonValues adds common values: value:frequency,...
func commonValues(t *testing.T, s *plan.ColumnStatistics, text string, typ catalog.Type) {
	t.Helper()
	for pair := range strings.SplitSeq(text, ",") {
		value, frequency, _ := strings.Cut(pair, ":")
		v, err := catalog.Parse(typ, value)
		if err != nil {
			t.Fatal(err)
		}
		f, err := strconv.ParseFloat(frequency, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.Common, s.Frequency = append(s.Common, v), append(s.Frequency, f)
	}
}

// valueOf returns a value of a type that grows with a number.
func valueOf(t catalog.Type, f float64) catalog.Value {
	switch t.Kind {
	case catalog.Float64:
		return catalog.Float(f)
	case catalog.String:
		return catalog.Str(fmt.Sprintf("%010.0f", f))
	case catalog.Date:
		return catalog.DateOf(int64(f))
	case catalog.Decimal:
		return catalog.DecimalOf(int64(f*100), 2)
	default:
		return catalog.Int(int64(f))
	}
}

// query binds the text of a query.
func (c tables) query(sql string) (*plan.Query, error) {
	s, err := parser.Statement(sql)
	if err != nil {
		return nil, err
	}
	q, ok := s.(*ast.Query)
	if !ok {
		return nil, fmt.Errorf("%s is no query", sql)
	}
	return bind.Query(q, &bind.Options{Text: sql, Catalog: c})
}

// TestScripts plans the queries of testdata. The commands are tables, which creates tables and indexes; analyze, which sets
// statistics; and explain, which shows the plan. Its arguments are join and aggregate for forced methods, noindex, costs,
// verbose and json. Rewrite shows what a rule makes of a plan, see rewriteSQL. With -rewrite, what was expected becomes what there is.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c := tables{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "tables":
				c.create(t, d.Input)
				return ""
			case "analyze":
				c.analyze(t, d)
				return ""
			case "explain":
				return explainSQL(t, c, d)
			case "rewrite":
				return rewriteSQL(t, c, d)
			default:
				t.Fatalf("%s: there is no such command: %s", d.Pos, d.Cmd)
				return ""
			}
		})
	})
}

func explainSQL(t *testing.T, c tables, d *datadriven.TestData) string {
	t.Helper()
	o := &Options{NoIndex: d.HasArg("noindex")}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "join":
			o.Join = map[string]JoinMethod{"hash": HashJoins, "merge": MergeJoins, "loop": NestedLoops, "index": IndexJoins}[arg.Vals[0]]
		case "aggregate":
			o.Aggregate = map[string]AggregateMethod{"hash": HashAggregates, "sort": SortAggregates}[arg.Vals[0]]
		}
	}
	q, err := c.query(d.Input)
	if err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	got, err := Optimize(q, o)
	if err != nil {
		t.Fatalf("%s: %v", d.Pos, err)
	}
	made, _ := Rewrite(q, o)
	verify(t, d.Input, made, got)
	e := ExplainOptions{NoCosts: !d.HasArg("costs"), Verbose: d.HasArg("verbose")}
	if d.HasArg("json") {
		return ExplainJSON(got, e)
	}
	return Explain(got, e)
}

// bound binds the text of a query.
func bound(t testing.TB, c tables, sql string) *plan.Query {
	t.Helper()
	q, err := c.query(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return q
}
