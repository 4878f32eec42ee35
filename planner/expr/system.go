package expr

import (
	"io"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// Version is what VERSION() returns.
const Version = "PostgreSQL 15.0 (middb)"

// systemFunctions are those that ask who and where they are, and those of chance.
func systemFunctions() map[string]function {
	name := func(of func(*Env) string) func(*Binder, *call) (*Node, error) {
		return func(_ *Binder, c *call) (*Node, error) {
			return moody(stable, c, textType, fromEnv(func(f frame) (catalog.Value, error) {
				return catalog.Str(of(f.env)), nil
			})), nil
		}
	}
	user := name(func(e *Env) string { return e.User })
	schema := name(func(e *Env) string { return e.Schema })
	database := name(func(e *Env) string { return e.Database })
	return map[string]function{
		"gen_random_uuid": {0, 0, (*Binder).randomUUID}, "random": {0, 0, (*Binder).random},
		"version":      {0, 0, name(func(*Env) string { return Version })},
		"current_user": {0, 0, user}, "session_user": {0, 0, user}, "user": {0, 0, user}, "current_role": {0, 0, user},
		"current_schema": {0, 0, schema}, "current_database": {0, 0, database}, "current_catalog": {0, 0, database},
		"current_setting": {1, 2, (*Binder).currentSetting},
		"pg_typeof":       {1, 1, (*Binder).typeOf}, "typeof": {1, 1, (*Binder).typeOf},
		"num_nulls": {1, many, (*Binder).countNulls}, "num_nonnulls": {1, many, (*Binder).countNulls},
		"nextval": {1, 1, (*Binder).sequence}, "currval": {1, 1, (*Binder).sequence}, "lastval": {0, 0, (*Binder).sequence},
		"setval": {2, 3, (*Binder).sequence},
	}
}

// chance reads bytes of the source of chance.
func (f frame) chance(name string, b []byte) error {
	if f.env.Random == nil {
		return sqlstate.New(sqlstate.NotSupported, -1, "%s cannot be called here", name)
	}
	if _, err := io.ReadFull(f.env.Random, b); err != nil {
		e := sqlstate.New(sqlstate.InternalError, -1, "the source of random numbers failed: %v", err)
		e.Cause = err
		return e
	}
	return nil
}

// randomUUID binds GEN_RANDOM_UUID(): a UUID of version 4.
func (b *Binder) randomUUID(c *call) (*Node, error) {
	return moody(unstable, c, uuidType, fromEnv(func(f frame) (catalog.Value, error) {
		var u [16]byte
		if err := f.chance(c.name, u[:]); err != nil {
			return catalog.Null(), err
		}
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		return catalog.UUIDOf(u), nil
	})), nil
}

// random binds RANDOM(), which is from 0 to below 1.
func (b *Binder) random(c *call) (*Node, error) {
	return moody(unstable, c, floatType, fromEnv(func(f frame) (catalog.Value, error) {
		var u [8]byte
		if err := f.chance(c.name, u[:]); err != nil {
			return catalog.Null(), err
		}
		n := uint64(0)
		for _, c := range u {
			n = n<<8 | uint64(c)
		}
		return catalog.Float(float64(n>>11) / (1 << 53)), nil
	})), nil
}

// currentSetting binds CURRENT_SETTING(name [, missing]), which is NULL of a setting that there is not if missing is true.
func (b *Binder) currentSetting(c *call) (*Node, error) {
	if err := b.arguments(c, textType, boolType); err != nil {
		return nil, err
	}
	return moody(stable, c, textType, withEnv(func(f frame, args []catalog.Value) (catalog.Value, error) {
		if f.env.Setting != nil {
			if s, ok := f.env.Setting(args[0].AsString()); ok {
				return catalog.Str(s), nil
			}
		}
		if len(args) == 2 && args[1].AsBool() {
			return catalog.Null(), nil
		}
		return catalog.Null(), sqlstate.New(sqlstate.UndefinedObject, -1, "there is no setting %q", shorten(args[0].AsString()))
	}), c.args...), nil
}

// withEnv returns the builder of a function of its arguments and the environment that is NULL if an argument is.
func withEnv(of func(f frame, args []catalog.Value) (catalog.Value, error)) builder {
	return func(n *Node, args []evaluator) evaluator {
		at := n.At
		return func(f frame) (catalog.Value, error) {
			if f.env == nil {
				f.env = &Env{}
			}
			return eachStrict(func(values []catalog.Value) (catalog.Value, error) {
				v, err := of(f, values)
				return v, placed(err, at)
			})(n, args)(f)
		}
	}
}

// postgresTypes are the names of types as PG_TYPEOF has them.
var postgresTypes = map[catalog.Kind]string{
	catalog.Int64: "bigint", catalog.Float64: "double precision", catalog.Decimal: "numeric", catalog.Bool: "boolean",
	catalog.String: "text", catalog.Bytes: "bytea", catalog.Date: "date", catalog.Timestamp: "timestamp with time zone",
	catalog.UUID: "uuid", catalog.JSON: "json", catalog.Interval: "interval",
}

// typeOf binds PG_TYPEOF, the type of an expression, and SQLite's TYPEOF, the class of a value.
func (b *Binder) typeOf(c *call) (*Node, error) {
	x := c.args[0]
	if c.name == "pg_typeof" {
		name := "unknown"
		if x.Op == OpParameter {
			var err error
			if x, err = b.settle(x, textType); err != nil {
				return nil, err
			}
		}
		if !x.Open() {
			name = postgresTypes[x.Type.Kind]
		}
		return constant(c.at, textType, catalog.Str(name)), nil
	}
	x, err := b.settle(x, textType)
	if err != nil {
		return nil, err
	}
	return foldCall(c, textType, each(func(args []catalog.Value) (catalog.Value, error) {
		switch args[0].Kind() {
		case 0:
			return catalog.Str("null"), nil
		case catalog.Int64, catalog.Bool:
			return catalog.Str("integer"), nil
		case catalog.Float64, catalog.Decimal:
			return catalog.Str("real"), nil
		case catalog.Bytes:
			return catalog.Str("blob"), nil
		default:
			return catalog.Str("text"), nil
		}
	}), x), nil
}

// countNulls binds NUM_NULLS and NUM_NONNULLS.
func (b *Binder) countNulls(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	wanted := !strings.Contains(c.name, "non")
	return foldCall(c, intType, each(func(args []catalog.Value) (catalog.Value, error) {
		n := int64(0)
		for _, v := range args {
			if v.IsNull() == wanted {
				n++
			}
		}
		return catalog.Int(n), nil
	}), c.args...), nil
}
