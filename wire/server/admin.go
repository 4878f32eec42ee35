package server

import (
	"slices"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// stats is STATS.
func (c *conn) stats(_ *request, dst []byte) ([]byte, error) {
	s, err := c.server.Stats()
	if err != nil {
		return dst, err
	}
	return s.Append(dst), nil
}

// info is INFO.
func (c *conn) info(_ *request, dst []byte) ([]byte, error) {
	s := c.server
	names, err := s.db.Keyspaces()
	if err != nil {
		return dst, err
	}
	info := wire.Info{
		Server: "middb", Version: s.o.Version, Path: s.db.Path(), PID: uint64(s.o.PID), Started: uint64(s.started.UnixMilli()),
		Session: c.number, User: c.who.Load().Name(), Keyspaces: uint64(len(names)), ReadOnly: s.readOnly,
	}
	return info.Append(dst), nil
}

// flush is FLUSH.
func (c *conn) flush(r *request, dst []byte) ([]byte, error) {
	if err := c.may(users.Admin, users.All); err != nil {
		return dst, err
	}
	return wire.AppendNil(dst), c.server.db.Flush(r.ctx)
}

// compact is COMPACT.
func (c *conn) compact(r *request, dst []byte) ([]byte, error) {
	var m wire.Compact
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	if m.All {
		if err := c.may(users.Admin, users.All); err != nil {
			return dst, err
		}
		return wire.AppendNil(dst), c.server.db.Compact(r.ctx, nil, nil)
	}
	ks, err := c.keyspace(m.Keyspace, users.Admin)
	if err != nil {
		return dst, err
	}
	return wire.AppendNil(dst), ks.Compact(r.ctx, m.Lower, m.Upper)
}

// sessions is SESSIONS.
func (c *conn) sessions(_ *request, dst []byte) ([]byte, error) {
	if err := c.may(users.Admin, users.All); err != nil {
		return dst, err
	}
	var list []wire.Session
	for _, other := range c.server.connections() {
		if other.phase.Load() == phaseReady {
			list = append(list, other.describe())
		}
	}
	slices.SortFunc(list, func(a, b wire.Session) int { return int(a.Session) - int(b.Session) })
	return wire.AppendList(dst, list), nil
}

// describe says of a session what SESSIONS lists.
func (c *conn) describe() wire.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := wire.Session{
		Session: c.number, Remote: remote(c.nc), Client: *c.client.Load(), Since: uint64(c.since.UnixMilli()),
		Requests: uint64(c.received.Load()), InFlight: uint64(max(0, c.inFlight.Load())), Txns: uint64(len(c.txns)), Cursors: uint64(c.cursors),
	}
	if who := c.who.Load(); who != nil {
		s.User = who.Name()
	}
	return s
}

// kill is KILL.
func (c *conn) kill(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	if err := c.may(users.Admin, users.All); err != nil {
		return dst, err
	}
	for _, other := range c.server.connections() {
		if other.number == uint64(id) && other.phase.Load() == phaseReady {
			other.fail(wire.Errorf(wire.ErrKilled, "an admin has ended the session"))
			return wire.AppendBool(dst, true), nil
		}
	}
	return wire.AppendBool(dst, false), nil
}

// keyspaces is KEYSPACES.
func (c *conn) keyspaces(r *request, dst []byte) ([]byte, error) {
	var m wire.Keyspaces
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	db := c.server.db
	switch m.Op {
	case wire.OpList:
		names, err := db.Keyspaces()
		names = slices.DeleteFunc(names, func(name string) bool { return c.may(users.Read, name) != nil })
		return wire.AppendList(dst, names), err
	case wire.OpOpen:
		role := users.Read
		if m.Create {
			role = users.Write
		}
		if err := c.may(role, m.Name); err != nil {
			return dst, err
		}
		_, err := db.Keyspace(m.Name, engine.KeyspaceOptions{MustExist: !m.Create})
		return wire.AppendNil(dst), err
	case wire.OpDrop:
		if err := c.may(users.Admin, m.Name); err != nil {
			return dst, err
		}
		return wire.AppendNil(dst), db.DropKeyspace(m.Name)
	default:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "there is no operation %q on keyspaces; it is list, open or drop", m.Op)
	}
}
