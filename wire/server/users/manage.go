package users

import (
	"context"

	"github.com/middb/middb/wire"
)

// Manage carries out a USERS request for somebody who may make it, and returns the users if it asks for them.
// Nobody can be forced out over the network: see Force.
func (s *Store) Manage(ctx context.Context, m *wire.Users) ([]wire.User, error) {
	switch m.Op {
	case wire.OpList:
		var out []wire.User
		for _, u := range s.List() {
			out = append(out, wire.User{Name: u.Name, Grants: toWire(u.Grants)})
		}
		return out, nil
	case wire.OpAdd:
		grants, err := fromWire(m.Grants)
		if err != nil {
			return nil, err
		}
		return nil, s.Add(ctx, m.Name, m.Password, grants)
	case wire.OpPasswd:
		return nil, s.SetPassword(ctx, m.Name, m.Password)
	case wire.OpGrant:
		grants, err := fromWire(m.Grants)
		if err != nil {
			return nil, err
		}
		return nil, s.SetGrants(ctx, m.Name, grants)
	case wire.OpRemove:
		return nil, s.Remove(ctx, m.Name)
	default:
		return nil, wire.Errorf(wire.ErrInvalidArgument, "USERS does not know %q; it is list, add, passwd, grant or remove", m.Op)
	}
}

func toWire(grants []Grant) []wire.Grant {
	out := make([]wire.Grant, len(grants))
	for i, g := range grants {
		out[i] = wire.Grant{Keyspace: g.Keyspace, Role: g.Role.String()}
	}
	return out
}

func fromWire(grants []wire.Grant) ([]Grant, error) {
	out := make([]Grant, len(grants))
	for i, g := range grants {
		role, err := ParseRole(g.Role)
		if err != nil {
			return nil, err
		}
		out[i] = Grant{g.Keyspace, role}
	}
	return out, nil
}
