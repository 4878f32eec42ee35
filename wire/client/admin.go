package client

import (
	"context"

	"github.com/middb/middb/wire"
)

// The administration of sessions and users. It needs the role admin, but for one's own password.

// Sessions lists the connections to the server.
func (c *Client) Sessions(ctx context.Context) (sessions []wire.Session, err error) {
	err = c.ask(ctx, wire.TypeSessions, nil, repeatable, func(body []byte) error {
		sessions, err = wire.DecodeList[wire.Session](body)
		return err
	})
	return sessions, err
}

// Kill ends a session, with its transactions and requests. It reports whether there was one of that number.
func (c *Client) Kill(ctx context.Context, session uint64) (was bool, err error) {
	err = c.ask(ctx, wire.TypeKill, wire.ID(session), once, func(body []byte) error {
		d := wire.NewDecoder(body)
		was = d.Bool("the reply to KILL")
		return d.Err()
	})
	return was, err
}

// Users lists the users.
func (c *Client) Users(ctx context.Context) (users []wire.User, err error) {
	err = c.ask(ctx, wire.TypeUsers, &wire.Users{Op: wire.OpList}, repeatable, func(body []byte) error {
		users, err = wire.DecodeList[wire.User](body)
		return err
	})
	return users, err
}

// AddUser makes a user. The password goes to the server, which keeps what it can check it by: use TLS.
func (c *Client) AddUser(ctx context.Context, name, password string, grants ...wire.Grant) error {
	return c.users(ctx, &wire.Users{Op: wire.OpAdd, Name: name, Password: password, Grants: grants})
}

// SetPassword changes the password of a user.
func (c *Client) SetPassword(ctx context.Context, name, password string) error {
	return c.users(ctx, &wire.Users{Op: wire.OpPasswd, Name: name, Password: password})
}

// SetGrants changes what a user may do: the grants take the place of those that there were.
func (c *Client) SetGrants(ctx context.Context, name string, grants ...wire.Grant) error {
	return c.users(ctx, &wire.Users{Op: wire.OpGrant, Name: name, Grants: grants})
}

// RemoveUser removes a user.
func (c *Client) RemoveUser(ctx context.Context, name string) error {
	return c.users(ctx, &wire.Users{Op: wire.OpRemove, Name: name})
}

func (c *Client) users(ctx context.Context, m *wire.Users) error {
	return c.ask(ctx, wire.TypeUsers, m, once, nil)
}
