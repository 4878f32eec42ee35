package session

import (
	"context"
	"sync"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A Prepared is a prepared statement that is not of one session: each run has a session of its own, and so is a transaction of its
// own. Any number of goroutines may use it at once.
type Prepared struct {
	db         Database
	shared     *Shared
	text       string
	parameters []catalog.Type
	columns    []Column

	mu     sync.Mutex
	free   []*Statement // of sessions that do nothing
	closed bool
}

// keptSessions is how many sessions that do nothing a Prepared keeps.
const keptSessions = 16

// Prepare reads and plans a statement. Close it.
func Prepare(ctx context.Context, db Database, shared *Shared, sql string) (*Prepared, error) {
	st, err := New(db, shared).Prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	return &Prepared{
		db: db, shared: shared, text: sql, parameters: st.parameters, columns: st.columns, free: []*Statement{st},
	}, nil
}

// Parameters returns the types of the parameters. Kind 0: it takes anything.
func (p *Prepared) Parameters() []catalog.Type { return p.parameters }

// Columns returns what the rows have, nothing if the statement gives no rows.
func (p *Prepared) Columns() []Column { return p.columns }

// Text returns the SQL that was prepared.
func (p *Prepared) Text() string { return p.text }

// take returns the statement in a session that does nothing.
func (p *Prepared) take(ctx context.Context) (*Statement, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, &sqlstate.Error{Code: sqlstate.NotInState, Message: "the statement is closed", At: -1, Text: p.text}
	}
	if n := len(p.free); n > 0 {
		st := p.free[n-1]
		p.free = p.free[:n-1]
		return st, nil
	}
	s := New(p.db, p.shared)
	list, err := p.shared.statements(p.text, s.settings.planner)
	if err != nil {
		return nil, s.failure(ctx, err, p.text)
	}
	return &Statement{
		session: s, text: p.text, statement: list[0], planner: s.settings.planner, parameters: p.parameters, columns: p.columns,
	}, nil
}

// give takes a statement back that take has returned, and leaves nothing of what its session was told.
func (p *Prepared) give(st *Statement) {
	s := st.session
	if s.Reset() != nil {
		return
	}
	s.numbers, s.lastNumber = nil, ""
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed && len(p.free) < keptSessions {
		p.free = append(p.free, st)
	}
}

// Query runs the statement and returns its rows, which must be closed.
func (p *Prepared) Query(ctx context.Context, args ...any) (*Rows, error) {
	st, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := st.Query(ctx, args...)
	if err != nil || rows.done {
		p.give(st)
		return rows, err
	}
	rows.release = func() { p.give(st) }
	return rows, nil
}

// Exec is Query for who wants no rows.
func (p *Prepared) Exec(ctx context.Context, args ...any) (Result, error) {
	st, err := p.take(ctx)
	if err != nil {
		return Result{}, err
	}
	defer p.give(st)
	return st.Exec(ctx, args...)
}

// QueryRow is Query for one row, which Scan reads.
func (p *Prepared) QueryRow(ctx context.Context, args ...any) *Row {
	rows, err := p.Query(ctx, args...)
	return &Row{rows, err}
}

// Close forgets the statement. What is running goes on. It may be called again.
func (p *Prepared) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.free = true, nil
	return nil
}
