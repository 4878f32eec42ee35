package client

import "github.com/middb/middb/wire"

// deliver hands a frame to whoever waits for it. An error ends the connection.
func (c *conn) deliver(f wire.Frame) error {
	if f.ID == 0 {
		return c.unasked(f)
	}
	if !c.answered {
		c.answered = true
		c.pool.works(c.place)
	}
	c.mu.Lock()
	cl := c.calls[f.ID]
	switch {
	case cl == nil && f.Type == wire.TypeError:
		c.mu.Unlock() // of a request that gets no other reply
		return nil
	case cl == nil:
		c.mu.Unlock()
		return violation("%v for request %d, which is not in flight", f.Type, f.ID)
	case cl.stream != nil:
		defer c.mu.Unlock()
		last, err := cl.stream.push(f)
		if last {
			c.forget(cl)
			c.streams--
			c.pool.roomOn(c)
		}
		return err
	}
	if f.Flags.Has(wire.More) || f.Type != wire.TypeOK && f.Type != wire.TypeError {
		c.mu.Unlock()
		return violation("%v with flags %#x for %v", f.Type, f.Flags, cl.typ)
	}
	abandoned := cl.abandoned
	c.forget(cl)
	c.mu.Unlock()
	if abandoned {
		c.unwanted(cl, f)
		return nil
	}
	// Nobody but this goroutine touches the call until done says so.
	if f.Type == wire.TypeOK {
		cl.body = append(cl.body[:0], f.Body...)
	} else {
		cl.err = decodeError(f.Body)
	}
	cl.done <- struct{}{}
	return nil
}

// unwanted takes a reply for which nobody waits. It rolls back a transaction that was begun for nobody, or that the
// request has not ended; otherwise a place is free.
func (c *conn) unwanted(cl *call, f wire.Frame) {
	var begun wire.BeginReply
	switch {
	case cl.typ == wire.TypeBegin && f.Type == wire.TypeOK && begun.Decode(f.Body) == nil:
		c.rollback(begun.Txn)
	case cl.ends != 0 && f.Type == wire.TypeError:
		c.rollback(cl.ends)
	default:
		c.release(cl.frees)
	}
}

// decodeError returns the error that the body of an ERROR frame is.
func decodeError(body []byte) error {
	e, err := wire.DecodeError(body)
	if err != nil {
		return err
	}
	return e
}

// unasked takes a frame that concerns the connection.
func (c *conn) unasked(f wire.Frame) error {
	switch f.Type {
	case wire.TypeNotice:
		var n wire.Notice
		if err := n.Decode(f.Body); err != nil {
			return err
		}
		c.pool.s.Logger.Info("the server says", "address", c.place.where, "kind", n.Kind, "message", n.Message)
		if n.Kind == wire.NoticeShutdown {
			c.leave()
		}
		return nil
	case wire.TypeError:
		return decodeError(f.Body)
	default:
		return violation("%v without a request", f.Type)
	}
}

// leave keeps new requests off the connection: the server is about to end it.
func (c *conn) leave() {
	c.mu.Lock()
	first := !c.leaving
	c.leaving = true
	c.mu.Unlock()
	if first {
		c.pool.leave(c)
	}
}

// fail ends the connection, for the first reason that is given. Requests that are in flight get an unanswered.
func (c *conn) fail(cause error) {
	c.mu.Lock()
	if c.failing {
		c.mu.Unlock()
		return
	}
	c.failing = true
	leaving := c.leaving
	c.mu.Unlock()
	c.nc.Close()
	// The pool first: whoever tries again because of what follows must not get the same connection.
	c.pool.lost(c, cause, leaving)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = cause
	close(c.done)
	for _, cl := range c.calls {
		err := &unanswered{sent: cl.at < c.taken, lost: true, where: c.place.address, cause: cause}
		switch {
		case cl.stream != nil:
			cl.stream.fail(err)
		case !cl.abandoned:
			cl.err = err
			cl.done <- struct{}{}
		}
	}
	c.calls, c.out = nil, nil
	c.thereIsRoom()
}

// reserve takes a place for a transaction or a stream, if there is one.
func (c *conn) reserve(n need) bool {
	if n == needNothing {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	limits := &c.hello.Limits
	switch {
	case c.ended != nil || c.leaving:
		return false
	case n == needTxn && uint64(c.txns) < limits.Txns:
		c.txns++
		return true
	case n == needStream && uint64(c.streams) < limits.Cursors:
		c.streams++
		return true
	default:
		return false
	}
}

// extend takes a place for a stream of a transaction that the connection has. It reports whether there is one; on a
// connection that has ended there is, and the stream fails.
func (c *conn) extend() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil && uint64(c.streams) >= c.hello.Limits.Cursors {
		return false
	}
	c.streams++
	return true
}

// release gives a place back.
func (c *conn) release(n need) {
	if n == needNothing {
		return
	}
	c.mu.Lock()
	if n == needTxn {
		c.txns--
	} else {
		c.streams--
	}
	c.mu.Unlock()
	c.pool.roomOn(c)
}
