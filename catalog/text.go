package catalog

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// String returns the value as the text output of SQL: 1, 1.5, abc, \x00ff, 2026-01-02, 2026-01-02 03:04:05+00, true,
// NULL. Parse reads it, except NULL.
func (v Value) String() string {
	switch v.kind {
	case String, JSON:
		return v.s
	default:
		return string(v.AppendText(nil))
	}
}

// AppendText appends what String returns.
func (v Value) AppendText(dst []byte) []byte {
	switch v.kind {
	case 0:
		return append(dst, "NULL"...)
	case Int64:
		return strconv.AppendInt(dst, v.n, 10)
	case Float64:
		return appendFloat(dst, v.float())
	case Decimal:
		return appendDecimal(dst, v.n, v.scale)
	case Bool:
		return strconv.AppendBool(dst, v.n != 0)
	case Bytes:
		return hex.AppendEncode(append(dst, `\x`...), raw(v.s))
	case Date:
		return v.AsTime().AppendFormat(dst, "2006-01-02")
	case Timestamp:
		return v.AsTime().AppendFormat(dst, "2006-01-02 15:04:05.999999+00")
	case UUID:
		return appendUUID(dst, v.AsUUID())
	case Interval:
		return appendInterval(dst, v)
	default:
		return append(dst, v.s...)
	}
}

// appendFloat writes the fewest digits that ParseFloat reads as f, in the form that PostgreSQL chooses.
func appendFloat(dst []byte, f float64) []byte {
	switch a := math.Abs(f); {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case a != 0 && (a < 1e-4 || a >= 1e15):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	default:
		return strconv.AppendFloat(dst, f, 'f', -1, 64) // NaN too
	}
}

func appendUUID(dst []byte, u [16]byte) []byte {
	from := 0
	for i, to := range []int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, u[from:to])
		from = to
	}
	return dst
}

// givenText is how many bytes of a value an error shows.
const givenText = 60

// given describes a value for an error: text "abc".
func (v Value) given() string {
	switch v.kind {
	case 0:
		return "NULL"
	case String, JSON:
		return kinds[v.kind].given + " " + strconv.Quote(shorten(v.s))
	default:
		return kinds[v.kind].given + " " + shorten(v.String())
	}
}

// shorten cuts what is long.
func shorten(s string) string {
	if len(s) <= givenText {
		return s
	}
	return strings.ToValidUTF8(s[:givenText], "") + "..."
}
