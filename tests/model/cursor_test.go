package model

// A cursor is the model of an iterator: it walks the keys of a span that a reader sees in a keyspace, upwards, or
// downwards if reverse is set. pos is meaningful while valid. A key whose merge fails ends it for good, unless only
// keys are asked for.
type cursor struct {
	space    *space
	sight    sight
	bounds   extent
	span     span // of bounds
	reverse  bool
	keysOnly bool

	pos    int
	valid  bool
	failed bool
	trail  *trail // nil: nobody asks what was read
}

// A trail is what an iterator of a serializable transaction has read: what it has passed, whether there
// was a key or not, as far as the bounds where it found no more.
type trail struct{ read []extent }

func (c *cursor) first() { c.begin(!c.reverse) }
func (c *cursor) last()  { c.begin(c.reverse) }
func (c *cursor) next()  { c.step(!c.reverse) }
func (c *cursor) prev()  { c.step(c.reverse) }

// seek stands at k or, if it is not there, at the first key after it in the direction of the walk.
func (c *cursor) seek(k []byte) {
	id, exact := c.space.find(k)
	switch {
	case !c.reverse:
		c.up(max(id, c.span.low), k)
	case exact:
		c.down(min(id, c.span.high-1), after(k))
	default:
		c.down(min(id-1, c.span.high-1), after(k))
	}
}

func (c *cursor) begin(lowest bool) {
	if lowest {
		c.up(c.span.low, nil)
	} else {
		c.down(c.span.high-1, nil)
	}
}

func (c *cursor) step(up bool) {
	here := c.space.keys[c.pos]
	if up {
		c.up(c.pos+1, here)
	} else {
		c.down(c.pos-1, here)
	}
}

// up stands at the first key from id on that is there, having looked from a key on.
func (c *cursor) up(id int, from []byte) {
	for c.valid = false; id < c.span.high && !c.stand(id); id++ {
	}
	c.passed(extent{from, nil}, func(x *extent) { x.to = after(c.space.keys[c.pos]) })
}

// down stands at the last key up to id that is there, having looked below a key.
func (c *cursor) down(id int, below []byte) {
	for c.valid = false; id >= c.span.low && !c.stand(id); id-- {
	}
	c.passed(extent{nil, below}, func(x *extent) { x.from = c.space.keys[c.pos] })
}

// stand reports whether a search ends at id.
func (c *cursor) stand(id int) bool {
	if c.failed {
		return true
	}
	seen := c.sight.at(c.space, id)
	c.pos, c.valid, c.failed = id, seen.found, seen.failed
	if c.keysOnly {
		c.valid, c.failed = seen.there(), false
	}
	return c.valid || c.failed
}

// passed notes a search, which ended where the cursor stands or else at the bounds.
func (c *cursor) passed(x extent, end func(*extent)) {
	if c.trail == nil {
		return
	}
	if c.valid {
		end(&x)
	}
	if x = x.within(c.bounds); !x.empty() {
		c.trail.read = append(c.trail.read, x)
	}
}
