package main

import (
	"context"
	"errors"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
	"github.com/middb/middb/wire/server/users"
)

// localUsers are those of a database that is open here.
type localUsers struct{ *users.Store }

func options(force bool) []users.Option {
	if force {
		return []users.Option{users.Force}
	}
	return nil
}

func (u localUsers) list(context.Context) ([]users.User, error) { return u.List(), nil }

func (u localUsers) add(ctx context.Context, name, password string, grants []users.Grant, force bool) error {
	return u.Add(ctx, name, password, grants, options(force)...)
}

func (u localUsers) setPassword(ctx context.Context, name, password string) error {
	return u.SetPassword(ctx, name, password)
}

func (u localUsers) setGrants(ctx context.Context, name string, grants []users.Grant, force bool) error {
	return u.SetGrants(ctx, name, grants, options(force)...)
}

func (u localUsers) remove(ctx context.Context, name string, force bool) error {
	return u.Remove(ctx, name, options(force)...)
}

// rehearse changes the users of a database that is empty and forgotten afterwards. What fails there makes no new
// database on the disk.
func rehearse(change func(directory) error) error {
	db, err := engine.Spawn(engine.Config{Dir: "/rehearsal", FS: vfs.NewMem()})
	if err != nil {
		return err
	}
	defer db.Close()
	st, err := users.Open(db)
	if err != nil {
		return err
	}
	return change(localUsers{st})
}

// remoteUsers are those of a server.
type remoteUsers struct{ *client.Client }

var errForce = errors.New("--force is for --data-dir: a server does not lock all its admins out")

func (u remoteUsers) list(ctx context.Context) ([]users.User, error) {
	all, err := u.Users(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]users.User, len(all))
	for i, from := range all {
		out[i].Name = from.Name
		for _, g := range from.Grants {
			role, err := users.ParseRole(g.Role)
			if err != nil {
				return nil, err
			}
			out[i].Grants = append(out[i].Grants, users.Grant{Keyspace: g.Keyspace, Role: role})
		}
	}
	return out, nil
}

func wireGrants(grants []users.Grant) []wire.Grant {
	out := make([]wire.Grant, len(grants))
	for i, g := range grants {
		out[i] = wire.Grant{Keyspace: g.Keyspace, Role: g.Role.String()}
	}
	return out
}

func (u remoteUsers) add(ctx context.Context, name, password string, grants []users.Grant, force bool) error {
	if force {
		return errForce
	}
	return u.AddUser(ctx, name, password, wireGrants(grants)...)
}

func (u remoteUsers) setPassword(ctx context.Context, name, password string) error {
	return u.SetPassword(ctx, name, password)
}

func (u remoteUsers) setGrants(ctx context.Context, name string, grants []users.Grant, force bool) error {
	if force {
		return errForce
	}
	return u.SetGrants(ctx, name, wireGrants(grants)...)
}

func (u remoteUsers) remove(ctx context.Context, name string, force bool) error {
	if force {
		return errForce
	}
	return u.RemoveUser(ctx, name)
}
