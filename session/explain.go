package session

import (
	"context"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/opt"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// explain runs EXPLAIN. With ANALYZE the statement is run too, and writes what it writes.
func (s *Session) explain(ctx context.Context, st *statement, tree *ast.Explain, args []any) (*Rows, error) {
	switch tree.Statement.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete:
	default:
		return nil, sqlstate.New(sqlstate.NotSupported, tree.Statement.Place(), "this statement has no plan").
			WithHint("EXPLAIN takes SELECT, VALUES, INSERT, UPDATE and DELETE")
	}
	ctx, cancel := s.limit(ctx)
	defer cancel()
	e := &explained{s: s, ctx: ctx, text: st.text, tree: tree, args: args}
	var err error
	if _, query := tree.Statement.(*ast.Query); tree.Analyze && !query {
		err = s.write(ctx, "EXPLAIN ANALYZE", func(_ Txn, tables *relation.Tables) error { return e.run(tables) })
	} else {
		err = s.read(ctx, e.run)
	}
	if err != nil {
		return nil, err
	}
	var rows [][]catalog.Value
	if tree.JSON {
		rows = append(rows, texts(e.shown))
	} else {
		for line := range strings.SplitSeq(strings.TrimSuffix(e.shown, "\n"), "\n") {
			rows = append(rows, texts(line))
		}
	}
	return s.listed(textColumns("QUERY PLAN"), rows, Result{Tag: "EXPLAIN"}), nil
}

// explained is an EXPLAIN that is being run.
type explained struct {
	s     *Session
	ctx   context.Context
	text  string
	tree  *ast.Explain
	args  []any
	shown string
}

func (e *explained) run(tables *relation.Tables) error {
	begin := e.s.env.Now()
	p := &planned{slow: true}
	if err := e.s.fillPlan(p, e.text, e.tree.Statement, tables); err != nil {
		return err
	}
	planning := e.s.env.Now().Sub(begin)
	o := opt.ExplainOptions{Verbose: e.tree.Verbose, NoCosts: e.tree.NoCosts}
	if p.write != nil {
		o.Statement = strings.Fields(p.tag)[0]
		o.Statement = o.Statement[:1] + strings.ToLower(o.Statement[1:]) + " on " + p.write.target().Name
	}
	if !e.tree.Analyze {
		return e.show(p.reader.query, o)
	}
	o.Planning = max(planning, time.Nanosecond)
	parameters, err := bindParameters(nil, p.parameters, e.args)
	if err != nil {
		return err
	}
	x := e.s.newExecution(e.ctx, p, tables, parameters)
	begin = e.s.env.Now()
	x.measure = func(rows *exec.Rows) {
		o.Execution = max(e.s.env.Now().Sub(begin), time.Nanosecond)
		o.Measured = func(n physical.Node) (opt.Measure, bool) {
			m, found := rows.Measured(n)
			return opt.Measure(m), found
		}
		err = e.show(p.reader.query, o)
	}
	if p.write != nil {
		if _, writeErr := x.write(); writeErr != nil {
			return writeErr
		}
		return err
	}
	if readErr := x.each(func([]catalog.Value) error { return nil }); readErr != nil {
		return readErr
	}
	return err
}

// show keeps what is shown.
func (e *explained) show(q *physical.Query, o opt.ExplainOptions) error {
	if e.tree.JSON {
		e.shown = opt.ExplainJSON(q, o)
	} else {
		e.shown = opt.Explain(q, o)
	}
	return nil
}
