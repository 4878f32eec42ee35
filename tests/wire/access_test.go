package wire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// TestRolesAllowWhatTheyShould has users of every role make every request, on a keyspace that they were given and on
// one that they were not.
func TestRolesAllowWhatTheyShould(t *testing.T) {
	const (
		nobody = iota
		reader
		writer
		admin
		everywhere // an admin of all keyspaces
	)
	s := newServer(t)
	middb(t, "pw\n", "user", "add", "root", "--data-dir", s.dir, "--role", "admin", "--password-stdin")
	s.start()
	root := openClient(t, "middb://root:pw@"+s.address)
	for _, k := range []string{"mine", "other"} {
		_, err := root.Keyspace(t.Context(), k, client.KeyspaceOptions{})
		check(t, err)
	}
	users := map[int]*peer{}
	for role, name := range map[int]string{nobody: "", reader: "read", writer: "write", admin: "admin"} {
		var grants []wire.Grant
		if name != "" {
			grants = []wire.Grant{{Keyspace: "mine", Role: name}}
		}
		user := fmt.Sprintf("user%d", role)
		check(t, root.AddUser(t.Context(), user, "pw", grants...))
		users[role] = logIn(t, s, user)
	}
	users[everywhere] = logIn(t, s, "root")

	k, v := []byte("k"), []byte("v")
	id := wire.ID(1 << 40)
	for _, c := range []struct {
		name  string
		t     wire.Type
		body  func(keyspace string) message
		least int // the role that may, in the keyspace; everywhere: it is not about one
	}{
		{"get", wire.TypeGet, func(ks string) message { return &wire.Get{Key: k, Keyspace: ks} }, reader},
		{"mget", wire.TypeMGet, func(ks string) message { return &wire.MGet{Keys: [][]byte{k}, Keyspace: ks} }, reader},
		{"count", wire.TypeCount, func(ks string) message { return &wire.Count{Keyspace: ks} }, reader},
		{"scan", wire.TypeScan, func(ks string) message { return &wire.Scan{Keyspace: ks} }, reader},
		{"put", wire.TypePut, func(ks string) message { return &wire.Put{Key: k, Value: v, Keyspace: ks} }, writer},
		{"delete", wire.TypeDel, func(ks string) message { return &wire.Del{Key: k, Keyspace: ks} }, writer},
		{"delete range", wire.TypeDelRange, func(ks string) message { return &wire.DelRange{Keyspace: ks} }, writer},
		{"merge", wire.TypeMerge, func(ks string) message { return &wire.Merge{Key: k, Operator: "append", Operand: v, Keyspace: ks} }, writer},
		{"batch", wire.TypeBatch, func(ks string) message {
			return &wire.Batch{Ops: []wire.Op{{Kind: wire.OpPut, Key: k, Value: v}}, Keyspace: ks}
		}, writer},
		{"batch that names it", wire.TypeBatch, func(ks string) message {
			return &wire.Batch{Ops: []wire.Op{{Kind: wire.OpDelete, Key: k, Keyspace: ks}}, Keyspace: "mine"}
		}, writer},
		{"compact", wire.TypeCompact, func(ks string) message { return &wire.Compact{Keyspace: ks} }, admin},
		{"compact everything", wire.TypeCompact, func(string) message { return &wire.Compact{All: true} }, everywhere},
		{"flush", wire.TypeFlush, func(string) message { return nothing }, everywhere},
		{"sessions", wire.TypeSessions, func(string) message { return nothing }, everywhere},
		{"kill", wire.TypeKill, func(string) message { return id }, everywhere},
		{"users", wire.TypeUsers, func(string) message { return &wire.Users{Op: wire.OpList} }, everywhere},
		{"become admin", wire.TypeUsers, func(string) message {
			return &wire.Users{Op: wire.OpGrant, Name: "user2", Grants: []wire.Grant{{Keyspace: "mine", Role: "write"}}}
		}, everywhere},
		{"somebody's password", wire.TypeUsers, func(string) message { return &wire.Users{Op: wire.OpPasswd, Name: "root", Password: "pw"} }, everywhere},
	} {
		for role, p := range users {
			for _, ks := range []string{"mine", "other", "middb.users"} {
				allowed := role >= c.least && (ks == "mine" || c.least == everywhere) || role == everywhere
				if ks == "middb.users" && c.least < everywhere && role == everywhere {
					continue // what the owner of everything may do to it is another matter
				}
				err := p.ask(c.t, c.body(ks))
				if allowed && err != nil || !allowed && !errors.Is(err, wire.ErrPermissionDenied) {
					t.Errorf("%s in %s, role %d: %v; allowed: %v", c.name, ks, role, err, allowed)
				}
			}
		}
	}
	s.terminate()
}

func logIn(t *testing.T, s *server, user string) *peer {
	t.Helper()
	a, err := newAccount(user, "pw")
	check(t, err)
	p, err := connect("tcp", s.address)
	check(t, err)
	t.Cleanup(func() { p.Close() })
	check(t, p.login(a, wire.Hello{}))
	return p
}

// ask makes a request, and reads the replies to the end.
func (p *peer) ask(t wire.Type, m message) error {
	p.append(t, 0, m)
	if err := p.flush(); err != nil {
		return err
	}
	for {
		f, err := p.next()
		if err != nil {
			return err
		}
		if f.Type == wire.TypeError {
			e, err := wire.DecodeError(f.Body)
			return errors.Join(err, e)
		}
		if !f.Flags.Has(wire.More) {
			return nil
		}
	}
}
