package driver

import (
	"context"
	"database/sql/driver"
	"io"
	"math"
	"reflect"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/session"
)

// A stmt is a prepared statement.
type stmt struct {
	conn     *conn
	prepared *session.Statement
}

var (
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// Close implements driver.Stmt.
func (s *stmt) Close() error { return s.prepared.Close() }

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return len(s.prepared.Parameters()) }

// Exec implements driver.Stmt.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.conn.bad {
		return nil, driver.ErrBadConn
	}
	r, err := s.prepared.Exec(ctx, s.conn.values(args)...)
	if err != nil {
		return nil, s.conn.failed(err)
	}
	return result(r.RowsAffected), nil
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if s.conn.bad {
		return nil, driver.ErrBadConn
	}
	r, err := s.prepared.Query(ctx, s.conn.values(args)...)
	if err != nil {
		return nil, s.conn.failed(err)
	}
	return rows{r}, nil
}

// CheckNamedValue implements driver.NamedValueChecker.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }

// A result is how many rows were written.
type result int64

// LastInsertId implements driver.Result.
func (result) LastInsertId() (int64, error) {
	return 0, sqlstate.New(sqlstate.NotSupported, -1, "there is no LastInsertId").
		WithHint("write INSERT ... RETURNING id, and run it with QueryRow")
}

// RowsAffected implements driver.Result.
func (r result) RowsAffected() (int64, error) { return int64(r), nil }

// rows are those of a query.
type rows struct{ rows *session.Rows }

var (
	_ driver.RowsColumnTypeDatabaseTypeName = rows{}
	_ driver.RowsColumnTypeLength           = rows{}
	_ driver.RowsColumnTypeNullable         = rows{}
	_ driver.RowsColumnTypePrecisionScale   = rows{}
	_ driver.RowsColumnTypeScanType         = rows{}
)

// Columns implements driver.Rows.
func (r rows) Columns() []string { return r.rows.Names() }

// Close implements driver.Rows.
func (r rows) Close() error { return r.rows.Close() }

// Next implements driver.Rows.
func (r rows) Next(dest []driver.Value) error {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, v := range r.rows.Values() {
		switch v.Kind() {
		case catalog.UUID, catalog.Interval:
			dest[i] = v.String()
		default:
			dest[i] = v.Any()
		}
	}
	return nil
}

func (r rows) at(i int) catalog.Type { return r.rows.Columns()[i].Type }

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r rows) ColumnTypeDatabaseTypeName(i int) string {
	switch t := r.at(i); {
	case t.Kind == 0:
		return "TEXT"
	case t.Kind == catalog.String && t.Length > 0:
		return "VARCHAR"
	default:
		return t.Kind.String()
	}
}

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r rows) ColumnTypeLength(i int) (int64, bool) {
	switch t := r.at(i); {
	case t.Length > 0:
		return int64(t.Length), true
	case t.Kind == catalog.String, t.Kind == catalog.Bytes, t.Kind == catalog.JSON:
		return math.MaxInt64, true
	default:
		return 0, false
	}
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (r rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	return r.rows.Columns()[i].Nullable, true
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale. A DECIMAL with as many digits as it needs has none.
func (r rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	t := r.at(i)
	return int64(t.Precision), int64(t.Scale), t.Kind == catalog.Decimal && t.Precision > 0
}

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (r rows) ColumnTypeScanType(i int) reflect.Type {
	switch r.at(i).Kind {
	case catalog.Int64:
		return reflect.TypeFor[int64]()
	case catalog.Float64:
		return reflect.TypeFor[float64]()
	case catalog.Bool:
		return reflect.TypeFor[bool]()
	case catalog.Bytes:
		return reflect.TypeFor[[]byte]()
	case catalog.Date, catalog.Timestamp:
		return reflect.TypeFor[time.Time]()
	case 0:
		return reflect.TypeFor[any]()
	default:
		return reflect.TypeFor[string]()
	}
}
