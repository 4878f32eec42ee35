package expr

import (
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// The types that most expressions have.
var (
	intType       = catalog.Type{Kind: catalog.Int64}
	floatType     = catalog.Type{Kind: catalog.Float64}
	decimalType   = catalog.Type{Kind: catalog.Decimal} // of as many digits as there are
	boolType      = catalog.Type{Kind: catalog.Bool}
	textType      = catalog.Type{Kind: catalog.String}
	bytesType     = catalog.Type{Kind: catalog.Bytes}
	dateType      = catalog.Type{Kind: catalog.Date}
	timestampType = catalog.Type{Kind: catalog.Timestamp}
	uuidType      = catalog.Type{Kind: catalog.UUID}
	jsonType      = catalog.Type{Kind: catalog.JSON}
	intervalType  = catalog.Type{Kind: catalog.Interval}
)

func (b *Binder) literal(e *ast.Literal) (*Node, error) {
	switch e.Kind {
	case ast.Null:
		return constant(e.At, catalog.Type{}, catalog.Null()), nil
	case ast.True, ast.False:
		return constant(e.At, boolType, catalog.BoolOf(e.Kind == ast.True)), nil
	case ast.Integer, ast.Decimal, ast.Float:
		return number(e, "")
	case ast.Text:
		return constant(e.At, catalog.Type{}, catalog.Str(e.Text)), nil
	case ast.Bytes:
		return constant(e.At, bytesType, catalog.BytesOf([]byte(e.Text))), nil
	case ast.Date:
		return parsed(e.Text, dateType, e.At)
	case ast.Timestamp:
		return parsed(e.Text, timestampType, e.At)
	default:
		return nil, sqlstate.New(sqlstate.InternalError, e.At, "there is no such literal: %d", e.Kind)
	}
}

// interval returns the constant of INTERVAL 'text' unit.
func interval(e *ast.Interval) (*Node, error) {
	v, err := catalog.ParseInterval(e.Text, e.Unit)
	if err != nil {
		return nil, castError(catalog.Str(e.Text), intervalType, e.At, err)
	}
	return constant(e.At, intervalType, v), nil
}

// number returns the constant of digits with a sign before them, which is "-" or empty.
func number(e *ast.Literal, sign string) (*Node, error) {
	switch e.Kind {
	case ast.Integer:
		if n, err := strconv.ParseInt(sign+e.Text, 10, 64); err == nil {
			return constant(e.At, intType, catalog.Int(n)), nil
		}
	case ast.Decimal:
		if v, ok := parseDecimal(sign + e.Text); ok {
			return constant(e.At, decimalType, v), nil
		}
	default:
		if v, err := strconv.ParseFloat(sign+e.Text, 64); err == nil {
			return constant(e.At, floatType, catalog.Float(v)), nil
		}
		return nil, sqlstate.New(sqlstate.OutOfRange, e.At, "%s is out of range for DOUBLE PRECISION", e.Text)
	}
	return nil, sqlstate.New(sqlstate.OutOfRange, e.At, "the number %s has too many digits", shorten(e.Text)).
		WithHint("BIGINT ends at 9223372036854775807, DECIMAL has 18 digits; with an exponent, as in 1e20, it is DOUBLE PRECISION")
}

// parseDecimal reads digits, perhaps with a sign and a point, as a DECIMAL with as many places as are written, or with
// fewer if those at the end are 0 and there is no room.
func parseDecimal(text string) (catalog.Value, bool) {
	digits := strings.TrimLeft(text, "+-")
	if digits == "" || len(text)-len(digits) > 1 {
		return catalog.Null(), false
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return catalog.Null(), false
	}
	for len(fraction) > 0 && (len(strings.TrimLeft(whole+fraction, "0")) > maxDigits || len(fraction) > maxDigits) {
		if fraction[len(fraction)-1] != '0' {
			return catalog.Null(), false
		}
		fraction = fraction[:len(fraction)-1]
	}
	n, err := strconv.ParseInt(text[:len(text)-len(digits)]+whole+fraction, 10, 64)
	if err != nil || n > maxUnscaled || n < -maxUnscaled {
		return catalog.Null(), false
	}
	return catalog.DecimalOf(n, uint8(len(fraction))), true
}

// shorten returns a text that messages can show.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
