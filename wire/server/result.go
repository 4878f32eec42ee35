package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	sqlsession "github.com/middb/middb/session"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A result is what a statement gives, as the source of a stream.
type result struct {
	c      *conn
	id     uint32
	at     *place
	ctx    context.Context // of the statement; its rows need it as long as they are read
	cancel context.CancelCauseFunc
	watch  stopwatch
	stream *stream // of one in a transaction; guarded by its mutex
	memory int64   // charged for it

	rows    *engine.Rows
	notices []wire.SQLNotice
	row     bool // the rows stand at one that is in no frame yet
	over    bool // there is none after it
}

// openResult runs a statement, up to its first rows, and makes the stream of the request read them. It returns the frame that is
// sent first, or nil.
func (c *conn) openResult(r *request, at *place, credit uint64, query func(ctx context.Context) (*engine.Rows, error)) ([]byte, error) {
	src := &result{c: c, id: r.ID, at: at}
	src.ctx, src.cancel = context.WithCancelCause(r.ctx)
	limit := c.settings.Load().timeout
	src.watch = stopwatch{limit, src.cancel, wire.Errorf(wire.ErrTimeout, "the statement has taken longer than %v", limit)}
	err := src.begin(r.stream, query)
	if err != nil {
		src.close()
		return nil, err
	}
	r.stream.openSQL(src, credit)
	columns := src.rows.Columns()
	if columns == nil {
		return nil, nil
	}
	head := wire.RowHead{Columns: columnsOf(columns)}
	frame := head.Append(wire.BeginFrame(nil, wire.TypeRowHead, wire.More, r.ID))
	if n := len(frame) - wire.HeaderBytes; n > c.server.o.MaxFrame {
		return nil, replyTooLarge(r.Type, n, c.server.o.MaxFrame)
	}
	return frame, nil
}

// openSQL makes a stream read a result.
func (s *stream) openSQL(src *result, credit uint64) {
	s.role = func() error {
		if err := s.c.refresh(); err != nil {
			return err
		}
		return s.c.may(users.Read, users.All)
	}
	s.src = src
	s.mu.Lock()
	s.credit += or(credit, wire.DefaultCredit)
	s.mu.Unlock()
}

// begin runs the statement.
func (s *result) begin(to *stream, query func(ctx context.Context) (*engine.Rows, error)) error {
	memory, err := s.c.server.memory.query(s.ctx)
	if err != nil {
		return err
	}
	s.memory = memory
	return s.use(func() error {
		s.c.limit(s.at.session, memory)
		rows, err := query(s.ctx)
		for _, n := range s.at.session.Notices() {
			s.notices = append(s.notices, wire.SQLNotice{Code: string(n.Code), Message: n.Message})
		}
		if err != nil {
			return err
		}
		s.rows, s.over = rows, rows.Columns() == nil
		if t := s.at.txn; t != nil {
			s.stream = to
			if t.results == nil {
				t.results = map[*result]struct{}{}
			}
			t.results[s] = struct{}{}
		}
		return nil
	})
}

// use runs f with the session, as a part of the statement.
func (s *result) use(f func() error) error {
	if err := s.at.enter(s.ctx); err != nil {
		return err
	}
	defer s.at.leave()
	if t := s.at.txn; t != nil { // which ends the statement if it expires meanwhile
		t.statement.Store(&s.cancel)
		defer t.statement.Store(nil)
		if t.expiring.Load() {
			s.cancel(engine.ErrTxnExpired)
		}
	}
	if err := s.watch.run(f); err != nil {
		return s.c.sqlFailure(s.ctx, err)
	}
	return nil
}

// await implements source: it finds the next row, which may take long, before it is the stream's turn.
func (s *result) await(context.Context) error {
	if s.row || s.over {
		return nil
	}
	return s.use(s.advance)
}

// advance moves to the next row.
func (s *result) advance() error {
	s.row = s.rows.Next()
	s.over = !s.row && s.rows.Err() == nil
	return s.rows.Err()
}

// next implements source.
func (s *result) next(context.Context) (frame []byte, n int, more bool, err error) {
	if s.over {
		return nil, 0, false, nil
	}
	var buf []byte
	more, longest := true, s.c.server.o.MaxFrame
	err = s.use(func() error {
		for s.row {
			if n == 0 && buf == nil {
				buf = make([]byte, headRoom, headRoom+firstRoom)
			}
			before := len(buf)
			buf = appendRow(buf, s.rows.Values())
			if len(buf)-wire.HeaderBytes > longest {
				size := len(buf) - before
				if buf = buf[:before]; n == 0 {
					return wire.Errorf(wire.ErrReplyTooLarge, "a row has %d bytes; a frame has at most %d", size, longest)
				}
				return nil
			}
			n++
			if failed := s.advance(); failed != nil {
				return failed
			}
			if len(buf) >= min(wire.RowsBytes, longest) {
				break
			}
			if n%entriesPerLook == 0 && s.ctx.Err() != nil {
				return context.Cause(s.ctx)
			}
		}
		more = !s.over
		return nil
	})
	if n == 0 {
		return nil, 0, more, err
	}
	var head [headRoom]byte
	h := wire.AppendArray(wire.BeginFrame(head[:0], wire.TypeRows, wire.More, s.id), n)
	return under(buf, headRoom, h), n, more, err
}

