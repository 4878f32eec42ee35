package session

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/sqlstate"
)

// runCreateAs runs CREATE TABLE ... AS.
func (s *Session) runCreateAs(ctx context.Context, st *statement, tree *ast.CreateTable) (*Rows, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	r := Result{Tag: "CREATE TABLE AS"}
	err := s.changeSchema(ctx, st.text, "CREATE TABLE", func(x *changing) (err error) {
		r.RowsAffected, err = x.createAs(tree)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.Tag = "SELECT " + decimal(r.RowsAffected)
	return s.finished(r), nil
}

// createAs makes a table of the columns of a query, and fills it.
func (x *changing) createAs(tree *ast.CreateTable) (int64, error) {
	name, err := x.name(tree.Table)
	if err != nil {
		return 0, err
	}
	if there, e := x.there(name, tree.Table.At, tree.IfNotExists); there || e != nil {
		return 0, e
	}
	if tree.Temporary {
		return 0, sqlstate.New(sqlstate.NotSupported, tree.At, "there are no temporary tables").
			WithHint("create a table and drop it later")
	}
	q, err := bind.Query(tree.As, &bind.Options{Text: x.text, Catalog: &lookup{s: x.s, tables: x.tables}})
	if err != nil {
		return 0, err
	}
	if len(tree.Names) > len(q.Output) {
		return 0, sqlstate.New(sqlstate.SyntaxError, tree.Names[len(q.Output)].At, "there are names for %d columns, and the query has %d",
			len(tree.Names), len(q.Output))
	}
	b := catalog.NewTable(quoted(name))
	seen := map[string]bool{}
	for i, c := range q.Output {
		if i < len(tree.Names) {
			c.Name = tree.Names[i].Name
		}
		if seen[c.Name] {
			e := sqlstate.New(sqlstate.DuplicateColumn, tree.At, "the table would have two columns %q", c.Name)
			e.Column = c.Name
			return 0, e.WithHint("name the columns with AS")
		}
		seen[c.Name] = true
		b.Column(quoted(c.Name), storedType(c.Type).String())
	}
	d, err := b.Build()
	if err != nil {
		return 0, err
	}
	if err := x.tables.Create(d); err != nil || tree.NoData {
		return 0, err
	}
	insert := &ast.Insert{At: tree.At, Table: ast.Named{At: tree.At, Relation: tree.Table}, Query: tree.As}
	p := &planned{}
	if err := x.s.fillPlan(p, x.text, insert, x.tables); err != nil {
		return 0, err
	}
	return x.s.newExecution(x.ctx, p, x.tables, nil).write()
}

// storedType returns the type of a column that takes the values of an expression.
func storedType(t catalog.Type) catalog.Type {
	switch {
	case t.Kind == 0:
		return textType
	case t.Kind == catalog.Decimal && t.Precision == 0: // as many digits as values need
		scale := t.Scale
		if scale == 0 {
			scale = 6
		}
		return catalog.Type{Kind: catalog.Decimal, Precision: catalog.MaxPrecision, Scale: min(scale, catalog.MaxPrecision)}
	default:
		return t
	}
}
