package users

import (
	"context"
	"strings"
	"time"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/wire"
)

// Mechanism is the name of what a Conversation speaks.
const Mechanism = "SCRAM-SHA-256"

// find returns the user with a name as it came from outside, prepared, and the credentials to check a password
// against. Of somebody unknown, u is nil and the credentials are a decoy.
func (s *Store) find(given string) (name string, u *user, c credentials) {
	name, err := prepareName(given)
	if err != nil {
		name = given
	}
	st := s.state.Load()
	c = decoy(st.secret, name, s.iterations) // for everybody, so that it takes the same time
	if u = st.users[name]; u != nil {
		c = u.record.Credentials
	}
	return name, u, c
}

// current returns who u is by now, or nil if the user was removed or has another password.
func (s *Store) current(u *user, c credentials) *Identity {
	if u == nil {
		return nil
	}
	now := s.state.Load().users[u.name]
	if now == nil || now.identity.id != u.identity.id || string(now.record.Credentials.StoredKey) != string(c.StoredKey) {
		return nil
	}
	return now.identity
}

// loginFailed is the answer to everybody who is not let in.
func loginFailed() error {
	return wire.Errorf(wire.ErrAuthFailed, "the user or the password is wrong")
}

func tooManyFailures(wait time.Duration) error {
	return wire.Errorf(wire.ErrAuthFailed, "too many logins of this user from here have failed; the next can be tried in %v",
		(wait + time.Second - 1).Truncate(time.Second))
}

// Authenticate returns who logs in with a name and a plain password, which should come over TLS or a Unix
// socket. From is the Origin of the connection. The error is AUTH_FAILED, the same for an unknown user and a
// wrong password and after the same work; or the cause of ctx, when that ends before it is this one's turn:
// one password is checked at a time, so that logins do not take all cores.
func (s *Store) Authenticate(ctx context.Context, from, name, password string) (*Identity, error) {
	name, u, c := s.find(name)
	prepared, err := preparePassword(password)
	if err != nil {
		prepared = "" // nobody has it; it costs the same
	}
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var id *Identity
	wait := s.failures.tryLong([2]string{from, name}, s.clock(), func() bool {
		var right bool
		if right, err = c.match(prepared); right {
			id = s.current(u, c)
		}
		return id != nil
	})
	switch {
	case wait > 0:
		return nil, tooManyFailures(wait)
	case id == nil:
		return nil, loginFailed()
	default:
		return id, nil
	}
}

// A Conversation is the server's side of one login with SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel
// binding. It is for one goroutine.
type Conversation struct {
	store *Store
	from  string
	scram *scram.ServerConversation

	name        string
	user        *user
	credentials credentials
	steps       int
	identity    *Identity
}

// Conversation begins a login from an Origin.
func (s *Store) Conversation(from string) *Conversation {
	c := &Conversation{store: s, from: from}
	// Neither of the two has an error to return.
	server, _ := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		c.name, c.user, c.credentials = s.find(name)
		return c.credentials.stored(), nil
	})
	if s.nonce != nil {
		server.WithNonceGenerator(s.nonce)
	}
	c.scram = server.NewConversation()
	return c
}

// maxMessageBytes bounds what a client says in one step.
const maxMessageBytes = 8 << 10

// Step takes what the client says, first its client-first-message, then its client-final-message, and returns
// what to answer. After the second one done is true and Identity says who it is. The error, AUTH_FAILED or
// BAD_MESSAGE, ends the conversation.
func (c *Conversation) Step(in []byte) (out []byte, done bool, err error) {
	c.steps++
	if c.steps > 2 {
		return nil, true, wire.Errorf(wire.ErrBadMessage, "the login has ended; begin another one")
	}
	if len(in) > maxMessageBytes {
		c.steps = 2
		return nil, true, wire.Errorf(wire.ErrBadMessage, "a message of %d bytes is too long for SCRAM", len(in))
	}
	if c.steps == 1 {
		return c.first(string(in))
	}
	return c.final(string(in))
}

func (c *Conversation) first(in string) ([]byte, bool, error) {
	out, err := c.scram.Step(in)
	if err != nil {
		c.steps = 2
		return nil, true, wire.Errorf(wire.ErrBadMessage, "not a SCRAM client-first-message: %v", err)
	}
	if as := c.scram.AuthzID(); as != "" && as != c.scram.Username() {
		c.steps = 2
		return nil, true, wire.Errorf(wire.ErrAuthFailed, "a user can log in for nobody else; leave the authorization identity out")
	}
	return []byte(out), false, nil
}

func (c *Conversation) final(in string) ([]byte, bool, error) {
	var out string
	var err error
	wait := c.store.failures.try([2]string{c.from, c.name}, c.store.clock(), func() bool {
		if out, err = c.scram.Step(in); err == nil && c.scram.Valid() {
			c.identity = c.store.current(c.user, c.credentials)
		}
		return c.identity != nil
	})
	switch {
	case wait > 0:
		return nil, true, tooManyFailures(wait)
	case c.identity == nil && err != nil && !strings.HasPrefix(out, "e="):
		return nil, true, wire.Errorf(wire.ErrBadMessage, "not a SCRAM client-final-message: %v", err)
	case c.identity == nil:
		return nil, true, loginFailed()
	default:
		return []byte(out), true, nil
	}
}

// Identity returns who has logged in, or nil while nobody has.
func (c *Conversation) Identity() *Identity { return c.identity }
