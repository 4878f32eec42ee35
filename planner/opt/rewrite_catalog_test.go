package opt

import (
	"fmt"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
)

// tables is a bind.Catalog of what CREATE statements say.
type tables map[string]*plan.Relation

func (c tables) Relation(_, name string) (*plan.Relation, error) { return c[name], nil }

func (c tables) View(string, string) (*bind.View, error) { return nil, nil }

// newTables runs a script of CREATE TABLE and CREATE INDEX. All tables have that many rows.
func newTables(t testing.TB, script string, rows float64) tables {
	t.Helper()
	c := tables{}
	for _, part := range parser.Split(script) {
		if err := c.create(script[part.From:part.To], rows); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c tables) create(sql string, rows float64) error {
	s, err := parser.Statement(sql)
	if err != nil {
		return err
	}
	switch s := s.(type) {
	case *ast.CreateTable:
		c[s.Table.Name] = &plan.Relation{Table: tableOf(s, uint32(len(c)+1)), Rows: rows}
	case *ast.CreateIndex:
		r, ok := c[s.Table.Name]
		if !ok {
			return fmt.Errorf("there is no table %s", s.Table.Name)
		}
		ix := catalog.Index{Name: s.Name, Unique: s.Unique, State: catalog.Ready}
		for _, col := range s.Columns {
			ix.Columns = append(ix.Columns, keyColumn(r.Table, col.Expr.(*ast.Column).Name))
		}
		r.Table.Indexes = append(r.Table.Indexes, ix)
	default:
		return fmt.Errorf("the tests cannot run %s", sql)
	}
	return nil
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
		case ast.Unique:
			t.Indexes = append(t.Indexes, catalog.Index{Name: t.Name + "_key", Unique: true, Columns: key, State: catalog.Ready})
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

// bound binds a query.
func (c tables) bound(sql string) (*plan.Query, error) {
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
