package resp

import (
	"errors"
	"time"

	"github.com/middb/middb/engine"
)

// cmdExpire makes EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT.
func cmdExpire(name string, unit time.Duration, absolute bool) func(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	return func(c *conn, args [][]byte, t engine.TxnKeyspace) error {
		n, ok := parseInt(args[2])
		if !ok {
			return errNotInteger
		}
		when, err := parseWhen(args[3:])
		if err != nil {
			return err
		}
		now := c.now()
		base := now
		if absolute {
			base = time.Time{}
		}
		at, ok := addTime(base, n, unit)
		if !ok {
			return invalidExpiry(name)
		}
		return c.expire(t, args[1], at, now, when)
	}
}

// expire sets when a key expires, if the condition holds. A time that has passed deletes it.
func (c *conn) expire(t engine.TxnKeyspace, k []byte, at, now time.Time, when expireWhen) error {
	v, expires, found, err := c.expiring(t, k)
	if err != nil {
		return err
	}
	if !found || !when.holds(expires, at) {
		c.out.int(0)
		return nil
	}
	c.out.int(1)
	if !at.After(now) {
		return t.Delete(k)
	}
	return t.PutUntil(k, v, at)
}

// expireWhen is the condition of an EXPIRE on the expiry that a key has.
type expireWhen struct{ nx, xx, gt, lt bool }

func parseWhen(args [][]byte) (w expireWhen, err error) {
	for _, a := range args {
		switch {
		case is(a, "nx"):
			w.nx = true
		case is(a, "xx"):
			w.xx = true
		case is(a, "gt"):
			w.gt = true
		case is(a, "lt"):
			w.lt = true
		default:
			return w, replyError("ERR Unsupported option " + clip(a, shownName))
		}
	}
	switch {
	case w.nx && (w.xx || w.gt || w.lt):
		return w, replyError("ERR NX and XX, GT or LT options at the same time are not compatible")
	case w.gt && w.lt:
		return w, replyError("ERR GT and LT options at the same time are not compatible")
	}
	return w, nil
}

// holds reports whether the expiry may be set from one time to another; the zero time is never, the latest of all.
func (w expireWhen) holds(from, to time.Time) bool {
	switch {
	case w.nx && !from.IsZero(), w.xx && from.IsZero():
		return false
	case w.gt && (from.IsZero() || !to.After(from)):
		return false
	case w.lt && !from.IsZero() && !to.Before(from):
		return false
	}
	return true
}

func cmdPersist(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	v, expires, found, err := c.expiring(t, args[1])
	if err != nil {
		return err
	}
	if !found || expires.IsZero() {
		c.out.int(0)
		return nil
	}
	c.out.int(1)
	return t.Put(args[1], v)
}

// The answers of TTL and the like that are no times.
const (
	ttlForEver = -1
	ttlMissing = -2
)

// cmdTTL makes TTL, PTTL, EXPIRETIME and PEXPIRETIME.
func cmdTTL(unit time.Duration, absolute bool) func(c *conn, args [][]byte, src source) error {
	return func(c *conn, args [][]byte, src source) error {
		_, expires, found, err := c.expiring(src, args[1])
		if errors.Is(err, engine.ErrMergeOperator) {
			found, err = true, nil // only the value cannot be read
		}
		if err != nil {
			return err
		}
		c.count(found)
		switch {
		case !found:
			c.out.int(ttlMissing)
			return nil
		case expires.IsZero():
			c.out.int(ttlForEver)
			return nil
		}
		ms := expires.UnixMilli()
		if !absolute {
			ms = max(0, ms-c.now().UnixMilli())
		}
		if unit == time.Second {
			ms = (ms + 500) / 1000 // rounded, as Redis does
		}
		c.out.int(ms)
		return nil
	}
}
