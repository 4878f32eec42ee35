package session

import (
	"context"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// run runs a statement.
func (s *Session) run(ctx context.Context, st *statement, args []any) (*Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	rows, err := s.dispatch(ctx, st, args)
	if err != nil && s.txn != nil {
		s.txn.fail()
	}
	return rows, err
}

// execute is run for who wants no rows. It makes none for what only writes.
func (s *Session) execute(ctx context.Context, st *statement, args []any) (Result, error) {
	switch st.tree.(type) {
	case *ast.Insert, *ast.Update, *ast.Delete:
	default:
		rows, err := s.run(ctx, st, args)
		if err == nil {
			err = rows.drain()
		}
		if err != nil {
			return Result{}, err
		}
		return rows.result, nil
	}
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	var w written
	var err error
	if s.txn != nil {
		err = s.txn.check()
	}
	if err == nil {
		w, err = s.writeRows(ctx, st, args)
	}
	if err != nil {
		if s.txn != nil {
			s.txn.fail()
		}
		return Result{}, err
	}
	return w.result(), nil
}

func (s *Session) dispatch(ctx context.Context, st *statement, args []any) (*Rows, error) {
	switch tree := st.tree.(type) {
	case *ast.Begin, *ast.Commit, *ast.Rollback, *ast.Savepoint, *ast.Release, *ast.SetTransaction:
		tag, err := s.control(ctx, tree)
		return s.finished(Result{Tag: tag}), err
	case *ast.Set:
		return s.finished(Result{Tag: "SET"}), s.set(tree)
	case *ast.Show:
		return s.show(ctx, tree)
	}
	if s.txn != nil {
		if err := s.txn.check(); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 && !takesParameters(st.tree) {
		return nil, sqlstate.New(sqlstate.SyntaxError, st.tree.Place(), "the statement takes no parameters")
	}
	switch tree := st.tree.(type) {
	case *ast.Query:
		return s.runQuery(ctx, st, args)
	case *ast.Insert, *ast.Update, *ast.Delete:
		return s.runWrite(ctx, st, args)
	case *ast.Explain:
		return s.explain(ctx, st, tree, args)
	case *ast.CreateTable:
		if tree.As != nil {
			return s.runCreateAs(ctx, st, tree)
		}
	case *ast.Analyze:
		return s.analyzeStatement(ctx, st, tree)
	case *ast.Reindex:
		return s.reindex(ctx, st, tree)
	case *ast.Copy:
		return s.copyFile(ctx, st, tree)
	}
	if ix, ok := st.tree.(*ast.CreateIndex); ok && s.txn == nil && !s.onlyReads() && !s.settings.readOnly {
		return s.finished(Result{Tag: "CREATE INDEX"}), s.buildIndex(ctx, ix)
	}
	if tag, f := schemaChange(st); f != nil {
		return s.finished(Result{Tag: tag}), s.changeSchema(ctx, st.text, tag, f)
	}
	return nil, sqlstate.New(sqlstate.NotSupported, st.tree.Place(), "%T cannot be run", st.tree)
}

func takesParameters(st ast.Statement) bool {
	switch st.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete, *ast.Explain:
		return true
	default:
		return false
	}
}

// A change is what a statement about schemas does. What it is given is good for one run.
type change func(x *changing) error

// changing is a statement about schemas that is being run.
type changing struct {
	s      *Session
	ctx    context.Context
	text   string
	tables *relation.Tables
}

// changeSchema runs a change as a statement. Its notices are those of its last run.
func (s *Session) changeSchema(ctx context.Context, text, what string, f change) error {
	return s.write(ctx, what, func(_ Txn, tables *relation.Tables) error {
		s.notices = nil
		tables.UseSequences(&sequences{s, tables})
		return tables.Statement(func() error { return f(&changing{s: s, ctx: ctx, text: text, tables: tables}) })
	})
}

// schemaChange returns what a statement does that is about schemas, and its tag; nil if it is another one.
func schemaChange(st *statement) (tag string, f change) {
	switch tree := st.tree.(type) {
	case *ast.CreateTable:
		if tree.As == nil {
			return "CREATE TABLE", func(x *changing) error { return x.createTable(tree) }
		}
	case *ast.CreateView:
		return "CREATE VIEW", func(x *changing) error { return x.createView(tree) }
	case *ast.CreateSequence:
		return "CREATE SEQUENCE", func(x *changing) error { return x.createSequence(tree) }
	case *ast.AlterSequence:
		return "ALTER SEQUENCE", func(x *changing) error { return x.alterSequence(tree) }
	case *ast.CreateIndex:
		return "CREATE INDEX", func(x *changing) error { return x.createIndex(tree) }
	case *ast.AlterTable:
		return "ALTER TABLE", func(x *changing) error { return x.alterTable(tree) }
	case *ast.Rename:
		return "ALTER " + tree.Kind.String(), func(x *changing) error { return x.rename(tree) }
	case *ast.Drop:
		return "DROP " + tree.Kind.String(), func(x *changing) error { return x.drop(tree) }
	case *ast.Truncate:
		return "TRUNCATE TABLE", func(x *changing) error { return x.truncate(tree) }
	}
	return "", nil
}
