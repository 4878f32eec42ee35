package users

import (
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// A Role is what somebody may do in a keyspace. Each role includes the ones before it.
type Role uint8

// The roles. Admin in a keyspace is for dropping and compacting it; Admin in All is for the server as a whole:
// users, sessions, and keyspaces whose names begin with "middb.".
const (
	Read Role = iota + 1
	Write
	Admin
)

var roleNames = [...]string{Read: "read", Write: "write", Admin: "admin"}

// ParseRole returns the role with a name.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roleNames[:], name); i >= int(Read) {
		return Role(i), nil
	}
	return 0, wire.Errorf(wire.ErrInvalidArgument, "there is no role %q; it is read, write or admin", name)
}

// String returns the name of the role.
func (r Role) String() string {
	if r.valid() {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint8(r))
}

func (r Role) valid() bool { return r >= Read && r <= Admin }

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRole(string(text))
	return err
}

// All stands for every keyspace in a Grant, those to come included, and in May for the server as a whole.
const All = "*"

// A Grant is a role in a keyspace, or in All.
type Grant struct {
	Keyspace string `json:"keyspace"`
	Role     Role   `json:"role"`
}

// maxGrants bounds the grants of a user.
const maxGrants = 1000

// checkGrants returns the grants in order of their keyspaces, or what is wrong with them.
func checkGrants(grants []Grant) ([]Grant, error) {
	if len(grants) > maxGrants {
		return nil, wire.Errorf(wire.ErrInvalidArgument, "%d grants are too many for a user; %d are allowed", len(grants), maxGrants)
	}
	grants = slices.Clone(grants)
	slices.SortFunc(grants, func(a, b Grant) int { return strings.Compare(a.Keyspace, b.Keyspace) })
	for i, g := range grants {
		switch {
		case !g.Role.valid():
			return nil, wire.Errorf(wire.ErrInvalidArgument, "the grant for keyspace %q has no role; it is read, write or admin", g.Keyspace)
		case g.Keyspace == "" || len(g.Keyspace) > engine.MaxKeyspaceNameBytes:
			return nil, wire.Errorf(wire.ErrInvalidArgument, "a grant names a keyspace of %d bytes; it has 1 to %d, or is * for all",
				len(g.Keyspace), engine.MaxKeyspaceNameBytes)
		case reserved(g.Keyspace):
			return nil, wire.Errorf(wire.ErrInvalidArgument, "nobody can be given keyspace %q alone: it is the server's own, for admins of * only", g.Keyspace)
		case i > 0 && grants[i-1].Keyspace == g.Keyspace:
			return nil, wire.Errorf(wire.ErrInvalidArgument, "keyspace %q is granted twice", g.Keyspace)
		}
	}
	return grants, nil
}

// reserved reports whether a keyspace is the server's own.
func reserved(keyspace string) bool { return strings.HasPrefix(keyspace, "middb.") }

// An Identity is who a session is and what it may do. It never changes; see Store.Refresh.
type Identity struct {
	name   string
	id     string // which of the users that had the name in the course of time
	all    Role   // in every keyspace
	grants map[string]Role
}

// Who may do everything without being a user. They have no name.
var (
	// Superuser is who shares the server's account on the machine.
	Superuser = &Identity{all: Admin}
	// Anonymous is everybody while there are no users; see Store.Refresh.
	Anonymous = &Identity{all: Admin}
)

func newIdentity(name, id string, grants []Grant) *Identity {
	out := &Identity{name: name, id: id, grants: make(map[string]Role, len(grants))}
	for _, g := range grants {
		out.grants[g.Keyspace] = g.Role
	}
	out.all = out.grants[All]
	return out
}

// Name returns the name of the user, which is empty for Superuser and Anonymous.
func (id *Identity) Name() string { return id.name }

// May returns nil if the identity has the role, or one that includes it, in a keyspace or, for All, in every
// keyspace. Otherwise it returns a *wire.Error, PERMISSION_DENIED, that says what is missing. Keyspaces whose
// names begin with "middb." are for admins of All, and the keyspace of the users is for reading only.
func (id *Identity) May(role Role, keyspace string) error {
	if reserved(keyspace) {
		if keyspace == Keyspace && role > Read {
			return wire.Errorf(wire.ErrPermissionDenied, "keyspace %s is changed through the commands for users only", keyspace)
		}
		role = Admin
	} else if id.grants[keyspace] >= role {
		return nil
	}
	if id.all >= role {
		return nil
	}
	return wire.Errorf(wire.ErrPermissionDenied, "user %s needs the role %v in %s", id.name, role, where(keyspace))
}

func where(keyspace string) string {
	if keyspace == All || reserved(keyspace) {
		return "all keyspaces (*)"
	}
	return "keyspace " + keyspace
}
