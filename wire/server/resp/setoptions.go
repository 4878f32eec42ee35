package resp

import (
	"bytes"
	"math"
	"time"
)

// setOptions are what may follow the value in SET, and the key in GETEX.
type setOptions struct {
	nx, xx, get, keep, persist bool

	expiry  *expiryForm // nil: none was given
	expires time.Time   // as the expiry says; zero: never
}

func is(arg []byte, word string) bool {
	return len(arg) == len(word) && bytes.EqualFold(arg, []byte(word))
}

// parseSet parses the options of a SET.
func parseSet(args [][]byte, now time.Time) (o setOptions, err error) {
	var when []byte
	for i := 3; i < len(args); i++ {
		switch a := args[i]; {
		case is(a, "nx") && !o.xx:
			o.nx = true
		case is(a, "xx") && !o.nx:
			o.xx = true
		case is(a, "get"):
			o.get = true
		case is(a, "keepttl") && o.expiry == nil:
			o.keep = true
		case !o.keep && o.takesExpiry(a) && i+1 < len(args):
			i++
			when = args[i]
		default:
			return o, errSyntax
		}
	}
	return o, o.expire("set", when, now)
}

// parseGetex parses the options of a GETEX. When it expires, if that is said, is the second result, for expire.
func parseGetex(args [][]byte) (o setOptions, when []byte, err error) {
	for i := 2; i < len(args); i++ {
		switch a := args[i]; {
		case is(a, "persist") && o.expiry == nil:
			o.persist = true
		case !o.persist && o.takesExpiry(a) && i+1 < len(args):
			i++
			when = args[i]
		default:
			return o, nil, errSyntax
		}
	}
	return o, when, nil
}

// takesExpiry notes the form of an expiry, if the argument names one. It may be named again, but no other.
func (o *setOptions) takesExpiry(arg []byte) bool {
	form := expiryOption(arg)
	if form == nil || o.expiry != nil && o.expiry != form {
		return false
	}
	o.expiry = form
	return true
}

// expire sets when it expires, if the options have that: after all of them were understood.
func (o *setOptions) expire(name string, when []byte, now time.Time) (err error) {
	if o.expiry != nil {
		o.expires, err = parseExpiry(name, o.expiry, when, now)
	}
	return err
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
