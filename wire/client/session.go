package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/middb/middb/wire"
)

// A Session is a connection of its own for SQL: what BEGIN begins and SET sets lasts from one statement to the next. It is for
// one goroutine at a time, and must be closed, which rolls back what is under way. When its connection is lost, so is all of
// that: every call fails from then on with a wire.ErrConnection, and IsLost says so.
type Session struct {
	c    *Client
	conn *conn
	once sync.Once
}

// Session makes a connection for SQL, beside those of the client.
func (c *Client) Session(ctx context.Context) (*Session, error) {
	cl := c.call(wire.TypeHello)
	cl.begin(ctx, c.s.Timeout)
	defer cl.end()
	conn, err := c.pool.dedicated(ctx)
	if err != nil {
		return nil, public(err, wire.TypeHello, repeatable)
	}
	return &Session{c: c, conn: conn}, nil
}

// dedicated returns a connection that is not shared, to whichever place answers.
func (p *pool) dedicated(ctx context.Context) (*conn, error) {
	var last error
	for range p.s.addresses {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		at := best(p.places, time.Now())
		p.mu.Unlock()
		c, err := p.dedicatedAt(ctx, at)
		p.mu.Lock()
		switch {
		case err != nil:
			at.fails(time.Now(), p.random)
			last = err
		case p.closed:
			c.nc.Close()
			last = errClosed
		default:
			p.open[c] = true
			p.work.Go(c.write)
			p.work.Go(c.read)
		}
		p.mu.Unlock()
		if err == nil || !again(err, repeatable) {
			return c, last
		}
	}
	return nil, last
}

func (p *pool) dedicatedAt(ctx context.Context, at *place) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.s.ConnectTimeout, fmt.Errorf("no answer within %v", p.s.ConnectTimeout))
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	return p.connect(ctx, at)
}

// IsLost reports whether the connection of the session has ended.
func (s *Session) IsLost() bool {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.ended != nil || s.conn.failing
}

// Query runs a statement, or several, in the session; see Client.Query. The connection's statements run one after the other,
// but rows that are still read may be so between them.
func (s *Session) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	values, err := parameters(args)
	if err != nil {
		return nil, err
	}
	return s.open(ctx, wire.TypeExec, &wire.Exec{SQL: sql, Args: values, Credit: window})
}

// open makes a request whose reply is rows.
func (s *Session) open(ctx context.Context, t wire.Type, m interface{ Append([]byte) []byte }) (*Rows, error) {
	cl := s.c.calls.take(t, 0)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, s.c.s.Timeout)
	defer cl.end()
	cl.stream = newStream()
	if !s.conn.extend() {
		return nil, wire.Errorf(wire.ErrLimit, "the session has %d rows open", s.conn.hello.Limits.Cursors)
	}
	if err := s.conn.openStream(ctx, cl); err != nil {
		return nil, public(err, t, once)
	}
	return newRows(ctx, s.c, s.conn, cl, once)
}

// Exec is Query for who wants no rows.
func (s *Session) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return drain(s.Query(ctx, sql, args...))
}

// QueryRow is Query for one row, which Scan reads.
func (s *Session) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	rows, err := s.Query(ctx, sql, args...)
	return &Row{rows, err}
}

// do makes a request that has one reply.
func (s *Session) do(ctx context.Context, t wire.Type, m interface{ Append([]byte) []byte }, decode func([]byte) error) error {
	cl := s.c.calls.take(t, 0)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, s.c.s.Timeout)
	defer cl.end()
	if err := s.conn.roundTrip(ctx, cl); err != nil {
		return public(err, t, repeatable)
	}
	defer s.c.calls.give(cl)
	if decode == nil {
		return nil
	}
	return decode(cl.body)
}

// Close ends the session, and rolls back what is under way. It may be called again.
func (s *Session) Close() error {
	s.once.Do(func() { s.conn.fail(errClosed) })
	return nil
}

// A Statement is one that the server has prepared for a session. It is for the goroutine of that.
type Statement struct {
	s    *Session
	what wire.PrepareReply
	once sync.Once
}

// Prepare has the server read and plan a statement, which can then be run any number of times.
func (s *Session) Prepare(ctx context.Context, sql string) (*Statement, error) {
	p := &Statement{s: s}
	return p, s.do(ctx, wire.TypePrepare, &wire.Prepare{SQL: sql}, p.what.Decode)
}

// Parameters returns the names of the types of the parameters. An empty one takes anything.
func (p *Statement) Parameters() []string { return p.what.Parameters }

// Columns returns what the rows have, nothing if the statement gives no rows.
func (p *Statement) Columns() []Column { return p.what.Columns }

// Query runs the statement and returns its rows, which must be closed.
func (p *Statement) Query(ctx context.Context, args ...any) (*Rows, error) {
	values, err := parameters(args)
	if err != nil {
		return nil, err
	}
	return p.s.open(ctx, wire.TypeRun, &wire.Run{Statement: p.what.Statement, Args: values, Credit: window})
}

// Exec is Query for who wants no rows.
func (p *Statement) Exec(ctx context.Context, args ...any) (Result, error) {
	return drain(p.Query(ctx, args...))
}

// Close has the server forget the statement, and does not wait. It may be called again.
func (p *Statement) Close() error {
	p.once.Do(func() { p.s.conn.sendNow(wire.TypeUnprepare, wire.NoReply, wire.ID(p.what.Statement)) })
	return nil
}
