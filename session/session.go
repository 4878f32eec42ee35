package session

import (
	"context"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

// A Session is a connection to a database: it runs statements one after the other. It is for one goroutine at a time.
type Session struct {
	db       Database
	env      Environment
	shared   *Shared
	settings settings
	txn      *transaction // under way, or nil
	rows     []*Rows      // that are not closed
	notices  []Notice
	files    vfs.FS // for COPY; nil: files are not allowed
	closed   bool
	limits   Limits
	memo     memo

	numbers    map[string]int64 // that sequences have given last
	lastNumber string           // the sequence that was asked last
}

// A Notice is something that is worth knowing and no error.
type Notice struct {
	Code    sqlstate.Code // 00000, or a warning's
	Message string
}

// New returns a session. All sessions of a database share what is in shared.
func New(db Database, shared *Shared) *Session {
	return &Session{db: db, env: db.Environment(), shared: shared, settings: defaultSettings()}
}

// Within returns a session that runs in a transaction of the caller's, who ends it. A statement that fails leaves nothing of
// itself, and the transaction goes on. BEGIN, COMMIT and ROLLBACK are errors, savepoints are not.
func Within(db Database, shared *Shared, txn Txn, o TxnOptions) *Session {
	s := New(db, shared)
	s.txn = &transaction{txn: txn, options: o, borrowed: true, saved: s.settings, kept: s.settings, now: s.env.Now()}
	return s
}

// AllowFiles has COPY read and write files of a file system. Without it COPY knows STDIN and STDOUT only.
func (s *Session) AllowFiles(fs vfs.FS) { s.files = fs }

// Notices returns what the last call of Query, Exec and the like had to say besides its result.
func (s *Session) Notices() []Notice { return s.notices }

func (s *Session) notice(code sqlstate.Code, message string) {
	s.notices = append(s.notices, Notice{code, message})
}

// Query runs a statement and returns its rows, which must be closed. It may be several statements with semicolons between
// them: then they are one transaction, unless one of them ends it, and the last one gives the rows.
func (s *Session) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	rows, err := s.query(ctx, sql, args)
	if err != nil {
		return nil, s.failure(ctx, err, sql)
	}
	return rows, nil
}

// Exec is Query for who wants no rows: it returns when all is done.
func (s *Session) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	rows, err := s.query(ctx, sql, args)
	if err == nil {
		err = rows.drain()
	}
	if err != nil {
		return Result{}, s.failure(ctx, err, sql)
	}
	return rows.result, nil
}

func (s *Session) query(ctx context.Context, sql string, args []any) (*Rows, error) {
	if err := s.begun(); err != nil {
		return nil, err
	}
	list, err := s.shared.statements(sql, s.settings.planner)
	switch {
	case err != nil:
		if s.txn != nil {
			s.txn.fail()
		}
		return nil, err
	case len(list) == 0:
		return s.finished(Result{}), nil
	case len(list) == 1:
		return s.run(ctx, list[0], args)
	case len(args) > 0:
		return nil, sqlstate.New(sqlstate.SyntaxError, list[1].tree.Place(), "several statements cannot have parameters").
			WithHint("run them one by one")
	default:
		return s.script(ctx, list)
	}
}

// begun is called at the beginning of each call.
func (s *Session) begun() error {
	if s.closed {
		return sqlstate.New(sqlstate.ConnectionClosed, -1, "the session is closed")
	}
	s.notices = nil
	return nil
}

// script runs several statements. What is outside of a transaction goes into one that ends with the last statement.
func (s *Session) script(ctx context.Context, list []*statement) (rows *Rows, err error) {
	for i, st := range list {
		if s.txn == nil && !controls(st.tree) {
			s.txn = s.newTransaction(TxnOptions{ReadOnly: s.settings.readOnly || s.limits.OnlyRead, Serializable: s.settings.serializable})
			s.txn.implicit = true
		}
		if rows, err = s.run(ctx, st, nil); err == nil && i < len(list)-1 {
			err = rows.drain()
		}
		if err != nil {
			if s.txn != nil && s.txn.implicit {
				s.rollback()
			}
			return nil, err
		}
	}
	if s.txn != nil && s.txn.implicit {
		return rows, s.handOver(ctx, rows)
	}
	return rows, nil
}

// handOver ends an implicit transaction, at once or with its last rows.
func (s *Session) handOver(ctx context.Context, rows *Rows) error {
	if rows.done {
		return s.commit(ctx)
	}
	t := s.txn
	s.endOf(t)
	end := rows.finish
	rows.finish = func(err error) error {
		if end != nil {
			err = end(err)
		}
		if t.txn == nil {
			return err
		}
		if err != nil {
			t.txn.Rollback()
			return err
		}
		return t.txn.Commit(ctx)
	}
	return nil
}

// Close rolls back a transaction under way and closes all rows. It may be called again.
func (s *Session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	for len(s.rows) > 0 {
		_ = s.rows[len(s.rows)-1].Close()
	}
	if s.txn != nil && !s.txn.borrowed {
		s.rollback()
	}
	return nil
}

// Reset makes the session as good as new: it rolls back a transaction under way, closes all rows and forgets settings.
func (s *Session) Reset() error {
	if s.closed {
		return sqlstate.New(sqlstate.ConnectionClosed, -1, "the session is closed")
	}
	for len(s.rows) > 0 {
		_ = s.rows[len(s.rows)-1].Close()
	}
	if s.txn != nil && !s.txn.borrowed {
		s.rollback()
	}
	s.settings = defaultSettings()
	return nil
}
