package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"reflect"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/session"
)

// A conn is a connection: a session.
type conn struct {
	session  *session.Session
	held     *opened // nil: somebody else closes the database
	readOnly bool
	bad      bool  // the database is closed
	args     []any // memory of values
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

func newConn(db *engine.DB, held *opened, readOnly bool) *conn {
	c := &conn{session: db.Session(), held: held, readOnly: readOnly}
	c.bad = c.setReadOnly() != nil
	return c
}

// setReadOnly has the session refuse to write, if the connection is to.
func (c *conn) setReadOnly() error {
	if !c.readOnly {
		return nil
	}
	_, err := c.session.Exec(context.Background(), "SET default_transaction_read_only = on")
	return err
}

// failed notes that the connection is of no use any more, if that is what an error says.
func (c *conn) failed(err error) error {
	if errors.Is(err, engine.ErrClosed) || errors.Is(err, sqlstate.ConnectionClosed) {
		c.bad = true
	}
	return err
}

// Prepare implements driver.Conn.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if c.bad {
		return nil, driver.ErrBadConn
	}
	p, err := c.session.Prepare(ctx, query)
	if err != nil {
		return nil, c.failed(err)
	}
	return &stmt{c, p}, nil
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	err := c.session.Close()
	if c.held != nil {
		err = errors.Join(err, c.held.release())
		c.held = nil
	}
	c.bad = true
	return err
}

// Begin implements driver.Conn.
func (c *conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

// BeginTx implements driver.ConnBeginTx. All levels below SERIALIZABLE are REPEATABLE READ, which is stricter than asked for.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.bad {
		return nil, driver.ErrBadConn
	}
	begin := "BEGIN"
	switch level := sql.IsolationLevel(o.Isolation); level {
	case sql.LevelDefault:
	case sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSnapshot:
		begin += " ISOLATION LEVEL REPEATABLE READ"
	case sql.LevelSerializable:
		begin += " ISOLATION LEVEL SERIALIZABLE"
	default:
		return nil, sqlstate.New(sqlstate.NotSupported, -1, "there is no isolation level %s", level).
			WithHint("use LevelSerializable or LevelSnapshot")
	}
	if o.ReadOnly || c.readOnly {
		begin += " READ ONLY"
	}
	if _, err := c.session.Exec(ctx, begin); err != nil {
		return nil, c.failed(err)
	}
	return tx{c}, nil
}

// A tx is a transaction under way.
type tx struct{ conn *conn }

// Commit implements driver.Tx.
func (t tx) Commit() error {
	_, failed := t.conn.session.InTransaction()
	if _, err := t.conn.session.Exec(context.Background(), "COMMIT"); err != nil {
		return t.conn.failed(err)
	}
	if failed {
		return sqlstate.New(sqlstate.FailedTransaction, -1, "the transaction was rolled back: a statement of it has failed")
	}
	return nil
}

// Rollback implements driver.Tx.
func (t tx) Rollback() error {
	_, err := t.conn.session.Exec(context.Background(), "ROLLBACK")
	return t.conn.failed(err)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.bad {
		return nil, driver.ErrBadConn
	}
	r, err := c.session.Query(ctx, query, c.values(args)...)
	if err != nil {
		return nil, c.failed(err)
	}
	return rows{r}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if c.bad {
		return nil, driver.ErrBadConn
	}
	r, err := c.session.Exec(ctx, query, c.values(args)...)
	if err != nil {
		return nil, c.failed(err)
	}
	return result(r.RowsAffected), nil
}

// values returns what the arguments of a call are, until the next call.
func (c *conn) values(args []driver.NamedValue) []any {
	c.args = c.args[:0]
	for i := range args {
		c.args = append(c.args, args[i].Value)
	}
	return c.args
}

// Ping implements driver.Pinger.
func (c *conn) Ping(ctx context.Context) error {
	if c.bad {
		return driver.ErrBadConn
	}
	if _, err := c.session.Exec(ctx, "SHOW TABLES"); err != nil {
		if err = c.failed(err); c.bad {
			return driver.ErrBadConn
		}
		return err
	}
	return nil
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(context.Context) error {
	if c.bad || c.session.Reset() != nil {
		return driver.ErrBadConn
	}
	if c.setReadOnly() != nil {
		return driver.ErrBadConn
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool { return !c.bad }

// CheckNamedValue implements driver.NamedValueChecker. Beside what database/sql knows, a parameter can be a catalog.Value, 16
// bytes for a UUID, and JSON.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if v.Name != "" {
		return sqlstate.New(sqlstate.NotSupported, -1, "parameters have no names, and one is given by the name %q", v.Name).
			WithHint("write $1, $2 and so on, and give the values in that order")
	}
	switch v.Value.(type) {
	case nil, int64, string, float64, bool, []byte, time.Time:
		return nil
	case catalog.Value, [16]byte, json.RawMessage, json.Number:
		return nil
	}
	if _, valuer := v.Value.(driver.Valuer); !valuer && v.Value != nil {
		if of := reflect.ValueOf(v.Value); of.Kind() == reflect.Array && of.Type().ConvertibleTo(reflect.TypeFor[[16]byte]()) {
			v.Value = of.Convert(reflect.TypeFor[[16]byte]()).Interface()
			return nil
		}
	}
	converted, err := driver.DefaultParameterConverter.ConvertValue(v.Value)
	if err == nil {
		v.Value = converted
	}
	return err
}
