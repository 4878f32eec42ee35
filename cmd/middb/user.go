package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/server/users"
)

// user returns the commands that say who may log in to a server of a database.
func (p *program) user() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "say who may log in to a server, and what they may do",
		Long: `Users are kept in the database, for middb server. Once there is one, who connects
over the network has to log in.

A role is read, write or admin, each with what the one before may do; in one
keyspace, or in all (*). An admin of all keyspaces may change users, too.

These commands work on the directory of a database that no server has open, or with
--server on a server, for its admins. There they are asked for their own password,
unless MIDDB_PASSWORD has it.`,
		Example: `  middb user add ada --data-dir ./mydb --role admin
  middb user list --data-dir ./mydb
  middb user list --server db.example:7878 --user ada`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.userAdd(), p.userPasswd(), p.userGrant(), p.userRemove(), p.userList())
	return cmd
}

// A directory is where users are: in a database that is open here, or on a server.
type directory interface {
	list(context.Context) ([]users.User, error)
	add(ctx context.Context, name, password string, grants []users.Grant, force bool) error
	setPassword(ctx context.Context, name, password string) error
	setGrants(ctx context.Context, name string, grants []users.Grant, force bool) error
	remove(ctx context.Context, name string, force bool) error
}

// withUsers opens the users of the database that --data-dir names, or of a server, and runs use.
func (p *program) withUsers(ctx context.Context, r *remote, a access, use func(directory) error) error {
	if r.server != "" {
		c, err := p.connect(ctx, r, 0)
		if err != nil {
			return err
		}
		defer c.Close()
		return failed(use(remoteUsers{c}))
	}
	dir, err := p.usersDir(r)
	if err != nil {
		return err
	}
	return p.with(dir, a, engine.Sync, func(db *engine.DB) error {
		st, err := users.Open(db)
		if err != nil {
			return err
		}
		return use(localUsers{st})
	})
}

// usersDir returns the directory that --data-dir names; it must, unless there is a server.
func (p *program) usersDir(r *remote) (string, error) {
	if err := r.unused(); err != nil {
		return "", err
	}
	dir, err := p.dir(nil)
	if err != nil && r.server == "" {
		return "", fmt.Errorf("%w, or a server with --server HOST:PORT", err)
	}
	return dir, nil
}

// ok is the answer of a command that did what it was asked.
func (p *program) ok(err error) error {
	if err == nil {
		_, err = fmt.Fprintln(p.out, "OK")
	}
	return err
}

// roleFlags are the flags that say what a user may do.
type roleFlags struct {
	role      string
	keyspaces []string
	force     bool
}

const noRole = "none"

func (f *roleFlags) add(cmd *cobra.Command, roles string) {
	cmd.Flags().StringVar(&f.role, "role", "", "what the user may do: "+roles)
	cmd.Flags().StringArrayVar(&f.keyspaces, "keyspace", []string{users.All}, "in which keyspace; repeat it for several")
	forceFlag(cmd, &f.force)
}

func forceFlag(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVar(force, "force", false, "do it also if no admin of all keyspaces is left; not with --server")
}

// apply returns grants with those that the flags name.
func (f *roleFlags) apply(grants []users.Grant) ([]users.Grant, error) {
	grants = slices.DeleteFunc(slices.Clone(grants), func(g users.Grant) bool { return slices.Contains(f.keyspaces, g.Keyspace) })
	if f.role == noRole {
		return grants, nil
	}
	role, err := users.ParseRole(f.role)
	for _, k := range f.keyspaces {
		grants = append(grants, users.Grant{Keyspace: k, Role: role})
	}
	return grants, err
}

func (p *program) userAdd() *cobra.Command {
	var f roleFlags
	var r remote
	var stdin bool
	cmd := &cobra.Command{
		Use:   "add NAME --data-dir DIR --role ROLE",
		Short: "add a user",
		Long: `Add a user. The password is asked for on a terminal, or is the first line of standard
input with --password-stdin. The first user has to be an admin of all keyspaces.
DIR is made if it does not exist, so that a server can start with users.`,
		Example: `  middb user add ada --data-dir ./mydb --role admin
  middb user add app --data-dir ./mydb --role write --keyspace orders --keyspace users
  printf '%s\n' "$PASSWORD" | middb user add app --data-dir ./mydb --role read --password-stdin`,
		Args: exactly("the NAME of a user", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.role == "" || f.role == noRole {
				return errors.New("what the user may do is missing; say it with --role read, write or admin")
			}
			grants, err := f.apply(nil)
			if err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			if _, err = p.usersDir(&r); err != nil {
				return err
			}
			password, err := p.newPassword(args[0], stdin)
			if err != nil {
				return err
			}
			add := func(d directory) error { return d.add(cmd.Context(), args[0], password, grants, f.force) }
			err = p.withUsers(cmd.Context(), &r, writing, add)
			if errors.Is(err, engine.ErrDatabaseMissing) {
				if err = failed(rehearse(add)); err == nil {
					err = p.withUsers(cmd.Context(), &r, creating, add)
				}
			}
			if err != nil {
				return err
			}
			return failed(p.ok(nil))
		},
	}
	f.add(cmd, "read, write or admin")
	passwordFlag(cmd, &stdin)
	r.placeFlags(cmd, "")
	return cmd
}

