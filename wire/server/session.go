package server

import (
	"slices"
	"time"

	"github.com/middb/middb/wire"
)

// takeLogin takes a request that is about who is there: the first one, and all before the login. The error ends the
// connection.
func (c *conn) takeLogin(r *request) error {
	phase := c.phase.Load()
	switch {
	case phase == phaseHello && r.Type != wire.TypeHello:
		return wire.Errorf(wire.ErrProtocol, "the first request is %v; it must be HELLO", r.Type)
	case phase == phaseHello && r.refusal != nil:
		return r.refusal
	case phase == phaseHello:
		c.runHere(r, (*conn).hello)
	case r.Type == wire.TypeHello:
		r.refusal = wire.Errorf(wire.ErrInvalidArgument, "HELLO was said before")
		c.dispatch(r)
	case r.Type == wire.TypeAuth:
		if c.executing.Load() {
			r.refusal = wire.Errorf(wire.ErrInvalidArgument, "a login while other requests are under way")
			c.dispatch(r)
			break
		}
		c.group.commit()
		c.runHere(r, (*conn).auth)
	case r.Type == wire.TypePing:
		c.runHere(r, (*conn).ping)
	default:
		r.refusal = wire.Errorf(wire.ErrAuthRequired, "%v needs a login", r.Type)
		c.runHere(r, nil)
	}
	return nil
}

// hello is HELLO.
func (c *conn) hello(r *request, dst []byte) ([]byte, error) {
	var m wire.Hello
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	const longest = 255
	client := m.Client[:min(len(m.Client), longest)]
	c.client.Store(&client)
	set := *c.settings.Load()
	set.keyspace = m.Keyspace
	c.settings.Store(&set)
	c.mu.Lock()
	c.notices = m.Notices
	c.mu.Unlock()
	o := &c.server.o
	reply := wire.HelloReply{
		Server: "middb", Version: o.Version, Session: c.number, Auth: c.who.Load() == nil, Mechanisms: []string{wire.ScramSHA256},
		Limits: wire.Limits{
			Frame: uint64(o.MaxFrame), InFlight: uint64(o.MaxInFlight), Unsent: uint64(o.MaxUnsent), RowsFrame: wire.RowsBytes,
			Txns: uint64(o.MaxTxns), Cursors: uint64(o.MaxCursors), Timeout: uint64(o.RequestTimeout.Milliseconds()),
			Statements: uint64(o.MaxStatements),
		},
	}
	if who := c.who.Load(); who != nil {
		reply.User = who.Name()
	}
	if slices.Contains(m.Compress, wire.Zlib) && c.server.memory.requests.try(inflaterBytes) {
		reply.Compress = wire.Zlib
		c.inflater = inflaterBytes
		c.readMem.small += inflaterBytes
		c.frames.AdmitInflated(c.admitInflated)
		c.frames.AllowCompression() // from here on, both ways
		c.compress.Store(true)
	}
	dst = reply.Append(dst)
	if reply.Auth {
		c.phase.Store(phaseLogin)
		return dst, nil
	}
	return dst, c.ready()
}

// ready lets a session that has said who it is make requests.
func (c *conn) ready() error {
	c.frames.SetLimit(c.server.o.MaxFrame)
	c.phase.Store(phaseReady)
	c.server.o.Logger.Debug("session begins", "session", c.number, "remote", remote(c.nc), "client", *c.client.Load(), "user", c.who.Load().Name())
	return c.setReadDeadline(time.Time{})
}

// set is SET.
func (c *conn) set(r *request, dst []byte) ([]byte, error) {
	var m wire.Set
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	set := *c.settings.Load()
	if m.Keyspace != nil {
		set.keyspace = *m.Keyspace
	}
	if m.Durability != nil {
		set.durability = *m.Durability
	}
	if m.TimeoutMS != nil {
		if *m.TimeoutMS > maxMilliseconds {
			return dst, wire.Errorf(wire.ErrInvalidArgument, "a timeout of %d ms is too long", *m.TimeoutMS)
		}
		set.timeout = or(time.Duration(*m.TimeoutMS)*time.Millisecond, c.server.o.RequestTimeout)
	}
	if set.durability > wire.NoSync {
		return dst, wire.Errorf(wire.ErrInvalidArgument, "there is no durability %d; it is 0, 1 or 2", set.durability)
	}
	c.settings.Store(&set)
	return wire.AppendNil(dst), nil
}
