package resp

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/middb/middb/engine"
)

// parseInt parses a decimal number as a client of Redis must write it: without blanks, plus sign or leading zeros.
func parseInt(b []byte) (n int64, ok bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	switch {
	case len(digits) == 0 || len(digits) > 19:
		return 0, false
	case digits[0] == '0':
		return 0, len(b) == 1
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = 10*u + uint64(c-'0')
	}
	if len(digits) < len(b) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// cmdIncr makes INCR and DECR.
func cmdIncr(by int64) func(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	return func(c *conn, args [][]byte, t engine.TxnKeyspace) error { return c.increment(t, args[1], by) }
}

// cmdIncrby makes INCRBY and DECRBY.
func cmdIncrby(sign int64) func(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	return func(c *conn, args [][]byte, t engine.TxnKeyspace) error {
		n, ok := parseInt(args[2])
		switch {
		case !ok:
			return errNotInteger
		case sign < 0 && n == math.MinInt64:
			return replyError("ERR decrement would overflow")
		}
		return c.increment(t, args[1], sign*n)
	}
}

// increment adds to a number that is kept as decimal text. The expiry stays.
func (c *conn) increment(t engine.TxnKeyspace, k []byte, by int64) error {
	v, expires, found, err := c.expiring(t, k)
	if errors.Is(err, engine.ErrMergeOperator) {
		err = errNotInteger
	}
	if err != nil {
		return err
	}
	var n int64
	if found {
		var ok bool
		if n, ok = parseInt(v); !ok {
			return errNotInteger
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		return errOverflow
	}
	n += by
	c.out.int(n)
	return put(t, k, strconv.AppendInt(v[:0], n, 10), expires)
}

// cmdIncrbyfloat adds to a number that may have a fraction, with the 64 bits of mantissa that Redis has.
func cmdIncrbyfloat(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	by, ok := parseFloat(args[2])
	if !ok {
		return errNotFloat
	}
	v, expires, found, err := c.expiring(t, args[1])
	if errors.Is(err, engine.ErrMergeOperator) {
		err = errNotFloat
	}
	if err != nil {
		return err
	}
	sum := new(big.Float).SetPrec(floatBits)
	if found {
		if sum, ok = parseFloat(v); !ok {
			return errNotFloat
		}
	}
	if sum.IsInf() || by.IsInf() { // of which Add does not take any two
		return errInfinite
	}
	sum.Add(sum, by)
	if f, _ := sum.Float64(); math.IsInf(f, 0) {
		return errInfinite
	}
	text := []byte(formatFloat(sum))
	c.out.bulk(text)
	return put(t, args[1], text, expires)
}

const (
	// floatBits is the mantissa of the long double that Redis counts with on most machines.
	floatBits = 64
	// floatDigits is how many digits it keeps behind the point.
	floatDigits = 17
	// maxFloatText bounds the text of a number: a float64 needs fewer than 1100 characters to be exact.
	maxFloatText = 1100
)

// parseFloat parses a decimal number within the range of float64, or an infinite one.
func parseFloat(b []byte) (*big.Float, bool) {
	s := string(b)
	if len(s) == 0 || len(s) > maxFloatText || strings.ContainsAny(s, "xXpP_") {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return nil, false
	}
	out := new(big.Float).SetPrec(floatBits)
	switch {
	case f == 0:
		return out, true // also what is too small for a float64, and would take long to expand
	case math.IsInf(f, 0):
		return out.SetInf(f < 0), true
	}
	if _, _, err := out.Parse(s, 10); err != nil {
		return nil, false
	}
	return out, true
}

// formatFloat prints a number without exponent and without zeros at its end.
func formatFloat(f *big.Float) string {
	s := f.Text('f', floatDigits)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}
