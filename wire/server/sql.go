package server

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	sqlsession "github.com/middb/middb/session"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A place is where statements run: the session of the connection, that of a transaction, or one for a single statement.
type place struct {
	session *engine.Session
	txn     *txn          // nil: none
	turn    chan struct{} // of one place: held by whoever uses the session; nil: nobody else does, or the mutex of txn says who
	alone   bool          // the session ends with the statement
}

// enter waits until the session can be used; leave gives it back.
func (p *place) enter(ctx context.Context) error {
	switch {
	case p.txn != nil:
		p.txn.mu.Lock()
		if err := p.txn.ended; err != nil {
			p.txn.mu.Unlock()
			return err
		}
		if p.session == nil {
			p.session = p.txn.txn.Session()
			p.txn.sql = p.session
		}
	case p.turn != nil:
		select {
		case p.turn <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (p *place) leave() {
	switch {
	case p.txn != nil:
		p.txn.mu.Unlock()
	case p.turn != nil:
		<-p.turn
	}
}

// sql is what a connection has of SQL. The zero value has nothing yet.
type sql struct {
	turn chan struct{} // of one place: held by whoever uses the session

	mu         sync.Mutex
	session    *engine.Session // nil: no statement was run in it
	statements map[uint64]*prepared
	last       uint64 // number of a statement
	cost       int64  // charged for them
}

// A prepared is a statement of PREPARE.
type prepared struct {
	text      string
	statement *sqlsession.Statement
	cost      int64
}

// statementBytes is what a prepared statement is charged beside its text, which is there twice.
const statementBytes = 4 << 10

// place returns where a statement of a transaction runs; 0: of the session.
func (c *conn) place(number uint64, alone bool) (*place, error) {
	if number != 0 {
		t, err := c.txn(number)
		return &place{txn: t}, err
	}
	if alone {
		return &place{session: c.server.db.Session(), alone: true}, nil
	}
	c.sql.mu.Lock()
	defer c.sql.mu.Unlock()
	if c.sql.session == nil {
		c.sql.session = c.server.db.Session()
	}
	return &place{session: c.sql.session, turn: c.sql.turn}, nil
}

// limit lets a session do what its user may, and no more than there is memory for.
func (c *conn) limit(s *engine.Session, memory int64) {
	s.Limit(sqlsession.Limits{
		OnlyRead: c.may(users.Write, users.All) != nil, Memory: memory, Transaction: max(0, c.server.o.TxnTimeout),
	})
}

// exec is EXEC.
func (c *conn) exec(r *request, _ []byte) ([]byte, error) {
	var m wire.Exec
	if err := m.Decode(r.body); err != nil {
		return nil, err
	}
	if m.Flags > wire.ExecAlone {
		return nil, wire.Errorf(wire.ErrInvalidArgument, "EXEC has no flags %#x", uint8(m.Flags))
	}
	if err := c.may(users.Read, users.All); err != nil {
		return nil, err
	}
	at, err := c.place(m.Txn, m.Flags&wire.ExecAlone != 0)
	if err != nil {
		return nil, err
	}
	return c.openResult(r, at, m.Credit, func(ctx context.Context) (*engine.Rows, error) {
		return at.session.Query(ctx, m.SQL, plain(m.Args)...)
	})
}

// plain returns the values of parameters as sessions take them.
func plain(args []any) []any {
	for i, a := range args {
		switch a.(type) {
		case int64, string:
			args[i] = sqlsession.Plain{Value: a}
		}
	}
	return args
}

// runPrepared is RUN.
func (c *conn) runPrepared(r *request, _ []byte) ([]byte, error) {
	var m wire.Run
	if err := m.Decode(r.body); err != nil {
		return nil, err
	}
	if err := c.may(users.Read, users.All); err != nil {
		return nil, err
	}
	p, err := c.prepared(m.Statement)
	if err != nil {
		return nil, err
	}
	at, err := c.place(m.Txn, false)
	if err != nil {
		return nil, err
	}
	return c.openResult(r, at, m.Credit, func(ctx context.Context) (*engine.Rows, error) {
		if at.txn != nil { // plans are kept by their text, for all sessions
			return at.session.Query(ctx, p.text, plain(m.Args)...)
		}
		return p.statement.Query(ctx, plain(m.Args)...)
	})
}

// prepared returns the statement with a number.
func (c *conn) prepared(number uint64) (*prepared, error) {
	c.sql.mu.Lock()
	defer c.sql.mu.Unlock()
	if p := c.sql.statements[number]; p != nil {
		return p, nil
	}
	return nil, wire.Errorf(wire.ErrSQLUnprepared, "the connection has no prepared statement %d", number)
}

// prepare is PREPARE.
func (c *conn) prepare(r *request, dst []byte) ([]byte, error) {
	var m wire.Prepare
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	if err := c.may(users.Read, users.All); err != nil {
		return dst, err
	}
	at, err := c.place(0, false)
	if err != nil {
		return dst, err
	}
	if err = at.enter(r.ctx); err != nil {
		return dst, err
	}
	defer at.leave()
	p := &prepared{text: m.SQL, cost: statementBytes + 2*int64(len(m.SQL))}
	if err = c.addStatement(p); err != nil {
		return dst, err
	}
	reply := wire.PrepareReply{}
	c.limit(at.session, 0)
	p.statement, err = at.session.Prepare(r.ctx, m.SQL)
	c.sql.mu.Lock()
	if err == nil {
		c.sql.last++
		reply.Statement = c.sql.last
		c.sql.statements[reply.Statement] = p
	}
	delete(c.sql.statements, 0) // the place that was held
	c.sql.mu.Unlock()
	if err != nil {
		c.chargeStatement(-p.cost)
		return dst, c.sqlFailure(r.ctx, err)
	}
	for _, t := range p.statement.Parameters() {
		name := ""
		if t.Kind != 0 {
			name = t.String()
		}
		reply.Parameters = append(reply.Parameters, name)
	}
	reply.Columns = columnsOf(p.statement.Columns())
	return reply.Append(dst), nil
}

// addStatement holds a place for a statement, under the number 0. The session's turn is the caller's.
func (c *conn) addStatement(p *prepared) error {
	c.sql.mu.Lock()
	n := len(c.sql.statements)
	c.sql.mu.Unlock()
	if n >= c.server.o.MaxStatements {
		e := wire.Errorf(wire.ErrLimit, "the connection has %d statements prepared, as many as it may", n)
		e.Hint = "forget those that are not needed, with UNPREPARE"
		return e
	}
	if !c.server.memory.txns.try(p.cost) {
		return memoryLimit()
	}
	c.sql.mu.Lock()
	defer c.sql.mu.Unlock()
	c.sql.cost += p.cost
	if c.sql.statements == nil {
		c.sql.statements = map[uint64]*prepared{}
	}
	c.sql.statements[0] = p
	return nil
}

// chargeStatement changes what is charged for statements that are, or no longer are, prepared.
func (c *conn) chargeStatement(n int64) {
	c.sql.mu.Lock()
	c.sql.cost += n
	c.sql.mu.Unlock()
	c.server.memory.txns.free(-n)
}

// unprepare is UNPREPARE.
func (c *conn) unprepare(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	p, err := c.prepared(uint64(id))
	if err != nil {
		return dst, err
	}
	c.sql.mu.Lock()
	delete(c.sql.statements, uint64(id))
	c.sql.mu.Unlock()
	c.chargeStatement(-p.cost)
	return wire.AppendNil(dst), nil
}

// statements returns how many are prepared.
func (c *conn) statements() int {
	c.sql.mu.Lock()
	defer c.sql.mu.Unlock()
	return len(c.sql.statements)
}

// statements returns how many statements sessions have prepared.
func (s *Server) statements() (n int64) {
	for _, c := range s.connections() {
		n += int64(c.statements())
	}
	return n
}

// endSQL ends the session of SQL, with its transaction. No stream is left that uses it.
func (c *conn) endSQL() {
	c.sql.mu.Lock()
	s, cost := c.sql.session, c.sql.cost
	c.sql.session, c.sql.statements, c.sql.cost = nil, nil, 0
	c.sql.mu.Unlock()
	c.server.memory.txns.free(cost)
	if s == nil {
		return
	}
	c.sql.turn <- struct{}{}
	_ = c.guard("the end of a session", s.Close) // it has nothing to say
	<-c.sql.turn
}

// sqlFailure returns the error of a statement as clients get it.
func (c *conn) sqlFailure(ctx context.Context, err error) error {
	e, ok := errors.AsType[*sqlstate.Error](err)
	if !ok {
		return err
	}
	switch {
	case e.Code == sqlstate.ReadOnlyTransaction && c.may(users.Write, users.All) != nil:
		denied := *toWire(c.may(users.Write, users.All))
		denied.SQLState = string(sqlstate.InsufficientPrivilege)
		return &denied
	case e.Code == sqlstate.QueryCanceled && ctx.Err() != nil:
		why := *toWire(context.Cause(ctx))
		why.SQLState = string(e.Code)
		return &why
	default:
		return fromSQL(e)
	}
}

// states says which code an error of SQL has, by its SQLSTATE or the class of that; the first one that fits counts.
var states = []struct {
	state string
	code  wire.Code
}{
	{"08", wire.ErrClosed},
	{"0A", wire.ErrSQLNotSupported},
	{"21", wire.ErrSQLData},
	{"22", wire.ErrSQLData},
	{"23", wire.ErrSQLConstraint},
	{string(sqlstate.ReadOnlyTransaction), wire.ErrTxnReadOnly},
	{string(sqlstate.TransactionTimeout), wire.ErrTxnExpired},
	{"25", wire.ErrSQLTxnState},
	{"2B", wire.ErrSQLInUse},
	{"3B", wire.ErrSavepoint},
	{"3F", wire.ErrSQLName},
	{string(sqlstate.CompletionUnknown), wire.ErrCommitUnknown},
	{"40", wire.ErrConflict},
	{string(sqlstate.UndefinedTable), wire.ErrSQLName},
	{string(sqlstate.UndefinedColumn), wire.ErrSQLName},
	{string(sqlstate.UndefinedObject), wire.ErrSQLName},
	{string(sqlstate.UndefinedFunction), wire.ErrSQLName},
	{string(sqlstate.DuplicateTable), wire.ErrSQLExists},
	{string(sqlstate.DuplicateColumn), wire.ErrSQLExists},
	{string(sqlstate.DuplicateObject), wire.ErrSQLExists},
	{string(sqlstate.DatatypeMismatch), wire.ErrSQLData},
	{string(sqlstate.CannotCast), wire.ErrSQLData},
	{string(sqlstate.NoParameter), wire.ErrSQLData},
	{string(sqlstate.GeneratedAlways), wire.ErrSQLData},
	{string(sqlstate.InsufficientPrivilege), wire.ErrPermissionDenied},
	{"42", wire.ErrSQLStatement},
	{string(sqlstate.DiskFull), wire.ErrNoSpace},
	{"53", wire.ErrSQLLimit},
	{"54", wire.ErrSQLLimit},
	{"55", wire.ErrSQLInUse},
	{string(sqlstate.QueryCanceled), wire.ErrCanceled},
	{string(sqlstate.SystemError), wire.ErrFailed},
	{string(sqlstate.DataCorrupted), wire.ErrCorruption},
	{"XX", wire.ErrInternal},
}

// fromSQL returns an error of SQL as clients get it.
func fromSQL(e *sqlstate.Error) *wire.Error {
	code := wire.ErrSQLOther
	for _, s := range states {
		if strings.HasPrefix(string(e.Code), s.state) {
			code = s.code
			break
		}
	}
	if e.Code == sqlstate.QueryCanceled && errors.Is(e.Cause, context.DeadlineExceeded) {
		code = wire.ErrTimeout // statement_timeout
	}
	out := wire.Errorf(code, "%s", e.Message)
	out.SQLState, out.Table, out.Column, out.Constraint = string(e.Code), e.Table, e.Column, e.Constraint
	if e.Hint != "" {
		out.Hint = e.Hint
	}
	if e.At >= 0 && e.At <= len(e.Text) && e.Text != "" {
		out.Position = uint64(1 + len([]rune(e.Text[:e.At])))
		place := *e
		place.Hint = ""
		out.Detail = place.Detail()
	}
	if conflict, ok := errors.AsType[*engine.ConflictError](e.Cause); ok {
		out.Keyspace, out.Key, out.Seq = conflict.Keyspace, conflict.Key, conflict.Seq
	}
	return out
}

// A stopwatch ends a statement that is worked on for too long. The time in which its client reads does not count.
type stopwatch struct {
	left   time.Duration // 0: as long as it takes
	cancel context.CancelCauseFunc
	cause  error
}

// run runs f, and ends the statement if that takes longer than there is time left.
func (w *stopwatch) run(f func() error) error {
	if w.left <= 0 {
		return f()
	}
	began := time.Now()
	timer := time.AfterFunc(w.left, func() { w.cancel(w.cause) })
	err := f()
	timer.Stop()
	w.left = max(1, w.left-time.Since(began))
	return err
}
