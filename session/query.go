package session

import (
	"context"
	"errors"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// inText fills in the text of an error.
func inText(err error, text string) error {
	var e *sqlstate.Error
	if err != nil && errors.As(err, &e) {
		return e.In(text)
	}
	return err
}

// An execution is a plan that is being run.
type execution struct {
	s        *Session
	ctx      context.Context
	plan     *planned
	tables   *relation.Tables
	env      expr.Env
	returned [][]catalog.Value // by RETURNING
	measure  func(*exec.Rows)  // what is to be told of rows when they were read; nil: nothing
}

// newExecution prepares a plan to be run in a transaction.
func (s *Session) newExecution(ctx context.Context, p *planned, tables *relation.Tables, parameters []catalog.Value) *execution {
	q := &sequences{s, tables}
	tables.UseSequences(q)
	return &execution{s: s, ctx: ctx, plan: p, tables: tables, env: expr.Env{
		Now: s.now(), Random: s.env.Random, Parameters: parameters, Sequences: q,
	}}
}

// now returns the time of the transaction.
func (s *Session) now() time.Time {
	if s.txn != nil {
		return s.txn.now
	}
	return s.env.Now()
}

// options returns how a query is run.
func (x *execution) options() *exec.Options {
	set := &x.s.settings
	return &exec.Options{
		Storage: x.tables.Storage(), Env: x.env, Memory: x.s.memory(), BatchRows: set.batchRows,
		FS: x.s.env.Temporary, Directory: x.s.env.Directory, Measure: x.measure != nil,
	}
}

// executed is a query of exec as a source.
type executed struct {
	rows    *exec.Rows
	measure func(*exec.Rows)
}

func (e executed) next(ctx context.Context) (*catalog.Batch, error) { return e.rows.Next(ctx) }

func (e executed) close() error {
	if e.measure != nil {
		e.measure(e.rows)
	}
	return e.rows.Close()
}

// each calls f with the rows that the plan reads. They are lent until f returns; their texts stay good.
func (x *execution) each(f func(row []catalog.Value) error) (err error) {
	switch r := &x.plan.reader; {
	case r.values != nil:
		return r.values.each(x, f)
	case r.point != nil:
		row, found, e := r.point.read(x.tables, &x.env, nil)
		if e != nil || !found {
			return e
		}
		return f(row)
	}
	rows, err := exec.Run(x.plan.reader.query, x.options())
	if err != nil {
		return err
	}
	source := executed{rows, x.measure}
	defer func() {
		if closeErr := source.close(); err == nil {
			err = closeErr
		}
	}()
	var row []catalog.Value
	for {
		b, err := source.next(x.ctx)
		if err != nil || b == nil {
			return err
		}
		for i := range b.Rows() {
			at := i
			if b.Sel != nil {
				at = int(b.Sel[i])
			}
			row = row[:0]
			for _, c := range b.Columns {
				row = append(row, c.Value(at))
			}
			if err := f(row); err != nil {
				return err
			}
		}
	}
}

// runQuery runs a query: in the transaction under way, or in one that lasts as long as its rows are open.
func (s *Session) runQuery(ctx context.Context, st *statement, args []any) (_ *Rows, err error) {
	ctx, cancel := s.limit(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	r := &Rows{session: s, ctx: ctx, owner: s.txn, text: st.text, at: -1}
	var txn Txn
	if s.txn != nil {
		txn, err = s.txn.open(ctx, s.db)
	} else {
		txn, err = s.db.Begin(ctx, TxnOptions{ReadOnly: !st.writes || s.settings.readOnly || s.onlyReads()})
		if err == nil {
			defer func() {
				if err != nil {
					txn.Rollback()
				}
			}()
		}
	}
	if err != nil {
		return nil, err
	}
	tables, err := txn.Tables()
	if err != nil {
		return nil, err
	}
	p, err := s.planFor(st, tables)
	if err != nil {
		return nil, err
	}
	parameters, err := bindParameters(p.parameters, args)
	if err != nil {
		return nil, err
	}
	r.columns = p.columns
	x := s.newExecution(ctx, p, tables, parameters)
	if p.reader.point != nil {
		return r, s.readPoint(ctx, x, r, txn, cancel)
	}
	rows, err := exec.Run(p.reader.query, x.options())
	if err != nil {
		return nil, err
	}
	r.source, r.tag = executed{rows: rows}, p.tag
	r.finish = func(err error) error {
		defer cancel()
		if r.owner != nil {
			return err
		}
		if err != nil {
			txn.Rollback()
			return err
		}
		return txn.Commit(ctx)
	}
	s.rows = append(s.rows, r)
	return r, nil
}

// readPoint reads the row of a point, and ends a transaction that was begun for it.
func (s *Session) readPoint(ctx context.Context, x *execution, r *Rows, txn Txn, cancel func()) error {
	defer cancel()
	point := x.plan.reader.point
	row, found, err := point.read(x.tables, &x.env, make([]catalog.Value, 0, len(point.outputs)))
	if err != nil {
		return err
	}
	r.done, r.result = true, Result{Tag: "SELECT 0"}
	if found {
		r.list, r.result = [][]catalog.Value{row}, Result{RowsAffected: 1, Tag: "SELECT 1"}
	}
	if r.owner == nil {
		return txn.Commit(ctx)
	}
	return nil
}

// limit returns the context of a statement, which ends when that has taken too long.
func (s *Session) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.settings.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.settings.timeout, errTimeout)
}

// runWrite runs INSERT, UPDATE or DELETE.
func (s *Session) runWrite(ctx context.Context, st *statement, args []any) (*Rows, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	var x *execution
	var n int64
	err := s.write(ctx, "writing", func(_ Txn, tables *relation.Tables) error {
		p, err := s.planFor(st, tables)
		if err != nil {
			return err
		}
		parameters, err := bindParameters(p.parameters, args)
		if err != nil {
			return err
		}
		x = s.newExecution(ctx, p, tables, parameters)
		n, err = x.write()
		return err
	})
	if err != nil {
		return nil, err
	}
	r := Result{RowsAffected: n, Tag: x.plan.tag + " " + decimal(n)}
	if x.plan.columns == nil {
		return s.finished(r), nil
	}
	return s.listed(x.plan.columns, x.returned, r), nil
}

// write writes what the plan says, as a statement.
func (x *execution) write() (n int64, err error) {
	if x.plan.reader.values.single() || x.plan.reader.point != nil {
		return x.plan.write.run(x) // one call of relation at most, which is a statement of its own
	}
	err = x.tables.Statement(func() (err error) {
		n, err = x.plan.write.run(x)
		return err
	})
	return n, err
}