// exhausted implements source.
func (s *result) exhausted() bool { return s.over && !s.row }

// close implements source.
func (s *result) close() {
	s.cancel(errCanceled)
	switch {
	case s.at.txn != nil:
		t := s.at.txn
		t.mu.Lock()
		delete(t.results, s)
		s.closeRows()
		t.mu.Unlock()
	case s.at.alone:
		s.closeRows()
		_ = s.c.guard("the end of a session", s.at.session.Close)
	case s.rows != nil:
		s.at.turn <- struct{}{} // who holds it ends, at the latest when the connection does
		s.closeRows()
		<-s.at.turn
	}
	s.c.server.memory.queries.free(s.memory)
	s.memory = 0
}

// closeRows closes the rows. The session is the caller's.
func (s *result) closeRows() {
	if s.rows != nil {
		_ = s.c.guard("the end of a statement", s.rows.Close) // what it has to say was said by next
	}
}

// outcome returns what a client is told that gets no more rows because of an error: nil if the statement is done.
func (s *result) outcome(err error) error {
	switch {
	case err == nil || s.rows == nil:
		return err
	case s.exhausted():
		return nil
	}
	tag := s.rows.Tag()
	if tag == "" || strings.HasPrefix(tag, "SELECT") {
		return err
	}
	e := wire.Errorf(wire.ErrCommitUnknown, "the statement was done (%s), but not all of its rows were sent: %v", tag, err)
	e.Hint = "its rows can be read by a query"
	return e
}

// end fills in what END tells of the statement.
func (s *result) end(e *wire.End) {
	if s.rows == nil {
		return
	}
	r := s.rows.Result()
	e.Affected, e.Tag, e.Notices = uint64(max(0, r.RowsAffected)), r.Tag, s.notices
}

// appendRow appends the values of a row.
func appendRow(dst []byte, row []catalog.Value) []byte {
	dst = wire.AppendArray(dst, len(row))
	for _, v := range row {
		switch v.Kind() {
		case 0:
			dst = wire.AppendNil(dst)
		case catalog.Int64, catalog.Date, catalog.Timestamp:
			dst = wire.AppendInt(dst, integerOf(v))
		case catalog.Float64:
			dst = wire.AppendFloat(dst, v.AsFloat())
		case catalog.Bool:
			dst = wire.AppendBool(dst, v.AsBool())
		case catalog.Bytes:
			dst = wire.AppendBin(dst, v.AsBytes())
		case catalog.UUID:
			u := v.AsUUID()
			dst = wire.AppendBin(dst, u[:])
		default:
			dst = wire.AppendStr(dst, v.String())
		}
	}
	return dst
}

// integerOf returns an integer, the days of a date, or the microseconds of a time.
func integerOf(v catalog.Value) int64 {
	switch v.Kind() {
	case catalog.Date:
		return v.AsTime().Unix() / 86400 // whole days, also before 1970
	case catalog.Timestamp:
		return v.AsTime().UnixMicro()
	default:
		return v.AsInt()
	}
}

// columnsOf describes columns as clients get them. Their kinds are numbered alike.
func columnsOf(list []sqlsession.Column) []wire.Column {
	out := make([]wire.Column, len(list))
	for i, c := range list {
		t := c.Type
		out[i] = wire.Column{
			Name: c.Name, Type: t.String(), Kind: wire.ColumnKind(t.Kind), Nullable: c.Nullable || t.Kind == 0,
			Digits: t.Precision, Scale: t.Scale, Length: t.Length,
		}
	}
	return out
}

// leastQueryBytes is the least that a query gets to keep in memory.
const leastQueryBytes = 256 << 10

// query charges what a query may keep in memory: less, the less is left. If there is nothing, it waits for some.
func (m *memory) query(ctx context.Context) (int64, error) {
	const part, most = 16, 64 << 20
	left := m.queries.limit - m.queries.used.Load()
	n := min(max(left/part, leastQueryBytes), most)
	if m.queries.try(n) {
		return n, nil
	}
	if err := m.queries.wait(ctx, leastQueryBytes); err != nil {
		return 0, fmt.Errorf("memory of queries: %w", err)
	}
	return leastQueryBytes, nil
}
