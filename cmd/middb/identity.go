package main

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/middb/middb/wire/server/peercred"
	"github.com/middb/middb/wire/server/resp"
	"github.com/middb/middb/wire/server/tlsconf"
	"github.com/middb/middb/wire/server/users"
)

// accounts tells the servers of both protocols who their clients are. They share one store.
type accounts struct {
	*users.Store
	required bool // log in also while there are no users
	unixAuth bool // also our own account, on a Unix socket
	timeout  time.Duration
}

// identify returns who is at the other end of a connection without having said so: our own account on a Unix
// socket, the user of a certificate, or anybody while there are no users. It returns nil for those who have to
// log in. The handshake of TLS must be over.
func (a *accounts) identify(nc net.Conn) (*users.Identity, error) {
	if !a.unixAuth && peercred.Trusted(nc) {
		return users.Superuser, nil
	}
	if t, ok := nc.(*tls.Conn); ok {
		if name := tlsconf.PeerName(t.ConnectionState()); name != "" {
			if id, err := a.Lookup(name); err == nil {
				return id, nil
			}
		}
	}
	if a.open() {
		return users.Anonymous, nil
	}
	return nil, nil
}

// open reports whether everybody may do everything.
func (a *accounts) open() bool { return !a.required && !a.Any() }

// respAccounts are the accounts as the server of Redis' protocol wants them.
type respAccounts struct{ *accounts }

// respDefault is what Redis calls those without a name.
const respDefault = "default"

// A respIdentity is an identity whose name is never empty.
type respIdentity struct{ *users.Identity }

func (id respIdentity) Name() string {
	if name := id.Identity.Name(); name != "" {
		return name
	}
	return respDefault
}

// roles are those of the store for those of RESP.
var roles = map[resp.Role]users.Role{resp.Read: users.Read, resp.Write: users.Write, resp.Admin: users.Admin}

func (id respIdentity) May(role resp.Role, keyspace string) error {
	if role == resp.Anyone {
		return nil
	}
	return id.Identity.May(roles[role], keyspace)
}

// Open implements resp.Authenticator.
func (a respAccounts) Open() bool { return a.open() }

func (a respAccounts) Authenticate(ctx context.Context, from net.Addr, name, password string) (resp.Identity, error) {
	if name == respDefault && a.open() {
		return respIdentity{users.Anonymous}, nil
	}
	id, err := a.accounts.Authenticate(ctx, users.Origin(from), name, password)
	if err != nil {
		return nil, err
	}
	return respIdentity{id}, nil
}

func (a respAccounts) Refresh(of resp.Identity) (resp.Identity, error) {
	id, err := a.accounts.Refresh(of.(respIdentity).Identity)
	if err != nil {
		return nil, err
	}
	return respIdentity{id}, nil
}

// Peer is identify for a connection whose handshake of TLS is yet to come.
func (a respAccounts) Peer(nc net.Conn) resp.Identity {
	if t, ok := nc.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(context.Background(), a.timeout)
		defer cancel()
		if t.HandshakeContext(ctx) != nil {
			return nil // the next read has the error
		}
	}
	if id, err := a.identify(nc); err == nil && id != nil {
		return respIdentity{id}
	}
	return nil
}
