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
	row, set []catalog.Value   // memory, of a row that is read and of values that are computed
	key      []catalog.Value   // likewise, of a key
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
		FS: x.s.env.Temporary, Directory: x.s.env.Directory, Measure: x.measure != nil, Clock: x.s.env.Now,
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
		row, found, e := r.point.read(x, nil)
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
func (s *Session) runQuery(ctx context.Context, st *statement, args []any) (*Rows, error) {
	ctx, cancel := s.limit(ctx)
	txn, err := s.beginQuery(ctx, st)
	if err != nil {
		cancel()
		return nil, err
	}
	r := &Rows{session: s, ctx: ctx, owner: s.txn, text: st.text, at: -1}
	err = s.readIn(ctx, txn, st, args, r)
	if r.owner == nil {
		s.memo.forget()
	}
	if err != nil || r.done {
		defer cancel()
		switch {
		case r.owner != nil:
		case err != nil:
			txn.Rollback()
		default:
			err = txn.Commit(ctx)
		}
		return r, err
	}
	r.finish = s.ending(ctx, cancel, txn)
	s.rows = append(s.rows, r)
	return r, nil
}

// beginQuery returns the transaction of a query.
func (s *Session) beginQuery(ctx context.Context, st *statement) (Txn, error) {
	if s.txn != nil {
		return s.txn.open(ctx, s.db)
	}
	return s.db.Begin(ctx, TxnOptions{ReadOnly: !st.writes || s.settings.readOnly || s.onlyReads()})
}

// ending returns what ends a query whose rows are read one by one, with its transaction if that is its own.
func (s *Session) ending(ctx context.Context, cancel func(), txn Txn) func(error) error {
	own := s.txn == nil
	return func(err error) error {
		defer cancel()
		if !own {
			return err
		}
		if err != nil {
			txn.Rollback()
			return err
		}
		return txn.Commit(ctx)
	}
}

// readIn reads the row of a point, or opens the rows of another query.
func (s *Session) readIn(ctx context.Context, txn Txn, st *statement, args []any, r *Rows) error {
	tables, err := txn.Tables()
	if err != nil {
		return err
	}
	p, err := s.planFor(st, tables)
	if err != nil {
		return err
	}
	x, err := s.prepareExecution(ctx, p, tables, args)
	if err != nil {
		return err
	}
	r.columns, r.names = p.columns, p.names
	if p.reader.point != nil {
		return x.readPoint(r)
	}
	rows, err := exec.Run(p.reader.query, x.options())
	if err != nil {
		return err
	}
	r.source, r.tag = executed{rows: rows}, p.tag
	return nil
}

// readPoint reads the row of a point.
func (x *execution) readPoint(r *Rows) error {
	row, found, err := x.plan.reader.point.read(x, r.room[:0])
	if err != nil {
		return err
	}
	r.done, r.result = true, Result{Tag: "SELECT 0"}
	if found {
		r.one[0] = row
		r.list, r.result = r.one[:], Result{RowsAffected: 1, Tag: "SELECT 1"}
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

// written is what became of INSERT, UPDATE or DELETE.
type written struct {
	plan     *planned
	n        int64
	returned [][]catalog.Value
}

func (w *written) result() Result {
	if w.n == 1 {
		return Result{RowsAffected: 1, Tag: w.plan.one}
	}
	return Result{RowsAffected: w.n, Tag: w.plan.tag + " " + decimal(w.n)}
}

// runWrite runs INSERT, UPDATE or DELETE.
func (s *Session) runWrite(ctx context.Context, st *statement, args []any) (*Rows, error) {
	w, err := s.writeRows(ctx, st, args)
	switch {
	case err != nil:
		return nil, err
	case w.plan.columns == nil:
		return s.finished(w.result()), nil
	default:
		return s.listed(w.plan.columns, w.returned, w.result()), nil
	}
}

// writeRows runs INSERT, UPDATE or DELETE.
func (s *Session) writeRows(ctx context.Context, st *statement, args []any) (w written, err error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	if s.txn == nil {
		return s.writeAlone(ctx, st, args)
	}
	if err = s.writable("writing"); err != nil {
		return w, err
	}
	txn, err := s.txn.open(ctx, s.db)
	if err != nil {
		return w, err
	}
	return s.writeIn(ctx, txn, st, args)
}

// writeAlone is writeRows in a transaction of the statement's own.
func (s *Session) writeAlone(ctx context.Context, st *statement, args []any) (w written, err error) {
	err = s.write(ctx, "writing", func(txn Txn, _ *relation.Tables) (err error) {
		w, err = s.writeIn(ctx, txn, st, args)
		return err
	})
	return w, err
}

// writeIn is writeRows in a transaction.
func (s *Session) writeIn(ctx context.Context, txn Txn, st *statement, args []any) (w written, err error) {
	tables, err := txn.Tables()
	if err != nil {
		return w, err
	}
	if w.plan, err = s.planFor(st, tables); err != nil {
		return w, err
	}
	x, err := s.prepareExecution(ctx, w.plan, tables, args)
	if err != nil {
		return w, err
	}
	w.n, err = x.write()
	w.returned = x.returned
	return w, err
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
