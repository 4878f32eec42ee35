package bind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
)

// tables is a Catalog of what statements have created.
type tables struct {
	relations map[string]*plan.Relation
	views     map[string]*View
}

func newTables() *tables {
	return &tables{map[string]*plan.Relation{}, map[string]*View{}}
}

func (c *tables) Relation(schema, name string) (*plan.Relation, error) {
	if schema != "" && schema != "public" {
		return nil, nil
	}
	return c.relations[name], nil
}

func (c *tables) View(schema, name string) (*View, error) {
	if schema != "" && schema != "public" {
		return nil, nil
	}
	return c.views[name], nil
}

func (c *tables) Names() []string {
	var all []string
	for name := range c.relations {
		all = append(all, name)
	}
	for name := range c.views {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// run executes the statements of a script that create something.
func (c *tables) run(script string) error {
	for _, part := range parser.Split(script) {
		sql := script[part.From:part.To]
		s, err := parser.Statement(sql)
		if err != nil {
			return err
		}
		switch s := s.(type) {
		case *ast.CreateTable:
			c.relations[s.Table.Name] = &plan.Relation{Table: tableOf(s, uint32(len(c.relations)+1)), Rows: 1000}
		case *ast.CreateIndex:
			t := c.relations[s.Table.Name].Table
			ix := catalog.Index{Name: s.Name, Unique: s.Unique, State: catalog.Ready}
			for _, col := range s.Columns {
				ix.Columns = append(ix.Columns, keyColumn(t, col.Expr.(*ast.Column).Name))
			}
			t.Indexes = append(t.Indexes, ix)
		case *ast.CreateView:
			v := &View{Name: s.Name.Name, Text: s.Query.String()}
			for _, n := range s.Columns {
				v.Columns = append(v.Columns, n.Name)
			}
			c.views[s.Name.Name] = v
		case *ast.Drop:
			for _, r := range s.Names {
				delete(c.relations, r.Name)
				delete(c.views, r.Name)
			}
		default:
			return fmt.Errorf("the tests cannot run %s", sql)
		}
	}
	return nil
}

func keyColumn(t *catalog.Table, name string) catalog.IndexColumn {
	c, _, _ := t.Column(name)
	return catalog.IndexColumn{Column: c.ID}
}

// tableOf returns the schema that a statement describes, as far as binding needs it.
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
			name := c.Name
			if name == "" {
				name = t.Name + "_" + columns[0].Name + "_key"
			}
			t.Indexes = append(t.Indexes, catalog.Index{Name: name, Unique: true, Columns: key, State: catalog.Ready})
		default:
		}
	}
	for i := range s.Columns {
		d := &s.Columns[i]
		c := catalog.Column{ID: uint16(i + 1), Name: d.Name, Type: d.Type}
		for j := range d.Constraints {
			switch k := &d.Constraints[j]; k.Kind {
			case ast.NotNull:
				c.NotNull = true
			case ast.DefaultValue:
				c.Default = k.Expr.String()
			case ast.Identity:
				c.Identity = k.Identity
			default:
			}
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

// bound is what binding has made of any statement.
type bound struct {
	text       string
	source     *plan.Query
	parameters []catalog.Type
	statement  any
}

// bindText reads and binds a statement.
func bindText(c Catalog, sql string, declared ...catalog.Type) (*bound, error) {
	s, err := parser.Statement(sql)
	if err != nil {
		return nil, err
	}
	return bindStatement(c, sql, s, declared...)
}

// bindStatement binds a statement.
func bindStatement(c Catalog, sql string, s ast.Statement, declared ...catalog.Type) (*bound, error) {
	o := &Options{Text: sql, Catalog: c, Parameters: declared}
	switch s := s.(type) {
	case *ast.Query:
		q, err := Query(s, o)
		if err != nil {
			return nil, err
		}
		return &bound{sql, q, q.Parameters, q}, nil
	case *ast.Insert:
		p, types, err := Insert(s, o)
		if err != nil {
			return nil, err
		}
		return &bound{sql, p.Source, types, p}, nil
	case *ast.Update:
		p, types, err := Update(s, o)
		if err != nil {
			return nil, err
		}
		return &bound{sql, p.Source, types, p}, nil
	case *ast.Delete:
		p, types, err := Delete(s, o)
		if err != nil {
			return nil, err
		}
		return &bound{sql, p.Source, types, p}, nil
	default:
		return nil, fmt.Errorf("the tests cannot bind %s", sql)
	}
}

// typeText returns a type as the scripts have it.
func typeText(t catalog.Type) string {
	if t.Kind == catalog.Decimal && t.Precision == 0 {
		return "decimal"
	}
	return strings.ToLower(t.String())
}
