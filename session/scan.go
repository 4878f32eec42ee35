package session

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/middb/middb/catalog"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// scanner is sql.Scanner, without its package.
type scanner interface{ Scan(src any) error }

var errNull = errors.New("NULL needs a pointer to a pointer, or a variable of type any")

// scanValue puts a value into a variable.
func scanValue(v catalog.Value, dest any) error {
	switch d := dest.(type) {
	case *catalog.Value:
		*d = v
		return nil
	case *any:
		*d = v.Any()
		return nil
	case scanner:
		return d.Scan(v.Any())
	case *[]byte:
		*d = bytesOf(v)
		return nil
	}
	if v.IsNull() {
		return scanNull(dest)
	}
	switch d := dest.(type) {
	case *string:
		*d = v.String()
		return nil
	case *int64:
		n, err := integer(v)
		*d = n
		return err
	case *int:
		n, err := integer(v)
		*d = int(n)
		return err
	case *float64:
		if !v.Kind().Numeric() {
			return mismatch(v, dest)
		}
		*d = v.AsFloat()
		return nil
	case *bool:
		if v.Kind() != catalog.Bool {
			return mismatch(v, dest)
		}
		*d = v.AsBool()
		return nil
	case *time.Time:
		if v.Kind() != catalog.Date && v.Kind() != catalog.Timestamp {
			return mismatch(v, dest)
		}
		*d = v.AsTime()
		return nil
	case *[16]byte:
		if v.Kind() != catalog.UUID {
			return mismatch(v, dest)
		}
		*d = v.AsUUID()
		return nil
	}
	return scanReflected(v, dest)
}

func mismatch(v catalog.Value, dest any) error {
	return fmt.Errorf("a %s cannot go into a %T", v.Kind(), dest)
}

// bytesOf returns BYTEA as it is, NULL as nil and all else as text.
func bytesOf(v catalog.Value) []byte {
	switch v.Kind() {
	case 0:
		return nil
	case catalog.Bytes:
		return v.AsBytes()
	default:
		return []byte(v.String())
	}
}

// integer returns a number that is whole.
func integer(v catalog.Value) (int64, error) {
	if !v.Kind().Numeric() {
		return 0, mismatch(v, new(int64))
	}
	whole, err := catalog.Cast(v, catalog.Type{Kind: catalog.Int64})
	if err != nil {
		return 0, err
	}
	if catalog.Compare(v, whole) != 0 {
		return 0, fmt.Errorf("%s is not a whole number", v)
	}
	return whole.AsInt(), nil
}

func scanNull(dest any) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("a %T is no pointer to a variable", dest)
	}
	if to := p.Elem(); to.Kind() == reflect.Pointer {
		to.SetZero()
		return nil
	}
	return errNull
}

// scanReflected is for other integers and floats, and types made of what scanValue knows.
func scanReflected(v catalog.Value, dest any) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("a %T is no pointer to a variable", dest)
	}
	to := p.Elem()
	switch to.Kind() {
	case reflect.Pointer:
		made := reflect.New(to.Type().Elem())
		if err := scanValue(v, made.Interface()); err != nil {
			return err
		}
		to.Set(made)
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := integer(v)
		if err == nil && to.OverflowInt(n) {
			err = fmt.Errorf("%d is out of range for a %s", n, to.Type())
		}
		if err == nil {
			to.SetInt(n)
		}
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := integer(v)
		if err == nil && (n < 0 || to.OverflowUint(uint64(n))) {
			err = fmt.Errorf("%d is out of range for a %s", n, to.Type())
		}
		if err == nil {
			to.SetUint(uint64(n))
		}
		return err
	case reflect.Float32, reflect.Float64:
		if !v.Kind().Numeric() {
			return mismatch(v, dest)
		}
		f := v.AsFloat()
		if to.OverflowFloat(f) && !math.IsInf(f, 0) {
			return fmt.Errorf("%v is out of range for a %s", f, to.Type())
		}
		to.SetFloat(f)
		return nil
	case reflect.String:
		to.SetString(v.String())
		return nil
	case reflect.Bool:
		if v.Kind() == catalog.Bool {
			to.SetBool(v.AsBool())
			return nil
		}
	default:
	}
	return mismatch(v, dest)
}
