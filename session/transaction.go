package session

import (
	"context"
	"slices"
	"time"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// A transaction is one of a session. It begins in the storage when the first statement needs it.
type transaction struct {
	options    TxnOptions
	txn        Txn  // nil: not begun
	implicit   bool // it is that of a text with several statements
	borrowed   bool // somebody else ends it
	failed     bool // it takes no statements until it is rolled back
	savepoints []savepoint
	saved      settings // as they were when it began
	kept       settings // as they are when it was committed: without what SET LOCAL did
	now        time.Time
}

// A savepoint is one that has a name.
type savepoint struct {
	name  string
	point any
	now   settings
	kept  settings
}

// fail notes that a statement has failed.
func (t *transaction) fail() { t.failed = !t.borrowed }

func (s *Session) newTransaction(o TxnOptions) *transaction {
	o.Timeout = s.limits.Transaction
	return &transaction{options: o, saved: s.settings, kept: s.settings, now: s.env.Now()}
}

// open returns the transaction in the storage.
func (t *transaction) open(ctx context.Context, db Database) (Txn, error) {
	if t.txn == nil {
		txn, err := db.Begin(ctx, t.options)
		if err != nil {
			return nil, err
		}
		t.txn = txn
	}
	return t.txn, nil
}

// check refuses statements in a transaction that has failed.
func (t *transaction) check() error {
	if t.failed {
		return sqlstate.New(sqlstate.FailedTransaction, -1,
			"the transaction has failed: it takes no statements until it is rolled back").
			WithHint("end it with ROLLBACK, or go back with ROLLBACK TO a savepoint")
	}
	return nil
}

// InTransaction reports whether a transaction is under way, and whether it has failed and must be rolled back.
func (s *Session) InTransaction() (under, failed bool) {
	if s.txn == nil {
		return false, false
	}
	return true, s.txn.failed
}

// controls reports whether a statement is about transactions or the session, and needs none.
func controls(st ast.Statement) bool {
	switch st.(type) {
	case *ast.Begin, *ast.Commit, *ast.Rollback, *ast.Savepoint, *ast.Release, *ast.SetTransaction, *ast.Set:
		return true
	default:
		return false
	}
}

// notBorrowed refuses to end a transaction that is somebody else's.
func (s *Session) notBorrowed(at int, what string) error {
	if s.txn != nil && s.txn.borrowed {
		return sqlstate.New(sqlstate.ActiveTransaction, at, "%s cannot be run in a transaction of the caller", what).
			WithHint("use the methods Commit and Rollback of the transaction")
	}
	return nil
}

// control runs a statement that is about transactions.
func (s *Session) control(ctx context.Context, st ast.Statement) (tag string, err error) {
	switch st := st.(type) {
	case *ast.Begin:
		return "BEGIN", s.beginStatement(st)
	case *ast.Commit:
		if err := s.notBorrowed(st.At, "COMMIT"); err != nil {
			return "", err
		}
		return s.commitStatement(ctx)
	case *ast.Rollback:
		return "ROLLBACK", s.rollbackStatement(st)
	case *ast.Savepoint:
		return "SAVEPOINT", s.savepointStatement(ctx, st)
	case *ast.Release:
		return "RELEASE", s.releaseStatement(st)
	case *ast.SetTransaction:
		return "SET", s.setTransaction(st)
	default:
		return "", sqlstate.New(sqlstate.InternalError, -1, "%T is no statement about transactions", st)
	}
}

func (s *Session) beginStatement(st *ast.Begin) error {
	if err := s.notBorrowed(st.At, "BEGIN"); err != nil {
		return err
	}
	if s.txn != nil {
		if s.txn.implicit {
			s.txn.implicit = false // it goes on beyond the text
			return s.modes(st.Modes)
		}
		if err := s.txn.check(); err != nil {
			return err
		}
		s.notice(sqlstate.ActiveTransaction, "a transaction is under way already")
		return nil
	}
	s.txn = s.newTransaction(TxnOptions{ReadOnly: s.settings.readOnly || s.onlyReads(), Serializable: s.settings.serializable})
	if err := s.modes(st.Modes); err != nil {
		s.rollback()
		return err
	}
	return nil
}

// modes gives the transaction under way, which has done nothing yet, its modes.
func (s *Session) modes(m ast.Modes) error {
	o := &s.txn.options
	switch m.Isolation {
	case ast.Serializable:
		o.Serializable = true
	case ast.RepeatableRead:
		o.Serializable = false
	case ast.ReadCommitted, ast.ReadUncommitted:
		o.Serializable = false
		s.notice("01000", m.Isolation.String()+" is run as REPEATABLE READ: all statements of the transaction see one moment")
	default:
	}
	switch m.Access {
	case ast.ReadOnly:
		o.ReadOnly = true
	case ast.ReadWrite:
		if s.onlyReads() {
			return s.cannotWrite()
		}
		o.ReadOnly = false
	default:
	}
	return nil
}

func (s *Session) setTransaction(st *ast.SetTransaction) error {
	if st.Session {
		switch st.Modes.Isolation {
		case ast.Serializable:
			s.settings.serializable = true
		case ast.DefaultIsolation:
		default:
			s.settings.serializable = false
		}
		if st.Modes.Access != ast.DefaultAccess {
			s.settings.readOnly = st.Modes.Access == ast.ReadOnly
		}
		return nil
	}
	switch {
	case s.txn == nil:
		s.notice(sqlstate.NoActiveTransaction, "SET TRANSACTION does something in transactions only")
		return nil
	case s.txn.failed:
		return s.txn.check()
	case s.txn.txn != nil:
		return sqlstate.New(sqlstate.ActiveTransaction, st.At, "SET TRANSACTION must come before all other statements of the transaction")
	}
	return s.modes(st.Modes)
}

func (s *Session) commitStatement(ctx context.Context) (tag string, err error) {
	switch {
	case s.txn == nil:
		s.notice(sqlstate.NoActiveTransaction, "there is no transaction under way")
		return "COMMIT", nil
	case s.txn.failed:
		s.rollback()
		return "ROLLBACK", nil
	default:
		return "COMMIT", s.commit(ctx)
	}
}

// commit ends the transaction under way by a commit.
func (s *Session) commit(ctx context.Context) error {
	t := s.txn
	s.endOf(t)
	s.settings = t.kept
	s.closeRows(t)
	if t.txn == nil {
		return nil
	}
	err := t.txn.Commit(ctx)
	if err != nil {
		s.settings = t.saved
	}
	return err
}

// rollback ends the transaction under way without a commit.
func (s *Session) rollback() {
	t := s.txn
	s.endOf(t)
	s.settings = t.saved
	s.closeRows(t)
	if t.txn != nil {
		t.txn.Rollback()
	}
}

// endOf has the session be without the transaction.
func (s *Session) endOf(t *transaction) {
	if s.txn == t {
		s.txn = nil
	}
	s.memo.forget()
}

// closeRows closes what still reads in a transaction that ends.
func (s *Session) closeRows(t *transaction) {
	for _, r := range slices.Clone(s.rows) {
		if r.owner == t {
			r.abort(sqlstate.New(sqlstate.NoActiveTransaction, -1, "the transaction of the rows has ended"))
		}
	}
}

func (s *Session) rollbackStatement(st *ast.Rollback) error {
	if st.To != nil {
		return s.rollbackTo(st.To)
	}
	if err := s.notBorrowed(st.At, "ROLLBACK"); err != nil {
		return err
	}
	if s.txn == nil {
		s.notice(sqlstate.NoActiveTransaction, "there is no transaction under way")
		return nil
	}
	s.rollback()
	return nil
}

// savepointAt returns the place of the newest savepoint of a name.
func (s *Session) savepointAt(n *ast.Name, what string) (int, error) {
	if s.txn == nil || s.txn.implicit {
		return 0, sqlstate.New(sqlstate.NoActiveTransaction, n.At, "%s can be used in transactions only", what)
	}
	for i := len(s.txn.savepoints) - 1; i >= 0; i-- {
		if s.txn.savepoints[i].name == n.Name {
			return i, nil
		}
	}
	return 0, sqlstate.New(sqlstate.InvalidSavepoint, n.At, "there is no savepoint %q", n.Name)
}

func (s *Session) rollbackTo(n *ast.Name) error {
	i, err := s.savepointAt(n, "ROLLBACK TO")
	if err != nil {
		return err
	}
	t := s.txn
	p := t.savepoints[i]
	if err := t.txn.RollbackTo(p.point); err != nil {
		return err
	}
	t.savepoints = t.savepoints[:i+1]
	t.failed = false
	s.settings, t.kept = p.now, p.kept
	return nil
}

func (s *Session) savepointStatement(ctx context.Context, st *ast.Savepoint) error {
	t := s.txn
	if t == nil || t.implicit {
		return sqlstate.New(sqlstate.NoActiveTransaction, st.At, "SAVEPOINT can be used in transactions only").
			WithHint("begin one with BEGIN")
	}
	if err := t.check(); err != nil {
		return err
	}
	txn, err := t.open(ctx, s.db)
	if err != nil {
		return err
	}
	point, err := txn.Savepoint()
	if err != nil {
		return err
	}
	t.savepoints = append(t.savepoints, savepoint{st.Name.Name, point, s.settings, t.kept})
	return nil
}

func (s *Session) releaseStatement(st *ast.Release) error {
	if s.txn != nil {
		if err := s.txn.check(); err != nil {
			return err
		}
	}
	i, err := s.savepointAt(&st.Name, "RELEASE SAVEPOINT")
	if err != nil {
		return err
	}
	s.txn.txn.Release(s.txn.savepoints[i].point)
	s.txn.savepoints = s.txn.savepoints[:i]
	return nil
}

// write runs f, which changes tables, as a statement: in the transaction under way, or in one of its own that is run again
// after a conflict. What may run again must begin anew.
func (s *Session) write(ctx context.Context, what string, f func(txn Txn, tables *relation.Tables) error) error {
	if err := s.writable(what); err != nil {
		return err
	}
	if s.txn == nil {
		defer s.memo.forget()
		return s.db.Update(ctx, TxnOptions{Serializable: s.settings.serializable}, func(txn Txn) error {
			tables, err := txn.Tables()
			if err != nil {
				return err
			}
			return f(txn, tables)
		})
	}
	txn, err := s.txn.open(ctx, s.db)
	if err != nil {
		return err
	}
	tables, err := txn.Tables()
	if err != nil {
		return err
	}
	return f(txn, tables)
}

// writable returns an error if nothing can be written.
func (s *Session) writable(what string) error {
	if s.onlyReads() || s.txn != nil && s.txn.options.ReadOnly || s.txn == nil && s.settings.readOnly {
		return sqlstate.New(sqlstate.ReadOnlyTransaction, -1, "%s cannot be run in a transaction that only reads", what)
	}
	return nil
}

// read runs f in the transaction under way, or in one of its own that is only read in and ends with f.
func (s *Session) read(ctx context.Context, f func(tables *relation.Tables) error) error {
	var txn Txn
	var err error
	if s.txn != nil {
		txn, err = s.txn.open(ctx, s.db)
	} else if txn, err = s.db.Begin(ctx, TxnOptions{ReadOnly: true}); err == nil {
		defer txn.Rollback()
	}
	if err != nil {
		return err
	}
	tables, err := txn.Tables()
	if err != nil {
		return err
	}
	return f(tables)
}
