package server

import (
	"context"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A login is who a session is, as of a generation of the users.
type login struct {
	*users.Identity
	generation uint64
	byPassword bool
}

// identify finds out who is there without being told, if that can be.
func (c *conn) identify() error {
	generation := c.generation()
	if c.listener.Identify != nil {
		id, err := c.listener.Identify(c.nc)
		if err != nil {
			return err
		}
		if id != nil {
			c.enter(id, generation, false)
			return nil
		}
	}
	if st := c.server.o.Users; !c.server.o.RequireLogin && (st == nil || !st.Any()) {
		c.enter(users.Anonymous, generation, false)
	}
	return nil
}

// generation returns that of the users. It is asked for before who somebody is, so that no change is missed.
func (c *conn) generation() uint64 {
	if st := c.server.o.Users; st != nil {
		return st.Generation()
	}
	return 0
}

// enter makes the session that of somebody, as of a generation.
func (c *conn) enter(id *users.Identity, generation uint64, byPassword bool) {
	c.who.Store(&login{Identity: id, generation: generation, byPassword: byPassword})
}

// auth is AUTH.
func (c *conn) auth(r *request, dst []byte) ([]byte, error) {
	var m wire.Auth
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	who, st := c.who.Load(), c.server.o.Users
	switch {
	case who != nil && who.byPassword:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "the session is already that of user %s", who.Name())
	case st == nil:
		return dst, wire.Errorf(wire.ErrAuthFailed, "the server keeps no users")
	case m.Mechanism != "" && m.Mechanism != wire.ScramSHA256, m.Mechanism == "" && c.scram == nil:
		return dst, wire.Errorf(wire.ErrAuthFailed, "there is no mechanism %q; it is %s", m.Mechanism, wire.ScramSHA256)
	case m.Mechanism != "":
		c.scram = st.Conversation(users.Origin(c.nc.RemoteAddr()))
	}
	generation := c.generation()
	out, done, err := c.scram.Step(m.Data)
	if err != nil {
		c.scram = nil
		c.server.rejected.Add(1)
		c.server.o.Logger.Warn("login failed", "session", c.number, "remote", remote(c.nc), "cause", err)
		return dst, err
	}
	if done {
		c.enter(c.scram.Identity(), generation, true)
		c.scram = nil
		if err = c.ready(); err != nil {
			return dst, err
		}
	}
	reply := wire.Auth{Data: out, Done: done}
	return reply.Append(dst), nil
}

// may returns nil if the session has a role in a keyspace; users.All is the server as a whole.
func (c *conn) may(role users.Role, keyspace string) error {
	return c.who.Load().May(role, keyspace)
}

// refresh takes note of what became of the users. The error ends the connection: somebody has to log in anew.
func (c *conn) refresh() error {
	st := c.server.o.Users
	if st == nil {
		return nil
	}
	who := c.who.Load()
	now := st.Generation()
	if now == who.generation {
		return nil
	}
	id, err := st.Refresh(who.Identity)
	if err != nil {
		return err
	}
	c.who.Store(&login{Identity: id, generation: now, byPassword: who.byPassword})
	return nil
}

// users is USERS.
func (c *conn) users(r *request, dst []byte) ([]byte, error) {
	var m wire.Users
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	own := m.Op == wire.OpPasswd && m.Name != "" && m.Name == c.who.Load().Name()
	if err := c.may(users.Admin, users.All); err != nil && !own {
		return dst, err
	}
	st := c.server.o.Users
	if st == nil {
		return dst, wire.Errorf(wire.ErrInvalidArgument, "the server keeps no users")
	}
	if m.Op == wire.OpList {
		return wire.AppendList(dst, listUsers(st)), nil
	}
	err := manage(r.ctx, st, &m)
	if err == nil {
		c.server.o.Logger.Info("users changed", "op", m.Op, "user", m.Name, "by", c.who.Load().Name(), "remote", remote(c.nc))
	}
	return wire.AppendNil(dst), err
}

func listUsers(st *users.Store) []wire.User {
	var list []wire.User
	for _, u := range st.List() {
		out := wire.User{Name: u.Name}
		for _, g := range u.Grants {
			out.Grants = append(out.Grants, wire.Grant{Keyspace: g.Keyspace, Role: g.Role.String()})
		}
		list = append(list, out)
	}
	return list
}

// manage changes the users.
func manage(ctx context.Context, st *users.Store, m *wire.Users) error {
	grants := make([]users.Grant, len(m.Grants))
	for i, g := range m.Grants {
		role, err := users.ParseRole(g.Role)
		if err != nil {
			return err
		}
		grants[i] = users.Grant{Keyspace: g.Keyspace, Role: role}
	}
	switch m.Op {
	case wire.OpAdd:
		return st.Add(ctx, m.Name, m.Password, grants)
	case wire.OpPasswd:
		return st.SetPassword(ctx, m.Name, m.Password)
	case wire.OpGrant:
		return st.SetGrants(ctx, m.Name, grants)
	case wire.OpRemove:
		return st.Remove(ctx, m.Name)
	default:
		return wire.Errorf(wire.ErrInvalidArgument, "there is no operation %q on users; it is list, add, passwd, grant or remove", m.Op)
	}
}
