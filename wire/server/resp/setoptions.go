package resp

import (
	"bytes"
	"math"
	"time"
)

// setOptions are what may follow the value in SET, and the key in GETEX.
type setOptions struct {
	nx, xx, get, keep, persist bool
	expires                    time.Time // zero: never
}

func is(arg []byte, word string) bool {
	return len(arg) == len(word) && bytes.EqualFold(arg, []byte(word))
}

// parseSet parses the options of a SET.
func parseSet(args [][]byte, now time.Time) (o setOptions, err error) {
	for i := 3; i < len(args); i++ {
		switch a := args[i]; {
		case is(a, "nx") && !o.xx:
			o.nx = true
		case is(a, "xx") && !o.nx:
			o.xx = true
		case is(a, "get"):
			o.get = true
		case is(a, "keepttl") && o.expires.IsZero():
			o.keep = true
		case expiryOption(a) != nil && !o.keep && o.expires.IsZero() && i+1 < len(args):
			i++
			if o.expires, err = parseExpiry("set", expiryOption(a), args[i], now); err != nil {
				return o, err
			}
		default:
			return o, errSyntax
		}
	}
	return o, nil
}

// parseGetex parses the options of a GETEX.
func parseGetex(args [][]byte, now time.Time) (o setOptions, err error) {
	switch {
	case len(args) == 2:
		return o, nil
	case len(args) == 3 && is(args[2], "persist"):
		o.persist = true
		return o, nil
	case len(args) == 4 && expiryOption(args[2]) != nil:
		o.expires, err = parseExpiry("getex", expiryOption(args[2]), args[3], now)
		return o, err
	}
	return o, errSyntax
}

// An expiryForm is a way to say when a key expires.
type expiryForm struct {
	word string
	unit time.Duration
	at   bool // a time since 1970, not from now
}

var expiryForms = []expiryForm{
	{"ex", time.Second, false}, {"px", time.Millisecond, false}, {"exat", time.Second, true}, {"pxat", time.Millisecond, true},
}

// expiryOption returns the form that an option names, or nil.
func expiryOption(arg []byte) *expiryForm {
	for i := range expiryForms {
		if is(arg, expiryForms[i].word) {
			return &expiryForms[i]
		}
	}
	return nil
}

// parseExpiry parses when a key expires, for a command that wants it in the future, or in the past by a time.
func parseExpiry(name string, form *expiryForm, arg []byte, now time.Time) (time.Time, error) {
	n, ok := parseInt(arg)
	if !ok {
		return time.Time{}, errNotInteger
	}
	if form.at {
		now = time.Time{}
	}
	at, ok := expiryAfter(now, n, form.unit)
	if !ok {
		return time.Time{}, invalidExpiry(name)
	}
	return at, nil
}

func invalidExpiry(name string) error {
	return replyError("ERR invalid expire time in '" + name + "' command")
}

// expiryAfter returns the time n units after now, or after 1970 if now is zero. It reports false if n is not positive
// or too large.
func expiryAfter(now time.Time, n int64, unit time.Duration) (time.Time, bool) {
	if n <= 0 {
		return time.Time{}, false
	}
	return addTime(now, n, unit)
}

// addTime returns the time n units, of whole milliseconds, after now, or after 1970 if now is zero. It reports false if
// that overflows.
func addTime(now time.Time, n int64, unit time.Duration) (time.Time, bool) {
	factor := int64(unit / time.Millisecond)
	if n > math.MaxInt64/factor || n < math.MinInt64/factor {
		return time.Time{}, false
	}
	n *= factor
	if !now.IsZero() {
		base := now.UnixMilli()
		if n > math.MaxInt64-base {
			return time.Time{}, false
		}
		n += base
	}
	return time.UnixMilli(n), true
}
