package client

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/middb/middb/wire"
)

// scanner is sql.Scanner, without its package.
type scanner interface{ Scan(src any) error }

var errNull = errors.New("NULL needs a pointer to a pointer, or a variable of type any")

// Scan puts the values of the row into variables, one for each column: pointers to integers, floats, bool, string, []byte,
// time.Time, [16]byte, any, to a pointer to one of these, which NULL makes nil, or something with the method
// Scan(any) error.
func (r *Rows) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return wire.Errorf(wire.ErrInvalidArgument, "there are %d columns and %d variables", len(r.values), len(dest))
	}
	for i, v := range r.values {
		if err := scanValue(v, dest[i]); err != nil {
			return wire.Errorf(wire.ErrSQLData, "column %s: %v", r.columns[i].Name, err)
		}
	}
	return nil
}

// scanValue puts a value into a variable.
func scanValue(v, dest any) error {
	switch d := dest.(type) {
	case *any:
		*d = v
		return nil
	case scanner:
		return d.Scan(v)
	case *[]byte:
		switch v := v.(type) {
		case nil:
			*d = nil
		case []byte:
			*d = v
		default:
			*d = []byte(text(v))
		}
		return nil
	case *time.Time:
		if t, ok := v.(time.Time); ok {
			*d = t
			return nil
		}
	case *[16]byte:
		if u, ok := v.([16]byte); ok {
			*d = u
			return nil
		}
	}
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("a %T is no pointer to a variable", dest)
	}
	return scanReflected(v, p.Elem())
}

func scanReflected(v any, to reflect.Value) error {
	switch kind := to.Kind(); {
	case v == nil && kind == reflect.Pointer:
		to.SetZero()
		return nil
	case v == nil:
		return errNull
	case kind == reflect.Pointer:
		made := reflect.New(to.Type().Elem())
		if err := scanValue(v, made.Interface()); err != nil {
			return err
		}
		to.Set(made)
		return nil
	case kind == reflect.String:
		to.SetString(text(v))
		return nil
	case kind == reflect.Bool:
		if b, ok := v.(bool); ok {
			to.SetBool(b)
			return nil
		}
	case to.CanInt():
		if n, ok := whole(v); ok {
			if to.OverflowInt(n) {
				return fmt.Errorf("%d is out of range for a %s", n, to.Type())
			}
			to.SetInt(n)
			return nil
		}
	case to.CanUint():
		if n, ok := whole(v); ok {
			if n < 0 || to.OverflowUint(uint64(n)) {
				return fmt.Errorf("%d is out of range for a %s", n, to.Type())
			}
			to.SetUint(uint64(n))
			return nil
		}
	case to.CanFloat():
		if f, ok := number(v); ok {
			to.SetFloat(f)
			return nil
		}
	}
	return fmt.Errorf("a %T cannot go into a %s", v, to.Type())
}

// whole returns an integer, also one that is a float or the text of a DECIMAL.
func whole(v any) (int64, bool) {
	if n, ok := v.(int64); ok {
		return n, true
	}
	f, ok := number(v)
	if !ok || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// number returns an integer, a float, or the number that a text such as that of a DECIMAL is.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil
	default:
		return 0, false
	}
}

// text returns a value as text.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return fmt.Sprintf(`\x%x`, v)
	case time.Time:
		return v.Format("2006-01-02 15:04:05.999999-07")
	case [16]byte:
		return uuidText(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}
