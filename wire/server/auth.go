package server

import (
	"context"
	"net"
	"strings"

	"github.com/middb/middb/wire"
)

// A Role is what somebody may do in a keyspace. Each includes the ones before it.
type Role uint8

// The roles.
const (
	Read Role = iota + 1
	Write
	Admin
)

// An Identity is who a session is, and what it may do. It does not change.
type Identity interface {
	// Name returns the name of the user; empty: nobody in particular.
	Name() string
	// May returns nil, or a *wire.Error that says what is missing. Keyspace "*" is the server as a whole.
	May(role Role, keyspace string) error
}

// Users are who may log in. Its methods are safe for concurrent use.
type Users interface {
	// Any reports whether there are users, so that one must log in.
	Any() bool
	// Conversation begins a login with SCRAM-SHA-256.
	Conversation(from net.Addr) Conversation
	// Generation changes whenever users change.
	Generation() uint64
	// Refresh returns what an identity has become, or an error if it is none any more.
	Refresh(id Identity) (Identity, error)
	// Manage carries out a USERS request. Its caller may make it.
	Manage(ctx context.Context, m *wire.Users) ([]wire.User, error)
}

// A Conversation is one login.
type Conversation interface {
	// Step takes what the client says, and returns what to answer. When done, Identity is who it is.
	Step(in []byte) (out []byte, done bool, err error)
	Identity() Identity
}

// Superuser may do everything. It has no name.
var Superuser Identity = superuser{}

type superuser struct{}

func (superuser) Name() string           { return "" }
func (superuser) May(Role, string) error { return nil }

// A login is who a session is, as of a generation of the users.
type login struct {
	Identity
	generation uint64
	byPassword bool
}

// identify finds out who is there without being told, if that can be.
func (c *conn) identify() error {
	users := c.server.o.Users
	if c.listener.Identify != nil {
		id, err := c.listener.Identify(c.nc)
		if err != nil {
			return err
		}
		if id != nil {
			c.enter(id, false)
			return nil
		}
	}
	if !c.server.o.RequireLogin && (users == nil || !users.Any()) {
		c.enter(Superuser, false)
	}
	return nil
}

func (c *conn) enter(id Identity, byPassword bool) {
	l := &login{Identity: id, byPassword: byPassword}
	if users := c.server.o.Users; users != nil {
		l.generation = users.Generation()
	}
	c.who.Store(l)
}

// auth is AUTH.
func (c *conn) auth(r *request, dst []byte) ([]byte, error) {
	var m wire.Auth
	if err := m.Decode(r.body); err != nil {
		return dst, err
	}
	who := c.who.Load()
	switch {
	case who != nil && who.byPassword:
		return dst, wire.Errorf(wire.ErrInvalidArgument, "the session is already that of user %s", who.Name())
	case c.server.o.Users == nil:
		return dst, wire.Errorf(wire.ErrAuthFailed, "the server keeps no users")
	case m.Mechanism != "" && m.Mechanism != wire.ScramSHA256, m.Mechanism == "" && c.scram == nil:
		return dst, wire.Errorf(wire.ErrAuthFailed, "there is no mechanism %q; it is %s", m.Mechanism, wire.ScramSHA256)
	case m.Mechanism != "":
		c.scram = c.server.o.Users.Conversation(c.nc.RemoteAddr())
	}
	out, done, err := c.scram.Step(m.Data)
	if err != nil {
		c.scram = nil
		c.server.rejected.Add(1)
		c.server.o.Logger.Warn("login failed", "session", c.number, "remote", remote(c.nc), "cause", err)
		return dst, err
	}
	if done {
		c.enter(c.scram.Identity(), true)
		c.scram = nil
		if err = c.ready(); err != nil {
			return dst, err
		}
	}
	reply := wire.Auth{Data: out, Done: done}
	return reply.Append(dst), nil
}

// may returns nil if the session has a role in a keyspace.
func (c *conn) may(role Role, keyspace string) error {
	who := c.who.Load()
	if who.Identity == Superuser {
		return nil
	}
	if keyspace != everywhere && strings.HasPrefix(keyspace, "middb.") && role < Admin {
		role = Admin
	}
	return who.May(role, keyspace)
}

// refresh takes note of what became of the users. The error ends the connection: the session's user is gone.
func (c *conn) refresh() error {
	users := c.server.o.Users
	if users == nil {
		return nil
	}
	who := c.who.Load()
	if now := users.Generation(); now != who.generation {
		id, err := users.Refresh(who.Identity)
		if err != nil {
			return wire.Errorf(wire.ErrAuthRequired, "user %s was removed", who.Name())
		}
		c.who.Store(&login{Identity: id, generation: now, byPassword: who.byPassword})
	}
	return nil
}
