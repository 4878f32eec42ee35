package session

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/relation"
)

// A memo is what a session keeps of the statement that it has run last, so that the same one again costs less: it is good in one
// transaction, while that sees the same schemas.
type memo struct {
	plan    *planned
	tables  *relation.Tables
	version uint64          // of tables
	table   *relation.Table // that the plan writes; nil: not asked for yet
	lookup  exec.Lookup     // that the point of the plan reads with; likewise

	// What plans are run with that have no operators. Nothing of it is kept by anybody when a statement is done.
	execution  execution
	sequences  sequences
	parameters []catalog.Value
}

// knows reports whether the plan is the one of the last statement, and as good as it was then.
func (m *memo) knows(p *planned, tables *relation.Tables) bool {
	return m.plan == p && m.tables == tables && m.version == tables.Version()
}

// note keeps what is known of a plan that is good.
func (m *memo) note(p *planned, tables *relation.Tables) {
	m.plan, m.tables, m.version = p, tables, tables.Version()
	m.table, m.lookup = nil, nil
}

// forget lets go of a transaction that has ended.
func (m *memo) forget() {
	m.plan, m.tables, m.table, m.lookup = nil, nil, nil, nil
	m.sequences.tables = nil
	x := &m.execution
	x.ctx, x.plan, x.tables, x.returned, x.env.Sequences = nil, nil, nil, nil, nil
}

// prepareExecution prepares a plan to be run with some arguments. What it returns is good until the next statement if the plan
// has no operators, and else as long as the tables are.
func (s *Session) prepareExecution(ctx context.Context, p *planned, tables *relation.Tables, args []any) (*execution, error) {
	if !p.fast() {
		parameters, err := bindParameters(nil, p.parameters, args)
		if err != nil {
			return nil, err
		}
		return s.newExecution(ctx, p, tables, parameters), nil
	}
	m := &s.memo
	var err error
	if m.parameters, err = bindParameters(m.parameters[:0], p.parameters, args); err != nil {
		return nil, err
	}
	m.sequences.s, m.sequences.tables = s, tables
	tables.UseSequences(&m.sequences)
	x := &m.execution
	x.s, x.ctx, x.plan, x.tables, x.returned = s, ctx, p, tables, nil
	x.env.Now, x.env.Random, x.env.Parameters, x.env.Sequences = s.now(), s.env.Random, m.parameters, &m.sequences
	return x, nil
}

// table returns the table that the plan writes.
func (x *execution) table(schema *catalog.Table) (*relation.Table, error) {
	m := &x.s.memo
	if !m.knows(x.plan, x.tables) {
		return x.tables.Table(schema.Name)
	}
	if m.table == nil {
		t, err := x.tables.Table(schema.Name)
		if err != nil {
			return nil, err
		}
		m.table = t
	}
	return m.table, nil
}

// lookup returns what reads the row of a point.
func (x *execution) lookup(p *point) (exec.Lookup, error) {
	m := &x.s.memo
	if !m.knows(x.plan, x.tables) {
		return x.tables.Storage().Lookup(p.table, "", p.columns)
	}
	if m.lookup == nil {
		l, err := x.tables.Storage().Lookup(p.table, "", p.columns)
		if err != nil {
			return nil, err
		}
		m.lookup = l
	}
	return m.lookup, nil
}
