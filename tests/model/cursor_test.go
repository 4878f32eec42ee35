package model

import "bytes"

// A span is a range of ids, as bounds and prefix of an iterator select them.
type span struct{ low, high int }

// selects returns the ids with lower <= key < upper that begin with prefix. An empty bound is none.
func (o *oracle) selects(lower, upper, prefix []byte) span {
	s := span{0, len(o.keys)}
	if len(lower) > 0 {
		s.low, _ = o.find(lower)
	}
	if len(upper) > 0 {
		s.high, _ = o.find(upper)
	}
	for s.low < s.high && !bytes.HasPrefix(o.keys[s.low], prefix) {
		s.low++
	}
	for s.low < s.high && !bytes.HasPrefix(o.keys[s.high-1], prefix) {
		s.high--
	}
	s.high = max(s.low, s.high)
	return s
}

// A cursor is the model of an iterator: it walks the keys of a span that are there in one state,
// upwards, or downwards if reverse is set. pos is meaningful while valid.
type cursor struct {
	o       *oracle
	state   int
	span    span
	reverse bool
	pos     int
	valid   bool
}

func (c *cursor) first() { c.begin(!c.reverse) }
func (c *cursor) last()  { c.begin(c.reverse) }
func (c *cursor) next()  { c.step(!c.reverse) }
func (c *cursor) prev()  { c.step(c.reverse) }

// seek stands at k or, if it is not there, at the first key after it in the direction of the walk.
func (c *cursor) seek(k []byte) {
	id, exact := c.o.find(k)
	switch {
	case !c.reverse:
		c.up(max(id, c.span.low))
	case exact:
		c.down(min(id, c.span.high-1))
	default:
		c.down(min(id-1, c.span.high-1))
	}
}

func (c *cursor) begin(lowest bool) {
	if lowest {
		c.up(c.span.low)
	} else {
		c.down(c.span.high - 1)
	}
}

func (c *cursor) step(up bool) {
	if up {
		c.up(c.pos + 1)
	} else {
		c.down(c.pos - 1)
	}
}

// up stands at the first key from id on that is there.
func (c *cursor) up(id int) {
	for ; id < c.span.high; id++ {
		if c.stand(id) {
			return
		}
	}
	c.valid = false
}

// down stands at the last key up to id that is there.
func (c *cursor) down(id int) {
	for ; id >= c.span.low; id-- {
		if c.stand(id) {
			return
		}
	}
	c.valid = false
}

func (c *cursor) stand(id int) bool {
	_, c.valid = c.o.at(id, c.state)
	c.pos = id
	return c.valid
}
