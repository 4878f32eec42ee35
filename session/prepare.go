package session

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// A Statement is one that was prepared in a session. It can be run any number of times, with the values of its parameters,
// and is planned anew when schemas, statistics or settings have changed. It is for the goroutine of the session.
type Statement struct {
	session    *Session
	text       string
	statement  *statement
	planner    plannerSettings // that statement is for
	parameters []catalog.Type
	columns    []Column
	closed     bool
}

// Prepare reads and plans a statement.
func (s *Session) Prepare(ctx context.Context, sql string) (*Statement, error) {
	p, err := s.prepare(ctx, sql)
	if err != nil {
		if s.txn != nil {
			s.txn.fail()
		}
		return nil, s.failure(ctx, err, sql)
	}
	return p, nil
}

func (s *Session) prepare(ctx context.Context, sql string) (*Statement, error) {
	if err := s.begun(); err != nil {
		return nil, err
	}
	list, err := s.shared.statements(sql, s.settings.planner)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, sqlstate.New(sqlstate.SyntaxError, -1, "%d statements cannot be prepared together", len(list)).
			WithHint("prepare them one by one")
	}
	p := &Statement{session: s, text: sql, statement: list[0], planner: s.settings.planner}
	if s.txn != nil {
		if err = s.txn.check(); err != nil && !controls(list[0].tree) {
			return nil, err
		}
	}
	switch list[0].tree.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete:
	default:
		return p, nil
	}
	err = s.read(ctx, func(tables *relation.Tables) error {
		plan, e := s.planFor(list[0], tables)
		if e == nil {
			p.parameters, p.columns = plan.parameters, plan.columns
		}
		return e
	})
	return p, err
}

// Parameters returns the types of the parameters. Kind 0: it takes anything.
func (p *Statement) Parameters() []catalog.Type { return p.parameters }

// Columns returns what the rows have, nothing if the statement gives no rows.
func (p *Statement) Columns() []Column { return p.columns }

// Text returns the SQL that was prepared.
func (p *Statement) Text() string { return p.text }

// Query runs the statement and returns its rows, which must be closed.
func (p *Statement) Query(ctx context.Context, args ...any) (*Rows, error) {
	rows, err := p.run(ctx, args)
	if err != nil {
		return nil, p.session.failure(ctx, err, p.text)
	}
	return rows, nil
}

// Exec is Query for who wants no rows.
func (p *Statement) Exec(ctx context.Context, args ...any) (Result, error) {
	err := p.ready()
	var r Result
	if err == nil {
		r, err = p.session.execute(ctx, p.statement, args)
	}
	if err != nil {
		return Result{}, p.session.failure(ctx, err, p.text)
	}
	return r, nil
}

func (p *Statement) run(ctx context.Context, args []any) (*Rows, error) {
	if err := p.ready(); err != nil {
		return nil, err
	}
	return p.session.run(ctx, p.statement, args)
}

// ready has the statement be one for the settings as they are now.
func (p *Statement) ready() error {
	s := p.session
	if p.closed {
		return sqlstate.New(sqlstate.NotInState, -1, "the statement is closed")
	}
	if err := s.begun(); err != nil {
		return err
	}
	if p.planner != s.settings.planner {
		list, err := s.shared.statements(p.text, s.settings.planner)
		if err != nil {
			return err
		}
		p.statement, p.planner = list[0], s.settings.planner
	}
	return nil
}

// Close forgets the statement. It may be called again.
func (p *Statement) Close() error {
	p.closed = true
	return nil
}
