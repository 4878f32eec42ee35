package session

import (
	"context"
	"errors"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A Column is one of the result of a query.
type Column struct {
	Name     string
	Type     catalog.Type // Kind 0: all values are NULL
	Nullable bool         // there may be NULLs
}

// A Result is what became of a statement.
type Result struct {
	RowsAffected int64  // that were written, or read by a query
	Tag          string // as PostgreSQL has it: INSERT 0 1, CREATE TABLE
}

// A source gives the rows of a query, batch by batch.
type source interface {
	// next returns the next rows, or nil at the end. They are lent until the next call; their texts stay good.
	next(ctx context.Context) (*catalog.Batch, error)
	close() error
}

// Rows are the rows of a statement, or none if it gives no rows. Outside of a transaction they are of one moment, and hold
// that until they are closed, which they are at their end. They are for one goroutine, that of the session.
type Rows struct {
	session *Session
	owner   *transaction // in which they are read; nil: one of their own
	ctx     context.Context
	columns []Column
	names   []string // of the columns; nil: not known yet
	result  Result
	text    string

	list   [][]catalog.Value // rows that are there already
	source source            // or where they come from
	batch  *catalog.Batch
	at     int // of the row in the list or the batch
	values []catalog.Value
	count  int64
	tag    string // of a query, before the number of rows

	err     error
	release func()                // has the session be somebody else's; nil: it is not to be
	finish  func(err error) error // ends what the rows needed; it is given what went wrong
	done    bool                  // finished

	// Memory of the only row of a point.
	one  [1][]catalog.Value
	room [4]catalog.Value
}

// finished returns rows of a statement that gives none.
func (s *Session) finished(r Result) *Rows {
	return &Rows{session: s, result: r, done: true}
}

// listed returns rows that are there.
func (s *Session) listed(columns []Column, rows [][]catalog.Value, r Result) *Rows {
	return &Rows{session: s, columns: columns, list: rows, result: r, at: -1, done: true}
}

// Columns returns what the rows have, nothing if the statement gives no rows. The caller must not change them.
func (r *Rows) Columns() []Column { return r.columns }

// Names returns the names of the columns. The caller must not change them.
func (r *Rows) Names() []string {
	if r.names == nil {
		r.names = make([]string, len(r.columns))
		for i := range r.columns {
			r.names[i] = r.columns[i].Name
		}
	}
	return r.names
}

// Next moves to the next row, at first to the first one. It reports whether there is one; if not, Err says whether that is
// because of an error.
func (r *Rows) Next() bool {
	if r.err != nil {
		return false
	}
	if r.source == nil {
		if r.at+1 >= len(r.list) {
			r.list, r.at = nil, -1
			r.end(nil)
			return false
		}
		r.at++
		r.values = r.list[r.at]
		return true
	}
	r.at++
	if r.batch == nil || r.at >= r.batch.Rows() {
		if err := r.load(); err != nil || r.batch == nil {
			r.end(err)
			return false
		}
	}
	at := r.at
	if r.batch.Sel != nil {
		at = int(r.batch.Sel[at])
	}
	r.values = r.values[:0]
	for _, c := range r.batch.Columns {
		r.values = append(r.values, c.Value(at))
	}
	r.count++
	return true
}

// load gets the next batch that has rows.
func (r *Rows) load() (err error) {
	for {
		if r.batch, err = r.source.next(r.ctx); err != nil || r.batch == nil {
			r.batch = nil
			return err
		}
		if r.at = 0; r.batch.Rows() > 0 {
			return nil
		}
	}
}

// Values returns the values of the row, until the rows move. The values themselves stay good.
func (r *Rows) Values() []catalog.Value { return r.values }

// Err returns why the rows have come to an end too early, or nil.
func (r *Rows) Err() error { return r.err }

// Result returns what became of the statement, once all rows were read.
func (r *Rows) Result() Result { return r.result }

// Tag returns what PostgreSQL says at the end of the statement: SELECT 3, INSERT 0 1. It is complete once all rows were read.
func (r *Rows) Tag() string { return r.result.Tag }

// Close ends the reading. What a statement has written stays written. It may be called again.
func (r *Rows) Close() error {
	if r.done {
		r.list = nil
		return nil
	}
	before := r.err
	r.end(nil)
	if before == nil {
		return r.err
	}
	return nil
}

// drain reads all rows and closes them.
func (r *Rows) drain() error {
	if r.source != nil && !r.done {
		for r.err == nil {
			if r.at, r.batch = 0, nil; r.load() != nil || r.batch == nil {
				break
			}
			r.count += int64(r.batch.Rows())
		}
	}
	for r.Next() {
	}
	return r.err
}

// abort ends the rows because of an error.
func (r *Rows) abort(err error) { r.end(err) }

// end ends the reading, at its end or because of err.
func (r *Rows) end(err error) {
	r.values = nil
	if r.done {
		return
	}
	r.done = true
	if r.release != nil {
		defer r.release()
	}
	if i := slices.Index(r.session.rows, r); i >= 0 {
		r.session.rows = slices.Delete(r.session.rows, i, i+1)
	}
	if r.source != nil {
		if closeErr := r.source.close(); err == nil {
			err = closeErr
		}
		r.batch = nil
	}
	if r.finish != nil {
		err = r.finish(err)
	}
	if err != nil {
		if r.owner != nil {
			r.owner.fail()
		}
		r.err = r.session.failure(r.ctx, err, r.text)
		return
	}
	if r.tag != "" {
		r.result = Result{RowsAffected: r.count, Tag: r.tag + " " + decimal(r.count)}
	}
}

// Scan puts the values of the row into variables, one for each column: pointers to integers, floats, bool, string, []byte,
// time.Time, [16]byte, any, catalog.Value, to a pointer to one of these, which NULL makes nil, or something with the method
// Scan(any) error.
func (r *Rows) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return sqlstate.New(sqlstate.InvalidParameter, -1, "there are %d columns and %d variables", len(r.values), len(dest))
	}
	for i, v := range r.values {
		if err := scanValue(v, dest[i]); err != nil {
			return sqlstate.New(sqlstate.DatatypeMismatch, -1, "column %s: %v", r.columns[i].Name, err)
		}
	}
	return nil
}

// ErrNoRows is returned by Row.Scan if the query has given no row.
var ErrNoRows = errors.New("the query has given no row")

// A Row is the first row of a query.
type Row struct {
	rows *Rows
	err  error
}

// QueryRow is Query for one row, which Scan reads.
func (s *Session) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	rows, err := s.Query(ctx, sql, args...)
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
