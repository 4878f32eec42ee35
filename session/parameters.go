package session

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// bindParameters makes Go values those of parameters, and appends them to dst.
func bindParameters(dst []catalog.Value, types []catalog.Type, args []any) ([]catalog.Value, error) {
	if len(args) != len(types) {
		return dst, sqlstate.New(sqlstate.NoParameter, -1, "the statement has %d parameters, and %d values were given", len(types), len(args))
	}
	dst = slices.Grow(dst, len(args))
	for i, a := range args {
		v, err := parameter(types[i], a)
		if err != nil {
			e := sqlstate.New(sqlstate.DatatypeMismatch, -1, "parameter $%d: %v", i+1, err)
			if t, ok := errors.AsType[*catalog.TypeError](err); ok {
				e.Code = typeCode(t)
			}
			e.Cause = err
			return dst, e
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// parameter makes a Go value one of a type. For TEXT, which parameters are that nothing wants to be something else, numbers
// and times are what they look like.
func parameter(t catalog.Type, a any) (catalog.Value, error) {
	if p, ok := a.(Plain); ok {
		a = p.of(t)
	}
	if n, ok := a.(int64); ok && t.Kind == catalog.Int64 {
		return catalog.Int(n), nil
	}
	if t.Kind == catalog.Decimal && t.Precision == 0 {
		t = looseDecimal(a)
	}
	v, err := catalog.From(t, a)
	if err == nil || t.Kind != 0 && t.Kind != catalog.String {
		return v, err
	}
	natural, ok := naturalType(a)
	if !ok {
		return v, err
	}
	v, err = catalog.From(natural, a)
	if err != nil || t.Kind == 0 {
		return v, err
	}
	return catalog.Cast(v, t)
}

// looseDecimal returns the type of a parameter that may have as many digits as its value needs.
func looseDecimal(a any) catalog.Type {
	var text string
	switch a := a.(type) {
	case string:
		text = a
	case json.Number:
		text = string(a)
	case float64:
		text = strconv.FormatFloat(a, 'f', -1, 64)
	case float32:
		text = strconv.FormatFloat(float64(a), 'f', -1, 32)
	case catalog.Value:
		text = a.String()
	}
	_, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
	return catalog.Type{Kind: catalog.Decimal, Precision: catalog.MaxPrecision, Scale: uint8(min(len(fraction), catalog.MaxPrecision))}
}

// naturalType returns the type of SQL that is most like a Go value.
func naturalType(a any) (catalog.Type, bool) {
	var k catalog.Kind
	switch a := a.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		k = catalog.Int64
	case float32, float64:
		k = catalog.Float64
	case bool:
		k = catalog.Bool
	case string:
		k = catalog.String
	case []byte:
		k = catalog.Bytes
	case time.Time:
		k = catalog.Timestamp
	case [16]byte:
		k = catalog.UUID
	case catalog.Value:
		k = a.Kind()
	default:
		return catalog.Type{}, false
	}
	return catalog.Type{Kind: k}, k != 0 && k != catalog.Decimal
}
