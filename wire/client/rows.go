package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/middb/middb/wire"
)

// A Column is one of what a statement gives.
type Column = wire.Column

// Rows are what a statement gives: rows, perhaps none, and then a result. The server sends a few frames ahead and waits when
// the rows do not move. They are for one goroutine, and must be closed.
//
//	rows, err := db.Query(ctx, "SELECT id, name FROM users WHERE id > $1", 7)
//	if err != nil { ... }
//	defer rows.Close()
//	for rows.Next() {
//		if err := rows.Scan(&id, &name); err != nil { ... }
//	}
//	if err := rows.Err(); err != nil { ... }
type Rows struct {
	ctx     context.Context
	c       *Client
	conn    *conn
	cl      *call
	effect  effect
	columns []Column
	reader  wire.ResultReader
	values  []any
	result  Result
	err     error // errEnd at the end
}

// newRows returns the rows of a statement whose first frame is there, or its end.
func newRows(ctx context.Context, c *Client, conn *conn, cl *call, e effect) (*Rows, error) {
	r := &Rows{ctx: ctx, c: c, conn: conn, cl: cl, effect: e}
	f, err := conn.nextFrame(ctx, cl)
	switch {
	case errors.Is(err, errEnd):
		return r, r.ended()
	case err != nil:
		r.conn.closeStream(r.cl)
		return nil, public(err, cl.typ, e)
	case f.Type != wire.TypeRowHead:
		r.conn.closeStream(r.cl)
		return nil, violation("%v in place of ROWHEAD", f.Type)
	}
	var head wire.RowHead
	if err = head.Decode(f.Body); err != nil {
		r.conn.closeStream(r.cl)
		return nil, err
	}
	r.columns = head.Columns
	return r, nil
}

// ended takes what END says.
func (r *Rows) ended() error {
	r.conn.mu.Lock()
	body := r.cl.stream.last
	r.conn.mu.Unlock()
	var end wire.End
	if err := end.Decode(body); err != nil {
		r.err = err
		return err
	}
	r.err = errEnd
	r.result = Result{RowsAffected: int64(end.Affected), Tag: end.Tag, Notices: end.Notices}
	return nil
}

// Columns returns what the rows have, nothing if the statement gives no rows. The caller must not change them.
func (r *Rows) Columns() []Column { return r.columns }

// Next moves to the next row, at first to the first one. It reports whether there is one; if not, Err says whether that is
// because of a failure.
func (r *Rows) Next() bool {
	for r.err == nil {
		row, more, err := r.reader.Next(r.values[:0])
		switch {
		case err != nil:
			r.fail(err)
		case !more:
			r.load()
		case len(row) != len(r.columns):
			r.fail(violation("a row of %d values, where there are %d columns", len(row), len(r.columns)))
		default:
			if r.values, err = row, convert(r.columns, row); err == nil {
				return true
			}
			r.fail(err)
		}
	}
	r.values = nil
	return false
}

func (r *Rows) fail(err error) {
	r.conn.closeStream(r.cl)
	r.err = err
}

// load waits for the next frame.
func (r *Rows) load() {
	r.cl.begin(r.ctx, r.c.s.Timeout)
	defer r.cl.end()
	f, err := r.conn.nextFrame(r.ctx, r.cl)
	switch {
	case errors.Is(err, errEnd):
		_ = r.ended() // r.err has it
	case err != nil:
		r.fail(public(err, r.cl.typ, r.effect))
	case f.Type != wire.TypeRows:
		r.fail(violation("%v in place of ROWS", f.Type))
	default:
		if r.reader, err = wire.NewResultReader(f.Body); err != nil {
			r.fail(err)
		}
	}
}

// convert makes values what Values returns.
func convert(columns []Column, row []any) error {
	for i, v := range row {
		ok := true
		switch kind := columns[i].Kind; {
		case v == nil:
		case kind == wire.ColumnDate || kind == wire.ColumnTimestamp:
			var n int64
			if n, ok = v.(int64); ok && kind == wire.ColumnDate {
				row[i] = time.Unix(n*86400, 0).UTC()
			} else if ok {
				row[i] = time.UnixMicro(n).UTC()
			}
		case kind == wire.ColumnUUID:
			var b []byte
			if b, ok = v.([]byte); ok && len(b) == 16 {
				row[i] = [16]byte(b)
			} else {
				ok = false
			}
		}
		if !ok {
			return violation("%T in the column %s, which is %s", v, columns[i].Name, columns[i].Type)
		}
	}
	return nil
}

// Values returns the values of the row, until the rows move: int64, float64, bool, string for TEXT, DECIMAL, JSON and INTERVAL,
// []byte, time.Time for times and dates, [16]byte, or nil for NULL. Values that are bytes stay good.
func (r *Rows) Values() []any { return r.values }

// Err returns the failure that stopped the rows, or nil.
func (r *Rows) Err() error {
	if errors.Is(r.err, errEnd) {
		return nil
	}
	return r.err
}

// Result returns what became of the statement, once all rows were read.
func (r *Rows) Result() Result { return r.result }

// All yields the rows that are left. Check Err afterwards.
func (r *Rows) All() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for r.Next() {
			if !yield(r.values) {
				return
			}
		}
	}
}

// Close ends the reading, and returns Err. What the statement has written stays. Closing again does nothing.
func (r *Rows) Close() error {
	err := r.Err()
	if r.err == nil {
		r.err = errEnd
	}
	r.values, r.reader = nil, wire.ResultReader{}
	r.conn.closeStream(r.cl)
	return err
}

// drain reads all rows.
func drain(r *Rows, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	for r.Next() {
	}
	return r.result, r.Err()
}

// ErrNoRows is returned by Row.Scan if the query has given no row.
var ErrNoRows = errors.New("the query has given no row")

// A Row is the first row of a query.
type Row struct {
	rows *Rows
	err  error
}

// QueryRow is Query for one row, which Scan reads.
func (c *Client) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	rows, err := c.Query(ctx, sql, args...)
	return &Row{rows, err}
}

// QueryRow is Query for one row, which Scan reads.
func (t *Txn) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	rows, err := t.Query(ctx, sql, args...)
	return &Row{rows, err}
}

// Scan puts the values of the row into variables; see Rows.Scan. It closes the rows. If there is no row it returns ErrNoRows.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	return errors.Join(r.rows.Scan(dest...), r.rows.Close())
}
