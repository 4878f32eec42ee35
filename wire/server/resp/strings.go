package resp

import (
	"errors"
	"time"

	"github.com/middb/middb/engine"
)

// A getter is what commands read that read more than one key: a source, or a snapshot.
type getter interface {
	GetTo(dst, k []byte) ([]byte, error)
	Has(k []byte) (bool, error)
}

// atOnce calls fn with what reads n keys at one moment.
func (c *conn) atOnce(src source, n int, fn func(getter) error) error {
	ks, direct := src.(*engine.Keyspace)
	if !direct || n < 2 {
		return fn(src)
	}
	s, err := c.front.db.Snapshot()
	if err != nil {
		return err
	}
	defer s.Close()
	return fn(s.In(ks))
}

// expiring reads a key that a transaction will change, and when it expires, which is told of a merge that fails, too:
// the zero time says never.
func (c *conn) expiring(t source, k []byte) (v []byte, expires time.Time, found bool, err error) {
	v, expires, err = t.GetWithExpiry(k)
	if absent(err) {
		return nil, time.Time{}, false, nil
	}
	return v, expires, err == nil, err
}

// put writes a value that expires at a time, or never.
func put(w sink, k, v []byte, expires time.Time) error {
	if expires.IsZero() {
		return w.Put(k, v)
	}
	return w.PutUntil(k, v, expires)
}

func cmdGet(c *conn, args [][]byte, src source) error {
	v, found, err := c.get(src, args[1])
	if err != nil {
		return err
	}
	return c.value(v, found)
}

// value adds a value, or that there is none.
func (c *conn) value(v []byte, found bool) error {
	if !found {
		c.out.null()
		return nil
	}
	return c.bulk(v)
}

func cmdMget(c *conn, args [][]byte, src source) error {
	keys := args[1:]
	return c.atOnce(src, len(keys), func(g getter) error {
		c.out.array(len(keys))
		for _, k := range keys {
			v, err := g.GetTo(c.scratch[:0], k)
			// A value that cannot be read is no reason to keep the others back: it is nil, as what is no string
			// is in Redis. GET tells why.
			if err != nil && !absent(err) && !errors.Is(err, engine.ErrMergeOperator) {
				return err
			}
			found := err == nil
			c.count(found)
			if cap(v) <= keptScratch {
				c.scratch = v[:0]
			}
			if err = c.value(v, found); err != nil {
				return err
			}
		}
		return nil
	})
}

func cmdStrlen(c *conn, args [][]byte, src source) error {
	v, _, err := c.get(src, args[1])
	if err != nil {
		return err
	}
	c.out.int(int64(len(v)))
	return nil
}

func blindSet(c *conn, args [][]byte, w sink) error {
	if len(args) == 3 {
		return w.Put(args[1], args[2])
	}
	o, err := parseSet(args, c.now())
	if err != nil {
		return err
	}
	return put(w, args[1], args[2], o.expires)
}

// blindSetFor reports whether a SET need not know what is there. One whose options are wrong need not.
func blindSetFor(args [][]byte) bool {
	if len(args) == 3 {
		return true
	}
	o, err := parseSet(args, time.Time{})
	return err != nil || !o.nx && !o.xx && !o.get && !o.keep
}

// cmdSet is SET with options that depend on what is there.
func cmdSet(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	o, err := parseSet(args, c.now())
	if err != nil {
		return err
	}
	k := args[1]
	old, expires, found, err := c.expiring(t, k)
	if err != nil {
		return err
	}
	blocked := o.nx && found || o.xx && !found
	switch {
	case o.get:
		err = c.value(old, found)
	case blocked:
		c.out.null()
	default:
		c.out.ok()
	}
	if err != nil || blocked {
		return err
	}
	if o.keep {
		o.expires = expires
	}
	return put(t, k, args[2], o.expires)
}

func cmdSetnx(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	found, err := has(t, args[1])
	if err != nil {
		return err
	}
	if found {
		c.out.int(0)
		return nil
	}
	c.out.int(1)
	return t.Put(args[1], args[2])
}

// has reports whether a key is there. A key that the engine cannot have is not.
func has(g getter, k []byte) (bool, error) {
	found, err := g.Has(k)
	if absent(err) {
		return false, nil
	}
	return found, err
}

// blindSetWith makes SETEX and PSETEX: like SET with an expiry in a unit.
func blindSetWith(name string, unit time.Duration) func(c *conn, args [][]byte, w sink) error {
	return func(c *conn, args [][]byte, w sink) error {
		n, ok := parseInt(args[2])
		if !ok {
			return errNotInteger
		}
		at, ok := expiryAfter(c.now(), n, unit)
		if !ok {
			return invalidExpiry(name)
		}
		return w.PutUntil(args[1], args[3], at)
	}
}

func cmdGetset(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	if err := cmdGet(c, args, t); err != nil {
		return err
	}
	return t.Put(args[1], args[2])
}

func cmdGetdel(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	v, found, err := c.get(t, args[1])
	if err != nil {
		return err
	}
	if err := c.value(v, found); err != nil || !found {
		return err
	}
	return t.Delete(args[1])
}

func cmdGetex(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	o, when, err := parseGetex(args)
	if err != nil {
		return err
	}
	v, expires, found, err := c.expiring(t, args[1])
	if err != nil {
		return err
	}
	c.count(found)
	if found {
		err = o.expire("getex", when, c.now()) // Redis does not look at it otherwise
	}
	if err != nil {
		return err
	}
	if err := c.value(v, found); err != nil || !found {
		return err
	}
	switch {
	case !o.expires.IsZero():
		return t.PutUntil(args[1], v, o.expires)
	case o.persist && !expires.IsZero():
		return t.Put(args[1], v)
	}
	return nil
}

func blindMset(_ *conn, args [][]byte, w sink) error {
	if len(args)%2 == 0 {
		return wrongArity("mset")
	}
	for i := 1; i < len(args); i += 2 {
		if err := w.Put(args[i], args[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func cmdMsetnx(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	if len(args)%2 == 0 {
		return wrongArity("msetnx")
	}
	for i := 1; i < len(args); i += 2 {
		found, err := has(t, args[i])
		if err != nil {
			return err
		}
		if found {
			c.out.int(0)
			return nil
		}
	}
	c.out.int(1)
	return blindMset(c, args, t)
}

func cmdAppend(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	v, expires, _, err := c.expiring(t, args[1])
	if err != nil {
		return err
	}
	if len(v)+len(args[2]) > engine.MaxValueBytes {
		return errTooLong
	}
	c.out.int(int64(len(v) + len(args[2])))
	return put(t, args[1], append(v, args[2]...), expires)
}
