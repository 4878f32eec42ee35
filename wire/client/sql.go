package client

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/wire"
)

// A Result is what became of a statement.
type Result struct {
	RowsAffected int64    // that were written, or read by a query
	Tag          string   // as PostgreSQL has it: INSERT 0 1, CREATE TABLE
	Notices      []Notice // what there is to know besides
}

// A Notice is something that is worth knowing and no error.
type Notice = wire.SQLNotice

// Query runs a statement of SQL, or several with semicolons between them, and returns the rows of the last one, which must be
// closed. Every call has a session of its own on the server: for a transaction use Begin or Update, for settings and
// prepared statements Session. The values of $1, $2 and so on are args: integers, floats, bool, string, []byte, time.Time,
// [16]byte, json.Number, nil, and pointers to them. Errors of SQL are a *wire.Error with SQLState, and where there is one
// with Position.
//
// A statement that only reads, as far as its text tells, is run again when its connection is lost before its first rows;
// another one is not.
func (c *Client) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	values, err := parameters(args)
	if err != nil {
		return nil, err
	}
	m := wire.Exec{SQL: sql, Args: values, Flags: wire.ExecAlone, Credit: window}
	cl := c.streamCall(wire.TypeExec)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, c.s.Timeout)
	defer cl.end()
	e := effectOf(sql)
	conn, err := c.pool.run(ctx, cl, needStream, e)
	if err != nil {
		return nil, public(err, wire.TypeExec, e)
	}
	return newRows(ctx, c, conn, cl, e)
}

// Exec is Query for who wants no rows: it returns when all is done.
func (c *Client) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return drain(c.Query(ctx, sql, args...))
}

// Query runs a statement of SQL in the transaction; see Client.Query. A statement that fails leaves nothing of itself, and
// the transaction goes on.
func (t *Txn) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	values, err := parameters(args)
	if err != nil {
		return nil, err
	}
	m := wire.Exec{SQL: sql, Args: values, Txn: t.number, Credit: window}
	cl := t.c.streamCall(wire.TypeExec)
	cl.frame = wire.EndFrame(m.Append(cl.frame), 0)
	cl.begin(ctx, t.c.s.Timeout)
	defer cl.end()
	e := effectOf(sql)
	if err := t.open(ctx, cl, e); err != nil {
		return nil, err
	}
	return newRows(ctx, t.c, t.conn, cl, e)
}

// Exec is Query for who wants no rows.
func (t *Txn) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	return drain(t.Query(ctx, sql, args...))
}

// effectOf returns what it means that a statement may have been run, as far as its text tells.
func effectOf(sql string) effect {
	text := strings.ToLower(strings.TrimSpace(sql))
	if strings.ContainsAny(text, ";") || strings.Contains(text, "nextval") || strings.Contains(text, "setval") {
		return once
	}
	for _, begin := range []string{"select", "values", "table", "show"} {
		if rest, found := strings.CutPrefix(text, begin); found && rest != "" && !isWord(rest[0]) {
			return repeatable
		}
	}
	return once
}

func isWord(b byte) bool {
	return b == '_' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b >= 0x80
}

// parameters returns values as they are sent.
func parameters(args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	out := make([]any, len(args))
	for i, a := range args {
		v, ok := parameter(a)
		if !ok {
			return nil, wire.Errorf(wire.ErrInvalidArgument, "parameter $%d: a Go value of type %T is none of SQL", i+1, a)
		}
		out[i] = v
	}
	return out, nil
}

// parameter returns a value as it is sent: times and UUIDs as text, which is understood whatever they become.
func parameter(a any) (any, bool) {
	switch a := a.(type) {
	case nil, int64, float64, bool, string, []byte:
		return a, true
	case int:
		return int64(a), true
	case time.Time:
		return a.Format("2006-01-02 15:04:05.999999Z07:00"), true
	case [16]byte:
		return uuidText(a), true
	case json.Number:
		if n, err := strconv.ParseInt(string(a), 10, 64); err == nil {
			return n, true
		}
		return string(a), true
	}
	r := reflect.ValueOf(a)
	switch r.Kind() {
	case reflect.Pointer:
		if r.IsNil() {
			return nil, true
		}
		return parameter(r.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if r.Uint() > math.MaxInt64 {
			return r.Uint(), true
		}
		return int64(r.Uint()), true
	case reflect.Float32, reflect.Float64:
		return r.Float(), true
	case reflect.Bool:
		return r.Bool(), true
	case reflect.String:
		return r.String(), true
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			if r.IsNil() {
				return nil, true
			}
			return r.Bytes(), true
		}
	case reflect.Array:
		if u := reflect.TypeFor[[16]byte](); r.Type().ConvertibleTo(u) {
			return uuidText(r.Convert(u).Interface().([16]byte)), true
		}
	default:
	}
	return nil, false
}

func uuidText(u [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