func (p *program) userPasswd() *cobra.Command {
	var r remote
	var stdin bool
	cmd := &cobra.Command{
		Use:   "passwd NAME --data-dir DIR",
		Short: "change a user's password",
		Long:  `Change a user's password. On a server everybody may change their own.`,
		Example: `  middb user passwd ada --data-dir ./mydb
  middb user passwd ada --server db.example:7878 --user ada
  printf '%s\n' "$PASSWORD" | middb user passwd ada --data-dir ./mydb --password-stdin`,
		Args: exactly("the NAME of a user", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := p.usersDir(&r); err != nil {
				return err
			}
			password, err := p.newPassword(args[0], stdin)
			if err != nil {
				return err
			}
			return p.withUsers(cmd.Context(), &r, writing, func(d directory) error {
				return p.ok(d.setPassword(cmd.Context(), args[0], password))
			})
		},
	}
	passwordFlag(cmd, &stdin)
	r.placeFlags(cmd, "")
	return cmd
}

func (p *program) userGrant() *cobra.Command {
	var f roleFlags
	var r remote
	cmd := &cobra.Command{
		Use:   "grant NAME --data-dir DIR --role ROLE",
		Short: "change what a user may do",
		Long: `Give a user another role in some keyspaces, or with --role none take it away. What
the user may do in others stays; a role in all keyspaces (*) holds beside those in
single ones.`,
		Example: `  middb user grant app --data-dir ./mydb --role read --keyspace logs
  middb user grant app --data-dir ./mydb --role none --keyspace orders
  middb user grant ada --data-dir ./mydb --role admin`,
		Args: exactly("the NAME of a user", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.role == "" {
				return errors.New("what the user may do is missing; say it with --role read, write, admin or none")
			}
			if _, err := f.apply(nil); err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			return p.withUsers(cmd.Context(), &r, writing, func(d directory) error { return p.ok(grant(cmd.Context(), d, args[0], f)) })
		},
	}
	f.add(cmd, "read, write, admin, or none for nothing")
	r.flags(cmd, "")
	return cmd
}

func grant(ctx context.Context, d directory, name string, f roleFlags) error {
	list, err := d.list(ctx)
	if err != nil {
		return err
	}
	var grants []users.Grant
	for _, u := range list {
		if u.Name == name {
			grants = u.Grants
		}
	}
	if grants, err = f.apply(grants); err != nil {
		return err
	}
	return d.setGrants(ctx, name, grants, f.force)
}

func (p *program) userRemove() *cobra.Command {
	var r remote
	var force bool
	cmd := &cobra.Command{
		Use:     "remove NAME --data-dir DIR",
		Short:   "remove a user",
		Example: `  middb user remove app --data-dir ./mydb`,
		Args:    exactly("the NAME of a user", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withUsers(cmd.Context(), &r, writing, func(d directory) error {
				if err := d.remove(cmd.Context(), args[0], force); err != nil {
					return err
				}
				if force {
					if left, err := d.list(cmd.Context()); err == nil && len(left) == 0 {
						fmt.Fprintln(p.err, "middb: there are no users now: nobody has to log in, and everybody may do everything")
					}
				}
				return p.ok(nil)
			})
		},
	}
	forceFlag(cmd, &force)
	r.flags(cmd, "")
	return cmd
}

func (p *program) userList() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "list --data-dir DIR",
		Short: "list the users and what they may do",
		Example: `  middb user list --data-dir ./mydb
  middb user list --server db.example:7878 --user ada`,
		Args: none(""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withUsers(cmd.Context(), &r, reading, func(d directory) error {
				list, err := d.list(cmd.Context())
				if err != nil {
					return err
				}
				return userTable(list).Write(p.out, isTerminal(p.out))
			})
		},
	}
	r.flags(cmd, "")
	return cmd
}

// userTable has a row for each grant, and one for a user without any.
func userTable(list []users.User) shell.Table {
	t := shell.Table{Columns: []string{"user", "role", "keyspace"}}
	for _, u := range list {
		for _, g := range u.Grants {
			t.Rows = append(t.Rows, []any{u.Name, g.Role.String(), g.Keyspace})
		}
		if len(u.Grants) == 0 {
			t.Rows = append(t.Rows, []any{u.Name, noRole, "-"})
		}
	}
	return t
}
